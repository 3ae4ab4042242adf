//! Whether this process may listen to the kernel's drops at all (`bpf(2)`, `capabilities(7)`).

use std::fs;

use crate::backend::kernel::features::Feature;

/// Where the kernel describes its types.
pub(super) const TYPES: &str = "/sys/kernel/btf/vmlinux";

/// What keeps a program off the tracepoint, as far as can be told without loading one.
pub fn missing() -> Option<&'static str> {
    if Feature::DropReasons.is_off() {
        return Some("it is turned off");
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .unwrap_or(0);
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let types = fs::exists(TYPES).unwrap_or(false);
    lacking(effective, &map, types)
}

/// Capabilities count only in the first user namespace, the one whose map is the identity.
fn lacking(effective: u64, uid_map: &str, types: bool) -> Option<&'static str> {
    const SYS_ADMIN: u32 = 21;
    const PERFMON: u32 = 38;
    const BPF: u32 = 39;
    let has = |capability: u32| effective >> capability & 1 == 1;
    let first = uid_map.split_whitespace().eq(["0", "0", "4294967295"]);
    if !first {
        Some("it needs privileges over the machine, and this is a user namespace")
    } else if !(has(SYS_ADMIN) || has(BPF) && has(PERFMON)) {
        Some("it needs the capabilities CAP_BPF and CAP_PERFMON")
    } else if !types {
        Some("the kernel does not describe its types (/sys/kernel/btf/vmlinux)")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "         0          0 4294967295\n";

    #[test]
    fn capabilities_count_in_the_first_user_namespace_only() {
        assert_eq!(lacking(u64::MAX, FIRST, true), None);
        assert!(lacking(u64::MAX, "0 1000 1\n", true).is_some());
        assert_eq!(lacking(1 << 38 | 1 << 39, FIRST, true), None);
        assert!(lacking(1 << 39, FIRST, true).is_some());
        assert!(lacking(u64::MAX, FIRST, false).is_some());
    }
}
