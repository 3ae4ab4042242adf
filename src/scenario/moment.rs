//! A moment in the course of a scenario, and how people name it.

use std::fmt;

use super::Scenario;
use super::nearest::nearest;

/// What the moment before the first step is called.
pub const START: &str = "start";

/// A moment in the course of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// Before the first step: what the tables declare stands, and every SIM is connected that should be.
    Start,
    /// After the step with this number, from 1.
    After(usize),
}

/// Why a name stands for no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    /// No step has the name.
    #[error("no step is called {name:?}; {hint}")]
    Unknown {
        /// The name.
        name: String,
        /// What there is, or what was probably meant.
        hint: String,
    },
    /// Several steps have the name.
    #[error(
        "several steps are called {name:?}; say which one by its number: {}",
        numbers(.steps)
    )]
    Ambiguous {
        /// The name.
        name: String,
        /// The steps' numbers.
        steps: Vec<usize>,
    },
    /// No step has the number.
    #[error("there is no step {number}; {hint}")]
    OutOfRange {
        /// What was given: `#99`.
        number: String,
        /// What there is.
        hint: String,
    },
}

fn numbers(steps: &[usize]) -> String {
    let steps: Vec<String> = steps.iter().map(|step| format!("#{step}")).collect();
    match steps.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

impl Moment {
    /// The moment that a text names: `start`, a step's number as in `#7`, or its name. A step that is
    /// called like one of the first two goes by its number.
    ///
    /// # Errors
    ///
    /// No step has the name or the number, or several have the name.
    pub fn find(text: &str, scenario: &Scenario) -> Result<Self, MomentError> {
        if text == START {
            return Ok(Self::Start);
        }
        let digits = text.strip_prefix('#').unwrap_or_default();
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return match digits.parse() {
                Ok(number) if (1..=scenario.steps.len()).contains(&number) => {
                    Ok(Self::After(number))
                }
                _ => Err(MomentError::OutOfRange {
                    number: text.to_owned(),
                    hint: range(scenario),
                }),
            };
        }
        let named: Vec<usize> = numbered(scenario)
            .filter(|(_, name)| *name == text)
            .map(|(number, _)| number)
            .collect();
        match named[..] {
            [number] => Ok(Self::After(number)),
            [] => Err(MomentError::Unknown {
                name: text.to_owned(),
                hint: hint(text, scenario),
            }),
            _ => Err(MomentError::Ambiguous {
                name: text.to_owned(),
                steps: named,
            }),
        }
    }

    /// How many steps have been carried out.
    pub fn steps(self) -> usize {
        match self {
            Self::Start => 0,
            Self::After(number) => number,
        }
    }

    /// The moment in words: `before the first step`, `after step 7, "openGate"`.
    pub fn words(self, scenario: &Scenario) -> String {
        match self {
            Self::Start => "before the first step".to_owned(),
            Self::After(number) => match scenario.steps.get(number.saturating_sub(1)) {
                Some(step) => format!("after step {number}, {:?}", step.name),
                None => format!("after step {number}"),
            },
        }
    }
}

impl fmt::Display for Moment {
    /// As [`Moment::find`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str(START),
            Self::After(number) => write!(f, "#{number}"),
        }
    }
}

fn numbered(scenario: &Scenario) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(scenario.steps.iter().map(|step| step.name.as_str()))
}

/// What there is.
fn range(scenario: &Scenario) -> String {
    match scenario.steps.len() {
        0 => format!("the scenario has none, only its {START:?}"),
        1 => format!("the scenario has #1 only, and its {START:?}"),
        last => format!("the steps go from #1 to #{last}; {START:?} is before the first one"),
    }
}

/// The step that was probably meant, else what there is.
fn hint(text: &str, scenario: &Scenario) -> String {
    if (text.parse()).is_ok_and(|number| (1..=scenario.steps.len()).contains(&number)) {
        return format!("did you mean \"#{text}\"?");
    }
    let names = || numbered(scenario).map(|(_, name)| name);
    let lower = text.to_lowercase();
    let part = || {
        // A word or two of a long name is what people type.
        let mut holding = names().filter(|name| name.to_lowercase().contains(&lower));
        holding.next().filter(|_| lower.chars().count() > 2)
    };
    let Some(meant) = nearest(text, names().chain([START])).or_else(part) else {
        return range(scenario);
    };
    match numbered(scenario).find(|(_, name)| *name == meant) {
        Some((number, _)) => format!("did you mean {meant:?}, which is #{number}?"),
        None => format!("did you mean {meant:?}?"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn scenario(steps: &str) -> Scenario {
        crate::scenario::read("test.toml", steps.as_bytes()).unwrap()
    }

    fn three() -> Scenario {
        scenario(
            "[[step]]\nname = \"an hour later\"\nwait = \"1h\"\n\
             [[step]]\nname = \"again\"\nwait = \"1h\"\n\
             [[step]]\nname = \"again\"\nwait = \"1h\"\n",
        )
    }

    #[test]
    fn steps_go_by_name_and_by_number() {
        let three = three();
        for (text, moment) in [
            ("start", Moment::Start),
            ("an hour later", Moment::After(1)),
            ("#3", Moment::After(3)),
        ] {
            assert_eq!(Moment::find(text, &three), Ok(moment), "{text}");
        }
        let seventh = Moment::find(&Moment::After(2).to_string(), &three);
        assert_eq!(seventh, Ok(Moment::After(2)));
        assert_eq!(
            Moment::After(1).words(&three),
            "after step 1, \"an hour later\""
        );
    }

    #[test]
    fn a_name_that_stands_for_none_or_for_two_says_what_to_write() {
        let three = three();
        let why = |text: &str| Moment::find(text, &three).unwrap_err().to_string();
        assert_eq!(
            why("an hour latr"),
            "no step is called \"an hour latr\"; did you mean \"an hour later\", which is #1?"
        );
        assert_eq!(
            why("hour"),
            "no step is called \"hour\"; did you mean \"an hour later\", which is #1?"
        );
        assert_eq!(
            why("Start"),
            "no step is called \"Start\"; did you mean \"start\"?"
        );
        assert_eq!(why("2"), "no step is called \"2\"; did you mean \"#2\"?");
        assert_eq!(
            why("again"),
            "several steps are called \"again\"; say which one by its number: #2 or #3"
        );
        for wrong in ["#0", "#4", "#99999999999999999999999"] {
            assert_eq!(
                why(wrong),
                format!(
                    "there is no step {wrong}; the steps go from #1 to #3; \"start\" is before the first one"
                )
            );
        }
        let none = scenario("title = \"nothing\"\n");
        assert_eq!(
            Moment::find("x", &none).unwrap_err().to_string(),
            "no step is called \"x\"; the scenario has none, only its \"start\""
        );
    }
}
