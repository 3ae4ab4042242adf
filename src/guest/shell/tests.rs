use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::{Refusal, carry_out};
use crate::guest::{Guest, Interface, Route, Way};

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

proptest! {
    #[test]
    fn any_text_is_taken(script in any::<String>()) {
        let _ = carry_out(&mut machine(), &script);
    }

    #[test]
    fn any_words_are_taken(words in proptest::collection::vec(prop_oneof![
        Just("ip"), Just("link"), Just("addr"), Just("route"), Just("neigh"), Just("bridge"),
        Just("fdb"), Just("add"), Just("del"), Just("set"), Just("dev"), Just("eth0"), Just("up"),
        Just("down"), Just("mtu"), Just("0"), Just("10.0.0.1/24"), Just("10.0.0.1"), Just("via"),
        Just("default"), Just("type"), Just("vxlan"), Just("id"), Just("dst"), Just("\n"), Just(";"),
        Just("&&"), Just("||"), Just(">"), Just("$A"), Just("A=1"), Just("'"), Just("\""), Just("lo"),
        Just("00:00:00:00:00:00"), Just("flush"), Just("append"), Just("\\"), Just("é"), Just("#"),
    ], 0..40)) {
        let _ = carry_out(&mut machine(), &words.join(" "));
        let _ = carry_out(&mut machine(), &words.concat());
    }
}
