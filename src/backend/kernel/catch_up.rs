//! Waiting until what the kernel has reported is also read.
//!
//! The kernel writes down at once what becomes of a packet; the thread that reads it may get its turn much later on a
//! busy machine. So a probe lets the readers catch up before it begins, or it would be told what became of the packets
//! of the one before; and again where it ends without an answer, or it would miss what became of its own.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::sys::eventfd::{EfdFlags, EventFd};
use tokio::sync::watch;

/// A bell at which the reader looks, and the number of the last ring that it has looked for.
#[derive(Debug)]
pub struct CatchUp {
    bell: EventFd,
    rung: AtomicU64,
    looked: watch::Sender<u64>,
}

impl CatchUp {
    /// A bell for one reader.
    ///
    /// # Errors
    ///
    /// No descriptor is left.
    pub fn new() -> nix::Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        Ok(Self {
            bell: EventFd::from_flags(flags)?,
            rung: AtomicU64::new(0),
            looked: watch::Sender::new(0),
        })
    }

    /// Rings, and gives what waits until the reader has read all that was reported before this call, at most that
    /// long. Whether it has.
    pub fn caught_up(&self, patience: Duration) -> impl Future<Output = bool> + use<> {
        let ring = self.rung.fetch_add(1, Ordering::SeqCst) + 1;
        let mut looked = self.looked.subscribe();
        let rings = self.bell.write(1).is_ok();
        async move {
            let waits = looked.wait_for(|looked| *looked >= ring);
            rings && matches!(tokio::time::timeout(patience, waits).await, Ok(Ok(_)))
        }
    }

    /// For the reader, before it looks: what it hands to [`Self::done`] once all is passed on.
    pub fn begin(&self) -> u64 {
        // Nobody has rung where that fails.
        let _ = self.bell.read();
        self.rung.load(Ordering::SeqCst)
    }

    /// For the reader: it has passed on all that was there when it began.
    pub fn done(&self, begun: u64) {
        self.looked.send_replace(begun);
    }
}

impl AsFd for CatchUp {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn what_was_read_before_the_bell_is_not_enough() {
        let catch_up = Arc::new(CatchUp::new().unwrap());
        let begun = catch_up.begin();
        let waiting = Arc::clone(&catch_up);
        let waiting = tokio::spawn(async move { waiting.caught_up(LONG).await });
        while catch_up.rung.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        // The reader was already looking when the bell rang.
        catch_up.done(begun);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        let begun = catch_up.begin();
        catch_up.done(begun);
        assert!(waiting.await.unwrap());
    }

    #[tokio::test]
    async fn a_reader_that_is_gone_holds_nobody_up() {
        let catch_up = CatchUp::new().unwrap();
        assert!(!catch_up.caught_up(SOON).await);
    }
}
