//! SORACOM in small: two SIMs, two groups, VPG 0 of Type-F and VPG 1 of Type-F2, one VPC of the
//! customer's, which VPG 0 is peered with and VPG 1 attached to.

use std::collections::{BTreeMap, BTreeSet};

use canal_sim::cloud::aws::PeeringStatus;
use canal_sim::cloud::soracom::SimStatus;
use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::ReferenceStateMachine;

use super::WEEK;

/// Everything at one time, in seconds.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub now: u64,
    pub sims: [Sim; 2],
    /// The VPG that each group leads to.
    pub groups: [Option<usize>; 2],
    pub vpgs: [Option<Vpg>; 2],
    /// Every peering that was ever asked for: its status, and when it expires.
    pub peerings: BTreeMap<usize, (PeeringStatus, u64)>,
    /// VPG 1's attachment, and whether it is active.
    pub attachment: Option<bool>,
    /// Whether VPG 1 has a customer route to it.
    pub route: bool,
    /// Whether the last operation was one that is carried out.
    pub allowed: bool,
}

#[derive(Clone, Debug)]
pub struct Sim {
    pub status: SimStatus,
    pub group: Option<usize>,
    pub session: Option<Session>,
}

impl Default for Sim {
    fn default() -> Self {
        Self {
            status: SimStatus::Ready,
            group: None,
            session: None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Session {
    pub vpg: Option<usize>,
    pub since: u64,
    pub used: u64,
}

#[derive(Clone, Debug)]
pub struct Vpg {
    pub life: Life,
    pub open: bool,
    pub vni: u32,
    pub separator: bool,
    pub peers: BTreeSet<usize>,
}

/// With the time at which it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Creating(u64),
    Running,
    Terminating(u64),
}

#[derive(Clone, Debug)]
pub enum Op {
    Wait(u64),
    Traffic(usize),
    Connect(usize),
    Reconnect(usize),
    Disconnect(usize),
    DeleteSession(usize),
    Status(usize, SimStatus),
    Group(usize, Option<usize>),
    Settings(usize, Option<usize>),
    Create(usize),
    Terminate(usize),
    /// With the wrong owner or the right one.
    Request(usize, usize, bool),
    Accept(usize),
    Reject(usize),
    CustomerDeletes(usize),
    SoracomDeletes(usize, usize),
    Attach(usize),
    AcceptAttachment,
    Detach,
    Route,
    Unroute,
    Open(usize, Option<u32>),
    Close(usize),
    Vni(usize, u32),
    Separator(usize, bool),
    Register(usize, usize),
    Unregister(usize, usize),
}

impl Model {
    /// Both VPGs run, and each has a group that leads to it, with a SIM.
    pub fn under_way() -> Self {
        let mut model = Self::default();
        for one in [0, 1] {
            for op in [
                Op::Create(one),
                Op::Settings(one, Some(one)),
                Op::Group(one, Some(one)),
            ] {
                model.carry_out(&op);
            }
        }
        model.wait(180);
        model
    }

    fn running(&self, vpg: usize) -> bool {
        self.vpgs[vpg]
            .as_ref()
            .is_some_and(|vpg| vpg.life == Life::Running)
    }

    /// There, and not about to go.
    fn lasting(&self, vpg: usize) -> bool {
        let vpg = self.vpgs[vpg].as_ref();
        vpg.is_some_and(|vpg| !matches!(vpg.life, Life::Terminating(_)))
    }

    fn live(&self, peering: usize) -> bool {
        let status = self.peerings.get(&peering).map(|(status, _)| *status);
        matches!(
            status,
            Some(PeeringStatus::PendingAcceptance | PeeringStatus::Active)
        )
    }

    fn is(&self, peering: usize, wanted: PeeringStatus) -> bool {
        self.peerings
            .get(&peering)
            .is_some_and(|(status, _)| *status == wanted)
    }

    fn peered(&self) -> bool {
        self.peerings.keys().any(|one| self.live(*one))
    }

    fn in_use(&self, vpg: usize) -> bool {
        let by_links = match vpg {
            0 => self.peered(),
            _ => self.attachment.is_some(),
        };
        by_links || self.groups.contains(&Some(vpg))
    }

    /// The VPG that a SIM would get now; none where it can't connect.
    fn place(&self, sim: &Sim) -> Option<Option<usize>> {
        let may = matches!(
            sim.status,
            SimStatus::Ready | SimStatus::Active | SimStatus::Standby
        );
        let vpg = sim.group.and_then(|group| self.groups[group]);
        (may && vpg.is_none_or(|vpg| self.running(vpg))).then_some(vpg)
    }

    /// Whether the operation is carried out.
    fn allows(&self, op: &Op) -> bool {
        let sim = |sim: usize| &self.sims[sim];
        let vni_is_one = |vni: u32| (1..1 << 24).contains(&vni);
        match *op {
            Op::Wait(_) | Op::Traffic(_) => true,
            Op::Connect(one) => sim(one).session.is_none() && self.place(sim(one)).is_some(),
            Op::Reconnect(one) => self.place(sim(one)).is_some(),
            Op::Disconnect(one) | Op::DeleteSession(one) => sim(one).session.is_some(),
            Op::Status(one, to) => {
                sim(one).status != SimStatus::Terminated && sim(one).status != to
            }
            Op::Group(one, group) => group.is_none() || sim(one).status != SimStatus::Terminated,
            Op::Settings(_, vpg) => vpg.is_none_or(|vpg| self.lasting(vpg)),
            Op::Create(vpg) => self.vpgs[vpg].is_none(),
            Op::Terminate(vpg) => self.lasting(vpg) && !self.in_use(vpg),
            Op::Request(vpg, name, _) => {
                vpg == 0 && self.running(0) && !self.peered() && !self.peerings.contains_key(&name)
            }
            Op::Accept(name) | Op::Reject(name) => self.is(name, PeeringStatus::PendingAcceptance),
            Op::CustomerDeletes(name) => self.is(name, PeeringStatus::Active),
            Op::SoracomDeletes(vpg, name) => vpg == 0 && self.live(name),
            Op::Attach(vpg) => vpg == 1 && self.running(1) && self.attachment.is_none(),
            Op::AcceptAttachment => self.running(1) && self.attachment == Some(false),
            Op::Detach => self.attachment.is_some() && !self.route,
            Op::Route => self.running(1) && self.attachment.is_some() && !self.route,
            Op::Unroute => self.route,
            Op::Open(vpg, vni) => self.running(vpg) && vni.is_none_or(vni_is_one),
            Op::Close(vpg) => self.running(vpg),
            Op::Vni(vpg, vni) => self.lasting(vpg) && vni_is_one(vni),
            Op::Separator(vpg, _) => self.lasting(vpg),
            Op::Register(vpg, peer) => self.running(vpg) && !self.peers(vpg).contains(&peer),
            Op::Unregister(vpg, peer) => self.lasting(vpg) && self.peers(vpg).contains(&peer),
        }
    }

    fn peers(&self, vpg: usize) -> BTreeSet<usize> {
        self.vpgs[vpg]
            .as_ref()
            .map(|vpg| vpg.peers.clone())
            .unwrap_or_default()
    }

    /// What an operation that is carried out does.
    fn carry_out(&mut self, op: &Op) {
        let now = self.now;
        match *op {
            Op::Wait(seconds) => self.wait(seconds),
            Op::Traffic(one) => {
                if let Some(session) = &mut self.sims[one].session {
                    session.used = now;
                }
            }
            Op::Connect(one) | Op::Reconnect(one) => {
                let vpg = self.place(&self.sims[one]).flatten();
                let sim = &mut self.sims[one];
                if sim.status == SimStatus::Ready {
                    sim.status = SimStatus::Active;
                }
                sim.session = Some(Session {
                    vpg,
                    since: now,
                    used: now,
                });
            }
            Op::Disconnect(one) | Op::DeleteSession(one) => self.sims[one].session = None,
            Op::Status(one, to) => {
                let sim = &mut self.sims[one];
                sim.status = to;
                if !matches!(to, SimStatus::Active | SimStatus::Standby) {
                    sim.session = None;
                }
                if to == SimStatus::Terminated {
                    sim.group = None;
                }
            }
            Op::Group(one, group) => self.sims[one].group = group,
            Op::Settings(group, vpg) => self.groups[group] = vpg,
            Op::Create(vpg) => {
                self.vpgs[vpg] = Some(Vpg {
                    life: Life::Creating(now + 180),
                    open: false,
                    vni: 10,
                    separator: false,
                    peers: BTreeSet::new(),
                });
            }
            Op::Terminate(one) => {
                self.vpg(one).life = Life::Terminating(now + 60);
                for sim in &mut self.sims {
                    sim.session.take_if(|session| session.vpg == Some(one));
                }
            }
            Op::Request(_, name, wrong) => {
                let status = if wrong {
                    PeeringStatus::Failed
                } else {
                    PeeringStatus::PendingAcceptance
                };
                self.peerings.insert(name, (status, now + WEEK));
            }
            Op::Accept(name) => self.turn(name, PeeringStatus::Active),
            Op::Reject(name) => self.turn(name, PeeringStatus::Rejected),
            Op::CustomerDeletes(name) | Op::SoracomDeletes(_, name) => {
                self.turn(name, PeeringStatus::Deleted)
            }
            Op::Attach(_) => self.attachment = Some(false),
            Op::AcceptAttachment => self.attachment = Some(true),
            Op::Detach => self.attachment = None,
            Op::Route => self.route = true,
            Op::Unroute => self.route = false,
            Op::Open(vpg, vni) => {
                let vpg = self.vpg(vpg);
                vpg.open = true;
                vpg.vni = vni.unwrap_or(vpg.vni);
            }
            Op::Close(vpg) => self.vpg(vpg).open = false,
            Op::Vni(vpg, vni) => self.vpg(vpg).vni = vni,
            Op::Separator(vpg, on) => self.vpg(vpg).separator = on,
            Op::Register(vpg, peer) => {
                self.vpg(vpg).peers.insert(peer);
            }
            Op::Unregister(vpg, peer) => {
                self.vpg(vpg).peers.remove(&peer);
            }
        }
    }

    fn vpg(&mut self, vpg: usize) -> &mut Vpg {
        self.vpgs[vpg].as_mut().expect("the operation is allowed")
    }

    fn turn(&mut self, peering: usize, to: PeeringStatus) {
        self.peerings
            .get_mut(&peering)
            .expect("the operation is allowed")
            .0 = to;
    }

    fn wait(&mut self, seconds: u64) {
        self.now += seconds;
        let now = self.now;
        for vpg in &mut self.vpgs {
            match vpg.as_ref().map(|vpg| vpg.life) {
                Some(Life::Creating(until)) if until <= now => {
                    vpg.as_mut().expect("it is there").life = Life::Running;
                }
                Some(Life::Terminating(until)) if until <= now => *vpg = None,
                _ => {}
            }
        }
        for (status, expires) in self.peerings.values_mut() {
            if *status == PeeringStatus::PendingAcceptance && *expires <= now {
                *status = PeeringStatus::Expired;
            }
        }
        for sim in &mut self.sims {
            sim.session.take_if(|session| session.used + 3600 <= now);
        }
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Op;

    fn init_state() -> BoxedStrategy<Self> {
        prop_oneof![1 => Just(Self::default()), 2 => Just(Self::under_way())].boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Op> {
        let two = || 0..2_usize;
        let mostly = || prop::option::weighted(0.8, 0..2_usize);
        let pcx = || 0..4_usize;
        let vni = || select(vec![0, 10, 77, (1 << 24) - 1, 1 << 24]);
        let status = select(vec![
            SimStatus::Active,
            SimStatus::Inactive,
            SimStatus::Standby,
            SimStatus::Suspended,
            SimStatus::Standby,
            SimStatus::Active,
            SimStatus::Active,
            SimStatus::Terminated,
        ]);
        let seconds = select(vec![
            59,
            60,
            179,
            180,
            240,
            1800,
            3599,
            3600,
            WEEK - 1,
            WEEK,
        ]);
        let devices = prop_oneof![
            5 => two().prop_map(Op::Connect),
            3 => two().prop_map(Op::Reconnect),
            1 => two().prop_map(Op::Disconnect),
            1 => two().prop_map(Op::DeleteSession),
            2 => two().prop_map(Op::Traffic),
            2 => (two(), status).prop_map(|(sim, status)| Op::Status(sim, status)),
            3 => (two(), mostly()).prop_map(|(sim, group)| Op::Group(sim, group)),
            3 => (two(), mostly()).prop_map(|(group, vpg)| Op::Settings(group, vpg)),
        ];
        let links = prop_oneof![
            4 => (0..4_usize, pcx(), 0..4).prop_map(|(vpg, name, n)| Op::Request(vpg / 3, name, n == 3)),
            4 => pcx().prop_map(Op::Accept),
            1 => pcx().prop_map(Op::Reject),
            1 => pcx().prop_map(Op::CustomerDeletes),
            1 => (two(), pcx()).prop_map(|(vpg, name)| Op::SoracomDeletes(vpg, name)),
            2 => two().prop_map(Op::Attach),
            2 => Just(Op::AcceptAttachment),
            1 => Just(Op::Detach),
            1 => Just(Op::Route),
            1 => Just(Op::Unroute),
        ];
        let gate = prop_oneof![
            (two(), prop::option::of(vni())).prop_map(|(vpg, vni)| Op::Open(vpg, vni)),
            two().prop_map(Op::Close),
            (two(), vni()).prop_map(|(vpg, vni)| Op::Vni(vpg, vni)),
            (two(), any::<bool>()).prop_map(|(vpg, on)| Op::Separator(vpg, on)),
            (two(), two()).prop_map(|(vpg, peer)| Op::Register(vpg, peer)),
            (two(), two()).prop_map(|(vpg, peer)| Op::Unregister(vpg, peer)),
        ];
        prop_oneof![
            5 => two().prop_map(Op::Create),
            2 => two().prop_map(Op::Terminate),
            5 => seconds.prop_map(Op::Wait),
            12 => devices,
            10 => links,
            4 => gate,
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
