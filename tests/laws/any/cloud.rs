//! Random clouds: what comes of random actions.

use std::sync::LazyLock;
use std::time::Duration;

use canal_sim::cloud::{ApiError, Cloud, Event, Time};
use proptest::collection::{SizeRange, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::action::{Step, action, step};

/// Both clouds and a clock.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub cloud: Cloud,
    pub now: Time,
}

impl World {
    /// Little is there: VPC `customer`, running VPGs `vpg` (Type-F) and `f2` (Type-F2), group `canal` on
    /// `vpg` with the SIMs `sensor` and `camera`, offline.
    fn bare() -> Self {
        let mut world = Self::default();
        world.run(
            "CreateVpc",
            json!({"as": "customer", "cidr": "10.0.0.0/16"}),
        );
        for (name, vpg_type) in [("vpg", "F"), ("f2", "F2")] {
            let vpg = json!({"as": name, "type": vpg_type});
            world.run("createVirtualPrivateGateway", vpg);
        }
        world.pass(Duration::from_secs(180));
        world.group("canal", "vpg", &["sensor", "camera"]);
        world
    }

    /// Everything is joined to something:
    ///
    /// ```text
    ///  sensor, camera ── vpg ── pcx ─┐
    ///                                customer ── between ── office
    ///  tracker ───────── f2 ── tgw ──┤ server                worker
    ///                                │ router
    ///  pc ──── internet ──── door ───┘
    /// ```
    fn connected() -> Self {
        let mut world = Self::bare();
        world.run("CreateVpc", json!({"as": "office", "cidr": "10.1.0.0/16"}));
        for (subnet, vpc, cidr) in [
            ("public", "customer", "10.0.0.0/24"),
            ("desk", "office", "10.1.0.0/24"),
        ] {
            world.run(
                "CreateSubnet",
                json!({"as": subnet, "vpc": vpc, "cidr": cidr}),
            );
        }
        world.run("CreateInternetGateway", json!({"as": "door"}));
        let door = json!({"internet_gateway": "door", "vpc": "customer"});
        world.run("AttachInternetGateway", door);
        world.run(
            "CreateRouteTable",
            json!({"as": "public", "vpc": "customer"}),
        );
        let table = json!({"route_table": "public", "subnet": "public"});
        world.run("AssociateRouteTable", table);
        let between = json!({"as": "between", "vpc": "customer", "peer_vpc": "office"});
        world.run("CreateVpcPeeringConnection", between);
        world.run("AcceptVpcPeeringConnection", json!({"peering": "between"}));
        let pcx = json!({"as": "pcx", "vpg": "vpg", "vpc": "customer"});
        world.run("createVpcPeeringConnection", pcx);
        world.run("AcceptVpcPeeringConnection", json!({"peering": "pcx"}));
        let tgw = json!({"as": "tgw", "vpg": "f2", "vpc": "customer"});
        world.run("createTransitGatewayVpcAttachment", tgw);
        let tgw = json!({"vpg": "f2", "attachment": "tgw"});
        world.run("acceptTransitGatewayVpcAttachmentFromCustomer", tgw);
        let home =
            json!({"as": "home", "vpg": "f2", "destination": "10.0.0.0/16", "target": "tgw"});
        world.run("createCustomerRoute", home);
        for (table, destination, target) in [
            ("public", "0.0.0.0/0", "igw"),
            ("public", "10.1.0.0/16", "between"),
            ("public", "100.64.0.0/24", "pcx"),
            ("public", "10.128.0.0/9", "tgw"),
            ("office-main", "10.0.0.0/16", "between"),
        ] {
            let route = json!({"route_table": table, "destination": destination, "target": target});
            world.run("CreateRoute", route);
        }
        world.run(
            "CreateSecurityGroup",
            json!({"as": "web", "vpc": "customer"}),
        );
        for (group, rule) in [
            (
                "web",
                json!({"protocol": "tcp", "port": 80, "source": "0.0.0.0/0"}),
            ),
            ("web", json!({"protocol": "icmp", "source": "0.0.0.0/0"})),
            (
                "web",
                json!({"protocol": "udp", "port": 4789, "source": "100.64.0.0/16"}),
            ),
            ("office-default", json!({"source": "10.0.0.0/8"})),
        ] {
            let rule = json!({"security_group": group, "rule": rule});
            world.run("AuthorizeSecurityGroupIngress", rule);
        }
        let web = json!(["web"]);
        world.run("RunInstances", json!({"as": "server", "subnet": "public", "private_ip": "10.0.0.10", "public_ip": true, "security_groups": web}));
        world.run("RunInstances", json!({"as": "router", "subnet": "public", "private_ip": "10.0.0.11", "source_dest_check": false, "security_groups": web}));
        world.run(
            "RunInstances",
            json!({"as": "worker", "subnet": "desk", "private_ip": "10.1.0.10"}),
        );
        world.group("transit", "f2", &["tracker"]);
        world.run("openGate", json!({"vpg": "vpg"}));
        world.run(
            "registerGatePeer",
            json!({"vpg": "vpg", "outer_ip": "10.0.0.10"}),
        );
        for sim in ["sensor", "camera", "tracker"] {
            world.run("connect", json!({"sim": sim}));
        }
        world
    }

