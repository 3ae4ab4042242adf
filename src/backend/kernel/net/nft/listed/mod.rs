//! Somebody else's rules, as the kernel lists them, in nft's words.
//!
//! | file | subject |
//! |---|---|
//! | `key.rs` | what a rule looks at: its name, and how its values are written |
//! | `set.rs` | what stands in a set |
//! | `statement.rs` | what a rule does |
//!
//! No decompiler of all that nft knows: a rule with a part that is not known here has no text, rather
//! than half of one. Every reader takes any bytes and never panics.

mod key;
mod set;
mod statement;

use std::collections::BTreeMap;

use netlink_bindings::nftables::{CmpOps, Registers};

use self::key::{Context, Key};
use crate::backend::kernel::net::wire;

pub(in crate::backend::kernel::net) use set::{Element, elements};

/// `NFTA_LIST_ELEM`, `NFTA_DATA_VALUE`, `NFTA_DATA_VERDICT`.
const LIST_ELEMENT: u16 = 1;
const DATA_VALUE: u16 = 1;
const DATA_VERDICT: u16 = 2;

/// An attribute's value.
fn attribute(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    wire::attributes(bytes).find_map(|(kind, value)| (kind == wanted).then_some(value))
}

/// A number attribute: nf_tables has them in network order.
fn number(bytes: &[u8], wanted: u16) -> Option<u32> {
    wire::take(attribute(bytes, wanted)?, 0).map(u32::from_be_bytes)
}

/// What a register holds.
#[derive(Clone)]
struct Loaded {
    key: Key,
    mask: Option<Vec<u8>>,
}

/// A rule being read.
struct Reading<'a> {
    words: Vec<Option<String>>,
    registers: BTreeMap<u32, Loaded>,
    context: Context,
    /// Where the words stand that the next ones may make superfluous: `meta nfproto ipv4` before
    /// `ip saddr`, `meta l4proto tcp` before `tcp dport`.
    family_words: Option<usize>,
    protocol_words: Option<usize>,
    /// The register that the expression before compared with a lower bound, and that bound.
    at_least: Option<(u32, String)>,
    set: &'a mut dyn FnMut(&str) -> Option<Vec<Element>>,
}

/// A rule's text: `tcp dport 80 drop`. `family` is that of its table, `expressions` the attribute
/// `NFTA_RULE_EXPRESSIONS`, `set` gives the elements of an unnamed set. None where it has a part that is
/// not known here.
pub(in crate::backend::kernel::net) fn rule_text(
    family: u8,
    expressions: &[u8],
    set: &mut dyn FnMut(&str) -> Option<Vec<Element>>,
) -> Option<String> {
    let mut reading = Reading {
        words: Vec::new(),
        registers: BTreeMap::new(),
        context: Context {
            is_ipv4: family == key::IPV4,
            protocol: None,
        },
        family_words: None,
        protocol_words: None,
        at_least: None,
        set,
    };
    for (kind, expression) in wire::attributes(expressions) {
        /// `NFTA_EXPR_NAME` and `NFTA_EXPR_DATA`.
        const NAME: u16 = 1;
        const DATA: u16 = 2;
        if kind != LIST_ELEMENT {
            continue;
        }
        let name = wire::string(attribute(expression, NAME)?);
        let data = attribute(expression, DATA).unwrap_or_default();
        reading.step(&name, data)?;
    }
    let words: Vec<String> = reading.words.into_iter().flatten().collect();
    Some(words.join(" "))
}

/// A rule's comment, out of the attribute `NFTA_RULE_USERDATA`, which is nft's own.
pub(in crate::backend::kernel::net) fn comment(mut userdata: &[u8]) -> Option<String> {
    /// `NFTNL_UDATA_RULE_COMMENT`.
    const COMMENT: u8 = 0;
    loop {
        let (kind, length) = (*userdata.first()?, usize::from(*userdata.get(1)?));
        let value = userdata.get(2..2 + length)?;
        if kind == COMMENT {
            return Some(wire::string(value));
        }
        userdata = &userdata[2 + length..];
    }
}

