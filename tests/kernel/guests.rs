//! A machine's own configuration: what the cloud gives it, what commands change, and what its kernel
//! says.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use canal_sim::backend::kernel::Kernel;
use canal_sim::backend::{Backend, Script, ScriptEnd};
use canal_sim::cloud::aws::InstanceId;
use canal_sim::cloud::soracom::SimId;
use canal_sim::cloud::{Action, Cloud, NodeName, Time};
use canal_sim::guest::{Guest, fresh, shell};
use canal_sim::lower::{World, instance_node, internet_node, lower, pc_node, sim_node};
use canal_sim::network::{Network, NodeId, diff};
use canal_sim::run::world;
use canal_sim::scenario::{self, StepKind};
use libtest_mimic::Failed;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::Test;
use crate::bench::SOON;

pub const TESTS: &[Test] = &[
    (
        "guests::fresh_machines_are_what_their_kernel_says",
        fresh_machines,
    ),
    (
        "guests::a_stopped_instance_is_none_and_an_offline_device_is_bare",
        stopped_and_offline,
    ),
    (
        "guests::shipped_scripts_do_what_is_known_of_them",
        shipped_scripts,
    ),
    (
        "guests::random_commands_do_what_is_known_of_them",
        random_commands,
    ),
    ("guests::commands_say_what_the_real_ones_say", words),
    ("guests::what_tunnels_have_learned_is_seen", learned),
    ("guests::what_is_not_understood_is_named", doubts),
];

const GATE: &str = include_str!("../../scenarios/gate.toml");

/// What the walk-through types, with the addresses of its VPG's nodes.
const WALK: &str = "\
ip link add vxlan0 type vxlan local 10.0.0.254 id 10 dstport 4789 dev eth0
ip addr add 10.254.0.254/9 dev vxlan0
ip link set vxlan0 up
bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.0.4
bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.0.132
";

/// Clouds, carried out.
struct Lab {
    kernel: Kernel,
    cloud: Cloud,
    world: World,
    network: Network,
    now: Time,
    runtime: Runtime,
}

impl Lab {
    fn new(text: &str) -> Self {
        let scenario = scenario::read("guests.toml", text.as_bytes()).unwrap();
        let (cloud, now) = scenario::build(&scenario).unwrap();
        // Namespaces belong to threads, and those that run a script are its runtime's.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let kernel = runtime.block_on(Kernel::new()).unwrap();
        let mut lab = Self {
            kernel,
            cloud,
            world: world(&scenario),
            network: Network::default(),
            now,
            runtime,
        };
        lab.carry_out();
        lab
    }

    fn act(&mut self, operation: &str, parameters: Value) {
        let action = Action::read(operation, parameters).unwrap().unwrap();
        self.cloud.apply(&action, self.now).unwrap();
        self.carry_out();
    }

    fn carry_out(&mut self) {
        let wanted = lower(&self.cloud, &self.world);
        let changes = diff(&self.network, &wanted);
        self.runtime.block_on(self.kernel.apply(&changes)).unwrap();
        self.network = wanted;
    }

    /// What the kernel says.
    fn seen(&self, node: &NodeId) -> Guest {
        self.runtime.block_on(self.kernel.guest(node)).unwrap()
    }

    /// What the cloud alone gives a machine.
    fn fresh(&self, name: &NodeName) -> Guest {
        let listens = match name {
            NodeName::Instance(id) => self.world.instances.get(id),
            NodeName::Sim(id) => self.world.devices.get(id),
            NodeName::Pc | NodeName::Internet => None,
        };
        let listens = listens.into_iter().flat_map(|services| services.keys());
        fresh(&self.cloud, name, listens.cloned().collect()).unwrap()
    }

    /// Runs a script on a machine's kernel; its exit status and what it wrote to stdout and stderr.
    fn run(&self, node: &NodeId, text: &str) -> (i32, String, String) {
        let script = Script {
            node: node.clone(),
            text: text.to_owned(),
            timeout: SOON * 5,
        };
        let output = self.runtime.block_on(self.kernel.run(&script)).unwrap();
        match output.end {
            ScriptEnd::Exit(exit) => (exit, output.stdout, output.stderr),
            other => panic!("{text}: {other:?}"),
        }
    }
}

fn node(name: &NodeName) -> NodeId {
    match name {
        NodeName::Sim(id) => sim_node(id),
        NodeName::Instance(id) => instance_node(id),
        NodeName::Pc => pc_node(),
        NodeName::Internet => internet_node(),
    }
}

