//! Connection tracking, as Linux does it (net/netfilter/nf_conntrack_core.c, nf_conntrack_proto_*.c).
//!
//! A packet that belongs to no known connection makes one, which counts only once that packet has passed
//! all of the node's filters: it is *confirmed*.

use std::net::Ipv4Addr;
use std::time::Duration;

use rustc_hash::FxHashMap;
use slab::Slab;

use super::packet::{ICMP, Meta, TCP, UDP};
use super::time::Time;

/// One direction of a connection. For an ICMP echo the ports are its identifier, and `kind` its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tuple {
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    pub ports: (u16, u16),
    pub protocol: u8,
    pub kind: u8,
}

impl Tuple {
    /// What a packet's headers say of its connection; none for an ICMP message that isn't an echo.
    pub fn of(meta: &Meta) -> Option<Self> {
        let kind = match (meta.protocol, meta.kind.0) {
            (ICMP, kind @ (0 | 8)) => kind,
            (ICMP, _) => return None,
            _ => 0,
        };
        Some(Self {
            source: meta.source,
            destination: meta.destination,
            ports: meta.ports,
            protocol: meta.protocol,
            kind,
        })
    }

    /// The same, seen from the other end.
    pub fn inverted(self) -> Self {
        let kind = match (self.protocol, self.kind) {
            (ICMP, 8) => 0,
            (ICMP, 0) => 8,
            (_, kind) => kind,
        };
        Self {
            source: self.destination,
            destination: self.source,
            ports: (self.ports.1, self.ports.0),
            protocol: self.protocol,
            kind,
        }
    }
}

/// A connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// As the first packet came in.
    pub original: Tuple,
    /// As an answer comes in.
    pub reply: Tuple,
    /// The mark.
    pub mark: u32,
    /// Whether an answer was seen.
    pub answered: bool,
    /// TCP: whether it is over, so that the same ports may begin another.
    closing: bool,
    /// When it is forgotten.
    expires: Time,
    /// Whether the destination, and then the source, has been decided on.
    pub(super) translated: [bool; 2],
}

/// What is known of a packet's connection.
#[derive(Clone, Debug, Default)]
pub(super) enum Ct {
    /// It has not been looked at.
    #[default]
    None,
    /// It shall not be tracked.
    Untracked,
    /// It belongs to none.
    Invalid,
    /// It opens this one, which is not confirmed.
    Fresh(Box<Entry>),
    /// It belongs to a connection.
    Known(Known),
}

/// A packet's place in a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub entry: usize,
    /// Whether it goes against the first packet.
    pub reply: bool,
    /// Whether it is an ICMP error about it.
    pub related: bool,
}

/// A node's connections.
#[derive(Debug, Default)]
pub(super) struct Conntrack {
    entries: Slab<Entry>,
    index: FxHashMap<Tuple, (usize, bool)>,
    /// Where the search for a free port goes on.
    next_port: u16,
    /// How many entries there may be before those that have expired are looked for.
    sweep_at: usize,
}

/// The states' time-outs: nf_conntrack-sysctl, defaults.
const TCP_SETUP: Duration = Duration::from_secs(120);
const TCP_ESTABLISHED: Duration = Duration::from_secs(432_000);
const TCP_CLOSING: Duration = Duration::from_secs(120);
const TCP_CLOSED: Duration = Duration::from_secs(10);
const UDP_ONCE: Duration = Duration::from_secs(30);
const UDP_STREAM: Duration = Duration::from_secs(120);
const ICMP_ECHO: Duration = Duration::from_secs(30);
const GENERIC: Duration = Duration::from_secs(600);

/// TCP flags.
const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

impl Conntrack {
    /// Finds a packet's connection, or opens one.
    pub fn track(&mut self, meta: &Meta, now: Time) -> Ct {
        let Some(tuple) = Tuple::of(meta) else {
            return Ct::Invalid;
        };
        if let Some((entry, reply)) = self.find(&tuple, now) {
            // The same ports again after the end: another connection (`nf_conntrack_tcp_packet`).
            let again = meta.protocol == TCP && meta.kind.0 & (SYN | ACK) == SYN;
            if !(again && !reply && self.entries[entry].closing) {
                self.note(entry, reply, meta, now);
                return Ct::Known(Known {
                    entry,
                    reply,
                    related: false,
                });
            }
            self.remove(entry);
        }
        let opens = match meta.protocol {
            // Picked up in the middle too (`nf_conntrack_tcp_loose`), but not with what can't be first.
            TCP => match meta.kind.0 & (FIN | SYN | RST | ACK) {
                SYN => true,
                flags => flags & ACK != 0 && flags & (SYN | RST) == 0,
            },
            ICMP => tuple.kind == 8,
            _ => true,
        };
        if !opens {
            return Ct::Invalid;
        }
        Ct::Fresh(Box::new(Entry {
            original: tuple,
            reply: tuple.inverted(),
            mark: 0,
            answered: false,
            closing: false,
            expires: now + timeout(meta.protocol, false),
            translated: [false; 2],
        }))
    }

