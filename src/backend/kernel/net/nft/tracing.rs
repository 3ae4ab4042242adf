//! The tables that let a node's packets be traced: they come before all others, and change nothing.

use netlink_bindings::nftables::{MetaKeys, PayloadBase};

use super::encode::Transaction;
use super::expression::{Expression, Field, Verdict};
use crate::backend::kernel::net::error::Refusal;
use crate::backend::kernel::net::socket::NetlinkSocket;
use crate::backend::vxlan;
use crate::network::{Chain, ChainId, Family, Hook, HookPoint};

/// The name of the tables.
pub(in crate::backend::kernel::net) const TRACE_TABLE: &str = "canal-sim-trace";

/// The group that gets a copy of what a trace shows too little of.
pub(in crate::backend::kernel::net) const TRACE_GROUP: u16 = 5748;

/// Makes the tables. They last as long as the socket.
///
/// # Errors
///
/// The kernel's refusal; then nothing has changed.
pub(in crate::backend::kernel::net) fn install_tracing(
    socket: &mut NetlinkSocket,
) -> Result<(), Refusal> {
    let mut transaction = Transaction::begin(TRACE_TABLE);
    for (family, points) in [
        (
            Family::Ip,
            [
                ("prerouting", HookPoint::Prerouting),
                ("output", HookPoint::Output),
            ],
        ),
        (
            Family::Arp,
            [("input", HookPoint::Input), ("output", HookPoint::Output)],
        ),
    ] {
        transaction.add_own_table(family);
        for (name, point) in points {
            let id = ChainId {
                family,
                name: name.to_owned(),
            };
            let hook = Some(Hook {
                point,
                priority: i32::MIN,
            });
            let rules = Vec::new();
            transaction.add_chain(&id, &Chain { hook, rules })?;
            if family == Family::Ip {
                transaction.add_rule(&id, &copy_tunnelled());
            }
            transaction.add_rule(&id, &trace());
        }
    }
    let (batch, last) = transaction.end();
    match socket.transaction(batch, last)? {
        None => Ok(()),
        Some((_, refusal)) => Err(refusal),
    }
}

/// `udp dport 4789 log group …`: a trace shows 20 bytes behind the IP header, and the probe's packet in
/// a tunnel lies behind those.
fn copy_tunnelled() -> Vec<Expression> {
    const UDP: u8 = 17;
    let is = |value: Vec<u8>| Expression::Compare {
        negated: false,
        value,
    };
    let port = Field {
        base: PayloadBase::TransportHeader as u32,
        offset: 2,
        length: 2,
    };
    vec![
        Expression::Meta(MetaKeys::L4Proto as u32),
        is(vec![UDP]),
        Expression::Payload(port),
        is(vxlan::PORT.to_be_bytes().to_vec()),
        Expression::Copy,
    ]
}

/// `meta nftrace set 1 accept`: the verdict ends this chain, and tells its own trace from those that
/// matter.
fn trace() -> Vec<Expression> {
    vec![
        Expression::Constant(vec![1]),
        Expression::Trace,
        Expression::Verdict(Verdict::Accept),
    ]
}
