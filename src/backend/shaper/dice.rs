//! Randomness that comes out the same for the same seed, on every machine.

use std::time::Duration;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

use crate::network::{Burst, Chance, Loss};

/// A source of chance. What has no chance does not use it up.
#[derive(Clone, Debug)]
pub(super) struct Dice(Pcg64Mcg);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Pcg64Mcg::seed_from_u64(seed))
    }

    /// Whether something of this chance happens now.
    pub fn hit(&mut self, chance: Chance) -> bool {
        chance != Chance::NEVER && self.below(u64::from(Chance::WHOLE)) < u64::from(chance.get())
    }

    /// A number below `end`; 0 where `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        // The upper half of a product of two 64-bit numbers is a 64-bit number.
        ((u128::from(self.0.next_u64()) * u128::from(end)) >> 64) as u64
    }

    /// A time from `least` to `most`, both included; `least` where that is not less.
    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = most.saturating_sub(least);
        if span.is_zero() {
            return least;
        }
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        least + Duration::from_nanos(self.below(nanos.saturating_add(1)))
    }
}

/// Where a link with bursts of loss is in its model.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    bad: bool,
}

impl Weather {
    /// Whether the next frame is lost.
    pub fn loses(&mut self, loss: &Loss, dice: &mut Dice) -> bool {
        let burst = match loss {
            Loss::Independent(chance) => return dice.hit(*chance),
            Loss::Burst(burst) => burst,
        };
        let Burst { enter, leave, .. } = *burst;
        let changes = if self.bad { leave } else { enter };
        self.bad ^= dice.hit(changes);
        dice.hit(if self.bad { burst.bad } else { burst.good })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_always_happens_does_and_what_never_happens_does_not() {
        let mut dice = Dice::new(1);
        for _ in 0..1_000 {
            assert!(dice.hit(Chance::ALWAYS));
            assert!(!dice.hit(Chance::NEVER));
        }
    }

    #[test]
    fn a_time_lies_between_its_bounds_and_reaches_them() {
        let mut dice = Dice::new(7);
        let [least, most] = [3, 6].map(Duration::from_nanos);
        let times: Vec<Duration> = (0..200).map(|_| dice.between(least, most)).collect();
        assert_eq!(times.iter().min(), Some(&least));
        assert_eq!(times.iter().max(), Some(&most));
        assert_eq!(dice.between(most, least), most);
    }

    /// Reports of one version and of the next are to be alike: this is what a seed means.
    #[test]
    fn a_seed_means_the_same_for_ever() {
        let mut dice = Dice::new(42);
        let drawn: Vec<u64> = (0..5).map(|_| dice.below(1_000)).collect();
        assert_eq!(drawn, [573, 133, 355, 225, 117]);
    }
}
