//! A node seen from inside: every probe against every service, and scripts.
//!
//! ```text
//!   home (empty) ── fresh namespace per trial: lo with 127.0.0.0/8, sometimes 10.9.0.1 and .2
//! ```
//!
//! The whole program leaves the machine's network before its first thread starts.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support {
    pub mod node;
}

use std::collections::BTreeMap;
use std::future::Future;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use canal_sim::backend::probe::{Answer, NotSent, Outcome, ProbeKind};
use canal_sim::backend::{ScriptEnd, ScriptOutput};
use canal_sim::network::{Page, Service, Transport};
use libtest_mimic::{Arguments, Failed, Trial};
use support::node::{
    TestNode, in_runtime, leave_the_machine, on_broken_etc, packet, ports, who_has,
};

const LO: Ipv4Addr = Ipv4Addr::LOCALHOST;
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

fn main() {
    let arguments = Arguments::from_args();
    if !arguments.list {
        leave_the_machine();
    }
    if std::env::var_os(ABANDON).is_some() {
        in_runtime(leave_a_daemon_and_die());
    }
    let trials = vec![
        trial("ping_tells_rtt_and_ttl", ping_tells_rtt_and_ttl),
        trial("ping_too_big_to_leave", ping_too_big_to_leave),
        trial("no_route_is_not_sent", no_route_is_not_sent),
        trial("nobody_answers_arp", nobody_answers_arp),
        trial("tcp_open_and_closed", tcp_open_and_closed),
        trial("udp_echo_from_the_asked_address", udp_echo),
        trial("udp_refused_and_silent", udp_refused_and_silent),
        trial("http_pages_by_source_and_path", http_pages),
        trial("http_far_end_that_speaks_no_http", http_without_http),
        trial("dns_over_udp", dns_over_udp),
        trial("dns_and_echo_over_tcp", dns_and_echo_over_tcp),
        trial("ntp", ntp),
        trial("a_service_is_replaced_and_stopped", replace_and_stop),
        trial("a_final_label_decides_at_once", final_label_decides),
        trial("what_was_there_before_is_not_told", before_is_not_told),
        trial("what_is_read_late_is_told", late_is_told),
        trial("a_filtered_send_is_dropped_or_forbidden", filtered_send),
        trial("a_hint_is_kept_and_decides_nothing", hint_is_kept),
        trial("probes_in_parallel", probes_in_parallel),
        trial("script_sees_its_own_network", script_sees_its_own_network),
        trial("script_sees_its_own_files", script_sees_its_own_files),
        trial("script_with_a_broken_etc", script_with_a_broken_etc),
        trial("script_status_and_stderr", script_status_and_stderr),
        trial("script_timeout_ends_all_children", script_timeout),
        trial("script_leaves_a_daemon", script_leaves_a_daemon),
        trial("a_killed_process_leaves_nothing", killed_process),
        trial("script_output_is_bounded", script_output_is_bounded),
        trial("forks_are_counted", forks_are_counted),
    ];
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial<F>(name: &str, test: fn() -> F) -> Trial
where
    F: Future<Output = ()> + Send + 'static,
{
    Trial::test(name, move || -> Result<(), Failed> {
        in_runtime(test());
        Ok(())
    })
}

fn answer(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Answered(answer) => answer,
        other => panic!("expected an answer, got {other:?}"),
    }
}

const PING: ProbeKind = ProbeKind::Ping {
    size: 56,
    dont_fragment: false,
};

async fn ping_tells_rtt_and_ttl() {
    let node = TestNode::new().await;
    let answer = answer(node.probe(LO, PING).await.outcome);
    assert_eq!(answer.ttl, Some(64));
    assert!(answer.rtt > Duration::ZERO && answer.rtt < Duration::from_millis(50));
    assert_eq!(answer.seen_from, None);
}

async fn ping_too_big_to_leave() {
    let node = TestNode::new().await;
    node.sh("ip link set lo mtu 1500").await;
    let ping = |dont_fragment| ProbeKind::Ping {
        size: 2000,
        dont_fragment,
    };
    let outcome = node.probe(LO, ping(true)).await.outcome;
    assert_eq!(outcome, Outcome::NotSent(NotSent::TooBig));
    answer(node.probe(LO, ping(false)).await.outcome);
}

