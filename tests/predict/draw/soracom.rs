//! VPGs and SIMs.

use proptest::bool::weighted;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{few, pick, serve, state};
use crate::plan::{Destination, FilterEntry, Kind, Session, Sim, Vpg, VpgLink};

pub fn vpg() -> impl Strategy<Value = Vpg> {
    let kind = prop_oneof![
        6 => Just(Kind::F),
        3 => Just(Kind::F2),
        1 => Just(Kind::E),
    ];
    let mtu = prop_oneof![8 => Just(None), 1 => Just(Some(1400)), 1 => Just(Some(600))];
    (
        kind,
        weighted(0.7),
        pick(),
        pick(),
        weighted(0.75),
        weighted(0.2),
        weighted(0.15),
        few(0.2, entry()),
        vec(link(), 1..=3),
        mtu,
    )
        .prop_map(
            |(
                kind,
                internet_gateway,
                devices,
                range,
                gate,
                other_vni,
                separator,
                filter,
                links,
                mtu,
            )| {
                Vpg {
                    kind,
                    internet_gateway,
                    devices,
                    range,
                    gate,
                    other_vni,
                    separator,
                    filter,
                    links,
                    mtu,
                }
            },
        )
}

pub fn entry() -> impl Strategy<Value = FilterEntry> {
    (weighted(0.4), pick()).prop_map(|(allow, range)| FilterEntry { allow, range })
}

fn link() -> impl Strategy<Value = VpgLink> {
    let destination = prop_oneof![
        8 => Just(Destination::Vpc),
        1 => Just(Destination::FirstSubnet),
        1 => Just(Destination::Elsewhere),
    ];
    (pick(), state(), destination).prop_map(|(vpc, state, destination)| VpgLink {
        vpc,
        state,
        destination,
    })
}

pub fn sim() -> impl Strategy<Value = Sim> {
    let session = prop_oneof![
        10 => Just(Session::Online),
        1 => Just(Session::Offline),
        1 => pick().prop_map(Session::Moved),
    ];
    (
        option::weighted(0.92, pick()),
        session,
        weighted(0.3),
        serve(),
    )
        .prop_map(|(home, session, pinned, serve)| Sim {
            home,
            session,
            pinned,
            serve,
        })
}
