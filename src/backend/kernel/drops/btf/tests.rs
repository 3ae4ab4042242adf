//! A description made by hand, and whatever bytes may come.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

/// A description in the making.
#[derive(Default)]
struct Maker {
    types: Vec<u8>,
    strings: Vec<u8>,
}

impl Maker {
    fn new() -> Self {
        Self {
            types: Vec::new(),
            strings: vec![0],
        }
    }

    fn words(&mut self, words: &[u32]) {
        for word in words {
            self.types.extend(word.to_ne_bytes());
        }
    }

    fn name(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return 0;
        }
        let at = u32::try_from(self.strings.len()).unwrap();
        self.strings.extend(name.as_bytes());
        self.strings.push(0);
        at
    }

    /// Kind, name, size or type, then members of so many words.
    fn kind(&mut self, kind: u32, name: &str, size_or_type: u32, count: usize) {
        let name = self.name(name);
        let count = u32::try_from(count).unwrap();
        self.words(&[name, kind << 24 | count, size_or_type]);
    }

    fn members(&mut self, kind: u32, name: &str, size: u32, members: &[(&str, u32, u32)]) {
        self.kind(kind, name, size, members.len());
        for (name, kind, bits) in members {
            let name = self.name(name);
            self.words(&[name, *kind, *bits]);
        }
    }

    fn finish(&self) -> Vec<u8> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
        let mut bytes = MAGIC.to_ne_bytes().to_vec();
        bytes.extend([1, 0]);
        for word in [
            24,
            0,
            length(&self.types),
            length(&self.types),
            length(&self.strings),
        ] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes.extend(&self.types);
        bytes.extend(&self.strings);
        bytes
    }
}

/// ```text
/// 1 int            4 typedef possible_net_t → 3
/// 2 struct net     5 union { int dev; int scratch; }
/// 3 struct { int: 32; net }      6 struct sk_buff { int len; union 5; possible_net_t nd_net }
/// 7 enum reason
/// ```
fn description() -> Vec<u8> {
    let mut maker = Maker::new();
    maker.kind(kind::INT, "int", 4, 0);
    maker.words(&[32]);
    maker.members(kind::STRUCT, "net", 8, &[("inum", 1, 32)]);
    maker.members(kind::STRUCT, "", 8, &[("pad", 1, 0), ("net", 2, 32)]);
    maker.kind(kind::TYPEDEF, "possible_net_t", 3, 0);
    maker.members(kind::UNION, "", 4, &[("dev", 1, 0), ("scratch", 1, 0)]);
    let members = [("len", 1, 0), ("", 5, 64), ("nd_net", 4, 128)];
    maker.members(kind::STRUCT, "sk_buff", 32, &members);
    maker.kind(kind::ENUM, "reason", 4, 2);
    for (name, value) in [("UNKNOWN", 2), ("NO_SOCKET", 3)] {
        let name = maker.name(name);
        maker.words(&[name, value]);
    }
    maker.finish()
}

#[test]
fn members_are_found_in_nameless_members_and_behind_further_names() {
    let bytes = description();
    let btf = Btf::read(&bytes).unwrap();
    assert_eq!(btf.offset("sk_buff", "len"), Ok(0));
    assert_eq!(btf.offset("sk_buff", "scratch"), Ok(8));
    assert_eq!(btf.offset("sk_buff", "nd_net.net"), Ok(20));
    assert_eq!(btf.offset("sk_buff", "nd_net.net.inum"), Ok(24));
    assert_eq!(btf.size("sk_buff", "dev"), Ok(4));
    let missing = |name: &str| Err(BtfError::Missing(name.into()));
    assert_eq!(btf.offset("sk_buff", "tail"), missing("sk_buff.tail"));
    assert_eq!(btf.offset("sock", "sk_net"), missing("struct sock"));
}

#[test]
fn nameless_members_of_one_another_are_looked_through_once() {
    let mut maker = Maker::new();
    let many = |kind: u32| [("", kind, 0); 100];
    maker.members(kind::STRUCT, "sk_buff", 8, &many(2));
    for next in 3..20 {
        maker.members(kind::STRUCT, "", 8, &many(next));
    }
    maker.members(kind::STRUCT, "", 8, &many(1));
    let bytes = maker.finish();
    let btf = Btf::read(&bytes).unwrap();
    // One hundred to the power of eighteen, otherwise.
    let missing = BtfError::Missing("sk_buff.dev".into());
    assert_eq!(btf.offset("sk_buff", "dev"), Err(missing));
}

#[test]
fn the_values_of_an_enumeration_have_names() {
    let bytes = description();
    let btf = Btf::read(&bytes).unwrap();
    let values = btf.values("reason").unwrap();
    assert_eq!(values, [(2, "UNKNOWN"), (3, "NO_SOCKET")].into());
    assert!(btf.values("net").is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(
        at in 0_usize..400,
        value in any::<u8>(),
        cut in 0_usize..400,
    ) {
        let mut bytes = description();
        let length = bytes.len();
        bytes[at % length] = value;
        bytes.truncate(length - cut % length);
        if let Ok(btf) = Btf::read(&bytes) {
            let _ = btf.offset("sk_buff", "nd_net.net.inum");
            let _ = btf.size("sk_buff", "dev");
            let _ = btf.values("reason");
        }
    }
}