async fn no_route_is_not_sent() {
    let node = TestNode::new().await;
    for kind in [
        PING,
        ProbeKind::Tcp { port: 80 },
        ProbeKind::Udp { port: 7 },
    ] {
        let outcome = node.probe(Ipv4Addr::new(10, 1, 2, 3), kind).await.outcome;
        assert_eq!(outcome, Outcome::NotSent(NotSent::NoRoute));
    }
}

async fn nobody_answers_arp() {
    let node = TestNode::new().await;
    node.sh("ip link add eth0 type veth peer name eth1
         ip link set eth1 up; ip link set eth0 up
         ip addr add 10.9.0.1/24 dev eth0
         echo 100 > /proc/sys/net/ipv4/neigh/eth0/retrans_time_ms")
        .await;
    for kind in [
        PING,
        ProbeKind::Tcp { port: 80 },
        ProbeKind::Udp { port: 7 },
    ] {
        let outcome = node.probe(Ipv4Addr::new(10, 9, 0, 7), kind).await.outcome;
        assert_eq!(outcome, Outcome::NotSent(NotSent::NoNeighbour));
    }
}

async fn tcp_open_and_closed() {
    let node = TestNode::new().await;
    let kind = ProbeKind::Tcp { port: 7 };
    assert_eq!(
        node.probe(OTHER, kind.clone()).await.outcome,
        Outcome::Refused
    );
    node.serve(Transport::Tcp, 7, Service::TcpEcho).await;
    let answer = answer(node.probe(OTHER, kind).await.outcome);
    assert_eq!(answer.seen_from, Some(LO));
}

async fn udp_echo() {
    let node = TestNode::new().await;
    node.sh("ip addr add 10.9.0.1/32 dev lo; ip addr add 10.9.0.2/32 dev lo")
        .await;
    node.serve(Transport::Udp, 7, Service::UdpEcho).await;
    // The probe's socket is connected, so an answer from another address would not reach it.
    for to in [
        Ipv4Addr::new(10, 9, 0, 2),
        Ipv4Addr::new(10, 9, 0, 1),
        OTHER,
    ] {
        let answer = answer(node.probe(to, ProbeKind::Udp { port: 7 }).await.outcome);
        assert!(answer.seen_from.is_some());
    }
}

async fn udp_refused_and_silent() {
    let node = TestNode::new().await;
    let kind = ProbeKind::Udp { port: 7 };
    assert_eq!(
        node.probe(OTHER, kind.clone()).await.outcome,
        Outcome::Refused
    );
    // The SNTP server does not understand the token.
    node.serve(Transport::Udp, 7, Service::Ntp).await;
    let measured = node.probe_for(LO, kind, Duration::from_millis(50)).await;
    assert_eq!(measured.outcome, Outcome::Silent);
    assert!(measured.elapsed >= Duration::from_millis(50));
}

fn page(body: &str) -> Page {
    Page {
        status: 200,
        content_type: "text/plain".into(),
        body: body.into(),
    }
}

fn get(path: &str) -> ProbeKind {
    ProbeKind::Http {
        port: 80,
        path: path.into(),
        host: "server".into(),
    }
}

async fn http_pages() {
    let node = TestNode::new().await;
    let pages = BTreeMap::from([
        ((None, "/".into()), page("for all")),
        ((Some(LO), "/me".into()), page("for 127.0.0.1")),
    ]);
    node.serve(Transport::Tcp, 80, Service::Http { pages })
        .await;
    let first = answer(node.probe(OTHER, get("/?q")).await.outcome);
    assert_eq!(
        (first.status, first.body.as_deref()),
        (Some(200), Some("for all"))
    );
    assert_eq!(first.seen_from, Some(LO));
    let second = answer(node.probe(LO, get("/me")).await.outcome);
    assert_eq!(second.body.as_deref(), Some("for 127.0.0.1"));
    let third = answer(node.probe(LO, get("/you")).await.outcome);
    assert_eq!(third.status, Some(404));
}

async fn http_without_http() {
    let node = TestNode::new().await;
    node.serve(Transport::Tcp, 80, Service::TcpEcho).await;
    let answer = answer(node.probe(LO, get("/")).await.outcome);
    assert_eq!(answer.status, None);
}

async fn dns_over_udp() {
    let node = TestNode::new().await;
    let addresses = vec![Ipv4Addr::new(10, 0, 0, 2), Ipv4Addr::new(10, 0, 0, 1)];
    let many: Vec<Ipv4Addr> = (0..=255).map(|n| Ipv4Addr::new(10, 0, 1, n)).collect();
    let records = BTreeMap::from([
        ("pong.soracom.io".into(), addresses),
        ("many.example".into(), many),
    ]);
    node.serve(Transport::Udp, 53, Service::Dns { records })
        .await;
    let ask = |name: &str| ProbeKind::Dns {
        port: 53,
        name: name.into(),
    };
    let known = answer(node.probe(OTHER, ask("Pong.soracom.io.")).await.outcome);
    let ascending = vec![Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)];
    assert_eq!(known.addresses, Some(ascending));
    assert_eq!(known.seen_from, Some(LO));
    let unknown = answer(node.probe(LO, ask("nowhere.example")).await.outcome);
    assert_eq!(unknown.addresses, Some(Vec::new()));
}

