//! Links that a scenario asks to behave like links: what they come to in Linux terms, and what is predicted of them.
//!
//! ```text
//! sensor ═══ VPG ─── pcx ═══ VPC customer ═══ server      ═══ can be shaped, cut and degraded
//!             ╚══════ internet
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use canal_sim::cloud::Reason;
use canal_sim::guest::Guests;
use canal_sim::lower::{World, lower};
use canal_sim::network::{Change, Network, Rate, Shape, diff};
use canal_sim::reach::{Ask, Flow, Map, Verdict, resource_at_fault};
use canal_sim::scenario::{self, Course, Scenario, Step, StepKind, links};

const PLAIN: &str = r#"
[aws.vpc.customer]
cidr = "10.0.0.0/16"
internet_gateway = true

[aws.subnet.public]
vpc = "customer"
cidr = "10.0.0.0/24"

[aws.security_group.open]
vpc = "customer"
ingress = [{ source = "0.0.0.0/0" }]

[aws.route_table.public]
vpc = "customer"
subnets = ["public"]
routes = [
    { destination = "100.64.0.0/16", target = "pcx" },
    { destination = "0.0.0.0/0", target = "igw" },
]

[aws.instance.server]
subnet = "public"
private_ip = "10.0.0.254"
security_groups = ["open"]
serve = [{ tcp = 7 }]

[soracom.vpg.vpg]
type = "F"
vpg_subnet = "100.64.0.0/16"
internet_link = "wan"

[soracom.peering.pcx]
vpg = "vpg"
vpc = "customer"
accepted = true

[soracom.group.devices]
vpg = "vpg"

[soracom.sim.sensor]
group = "devices"
link = "slow"

[link.wan]
latency = "5ms"

[link.slow]
like = "cellular"
loss = "1%"
speed_classes = { "s1.slow" = "64kbit/s" }
down = { loss = "0%", jitter = "0ms" }
"#;

fn scenario(steps: &str) -> Scenario {
    let text = format!("{PLAIN}{steps}");
    let (scenario, wrong) = scenario::examine("links.toml", text.as_bytes());
    scenario.unwrap_or_else(|| panic!("{}", wrong.render(false)))
}

/// A scenario's clouds and the network that they come to, step by step.
struct Lab {
    course: Course,
    network: Network,
    steps: std::vec::IntoIter<Step>,
    scenario: Scenario,
}

impl Lab {
    fn new(steps: &str) -> Self {
        let scenario = scenario(steps);
        let course = Course::start(&scenario).unwrap();
        let mut lab = Self {
            course,
            network: Network::default(),
            steps: scenario.steps.clone().into_iter(),
            scenario,
        };
        lab.follow();
        lab
    }

    fn follow(&mut self) -> Vec<Change> {
        let world = World {
            links: self.course.links.plans().clone(),
            ..World::default()
        };
        let wanted = lower(&self.course.cloud, &world);
        let changes = diff(&self.network, &wanted);
        self.network = wanted;
        changes
    }

    /// Carries out the next step; gives what it changes in the network.
    fn step(&mut self) -> Vec<Change> {
        let step = self.steps.next().expect("a step");
        match step.kind {
            StepKind::Do(act) => {
                let action = act.action(&self.scenario.source, &self.course.cloud);
                self.course.act(&action.unwrap()).unwrap();
            }
            StepKind::Link(step) => {
                let link = links::find(&step.link.value, &self.course.cloud).unwrap();
                self.course.links.change(&link, &step.change);
            }
            other => panic!("{other:?}"),
        }
        self.follow()
    }

    fn shapes(&self, link: &str) -> Option<[Shape; 2]> {
        let mut found = self
            .network
            .links
            .iter()
            .filter(|(id, _)| id.as_str() == link);
        let (_, link) = found.next()?;
        link.shapes.as_deref().cloned()
    }

