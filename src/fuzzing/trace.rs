//! A link's measured rate: what is wrong is said with its line, and the two ways to ask a trace agree.

use std::time::Duration;

use crate::network::Trace;

/// Any bytes as a trace in mahimahi's format.
pub fn trace(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let read = Trace::parse(&text);
    let trace = match read {
        Ok(trace) => trace,
        Err(why) => {
            let said = why.to_string();
            assert!(said.chars().count() < 120, "{said:?}");
            return;
        }
    };
    assert_eq!(Trace::parse(&text).as_ref(), Ok(&trace));
    assert!(trace.length() >= Duration::from_millis(1));
    for opportunity in [0, 1, 2, 3, text.len() as u64, 1 << 20] {
        let at = trace.time(opportunity);
        let next = trace.after(at);
        assert!(next > opportunity && trace.time(next) > at);
        assert_eq!(
            trace.time(next - 1),
            at,
            "{next} is not the first after {at:?}"
        );
    }
    // Times beyond any run don't make it panic either.
    let _ = (trace.time(u64::MAX), trace.after(Duration::MAX));
}
