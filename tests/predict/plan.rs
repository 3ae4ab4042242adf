//! A topology and what is asked in it, as a value that shrinks.
//!
//! Whatever a plan says can be written as a scenario: indices are taken modulo the number of things that
//! there are, and what the clouds would refuse is left out. So nothing is filtered, and each piece can
//! be taken away or made simpler by itself. The simplest value of each type comes first.

/// Which one of several.
pub type Pick = u8;

/// All of it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The customer's VPCs.
    pub vpcs: Vec<Vpc>,
    /// Peerings between two of them.
    pub peerings: Vec<Peering>,
    /// The VPGs.
    pub vpgs: Vec<Vpg>,
    /// The SIMs.
    pub sims: Vec<Sim>,
    /// What listens on the internet.
    pub internet: Serve,
    /// Whether eight days pass before the first question, so that requests expire.
    pub late: bool,
    /// The steps.
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub struct Vpc {
    /// Which range it has.
    pub range: Pick,
    pub internet_gateway: bool,
    pub subnets: Vec<Subnet>,
    pub main: Routes,
    pub groups: Vec<Group>,
    pub instances: Vec<Instance>,
}

#[derive(Clone, Debug)]
pub struct Subnet {
    /// Its own route table; without one, the main table counts.
    pub table: Option<Routes>,
    pub acl: Option<Acl>,
}

/// Routes of a table: the right ones of each sort, or not, and others.
#[derive(Clone, Debug)]
pub struct Routes {
    pub default: bool,
    pub peerings: bool,
    pub canals: bool,
    pub attachments: bool,
    pub odd: Vec<OddRoute>,
}

/// A route from anywhere to anything.
#[derive(Clone, Debug)]
pub struct OddRoute {
    pub destination: Pick,
    pub target: Pick,
}

#[derive(Clone, Debug)]
pub struct Group {
    pub ingress: Vec<Rule>,
    pub egress: Egress,
}

#[derive(Clone, Debug)]
pub enum Egress {
    All,
    Rules(Vec<Rule>),
}

#[derive(Clone, Debug)]
pub struct Rule {
    pub what: What,
    pub who: Who,
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Everything,
    Tcp(u16),
    AllTcp,
    Udp(u16),
    AllUdp,
    Ephemeral(bool),
    Icmp(Option<u8>),
}

/// Whom a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Anywhere,
    OwnVpc,
    OtherVpc(Pick),
    VpgRange(Pick),
    /// One of the VPG's two nodes.
    VpgHalf(Pick),
    DeviceSubnet(Pick),
    Private,
    OwnGroup(Pick),
    PeerGroup(Pick, Pick),
    Pc,
    Nobody,
}

/// A network ACL: what it allows without looking, and entries before that.
#[derive(Clone, Debug)]
pub struct Acl {
    pub everything_in: bool,
    pub everything_out: bool,
    pub ingress: Vec<Entry>,
    pub egress: Vec<Entry>,
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub number: u8,
    pub deny: bool,
    pub rule: Rule,
}

#[derive(Clone, Debug)]
pub struct Instance {
    pub subnet: Pick,
    /// Its groups; without any, the VPC's default one.
    pub groups: Vec<Pick>,
    pub public: Public,
    pub unchecked: bool,
    pub stopped: bool,
    pub forwards: bool,
    pub serve: Serve,
    pub tunnel: Option<Tunnel>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Public {
    None,
    Assigned,
    Elastic,
}

/// What listens: TCP ports 80 and 8080, UDP port 7.
#[derive(Clone, Copy, Debug, Default)]
pub struct Serve {
    pub http: bool,
    pub tcp: bool,
    pub udp: bool,
}

/// An instance's end of Gate.
#[derive(Clone, Debug)]
pub struct Tunnel {
    pub vpg: Pick,
    pub registered: Registered,
    pub mistake: Mistake,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    Right,
    Not,
    OtherInner,
    OtherOuter,
}

/// What is wrong with the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    None,
    NoScript,
    Vni,
    LinuxPort,
    OtherPort,
    NoFlood,
    OnlyFirst,
    OnlySecond,
    FloodElsewhere,
    FloodToOther,
    InnerOutside,
    InnerUnregistered,
    NoInner,
    Netmask,
    Down,
    WrongLocal,
    NoLocal,
}

/// A peering between the customer's VPCs.
#[derive(Clone, Debug)]
pub struct Peering {
    pub from: Pick,
    pub to: Pick,
    pub state: State,
}

/// How far a request got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Accepted,
    Requested,
    Rejected,
    Deleted,
}

#[derive(Clone, Debug)]
pub struct Vpg {
    pub kind: Kind,
    pub internet_gateway: bool,
    pub devices: Pick,
    pub range: Pick,
    pub gate: bool,
    pub other_vni: bool,
    pub separator: bool,
    pub filter: Vec<FilterEntry>,
    /// To which VPCs there are peerings or attachments.
    pub links: Vec<VpgLink>,
    pub mtu: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    F,
    F2,
    E,
}

/// A peering of a Type-F VPG, or an attachment of a Type-F2 one.
#[derive(Clone, Debug)]
pub struct VpgLink {
    pub vpc: Pick,
    pub state: State,
    pub destination: Destination,
}

/// What a VPG routes to a VPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    Vpc,
    FirstSubnet,
    Elsewhere,
}

#[derive(Clone, Debug)]
pub struct FilterEntry {
    pub allow: bool,
    pub range: Pick,
}

#[derive(Clone, Debug)]
pub struct Sim {
    /// Which VPG its group names; none is the shared platform.
    pub home: Option<Pick>,
    pub session: Session,
    pub pinned: bool,
    pub serve: Serve,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    Online,
    Offline,
    /// Moved to another group, and not reconnected.
    Moved(Pick),
}

/// A question, or a change between two questions.
#[derive(Clone, Debug)]
pub enum Step {
    Ask(Flow),
    Change(Change),
}

#[derive(Clone, Debug)]
pub struct Flow {
    pub from: Pick,
    pub to: To,
    pub ask: Ask,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// One that may well be reached.
    Likely(Pick),
    /// A machine, by its name.
    Node(Pick),
    /// The inner address of a Gate peer.
    Inner(Pick),
    /// An instance's public address, whoever asks.
    Public(Pick),
    /// `pong`, `dns`, `ntp`.
    Endpoint(Pick),
    /// An address of a VPG's own.
    VpgOwn(Pick),
    /// An address of the clouds' or of nobody's.
    Address(Pick),
}

/// How it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    Ping,
    Tcp(u16),
    Udp(u16),
    Large { size: u16, dont_fragment: bool },
}

/// Something that changes; left out where the clouds would refuse it.
#[derive(Clone, Debug)]
pub enum Change {
    Stop(Pick),
    Start(Pick),
    Reboot(Pick),
    Check(Pick, bool),
    Regroup(Pick, Pick),
    Reconnect(Pick),
    Disconnect(Pick),
    Move(Pick, Option<Pick>),
    OpenGate(Pick),
    CloseGate(Pick),
    Vni(Pick, bool),
    Separator(Pick, bool),
    Filter(Pick, Vec<FilterEntry>),
    DeletePeering(Pick),
    AcceptPeering(Pick),
    DeleteCanal(Pick),
    Unregister(Pick),
    TunnelDown(Pick),
    TunnelUp(Pick),
    /// Runs the script as it should be.
    TunnelAgain(Pick),
    DetachGateway(Pick),
}
