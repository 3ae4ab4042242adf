//! A node's connections.

use smoltcp::socket::tcp::State;
use smoltcp::wire::TcpPacket;

use super::super::core::{Core, Event};
use super::super::craft;
use super::super::net::fib::Dev;
use super::super::net::node::Node;
use super::super::packet::{Meta, Packet};
use super::ask::AskId;
use super::connection::{Beginning, Connection};
use super::talk::{Scene, Talk};
use super::{Ends, Host};
use crate::backend::probe::NotSent;
use crate::backend::protocol::mark::Mark;
use crate::network::{Listen, Transport};

/// What a segment is bounded by where nothing is known of the way, in bytes.
const DEFAULT_MTU: u32 = 1_500;

impl Node {
    /// Takes a segment for the node.
    pub fn segment(&mut self, core: &mut Core, iif: Dev, packet: Packet) {
        let meta = packet.meta;
        let ends = (
            (meta.destination, meta.ports.1),
            (meta.source, meta.ports.0),
        );
        let Ok(segment) = TcpPacket::new_checked(packet.payload()) else {
            return core.count_malformed();
        };
        if !segment.verify_checksum(&meta.source.into(), &meta.destination.into()) {
            return core.count_malformed();
        }
        let opens = segment.syn() && !segment.ack() && !segment.rst();
        let known = self.host.connections.get(&ends).map(|one| one.state());
        // The same ports once more, while the old connection only waits for its end.
        let over = matches!(known, None | Some(State::TimeWait | State::Closed));
        if known.is_none() || (opens && over) {
            let (address, port) = ends.0;
            let listens = self.host.listens(Transport::Tcp, address, port);
            let Some(listen) = listens.filter(|_| opens) else {
                return self.refuse(core, iif, &packet);
            };
            let mark = Mark::Ports {
                transport: Transport::Tcp,
                client: meta.ports.0,
                server: meta.ports.1,
                id: 0,
            };
            core.note(mark, meta.source);
            self.begin(core, ends, Beginning::Listens, Talk::serve(listen));
        }
        if let Some(connection) = self.host.connections.get_mut(&ends) {
            connection.push(packet.bytes);
        }
        // What the stack sends and has no way is sent again later.
        let _ = self.drive(core, ends);
    }

    /// A segment for nobody.
    fn refuse(&mut self, core: &mut Core, iif: Dev, packet: &Packet) {
        let ends = (packet.meta.destination, packet.meta.source);
        if let Some(reset) = craft::reset(ends, packet.payload()) {
            let _ = self.send(core, reset);
        }
        self.dropped(core, "NO_SOCKET", iif, packet);
    }

    /// Begins a connection from here.
    pub(super) fn connect(&mut self, core: &mut Core, ends: Ends, talk: Talk) {
        self.begin(core, ends, Beginning::Calls, talk)
    }

    fn begin(&mut self, core: &mut Core, ends: Ends, beginning: Beginning, talk: Talk) {
        let mtu = self.mtu_towards(ends.1.0).unwrap_or(DEFAULT_MTU);
        // Sequence numbers differ from connection to connection, and are the same in each run.
        let seed = core.seed ^ (core.events << 16) ^ u64::from(ends.0.1) ^ self.number as u64;
        let connection = Connection::new(ends, beginning, talk, mtu, seed, core.now);
        self.host.connections.insert(ends, Box::new(connection));
    }

    /// Lets a connection do what there is to do now.
    ///
    /// # Errors
    ///
    /// What a program would hear at once of its first packet.
    pub(in super::super) fn drive(&mut self, core: &mut Core, ends: Ends) -> Result<(), NotSent> {
        let mut packets = Vec::new();
        let Some(connection) = self.host.connections.get_mut(&ends) else {
            return Ok(());
        };
        loop {
            packets.extend(connection.poll(core.now));
            let services = &self.host.services;
            let (socket, talk) = connection.parts();
            let mut scene = Scene {
                core: &mut *core,
                services,
                ends,
            };
            if !talk.go_on(socket, &mut scene) {
                break;
            }
        }
        if matches!(connection.state(), State::Closed | State::TimeWait) {
            self.host.connections.remove(&ends);
        } else {
            let due = connection.due(core.now);
            if due != connection.wake {
                connection.wake = due;
                let node = self.number;
                if let Some(due) = due {
                    core.at(due, Event::Connection { node, ends });
                }
            }
        }
        let mut sent = Ok(());
        for packet in packets {
            sent = sent.and(self.send_segment(core, packet));
        }
        sent
    }

    /// Sends a segment. One that is larger than a path that has been found to be narrow goes in fragments,
    /// where Linux would make smaller segments.
    fn send_segment(&mut self, core: &mut Core, mut packet: Vec<u8>) -> Result<(), NotSent> {
        let to = Meta::of(&packet).destination;
        let narrow = self.path_mtu.get(&to);
        if narrow.is_some_and(|mtu| packet.len() > *mtu as usize) {
            craft::set_dont_fragment(&mut packet, false);
        }
        self.send(core, packet)
    }

    /// A connection's own time has come.
    pub fn connection_due(&mut self, core: &mut Core, ends: Ends) {
        if let Some(connection) = self.host.connections.get_mut(&ends) {
            connection.wake = None;
            let _ = self.drive(core, ends);
        }
    }

    /// The probe on a connection is over.
    pub(super) fn hang_up(&mut self, core: &mut Core, ends: Ends) {
        let Some(connection) = self.host.connections.get_mut(&ends) else {
            return;
        };
        connection.talk = Talk::Over;
        if connection.state() == State::SynSent {
            // Nobody has heard of it yet.
            self.host.connections.remove(&ends);
            return;
        }
        connection.socket().close();
        let _ = self.drive(core, ends);
    }

    /// The probe that waits for the connection that an ICMP error is about.
    pub(super) fn connecting(&self, about: &Meta) -> Option<AskId> {
        let ends = (
            (about.source, about.ports.0),
            (about.destination, about.ports.1),
        );
        let connection = self.host.connections.get(&ends)?;
        (connection.state() == State::SynSent)
            .then(|| connection.talk.ask())
            .flatten()
    }

    /// Ends the connections of a service that stops.
    pub fn stop_service(&mut self, core: &mut Core, listen: &Listen) {
        for ends in self.host.those(|connection| connection.talk.serves(listen)) {
            if let Some(connection) = self.host.connections.get_mut(&ends) {
                connection.socket().abort();
                let _ = self.drive(core, ends);
            }
        }
    }
}

impl Host {
    /// Forgets the connections that a peer began and has not confirmed.
    pub fn forget_half_open(&mut self) {
        for ends in self.those(|connection| connection.state() == State::SynReceived) {
            self.connections.remove(&ends);
        }
    }

    /// The connections for which `is` says so, in order.
    fn those(&self, is: impl Fn(&Connection) -> bool) -> Vec<Ends> {
        let all = self.connections.iter();
        let those = all.filter(|(_, connection)| is(connection));
        let mut those: Vec<Ends> = those.map(|(ends, _)| *ends).collect();
        those.sort_unstable();
        those
    }
}
