//! Both clouds, arranged so that a packet's next stop is found at once.
//!
//! Making it costs a walk over all resources; predicting with it costs nothing but the packet's own way.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::hop::Node;
use crate::cloud::aws::{
    AttachmentId, AttachmentStatus, Aws, Instance, InstanceId, InstanceState, InternetGatewayId,
    NetworkAcl, NetworkAclId, Peering, PeeringId, PeeringSide, PeeringStatus, RouteTableId,
    RouteTarget, SecurityGroup, SecurityGroupId, SubnetId, Vpc, VpcId,
};
use crate::cloud::soracom::{CustomerRouteId, Session, SimId, Vpg, VpgId, VpgStatus};
use crate::cloud::{Cloud, LinkName, NodeName};
use crate::guest::{Guest, Guests};

/// No link is cut.
static NONE: BTreeSet<LinkName> = BTreeSet::new();

/// Both clouds, and what is known of the machines in them, ready for predictions.
#[derive(Debug)]
pub struct Map<'a> {
    pub(super) cloud: &'a Cloud,
    pub(super) vpcs: Vec<VpcView<'a>>,
    /// The interfaces of running instances.
    pub(super) interfaces: Vec<Interface<'a>>,
    pub(super) peerings: Vec<PeeringView<'a>>,
    pub(super) attachments: Vec<AttachmentView<'a>>,
    /// The running VPGs.
    pub(super) vpgs: Vec<VpgView<'a>>,
    pub(super) sims: Vec<SimView<'a>>,
    /// Public address → interface, where the internet reaches it.
    pub(super) public: HashMap<Ipv4Addr, usize>,
    /// Global address → VPG and node.
    pub(super) global: HashMap<Ipv4Addr, (usize, usize)>,
    /// Device address on the shared platform → SIM.
    pub(super) shared: HashMap<Ipv4Addr, usize>,
    pub(super) pc: Option<&'a Guest>,
    pub(super) internet: Option<&'a Guest>,
    /// The links that are cut.
    pub(super) cut: &'a BTreeSet<LinkName>,
    by_instance: HashMap<&'a str, usize>,
    by_sim: HashMap<&'a str, usize>,
}

/// A VPC.
#[derive(Debug)]
pub(super) struct VpcView<'a> {
    pub id: &'a VpcId,
    pub vpc: &'a Vpc,
    pub gateway: Option<&'a InternetGatewayId>,
    /// Private address → interface.
    pub interfaces: HashMap<Ipv4Addr, usize>,
    /// Private address → groups, of stopped instances too.
    pub groups: HashMap<Ipv4Addr, &'a Instance>,
    /// The first addresses of its subnets: those of its router.
    pub routers: Vec<Ipv4Addr>,
}

/// The network interface of a running instance.
#[derive(Debug)]
pub(super) struct Interface<'a> {
    pub id: &'a InstanceId,
    pub instance: &'a Instance,
    pub vpc: usize,
    pub subnet: &'a SubnetId,
    /// The subnet's range.
    pub range: Ipv4Net,
    pub acl: Option<(&'a NetworkAclId, &'a NetworkAcl)>,
    pub table: Option<(&'a RouteTableId, Vec<Route<'a>>)>,
    pub groups: Vec<(&'a SecurityGroupId, &'a SecurityGroup)>,
    /// How the internet sees it, where the VPC has an internet gateway.
    pub public: Option<Ipv4Addr>,
    pub guest: Option<&'a Guest>,
}

/// A route, the most specific first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route<'a> {
    pub prefix: Ipv4Net,
    pub target: &'a RouteTarget,
    /// What it leads to; none for a blackhole.
    pub to: Option<RouteTo>,
}

/// What a route leads to.
#[derive(Clone, Copy, Debug)]
pub(super) enum RouteTo {
    InternetGateway,
    Peering(usize),
    Attachment(usize),
    Interface(usize),
}

/// A peering connection.
#[derive(Debug)]
pub(super) struct PeeringView<'a> {
    pub id: &'a PeeringId,
    pub peering: &'a Peering,
    pub active: bool,
    /// Requester and accepter.
    pub ends: [PeeringEnd; 2],
}

