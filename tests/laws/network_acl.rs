//! Which entry of a network ACL decides.

use std::net::Ipv4Addr;

use canal_sim::cloud::aws::{
    AclMatch, IpProtocol, NetworkAcl, NetworkAclEntry, PortRange, RuleAction, VpcId,
};
use ipnet::Ipv4Net;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::any::cases;

/// What enters or leaves: the other end, the protocol, the destination port, the ICMP type.
type Packet = (Ipv4Addr, IpProtocol, u16, u8);

fn packet() -> impl Strategy<Value = Packet> {
    let protocol = select(vec![IpProtocol::Tcp, IpProtocol::Udp, IpProtocol::Icmp]);
    (
        0..4_u32,
        protocol,
        select(vec![0, 79, 80, 81, 1024, 65535]),
        select(vec![0, 8]),
    )
        .prop_map(|(place, protocol, port, icmp_type)| {
            (
                Ipv4Addr::from(0x0a00_0000 + (place << 15)),
                protocol,
                port,
                icmp_type,
            )
        })
}

fn entry() -> impl Strategy<Value = NetworkAclEntry> {
    let protocols = vec![
        IpProtocol::Tcp,
        IpProtocol::Udp,
        IpProtocol::Icmp,
        IpProtocol::All,
    ];
    let ports = select(vec![
        PortRange::ALL,
        PortRange { from: 80, to: 80 },
        PortRange { from: 80, to: 1024 },
    ]);
    let action = select(vec![RuleAction::Allow, RuleAction::Deny]);
    let cidr = (0..4_u32, select(vec![0, 8, 16, 17, 32]));
    (
        action,
        select(protocols),
        ports,
        prop::option::of(select(vec![0, 8])),
        cidr,
    )
        .prop_map(|(action, protocol, ports, icmp_type, (place, len))| {
            let has_ports = matches!(protocol, IpProtocol::Tcp | IpProtocol::Udp);
            NetworkAclEntry {
                action,
                protocol,
                ports: if has_ports { ports } else { PortRange::ALL },
                icmp_type: icmp_type.filter(|_| protocol == IpProtocol::Icmp),
                cidr: Ipv4Net::new_assert(Ipv4Addr::from(0x0a00_0000 + (place << 15)), len).trunc(),
            }
        })
}

/// Whether an entry is about a packet, as the Amazon VPC User Guide has it ("Network ACL rules").
fn about(entry: &NetworkAclEntry, (address, protocol, port, icmp_type): Packet) -> bool {
    let what = match entry.protocol {
        IpProtocol::All => true,
        IpProtocol::Icmp => {
            protocol == IpProtocol::Icmp && entry.icmp_type.is_none_or(|one| one == icmp_type)
        }
        ports => protocol == ports && (entry.ports.from..=entry.ports.to).contains(&port),
    };
    what && entry.cidr.network() <= address && address <= entry.cidr.broadcast()
}

fn acl(entries: &[(u16, NetworkAclEntry)], egress: bool) -> NetworkAcl {
    let mut acl = NetworkAcl {
        vpc: VpcId::new("a"),
        ingress: [].into(),
        egress: [].into(),
    };
    let list = if egress {
        &mut acl.egress
    } else {
        &mut acl.ingress
    };
    list.extend(entries.iter().cloned());
    acl
}

fn says(acl: &NetworkAcl, egress: bool, (address, protocol, port, icmp_type): Packet) -> AclMatch {
    acl.first_match(egress, address, protocol, port, icmp_type)
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn the_lowest_number_that_matches_decides(
        entries in vec((1..=32766_u16, entry()), 0..12),
        packets in vec(packet(), 1..8),
        egress in any::<bool>(),
    ) {
        let acl = acl(&entries, egress);
        for packet in packets {
            let mut expected = AclMatch::FinalDeny;
            for (number, entry) in acl.entries(egress).iter().rev() {
                if about(entry, packet) {
                    expected = AclMatch::Entry(*number, entry.action);
                }
            }
            prop_assert_eq!(says(&acl, egress, packet), expected);
            // Nothing is said in the other direction.
            prop_assert_eq!(says(&acl, !egress, packet), AclMatch::FinalDeny);
        }
    }

    #[test]
    fn whatever_is_behind_the_entry_that_decides_does_not_matter(
        entries in vec((1..=16383_u16, entry()), 1..8),
        behind in vec((16384..=32766_u16, entry()), 0..8),
        packet in packet(),
        egress in any::<bool>(),
    ) {
        let decided = says(&acl(&entries, egress), egress, packet);
        let all: Vec<_> = entries.into_iter().chain(behind).collect();
        let with_more = says(&acl(&all, egress), egress, packet);
        if decided != AclMatch::FinalDeny {
            prop_assert_eq!(with_more, decided);
        }
    }
}
