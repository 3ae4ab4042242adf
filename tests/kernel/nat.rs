//! Network address translation, and connections that outlive a change of rules.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use canal_sim::network::{
    Chain, ChainId, CtDirection, CtState, HookPoint, Rule, Statement, Test as Packet,
};
use libtest_mimic::Failed;

use crate::Test;
use crate::bench::{Bench, SOON, chain, dev, ip, label};

pub const TESTS: &[Test] = &[
    ("nat::the_source_is_rewritten", snat),
    ("nat::the_destination_is_rewritten", dnat),
    ("nat::a_connection_outlives_a_change_of_rules", outlives),
    ("nat::marks_stay_with_the_connection", marks),
    ("nat::an_untracked_packet_is_not_translated", notrack),
];

fn snat() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    let rule = Rule::new(
        [Packet::Oif(dev("b")).into()],
        [Statement::Snat(ip("10.2.0.254"))],
    );
    let post = chain(HookPoint::NatPostrouting, 100, [rule]);
    bench.chain("r", ChainId::ip("post"), post);
    bench.apply();
    let from = bench.send("a", ("b", "10.2.0.1")).expect("it arrives");
    assert_eq!(from.ip(), ip("10.2.0.254"));
    // The answer finds its way back through the translation.
    assert!(bench.ping("a", "10.2.0.1", SOON).is_some());
    Ok(())
}

fn dnat() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    let rule = Rule::new(
        [Packet::Destination("10.99.0.1/32".parse()?).into()],
        [Statement::Dnat(ip("10.2.0.1"))],
    );
    let pre = chain(HookPoint::NatPrerouting, -100, [rule]);
    bench.chain("r", ChainId::ip("pre"), pre);
    bench.apply();
    assert!(bench.send("a", ("b", "10.99.0.1")).is_some());
    assert!(bench.ping("a", "10.99.0.1", SOON).is_some());
    Ok(())
}

fn connect(bench: &Bench) -> (TcpStream, TcpStream) {
    let listener = bench.within("b", || TcpListener::bind("10.2.0.1:80").unwrap());
    let client = bench.within("a", || TcpStream::connect("10.2.0.1:80").unwrap());
    let (server, _) = listener.accept().unwrap();
    for stream in [&client, &server] {
        stream.set_read_timeout(Some(SOON)).unwrap();
    }
    (client, server)
}

fn exchange(client: &mut TcpStream, server: &mut TcpStream) {
    client.write_all(b"question").unwrap();
    let mut buffer = [0; 8];
    server.read_exact(&mut buffer).unwrap();
    server.write_all(b"answer..").unwrap();
    client.read_exact(&mut buffer).unwrap();
    assert_eq!(&buffer, b"answer..");
}

/// As a security group: what is established stays, the rest is judged by the rules.
fn stateful(rest: impl IntoIterator<Item = Rule>) -> Chain {
    let known = [CtState::Established, CtState::Related].into();
    let mut rules = vec![
        Rule::new([Packet::CtState(known).into()], [Statement::Accept]),
        Rule::new([], [Statement::Jump("group".into())]),
    ];
    rules.extend(rest);
    chain(HookPoint::Forward, 0, rules)
}

fn outlives() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    let drop = Rule::new(
        [],
        [
            Statement::Log(label("ENI_SG_RULES_MISMATCH")),
            Statement::Drop,
        ],
    );
    let group = |rules: Vec<Rule>| Chain { hook: None, rules };
    bench.chain("r", ChainId::ip("forward"), stateful([drop]));
    // Stands behind the chain that jumps to it.
    let open = group(vec![Rule::new([], [Statement::Accept])]);
    bench.chain("r", ChainId::ip("group"), open);
    bench.apply();
    let (mut client, mut server) = connect(&bench);
    exchange(&mut client, &mut server);
    bench.chain("r", ChainId::ip("group"), group(vec![]));
    bench.apply();
    exchange(&mut client, &mut server);
    assert!(
        bench.send("a", ("b", "10.2.0.1")).is_none(),
        "new flows are judged by the new rules"
    );
    // A chain whose hook changes is made anew; the connection is still known.
    bench.chain("r", ChainId::ip("group"), group(vec![]));
    let mut moved = stateful([Rule::new([], [Statement::Drop])]);
    moved.hook = Some(canal_sim::network::Hook {
        point: HookPoint::Postrouting,
        priority: 10,
    });
    bench.chain("r", ChainId::ip("forward"), moved);
    bench.apply();
    exchange(&mut client, &mut server);
    let filter = &mut bench
        .wanted
        .nodes
        .get_mut(&crate::bench::node("r"))
        .unwrap()
        .filter;
    filter.chains.clear();
    bench.apply();
    exchange(&mut client, &mut server);
    assert!(bench.send("a", ("b", "10.2.0.1")).is_some());
    Ok(())
}

fn marks() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    let mark = |mask, value| Packet::CtMark { mask, value };
    let rules = [
        Rule::new(
            [
                Packet::CtDirection(CtDirection::Original).into(),
                Packet::Iif(dev("a")).into(),
            ],
            [Statement::CtMarkOr(4), Statement::CtMarkOr(2)],
        ),
        Rule::new(
            [
                Packet::CtDirection(CtDirection::Reply).into(),
                mark(6, 6).into(),
            ],
            [Statement::Log(label("MARKED"))],
        ),
    ];
    bench.chain(
        "r",
        ChainId::ip("marks"),
        chain(HookPoint::Forward, 0, rules),
    );
    bench.apply();
    let mut log = bench.kernel.log();
    assert!(bench.ping("a", "10.2.0.1", SOON).is_some());
    let packet = bench.logged(&mut log);
    assert_eq!(packet.prefix, "=MARKED under test");
    assert_eq!(packet.packet[12..16], [10, 2, 0, 1]);
    Ok(())
}

fn notrack() -> Result<(), Failed> {
    let mut bench = Bench::routed();
    let rule = Rule::new(
        [Packet::Oif(dev("b")).into()],
        [Statement::Snat(ip("10.2.0.254"))],
    );
    let post = chain(HookPoint::NatPostrouting, 100, [rule]);
    bench.chain("r", ChainId::ip("post"), post);
    let raw = chain(
        HookPoint::Prerouting,
        -300,
        [Rule::new([], [Statement::Notrack])],
    );
    bench.chain("r", ChainId::ip("raw"), raw);
    bench.apply();
    let from = bench.send("a", ("b", "10.2.0.1")).expect("it arrives");
    assert_eq!(from.ip(), ip("10.1.0.1"));
    Ok(())
}