/// Carries a script out twice, really and by heart, and compares all that can be: what the machine is
/// afterwards, how the script ended, and with which words. Where no command had to be skipped, every word
/// counts.
fn compare(lab: &Lab, node: &NodeId, guest: &mut Guest, script: &str) -> Result<(), String> {
    let (exit, stdout, stderr) = lab.run(node, script);
    let files = &lab.network.nodes[node].files;
    let executed = shell::execute(&mut guest.clone(), files, script);
    let told = shell::carry_out(guest, script);
    let seen = lab.seen(node);
    let by_heart = Guest {
        doubts: seen.doubts.clone(),
        ..guest.clone()
    };
    let said = format!("{script}\nsaid {told:?}, really {exit}: {stderr}");
    if by_heart != seen {
        return Err(format!("{said}\nby heart {by_heart:#?}\nreally {seen:#?}"));
    }
    if guest.doubts.is_empty() && !seen.doubts.is_empty() {
        return Err(format!("{said}\nyet there is doubt: {:?}", seen.doubts));
    }
    let (wanted, message) = match &told {
        Ok(()) => (0, ""),
        Err(refusal) => (i32::from(refusal.exit), refusal.message.as_str()),
    };
    if wanted != exit || !stderr.contains(message) {
        return Err(said);
    }
    let whole = (i32::from(executed.exit), executed.stdout, executed.stderr);
    if executed.skipped.is_empty() && whole != (exit, stdout, stderr) {
        return Err(format!("{said}\nexecuted {whole:?}"));
    }
    Ok(())
}

fn fresh_machines() -> Result<(), Failed> {
    let lab = Lab::new(GATE);
    let instance = NodeName::Instance(InstanceId::new("server"));
    let sim = NodeName::Sim(SimId::new("sensor"));
    for name in [&instance, &sim, &NodeName::Pc] {
        assert_eq!(lab.seen(&node(name)), lab.fresh(name), "{name}");
    }
    assert_eq!(lab.fresh(&sim).listens.len(), 2);
    let internet = lab.fresh(&NodeName::Internet);
    let seen = lab.seen(&internet_node());
    assert_eq!(seen.interfaces["lo"], internet.interfaces["lo"]);
    assert!(seen.forwarding && seen.doubts.is_empty(), "{seen:?}");
    Ok(())
}

fn stopped_and_offline() -> Result<(), Failed> {
    let mut lab = Lab::new(GATE);
    let sim = NodeName::Sim(SimId::new("sensor"));
    lab.act("StopInstances", json!({"instance": "server"}));
    lab.act("deleteSimSession", json!({"sim": "sensor"}));
    let instance = NodeName::Instance(InstanceId::new("server"));
    assert_eq!(fresh(&lab.cloud, &instance, BTreeSet::new()), None);
    let offline = lab.fresh(&sim);
    assert!(offline.interfaces.is_empty() && offline.routes.is_empty());
    assert_eq!(lab.seen(&node(&sim)), offline);
    Ok(())
}

/// Every script of these scenarios, in its place: what is configured by hand lasts until the next start.
fn shipped_scripts() -> Result<(), Failed> {
    let mut scripts = 0;
    for text in [
        GATE,
        include_str!("../rules/gate-mistakes.toml"),
        include_str!("../rules/internet-gateway.toml"),
        include_str!("../rules/nat-instance.toml"),
        include_str!("../rules/routing.toml"),
        include_str!("../rules/vpg-nodes.toml"),
    ] {
        let scenario = scenario::read("guests.toml", text.as_bytes()).unwrap();
        let mut lab = Lab::new(text);
        let mut guests = BTreeMap::<NodeId, (u32, Guest)>::new();
        for step in &scenario.steps {
            match &step.kind {
                StepKind::Do(act) if act.error.is_none() => {
                    let action = act.action(&scenario.source, &lab.cloud);
                    lab.cloud.apply(&action.unwrap(), lab.now).unwrap();
                    lab.carry_out();
                }
                StepKind::Wait(time) => {
                    lab.now += *time;
                    lab.cloud.advance(lab.now);
                    lab.carry_out();
                }
                StepKind::Run(run) => {
                    let name = &run.on.value;
                    let name = [
                        NodeName::Sim(SimId::new(name)),
                        NodeName::Instance(InstanceId::new(name)),
                        NodeName::Pc,
                    ]
                    .into_iter()
                    .find(|found| {
                        found.to_string() == *name && lab.network.nodes.contains_key(&node(found))
                    })
                    .unwrap();
                    let id = node(&name);
                    let boot = lab.network.nodes[&id].boot;
                    let known = guests.remove(&id).filter(|(then, _)| *then == boot);
                    let mut guest = known.map_or_else(|| lab.fresh(&name), |(_, guest)| guest);
                    let script = run.script.resolve(&lab.cloud).unwrap();
                    compare(&lab, &id, &mut guest, &script)?;
                    scripts += 1;
                    guests.insert(id, (boot, guest));
                }
                _ => {}
            }
        }
    }
    assert!(scripts >= 13, "{scripts}");
    Ok(())
}

