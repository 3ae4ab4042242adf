//! Which kills: at each point that must be hit by as many means as asked for, at more of them in turn, and at moments
//! spread evenly over a run.

use std::collections::{BTreeMap, BTreeSet};

/// By what a run is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    Kill,
    Terminate,
    Interrupt,
    /// At points only.
    Panic,
}

impl How {
    pub const ALL: [Self; 4] = [Self::Kill, Self::Terminate, Self::Interrupt, Self::Panic];

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
    /// After this share of the time that a run takes.
    After(f64),
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

    /// The same at the first time that the point is passed, which every run does; none where it is that already.
    pub fn earlier(&self) -> Option<Self> {
        match &self.when {
            When::At(point, times) if *times > 1 => Some(Self {
                how: self.how,
                when: When::At(point.clone(), 1),
            }),
            _ => None,
        }
    }
}

impl std::fmt::Display for Kill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let how = self.how.name();
        match &self.when {
            When::At(point, times) => write!(f, "{how} at {point:?}, time {times}"),
            When::After(share) => write!(f, "{how} after {share:.2} of a run"),
        }
    }
}

/// What is asked of a plan.
pub struct Wanted {
    /// Points that must be hit.
    pub points: BTreeSet<String>,
    /// By how many means each of them must.
    pub means: usize,
    /// How many kills; more where the points take more.
    pub kills: usize,
    /// Where there are too few for all means, another turn has others.
    pub turn: usize,
}

/// The kills of a run that passes these points so many times.
pub fn plan(points: &BTreeMap<String, usize>, wanted: &Wanted) -> Vec<Kill> {
    let turn = wanted.turn;
    let how = |number: usize| How::ALL[(number + turn) % How::ALL.len()];
    let mut kills = Vec::new();
    for round in 0..wanted.means {
        for (number, point) in wanted.points.iter().enumerate() {
            // The first time in the first round, then later ones.
            let time = 1 + round * points[point] / wanted.means;
            kills.push(Kill {
                how: how(number + round),
                when: When::At(point.clone(), time),
            });
        }
    }
    // Two thirds at points: what is left of them is spread over all, in the middle of what a run does there.
    let more = (wanted.kills - wanted.kills / 3).saturating_sub(kills.len());
    let all: Vec<_> = points.iter().collect();
    for number in 0..more {
        let (round, place) = (number / all.len(), number % all.len());
        let in_this_round = (more - round * all.len()).min(all.len());
        let (point, times) = all[(place * all.len() / in_this_round + turn) % all.len()];
        kills.push(Kill {
            how: how(number + round),
            when: When::At(point.clone(), 1 + times / 2),
        });
    }
    let moments = wanted
        .kills
        .saturating_sub(kills.len())
        .max(wanted.kills / 5);
    for number in 0..moments {
        kills.push(Kill {
            how: How::ALL[(number + turn) % 3],
            when: When::After((number as f64 + 0.5) / moments as f64),
        });
    }
    kills
}