async fn dns_and_echo_over_tcp() {
    let node = TestNode::new().await;
    node.serve(Transport::Tcp, 7, Service::TcpEcho).await;
    let talker = node.clone();
    let echo = tokio::task::spawn_blocking(move || talker.talk(7, b"hello", 5));
    assert_eq!(echo.await.unwrap(), b"hello");
    let records = BTreeMap::from([("a.b".into(), vec![Ipv4Addr::new(10, 0, 0, 1)])]);
    node.serve(Transport::Tcp, 53, Service::Dns { records })
        .await;
    // Length 21: id 7, recursion desired, one question: a.b, A, IN.
    let query = b"\0\x15\0\x07\x01\0\0\x01\0\0\0\0\0\0\x01a\x01b\0\0\x01\0\x01";
    let talker = node.clone();
    // The question again, and a record of 16 bytes whose name points to it.
    let reply = tokio::task::spawn_blocking(move || talker.talk(53, query, 2 + 21 + 16));
    assert!(reply.await.unwrap().ends_with(&[0, 4, 10, 0, 0, 1]));
}

async fn ntp() {
    let node = TestNode::new().await;
    node.serve(Transport::Udp, 123, Service::Ntp).await;
    let answer = answer(
        node.probe(OTHER, ProbeKind::Ntp { port: 123 })
            .await
            .outcome,
    );
    assert_eq!(answer.seen_from, Some(LO));
}

async fn replace_and_stop() {
    let node = TestNode::new().await;
    for body in ["old", "new"] {
        let pages = BTreeMap::from([((None, "*".into()), page(body))]);
        node.serve(Transport::Tcp, 80, Service::Http { pages })
            .await;
        let answer = answer(node.probe(LO, get("/")).await.outcome);
        assert_eq!(answer.body.as_deref(), Some(body));
    }
    node.stop(Transport::Tcp, 80).await;
    assert_eq!(node.probe(LO, get("/")).await.outcome, Outcome::Refused);
    let wrong = node.try_serve(Transport::Tcp, 9, Service::UdpEcho).await;
    assert_eq!(
        wrong.unwrap_err().to_string(),
        "failed to listen on tcp 0.0.0.0:9 on node: the service does not speak tcp"
    );
}

