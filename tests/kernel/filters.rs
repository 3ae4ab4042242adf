//! Filters: what they match, what they do, and that nft reads them as we write them.

use std::collections::BTreeSet;
use std::time::Duration;

use canal_sim::backend::kernel::nft;
use canal_sim::network::{
    Chain, ChainId, CtDirection, CtState, Family, HookPoint, IfName, Label, Match, Protocol, Rule,
    Statement, Test as Packet,
};
use ipnet::Ipv4Net;
use libtest_mimic::Failed;

use crate::Test;
use crate::bench::{Bench, NEVER, SOON, chain, dev, ip, label, net, node};

pub const TESTS: &[Test] = &[
    ("filters::every_test_tells_packets_apart", every_test),
    ("filters::the_ttl_can_be_kept", keep_ttl),
    ("filters::arp_is_filtered", arp),
    ("filters::nft_reads_what_we_write", as_nft_lists_it),
    ("filters::a_refused_transaction_changes_nothing", refused),
    ("filters::large_sets_and_many_rules_fit", large),
    ("filters::no_packet_of_a_burst_is_lost", burst),
];

fn nets(texts: &[&str]) -> BTreeSet<Ipv4Net> {
    texts.iter().map(|text| net(text)).collect()
}

fn devs(names: &[&str]) -> BTreeSet<IfName> {
    names.iter().map(|name| dev(name)).collect()
}

/// Each test with whether it holds for the first ping from `a` to `b`, on `r`, in the forward hook.
fn tests() -> Vec<(Packet, bool)> {
    let icmp = Protocol::Icmp;
    vec![
        (Packet::Iif(dev("a")), true),
        (Packet::Iif(dev("b")), false),
        (Packet::Oif(dev("b")), true),
        (Packet::Oif(dev("a")), false),
        (Packet::IifIn(devs(&["a", "lo"])), true),
        (Packet::IifIn(devs(&["b", "lo"])), false),
        (Packet::IifIn(devs(&[])), false),
        (Packet::OifIn(devs(&["b", "lo"])), true),
        (Packet::OifIn(devs(&["a", "aa"])), false),
        (Packet::Source(net("10.1.0.0/16")), true),
        (Packet::Source(net("10.1.0.1/32")), true),
        (Packet::Source(net("0.0.0.0/0")), true),
        (Packet::Source(net("10.1.0.128/25")), false),
        (Packet::Destination(net("10.2.0.0/23")), true),
        (Packet::Destination(net("10.1.0.0/16")), false),
        (
            Packet::SourceIn(nets(&["9.0.0.0/8", "10.1.0.0/24", "10.1.0.0/30"])),
            true,
        ),
        (
            Packet::SourceIn(nets(&["10.0.0.0/16", "10.1.0.2/32"])),
            false,
        ),
        (Packet::SourceIn(nets(&["0.0.0.0/0", "10.1.0.2/32"])), true),
        (Packet::SourceIn(nets(&[])), false),
        (
            Packet::DestinationIn(nets(&["10.2.0.1/32", "255.0.0.0/8"])),
            true,
        ),
        (
            Packet::DestinationIn(nets(&["10.2.0.2/31", "255.0.0.0/8"])),
            false,
        ),
        (Packet::DestinationIn(nets(&["0.0.0.0/1"])), true),
        (Packet::DestinationIn(nets(&["128.0.0.0/1"])), false),
        (Packet::Protocol(icmp), true),
        (Packet::Protocol(Protocol::Udp), false),
        (Packet::Protocol(Protocol::Other(89)), false),
        (Packet::IcmpType(8), true),
        (Packet::IcmpType(0), false),
        (Packet::IcmpCode(0), true),
        (Packet::IcmpCode(1), false),
        (Packet::CtState([CtState::New].into()), true),
        (
            Packet::CtState([CtState::Established, CtState::Related, CtState::Invalid].into()),
            false,
        ),
        (Packet::CtDirection(CtDirection::Original), true),
        (Packet::CtDirection(CtDirection::Reply), false),
        (
            Packet::CtMark {
                mask: 0xff,
                value: 0,
            },
            true,
        ),
        (
            Packet::CtMark {
                mask: 0xff,
                value: 1,
            },
            false,
        ),
        (Packet::Length(28..=28), true),
        (Packet::Length(20..=100), true),
        (Packet::Length(29..=1500), false),
        // What a raw socket sends must not be cut (ip(7), IP_MTU_DISCOVER).
        (Packet::DontFragment, true),
        // A ping has its type and its code where others have the source port.
        (Packet::SourcePort(0x0800..=0x0800), true),
        (Packet::SourcePort(0x0801..=0xffff), false),
    ]
}

