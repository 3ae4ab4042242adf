//! What the fuzzer runs: what the kernel's own program reports, what the kernel says of its types, and its
//! lists of names and sockets.

use super::btf::Btf;
use super::layout::look;
use super::program::Record;
use super::symbols::nearest;

/// Any bytes as a record, a description of types, and a list of symbols.
pub fn drops(bytes: &[u8]) {
    if let Some(record) = Record::read(bytes) {
        assert!(record.packet.len() <= bytes.len());
        assert!(record.kind.len() <= 3 * 8);
        assert_eq!(Record::read(bytes).as_ref(), Some(&record));
    }
    if let Ok(btf) = Btf::read(bytes) {
        let found = look(&btf).map_err(|why| why.to_string());
        assert_eq!(found, look(&btf).map_err(|why| why.to_string()));
        let _ = btf.offset("a", "b.c");
        let _ = btf.size("a", "b");
        if let Ok(values) = btf.values("a") {
            assert!(values.len() <= bytes.len());
        }
    }
    let at = bytes.first_chunk().copied().map_or(0, u64::from_le_bytes);
    if let Some(name) = nearest(bytes, at) {
        assert!(name.contains("+0x"), "{name}");
    }
}
