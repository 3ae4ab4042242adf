//! Plans by chance: mostly what works, with mistakes strewn in.
//!
//! A question is only worth asking if what is behind the first rule is met now and then, so each mistake
//! is rare and there are many of them: a third to a half of all questions are answered.

mod aws;
mod soracom;
mod steps;

use proptest::bool::weighted;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::plan::{Peering, Pick, Plan, Serve, State, Step};

/// How many of a kind an index is drawn from. It is taken modulo what there is, so it is a multiple of
/// two and three, and of four.
const PICKS: Pick = 24;

/// Every plan. Steps come first, and so are the first to be taken away when a case is made smaller.
pub fn plan() -> impl Strategy<Value = Plan> {
    (
        steps(),
        vec(aws::vpc(), 1..=3),
        vec(peering(), 1..=3),
        prop_oneof![
            7 => vec(soracom::vpg(), 1),
            3 => vec(soracom::vpg(), 2),
            1 => Just(Vec::new()),
        ],
        vec(soracom::sim(), 1..=4),
        serve(),
        weighted(0.05),
    )
        .prop_map(|(steps, vpcs, peerings, vpgs, sims, internet, late)| Plan {
            vpcs,
            peerings,
            vpgs,
            sims,
            internet,
            late,
            steps,
        })
}

/// About two dozen, each of which can be left out.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(option::weighted(0.92, steps::step()), 26)
        .prop_map(|list| list.into_iter().flatten().collect())
}

fn pick() -> impl Strategy<Value = Pick> {
    0..PICKS
}

/// Mostly none; else one to three.
fn few<T: std::fmt::Debug + Clone>(
    probability: f64,
    of: impl Strategy<Value = T>,
) -> impl Strategy<Value = Vec<T>> {
    (weighted(probability), vec(of, 1..4))
        .prop_map(|(any, list)| if any { list } else { Vec::new() })
}

fn serve() -> impl Strategy<Value = Serve> {
    (weighted(0.95), weighted(0.7), weighted(0.85)).prop_map(|(http, tcp, udp)| Serve {
        http,
        tcp,
        udp,
    })
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![
        12 => Just(State::Accepted),
        1 => Just(State::Requested),
        1 => Just(State::Rejected),
        1 => Just(State::Deleted),
    ]
}

fn peering() -> impl Strategy<Value = Peering> {
    (pick(), pick(), state()).prop_map(|(from, to, state)| Peering { from, to, state })
}