/// One log rule for each test and one for its opposite; the labels say which matched.
fn every_test() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    let mut rules = Vec::new();
    let mut expected = Vec::new();
    for (n, (test, holds)) in tests().into_iter().enumerate() {
        let log = |what: &str| [Statement::Log(label(&format!("{what}{n}")))];
        let opposite: Match = !test.clone();
        rules.push(Rule::new([test.into()], log("IS")));
        rules.push(Rule::new([opposite], log("NOT")));
        expected.push(format!(
            "={}{n} under test",
            if holds { "IS" } else { "NOT" }
        ));
    }
    rules.push(Rule::new(
        [],
        [Statement::Log(label("END")), Statement::Drop],
    ));
    bench.chain(
        "r",
        ChainId::ip("tests"),
        chain(HookPoint::Forward, 0, rules),
    );
    bench.apply();
    let mut log = bench.kernel.log();
    assert!(
        bench
            .ping("a", "10.2.0.1", Duration::from_millis(20))
            .is_none()
    );
    let mut seen = Vec::new();
    loop {
        let packet = bench.logged(&mut log);
        if packet.prefix == "=END under test" {
            break;
        }
        seen.push(packet.prefix);
    }
    assert_eq!(seen, expected);
    Ok(())
}

fn keep_ttl() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    let keep = Rule::new([Match::from(Packet::Iif(dev("a")))], [Statement::KeepTtl]);
    bench.chain(
        "r",
        ChainId::ip("ttl"),
        chain(HookPoint::Prerouting, -150, [keep]),
    );
    bench.apply();
    // One way only: the reply loses one.
    assert_eq!(bench.ping("a", "10.2.0.1", SOON), Some(63));
    let keep = Rule::new([], [Statement::KeepTtl]);
    bench.chain(
        "r",
        ChainId::ip("ttl"),
        chain(HookPoint::Prerouting, -150, [keep]),
    );
    bench.apply();
    assert_eq!(bench.ping("a", "10.2.0.1", SOON), Some(64));
    assert!(
        bench.send("a", ("b", "10.2.0.1")).is_some(),
        "the checksum is right"
    );
    Ok(())
}

fn arp() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    bench.address("r", "a", "10.1.0.253/24");
    let rules = [
        Rule::new(
            [
                Packet::ArpOperation(1).into(),
                Packet::ArpSenderIn(nets(&["10.1.0.0/24"])).into(),
                !Packet::ArpTargetIn(nets(&["10.1.0.254/32"])),
            ],
            [Statement::Log(label("ARP")), Statement::Drop],
        ),
        Rule::new([], [Statement::Accept]),
    ];
    bench.chain("r", ChainId::arp("in"), chain(HookPoint::Input, 0, rules));
    bench.apply();
    let mut log = bench.kernel.log();
    assert!(bench.ping("a", "10.1.0.254", SOON).is_some());
    assert!(bench.ping("a", "10.1.0.253", NEVER).is_none());
    let packet = bench.logged(&mut log);
    assert_eq!(packet.family, Family::Arp);
    assert_eq!(packet.prefix, "=ARP under test");
    assert_eq!(packet.packet[14..18], [10, 1, 0, 1]);
    assert_eq!(packet.packet[24..28], [10, 1, 0, 253]);
    let ill = chain(HookPoint::Forward, 0, []);
    bench.chain("r", ChainId::arp("forward"), ill);
    let error = bench
        .try_apply()
        .expect_err("ARP isn't forwarded")
        .to_string();
    assert!(error.contains("chain forward on node r"), "{error}");
    Ok(())
}

/// What `nft list` shows, without what it shows differently from one version to another: names for
/// priorities, numbers or names for protocols, spaces.
fn normal(text: &str) -> Vec<String> {
    let names = [
        ("filter + ", ""),
        ("priority raw;", "priority -300;"),
        ("priority mangle;", "priority -150;"),
        ("priority dstnat;", "priority -100;"),
        ("priority filter;", "priority 0;"),
        ("priority srcnat;", "priority 100;"),
        ("icmp type echo-request", "icmp type 8"),
        ("icmp type echo-reply", "icmp type 0"),
        ("icmp code net-unreachable", "icmp code 0"),
        ("icmp code host-unreachable", "icmp code 1"),
        ("{ ", "{"),
        (" }", "}"),
        (" == ", " "),
    ];
    text.lines()
        .map(|line| {
            let mut line = line.trim().to_owned();
            for (from, to) in names {
                line = line.replace(from, to);
            }
            line
        })
        .filter(|line| !line.is_empty())
        .collect()
}

