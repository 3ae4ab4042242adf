//! Both clouds for the tests of this folder, driven by actions as scenarios write them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;

use crate::cloud::aws::InstanceId;
use crate::cloud::soracom::SimId;
use crate::cloud::{Action, Cloud, NodeName, Reason};
use crate::guest::{Guest, Guests, Interface, Listen, Route, Transport, Vxlan, Way};
use crate::reach::{Ask, Flow, Map, Mend, Verdict, mend};

/// Where everything begins: two VPCs, peered; a Type-F VPG with Canal to one of them and Gate to its
/// server; a Type-F2 VPG attached to the other; a device on each, and one without a VPG.
///
/// ```text
///   sensor, camera ── VPG f ──canal── customer 10.0.0.0/16: server, spare ──pcx── office 10.1.0.0/16: desk
///   meter ─────────── VPG f2 ─────────────────────────────────────────────tgw──────╯
/// ```
const WORKING: &str = r#"
do = "CreateVpc", as = "customer", cidr = "10.0.0.0/16"
do = "CreateSubnet", as = "public", vpc = "customer", cidr = "10.0.0.0/24"
do = "CreateSubnet", as = "private", vpc = "customer", cidr = "10.0.1.0/24"
do = "CreateInternetGateway", as = "gateway"
do = "AttachInternetGateway", internet_gateway = "gateway", vpc = "customer"
do = "CreateRouteTable", as = "public", vpc = "customer"
do = "AssociateRouteTable", route_table = "public", subnet = "public"
do = "CreateSecurityGroup", as = "web", vpc = "customer"
do = "AuthorizeSecurityGroupIngress", security_group = "web", rule = { source = "0.0.0.0/0" }
do = "CreateNetworkAcl", as = "strict", vpc = "customer"
do = "CreateNetworkAclEntry", network_acl = "strict", rule_number = 100, action = "allow", cidr = "0.0.0.0/0"
do = "CreateNetworkAclEntry", network_acl = "strict", egress = true, rule_number = 100, action = "allow", cidr = "0.0.0.0/0"
do = "ReplaceNetworkAclAssociation", subnet = "public", network_acl = "strict"
do = "RunInstances", as = "server", subnet = "public", private_ip = "10.0.0.254", public_ip = true, security_groups = ["web"]
do = "RunInstances", as = "spare", subnet = "private", private_ip = "10.0.1.9"
do = "CreateVpc", as = "office", cidr = "10.1.0.0/16"
do = "CreateSubnet", as = "desks", vpc = "office", cidr = "10.1.0.0/24"
do = "CreateSecurityGroup", as = "desks", vpc = "office"
do = "AuthorizeSecurityGroupIngress", security_group = "desks", rule = { source = "0.0.0.0/0" }
do = "RunInstances", as = "desk", subnet = "desks", private_ip = "10.1.0.9", security_groups = ["desks"]
do = "CreateVpcPeeringConnection", as = "pcx", vpc = "customer", peer_vpc = "office"
do = "AcceptVpcPeeringConnection", peering = "pcx"
do = "createVirtualPrivateGateway", as = "f", type = "F", vpg_subnet = "100.64.0.0/24"
do = "createVirtualPrivateGateway", as = "f2", type = "F2", vpg_subnet = "100.64.1.0/24", internet_gateway = false, device_subnet = "172.16.0.0/16"
do = "createVpcPeeringConnection", as = "canal", vpg = "f", vpc = "customer"
do = "AcceptVpcPeeringConnection", peering = "canal"
do = "createTransitGatewayVpcAttachment", as = "tgw", vpg = "f2", vpc = "office"
do = "acceptTransitGatewayVpcAttachmentFromCustomer", vpg = "f2", attachment = "tgw"
do = "createCustomerRoute", as = "to-office", vpg = "f2", destination = "10.1.0.0/16", target = "tgw"
do = "openGate", vpg = "f"
do = "registerGatePeer", vpg = "f", outer_ip = "10.0.0.254", inner_ip = "10.254.0.254"
do = "CreateRoute", route_table = "public", destination = "0.0.0.0/0", target = "igw"
do = "CreateRoute", route_table = "public", destination = "100.64.0.0/24", target = "canal"
do = "CreateRoute", route_table = "public", destination = "10.1.0.0/16", target = "pcx"
do = "CreateRoute", route_table = "customer-main", destination = "100.64.0.0/24", target = "canal"
do = "CreateRoute", route_table = "office-main", destination = "10.0.0.0/16", target = "pcx"
do = "CreateRoute", route_table = "office-main", destination = "172.16.0.0/16", target = "tgw"
do = "createGroup", as = "on-f"
do = "putConfigurationParameters", group = "on-f", parameters = { useVpg = true, vpgId = "f" }
do = "createGroup", as = "on-f2"
do = "putConfigurationParameters", group = "on-f2", parameters = { useVpg = true, vpgId = "f2" }
do = "registerSim", as = "sensor", group = "on-f"
do = "registerSim", as = "camera", group = "on-f"
do = "registerSim", as = "meter", group = "on-f2"
do = "putVirtualPrivateGatewayIpAddressMapEntry", vpg = "f", sim = "sensor", ip = "10.128.0.10"
do = "connect", sim = "sensor"
do = "connect", sim = "camera"
do = "connect", sim = "meter"
do = "registerSim", as = "loner"
do = "connect", sim = "loner"
"#;

/// When everything is done.
pub(super) const NOW: Duration = Duration::from_secs(600);

