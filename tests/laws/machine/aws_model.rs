//! AWS in small: VPCs 0, 1 and 2, of which 0 and 2 have the same range; peerings between them; one
//! internet gateway; instance 0 in VPC 0 and instance 1 in VPC 1; two Elastic IP addresses; three routes
//! of VPC 0's main table.

use std::collections::BTreeMap;

use canal_sim::cloud::aws::PeeringStatus;
use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::ReferenceStateMachine;

use super::WEEK;

/// Everything at one time, in seconds.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub now: u64,
    /// Every peering that was ever asked for.
    pub peerings: BTreeMap<usize, Peering>,
    /// The VPC that the gateway is attached to.
    pub gateway: Option<usize>,
    pub instances: [Option<Instance>; 2],
    /// Each Elastic IP address, where it is allocated, and who has it.
    pub elastic: [Option<Option<usize>>; 2],
    pub routes: BTreeMap<usize, Target>,
    /// Whether the last operation was one that is carried out.
    pub allowed: bool,
}

#[derive(Clone, Debug)]
pub struct Peering {
    pub sides: [usize; 2],
    pub status: PeeringStatus,
    pub expires: u64,
}

#[derive(Clone, Debug)]
pub struct Instance {
    pub running: bool,
    /// Whether AWS gives it a public address at each start.
    pub auto: bool,
    /// Whether it has one of these now.
    pub assigned: bool,
    pub boot: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Gateway,
    Peering(usize),
    Instance(usize),
}

#[derive(Clone, Debug)]
pub enum Op {
    Wait(u64),
    Request(usize, usize, usize),
    Accept(usize),
    Reject(usize),
    Delete(usize),
    Attach(usize),
    Detach(usize),
    /// With or without a public address.
    Run(usize, bool),
    Stop(usize),
    Start(usize),
    Reboot(usize),
    Terminate(usize),
    Allocate(usize),
    Associate(usize, usize),
    Disassociate(usize),
    Release(usize),
    Route(usize, Target),
    Replace(usize, Target),
    Unroute(usize),
}

impl Peering {
    fn live(&self) -> bool {
        matches!(
            self.status,
            PeeringStatus::PendingAcceptance | PeeringStatus::Active
        )
    }
}

impl Model {
    fn is_pending(&self, name: usize) -> bool {
        let peering = self.peerings.get(&name);
        peering.is_some_and(|peering| peering.status == PeeringStatus::PendingAcceptance)
    }

    /// The instance's Elastic IP address.
    pub fn elastic_of(&self, instance: usize) -> Option<usize> {
        self.elastic
            .iter()
            .position(|one| *one == Some(Some(instance)))
    }

    /// Whether an instance that runs in the VPC has a public address.
    fn has_public(&self, vpc: usize) -> bool {
        let instance = self.instances.get(vpc).and_then(Option::as_ref);
        instance.is_some_and(|one| one.running && (one.assigned || self.elastic_of(vpc).is_some()))
    }

    /// Whether a route of VPC 0 may lead there.
    fn may_lead_to(&self, target: Target) -> bool {
        match target {
            Target::Gateway => self.gateway == Some(0),
            Target::Peering(name) => {
                let peering = self.peerings.get(&name);
                peering.is_some_and(|one| one.live() && one.sides.contains(&0))
            }
            Target::Instance(one) => one == 0 && self.instances[0].is_some(),
        }
    }

    /// Whether what a route leads to can carry packets.
    pub fn carries(&self, target: Target) -> bool {
        match target {
            Target::Gateway => self.gateway == Some(0),
            Target::Peering(name) => self.peerings[&name].status == PeeringStatus::Active,
            Target::Instance(one) => self.instances[one].as_ref().is_some_and(|one| one.running),
        }
    }

    /// Whether the operation is carried out.
    fn allows(&self, op: &Op) -> bool {
        let there = |one: usize| self.instances[one].is_some();
        match *op {
            Op::Wait(_) => true,
            Op::Request(name, from, to) => {
                let pair = [from.min(to), from.max(to)];
                let joined = |one: &Peering| {
                    let [a, b] = one.sides;
                    one.live() && [a.min(b), a.max(b)] == pair
                };
                !self.peerings.contains_key(&name) && !self.peerings.values().any(joined)
            }
            Op::Accept(name) | Op::Reject(name) => self.is_pending(name),
            Op::Delete(name) => self.peerings.get(&name).is_some_and(Peering::live),
            Op::Attach(_) => self.gateway.is_none(),
            Op::Detach(vpc) => self.gateway == Some(vpc) && !self.has_public(vpc),
            Op::Run(one, _) => {
                !there(one) && !self.routes.values().any(|to| *to == Target::Instance(one))
            }
            Op::Stop(one) | Op::Start(one) | Op::Terminate(one) => there(one),
            Op::Reboot(one) => self.instances[one].as_ref().is_some_and(|one| one.running),
            Op::Allocate(address) => self.elastic[address].is_none(),
            Op::Associate(address, one) => {
                self.elastic[address].is_some() && there(one) && self.gateway == Some(one)
            }
            Op::Disassociate(address) => self.elastic[address].is_some(),
            Op::Release(address) => self.elastic[address] == Some(None),
            Op::Route(place, to) => !self.routes.contains_key(&place) && self.may_lead_to(to),
            Op::Replace(place, to) => self.routes.contains_key(&place) && self.may_lead_to(to),
            Op::Unroute(place) => self.routes.contains_key(&place),
        }
    }

