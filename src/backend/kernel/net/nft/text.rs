//! A filter as text, for people: what `nft list ruleset` would say of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write};
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use ipnet::Ipv4Net;

use super::expression::bit;
use super::interval::merged;
use crate::backend::kernel::net::nflog::{NFLOG_GROUP, SNAP_LENGTH};
use crate::network::{
    Chain, CtDirection, CtState, Family, Filter, HookPoint, IfName, Match, Protocol, Rule,
    Statement, Test,
};

/// The filter in nft's syntax; what nft can't say stands in comments.
pub fn text(filter: &Filter) -> String {
    let mut tables: BTreeMap<Family, Vec<(&str, &Chain)>> = BTreeMap::new();
    for (id, chain) in &filter.chains {
        tables.entry(id.family).or_default().push((&id.name, chain));
    }
    let mut out = String::new();
    for (family, chains) in tables {
        let family = match family {
            Family::Ip => "ip",
            Family::Arp => "arp",
        };
        line(&mut out, 0, format_args!("table {family} canal {{"));
        for (name, chain) in chains {
            line(&mut out, 1, format_args!("chain {name} {{"));
            if let Some(hook) = &chain.hook {
                let (kind, point) = match hook.point {
                    HookPoint::Prerouting => ("filter", "prerouting"),
                    HookPoint::Input => ("filter", "input"),
                    HookPoint::Forward => ("filter", "forward"),
                    HookPoint::Output => ("filter", "output"),
                    HookPoint::Postrouting => ("filter", "postrouting"),
                    HookPoint::NatPrerouting => ("nat", "prerouting"),
                    HookPoint::NatPostrouting => ("nat", "postrouting"),
                };
                let priority = hook.priority;
                line(
                    &mut out,
                    2,
                    format_args!("type {kind} hook {point} priority {priority}; policy accept;"),
                );
            }
            for rule in &chain.rules {
                if let Some(rule) = rule_text(rule) {
                    line(&mut out, 2, format_args!("{rule}"));
                }
            }
            line(&mut out, 1, format_args!("}}"));
        }
        line(&mut out, 0, format_args!("}}"));
    }
    out
}

fn line(out: &mut String, depth: usize, text: std::fmt::Arguments<'_>) {
    // Writing to a string can't fail.
    let _ = writeln!(out, "{}{text}", "\t".repeat(depth));
}

/// A rule; none where it can't match anything.
fn rule_text(rule: &Rule) -> Option<String> {
    let mut words = Vec::new();
    for test in &rule.matches {
        let text = match_text(test)?;
        if !text.is_empty() {
            words.push(text);
        }
    }
    words.extend(rule.statements.iter().map(statement_text));
    Some(words.join(" "))
}

/// A test; empty where it always holds, none where it never does.
fn match_text(Match { negated, test }: &Match) -> Option<String> {
    let negated = *negated;
    let op = if negated { "!= " } else { "" };
    Some(match test {
        Test::Iif(dev) => format!("iifname {op}\"{dev}\""),
        Test::Oif(dev) => format!("oifname {op}\"{dev}\""),
        Test::IifIn(devs) => return names("iifname", devs, negated),
        Test::OifIn(devs) => return names("oifname", devs, negated),
        Test::Source(net) => return prefixes("ip saddr", &BTreeSet::from([*net]), negated, false),
        Test::Destination(net) => {
            return prefixes("ip daddr", &BTreeSet::from([*net]), negated, false);
        }
        Test::SourceIn(nets) => return prefixes("ip saddr", nets, negated, true),
        Test::DestinationIn(nets) => return prefixes("ip daddr", nets, negated, true),
        Test::ArpSenderIn(nets) => return prefixes("arp saddr ip", nets, negated, true),
        Test::ArpTargetIn(nets) => return prefixes("arp daddr ip", nets, negated, true),
        Test::Protocol(protocol) => format!("meta l4proto {op}{}", protocol_text(*protocol)),
        Test::SourcePort(ports) => return range("th sport", ports, negated),
        Test::DestinationPort(ports) => return range("th dport", ports, negated),
        Test::Length(bytes) => return range("ip length", bytes, negated),
        Test::IcmpType(number) => format!("icmp type {op}{number}"),
        Test::IcmpCode(number) => format!("icmp code {op}{number}"),
        Test::CtState(states) => {
            let mut states: Vec<CtState> = states.iter().copied().collect();
            states.sort_by_key(|state| bit(*state));
            let states: Vec<&str> = states.into_iter().map(state_text).collect();
            // None of them; "!=" would compare the whole.
            let op = if negated { "! " } else { "" };
            format!("ct state {op}{}", states.join(","))
        }
        Test::CtDirection(CtDirection::Original) => format!("ct direction {op}original"),
        Test::CtDirection(CtDirection::Reply) => format!("ct direction {op}reply"),
        Test::CtMark { mask, value } => {
            let op = if negated { "!=" } else { "==" };
            format!("ct mark & {mask:#010x} {op} {value:#010x}")
        }
        Test::DontFragment => {
            let op = if negated { "==" } else { "!=" };
            format!("ip frag-off & 0x4000 {op} 0x0")
        }
        Test::VxlanHeader => format!("@th,64,32 {op}0x8000000"),
        Test::VxlanVni(vni) => format!("@th,96,24 {op}{vni:#x}"),
        Test::ArpOperation(1) => format!("arp operation {op}request"),
        Test::ArpOperation(2) => format!("arp operation {op}reply"),
        Test::ArpOperation(number) => format!("arp operation {op}{number}"),
    })
}

