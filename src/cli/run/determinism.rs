//! `--check-determinism`: the events of two runs, as the JSON lines that they come to.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::backend::BackendError;
use crate::cli::args::Format;
use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::report::kept::Room;
use crate::report::text::{counted, visible};
use crate::run::event::Event;

/// `--check-determinism`.
#[derive(Default)]
pub(super) struct Check {
    comparison: Comparison,
    /// Why an event could not be compared.
    unwritable: Option<serde_json::Error>,
}

impl Check {
    /// Takes an event of the first run.
    pub fn first(&mut self, event: &Event) {
        let noted = self.comparison.first(event);
        self.unwritable = self.unwritable.take().or(noted.err());
    }

    /// Runs everything a second time, and says whether that was the same.
    pub fn again(
        mut self,
        format: Format,
        console: &mut Console<'_>,
        run: impl FnOnce(&mut dyn FnMut(Event)) -> Result<(), BackendError>,
    ) -> Exit {
        let mut interrupted = None;
        let result = run(&mut |event| {
            if let Event::Interrupted { signal } = &event {
                interrupted = Some(*signal);
            }
            let noted = self.comparison.second(&event);
            self.unwritable = self.unwritable.take().or(noted.err());
        });
        if let Some(signal) = interrupted {
            console.error(format!("the second run was {}", signal.told()));
            return Exit::Interrupted(signal);
        }
        if let Err(error) = result {
            console.error(error);
            return Exit::Machine;
        }
        if let Some(error) = self.unwritable {
            console.error(format!("failed to compare the events: {error}"));
            return Exit::Machine;
        }
        match self.comparison.verdict() {
            Ok(events) => {
                if format == Format::Human {
                    let same = format!("ran twice: the same {}", counted(events, "event"));
                    // Nobody is left to be told.
                    writeln!(console.err, "{same}").ok();
                }
                Exit::AsExpected
            }
            Err(difference) => {
                console.error(difference);
                Exit::Unexpected
            }
        }
    }
}

/// How much of the first run's lines is kept for being shown; that lines differ is seen beyond it, too.
const KEPT: usize = 64 << 20;

/// The events of a first run, and how those of a second differ from them.
#[derive(Debug)]
pub struct Comparison {
    first: Vec<Line>,
    room: Room,
    /// How many events of the second run there have been.
    second: usize,
    difference: Option<Difference>,
}

impl Default for Comparison {
    fn default() -> Self {
        Self {
            first: Vec::new(),
            room: Room::new(KEPT),
            second: 0,
            difference: None,
        }
    }
}

/// A line of the first run.
#[derive(Clone, Debug)]
struct Line {
    /// As much of it as there was room for.
    kept: String,
    /// Of the whole line.
    digest: u64,
}

/// SipHash with a key that is the same each time. Scenarios don't choose what is compared here with what: both
/// runs are of the same one.
fn digest(line: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    hasher.finish()
}

/// The first line that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its number, from 1.
    pub line: usize,
    /// The first run's; none where it had ended.
    pub first: Option<String>,
    /// The second run's; none where it had ended.
    pub second: Option<String>,
}

impl Comparison {
    /// Takes an event of the first run.
    ///
    /// # Errors
    ///
    /// Where it can't be written as JSON.
    pub fn first(&mut self, event: &Event) -> serde_json::Result<()> {
        let line = serde_json::to_string(event)?;
        self.first.push(Line {
            digest: digest(&line),
            kept: self.room.keep(&line).into_owned(),
        });
        Ok(())
    }

    /// Takes an event of the second run.
    ///
    /// # Errors
    ///
    /// As for [`Self::first`].
    pub fn second(&mut self, event: &Event) -> serde_json::Result<()> {
        let line = serde_json::to_string(event)?;
        let first = self.first.get(self.second);
        self.second += 1;
        if self.difference.is_none() && first.map(|line| line.digest) != Some(digest(&line)) {
            self.difference = Some(Difference {
                line: self.second,
                first: first.map(|line| line.kept.clone()),
                second: Some(line),
            });
        }
        Ok(())
    }

    /// The first line that differs, once both runs are over; else how many there are.
    ///
    /// # Errors
    ///
    /// The difference.
    pub fn verdict(self) -> Result<usize, Difference> {
        let missing = self.first.get(self.second).map(|first| Difference {
            line: self.second + 1,
            first: Some(first.kept.clone()),
            second: None,
        });
        match self.difference.or(missing) {
            Some(difference) => Err(difference),
            None => Ok(self.second),
        }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |line: &Option<String>| match line {
            Some(line) => visible(line),
            None => "(the events end before it)".to_owned(),
        };
        let (first, second) = (shown(&self.first), shown(&self.second));
        write!(
            f,
            "two runs with the same seed differ, first in line {} of the events\n  \
             first   {first}\n  second  {second}",
            self.line
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn event(passed: usize) -> Event {
        Event::RunFinished {
            passed,
            failed: 0,
            skipped: 0,
            elapsed: Duration::ZERO,
        }
    }

    fn compared(first: &[usize], second: &[usize]) -> Result<usize, Difference> {
        let mut comparison = Comparison::default();
        for n in first {
            comparison.first(&event(*n)).unwrap();
        }
        for n in second {
            comparison.second(&event(*n)).unwrap();
        }
        comparison.verdict()
    }

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert_eq!(compared(&[1, 2, 3], &[1, 2, 3]), Ok(3));
        assert_eq!(compared(&[], &[]), Ok(0));
        let line = |first: &[usize], second: &[usize]| compared(first, second).unwrap_err().line;
        assert_eq!(line(&[1, 2, 3], &[1, 4, 5]), 2);
        assert_eq!(line(&[1, 2, 3], &[1, 2]), 3);
        assert_eq!(line(&[1], &[1, 2]), 2);
        let text = compared(&[1, 2], &[1]).unwrap_err().to_string();
        let wanted = "two runs with the same seed differ, first in line 2 of the events\n  \
            first   {\"event\":\"run-finished\",\"passed\":2,\"failed\":0,\"skipped\":0,\"elapsed_ms\":0.0}\n  \
            second  (the events end before it)";
        assert_eq!(text, wanted);
    }
    #[test]
    fn what_is_not_kept_is_compared_all_the_same() {
        let long = |n: usize| Event::ScenarioStarted {
            file: format!("{}{n}{}", "a".repeat(1 << 20), "b".repeat(1 << 20)),
            title: String::new(),
            steps: n,
        };
        let mut comparison = Comparison::default();
        for n in 0..100 {
            comparison.first(&long(n)).unwrap();
        }
        let kept: usize = comparison.first.iter().map(|line| line.kept.len()).sum();
        assert!(kept <= KEPT, "{kept}");
        for n in 0..99 {
            comparison.second(&long(n)).unwrap();
        }
        comparison.second(&long(98)).unwrap();
        let difference = comparison.verdict().unwrap_err();
        assert_eq!(difference.line, 100);
        assert!(difference.first.unwrap().contains(" bytes left out: "));
    }
}
