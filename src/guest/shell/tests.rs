use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::{Execution, Refusal, Skipped, carry_out, execute};
use crate::guest::{Guest, HostFiles, Interface, Route, Way};

/// An instance at 10.0.0.254/24.
fn machine() -> Guest {
    let mut guest = Guest::default();
    let eth0 = Interface {
        up: true,
        mtu: 9001,
        addresses: vec!["10.0.0.254/24".parse().unwrap()],
        vxlan: None,
    };
    guest.interfaces.insert("eth0".into(), eth0);
    let (network, all) = ("10.0.0.0/24".parse().unwrap(), "0.0.0.0/0".parse().unwrap());
    let connected = Route {
        way: out("eth0", None),
        source: Some(ip("10.0.0.254")),
    };
    let default = Route {
        way: out("eth0", Some("10.0.0.1")),
        source: None,
    };
    guest.routes.extend([(network, connected), (all, default)]);
    guest
}

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn out(dev: &str, via: Option<&str>) -> Way {
    Way::Out {
        dev: dev.into(),
        via: via.map(ip),
    }
}

fn done(script: &str) -> (Guest, Result<(), Refusal>) {
    let mut guest = machine();
    let result = carry_out(&mut guest, script);
    (guest, result)
}

fn doubts(script: &str) -> Vec<String> {
    done(script).0.doubts.into_iter().collect()
}

const GATE: &str = "\
ip link add vxlan0 type vxlan local 10.0.0.254 id 10 dstport 4789 dev eth0
ip addr add 10.254.0.254/9 dev vxlan0
ip link set vxlan0 up
bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.0.4
bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.0.5
";

#[test]
fn the_five_commands_of_gate() {
    let (guest, result) = done(GATE);
    assert_eq!(result, Ok(()));
    assert!(guest.doubts.is_empty());
    let vxlan0 = &guest.interfaces["vxlan0"];
    assert!(vxlan0.up);
    assert_eq!(vxlan0.mtu, 8951);
    assert_eq!(vxlan0.addresses, ["10.254.0.254/9".parse().unwrap()]);
    let vxlan = vxlan0.vxlan.as_ref().unwrap();
    assert_eq!((vxlan.vni, vxlan.port), (10, 4789));
    assert_eq!(vxlan.local, Some(ip("10.0.0.254")));
    assert_eq!(vxlan.flood, [ip("100.64.0.4"), ip("100.64.0.5")].into());
    let route = &guest.routes[&"10.128.0.0/9".parse().unwrap()];
    assert_eq!(route.way, out("vxlan0", None));
    assert_eq!(route.source, Some(ip("10.254.0.254")));
}

#[test]
fn a_refusal_ends_the_script() {
    let (guest, result) = done("ip addr add 10.0.0.254/24 dev eth0\nip link set eth0 down");
    let refusal = result.unwrap_err();
    assert_eq!(refusal.exit, 2);
    assert_eq!(refusal.message, "Error: ipv4: Address already assigned.");
    assert!(guest.interfaces["eth0"].up);
    let (guest, result) = done("ip link set vxlan9 up || ip link set eth0 down");
    assert_eq!(result, Ok(()));
    assert!(!guest.interfaces["eth0"].up);
    let (guest, result) = done("set +e\nip link set vxlan9 up\nip link set eth0 down");
    assert_eq!(result, Ok(()));
    assert!(!guest.interfaces["eth0"].up);
    let (_, result) = done("ip link set vxlan9 up");
    let refusal = result.unwrap_err();
    assert_eq!(
        (refusal.exit, refusal.message.as_str()),
        (1, "Cannot find device \"vxlan9\"")
    );
    let (guest, result) = done("exit 3\nip link set eth0 down");
    assert_eq!(result.unwrap_err().exit, 3);
    assert!(guest.interfaces["eth0"].up);
}

#[test]
fn what_the_shell_makes_of_a_line() {
    for down in [
        "ip l s eth0 down",
        "/sbin/ip link set dev eth0 down # a comment",
        "D=eth0\nip link set \"$D\" down",
        "C='ip link set eth0'; $C down",
        "ip link \\\n  set eth0 down",
        "false || true && ip link set eth0 down >/dev/null 2>&1",
        "ip link show eth0 > /dev/null && ip link set eth0 down",
        "set -eux; : ; D=eth1; ip link set ${D} down || ip link set eth0 down",
    ] {
        let (guest, _) = done(down);
        assert!(!guest.interfaces["eth0"].up, "{down}");
    }
    assert_eq!(
        doubts("cat /proc/sys/net/ipv4/ip_forward\nip -d link; bridge fdb show"),
        [""; 0]
    );
}

