//! Which kills: at each point in turn by each means, and at moments spread evenly over a run.

use std::collections::BTreeMap;
use std::time::Duration;

/// By what a run is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Kill,
    Terminate,
    Interrupt,
    /// At points only.
    Panic,
}

impl How {
    const ALL: [Self; 4] = [Self::Kill, Self::Terminate, Self::Interrupt, Self::Panic];

    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "SIGKILL",
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
            Self::Panic => "panic",
        }
    }

    /// The signal; none for a panic.
    pub fn number(self) -> Option<i32> {
        match self {
            Self::Kill => Some(9),
            Self::Terminate => Some(15),
            Self::Interrupt => Some(2),
            Self::Panic => None,
        }
    }

    /// Whether the program ends in order.
    pub fn is_orderly(self) -> bool {
        matches!(self, Self::Terminate | Self::Interrupt)
    }
}

/// When it is ended.
#[derive(Clone, Debug)]
pub enum When {
    /// When it passes this point for so many times.
    At(String, usize),
    /// So long after its start.
    After(Duration),
}

#[derive(Clone, Debug)]
pub struct Kill {
    pub how: How,
    pub when: When,
}

impl Kill {
    pub fn is_from_outside(&self) -> bool {
        matches!(self.when, When::After(_))
    }
}

/// So many kills of a run that passes these points so many times and takes so long. Where there are too few for all
/// points by all means, another `turn` has others.
pub fn plan(
    points: &BTreeMap<String, usize>,
    usual: Duration,
    count: usize,
    turn: usize,
) -> Vec<Kill> {
    // Two thirds at points.
    let at_points = count - count / 3;
    let rounds = at_points.div_ceil(points.len());
    let mut kills = Vec::new();
    // All that few kills allow are spread over all points.
    let step = points.len().div_ceil(at_points).max(1);
    for round in 0..rounds {
        for (number, (point, times)) in points.iter().enumerate() {
            if !(number + turn).is_multiple_of(step) || kills.len() == at_points {
                continue;
            }
            // The first time in the first round, then later ones.
            let time = 1 + round * times / rounds;
            kills.push(Kill {
                how: How::ALL[(number / step + round + turn) % How::ALL.len()],
                when: When::At(point.clone(), time),
            });
        }
    }
    let moments = count - kills.len();
    for number in 0..moments {
        let share = (number as f64 + 0.5) / moments as f64;
        kills.push(Kill {
            how: How::ALL[(number + turn) % 3],
            when: When::After(usual.mul_f64(share)),
        });
    }
    kills
}