    /// A group on a VPG, and SIMs in it.
    fn group(&mut self, group: &str, vpg: &str, sims: &[&str]) {
        self.run("createGroup", json!({"as": group}));
        let parameters = json!({"useVpg": true, "vpgId": vpg});
        let settings = json!({"group": group, "parameters": parameters});
        self.run("putConfigurationParameters", settings);
        for sim in sims {
            self.run("registerSim", json!({"as": sim, "group": group}));
        }
    }

    /// Carries out what must succeed.
    pub fn run(&mut self, name: &str, parameters: Value) {
        let done = self
            .cloud
            .apply(&action(name, parameters.clone()), self.now);
        if let Err(error) = done {
            panic!("{name} {parameters}: {error}\n{:#?}", self.cloud);
        }
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: Duration) -> Vec<Event> {
        self.now += time;
        self.cloud.advance(self.now)
    }

    /// Lets the step's time pass, and does what it says.
    pub fn take(&mut self, step: &Step) -> Result<Vec<Event>, ApiError> {
        self.pass(step.after);
        self.cloud.apply(&step.action, self.now)
    }
}

/// Where random actions begin.
#[derive(Clone, Copy, Debug)]
pub enum Start {
    /// See [`World::connected`].
    Connected,
    /// See [`World::bare`].
    Bare,
}

impl Start {
    /// The world there.
    pub fn world(self) -> World {
        static BARE: LazyLock<World> = LazyLock::new(World::bare);
        static CONNECTED: LazyLock<World> = LazyLock::new(World::connected);
        match self {
            Self::Connected => CONNECTED.clone(),
            Self::Bare => BARE.clone(),
        }
    }
}

/// A start and steps from there, some of which are refused.
#[derive(Clone, Debug)]
pub struct Walk {
    pub start: Start,
    pub steps: Vec<Step>,
}

impl Walk {
    /// Where it leads.
    pub fn end(&self) -> World {
        let mut world = self.start.world();
        for step in &self.steps {
            // A refusal is a step that leads nowhere.
            let _ = world.take(step);
        }
        world
    }
}

/// Walks from either start.
pub fn walk(steps: impl Into<SizeRange>) -> impl Strategy<Value = Walk> {
    let start = prop_oneof![Just(Start::Connected), Just(Start::Bare)];
    (start, vec(step(), steps)).prop_map(|(start, steps)| Walk { start, steps })
}

/// Walks that don't lead far from the connected world, so that packets still get somewhere.
pub fn stroll() -> impl Strategy<Value = Walk> {
    vec(step(), 0..12).prop_map(|steps| Walk {
        start: Start::Connected,
        steps,
    })
}