    /// Finds the connection that an ICMP error is about, from the packet that it quotes.
    pub fn track_error(&mut self, error: &Meta, quoted: &Meta, now: Time) -> Ct {
        let Some(tuple) = Tuple::of(quoted) else {
            return Ct::Invalid;
        };
        match self.find(&tuple.inverted(), now) {
            // It goes to whoever sent what it quotes (`nf_conntrack_inet_error`).
            Some(_) if error.destination != quoted.source => Ct::Invalid,
            Some((entry, reply)) => Ct::Known(Known {
                entry,
                reply,
                related: true,
            }),
            None => Ct::Invalid,
        }
    }

    /// The entry of a known connection.
    pub fn entry(&self, known: Known) -> Option<&Entry> {
        self.entries.get(known.entry)
    }

    /// The connection of a packet, confirmed or not.
    pub fn of<'a>(&'a self, ct: &'a Ct) -> Option<&'a Entry> {
        match ct {
            Ct::None | Ct::Untracked | Ct::Invalid => None,
            Ct::Fresh(entry) => Some(entry),
            Ct::Known(known) => self.entries.get(known.entry),
        }
    }

    /// The same, to change it.
    pub fn of_mut<'a>(&'a mut self, ct: &'a mut Ct) -> Option<&'a mut Entry> {
        match ct {
            Ct::None | Ct::Untracked | Ct::Invalid => None,
            Ct::Fresh(entry) => Some(entry),
            Ct::Known(known) => self.entries.get_mut(known.entry),
        }
    }

    /// The first packet has passed: its connection counts. Whether there was room for it: another may have
    /// taken its place meanwhile.
    pub fn confirm(&mut self, ct: &mut Ct, now: Time) -> bool {
        let Ct::Fresh(entry) = ct else {
            return true;
        };
        let entry = **entry;
        if self.find(&entry.original, now).is_some() || self.find(&entry.reply, now).is_some() {
            return false;
        }
        self.sweep(now);
        let at = self.entries.insert(entry);
        self.index.insert(entry.original, (at, false));
        self.index.insert(entry.reply, (at, true));
        *ct = Ct::Known(Known {
            entry: at,
            reply: false,
            related: false,
        });
        true
    }

    /// The tuple that answers shall have, with another port or identifier of the asking side if it is taken
    /// (`nf_nat_l4proto_unique_tuple`): none where all are.
    pub fn free(&mut self, reply: Tuple, now: Time) -> Option<Tuple> {
        if self.find(&reply, now).is_none() {
            return Some(reply);
        }
        // Ports keep to their class, as RFC 4787 asks.
        let (first, count) = match reply.ports.1 {
            _ if reply.protocol == ICMP => (0, 65_536),
            0..512 => (1, 511),
            512..1024 => (600, 424),
            _ => (1_024, 64_512_u32),
        };
        for _ in 0..count {
            self.next_port = self.next_port.wrapping_add(1);
            // Below 65,536 by construction.
            let port = (first + u32::from(self.next_port) % count) as u16;
            let mut other = reply;
            other.ports.1 = port;
            if reply.protocol == ICMP {
                other.ports.0 = port;
            }
            if self.find(&other, now).is_none() {
                return Some(other);
            }
        }
        None
    }

    fn find(&mut self, tuple: &Tuple, now: Time) -> Option<(usize, bool)> {
        let found = *self.index.get(tuple)?;
        if self.entries[found.0].expires <= now {
            self.remove(found.0);
            return None;
        }
        Some(found)
    }

    /// A packet of a known connection has come.
    fn note(&mut self, at: usize, reply: bool, meta: &Meta, now: Time) {
        let entry = &mut self.entries[at];
        entry.answered |= reply;
        if meta.protocol == TCP {
            let flags = meta.kind.0;
            entry.closing |= flags & (FIN | RST) != 0;
            entry.expires = now
                + match (flags & RST != 0, entry.closing, entry.answered) {
                    (true, ..) => TCP_CLOSED,
                    (false, true, _) => TCP_CLOSING,
                    (false, false, true) => TCP_ESTABLISHED,
                    (false, false, false) => TCP_SETUP,
                };
        } else {
            entry.expires = now + timeout(meta.protocol, entry.answered);
        }
    }

    fn remove(&mut self, at: usize) {
        if let Some(entry) = self.entries.try_remove(at) {
            self.index.remove(&entry.original);
            self.index.remove(&entry.reply);
        }
    }

    /// Forgets what has expired, each time that there are twice as many as after the last time.
    fn sweep(&mut self, now: Time) {
        if self.entries.len() < self.sweep_at.max(4_096) {
            return;
        }
        let index = &mut self.index;
        self.entries.retain(|_, entry| {
            let lives = entry.expires > now;
            if !lives {
                index.remove(&entry.original);
                index.remove(&entry.reply);
            }
            lives
        });
        self.sweep_at = 2 * self.entries.len();
    }
}

fn timeout(protocol: u8, answered: bool) -> Duration {
    match (protocol, answered) {
        (TCP, _) => TCP_SETUP,
        (UDP, false) => UDP_ONCE,
        (UDP, true) => UDP_STREAM,
        (ICMP, _) => ICMP_ECHO,
        _ => GENERIC,
    }
}
