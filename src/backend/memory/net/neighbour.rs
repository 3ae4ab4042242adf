//! Neighbours: whose Ethernet address is known, asked for, or not to be had (net/core/neighbour.c).

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::super::packet::Packet;
use super::super::time::Time;
use super::fib::Dev;
use crate::network::Mac;

/// A neighbour on an interface.
pub(in super::super) type Key = (Dev, Ipv4Addr);

/// What is known of a neighbour.
#[derive(Debug)]
pub(in super::super) enum Neighbour {
    /// Set by hand, for good.
    Permanent(Mac),
    /// It has answered.
    Known {
        mac: Mac,
        /// When it last did.
        confirmed: Time,
        /// How often it has been asked since it was used again, if it has been.
        asked: u8,
    },
    /// It has been asked this often, and packets wait for the answer.
    Incomplete {
        asked: u8,
        waiting: VecDeque<Packet>,
    },
}

/// How often a neighbour is asked before it is given up (`mcast_solicit`, `ucast_solicit`).
pub(in super::super) const TRIES: u8 = 3;

/// How long it has for each answer (`retrans_time_ms`).
pub(in super::super) const PATIENCE: Duration = Duration::from_secs(1);

/// How long an answer holds (`base_reachable_time`; Linux varies it from half to one and a half).
pub(in super::super) const REACHABLE: Duration = Duration::from_secs(30);

/// How long one that is used again after that may take to show by itself that it is there
/// (`delay_first_probe_time`).
pub(in super::super) const DELAY: Duration = Duration::from_secs(5);

/// How many packets wait for a neighbour; Linux counts bytes (`unres_qlen_bytes`: 212,992).
pub(in super::super) const WAITING: usize = 101;
