//! What of the trace is worth reading: a classic BPF program on the socket, run by the kernel before a
//! message is queued (socket(7), SO_ATTACH_FILTER).
//!
//! Each rule that a packet matches is a message, and so is each chain's end. Of a chain that accepts in
//! the end, with its first message or its last, none is needed; so a busy connection that a rule lets
//! pass costs no reading, and can't crowd out the drop of a probe's packet.

use socket2::{SockFilter, SockRef};

use super::message::{ACCEPT, DROP, NETWORK_HEADER, POLICY, TRACE, VERDICT, VERDICT_CODE};
use crate::backend::kernel::net::error::Refusal;

/// Instructions (linux/bpf_common.h).
const LOAD_HALF: u16 = 0x28;
const LOAD: u16 = 0x20;
const LOAD_AT_X: u16 = 0x40;
const CONSTANT: u16 = 0x00;
const CONSTANT_TO_X: u16 = 0x01;
const TO_X: u16 = 0x07;
const IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

/// `SKF_AD_OFF` with `SKF_AD_NLATTR` and `SKF_AD_NLATTR_NEST`: where the attribute of type X stands,
/// behind the offset A or inside the attribute at A; 0 for nowhere.
const FIND: u32 = 0xffff_f000 + 12;
const FIND_INSIDE: u32 = 0xffff_f000 + 16;

/// Where a message's attributes begin: behind `nlmsghdr` and `nfgenmsg`.
const ATTRIBUTES: u32 = 20;

/// The program. The jumps count from the instruction behind.
fn program() -> [SockFilter; 26] {
    let step = |code, k| SockFilter::new(code, 0, 0, k);
    let jump = |k, then, otherwise| SockFilter::new(IF_EQUAL, then, otherwise, k);
    // Numbers are loaded in network order; the type of a message is in the machine's.
    let trace = u32::from(u16::from_be_bytes(TRACE.to_ne_bytes()));
    [
        // 0: what isn't a trace passes.
        step(LOAD_HALF, 4),
        jump(trace, 0, 22),
        // 2: a chain's policy: passes if it drops.
        step(CONSTANT_TO_X, u32::from(POLICY)),
        step(CONSTANT, ATTRIBUTES),
        step(LOAD, FIND),
        jump(0, 3, 0),
        step(TO_X, 0),
        step(LOAD_AT_X, 4),
        jump(DROP, 15, 16),
        // 9: a rule's verdict: passes if it drops, and not if it accepts.
        step(CONSTANT_TO_X, u32::from(VERDICT)),
        step(CONSTANT, ATTRIBUTES),
        step(LOAD, FIND),
        jump(0, 11, 0),
        step(CONSTANT_TO_X, u32::from(VERDICT_CODE)),
        step(LOAD, FIND_INSIDE),
        jump(0, 8, 0),
        step(TO_X, 0),
        step(LOAD_AT_X, 4),
        jump(DROP, 5, 0),
        jump(ACCEPT, 5, 0),
        // 20: any other passes if it is the first of its chain, which shows the packet.
        step(CONSTANT_TO_X, u32::from(NETWORK_HEADER)),
        step(CONSTANT, ATTRIBUTES),
        step(LOAD, FIND),
        jump(0, 1, 0),
        // 24
        step(RETURN, u32::MAX),
        step(RETURN, 0),
    ]
}

/// Lets only that through.
pub(super) fn close(socket: &netlink_sys::Socket) -> Result<(), Refusal> {
    Ok(SockRef::from(socket).attach_filter(&program())?)
}
