//! Everything that can be asked, and what is said of it.

use serde::Serialize;

use super::answer::Answer;
use super::change::{Difference, MatrixChange, first_difference, matrix_change};
use super::matrix::{MOST_NODES, Matrix};
use super::scene::{At, Mistaken, Question, Scene};
use crate::reach::Ask;
use crate::scenario::{Moment, ReplayError, Scenario};

/// What is to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asks whom.
    pub who: Who,
    /// How.
    pub ask: Ask,
    /// When.
    pub when: When,
}

/// Who asks whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// One node asks another, or an address.
    One {
        /// Who asks.
        from: String,
        /// Who is asked.
        to: String,
    },
    /// Every node asks every other.
    All,
}

/// When it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At one moment.
    At(Moment),
    /// At two: what has changed is to be told.
    Between(Moment, Moment),
}

/// What is said. `at` is the last step that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "explained", rename_all = "kebab-case")]
pub enum Explained {
    /// One question.
    Flow {
        /// The moment.
        at: Option<At>,
        /// The answer.
        #[serde(flatten)]
        answer: Box<Answer>,
    },
    /// One question at two moments.
    FlowChange {
        /// The first moment.
        before_at: Option<At>,
        /// The second.
        after_at: Option<At>,
        /// The answer at the first.
        before: Box<Answer>,
        /// The answer at the second.
        after: Box<Answer>,
        /// The first stop that differs.
        difference: Option<Box<Difference>>,
    },
    /// Everybody asks everybody.
    Matrix {
        /// The moment.
        at: Option<At>,
        /// The answers.
        #[serde(flatten)]
        matrix: Matrix,
    },
    /// The same at two moments.
    MatrixChange {
        /// The first moment.
        before_at: Option<At>,
        /// The second.
        after_at: Option<At>,
        /// What has changed.
        #[serde(flatten)]
        change: MatrixChange,
    },
}

/// Why something can't be explained.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// The moment can't be reached.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The question can't be asked.
    #[error("{}", .0.why)]
    Mistaken(Mistaken),
    /// There are too many nodes for everybody to ask everybody.
    #[error(
        "there are {nodes} nodes, and everybody may ask everybody among {MOST_NODES} at most; ask about two"
    )]
    TooMany {
        /// How many there are.
        nodes: usize,
    },
}

/// Answers a request about a scenario.
///
/// # Errors
///
/// The moment can't be reached, or the question can't be asked then; of two moments, at neither.
pub fn explain(scenario: &Scenario, request: &Request) -> Result<Explained, ExplainError> {
    let ask = request.ask;
    match (&request.who, request.when) {
        (Who::One { from, to }, when) => {
            let (from, to) = (from.clone(), to.clone());
            one(scenario, &Question { from, to, ask }, when)
        }
        (Who::All, When::At(moment)) => {
            let scene = Scene::new(scenario, moment)?;
            let (at, matrix) = (scene.at(), matrix(&scene, ask)?);
            Ok(Explained::Matrix { at, matrix })
        }
        (Who::All, When::Between(before, after)) => {
            let before = Scene::new(scenario, before)?;
            let after = Scene::new(scenario, after)?;
            Ok(Explained::MatrixChange {
                before_at: before.at(),
                after_at: after.at(),
                change: matrix_change(&matrix(&before, ask)?, &matrix(&after, ask)?),
            })
        }
    }
}

fn one(scenario: &Scenario, question: &Question, when: When) -> Result<Explained, ExplainError> {
    match when {
        When::At(moment) => {
            let scene = Scene::new(scenario, moment)?;
            let answer = answer(&scene, question).map_err(ExplainError::Mistaken)?;
            let at = scene.at();
            let answer = Box::new(answer);
            Ok(Explained::Flow { at, answer })
        }
        When::Between(before, after) => {
            let before = Scene::new(scenario, before)?;
            let after = Scene::new(scenario, after)?;
            let ends = (before.at(), after.at());
            let (before, after) = match (answer(&before, question), answer(&after, question)) {
                (Err(_), Err(mistaken)) => return Err(ExplainError::Mistaken(mistaken)),
                answers => answers,
            };
            // What could not be asked then, and can be now, has changed as well.
            let or_why = |answer: Result<Answer, Mistaken>| {
                answer.unwrap_or_else(|mistaken| Answer::impossible(question, mistaken.why))
            };
            let (before, after) = (or_why(before), or_why(after));
            Ok(Explained::FlowChange {
                before_at: ends.0,
                after_at: ends.1,
                difference: first_difference(&before, &after).map(Box::new),
                before: Box::new(before),
                after: Box::new(after),
            })
        }
    }
}

fn answer(scene: &Scene<'_>, question: &Question) -> Result<Answer, Mistaken> {
    let flow = scene.flow(question)?;
    let map = scene.map();
    match map.predict(&flow) {
        Some(prediction) => Ok(Answer::new(question, &flow, &prediction, scene)),
        None => Err(Mistaken::asks_nothing(&question.from)),
    }
}

fn matrix(scene: &Scene<'_>, ask: Ask) -> Result<Matrix, ExplainError> {
    let nodes = scene.nodes().len();
    if nodes > MOST_NODES {
        return Err(ExplainError::TooMany { nodes });
    }
    let map = scene.map();
    Ok(Matrix::new(scene, ask, |flow| map.predict(flow)))
}
