//! VPCs and what is in them.

use proptest::bool::weighted;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{few, pick, serve};
use crate::plan::{
    Acl, Egress, Entry, Group, Instance, Mistake, OddRoute, Public, Registered, Routes, Rule,
    Subnet, Tunnel, Vpc, What, Who,
};

pub fn vpc() -> impl Strategy<Value = Vpc> {
    (
        pick(),
        weighted(0.75),
        vec(subnet(), 1..=3),
        routes(),
        vec(group(), 1..=3),
        vec(instance(), 1..=3),
    )
        .prop_map(
            |(range, internet_gateway, subnets, main, groups, instances)| Vpc {
                range,
                internet_gateway,
                subnets,
                main,
                groups,
                instances,
            },
        )
}

fn subnet() -> impl Strategy<Value = Subnet> {
    (
        option::weighted(0.6, routes()),
        option::weighted(0.2, acl()),
    )
        .prop_map(|(table, acl)| Subnet { table, acl })
}

fn routes() -> impl Strategy<Value = Routes> {
    let odd = (pick(), pick()).prop_map(|(destination, target)| OddRoute {
        destination,
        target,
    });
    (
        weighted(0.85),
        weighted(0.9),
        weighted(0.9),
        weighted(0.9),
        few(0.3, odd),
    )
        .prop_map(|(default, peerings, canals, attachments, odd)| Routes {
            default,
            peerings,
            canals,
            attachments,
            odd,
        })
}

fn group() -> impl Strategy<Value = Group> {
    let egress = prop_oneof![
        12 => Just(Egress::All),
        1 => vec(rule(), 0..4).prop_map(Egress::Rules),
    ];
    (vec(rule(), 0..4), weighted(0.7), egress).prop_map(|(mut ingress, open, egress)| {
        // What most people write to get on.
        if open {
            ingress.insert(0, ANYTHING);
        }
        Group { ingress, egress }
    })
}

const ANYTHING: Rule = Rule {
    what: What::Everything,
    who: Who::Anywhere,
};

fn rule() -> impl Strategy<Value = Rule> {
    (what(), who()).prop_map(|(what, who)| Rule { what, who })
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        4 => Just(What::Everything),
        3 => Just(What::Tcp(80)),
        1 => Just(What::Tcp(8080)),
        1 => Just(What::AllTcp),
        1 => Just(What::Udp(7)),
        2 => Just(What::Udp(4789)),
        1 => Just(What::AllUdp),
        1 => Just(What::Ephemeral(true)),
        1 => Just(What::Ephemeral(false)),
        2 => Just(What::Icmp(None)),
        2 => Just(What::Icmp(Some(8))),
        1 => Just(What::Icmp(Some(0))),
    ]
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![
        5 => Just(Who::Anywhere),
        2 => Just(Who::OwnVpc),
        2 => pick().prop_map(Who::OtherVpc),
        3 => pick().prop_map(Who::VpgRange),
        1 => pick().prop_map(Who::VpgHalf),
        2 => pick().prop_map(Who::DeviceSubnet),
        1 => Just(Who::Private),
        2 => pick().prop_map(Who::OwnGroup),
        2 => (pick(), pick()).prop_map(|(vpc, group)| Who::PeerGroup(vpc, group)),
        1 => Just(Who::Pc),
        1 => Just(Who::Nobody),
    ]
}

fn acl() -> impl Strategy<Value = Acl> {
    let entry = || {
        (1_u8..9, weighted(0.5), rule()).prop_map(|(number, deny, rule)| Entry {
            number,
            deny,
            rule,
        })
    };
    (
        weighted(0.75),
        weighted(0.75),
        vec(entry(), 0..4),
        vec(entry(), 0..4),
    )
        .prop_map(|(everything_in, everything_out, ingress, egress)| Acl {
            everything_in,
            everything_out,
            ingress,
            egress,
        })
}

fn instance() -> impl Strategy<Value = Instance> {
    let public = prop_oneof![
        4 => Just(Public::None),
        5 => Just(Public::Assigned),
        2 => Just(Public::Elastic),
    ];
    (
        pick(),
        prop_oneof![12 => vec(pick(), 1..3), 1 => Just(Vec::new())],
        public,
        weighted(0.2),
        weighted(0.08),
        weighted(0.12),
        serve(),
        option::weighted(0.5, tunnel()),
    )
        .prop_map(
            |(subnet, groups, public, unchecked, stopped, forwards, serve, tunnel)| Instance {
                subnet,
                groups,
                public,
                unchecked,
                stopped,
                forwards,
                serve,
                tunnel,
            },
        )
}

fn tunnel() -> impl Strategy<Value = Tunnel> {
    let registered = prop_oneof![
        9 => Just(Registered::Right),
        2 => Just(Registered::Not),
        1 => Just(Registered::OtherInner),
        1 => Just(Registered::OtherOuter),
    ];
    let mistake = prop_oneof![
        10 => Just(Mistake::None),
        1 => Just(Mistake::NoScript),
        1 => Just(Mistake::Vni),
        1 => Just(Mistake::LinuxPort),
        1 => Just(Mistake::OtherPort),
        1 => Just(Mistake::NoFlood),
        1 => Just(Mistake::OnlyFirst),
        1 => Just(Mistake::OnlySecond),
        1 => Just(Mistake::FloodElsewhere),
        1 => Just(Mistake::FloodToOther),
        1 => Just(Mistake::InnerOutside),
        1 => Just(Mistake::InnerUnregistered),
        1 => Just(Mistake::NoInner),
        1 => Just(Mistake::Netmask),
        1 => Just(Mistake::Down),
        1 => Just(Mistake::WrongLocal),
        1 => Just(Mistake::NoLocal),
    ];
    (pick(), registered, mistake).prop_map(|(vpg, registered, mistake)| Tunnel {
        vpg,
        registered,
        mistake,
    })
}