impl Reading<'_> {
    fn step(&mut self, name: &str, data: &[u8]) -> Option<()> {
        let at_least = self.at_least.take();
        match name {
            "meta" => self.load(number(data, 1)?, key::meta(number(data, 2)?)?),
            "ct" => {
                // The direction that some keys have is not shown.
                if attribute(data, 3).is_some() {
                    return None;
                }
                self.load(number(data, 1)?, key::ct(number(data, 2)?)?);
            }
            "payload" => {
                let field = [number(data, 2)?, number(data, 3)?, number(data, 4)?];
                let key = key::payload(field, self.context)?;
                if key.is_ipv4_only {
                    forget(&mut self.words, self.family_words.take());
                }
                if key.is_of_protocol {
                    forget(&mut self.words, self.protocol_words.take());
                }
                self.load(number(data, 1)?, key);
            }
            "bitwise" => {
                let value = |wanted| attribute(attribute(data, wanted)?, DATA_VALUE);
                let (mask, xor) = (value(4)?, value(5)?);
                let mut loaded = self.registers.get(&number(data, 1)?)?.clone();
                if xor.iter().any(|byte| *byte != 0) || loaded.mask.is_some() {
                    return None;
                }
                loaded.mask = Some(mask.to_vec());
                self.registers.insert(number(data, 2)?, loaded);
            }
            "cmp" => {
                let value = attribute(attribute(data, 3)?, DATA_VALUE)?;
                self.compare(number(data, 1)?, number(data, 2)?, value, at_least)?;
            }
            "range" => {
                let value = |wanted| attribute(attribute(data, wanted)?, DATA_VALUE);
                let loaded = self.unmasked(number(data, 1)?)?;
                let op = if number(data, 2)? == 0 { "" } else { "!= " };
                let (from, to) = (loaded.value(value(3)?)?, loaded.value(value(4)?)?);
                let words = format!("{} {op}{from}-{to}", loaded.name);
                self.words.push(Some(words));
            }
            "lookup" => self.lookup(data)?,
            "immediate" => {
                /// The kernel's own register, for what becomes of the packet.
                const VERDICT: u32 = Registers::RegVerdict as u32;
                // Constants go into statements that are not known here.
                if number(data, 1)? != VERDICT {
                    return None;
                }
                let verdict = attribute(attribute(data, 2)?, DATA_VERDICT)?;
                self.words.push(Some(statement::verdict(verdict)?));
            }
            other => self.words.push(Some(statement::text(other, data)?)),
        }
        Some(())
    }

    fn load(&mut self, register: u32, key: Key) {
        self.registers.insert(register, Loaded { key, mask: None });
    }

    fn unmasked(&self, register: u32) -> Option<Key> {
        let loaded = self.registers.get(&register)?;
        loaded.mask.is_none().then(|| loaded.key.clone())
    }

    /// `at_least` is what the expression before said, if that was a lower bound: nft makes two of a
    /// range.
    fn compare(
        &mut self,
        register: u32,
        op: u32,
        value: &[u8],
        at_least: Option<(u32, String)>,
    ) -> Option<()> {
        let loaded = self.registers.get(&register)?.clone();
        let key = &loaded.key;
        let is_equal = op == CmpOps::Eq as u32;
        let sign = match CmpOps::from_value(op.into())? {
            CmpOps::Eq => "",
            CmpOps::Neq => "!= ",
            CmpOps::Lt => "< ",
            CmpOps::Lte => "<= ",
            CmpOps::Gt => "> ",
            CmpOps::Gte => ">= ",
        };
        let words = match &loaded.mask {
            None => format!("{} {sign}{}", key.name, key.value(value)?),
            Some(mask) => key.masked(mask, op, value)?,
        };
        if loaded.mask.is_none() && op == CmpOps::Gte as u32 {
            self.at_least = Some((register, key.value(value)?));
        }
        if let Some((of, from)) = at_least
            && of == register
            && loaded.mask.is_none()
            && op == CmpOps::Lte as u32
        {
            let range = format!("{} {from}-{}", key.name, key.value(value)?);
            *self.words.last_mut()? = Some(range);
            return Some(());
        }
        let at = self.words.len();
        self.words.push(Some(words));
        if loaded.mask.is_none() && is_equal {
            if key.is_family && value == [key::IPV4] {
                self.context.is_ipv4 = true;
                self.family_words = Some(at);
            }
            if key.is_protocol {
                self.context.protocol = value.first().copied();
                self.protocol_words = (key.name == "meta l4proto").then_some(at);
            }
        }
        Some(())
    }

    fn lookup(&mut self, data: &[u8]) -> Option<()> {
        let key = self.unmasked(number(data, 2)?)?;
        let name = wire::string(attribute(data, 1)?);
        let is_map = match number(data, 3) {
            None => false,
            Some(register) if register == Registers::RegVerdict as u32 => true,
            // A map to a value, for a statement that is not known here.
            Some(_) => return None,
        };
        let op = match (is_map, number(data, 5).unwrap_or(0) & 1) {
            (true, _) => "vmap ",
            (false, 0) => "",
            (false, _) => "!= ",
        };
        let members = if name.starts_with("__") {
            set::text(&key, &(self.set)(&name)?)?
        } else {
            format!("@{name}")
        };
        self.words.push(Some(format!("{} {op}{members}", key.name)));
        Some(())
    }
}

/// Takes back words that what follows says as well.
fn forget(words: &mut [Option<String>], at: Option<usize>) {
    if let Some(words) = at.and_then(|at| words.get_mut(at)) {
        *words = None;
    }
}

#[cfg(test)]
mod tests;