#[test]
fn forwarding() {
    for on in [
        "sysctl -w net.ipv4.ip_forward=1",
        "sysctl -q -w net/ipv4/ip_forward=1",
        "echo 1 > /proc/sys/net/ipv4/ip_forward",
        "echo 1 >/proc/sys/net/ipv4/ip_forward",
    ] {
        let (guest, result) = done(on);
        assert!(guest.forwarding && result.is_ok(), "{on}");
        assert!(guest.doubts.is_empty());
    }
    let (guest, _) =
        done("sysctl -w net.ipv4.ip_forward=1; echo 0 > /proc/sys/net/ipv4/ip_forward");
    assert!(!guest.forwarding);
}

#[test]
fn what_is_not_understood_is_named_and_passed_over() {
    for strange in [
        "iptables -A INPUT -j DROP",
        "ip -4 route get 10.0.0.1 | grep eth0",
        "nft add table inet f",
        "ip rule add from all table 7",
        "for i in 1 2",
        "python3 -m http.server 80 &",
        "tc qdisc add dev eth0 root netem loss 50%",
        "ip neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev eth0",
        "bridge fdb add 02:00:00:00:00:07 dev eth0 dst 10.0.0.7",
        "ip link set eth0 master br0",
        "echo 1 > /proc/sys/net/ipv4/conf/eth0/rp_filter",
        "ip addr add fd00::1/64 dev eth0",
        "ip link set $UNKNOWN down",
        "echo $(ip link set eth0 down)",
        "ip route add default via 10.0.0.9 metric 10",
        "cat <<EOF",
        "echo 'never closed",
    ] {
        let shown = strange.trim_end_matches('&').trim();
        assert_eq!(doubts(strange), [format!("the command `{shown}`")]);
    }
    let script = "nft add table inet f\nip link set eth0 down";
    assert!(!done(script).0.interfaces["eth0"].up);
    // What isn't there may have been made by what wasn't understood.
    let script = "ip link add br0 type bridge\nip link set br0 up\nip link set eth0 down";
    let (guest, result) = done(script);
    assert_eq!((guest.doubts.len(), result), (2, Ok(())));
    assert!(!guest.interfaces["eth0"].up);
}

fn files() -> HostFiles {
    HostFiles {
        hostname: "server".into(),
        nameservers: vec![ip("10.0.0.2")],
        ..HostFiles::default()
    }
}

fn executed(script: &str) -> (Guest, Execution) {
    let mut guest = machine();
    let execution = execute(&mut guest, &files(), script);
    (guest, execution)
}

fn skips(script: &str) -> Vec<(String, String)> {
    let skipped = executed(script).1.skipped.into_iter();
    skipped
        .map(|Skipped { command, reason }| (command, reason))
        .collect()
}

#[test]
fn what_a_script_shows() {
    for (script, exit, stdout, stderr) in [
        (GATE, 0, "", ""),
        ("true; :; false || true", 0, "", ""),
        ("false", 1, "", ""),
        ("exit 7", 7, "", ""),
        ("false || exit", 1, "", ""),
        ("echo a  \"b  c\"; echo -n d", 0, "a b  c\nd", ""),
        ("echo lost >&2; echo gone >/dev/null", 0, "", "lost\n"),
        (
            "echo out 2>&1 1>&2; echo err 1>&2 2>&1",
            0,
            "out\n",
            "err\n",
        ),
        ("hostname; echo $HOSTNAME", 0, "server\nserver\n", ""),
        ("cat /etc/resolv.conf", 0, "nameserver 10.0.0.2\n", ""),
        (
            "cat /etc/hostname /etc/hosts",
            0,
            "server\n127.0.0.1 server localhost\n",
            "",
        ),
        (
            "cat /proc/sys/net/ipv4/ip_forward; cat /sys/class/net/eth0/mtu",
            0,
            "0\n9001\n",
            "",
        ),
        (
            "cat /sys/class/net/vxlan0/mtu; echo never",
            1,
            "",
            "cat: /sys/class/net/vxlan0/mtu: No such file or directory\n",
        ),
        ("grep -q 'nameserver 10.0.0.2' /etc/resolv.conf", 0, "", ""),
        ("grep 10.0.0.3 /etc/resolv.conf && echo there", 1, "", ""),
        (
            "grep -F 0.0 /etc/resolv.conf",
            0,
            "nameserver 10.0.0.2\n",
            "",
        ),
        (
            "sysctl -w net.ipv4.ip_forward=1; sysctl -n net/ipv4/ip_forward; \
             sysctl -q net.ipv4.ip_forward=0; sysctl net.ipv4.ip_forward",
            0,
            "net.ipv4.ip_forward = 1\n1\nnet.ipv4.ip_forward = 0\n",
            "",
        ),
        (
            "ip addr add 10.0.0.254/24 dev eth0; echo never",
            2,
            "",
            "Error: ipv4: Address already assigned.\n",
        ),
        (
            "ip link set x up 2>/dev/null || ip link set y up || echo here",
            0,
            "here\n",
            "Cannot find device \"y\"\n",
        ),
        ("ip link show eth0 >/dev/null && echo up", 0, "up\n", ""),
        ("[ a = b ] || test 2 -gt 1 && echo so", 0, "so\n", ""),
        ("set -x\nA=1\necho $A", 0, "1\n", "+ A=1\n+ echo 1\n"),
    ] {
        let (guest, execution) = executed(script);
        let wanted = Execution {
            exit,
            stdout: stdout.into(),
            stderr: stderr.into(),
            skipped: Vec::new(),
        };
        assert_eq!(execution, wanted, "{script}");
        assert!(guest.doubts.is_empty(), "{script}");
    }
}

