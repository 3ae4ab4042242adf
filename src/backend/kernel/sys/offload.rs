//! What an interface may leave to hardware that isn't there (ethtool(8), `linux/ethtool.h`).

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;

/// `SIOCETHTOOL`.
const SIOCETHTOOL: libc::c_ulong = 0x8946;

/// `ETHTOOL_STXCSUM`, `_SRXCSUM`, `_STSO`, `_SGSO`, `_SGRO`: checksums of what is sent and received, segmentation
/// by the device and by the kernel, and putting segments together again.
const SWITCHES: [u32; 5] = [0x17, 0x15, 0x1f, 0x24, 0x2c];

/// `struct ethtool_value`.
#[repr(C)]
struct Value {
    command: u32,
    data: u32,
}

/// Switches all of that off for the interface of this name in the socket's namespace: what it sends are frames
/// as they would be on a wire, no longer than its MTU allows and with their checksums. A switch that
/// the interface lacks is off.
pub(in crate::backend::kernel) fn switch_off(
    socket: BorrowedFd<'_>,
    name: &str,
) -> Result<(), Errno> {
    for command in SWITCHES {
        let mut value = Value { command, data: 0 };
        // SAFETY: all of it are integers and pointers, for which zero is a value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        // The last byte stays zero.
        let room = request.ifr_name.len() - 1;
        for (to, from) in request.ifr_name[..room].iter_mut().zip(name.bytes()) {
            *to = from.cast_signed() as libc::c_char;
        }
        request.ifr_ifru.ifru_data = (&raw mut value).cast();
        // SAFETY: the request names an interface and points at a value of the kind that the command takes;
        // both outlive the call.
        let done = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL as _, &raw mut request) };
        match Errno::result(done) {
            Ok(_) | Err(Errno::EOPNOTSUPP) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
