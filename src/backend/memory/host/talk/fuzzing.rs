//! What the fuzzer runs: what comes over TCP, as much of it as has been read.

use super::{Reply, answer_http, prefixed, read_reply};
use crate::backend::memory::core::Core;
use crate::backend::protocol::page::Pages;

/// Any bytes as a request, a reply, or messages behind their lengths.
pub fn stream(bytes: &[u8]) {
    let mut core = Core::new(1);
    let client = [10, 0, 0, 1].into();
    let mut ask = |bytes| answer_http(&Pages::new(), bytes, client, &mut core);
    if let Some(answer) = ask(bytes) {
        assert!(answer.starts_with(b"HTTP/1.1 4"));
        assert!(matches!(read_reply(&answer, true), Reply::Whole { .. }));
        assert_eq!(ask(bytes), Some(answer));
    }
    for ended in [false, true] {
        if let Reply::Whole { status, body } = read_reply(bytes, ended) {
            assert!(status < 1_000);
            // What isn't UTF-8 becomes three bytes.
            assert!(body.len() <= 3 * bytes.len());
        }
    }
    let (mut rest, mut total) = (bytes.to_vec(), 0);
    while let Some((message, after)) = prefixed(&rest) {
        total += message.len() + 2;
        rest = after;
    }
    assert_eq!(total + rest.len(), bytes.len());
}
