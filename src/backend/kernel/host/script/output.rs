//! What a script writes, up to a bound.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How much is kept of each stream.
const KEPT: usize = 1 << 20;

/// Reads a pipe to its end. What exceeds the bound is thrown away, so that the writer never stalls,
/// and a process that outlives its script may go on writing.
pub(super) struct Capture {
    kept: Arc<Mutex<Kept>>,
    reader: JoinHandle<()>,
}

#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    is_cut: bool,
}

impl Capture {
    pub(super) fn start(mut pipe: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let writer = Arc::clone(&kept);
        let reader = tokio::spawn(async move {
            let mut buffer = vec![0; 16 << 10];
            loop {
                let Ok(length @ 1..) = pipe.read(&mut buffer).await else {
                    return;
                };
                let mut kept = writer.lock().unwrap_or_else(PoisonError::into_inner);
                let room = KEPT - kept.bytes.len();
                kept.bytes.extend_from_slice(&buffer[..length.min(room)]);
                kept.is_cut |= length > room;
            }
        });
        Self { kept, reader }
    }

    /// What was written until the pipe was closed, or until that time if somebody still holds it.
    pub(super) async fn finish(mut self, until: Instant) -> String {
        // Past that time the reader goes on by itself and throws away what comes.
        let _ = tokio::time::timeout_at(until, &mut self.reader).await;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::from_utf8_lossy(&kept.bytes).into_owned();
        if kept.is_cut {
            text.push_str("\n[cut after 1 MiB]\n");
        }
        kept.is_cut = true;
        text
    }
}
