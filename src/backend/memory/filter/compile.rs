//! Chains as they are described → chains as they are run.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use rustc_hash::FxHashMap;

use super::Filter;
use super::test::Ask;
use crate::network::{Chain, ChainId, Family, HookPoint, Label, Rule, Statement, Test};

/// The chains of both families.
#[derive(Debug)]
pub(super) struct Compiled {
    pub ip: Tables,
    pub arp: Tables,
}

/// The chains of one family, and where packets enter them.
#[derive(Debug, Default)]
pub(in super::super) struct Tables {
    pub(super) chains: Vec<Vec<Step>>,
    /// The base chains of each hook, by priority.
    hooks: BTreeMap<Point, Vec<(i32, usize)>>,
}

/// A hook, as a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Point {
    Prerouting,
    Input,
    Forward,
    Output,
    Postrouting,
    NatPrerouting,
    NatPostrouting,
}

/// One rule, or many that differ in the one source address that each asks for.
#[derive(Debug)]
pub(super) enum Step {
    One(Ready),
    /// What all of them ask first, and then the rules of each source, in their order.
    BySource(Vec<Ask>, FxHashMap<Ipv4Addr, Vec<Ready>>),
}

/// A rule that can be run.
#[derive(Debug)]
pub(super) struct Ready {
    pub asks: Vec<Ask>,
    pub acts: Vec<Act>,
}

/// What happens to a packet that matched.
#[derive(Debug)]
pub(super) enum Act {
    Log(Label),
    Drop,
    Accept,
    Return,
    Jump(usize),
    CtMarkOr(u32),
    Snat(Ipv4Addr),
    Dnat(Ipv4Addr),
    KeepTtl,
    Notrack,
}

/// From how many rules on it pays to look a source up.
const MANY: usize = 4;

impl Compiled {
    pub fn new(described: &BTreeMap<ChainId, Chain>, names: &mut Filter) -> Self {
        Self {
            ip: Tables::new(described, Family::Ip, names),
            arp: Tables::new(described, Family::Arp, names),
        }
    }
}

impl Tables {
    fn new(described: &BTreeMap<ChainId, Chain>, family: Family, names: &mut Filter) -> Self {
        let own = || described.iter().filter(|(id, _)| id.family == family);
        let places: FxHashMap<&str, usize> = own()
            .enumerate()
            .map(|(at, (id, _))| (id.name.as_str(), at))
            .collect();
        let mut tables = Self::default();
        for (at, (_, chain)) in own().enumerate() {
            tables.chains.push(steps(&chain.rules, &places, names));
            if let Some(hook) = chain.hook {
                let hooks = tables.hooks.entry(hook.point.into()).or_default();
                hooks.push((hook.priority, at));
            }
        }
        for chains in tables.hooks.values_mut() {
            chains.sort_by_key(|(priority, _)| *priority);
        }
        tables
    }

    /// The base chains of a hook, with their priorities, in order.
    pub fn hook(&self, point: HookPoint) -> &[(i32, usize)] {
        self.hooks.get(&point.into()).map_or(&[], Vec::as_slice)
    }
}

impl From<HookPoint> for Point {
    fn from(point: HookPoint) -> Self {
        match point {
            HookPoint::Prerouting => Self::Prerouting,
            HookPoint::Input => Self::Input,
            HookPoint::Forward => Self::Forward,
            HookPoint::Output => Self::Output,
            HookPoint::Postrouting => Self::Postrouting,
            HookPoint::NatPrerouting => Self::NatPrerouting,
            HookPoint::NatPostrouting => Self::NatPostrouting,
        }
    }
}

/// A chain's rules. A VPG has one for each of its sessions that differs in nothing but the device's address,
/// and a packet has only one source.
fn steps(rules: &[Rule], places: &FxHashMap<&str, usize>, names: &mut Filter) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = rules;
    while let Some(first) = rest.first() {
        let alike = rest.iter().take_while(|rule| differ_in_source(first, rule));
        let count = alike.count().max(1);
        let (now, later) = rest.split_at(count);
        rest = later;
        if count < MANY {
            steps.extend(
                now.iter()
                    .map(|rule| Step::One(ready(rule, 0, places, names))),
            );
            continue;
        }
        let (_, common) = first
            .matches
            .split_last()
            .unwrap_or((&first.matches[0], &[]));
        let asks = common.iter().map(|one| Ask::new(one, names)).collect();
        let mut by_source = FxHashMap::<Ipv4Addr, Vec<Ready>>::default();
        for rule in now {
            if let Some(ip) = rule.matches.last().and_then(Ask::single_source) {
                let ready = ready(rule, rule.matches.len(), places, names);
                by_source.entry(ip).or_default().push(ready);
            }
        }
        steps.push(Step::BySource(asks, by_source));
    }
    steps
}

/// Whether two rules ask the same, and last of all each for a source of its own.
fn differ_in_source(a: &Rule, b: &Rule) -> bool {
    let parts = |rule: &Rule| {
        let (last, common) = rule.matches.split_last()?;
        Ask::single_source(last).map(|_| common.len())
    };
    match (parts(a), parts(b)) {
        (Some(x), Some(y)) => x == y && a.matches[..x] == b.matches[..y],
        _ => false,
    }
}

/// A rule without its first `asked` matches, which others ask for it.
fn ready(rule: &Rule, asked: usize, places: &FxHashMap<&str, usize>, names: &mut Filter) -> Ready {
    let acts = rule.statements.iter().filter_map(|statement| {
        Some(match statement {
            Statement::Log(label) => Act::Log(label.clone()),
            Statement::Drop => Act::Drop,
            Statement::Accept => Act::Accept,
            Statement::Return => Act::Return,
            Statement::Jump(chain) => Act::Jump(*places.get(chain.as_str())?),
            Statement::CtMarkOr(bits) => Act::CtMarkOr(*bits),
            Statement::Snat(ip) => Act::Snat(*ip),
            Statement::Dnat(ip) => Act::Dnat(*ip),
            Statement::KeepTtl => Act::KeepTtl,
            Statement::Notrack => Act::Notrack,
        })
    });
    Ready {
        asks: rule.matches[asked..]
            .iter()
            .map(|one| Ask::new(one, names))
            .collect(),
        acts: acts.collect(),
    }
}

/// Whether a chain makes the node track connections.
pub(super) fn tracks(chain: &Chain) -> bool {
    let nat = chain.hook.is_some_and(|hook| {
        matches!(
            hook.point,
            HookPoint::NatPrerouting | HookPoint::NatPostrouting
        )
    });
    let asks = |rule: &Rule| {
        rule.matches.iter().any(|one| {
            matches!(
                one.test,
                Test::CtState(_) | Test::CtDirection(_) | Test::CtMark { .. }
            )
        })
    };
    let acts = |rule: &Rule| {
        let acts = rule.statements.iter();
        let mut acts =
            acts.filter(|act| matches!(act, Statement::CtMarkOr(_) | Statement::Notrack));
        acts.next().is_some()
    };
    nat || chain.rules.iter().any(|rule| asks(rule) || acts(rule))
}