fn doubts() -> Result<(), Failed> {
    let lab = Lab::new(GATE);
    let id = instance_node(&InstanceId::new("server"));
    for (script, doubt) in [
        (
            "nft add table inet f",
            "its own packet filter: table inet f",
        ),
        (
            "ip rule add from 10.0.0.0/8 table 7",
            "its own routing policy: rule 32765",
        ),
        (
            "ip link add d0 type bridge; ip link set d0 up",
            "an interface of another kind: d0 (bridge)",
        ),
        (
            "ip neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev eth0",
            "a neighbour set by hand: 10.0.0.7 on eth0",
        ),
        (
            "echo 1 > /proc/sys/net/ipv4/conf/eth0/forwarding",
            "its own switch: net.ipv4.conf.eth0.forwarding",
        ),
        (
            "ip route add 192.168.0.0/16 dev eth0 mtu 1400",
            "a route with more to it than its next hop: 192.168.0.0/16",
        ),
        (
            "ip route add local 192.168.7.0/24 dev lo",
            "a route of its own in the table local: 192.168.7.0/24",
        ),
        (
            "ip link add x0 type vxlan id 7 dev eth0 dstport 4790 nolearning",
            "a tunnel of its own kind: x0 (nolearning)",
        ),
        (
            "tc qdisc add dev eth0 clsact",
            "its own traffic control: clsact on eth0",
        ),
        ("ip link set lo down", "its lo is down"),
    ] {
        let before = lab.seen(&id).doubts;
        assert_eq!(lab.run(&id, script).0, 0, "{script}");
        let mut after = lab.seen(&id).doubts;
        after.retain(|doubt| !before.contains(doubt));
        assert_eq!(after, BTreeSet::from([doubt.to_owned()]), "{script}");
        let mut guest = lab.fresh(&NodeName::Instance(InstanceId::new("server")));
        let _ = shell::carry_out(&mut guest, script);
        assert!(!guest.doubts.is_empty(), "{script}");
    }
    Ok(())
}