/// What stands at a side of a peering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeeringEnd {
    Vpc(usize),
    Vpg(usize),
    Nothing,
}

/// A Transit Gateway attachment.
#[derive(Debug)]
pub(super) struct AttachmentView<'a> {
    pub id: &'a AttachmentId,
    pub active: bool,
    pub vpc: Option<usize>,
    pub vpg: Option<usize>,
}

/// A running VPG.
#[derive(Debug)]
pub(super) struct VpgView<'a> {
    pub id: &'a VpgId,
    pub vpg: &'a Vpg,
    /// Device address → SIM and the node that serves it.
    pub devices: HashMap<Ipv4Addr, (usize, usize)>,
    /// Ways to private networks, the most specific first.
    pub ways: Vec<(Ipv4Net, VpgWay<'a>)>,
}

/// A VPG's way to a private network.
#[derive(Clone, Copy, Debug)]
pub(super) enum VpgWay<'a> {
    Peering(usize),
    Customer(&'a CustomerRouteId, usize),
}

/// A SIM and its device.
#[derive(Debug)]
pub(super) struct SimView<'a> {
    pub id: &'a SimId,
    /// The session, where packets can use it.
    pub session: Option<&'a Session>,
    /// The VPG and the node that serve it; none on the shared platform.
    pub anchor: Option<(usize, usize)>,
    pub guest: Option<&'a Guest>,
}

impl<'a> Map<'a> {
    /// Arranges both clouds. Machines that `guests` does not have are taken as their cloud made them,
    /// with something that listens on whatever is asked.
    pub fn new(cloud: &'a Cloud, guests: &'a Guests) -> Self {
        let by_name = |node: &NodeName| guests.get(node);
        let mut map = Self {
            cloud,
            vpcs: Vec::new(),
            interfaces: Vec::new(),
            peerings: Vec::new(),
            attachments: Vec::new(),
            vpgs: Vec::new(),
            sims: Vec::new(),
            public: HashMap::new(),
            global: HashMap::new(),
            shared: HashMap::new(),
            pc: by_name(&NodeName::Pc),
            internet: by_name(&NodeName::Internet),
            cut: &NONE,
            by_instance: HashMap::new(),
            by_sim: HashMap::new(),
        };
        let vpcs = map.add_vpcs();
        map.add_interfaces(&vpcs, guests);
        map.add_sims_and_vpgs(guests);
        map.add_peerings(&vpcs);
        map.add_routes();
        map
    }

    /// The same with links that are cut; as it is made, none is.
    pub fn with_cut(mut self, links: &'a BTreeSet<LinkName>) -> Self {
        self.cut = links;
        self
    }

    /// The node of this name, if packets can come from it.
    pub(super) fn node(&self, name: &NodeName) -> Option<Place> {
        match name {
            NodeName::Sim(sim) => self.by_sim.get(sim.as_str()).copied().map(Place::Sim),
            NodeName::Instance(id) => {
                let found = self.by_instance.get(id.as_str());
                found.copied().map(Place::Interface)
            }
            NodeName::Pc => Some(Place::Pc),
            NodeName::Internet => Some(Place::Internet),
        }
    }