    fn verdict(&self, from: &str, to: &str) -> (Option<Reason>, Option<String>) {
        let guests = Guests::new();
        let map = Map::new(&self.course.cloud, &guests).with_cut(self.course.links.cut());
        let node = |name: &str| scenario::target::node(name, &self.course.cloud).unwrap();
        let from = node(from);
        let to = scenario::target::destination(&from, to, &self.course.cloud).unwrap();
        let flow = Flow {
            from,
            to,
            ask: Ask::Tcp(7),
        };
        let prediction = map.predict(&flow).unwrap();
        let reason = match prediction.verdict {
            Verdict::Reachable | Verdict::Refused => None,
            Verdict::Blocked { reason, .. } => Some(reason),
        };
        (reason, resource_at_fault(&prediction, &self.course.cloud))
    }
}

const SENSOR: &str = "link of SIM sensor";

#[test]
fn a_profile_gives_each_direction_its_shape() {
    let lab = Lab::new("");
    let [up, down] = lab.shapes(SENSOR).expect("shaped");
    assert_eq!(
        up.to_string(),
        "latency 22.25ms, jitter 6.25ms, 2Mbit/s, loss 1%, asleep after 10s"
    );
    assert_eq!(
        down.to_string(),
        "latency 22.25ms, 2Mbit/s, asleep after 10s"
    );
    for node in ["a", "b"] {
        let [up, down] = lab
            .shapes(&format!("internet link of VPG vpg, node {node}"))
            .unwrap();
        assert_eq!(up.to_string(), "latency 5ms");
        assert_eq!(up, down);
    }
    let shaped = lab
        .network
        .links
        .values()
        .filter(|link| link.shapes.is_some());
    assert_eq!(shaped.count(), 3, "nobody asked for the others");
}

#[test]
fn up_is_away_from_what_has_the_link() {
    let lab =
        Lab::new("[[step]]\nlink = \"server\"\ncut = true\n[[step]]\nlink = \"pcx\"\ncut = true\n");
    let from: BTreeMap<&str, &str> = lab
        .network
        .links
        .iter()
        .filter(|(_, link)| link.shapes.is_some())
        .map(|(id, link)| (id.as_str(), link.ends[0].node.as_str()))
        .collect();
    assert_eq!(
        from,
        BTreeMap::from([
            (SENSOR, "sim/sensor"),
            ("internet link of VPG vpg, node a", "vpg/vpg/a"),
            ("internet link of VPG vpg, node b", "vpg/vpg/b"),
            ("link of instance server", "instance/server"),
            ("link of peering pcx", "pcx/pcx"),
        ])
    );
}

#[test]
fn a_speed_class_counts_at_once_on_a_running_session() {
    let mut lab = Lab::new(
        r#"
[[step]]
do = "updateSimSpeedClass"
sim = "sensor"
speed_class = "s1.minimum"

[[step]]
do = "updateSimSpeedClass"
sim = "sensor"
speed_class = "s1.slow"
"#,
    );
    for bits in [32_000, 64_000] {
        let changes = lab.step();
        // The metadata service tells the class, too.
        let [
            Change::SetShapes(id, shapes),
            Change::SetService(platform, ..),
        ] = &changes[..]
        else {
            panic!("{changes:?}");
        };
        assert_eq!(platform.as_str(), "platform");
        assert_eq!(id.as_str(), SENSOR);
        for shape in shapes.iter() {
            let Rate::Constant(rate) = shape.rate else {
                panic!("{shape}");
            };
            assert_eq!(rate.get(), bits);
        }
    }
}

#[test]
fn a_link_that_a_step_changes_is_shaped_from_the_start_and_never_made_anew() {
    let mut lab = Lab::new(
        r#"
[[step]]
link = "server"
cut = true

[[step]]
link = "server"
degrade = { latency = "100ms", up = { loss = "30%" } }

[[step]]
link = "server"
restore = true
"#,
    );
    let server = "link of instance server";
    assert_eq!(
        lab.shapes(server),
        Some([Shape::default(), Shape::default()])
    );
    let words = |lab: &Lab| lab.shapes(server).unwrap().map(|shape| shape.to_string());
    for expected in [
        ["cut", "cut"],
        ["latency 100ms, loss 30%", "latency 100ms"],
        ["nothing", "nothing"],
    ] {
        let changes = lab.step();
        assert!(
            matches!(changes[..], [Change::SetShapes(..)]),
            "{changes:?}"
        );
        assert_eq!(words(&lab), expected);
    }
}