fn as_nft_lists_it() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    let mut rules: Vec<Rule> = Vec::new();
    for (test, _) in tests() {
        // The kernel keeps no type with bytes of the transport header: nft guesses at them.
        let guessed = matches!(
            test,
            Packet::SourcePort(_)
                | Packet::IcmpType(_)
                | Packet::IcmpCode(_)
                | Packet::DontFragment
                | Packet::Protocol(_)
        );
        if !guessed {
            rules.push(Rule::new([!test.clone()], [Statement::Return]));
            rules.push(Rule::new([test.into()], [Statement::Jump("other".into())]));
        }
    }
    rules.push(Rule::new(
        [],
        [
            Statement::CtMarkOr(5),
            Statement::Log(label("R")),
            Statement::Drop,
        ],
    ));
    bench.chain("r", ChainId::ip("all"), chain(HookPoint::Forward, 0, rules));
    let other = Chain {
        hook: None,
        rules: vec![Rule::new([], [Statement::Accept])],
    };
    bench.chain("r", ChainId::ip("other"), other);
    let snat = Rule::new([], [Statement::Snat(ip("10.2.0.254"))]);
    bench.chain(
        "r",
        ChainId::ip("post"),
        chain(HookPoint::NatPostrouting, 100, [snat]),
    );
    let dnat = Rule::new([], [Statement::Dnat(ip("10.2.0.254"))]);
    bench.chain(
        "r",
        ChainId::ip("pre"),
        chain(HookPoint::NatPrerouting, -100, [dnat]),
    );
    let raw = Rule::new([], [Statement::Notrack]);
    bench.chain(
        "r",
        ChainId::ip("raw"),
        chain(HookPoint::Prerouting, -300, [raw]),
    );
    let arp = Rule::new([Packet::ArpOperation(1).into()], [Statement::Drop]);
    bench.chain("r", ChainId::arp("in"), chain(HookPoint::Input, 0, [arp]));
    bench.apply();
    let listed = crate::machine::run(&bench, "r", "nft", &["list", "ruleset"]);
    let listed = String::from_utf8(listed.stdout)?;
    let ours = nft::text(&bench.wanted.nodes[&node("r")].filter);
    // nft lists chains in the order of their birth; ours is by name.
    let sorted = |text: &str| {
        let mut lines = normal(text);
        lines.sort();
        lines
    };
    assert_eq!(
        sorted(&ours),
        sorted(&listed),
        "\n--- ours\n{ours}\n--- nft\n{listed}"
    );
    Ok(())
}

fn refused() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    let log = |what: &str| Rule::new([], [Statement::Log(label(what))]);
    bench.chain(
        "r",
        ChainId::ip("forward"),
        chain(HookPoint::Forward, 0, [log("OLD")]),
    );
    bench.apply();
    let before = bench.wanted.clone();
    let nowhere = Rule::new([], [Statement::Jump("nowhere".into())]);
    let ill = chain(HookPoint::Forward, 0, [log("NEW"), nowhere]);
    bench.chain("r", ChainId::ip("forward"), ill);
    let error = bench
        .try_apply()
        .expect_err("the chain is missing")
        .to_string();
    assert_eq!(
        error,
        "failed to set filter chain forward on node r: there is no such entry"
    );
    let mut log = bench.kernel.log();
    assert!(bench.ping("a", "10.2.0.1", SOON).is_some());
    assert_eq!(bench.logged(&mut log).prefix, "=OLD under test");
    // And the next one goes through.
    bench.network = before;
    let fine = chain(HookPoint::Forward, 0, [Rule::new([], [Statement::Drop])]);
    bench.chain("r", ChainId::ip("forward"), fine);
    bench.apply();
    assert!(bench.ping("a", "10.2.0.1", NEVER).is_none());
    Ok(())
}

fn large() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    let many: BTreeSet<Ipv4Net> = (0..3_000_u32)
        .map(|n| Ipv4Net::new_assert(std::net::Ipv4Addr::from_bits(0x1400_0000 + n * 2), 32))
        .collect();
    let mut rules = vec![Rule::new(
        [Packet::SourceIn(many).into()],
        [Statement::Drop],
    )];
    for n in 0..500_u16 {
        rules.push(Rule::new(
            [
                Packet::Protocol(Protocol::Tcp).into(),
                Packet::DestinationPort(n..=n).into(),
                Packet::Source(net("10.0.0.0/8")).into(),
            ],
            [Statement::Drop],
        ));
    }
    bench.chain(
        "r",
        ChainId::ip("large"),
        chain(HookPoint::Forward, 0, rules),
    );
    bench.apply();
    assert!(bench.ping("a", "10.2.0.1", SOON).is_some());
    Ok(())
}

fn burst() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    let hint = Label {
        is_final: false,
        ..label("HINT")
    };
    let rule = Rule::new(
        [Packet::Oif(dev("b")).into()],
        [Statement::Log(hint), Statement::Drop],
    );
    bench.chain(
        "r",
        ChainId::ip("forward"),
        chain(HookPoint::Forward, 0, [rule]),
    );
    bench.apply();
    let mut log = bench.kernel.log();
    let socket = bench.udp("a", "0.0.0.0:0");
    // What arrives before the router's address is known waits in a short queue.
    assert!(bench.ping("a", "10.1.0.254", SOON).is_some());
    for n in 0..2_000_u32 {
        socket.send_to(&n.to_be_bytes(), "10.2.0.1:9")?;
    }
    for n in 0..2_000_u32 {
        let packet = bench.logged(&mut log);
        assert_eq!(packet.prefix, "~HINT under test");
        assert_eq!(packet.packet[28..32], n.to_be_bytes());
    }
    Ok(())
}
