//! Many datagrams to an echo service, and how many come back.

use std::net::SocketAddrV4;

use super::super::core::Core;
use super::super::craft;
use super::super::net::node::Node;
use super::Host;
use super::begin::Halt;

impl Host {
    /// Counts a datagram, if its port counts them.
    pub(super) fn count(&mut self, port: u16) -> bool {
        // Nearly always there is none.
        if self.tallies.is_empty() {
            return false;
        }
        self.tallies.get_mut(&port).is_some_and(|tally| {
            *tally += 1;
            true
        })
    }

    /// Counts no longer; how many have come.
    pub fn end_stream(&mut self, port: u16) -> u64 {
        self.tallies.remove(&port).unwrap_or(0)
    }
}

impl Node {
    /// Begins to count what comes back to a port of its own.
    ///
    /// # Errors
    ///
    /// Where the node has no port left.
    pub fn begin_stream(&mut self, core: &mut Core) -> Result<u16, Halt> {
        let port = self.free_port(core)?;
        self.host.tallies.insert(port, 0);
        Ok(port)
    }

    /// Sends one datagram of a stream, of so many bytes of payload.
    ///
    /// # Errors
    ///
    /// Where it is not sent.
    pub fn stream(
        &mut self,
        core: &mut Core,
        port: u16,
        to: SocketAddrV4,
        size: usize,
    ) -> Result<(), Halt> {
        let (dev, next, route) = self.way(*to.ip())?;
        let own = route.source.or_else(|| self.source_on(dev, next));
        let ends = (
            own.ok_or(crate::backend::probe::NotSent::NoRoute)?,
            *to.ip(),
        );
        let bytes = craft::udp_with(ends, (port, to.port()), size, |_| {});
        Ok(self.send(core, bytes)?)
    }
}
