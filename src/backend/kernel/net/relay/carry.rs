//! The thread's work: sleeps until a frame comes or leaves.

use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::prctl::set_timerslack;
use nix::sys::time::TimeSpec;

use super::{Loss, Shared};
use crate::backend::kernel::sys::hurry;
use crate::backend::kernel::sys::packet::{AT_ONCE, Inbox, PacketSocket};

/// How many frames are received, or sent, before the others have their turn.
const IN_TURN: usize = 4 * AT_ONCE;

/// How long before a frame leaves the thread is awake. To be woken takes some 50 µs, at times twice that; so the
/// last stretch is not slept through, but spent looking.
const EARLY: Duration = Duration::from_micros(100);

/// Carries frames until told to end.
pub(super) fn carry(shared: &Shared, socket: &PacketSocket, report: &dyn Fn(Loss<'_>)) {
    // The kernel may let sleepers oversleep by 50 µs otherwise (prctl(2), PR_SET_TIMERSLACK); 0 means that too.
    if let Err(errno) = set_timerslack(1) {
        tracing::warn!("links will be late: {}", errno.desc());
    }
    // A wire does not wait for a processor. Where this is refused, it may, while others are at work.
    let _ = hurry();
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
        let now = shared.clock.now();
        let now = receive(shared, socket, &mut inbox, now, report);
        shared.lanes().take(now, IN_TURN, &mut out);
        send(socket, &out);
        out.clear();
    }
}

/// Sleeps until there is something to do, or nearly so.
fn sleep(shared: &Shared, socket: &PacketSocket) -> Result<(), Errno> {
    let wake = shared.lanes().wake();
    let time = wake.map(|wake| TimeSpec::from(wake.saturating_sub(shared.clock.now() + EARLY)));
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

/// Offers the links what has come, all that came before `now` unless that is too much. Gives `now`, or when the last of
/// it came, where that is later: nothing that has not been read came before.
fn receive(
    shared: &Shared,
    socket: &PacketSocket,
    inbox: &mut Inbox,
    now: Duration,
    report: &dyn Fn(Loss<'_>),
) -> Duration {
    let (mut whole, mut latest) = (0, now);
    while whole < IN_TURN {
        let count = socket.receive(inbox).unwrap_or_else(|error| {
            tracing::debug!("frames can't be received: {error}");
            0
        });
        let mut lanes = shared.lanes();
        let moment = shared.clock.moment();
        for received in inbox.frames(count) {
            let at = moment.arrival(received.at);
            lanes.offer(received.interface, received.frame, at, report);
            latest = latest.max(at);
        }
        whole += count;
        if count < AT_ONCE {
            lanes.settle(now);
            break;
        }
    }
    if whole >= AT_ONCE {
        let lost = socket.overflown();
        if lost > 0 {
            tracing::warn!(lost, "frames on shaped links were lost: too many at once");
        }
    }
    latest
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
