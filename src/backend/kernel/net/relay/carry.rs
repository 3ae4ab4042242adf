//! The thread's work: sleeps until a frame comes or leaves.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::prctl::set_timerslack;
use nix::sys::time::TimeSpec;

use super::{Loss, Shared};
use crate::backend::kernel::sys::packet::{AT_ONCE, Inbox, PacketSocket};

/// How many frames are received, or sent, before the others have their turn.
const IN_TURN: usize = 4 * AT_ONCE;

/// Carries frames until told to end.
pub(super) fn carry(shared: &Shared, socket: &PacketSocket, report: &dyn Fn(Loss<'_>)) {
    // The kernel may let sleepers oversleep by 50 µs otherwise (prctl(2), PR_SET_TIMERSLACK); 0 means that too.
    if let Err(errno) = set_timerslack(1) {
        tracing::warn!("links will be late: {}", errno.desc());
    }
    let mut inbox = Inbox::new();
    let mut out = Vec::with_capacity(IN_TURN);
    loop {
        match sleep(shared, socket) {
            Ok(()) => {}
            Err(errno) => {
                tracing::error!("shaped links are dead: {}", errno.desc());
                return;
            }
        }
        if shared.ends.load(Ordering::Acquire) {
            return;
        }
        // Frames that come meanwhile are later than this.
        let mut now = shared.clock.now();
        match receive(shared, socket, &mut inbox, report) {
            Ok(Some(latest)) => now = now.max(latest),
            Ok(None) => {}
            Err(error) => tracing::debug!("frames can't be received: {error}"),
        }
        shared.lanes().take(now, IN_TURN, &mut out);
        send(socket, &out);
        out.clear();
    }
}

/// Sleeps until there is something to do.
fn sleep(shared: &Shared, socket: &PacketSocket) -> Result<(), Errno> {
    let wake = shared.lanes().wake();
    let time = wake.map(|wake| TimeSpec::from(wake.saturating_sub(shared.clock.now())));
    let mut ready = [
        PollFd::new(socket.as_fd(), PollFlags::POLLIN),
        PollFd::new(shared.clock.bell(), PollFlags::POLLIN),
    ];
    match ppoll(&mut ready, time, None) {
        Ok(_) => {}
        Err(Errno::EINTR) => return Ok(()),
        Err(errno) => return Err(errno),
    }
    if ready[1].any() == Some(true) {
        shared.clock.hush();
    }
    Ok(())
}

/// Offers the links what has come; when the last of it came.
fn receive(
    shared: &Shared,
    socket: &PacketSocket,
    inbox: &mut Inbox,
    report: &dyn Fn(Loss<'_>),
) -> io::Result<Option<Duration>> {
    let (mut whole, mut latest) = (0, None);
    // All that came before is read, unless there is too much of it.
    let now = shared.clock.now();
    while whole < IN_TURN {
        let count = socket.receive(inbox)?;
        if count > 0 {
            let moment = shared.clock.moment();
            let mut lanes = shared.lanes();
            for received in inbox.frames(count) {
                let at = moment.arrival(received.at);
                lanes.offer(received.interface, received.frame, at, report);
                latest = latest.max(Some(at));
            }
        }
        whole += count;
        if count < AT_ONCE {
            shared.lanes().settle(now);
            break;
        }
    }
    if whole >= AT_ONCE {
        let lost = socket.overflown();
        if lost > 0 {
            tracing::warn!(lost, "frames on shaped links were lost: too many at once");
        }
    }
    Ok(latest)
}

/// Sends what leaves.
fn send(socket: &PacketSocket, mut frames: &[(u32, Vec<u8>)]) {
    while !frames.is_empty() {
        let (done, result) = socket.send(frames);
        if let Err(error) = result {
            // The link, or the interface at its far end, has just gone or is down.
            tracing::debug!("a frame can't be delivered: {error}");
        }
        frames = frames.get(done..).unwrap_or_default();
    }
}
