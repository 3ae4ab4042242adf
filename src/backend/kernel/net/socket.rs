//! A netlink socket that sends requests in batches and collects the answers.

use std::io;
use std::time::Duration;

use netlink_sys::{Socket, SocketAddr, protocols};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;

use super::counters::Counting;
use super::error::Refusal;
use super::wire;
use crate::backend::kernel::sys::SndBufForce;

/// How many requests go into one datagram: their acknowledgements must fit into the receive buffer.
const AT_ONCE: usize = 100;

/// How long to wait for an answer that the kernel gives at once.
const PATIENCE: Duration = Duration::from_secs(10);

/// Room for one transaction, where the machine allows so much.
const SEND_BUFFER: usize = 32 << 20;

/// The protocol of a socket.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subsystem {
    /// Links, addresses, routes, neighbours (`rtnetlink(7)`).
    Route,
    /// nf_tables and the packet log (`nfnetlink`).
    Netfilter,
    /// Sockets (`sock_diag(7)`).
    Sockets,
}

/// A socket in the namespace in which it was opened.
#[derive(Debug)]
pub(super) struct NetlinkSocket {
    socket: Socket,
    sequence: u32,
    counting: Counting,
    buffer: Vec<u8>,
}

/// Requests that have not been sent yet.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub bytes: Vec<u8>,
    starts: Vec<usize>,
    /// How many of the requests move an interface to another namespace.
    pub moves: usize,
}

impl Batch {
    /// Adds a request; the number under which its refusal is reported.
    pub fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> usize {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.starts.push(self.bytes.len());
        write(&mut self.bytes);
        self.starts.len() - 1
    }

    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Lets a request ask for an acknowledgement.
    pub fn acknowledge(&mut self, at: usize) {
        /// `NLM_F_ACK`.
        const ACK: u16 = 4;
        let Some(start) = self.starts.get(at).copied() else {
            return;
        };
        let flags = wire::take(&self.bytes, start + 6).map_or(0, u16::from_ne_bytes);
        self.bytes[start + 6..start + 8].copy_from_slice(&(flags | ACK).to_ne_bytes());
    }

    /// Gives the requests consecutive sequence numbers.
    fn number(&mut self, first: u32) {
        for (start, sequence) in self.starts.iter().zip(first..) {
            self.bytes[start + 8..start + 12].copy_from_slice(&sequence.to_ne_bytes());
        }
    }

    /// The bytes of the requests from `from` up to `to`.
    fn slice(&self, from: usize, to: usize) -> &[u8] {
        let end = self.starts.get(to).copied().unwrap_or(self.bytes.len());
        &self.bytes[self.starts[from]..end]
    }
}

impl NetlinkSocket {
    /// Opens a socket in the calling thread's namespace.
    pub fn open(subsystem: Subsystem, counting: &Counting) -> Result<Self, Refusal> {
        let mut socket = Socket::new(match subsystem {
            Subsystem::Route => protocols::NETLINK_ROUTE,
            Subsystem::Netfilter => protocols::NETLINK_NETFILTER,
            Subsystem::Sockets => protocols::NETLINK_SOCK_DIAG,
        })?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        // An old kernel without them answers all the same, with less to say.
        let _ = socket.set_cap_ack(true);
        let _ = socket.set_ext_ack(true);
        if matches!(subsystem, Subsystem::Netfilter)
            && setsockopt(&socket, SndBufForce, &SEND_BUFFER).is_err()
        {
            setsockopt(&socket, sockopt::SndBuf, &SEND_BUFFER)?;
        }
        let seconds = TimeVal::new(i64::try_from(PATIENCE.as_secs()).unwrap_or(1), 0);
        setsockopt(&socket, sockopt::ReceiveTimeout, &seconds)?;
        Ok(Self {
            socket,
            sequence: 1,
            counting: counting.clone(),
            buffer: Vec::with_capacity(64 * 1024),
        })
    }

    /// The socket itself.
    pub fn as_socket(&self) -> &Socket {
        &self.socket
    }