#[test]
fn what_is_skipped_and_why() {
    for (command, reason) in [
        ("iptables -A INPUT -j DROP", "there is no `iptables` here"),
        ("ip rule add table 7", "this form of `ip` is not understood"),
        ("cat /etc/hosts | wc -l", "it is a pipeline"),
        ("iperf3 -s &", "it runs in the background"),
        ("for i in 1 2", "it is a compound command, or part of one"),
        ("cat <<END", "it reads from a file"),
        ("echo $(date)", "it puts another command's output in"),
        ("echo *.toml", "it names files by a pattern"),
        ("echo $UNKNOWN", "the script does not set $UNKNOWN"),
        (
            "echo note > /tmp/note",
            "its output goes to nowhere that is known",
        ),
        ("ip addr", "what it does and shows is not imitated"),
        (
            "ip route get 10.0.0.1 > /dev/null",
            "what it does and shows is not imitated",
        ),
        (
            "curl -s http://10.0.0.254",
            "what it does and shows is not imitated",
        ),
        ("cat /etc/passwd", "what it does and shows is not imitated"),
        (
            "ip route append default via 10.0.0.9",
            "what it does depends on more than is known of the machine",
        ),
    ] {
        let shown = command.trim_end_matches('&').trim();
        assert_eq!(skips(command), [(shown.to_owned(), reason.to_owned())]);
        let (mut guest, execution) = executed(command);
        assert_eq!(
            (execution.exit, execution.stdout.as_str()),
            (0, ""),
            "{command}"
        );
        guest.doubts.clear();
        assert_eq!(guest, machine(), "{command}");
    }
    // Only what may have changed something makes what follows doubtful.
    assert!(executed("ip addr; curl 10.0.0.1").0.doubts.is_empty());
    assert_eq!(executed("nft add table inet f").0.doubts.len(), 1);
    // What isn't there may have been made by what was skipped.
    let script = "ip link add br0 type bridge\nip link set br0 up\ncat /sys/class/net/br0/mtu";
    assert_eq!(skips(script).len(), 3);
}

#[test]
fn what_belongs_to_a_compound_command_is_skipped_whole() {
    for (script, skipped) in [
        ("if true; then\nip link set eth0 down\nfi\necho on", 4),
        ("for i in 1 2; do ip link set eth0 down; done; echo on", 3),
        ("f() {\nip link set eth0 down\n}\necho on", 3),
        ("(true; ip link set eth0 down; true); echo on", 3),
        (
            "case x in\nx) true ;;\ny) ip link set eth0 down;;\nesac; echo on",
            4,
        ),
        ("cat > x <<'END'\nip link set eth0 down\nEND\necho on", 1),
        ("cat <<-END\n\tip link set eth0 down\n\tEND\necho on", 1),
    ] {
        let (guest, execution) = executed(script);
        assert!(guest.interfaces["eth0"].up, "{script}");
        assert_eq!(execution.stdout, "on\n", "{script}");
        assert_eq!(execution.skipped.len(), skipped, "{script}: {execution:?}");
    }
}

#[test]
fn a_tunnel_goes_with_what_it_is_built_on() {
    let (guest, result) = done(&format!("{GATE}ip link set vxlan0 mtu 8951 up"));
    assert_eq!(result, Ok(()));
    let vxlan = guest.interfaces["vxlan0"].vxlan.as_ref().unwrap();
    assert_eq!(vxlan.below.as_deref(), Some("eth0"));
    let (_, result) = done(&format!("{GATE}ip link set vxlan0 mtu 8952"));
    assert_eq!(
        result.unwrap_err().message,
        "RTNETLINK answers: Invalid argument"
    );
    let (guest, result) = done(&format!("{GATE}ip link del eth0"));
    assert_eq!(result, Ok(()));
    assert!(guest.interfaces.is_empty() && guest.routes.is_empty());
    assert!(guest.doubts.is_empty());
}