/// What commands say: their output, each error's text, and the exit status. The machine is as WALK leaves it.
fn words() -> Result<(), Failed> {
    const SCRIPTS: &[&str] = &[
        "ip addr add 10.254.0.254/9 dev vxlan0",
        "ip addr add 10.254.0.253/33 dev vxlan0",
        "ip addr add 10.254.0.256/9 dev vxlan0",
        "ip addr add 10.254.0.253/9 dev vxlan7",
        "ip addr add 10.254.0.253/9",
        "ip addr add 10.254.0.253/9 10.254.0.252/9 dev vxlan0",
        "ip addr del 10.254.0.253/9 dev vxlan0",
        "ip addr del 10.254.0.254/9 dev vxlan7",
        "ip addr del 10.254.0.254 dev vxlan0",
        "ip addr del 10.254.0.253 dev vxlan7",
        "ip addr flush dev vxlan7",
        "ip addr flush",
        "ip addr frob 10.0.0.1/8 dev eth0",
        "ip link add vxlan1 type vxlan id 16777216 dev eth0 dstport 4789",
        "ip link add vxlan1 type vxlan id 4294967297 dev eth0 dstport 4789",
        "ip link add vxlan1 type vxlan id ten dev eth0 dstport 4789",
        "ip link add vxlan1 type vxlan id 11 dev eth7 dstport 4789",
        "ip link add vxlan1 type vxlan dev eth0 dstport 4789",
        "ip link add vxlan1 type vxlan id 11 dstport 99999",
        "ip link add vxlan1 type vxlan id 11 frob 3",
        "ip link add vxlan1 type vxlan id",
        "ip link add vxlan0 type vxlan id 11 dev eth0 dstport 4789",
        "ip link add vxlan1 type vxlan id 10 dev eth0 dstport 4789",
        "ip link add vxlan1 mtu 60 type vxlan id 11 dev eth0 dstport 4789",
        "ip link add vxlan1 mtu 65536 type vxlan id 11 dev eth0 dstport 4789",
        "ip link add vxlan1 type vxlan id 11 dev eth0",
        "ip link add vxlan1 type vxlan id 11 dev eth7",
        "ip link del eth0",
        "ip link add a-name-that-is-too-long type vxlan id 11 dev eth0",
        "ip link set vxlan7 up",
        "ip link set up",
        "ip link set vxlan0 frob",
        "ip link set vxlan0 mtu 60",
        "ip link set vxlan0 mtu 70000",
        "ip link set vxlan0 mtu 8952",
        "ip link set vxlan0 mtu large",
        "ip link set vxlan0",
        "ip link del vxlan7",
        "ip link del",
        "ip link show vxlan7",
        "ip link show vxlan0 > /dev/null",
        "ip frob",
        "ip link frob",
        "ip route add 172.16.0.0/12 via 9.9.9.9",
        "ip route add 172.16.5.0/12 dev vxlan0",
        "ip route add 172.16.0.0/33 dev vxlan0",
        "ip route add 172.16.0.0/12 dev vxlan7",
        "ip route add 172.16.0.0/12",
        "ip route add 10.128.0.0/9 dev vxlan0",
        "ip route add blackhole 172.16.0.0/12 dev eth0",
        "ip route add 172.16.0.0/12 dev eth0 src 10.0.0.99",
        "ip route change 172.16.0.0/12 dev eth0",
        "ip route del 172.16.0.0/12",
        "ip route del 10.128.0.0/9 dev eth0",
        "ip route del 10.128.0.0/9 dev vxlan7",
        "ip route del default via 10.0.0.9",
        "ip route frob default",
        "ip route flush",
        "ip route flush cache",
        "ip neigh flush",
        "ip neigh del 10.0.0.7",
        "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.0.4",
        "bridge fdb add 00:00:00:00:00:00 dev vxlan0 dst 100.64.0.4",
        "bridge fdb replace 00:00:00:00:00:00 dev vxlan0 dst 100.64.0.4",
        "bridge fdb del 00:00:00:00:00:00 dev vxlan0 dst 100.64.0.4",
        "bridge fdb del 00:00:00:00:00:00 dev vxlan0 dst 100.64.0.99",
        "bridge fdb append 00:00:00:00:00:00 dev vxlan7 dst 100.64.0.4",
        "bridge fdb append 00:00:00:00:00:00 dev vxlan0",
        "bridge fdb append 00:00:00:00:00:00 dst 100.64.0.4",
        "bridge fdb append 00:00:00:00:00 dev vxlan0 dst 100.64.0.4",
        "bridge fdb frob 00:00:00:00:00:00 dev vxlan0",
        "sysctl -w net.ipv4.ip_forward=1",
        "sysctl -q -w net.ipv4.ip_forward=0",
        "sysctl net.ipv4.ip_forward",
        "sysctl -qw net.ipv4.ip_forward=1",
        "sysctl -wn net.ipv4.ip_forward=1",
        "sysctl -n net/ipv4/ip_forward net.ipv4.conf.all.forwarding",
        "echo 1 > /proc/sys/net/ipv4/ip_forward; cat /proc/sys/net/ipv4/ip_forward",
        "cat /etc/hostname /etc/hosts /etc/resolv.conf; hostname; echo $HOSTNAME",
        "cat /sys/class/net/vxlan0/mtu /sys/class/net/eth0/mtu /sys/class/net/lo/mtu",
        "cat /sys/class/net/vxlan7/mtu",
        "grep -q 'nameserver 10.0.0.2' /etc/resolv.conf",
        "grep -q 'nameserver 10.0.0.3' /etc/resolv.conf",
        "grep ^127 /etc/hosts; grep -F 127.0 /etc/hosts; grep -q x /sys/class/net/vxlan7/mtu",
        "echo -n a; echo 'b  c' \"d\"; echo err >&2; echo gone >/dev/null",
        "echo out 2>&1 1>&2; echo err 1>&2 2>&1",
        "true && false || exit",
        "false && true",
        "set +e; ip link set vxlan7 up; ip link set vxlan8 up",
        "[ a = b ] || test 2 -gt 1 && echo so",
        "set -x; A='1 2'; echo $A \"$A\"",
        "exit 9",
    ];
    const ONE_LINE: &[&str] = &[
        "ip link add vxlan1 type vxlan id 11 frob 3",
        "ip link set vxlan0 mtu large",
    ];
    let mut lab = Lab::new(GATE);
    let name = NodeName::Instance(InstanceId::new("server"));
    let id = node(&name);
    let mut wrong = Vec::new();
    for script in SCRIPTS {
        lab.act("RebootInstances", json!({"instance": "server"}));
        let mut guest = lab.fresh(&name);
        compare(&lab, &id, &mut guest, WALK)?;
        let real = lab.run(&id, script);
        let files = &lab.network.nodes[&id].files;
        let executed = shell::execute(&mut guest, files, script);
        let mut by_heart = (i32::from(executed.exit), executed.stdout, executed.stderr);
        // What comes behind the first line there: how `ip` is used, and an empty line.
        if ONE_LINE.contains(script) && real.2.starts_with(&by_heart.2) && !by_heart.2.is_empty() {
            by_heart.2.clone_from(&real.2);
        }
        if by_heart != real || !executed.skipped.is_empty() || guest != lab.seen(&id) {
            let skipped = executed.skipped;
            wrong.push(format!(
                "{script}\n{by_heart:?} {skipped:?}\nreally {real:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    Ok(())
}

fn learned() -> Result<(), Failed> {
    let lab = Lab::new(GATE);
    let name = NodeName::Instance(InstanceId::new("server"));
    let id = node(&name);
    let mut guest = lab.fresh(&name);
    compare(&lab, &id, &mut guest, WALK)?;
    let learn = "ip neigh replace 10.128.0.9 lladdr 02:00:00:00:00:09 dev vxlan0 nud reachable\n\
        bridge fdb replace 02:00:00:00:00:09 dev vxlan0 dst 100.64.0.4 dynamic";
    assert_eq!(lab.run(&id, learn).0, 0);
    let seen = lab.seen(&id);
    let vxlan = seen.interfaces["vxlan0"].vxlan.as_ref().unwrap();
    let (inner, outer) = (Ipv4Addr::new(10, 128, 0, 9), Ipv4Addr::new(100, 64, 0, 4));
    assert_eq!(vxlan.learned, BTreeMap::from([(inner, outer)]));
    for forget in ["ip neigh flush dev vxlan0", "ip link set vxlan0 down"] {
        assert_eq!(lab.run(&id, learn).0, 0);
        let mut guest = lab.seen(&id);
        compare(&lab, &id, &mut guest, forget)?;
        assert!(
            guest.interfaces["vxlan0"]
                .vxlan
                .as_ref()
                .unwrap()
                .learned
                .is_empty()
        );
    }
    Ok(())
}

/// What somebody types on an instance, more or less to the point.
fn line() -> impl Strategy<Value = String> {
    let dev = || prop_oneof![4 => Just("vxlan0"), 3 => Just("eth0"), 1 => Just("vxlan1"), 1 => Just("lo")];
    let address = || {
        select(vec![
            "10.254.0.254/9",
            "10.254.0.254/32",
            "10.254.0.253/9",
            "10.254.0.1/9",
            "10.0.0.7/24",
            "10.0.0.254/24",
            "192.168.0.1/24",
            "192.168.0.2/24",
            "192.168.0.2/16",
            "10.254.0.254",
        ])
    };
    let prefix = || {
        select(vec![
            "default",
            "10.0.0.0/24",
            "10.128.0.0/9",
            "172.16.0.0/12",
            "172.16.5.0/24",
            "10.254.0.7",
            "192.168.0.0/24",
            "172.16.5.1/24",
        ])
    };
    let via = || {
        select(vec![
            "",
            "",
            "via 10.0.0.1 ",
            "via 10.0.0.9 ",
            "via 10.254.0.9 ",
            "via 192.168.0.9 ",
            "via 9.9.9.9 ",
            "via 10.0.0.255 ",
        ])
    };
    let out = move || {
        let dev = select(vec!["", "", "dev vxlan0", "dev eth0", "dev vxlan1"]);
        let source = select(vec![
            "",
            "",
            "",
            " src 10.0.0.254",
            " src 10.254.0.254",
            " src 192.168.0.1",
        ]);
        let onlink = select(vec!["", "", "", " onlink"]);
        (via(), dev, source, onlink)
            .prop_map(|(via, dev, source, onlink)| format!("{via}{dev}{source}{onlink}"))
    };
    let dst = || select(vec!["100.64.0.4", "100.64.0.5", "10.0.0.9"]);
    let link = (
        dev(),
        select(vec!["up", "down", "mtu 1400", "mtu 60", "up mtu 8000"]),
    )
        .prop_map(|(dev, what)| format!("ip link set {dev} {what}"));
    let tunnel = (
        select(vec!["vxlan0", "vxlan1"]),
        select(vec!["id 10", "vni 11", "id 10"]),
        select(vec!["dstport 4789", "dstport 4790", ""]),
        select(vec![
            "dev eth0",
            "",
            "local 10.0.0.254 dev eth0",
            "remote 100.64.0.4",
            "ttl 5 local 10.0.0.254",
        ]),
    );
    let tunnel = tunnel.prop_map(|(name, id, port, rest)| {
        format!("ip link add {name} type vxlan {rest} {id} {port}")
    });
    let address = (
        select(vec!["add", "add", "add", "del", "replace"]),
        address(),
        dev(),
    )
        .prop_map(|(verb, address, dev)| format!("ip addr {verb} {address} dev {dev}"));
    let route = (
        select(vec!["add", "replace", "change", "del"]),
        prefix(),
        out(),
    )
        .prop_map(|(verb, prefix, out)| format!("ip route {verb} {prefix} {out}"));
    let nowhere = (
        select(vec!["add", "replace", "del"]),
        select(vec!["blackhole", "unreachable", "prohibit"]),
        prefix(),
    )
        .prop_map(|(verb, kind, prefix)| format!("ip route {verb} {kind} {prefix}"));
    let flood = (
        select(vec!["append", "append", "add", "replace", "del"]),
        dev(),
        dst(),
    )
        .prop_map(|(verb, dev, dst)| {
            format!("bridge fdb {verb} 00:00:00:00:00:00 dev {dev} dst {dst}")
        });
    let other = select(vec![
        "ip link del vxlan0",
        "ip neigh flush dev vxlan0",
        "ip addr flush dev vxlan0",
        "ip addr flush dev eth0",
        "ip route flush dev eth0",
        "bridge fdb del 00:00:00:00:00:00 dev vxlan0",
        "sysctl -w net.ipv4.ip_forward=1",
        "echo 0 > /proc/sys/net/ipv4/ip_forward",
        "ip link show vxlan0",
        "A=eth0; ip l set $A down; ip l set $A up",
        "ip a; ip r; ip n",
        "false && ip link set eth0 down || true",
        "ip route",
        "exit 3",
    ])
    .prop_map(str::to_owned);
    let tolerant = select(vec!["", " || true", " || true", " || :"]);
    let line = prop_oneof![2 => link, 2 => tunnel, 4 => address, 5 => route, 1 => nowhere, 2 => flood, 1 => other];
    (line, tolerant).prop_map(|(line, rest)| format!("{line}{rest}"))
}

fn random_commands() -> Result<(), Failed> {
    let lab = RefCell::new(Lab::new(GATE));
    let name = NodeName::Instance(InstanceId::new("server"));
    let id = node(&name);
    let doubtful = Cell::new(0);
    // Half of what PROPTEST_CASES says, and by default 128: each takes a restart and two processes.
    let cases = Config::default().cases / 2;
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 400,
        ..Config::default()
    };
    // The same cases each time; more of them, as PROPTEST_CASES says, are others too.
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[cases.to_le_bytes()[0]; 32]);
    let mut runner = TestRunner::new_with_rng(config, seed);
    let ran = runner.run(
        &(any::<bool>(), proptest::collection::vec(line(), 1..14)),
        |(gate, lines)| {
            let mut lab = lab.borrow_mut();
            lab.act("RebootInstances", json!({"instance": "server"}));
            let script = format!("{}{}", if gate { WALK } else { "" }, lines.join("\n"));
            let mut guest = lab.fresh(&name);
            let compared = compare(&lab, &id, &mut guest, &script);
            // What isn't sure need not be right.
            if guest.doubts.is_empty() {
                compared.map_err(TestCaseError::fail)?;
            } else {
                doubtful.set(doubtful.get() + 1);
            }
            Ok(())
        },
    );
    ran.map_err(|error| error.to_string())?;
    println!("{} of {cases} were doubtful", doubtful.get());
    Ok(())
}