    /// The machine at a place.
    pub(super) fn machine(&self, place: Place) -> Node<'a> {
        match place {
            Place::Sim(at) => Node::Sim(self.sims[at].id),
            Place::Interface(at) => Node::Instance(self.interfaces[at].id),
            Place::Pc => Node::Pc,
            Place::Internet => Node::Internet,
        }
    }

    /// What is known of the machine at a place.
    pub(super) fn guest(&self, place: Place) -> Option<&'a Guest> {
        match place {
            Place::Sim(at) => self.sims[at].guest,
            Place::Interface(at) => self.interfaces[at].guest,
            Place::Pc => self.pc,
            Place::Internet => self.internet,
        }
    }

    fn add_vpcs(&mut self) -> HashMap<&'a str, usize> {
        let aws = &self.cloud.aws;
        let mut numbers = HashMap::new();
        for (id, vpc) in &aws.vpcs {
            numbers.insert(id.as_str(), self.vpcs.len());
            let mut gateways = aws.internet_gateways.iter();
            let gateway = gateways.find(|(_, gateway)| gateway.vpc.as_ref() == Some(id));
            self.vpcs.push(VpcView {
                id,
                vpc,
                gateway: gateway.map(|(id, _)| id),
                interfaces: HashMap::new(),
                groups: HashMap::new(),
                routers: Vec::new(),
            });
        }
        for subnet in aws.subnets.values() {
            if let Some(vpc) = numbers.get(subnet.vpc.as_str()) {
                self.vpcs[*vpc].routers.push(nth(subnet.cidr, 1));
            }
        }
        numbers
    }

    fn add_interfaces(&mut self, vpcs: &HashMap<&'a str, usize>, guests: &'a Guests) {
        let aws = &self.cloud.aws;
        let mut elastic: HashMap<&InstanceId, Ipv4Addr> = HashMap::new();
        for address in aws.addresses.values() {
            if let Some(instance) = &address.instance {
                elastic.insert(instance, address.public_ip);
            }
        }
        for (id, instance) in &aws.instances {
            let Some((subnet_id, subnet)) = aws.subnets.get_key_value(&instance.subnet) else {
                continue;
            };
            let Some(&vpc) = vpcs.get(subnet.vpc.as_str()) else {
                continue;
            };
            self.vpcs[vpc].groups.insert(instance.private_ip, instance);
            if instance.state != InstanceState::Running {
                continue;
            }
            let number = self.interfaces.len();
            self.vpcs[vpc]
                .interfaces
                .insert(instance.private_ip, number);
            self.by_instance.insert(id.as_str(), number);
            let own_or_assigned = elastic.get(id).copied().or(instance.assigned_public_ip);
            let public = own_or_assigned.filter(|_| self.vpcs[vpc].gateway.is_some());
            if let Some(public) = public {
                self.public.insert(public, number);
            }
            let groups = instance.security_groups.iter();
            self.interfaces.push(Interface {
                id,
                instance,
                vpc,
                subnet: subnet_id,
                range: subnet.cidr,
                acl: aws.network_acls.get_key_value(&subnet.network_acl),
                table: None,
                groups: groups
                    .filter_map(|group| aws.security_groups.get_key_value(group))
                    .collect(),
                public,
                guest: guests.get(&NodeName::Instance(id.clone())),
            });
        }
    }

    fn add_sims_and_vpgs(&mut self, guests: &'a Guests) {
        let soracom = &self.cloud.soracom;
        let mut numbers = HashMap::new();
        for (id, vpg) in &soracom.vpgs {
            if vpg.status != VpgStatus::Running {
                continue;
            }
            let number = self.vpgs.len();
            numbers.insert(id, number);
            for (node, global) in vpg.global_ips.into_iter().flatten().enumerate() {
                self.global.insert(global, (number, node));
            }
            self.vpgs.push(VpgView {
                id,
                vpg,
                devices: HashMap::new(),
                ways: Vec::new(),
            });
        }
        for (id, sim) in &soracom.sims {
            let number = self.sims.len();
            let anchor = sim.session.as_ref().and_then(|s| s.anchor.as_ref());
            let served = anchor.map(|(vpg, node)| Some((*numbers.get(vpg)?, *node)));
            let session = match served {
                Some(None) => None,
                Some(Some(_)) | None => sim.session.as_ref(),
            };
            let anchor = served.flatten();
            if let (Some((vpg, node)), Some(session)) = (anchor, session) {
                self.vpgs[vpg].devices.insert(session.ip, (number, node));
            }
            if let (None, Some(session)) = (anchor, session) {
                self.shared.insert(session.ip, number);
            }
            self.by_sim.insert(id.as_str(), number);
            self.sims.push(SimView {
                id,
                session,
                anchor,
                guest: guests.get(&NodeName::Sim(id.clone())),
            });
        }
    }

    fn add_peerings(&mut self, vpcs: &HashMap<&'a str, usize>) {
        let aws = &self.cloud.aws;
        let mut numbers = HashMap::new();
        for (id, peering) in &aws.peerings {
            let end = |side: &PeeringSide| {
                if let Some(vpc) = vpcs.get(side.vpc.as_str()) {
                    return PeeringEnd::Vpc(*vpc);
                }
                let mut vpgs = self.vpgs.iter();
                let vpg = vpgs.position(|vpg| vpg.id.vpc() == side.vpc);
                vpg.map_or(PeeringEnd::Nothing, PeeringEnd::Vpg)
            };
            let ends = [end(&peering.requester), end(&peering.accepter)];
            numbers.insert(id, self.peerings.len());
            self.peerings.push(PeeringView {
                id,
                peering,
                active: peering.status == PeeringStatus::Active,
                ends,
            });
        }
        let mut attachments = HashMap::new();
        for (id, attachment) in &aws.attachments {
            let mut vpgs = self.vpgs.iter();
            attachments.insert(id, self.attachments.len());
            self.attachments.push(AttachmentView {
                id,
                active: attachment.status == AttachmentStatus::Active,
                vpc: vpcs.get(attachment.vpc.as_str()).copied(),
                vpg: vpgs.position(|vpg| vpg.vpg.attachments.contains(id)),
            });
        }
        for view in &mut self.vpgs {
            let peerings = view.vpg.peerings.iter().filter_map(|(id, canal)| {
                Some((canal.destination, VpgWay::Peering(*numbers.get(id)?)))
            });
            let routes = view.vpg.customer_routes.iter();
            let routes = routes.filter_map(|(id, route)| {
                let attachment = *attachments.get(&route.target)?;
                Some((route.destination, VpgWay::Customer(id, attachment)))
            });
            view.ways = peerings.chain(routes).collect();
            view.ways
                .sort_by_key(|(prefix, _)| Reverse(prefix.prefix_len()));
        }
    }

    fn add_routes(&mut self) {
        let aws = &self.cloud.aws;
        let tables: Vec<_> = self
            .interfaces
            .iter()
            .map(|interface| {
                let subnet = aws.subnets.get(interface.subnet)?;
                let main = subnet.vpc.main_route_table();
                let name = subnet.route_table.as_ref().unwrap_or(&main);
                let (id, table) = aws.route_tables.get_key_value(name)?;
                let mut routes: Vec<Route> = table
                    .routes
                    .iter()
                    .map(|(prefix, target)| Route {
                        prefix: *prefix,
                        target,
                        to: self.leads_to(aws, interface.vpc, target),
                    })
                    .collect();
                routes.sort_by_key(|route| Reverse(route.prefix.prefix_len()));
                Some((id, routes))
            })
            .collect();
        for (interface, table) in self.interfaces.iter_mut().zip(tables) {
            interface.table = table;
        }
    }

    /// What a route of a VPC's table leads to; nothing where the target can't carry packets (Amazon VPC
    /// User Guide, "Route table concepts").
    fn leads_to(&self, aws: &Aws, vpc: usize, target: &RouteTarget) -> Option<RouteTo> {
        match target {
            RouteTarget::InternetGateway(gateway) => {
                let attached = aws.internet_gateways.get(gateway)?.vpc.as_ref();
                (attached == Some(self.vpcs[vpc].id)).then_some(RouteTo::InternetGateway)
            }
            RouteTarget::Peering(id) => {
                let mut peerings = self.peerings.iter();
                let found = peerings.position(|peering| peering.id == id)?;
                let peering = &self.peerings[found];
                let here = peering.ends.contains(&PeeringEnd::Vpc(vpc));
                (peering.active && here).then_some(RouteTo::Peering(found))
            }
            RouteTarget::TransitGateway(id) => {
                let mut attachments = self.attachments.iter();
                let found = attachments.position(|attachment| attachment.id == id)?;
                let attachment = &self.attachments[found];
                let usable = attachment.active && attachment.vpc == Some(vpc);
                usable.then_some(RouteTo::Attachment(found))
            }
            RouteTarget::Instance(id) => {
                let found = *self.by_instance.get(id.as_str())?;
                (self.interfaces[found].vpc == vpc).then_some(RouteTo::Interface(found))
            }
        }
    }
}

/// A machine, by its place in the [`Map`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Sim(usize),
    Interface(usize),
    Pc,
    Internet,
}

/// The nth address of a range.
pub(super) fn nth(range: Ipv4Net, n: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(range.network()).wrapping_add(n))
}
