//! Plans by number: the same seed and number give the same plan on every machine.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::draw;
use crate::plan::Plan;

/// The plan of a number, and how to shrink it.
pub fn tree(seed: u64, number: u64) -> impl ValueTree<Value = Plan> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&number.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    // Nothing is filtered, so nothing can be rejected.
    draw::plan().new_tree(&mut runner).unwrap()
}

/// What a case is called in messages and file names.
pub fn name(seed: u64, number: u64) -> String {
    format!("seed {seed}, case {number}")
}
