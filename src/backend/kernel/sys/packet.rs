//! A packet socket (packet(7)): whole Ethernet frames in and out, many in one call.

use std::io;
use std::mem::zeroed;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::sockopt::{RcvBuf, RcvBufForce, ReceiveTimestampns};
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, setsockopt, socket};

/// How many frames go in or out with one call.
pub(in crate::backend::kernel) const AT_ONCE: usize = 64;

/// The longest frame: an Ethernet header with a VLAN tag, and the longest IP packet.
const LONGEST: usize = 18 + 65_535;

/// `PACKET_IGNORE_OUTGOING` (linux/if_packet.h).
const IGNORE_OUTGOING: libc::c_int = 23;

/// `struct tpacket_stats`: what has come since the last look, and how much of it found no room.
#[repr(C)]
#[derive(Default)]
struct Statistics {
    packets: libc::c_uint,
    drops: libc::c_uint,
}

/// A socket that receives every frame that comes in at any interface of one namespace.
#[derive(Debug)]
pub(in crate::backend::kernel) struct PacketSocket(OwnedFd);

impl PacketSocket {
    /// Opens one in the calling thread's namespace, which doesn't block, with room for so many bytes where
    /// the machine allows it. It sees no frame that leaves, and the kernel stamps those that come.
    pub fn open(room: usize) -> io::Result<Self> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let (kind, all) = (SockType::Raw, SockProtocol::EthAll);
        let fd = socket(AddressFamily::Packet, kind, flags, all)?;
        // SAFETY: the kernel reads one integer, which outlives the call.
        unsafe { set(&fd, IGNORE_OUTGOING, &1_i32) }?;
        setsockopt(&fd, ReceiveTimestampns, &true)?;
        if setsockopt(&fd, RcvBufForce, &room).is_err() {
            setsockopt(&fd, RcvBuf, &room)?;
        }
        Ok(Self(fd))
    }

    /// Receives what is there, [`AT_ONCE`] frames at most; how many.
    pub fn receive(&self, inbox: &mut Inbox) -> io::Result<usize> {
        let headers = inbox.prepare();
        // SAFETY: `prepare` points each header at a name, a buffer and control data of its own, of the
        // lengths that it says, all of which `inbox` owns and which outlive the call.
        let count = unsafe {
            libc::recvmmsg(
                self.0.as_raw_fd(),
                headers.as_mut_ptr(),
                AT_ONCE as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        match Errno::result(count) {
            Ok(count) => Ok(usize::try_from(count).unwrap_or(0)),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(0),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Sends frames, each out of the interface of its number; what the kernel refuses is left out. How many
    /// of the first it has dealt with: [`AT_ONCE`] at most. The error is of the first that it refused.
    pub fn send(&self, frames: &[(u32, Vec<u8>)]) -> (usize, io::Result<()>) {
        let frames = frames.get(..AT_ONCE).unwrap_or(frames);
        // SAFETY: all of them are integers and pointers, for which zero is a value.
        let (mut names, mut parts, mut headers): (
            [libc::sockaddr_ll; AT_ONCE],
            [libc::iovec; AT_ONCE],
            [libc::mmsghdr; AT_ONCE],
        ) = unsafe { (zeroed(), zeroed(), zeroed()) };
        for (at, (interface, frame)) in frames.iter().enumerate() {
            names[at].sll_family = libc::AF_PACKET as libc::c_ushort;
            names[at].sll_ifindex = i32::try_from(*interface).unwrap_or(0);
            parts[at].iov_base = frame.as_ptr().cast_mut().cast();
            parts[at].iov_len = frame.len();
            let header = &mut headers[at].msg_hdr;
            header.msg_name = (&raw mut names[at]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
            header.msg_iov = &raw mut parts[at];
            header.msg_iovlen = 1;
        }
        // SAFETY: the first `frames.len()` headers point at names and buffers of the lengths that they say,
        // all of which outlive the call; the kernel only reads the frames.
        let sent = unsafe {
            libc::sendmmsg(
                self.0.as_raw_fd(),
                headers.as_mut_ptr(),
                frames.len() as libc::c_uint,
                libc::MSG_DONTWAIT,
            )
        };
        match Errno::result(sent) {
            Ok(sent) => (usize::try_from(sent).unwrap_or(0), Ok(())),
            Err(Errno::EINTR) => (0, Ok(())),
            // The kernel says why only where it is the first.
            Err(errno) => (1, Err(errno.into())),
        }
    }

    /// How many frames found no room since this was last asked.
    pub fn overflown(&self) -> u32 {
        let mut statistics = Statistics::default();
        let mut length = size_of::<Statistics>() as libc::socklen_t;
        // SAFETY: the kernel writes at most `length` bytes, which is what there is room for.
        let done = unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut statistics).cast(),
                &raw mut length,
            )
        };
        Errno::result(done).map_or(0, |_| statistics.drops)
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Sets an option of a packet socket.
///
/// # Safety
///
/// The option's value must be a `T`.
unsafe fn set<T>(fd: &OwnedFd, option: libc::c_int, value: &T) -> io::Result<()> {
    // SAFETY: the kernel reads at most as many bytes as `value` has.
    let done = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_PACKET,
            option,
            std::ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    Errno::result(done)?;
    Ok(())
}

/// Room for the control data of one frame, which is its time stamp: `CMSG_SPACE` of it is 32 bytes.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; 64]);

/// Where frames are received.
pub(in crate::backend::kernel) struct Inbox {
    data: Vec<u8>,
    names: Vec<libc::sockaddr_ll>,
    controls: Vec<Control>,
    parts: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

/// A frame that was received.
#[derive(Clone, Copy, Debug)]
pub(in crate::backend::kernel) struct Received<'a> {
    /// The number of the interface.
    pub interface: u32,
    /// When, since 1970 on the machine's clock.
    pub at: Option<Duration>,
    /// From the Ethernet header on.
    pub frame: &'a [u8],
}

impl Inbox {
    /// An empty one. Of its four megabytes the kernel gives only the pages that are written to.
    pub fn new() -> Self {
        // SAFETY: all of them are integers and pointers, for which zero is a value.
        let (name, part, header) = unsafe { (zeroed(), zeroed(), zeroed()) };
        Self {
            data: vec![0; AT_ONCE * LONGEST],
            names: vec![name; AT_ONCE],
            controls: vec![Control([0; 64]); AT_ONCE],
            parts: vec![part; AT_ONCE],
            headers: vec![header; AT_ONCE],
        }
    }

    /// Points the headers at the rest, anew for each call: the kernel writes lengths into them.
    fn prepare(&mut self) -> &mut [libc::mmsghdr] {
        let buffers = self.data.chunks_exact_mut(LONGEST);
        let rest = self.names.iter_mut().zip(&mut self.controls);
        let heads = self.parts.iter_mut().zip(&mut self.headers);
        for ((buffer, (name, control)), (part, header)) in buffers.zip(rest).zip(heads) {
            part.iov_base = buffer.as_mut_ptr().cast();
            part.iov_len = LONGEST;
            let header = &mut header.msg_hdr;
            header.msg_name = std::ptr::from_mut(name).cast();
            header.msg_namelen = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
            header.msg_iov = part;
            header.msg_iovlen = 1;
            header.msg_control = std::ptr::from_mut(control).cast();
            header.msg_controllen = size_of::<Control>() as _;
        }
        &mut self.headers
    }

    /// The frames of the last call, which received `count`.
    pub fn frames(&self, count: usize) -> impl Iterator<Item = Received<'_>> {
        let buffers = self.data.chunks_exact(LONGEST);
        let all = self.headers.iter().zip(&self.names).zip(buffers);
        all.take(count).map(|((header, name), buffer)| {
            let length = header.msg_len as usize;
            Received {
                interface: u32::try_from(name.sll_ifindex).unwrap_or(0),
                at: stamp(&header.msg_hdr),
                frame: buffer.get(..length).unwrap_or(buffer),
            }
        })
    }
}

/// The time stamp among a message's control data.
fn stamp(header: &libc::msghdr) -> Option<Duration> {
    // SAFETY: the header points at control data of the length that it says, or at none.
    let first = unsafe { libc::CMSG_FIRSTHDR(header) };
    if first.is_null() {
        return None;
    }
    // SAFETY: a head that is there is whole, and aligned as `Control` is. It is read, not borrowed: a
    // reference to it would not reach the data behind it.
    let head = unsafe { first.read() };
    // SAFETY: counts bytes.
    let whole = unsafe { libc::CMSG_LEN(size_of::<libc::timespec>() as libc::c_uint) };
    let kind = (head.cmsg_level, head.cmsg_type);
    if kind != (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS)
        || (head.cmsg_len as usize) < whole as usize
    {
        return None;
    }
    // SAFETY: data of this kind is a timespec, and all of it is there; it need not be aligned.
    let time: libc::timespec = unsafe {
        libc::CMSG_DATA(first)
            .cast::<libc::timespec>()
            .read_unaligned()
    };
    let seconds = u64::try_from(time.tv_sec).ok()?;
    Some(Duration::new(seconds, u32::try_from(time.tv_nsec).ok()?))
}

#[cfg(test)]
mod tests;