fn statement_text(statement: &Statement) -> String {
    match statement {
        Statement::Log(label) => {
            let prefix = label.to_prefix().replace('"', "'");
            format!(
                "log prefix \"{prefix}\" group {NFLOG_GROUP} snaplen {SNAP_LENGTH} queue-threshold 1"
            )
        }
        Statement::Drop => "drop".into(),
        Statement::Accept => "accept".into(),
        Statement::Return => "return".into(),
        Statement::Jump(chain) => format!("jump {chain}"),
        Statement::CtMarkOr(bits) => format!("ct mark set ct mark | {bits:#010x}"),
        Statement::Snat(ip) => format!("snat to {ip}"),
        Statement::Dnat(ip) => format!("dnat to {ip}"),
        Statement::KeepTtl => "# ip ttl set ip ttl + 1 (ICMP, TCP, UDP)".into(),
        Statement::Notrack => "notrack".into(),
    }
}

fn names(key: &str, devs: &BTreeSet<IfName>, negated: bool) -> Option<String> {
    let devs: Vec<String> = devs.iter().map(|dev| format!("\"{dev}\"")).collect();
    set(key, &devs, negated)
}

/// A prefix, or a set of them: as intervals, the way the kernel has them.
fn prefixes(key: &str, nets: &BTreeSet<Ipv4Net>, negated: bool, braces: bool) -> Option<String> {
    let intervals = merged(nets);
    if intervals == [(0, u32::MAX)] {
        return (!negated).then(String::new);
    }
    let shown: Vec<String> = intervals.iter().map(|(a, b)| interval(*a, *b)).collect();
    match shown.as_slice() {
        [one] if !braces => Some(format!("{key} {}{one}", if negated { "!= " } else { "" })),
        shown => set(key, shown, negated),
    }
}

/// An interval: an address, a prefix where it is one, else its ends.
fn interval(first: u32, last: u32) -> String {
    let (a, b) = (Ipv4Addr::from_bits(first), Ipv4Addr::from_bits(last));
    if first == last {
        return a.to_string();
    }
    let size = u64::from(last - first) + 1;
    let aligned = size.is_power_of_two() && u64::from(first) % size == 0;
    if aligned {
        format!("{a}/{}", 32 - size.trailing_zeros())
    } else {
        format!("{a}-{b}")
    }
}

fn set(key: &str, members: &[impl Display], negated: bool) -> Option<String> {
    if members.is_empty() {
        return negated.then(String::new);
    }
    let members: Vec<String> = members.iter().map(ToString::to_string).collect();
    let op = if negated { "!= " } else { "" };
    Some(format!("{key} {op}{{ {} }}", members.join(", ")))
}

fn range(key: &str, range: &RangeInclusive<u16>, negated: bool) -> Option<String> {
    if range.is_empty() {
        return negated.then(String::new);
    }
    let (first, last) = (range.start(), range.end());
    let op = if negated { "!= " } else { "" };
    Some(if first == last {
        format!("{key} {op}{first}")
    } else {
        format!("{key} {op}{first}-{last}")
    })
}

fn protocol_text(protocol: Protocol) -> String {
    match protocol {
        Protocol::Icmp => "icmp".into(),
        Protocol::Tcp => "tcp".into(),
        Protocol::Udp => "udp".into(),
        Protocol::Other(number) => number.to_string(),
    }
}

fn state_text(state: CtState) -> &'static str {
    match state {
        CtState::New => "new",
        CtState::Established => "established",
        CtState::Related => "related",
        CtState::Invalid => "invalid",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{ChainId, Hook, Label};

    #[test]
    fn a_filter_reads_as_nft_would_list_it() {
        let denied = Label {
            is_final: true,
            reason: "SUBNET_ACL_RESTRICTION".into(),
            resource: "acl".into(),
        };
        let known = [CtState::Established, CtState::New].into();
        let chain = Chain {
            hook: Some(Hook {
                point: HookPoint::Forward,
                priority: 0,
            }),
            rules: vec![
                Rule::new([!Test::CtState(known)], [Statement::Accept]),
                Rule::new(
                    [Test::SourceIn(BTreeSet::new()).into()],
                    [Statement::Accept],
                ),
                Rule::new(
                    [
                        Test::Protocol(Protocol::Tcp).into(),
                        Test::DestinationPort(80..=443).into(),
                    ],
                    [Statement::Log(denied), Statement::Drop],
                ),
                Rule::new([], [Statement::KeepTtl]),
            ],
        };
        let filter = Filter {
            chains: BTreeMap::from([(ChainId::ip("acl"), chain)]),
        };
        assert_eq!(
            text(&filter),
            "table ip canal {\n\
             \tchain acl {\n\
             \t\ttype filter hook forward priority 0; policy accept;\n\
             \t\tct state ! established,new accept\n\
             \t\tmeta l4proto tcp th dport 80-443 log prefix \"=SUBNET_ACL_RESTRICTION acl\" \
             group 5747 snaplen 256 queue-threshold 1 drop\n\
             \t\t# ip ttl set ip ttl + 1 (ICMP, TCP, UDP)\n\
             \t}\n\
             }\n"
        );
    }
}