proptest! {
    #[test]
    fn any_text_is_taken(script in any::<String>()) {
        let _ = carry_out(&mut machine(), &script);
        let _ = executed(&script);
    }

    #[test]
    fn any_words_are_taken(words in proptest::collection::vec(prop_oneof![
        Just("ip"), Just("link"), Just("addr"), Just("route"), Just("neigh"), Just("bridge"),
        Just("fdb"), Just("add"), Just("del"), Just("set"), Just("dev"), Just("eth0"), Just("up"),
        Just("down"), Just("mtu"), Just("0"), Just("10.0.0.1/24"), Just("10.0.0.1"), Just("via"),
        Just("default"), Just("type"), Just("vxlan"), Just("id"), Just("dst"), Just("\n"), Just(";"),
        Just("&&"), Just("||"), Just(">"), Just("$A"), Just("A=1"), Just("'"), Just("\""), Just("lo"),
        Just("00:00:00:00:00:00"), Just("flush"), Just("append"), Just("("), Just("{"), Just("if"), Just("fi"), Just("<<"), Just("2>"),
        Just("cat"), Just("grep"), Just("echo"), Just("/etc/hosts"), Just("\\"), Just("é"), Just("#"),
    ], 0..40)) {
        let _ = carry_out(&mut machine(), &words.join(" "));
        let _ = carry_out(&mut machine(), &words.concat());
        let _ = executed(&words.join(" "));
    }
}

#[test]
fn a_variable_that_doubles_stays_short() {
    let doubling = format!("a=xxxxxxxxxxxxxxxx\n{}", "a=$a$a\n".repeat(40));
    let done = executed(&format!("{doubling}echo $a\n")).1;
    // Sixteen bytes are doubled twelve times; then what it holds isn't known any more.
    let too_long = done.skipped.first().unwrap();
    assert_eq!(too_long.command, "a=$a$a");
    assert!(too_long.reason.contains("longer"), "{}", too_long.reason);
    assert_eq!(done.skipped.len(), 40 - 12 + 1);
    assert_eq!(done.stdout, "");
    for script in [
        doubling.replace("a=$a$a", "export a=$a$a"),
        doubling.replace("a=$a$a", "a=\"$a$a\""),
    ] {
        assert_eq!(executed(&script).1.skipped.len(), 40 - 12);
        assert!(!doubts(&script).is_empty());
    }
    let just = format!(
        "{}b=$a$a$a$a\necho \"$b\"\n",
        doubling.replacen("a=$a$a\n", "", 30)
    );
    let done = executed(&just).1;
    assert_eq!(
        (done.skipped.as_slice(), done.stdout.len()),
        (&[] as &[Skipped], (16 << 12) + 1)
    );
}

#[test]
fn what_a_script_writes_is_kept_up_to_a_mebibyte() {
    let long = format!("a={}\n", "é".repeat(20 << 10));
    let cut = "\n[cut after 1 MiB]\n";
    let done = executed(&format!("{long}{}", "echo $a\n".repeat(40))).1;
    assert_eq!(done.skipped, []);
    assert!(done.stdout.ends_with(cut), "{}", done.stdout.len());
    assert!((1 << 20..=(1 << 20) + cut.len()).contains(&done.stdout.len()));
    let done = executed(&format!("{long}set -x\n{}", "true $a\n".repeat(40))).1;
    assert!(done.stderr.ends_with(cut), "{}", done.stderr.len());
    let files = " /etc/hosts".repeat(5_000);
    let hosts = HostFiles {
        hostname: "x".repeat(60_000),
        ..HostFiles::default()
    };
    let done = execute(&mut machine(), &hosts, &format!("cat{files}\n"));
    assert!(done.stdout.ends_with(cut), "{}", done.stdout.len());
}

#[test]
fn a_script_s_words_have_a_limit_together() {
    let words = format!("a='{}'\n", "x ".repeat(20 << 10));
    let done = executed(&format!("{words}{}", "true $a\n".repeat(100))).1;
    assert!(
        (80..100).contains(&done.skipped.len()),
        "{}",
        done.skipped.len()
    );
    let many: String = (0..2_000).map(|i| format!("v{i}=$a\n")).collect();
    let done = executed(&format!("a={}\n{many}", "x".repeat(40 << 10))).1;
    assert!(
        (1_850..1_950).contains(&done.skipped.len()),
        "{}",
        done.skipped.len()
    );
    let strange: String = (0..5_000).map(|i| format!("strange{i}\n")).collect();
    assert_eq!(doubts(&strange).len(), 1_000);
}
