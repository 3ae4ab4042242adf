//! What we write ourselves reads as `text.rs` says it.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::super::encode::{TABLE, Transaction};
use super::super::expression::{Expression, expressions};
use super::*;
use crate::network::{
    ChainId, CtDirection, CtState, Label, Match, Protocol, Rule, Statement, Test,
};

/// The messages of a transaction that adds a rule.
fn messages(rule: &Rule) -> Vec<u8> {
    let mut transaction = Transaction::begin(TABLE);
    let list: Vec<Expression> = expressions(rule).unwrap();
    transaction.add_rule(&ChainId::ip("c"), &list);
    transaction.end().0.bytes
}

/// The text of the rule in a transaction. Its sets are those that it makes.
fn read(bytes: &[u8]) -> Option<String> {
    let payload = |kind: u16| {
        let mut found = wire::messages(bytes).filter(move |message| message.kind == 10 << 8 | kind);
        found.next().map(|message| message.payload)
    };
    let expressions = attribute(payload(6)?.get(4..)?, 4)?;
    let mut set = |_: &str| Some(elements(payload(12)?.get(4..)?));
    rule_text(key::IPV4, expressions, &mut set)
}

fn text(matches: impl IntoIterator<Item = Match>) -> Option<String> {
    read(&messages(&Rule::new(matches, [Statement::Drop])))
}

fn net(text: &str) -> ipnet::Ipv4Net {
    text.parse().unwrap()
}

#[test]
fn what_a_rule_looks_at_is_named_as_nft_names_it() {
    let tcp = || Test::Protocol(Protocol::Tcp).into();
    let dev = crate::network::IfName::fit("eth0", "");
    let cases: Vec<(Vec<Match>, &str)> = vec![
        (vec![], "drop"),
        (vec![tcp()], "meta l4proto tcp drop"),
        (
            vec![tcp(), Test::DestinationPort(80..=80).into()],
            "tcp dport 80 drop",
        ),
        (
            vec![tcp(), !Test::SourcePort(1..=1023)],
            "tcp sport != 1-1023 drop",
        ),
        (
            vec![
                Test::Protocol(Protocol::Udp).into(),
                Test::DestinationPort(53..=53).into(),
            ],
            "udp dport 53 drop",
        ),
        (
            vec![
                Test::Protocol(Protocol::Icmp).into(),
                Test::IcmpType(8).into(),
            ],
            "icmp type echo-request drop",
        ),
        (
            vec![Test::Source(net("10.0.0.0/12")).into()],
            "ip saddr 10.0.0.0/12 drop",
        ),
        (
            vec![!Test::Destination(net("10.0.0.1/32"))],
            "ip daddr != 10.0.0.1 drop",
        ),
        (
            vec![Test::SourceIn([net("10.0.0.0/8"), net("192.168.0.1/32")].into()).into()],
            "ip saddr { 10.0.0.0/8, 192.168.0.1 } drop",
        ),
        (
            vec![Test::DestinationIn([net("10.0.0.0/8"), net("224.0.0.0/3")].into()).into()],
            "ip daddr { 10.0.0.0/8, 224.0.0.0/3 } drop",
        ),
        (vec![Test::Iif(dev.clone()).into()], "iifname \"eth0\" drop"),
        (vec![!Test::Oif(dev)], "oifname != \"eth0\" drop"),
        (
            vec![Test::CtState([CtState::New, CtState::Established].into()).into()],
            "ct state established,new drop",
        ),
        (
            vec![Test::CtDirection(CtDirection::Reply).into()],
            "ct direction reply drop",
        ),
        (
            vec![
                Test::CtMark {
                    mask: 0xff,
                    value: 3,
                }
                .into(),
            ],
            "ct mark & 0xff == 0x3 drop",
        ),
    ];
    for (matches, expected) in cases {
        assert_eq!(text(matches).as_deref(), Some(expected));
    }
}

#[test]
fn what_is_not_known_leaves_a_rule_without_text_rather_than_with_half_of_one() {
    assert_eq!(text([Test::VxlanVni(10).into()]), None);
    let rule = Rule::new([], [Statement::Snat([10, 0, 0, 1].into())]);
    assert_eq!(read(&messages(&rule)), None);
}

#[test]
fn a_comment_is_found_among_nft_s_own_notes() {
    assert_eq!(comment(b"\x01\x02xy\x00\x06hello\0").unwrap(), "hello");
    assert_eq!(comment(b"\x00\x06he"), None);
    assert_eq!(comment(b""), None);
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        family: u8,
    ) {
        let mut set = |_: &str| Some(elements(&bytes));
        let _ = rule_text(family, &bytes, &mut set);
        let _ = comment(&bytes);
    }

    #[test]
    fn no_damage_makes_a_reader_panic(at in any::<prop::sample::Index>(), byte: u8) {
        let label = Label { is_final: true, reason: "R".into(), resource: "r".into() };
        let rule = Rule::new(
            [
                Test::Protocol(Protocol::Tcp).into(),
                Test::DestinationPort(80..=443).into(),
                Test::SourceIn([net("10.0.0.0/9"), net("11.0.0.1/32")].into()).into(),
                Test::CtState([CtState::New].into()).into(),
                Test::Source(net("10.0.0.0/12")).into(),
            ],
            [Statement::Log(label), Statement::Jump("chain".into())],
        );
        let mut bytes = messages(&rule);
        prop_assert!(read(&bytes).is_some());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = read(&bytes);
    }
}
