//! Where the running kernel keeps what is asked of a dropped packet, and what it calls its reasons.

use std::collections::BTreeMap;

use super::btf::{Btf, BtfError};

/// Offsets in bytes from the beginning of the structure in each name's first part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub skb_head: usize,
    pub skb_data: usize,
    /// The packet's last linear byte, counted from `head`.
    pub skb_tail: usize,
    /// Counted from `head` too.
    pub skb_network_header: usize,
    pub skb_protocol: usize,
    pub skb_dev: usize,
    pub skb_sk: usize,
    pub skb_dst: usize,
    pub dst_dev: usize,
    pub dev_net: usize,
    pub dev_link_ops: usize,
    pub link_ops_kind: usize,
    pub sk_net: usize,
    pub net_number: usize,
}

/// The names of the kernel's reasons, without `SKB_DROP_REASON_`.
pub(super) type Names = BTreeMap<u32, String>;

/// Looks everything up.
pub(super) fn look(btf: &Btf<'_>) -> Result<(Layout, Names), BtfError> {
    // Where positions are pointers instead of numbers (32-bit machines), the program would be wrong.
    for (field, size) in [("tail", 4), ("network_header", 2), ("protocol", 2)] {
        if btf.size("sk_buff", field)? != size {
            return Err(BtfError::Missing(format!(
                "sk_buff.{field} of {size} bytes"
            )));
        }
    }
    let layout = Layout {
        skb_head: btf.offset("sk_buff", "head")?,
        skb_data: btf.offset("sk_buff", "data")?,
        skb_tail: btf.offset("sk_buff", "tail")?,
        skb_network_header: btf.offset("sk_buff", "network_header")?,
        skb_protocol: btf.offset("sk_buff", "protocol")?,
        skb_dev: btf.offset("sk_buff", "dev")?,
        skb_sk: btf.offset("sk_buff", "sk")?,
        skb_dst: btf.offset("sk_buff", "_skb_refdst")?,
        dst_dev: btf.offset("dst_entry", "dev")?,
        dev_net: btf.offset("net_device", "nd_net.net")?,
        dev_link_ops: btf.offset("net_device", "rtnl_link_ops")?,
        link_ops_kind: btf.offset("rtnl_link_ops", "kind")?,
        sk_net: btf.offset("sock_common", "skc_net.net")?,
        net_number: btf.offset("net", "ns.inum")?,
    };
    let names = btf.values("skb_drop_reason")?.into_iter();
    let names = names.map(|(value, name)| {
        let short = name.strip_prefix("SKB_DROP_REASON_").unwrap_or(name);
        (value, short.to_owned())
    });
    Ok((layout, names.collect()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_running_kernel_describes_what_is_needed() {
        let Ok(types) = std::fs::read(super::super::permission::TYPES) else {
            eprintln!("not tested: this kernel does not describe its types");
            return;
        };
        let btf = Btf::read(&types).unwrap();
        let (_, names) = look(&btf).unwrap();
        let names: BTreeSet<&str> = names.values().map(String::as_str).collect();
        // Those that every kernel with reasons has; the others came one by one.
        for name in ["NOT_SPECIFIED", "NO_SOCKET", "NETFILTER_DROP", "OTHERHOST"] {
            assert!(names.contains(name), "{name}");
        }
    }
}