#[test]
fn a_degraded_link_differs_from_what_the_tables_say_and_not_from_the_step_before() {
    let mut lab = Lab::new(
        r#"
[[step]]
link = "sensor"
degrade = { rate = "8kbit/s" }

[[step]]
link = "sensor"
degrade = { latency = "1s" }
"#,
    );
    lab.step();
    let [up, _] = lab.shapes(SENSOR).unwrap();
    assert_eq!(
        up.to_string(),
        "latency 22.25ms, jitter 6.25ms, 8kbit/s, loss 1%, asleep after 10s"
    );
    lab.step();
    let [up, _] = lab.shapes(SENSOR).unwrap();
    assert_eq!(up.latency, Duration::from_secs(1));
    assert_eq!(up.rate.to_string(), "2Mbit/s");
}

#[test]
fn a_cut_is_predicted_there_and_back_and_a_restored_link_is_as_before() {
    let steps = |link: &str| {
        format!(
            "[[step]]\nlink = \"{link}\"\ncut = true\n[[step]]\nlink = \"{link}\"\nrestore = true\n"
        )
    };
    let cut = |resource: &str| (Some(Reason::LinkCut), Some(resource.to_owned()));
    for (link, resource, from, to) in [
        ("sensor", SENSOR, "sensor", "server"),
        ("pcx", "link of peering pcx", "sensor", "server"),
        ("server", "link of instance server", "sensor", "server"),
        ("server", "link of instance server", "server", "internet"),
        ("vpg", "internet link of VPG vpg", "sensor", "internet"),
    ] {
        let mut lab = Lab::new(&steps(link));
        let before = lab.verdict(from, to);
        assert_ne!(before.0, Some(Reason::LinkCut));
        lab.step();
        assert_eq!(
            lab.verdict(from, to),
            cut(resource),
            "{link}: {from} → {to}"
        );
        lab.step();
        assert_eq!(lab.verdict(from, to), before, "{link}: {from} → {to}");
    }
}

#[test]
fn what_is_not_on_the_way_does_not_matter() {
    let mut lab = Lab::new("[[step]]\nlink = \"vpg\"\ncut = true\n");
    let before = lab.verdict("sensor", "server");
    assert_eq!(before.0, None);
    lab.step();
    assert_eq!(lab.verdict("sensor", "server"), before);
}

#[test]
fn the_links_of_a_peering_and_of_a_session_that_come_later_are_shaped_too() {
    let mut lab = Lab::new(
        r#"
[[step]]
do = "deleteVpcPeeringConnection"
vpg = "vpg"
peering = "pcx"

[[step]]
do = "createVpcPeeringConnection"
as = "other"
vpg = "vpg"
vpc = "customer"

[[step]]
link = "other"
cut = true

[[step]]
do = "AcceptVpcPeeringConnection"
peering = "other"
"#,
    );
    for _ in 0..4 {
        lab.step();
    }
    let [up, down] = lab.shapes("link of peering other").expect("shaped");
    assert!(up.cut && down.cut);
}

#[test]
fn scenarios_that_say_nothing_of_links_have_plain_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let scenario = scenario::read("x.toml", &std::fs::read(&path).unwrap()).unwrap();
        let course = Course::start(&scenario).unwrap();
        assert!(course.links.plans().is_empty(), "{}", path.display());
    }
}

/// The scenarios that backends are held to; whoever shapes links runs them.
#[test]
fn what_backends_are_held_to_makes_sense() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/links");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read(&path).unwrap();
        let (_, wrong) = scenario::examine(&path.display().to_string(), &text);
        assert!(wrong.list.is_empty(), "{}", wrong.render(false));
        files += 1;
    }
    assert!(files >= 2);
}