async fn final_label_decides() {
    let node = TestNode::new().await;
    node.sh("nft add table ip t
         nft add chain ip t i '{ type filter hook input priority 0; }'
         nft add rule ip t i icmp type echo-request drop
         nft add rule ip t i tcp dport 80 drop")
        .await;
    // A node's first ping has the identifier 1, and its first connection the source port 40000.
    let echo = packet(1, [8, 0, 0, 0, 0, 1, 0, 1]);
    let syn = packet(6, ports(40_000, 80));
    for (kind, packet) in [(PING, echo), (ProbeKind::Tcp { port: 80 }, syn)] {
        let _filter = node.label("=SG_HAS_NO_RULES security group web", packet);
        let measured = node.probe(LO, kind).await;
        assert_eq!(measured.outcome, Outcome::Dropped);
        let last = measured.evidence.last().unwrap();
        assert_eq!(last.label.reason, "SG_HAS_NO_RULES");
        assert!(last.packet.starts_with("127.0.0.1"), "{}", last.packet);
        // Alone it takes a few milliseconds; the trials beside this one take their share.
        assert!(measured.elapsed < Duration::from_millis(200));
    }
}

/// A reader that is late must not tell a probe what became of an earlier one's packets.
async fn before_is_not_told() {
    let node = TestNode::new().await;
    node.serve(Transport::Udp, 7, Service::Ntp).await;
    node.label_late(1, "=GATE_PEER_SILENT server", who_has(LO, OTHER));
    let kind = ProbeKind::Udp { port: 7 };
    let measured = node.probe_for(LO, kind, Duration::from_millis(300)).await;
    assert_eq!(measured.outcome, Outcome::Silent);
    assert!(measured.evidence.is_empty(), "{:?}", measured.evidence);
}

/// A probe that ends without an answer waits for what became of its packets to be read.
async fn late_is_told() {
    let node = TestNode::new().await;
    node.serve(Transport::Udp, 7, Service::Ntp).await;
    node.label_late(2, "=GATE_PEER_SILENT server", who_has(LO, OTHER));
    let kind = ProbeKind::Udp { port: 7 };
    let measured = node.probe_for(LO, kind, Duration::from_millis(10)).await;
    assert_eq!(measured.outcome, Outcome::Dropped);
    assert_eq!(measured.evidence.len(), 1);
}

async fn filtered_send() {
    let node = TestNode::new().await;
    node.sh("nft add table ip t; nft add chain ip t o '{ type filter hook output priority 0; }'; nft add rule ip t o meta l4proto '{ icmp, udp }' drop")
        .await;
    let kind = ProbeKind::Udp { port: 7 };
    let outcome = node.probe(LO, kind.clone()).await.outcome;
    assert_eq!(outcome, Outcome::NotSent(NotSent::Forbidden));
    let datagram = packet(17, ports(40_001, 7));
    let _filter = node.label("=ENI_SG_RULES_MISMATCH x", datagram);
    assert_eq!(node.probe(LO, kind).await.outcome, Outcome::Dropped);
}

async fn hint_is_kept() {
    let node = TestNode::new().await;
    node.serve(Transport::Udp, 7, Service::Ntp).await;
    let kind = ProbeKind::Udp { port: 7 };
    let datagram = packet(17, ports(40_000, 7));
    let _filter = node.label("~BAD_STATE_ROUTE pcx", datagram);
    let measured = node.probe_for(LO, kind, Duration::from_millis(100)).await;
    assert_eq!(measured.outcome, Outcome::Silent);
    assert!(!measured.evidence.is_empty());
}

async fn probes_in_parallel() {
    let node = TestNode::new().await;
    node.serve(Transport::Tcp, 7, Service::TcpEcho).await;
    node.serve(Transport::Udp, 7, Service::UdpEcho).await;
    let mut probes = tokio::task::JoinSet::new();
    for round in 0..200 {
        let node = node.clone();
        let kind = match round % 3 {
            0 => ProbeKind::Tcp { port: 7 },
            1 => ProbeKind::Udp { port: 7 },
            _ => PING,
        };
        probes.spawn(async move { node.probe(LO, kind).await.outcome });
    }
    for outcome in probes.join_all().await {
        answer(outcome);
    }
}

fn success(output: &ScriptOutput) -> &str {
    assert_eq!(output.end, ScriptEnd::Exit(0), "{output:?}");
    &output.stdout
}

async fn script_sees_its_own_network() {
    let node = TestNode::new().await;
    node.sh("ip link add eth7 type veth peer name eth8").await;
    let output = node.sh("ls /sys/class/net").await;
    let names: Vec<&str> = success(&output).split_whitespace().collect();
    assert_eq!(names, ["eth7", "eth8", "lo"]);
}

async fn script_sees_its_own_files() {
    let real =
        ["hosts", "hostname", "resolv.conf"].map(|name| std::fs::read(format!("/etc/{name}")).ok());
    let node = TestNode::new().await;
    let output = node
        .sh("cat /etc/hostname /etc/hosts /etc/resolv.conf; uname -n; echo spoilt > /etc/hosts")
        .await;
    assert_eq!(
        success(&output),
        "sensor\n127.0.0.1 sensor localhost\n10.0.0.254 server\nnameserver 100.127.0.53\nsensor\n"
    );
    let after =
        ["hosts", "hostname", "resolv.conf"].map(|name| std::fs::read(format!("/etc/{name}")).ok());
    assert_eq!(real, after);
}

/// The thread that runs this has an /etc without hosts and with a dangling resolv.conf.
async fn script_with_a_broken_etc() {
    let text =
        "cat /etc/hosts /etc/resolv.conf; cat /etc/left; cat /etc/dir/file; readlink /etc/link";
    let output = on_broken_etc(text);
    assert_eq!(
        success(&output),
        "127.0.0.1 sensor localhost\n10.0.0.254 server\nnameserver 100.127.0.53\nleft\nfile\nleft\n"
    );
}

async fn script_status_and_stderr() {
    let node = TestNode::new().await;
    let output = node.run("echo out; echo err >&2; exit 3").await;
    assert_eq!(output.end, ScriptEnd::Exit(3));
    assert_eq!((&*output.stdout, &*output.stderr), ("out\n", "err\n"));
    let output = node.run("false\necho not reached").await;
    assert_eq!((output.end, &*output.stdout), (ScriptEnd::Exit(1), ""));
    let output = node.run("echo $unset_variable").await;
    assert!(matches!(output.end, ScriptEnd::Exit(1..)));
    assert!(output.stderr.contains("unset_variable"), "{output:?}");
    let output = node.run("kill -9 $$").await;
    assert_eq!(output.end, ScriptEnd::Signal(9));
}

/// How many processes of this name the node's PID namespace holds.
async fn count(node: &TestNode, name: &str) -> usize {
    let output = node.sh("cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'").await;
    success(&output)
        .lines()
        .filter(|line| *line == name)
        .count()
}

async fn script_timeout() {
    let node = TestNode::new().await;
    let began = Instant::now();
    let text = "echo begun; sleep 3001 & (setsid sleep 3001 &) ; sleep 3001";
    let output = node.run_for(text, Duration::from_millis(300)).await;
    assert_eq!(output.end, ScriptEnd::TimedOut);
    assert_eq!(output.stdout, "begun\n");
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(count(&node, "3001").await, 0);
}

async fn script_leaves_a_daemon() {
    let node = TestNode::new().await;
    let began = Instant::now();
    let output = node
        .sh("setsid sleep 3002 & echo $!; ls -l /proc/self/ns/pid >&2")
        .await;
    assert!(!success(&output).is_empty());
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(count(&node, "3002").await, 1);
    // An orphan that ends is reaped: in the end, only the daemon is left.
    node.sh("setsid sleep 0.05 &").await;
    node.sh("until [ $(cat /proc/[0-9]*/stat | grep -c '(sleep)') = 1 ]; do :; done")
        .await;
    let before = support::node::processes("3002");
    assert_eq!(before, 1);
    drop(node);
    assert_eq!(support::node::processes("3002"), 0);
}

/// Tells this program to play the process that is killed.
const ABANDON: &str = "CANAL_SIM_TEST_ABANDON";

async fn leave_a_daemon_and_die() {
    let node = TestNode::new().await;
    node.sh("setsid sleep 3003 &").await;
    assert_eq!(support::node::processes("3003"), 1);
    nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).unwrap();
}

#[allow(clippy::disallowed_methods, reason = "it starts this program again")]
async fn killed_process() {
    let this = std::env::current_exe().unwrap();
    let output = std::process::Command::new(this)
        .env(ABANDON, "1")
        .output()
        .unwrap();
    let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
    assert_eq!(signal, Some(9), "{output:?}");
    let began = Instant::now();
    while support::node::processes("3003") > 0 {
        assert!(began.elapsed() < Duration::from_secs(10));
        std::thread::yield_now();
    }
}

async fn script_output_is_bounded() {
    let node = TestNode::new().await;
    let output = node.sh("head -c 3000000 /dev/zero | tr '\\0' x").await;
    let text = success(&output);
    assert!(text.ends_with("x\n[cut after 1 MiB]\n"));
    assert!(text.len() < (1 << 20) + 30);
}

async fn forks_are_counted() {
    let node = TestNode::new().await;
    node.sh("true").await;
    let before = canal_sim::backend::kernel::forks();
    node.sh("true").await;
    // Trials that run beside this one fork too, so this is only a lower bound.
    assert!(canal_sim::backend::kernel::forks() > before);
}
