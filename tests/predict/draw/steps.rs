//! Questions, and changes between them.

use proptest::bool::ANY;
use proptest::option;
use proptest::prelude::*;

use super::{few, pick, soracom};
use crate::plan::{Ask, Change, Flow, Step, To};

pub fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => flow().prop_map(Step::Ask),
        1 => change().prop_map(Step::Change),
    ]
}

fn flow() -> impl Strategy<Value = Flow> {
    let to = prop_oneof![
        16 => pick().prop_map(To::Likely),
        4 => pick().prop_map(To::Node),
        2 => pick().prop_map(To::Inner),
        1 => pick().prop_map(To::Public),
        1 => pick().prop_map(To::Endpoint),
        1 => pick().prop_map(To::VpgOwn),
        2 => pick().prop_map(To::Address),
    ];
    (pick(), to, ask()).prop_map(|(from, to, ask)| Flow { from, to, ask })
}

fn ask() -> impl Strategy<Value = Ask> {
    // Around the MTUs, less the 28 bytes of the headers: ipLinkMtu, what a tunnel leaves of 1500, 1500,
    // a region's edge, what a tunnel leaves of 9001, 9001.
    let size = prop_oneof![
        Just(572_u16),
        Just(573),
        Just(1372),
        Just(1373),
        Just(1422),
        Just(1423),
        Just(1472),
        Just(1473),
        Just(8472),
        Just(8473),
        Just(8923),
        Just(8924),
        Just(8973),
        Just(8974),
    ];
    prop_oneof![
        16 => Just(Ask::Ping),
        12 => Just(Ask::Tcp(80)),
        3 => Just(Ask::Tcp(8080)),
        1 => Just(Ask::Tcp(9)),
        7 => Just(Ask::Udp(7)),
        1 => Just(Ask::Udp(9)),
        2 => (size, ANY).prop_map(|(size, dont_fragment)| Ask::Large { size, dont_fragment }),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let filter = (pick(), few(0.7, soracom::entry()));
    prop_oneof![
        pick().prop_map(Change::Stop),
        pick().prop_map(Change::Start),
        pick().prop_map(Change::Reboot),
        (pick(), ANY).prop_map(|(instance, on)| Change::Check(instance, on)),
        (pick(), pick()).prop_map(|(instance, group)| Change::Regroup(instance, group)),
        pick().prop_map(Change::Reconnect),
        pick().prop_map(Change::Disconnect),
        (pick(), option::of(pick())).prop_map(|(sim, vpg)| Change::Move(sim, vpg)),
        pick().prop_map(Change::OpenGate),
        pick().prop_map(Change::CloseGate),
        (pick(), ANY).prop_map(|(vpg, other)| Change::Vni(vpg, other)),
        (pick(), ANY).prop_map(|(vpg, on)| Change::Separator(vpg, on)),
        filter.prop_map(|(vpg, entries)| Change::Filter(vpg, entries)),
        pick().prop_map(Change::DeletePeering),
        pick().prop_map(Change::AcceptPeering),
        pick().prop_map(Change::DeleteCanal),
        pick().prop_map(Change::Unregister),
        pick().prop_map(Change::TunnelDown),
        pick().prop_map(Change::TunnelUp),
        pick().prop_map(Change::TunnelAgain),
        pick().prop_map(Change::DetachGateway),
    ]
}