    /// Sends requests that ask to be acknowledged, each; the refusals, by the request's number.
    pub fn exchange(&mut self, mut batch: Batch) -> Result<Vec<(usize, Refusal)>, Refusal> {
        let first = self.claim(&mut batch);
        let mut refusals = Vec::new();
        let mut from = 0;
        while from < batch.len() {
            let to = (from + AT_ONCE).min(batch.len());
            self.send(batch.slice(from, to))?;
            let mut open = to - from;
            while open > 0 {
                self.receive(|message| {
                    let index = message.sequence.wrapping_sub(first) as usize;
                    if let Some(answer) = message.acknowledgement()
                        && (from..to).contains(&index)
                    {
                        open -= 1;
                        refusals.extend(answer.err().map(|refusal| (index, refusal)));
                    }
                })?;
            }
            from = to;
        }
        Ok(refusals)
    }

    /// Sends all requests in one datagram, of which the one numbered `last` asks to be acknowledged
    /// and the first is the frame around them; the first refusal, if there is one.
    pub fn transaction(
        &mut self,
        mut batch: Batch,
        last: usize,
    ) -> Result<Option<(usize, Refusal)>, Refusal> {
        let first = self.claim(&mut batch);
        self.send(&batch.bytes)?;
        let mut refusal = None;
        let mut open = true;
        while open {
            self.receive(|message| {
                let index = message.sequence.wrapping_sub(first) as usize;
                let Some(answer) = message.acknowledgement().filter(|_| index < batch.len()) else {
                    return;
                };
                // A refusal of the frame means that nothing else will be answered.
                open &= index != last && index != 0;
                if let (Err(error), None) = (answer, &refusal) {
                    refusal = Some((index, error));
                }
            })?;
        }
        Ok(refusal)
    }

    /// Sends one request; the payload of its answer, read by `take`.
    pub fn ask<T>(
        &mut self,
        mut batch: Batch,
        mut take: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<T, Refusal> {
        let first = self.claim(&mut batch);
        self.send(&batch.bytes)?;
        let mut answer = None;
        while answer.is_none() {
            self.receive(|message| {
                if message.sequence != first {
                    return;
                }
                answer = match message.acknowledgement() {
                    Some(Err(refusal)) => Some(Err(refusal)),
                    Some(Ok(())) => None,
                    None => take(message.payload).map(Ok),
                };
            })?;
        }
        answer.unwrap_or_else(|| Err(io::Error::from(io::ErrorKind::InvalidData).into()))
    }

    /// Sends one request for a list; the payloads of its entries, read by `take`.
    pub fn list<T>(
        &mut self,
        mut batch: Batch,
        mut take: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<Vec<T>, Refusal> {
        /// `NLMSG_DONE`.
        const DONE: u16 = 3;
        let first = self.claim(&mut batch);
        self.send(&batch.bytes)?;
        let (mut list, mut end) = (Vec::new(), None);
        while end.is_none() {
            self.receive(|message| {
                if message.sequence != first {
                    return;
                }
                if message.kind == DONE {
                    end = Some(Ok(()));
                } else if let Some(answer) = message.acknowledgement() {
                    end = Some(answer);
                } else {
                    list.extend(take(message.payload));
                }
            })?;
        }
        end.unwrap_or(Ok(())).map(|()| list)
    }

    /// Takes sequence numbers for a batch; the first of them.
    fn claim(&mut self, batch: &mut Batch) -> u32 {
        let first = self.sequence;
        batch.number(first);
        let count = u32::try_from(batch.len()).unwrap_or(u32::MAX);
        self.sequence = self.sequence.wrapping_add(count);
        self.counting.requests(batch.len());
        for _ in 0..batch.moves {
            self.counting.link_moved();
        }
        first
    }

    fn send(&self, bytes: &[u8]) -> Result<(), Refusal> {
        loop {
            match self.socket.send(bytes, 0) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Receives one datagram and shows its messages.
    fn receive(&mut self, mut show: impl FnMut(wire::Message<'_>)) -> Result<(), Refusal> {
        self.buffer.clear();
        match self.socket.recv(&mut self.buffer, 0) {
            Ok(_) => {
                wire::messages(&self.buffer).for_each(&mut show);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