/// The world under test.
#[derive(Clone, Debug)]
pub(super) struct Lab {
    pub cloud: Cloud,
    pub guests: Guests,
}

/// An action from the line that writes it.
pub(super) fn action(line: &str) -> Action {
    let mut file: toml::Table = toml::from_str(&format!("step = {{ {line} }}")).unwrap();
    let mut parameters = match file.remove("step").unwrap() {
        toml::Value::Table(table) => table,
        other => panic!("{other}"),
    };
    let name = parameters.remove("do").unwrap();
    Action::read(name.as_str().unwrap(), toml::Value::Table(parameters))
        .unwrap_or_else(|| panic!("{line}"))
        .unwrap_or_else(|error| panic!("{line}: {error}"))
}

impl Lab {
    /// Everything works.
    pub fn working() -> Self {
        let mut lab = Self {
            cloud: Cloud::default(),
            guests: Guests::new(),
        };
        for line in WORKING.trim().lines() {
            // VPGs come up in the ten minutes before NOW.
            let done = lab.cloud.apply(&action(line), Duration::ZERO);
            assert!(done.is_ok(), "{line}: {done:?}");
            lab.cloud.advance(NOW);
        }
        lab.guests.insert(instance("server"), server());
        lab
    }

    /// What is asked of the clouds succeeds.
    pub fn done(&mut self, line: &str) {
        if let Err(error) = self.cloud.apply(&action(line), NOW) {
            panic!("{line}: {error}");
        }
    }

    /// After these lines.
    pub fn after(lines: &[&str]) -> Self {
        let mut lab = Self::working();
        for line in lines {
            lab.done(line);
        }
        lab
    }

    pub fn vxlan(&mut self, change: impl FnOnce(&mut Vxlan)) {
        let guest = self.guests.get_mut(&instance("server")).unwrap();
        let interface = guest.interfaces.get_mut("vxlan0").unwrap();
        change(interface.vxlan.as_mut().unwrap());
    }

    /// The verdict on a flow.
    pub fn verdict(&self, flow: &Flow) -> Verdict {
        Map::new(&self.cloud, &self.guests)
            .predict(flow)
            .unwrap()
            .verdict
    }

    /// Why a flow dies, where it does.
    pub fn reason(&self, flow: &Flow) -> Option<Reason> {
        match self.verdict(flow) {
            Verdict::Blocked { reason, .. } => Some(reason),
            Verdict::Reachable | Verdict::Refused => None,
        }
    }

    /// The mend for a flow that dies.
    pub fn mend(&self, flow: &Flow) -> Mend {
        let map = Map::new(&self.cloud, &self.guests);
        mend(&self.cloud, flow, &map.predict(flow).unwrap()).unwrap()
    }

    /// The mend as text: what is asked of the clouds, and what is typed.
    pub fn lines(&self, flow: &Flow) -> Vec<String> {
        let mend = self.mend(flow);
        let actions = mend.actions.iter().map(|action| action.line().unwrap());
        actions.chain(mend.commands).collect()
    }

    /// Carries out what a mend asks of the clouds.
    pub fn carry_out(&mut self, mend: &Mend) {
        for action in &mend.actions {
            let done = self.cloud.apply(action, NOW);
            assert!(done.is_ok(), "{action:?}: {done:?}");
        }
    }
}

pub(super) fn instance(name: &str) -> NodeName {
    NodeName::Instance(InstanceId::new(name))
}

pub(super) fn sim(name: &str) -> NodeName {
    NodeName::Sim(SimId::new(name))
}

pub(super) fn flow(from: NodeName, to: &str, ask: Ask) -> Flow {
    Flow {
        from,
        to: to.parse().unwrap(),
        ask,
    }
}

/// The server as the walk-through configures it by hand.
fn server() -> Guest {
    let out = |dev: &str, via: Option<&str>| Route {
        way: Way::Out {
            dev: dev.into(),
            via: via.map(|ip| ip.parse().unwrap()),
        },
        source: None,
    };
    let net = |text: &str| text.parse::<Ipv4Net>().unwrap();
    let ip = |text: &str| text.parse::<Ipv4Addr>().unwrap();
    let vxlan = Vxlan {
        vni: 10,
        port: 4789,
        local: Some(ip("10.0.0.254")),
        below: Some("eth0".into()),
        flood: BTreeSet::from([ip("100.64.0.4"), ip("100.64.0.132")]),
        learned: BTreeMap::new(),
    };
    let interface = |mtu, address, vxlan| Interface {
        up: true,
        mtu,
        addresses: vec![net(address)],
        vxlan,
    };
    let listen = |transport, port| Listen {
        transport,
        address: Ipv4Addr::UNSPECIFIED,
        port,
    };
    Guest {
        interfaces: BTreeMap::from([
            ("eth0".into(), interface(9001, "10.0.0.254/24", None)),
            (
                "vxlan0".into(),
                interface(8951, "10.254.0.254/9", Some(vxlan)),
            ),
        ]),
        routes: BTreeMap::from([
            (net("0.0.0.0/0"), out("eth0", Some("10.0.0.1"))),
            (net("10.0.0.0/24"), out("eth0", None)),
            (net("10.128.0.0/9"), out("vxlan0", None)),
        ]),
        forwarding: false,
        listens: BTreeSet::from([listen(Transport::Tcp, 80), listen(Transport::Udp, 53)]),
        doubts: BTreeSet::new(),
    }
}
