//! What the fuzzer runs: the entries of the kernel's lists.

use super::{doubts, links, listens, neighbours, routes};

/// Any bytes as an entry of each list.
pub(in crate::backend::kernel) fn lists(bytes: &[u8]) {
    links::fuzzing(bytes);
    routes::fuzzing(bytes);
    neighbours::fuzzing(bytes);
    doubts::fuzzing(bytes);
    listens::fuzzing(bytes);
}
