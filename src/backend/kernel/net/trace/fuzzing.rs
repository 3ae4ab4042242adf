//! What the fuzzer runs: the trace's messages, and the packets that are put together from them.

use super::follow;
use super::message::parse;
use crate::backend::kernel::net::wire;

/// Any bytes as the messages of a trace.
pub(in crate::backend::kernel) fn messages(bytes: &[u8]) {
    for message in wire::messages(bytes) {
        if let Some(trace) = parse(&message) {
            let packet = trace.packet.map_or(0, |(_, packet)| packet.len());
            assert!(packet <= message.payload.len());
        }
    }
    follow::fuzzing(bytes);
}