    /// What an operation that is carried out does.
    fn carry_out(&mut self, op: &Op) {
        match *op {
            Op::Wait(seconds) => self.wait(seconds),
            Op::Request(name, from, to) => {
                // VPCs 0 and 2 have the same range, and each has that of itself.
                let overlap = from % 2 == to % 2;
                let status = if overlap {
                    PeeringStatus::Failed
                } else {
                    PeeringStatus::PendingAcceptance
                };
                let expires = self.now + WEEK;
                self.peerings.insert(
                    name,
                    Peering {
                        sides: [from, to],
                        status,
                        expires,
                    },
                );
            }
            Op::Accept(name) => self.turn(name, PeeringStatus::Active),
            Op::Reject(name) => self.turn(name, PeeringStatus::Rejected),
            Op::Delete(name) => self.turn(name, PeeringStatus::Deleted),
            Op::Attach(vpc) => self.gateway = Some(vpc),
            Op::Detach(_) => self.gateway = None,
            Op::Run(one, auto) => {
                self.instances[one] = Some(Instance {
                    running: true,
                    auto,
                    assigned: auto,
                    boot: 1,
                });
            }
            Op::Stop(one) => {
                let instance = self.instance(one);
                instance.running = false;
                instance.assigned = false;
            }
            Op::Start(one) => {
                let elastic = self.elastic_of(one).is_some();
                let instance = self.instance(one);
                if !instance.running {
                    instance.running = true;
                    instance.boot += 1;
                    instance.assigned = instance.auto && !elastic;
                }
            }
            Op::Reboot(one) => self.instance(one).boot += 1,
            Op::Terminate(one) => {
                self.instances[one] = None;
                if let Some(address) = self.elastic_of(one) {
                    self.elastic[address] = Some(None);
                }
            }
            Op::Allocate(address) => self.elastic[address] = Some(None),
            Op::Associate(address, one) => {
                if self.elastic[address] != Some(Some(one)) {
                    if let Some(other) = self.elastic_of(one) {
                        self.elastic[other] = Some(None);
                    }
                    let former = self.elastic[address].replace(Some(one)).flatten();
                    self.instance(one).assigned = false;
                    self.lost_elastic(former);
                }
            }
            Op::Disassociate(address) => {
                let former = self.elastic[address].replace(None).flatten();
                self.lost_elastic(former);
            }
            Op::Release(address) => self.elastic[address] = None,
            Op::Route(place, to) | Op::Replace(place, to) => {
                self.routes.insert(place, to);
            }
            Op::Unroute(place) => {
                self.routes.remove(&place);
            }
        }
    }

    /// An instance gets another public address in the place of its Elastic IP address.
    fn lost_elastic(&mut self, former: Option<usize>) {
        if let Some(one) = former {
            let instance = self.instance(one);
            instance.assigned = instance.auto && instance.running;
        }
    }

    fn instance(&mut self, one: usize) -> &mut Instance {
        self.instances[one]
            .as_mut()
            .expect("the operation is allowed")
    }

    fn turn(&mut self, peering: usize, to: PeeringStatus) {
        self.peerings
            .get_mut(&peering)
            .expect("the operation is allowed")
            .status = to;
    }

    fn wait(&mut self, seconds: u64) {
        self.now += seconds;
        for peering in self.peerings.values_mut() {
            if peering.status == PeeringStatus::PendingAcceptance && peering.expires <= self.now {
                peering.status = PeeringStatus::Expired;
            }
        }
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Op;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Op> {
        let two = || 0..2_usize;
        let pcx = || 0..4_usize;
        let route = || 0..3_usize;
        let target = || {
            prop_oneof![
                Just(Target::Gateway),
                pcx().prop_map(Target::Peering),
                two().prop_map(|one| Target::Instance(one / 2)),
                two().prop_map(Target::Instance),
            ]
        };
        let peerings = prop_oneof![
            4 => (pcx(), 0..3_usize, 0..3_usize).prop_map(|(name, from, to)| Op::Request(name, from, to)),
            3 => pcx().prop_map(Op::Accept),
            1 => pcx().prop_map(Op::Reject),
            1 => pcx().prop_map(Op::Delete),
        ];
        let instances = prop_oneof![
            3 => (two(), any::<bool>()).prop_map(|(one, auto)| Op::Run(one, auto)),
            2 => two().prop_map(Op::Stop),
            2 => two().prop_map(Op::Start),
            1 => two().prop_map(Op::Reboot),
            1 => two().prop_map(Op::Terminate),
        ];
        let addresses = prop_oneof![
            3 => two().prop_map(Op::Allocate),
            4 => (two(), two()).prop_map(|(address, one)| Op::Associate(address, one)),
            1 => two().prop_map(Op::Disassociate),
            1 => two().prop_map(Op::Release),
        ];
        let routes = prop_oneof![
            3 => (route(), target()).prop_map(|(place, to)| Op::Route(place, to)),
            1 => (route(), target()).prop_map(|(place, to)| Op::Replace(place, to)),
            1 => route().prop_map(Op::Unroute),
        ];
        prop_oneof![
            2 => select(vec![1, WEEK / 2, WEEK - 1, WEEK]).prop_map(Op::Wait),
            3 => (0..3_usize).prop_map(|vpc| Op::Attach(vpc / 2)),
            1 => two().prop_map(Op::Detach),
            7 => peerings,
            7 => instances,
            7 => addresses,
            6 => routes,
        ]
        .boxed()
    }

    fn apply(mut model: Self, op: &Op) -> Self {
        model.allowed = model.allows(op);
        if model.allowed {
            model.carry_out(op);
        }
        model
    }
}
