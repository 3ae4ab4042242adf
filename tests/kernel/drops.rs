//! The kernel's own drops, as many as there are.
//!
//! ```text
//! a 10.1.0.1 ── 10.1.0.2 b, which does not forward
//! ```

use std::time::{Duration, Instant};

use libtest_mimic::Failed;

use crate::Test;
use crate::bench::{Bench, SOON};

pub const TESTS: &[Test] = &[(
    "drops::of_ten_thousand_at_once_none_is_lost",
    of_ten_thousand_at_once_none_is_lost,
)];

const MANY: u64 = 10_000;

fn of_ten_thousand_at_once_none_is_lost() -> Result<(), Failed> {
    let mut bench = Bench::new();
    bench.host("a", false);
    bench.host("b", false);
    bench.join(("a", "10.1.0.1/24"), ("b", "10.1.0.2/24"));
    bench.route("a", "10.9.0.0/16", "b", Some("10.1.0.2"));
    bench.apply();
    // Now the neighbour is known, and nothing waits for it.
    assert!(bench.ping("a", "10.1.0.2", SOON).is_some());
    let before = bench
        .drops()
        .ok_or("the kernel's drops are not listened to")?;
    let socket = bench.udp("a", "0.0.0.0:0");
    for _ in 0..MANY {
        socket.send_to(b"lost", "10.9.9.9:9")?;
    }
    let until = Instant::now() + SOON;
    loop {
        let now = bench.drops().ok_or("the listener has ended")?;
        assert_eq!(now.lost, 0);
        if now.seen - before.seen >= MANY {
            return Ok(());
        }
        assert!(Instant::now() < until, "{before:?} {now:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
