//! Everybody asks everybody.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::Serialize;

use super::answer::Fate;
use super::scene::{Mistaken, Question, Scene};
use crate::reach::{self, Ask, Flow, Prediction};

/// How many nodes may be asked about all at once: each asks each other, and what becomes of a question takes
/// memory and some microseconds.
pub const MOST_NODES: usize = 300;

/// Who reaches whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// How: `tcp/80`.
    pub probe: String,
    /// The nodes, in the order of rows and columns.
    pub nodes: Vec<String>,
    /// A cell for each two of them, row by row.
    pub cells: Vec<Cell>,
}

/// What becomes of one node's question to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// Who asks.
    pub from: String,
    /// Who is asked.
    pub to: String,
    /// The address that is asked; none where it can't be asked.
    pub to_ip: Option<Ipv4Addr>,
    /// What becomes of it.
    #[serde(flatten)]
    pub fate: Fate,
}

impl Matrix {
    /// Asks the predictor about each two nodes of a scene.
    pub fn new<'p>(
        scene: &Scene<'_>,
        ask: Ask,
        predict: impl Fn(&Flow) -> Option<Prediction<'p>>,
    ) -> Self {
        let nodes: Vec<String> = scene.nodes().iter().map(ToString::to_string).collect();
        let mut cells = Vec::new();
        for from in &nodes {
            for to in nodes.iter().filter(|to| *to != from) {
                let (from, to) = (from.clone(), to.clone());
                let question = Question { from, to, ask };
                let (to_ip, fate) = match scene.flow(&question) {
                    Ok(flow) => match predict(&flow) {
                        Some(prediction) => (Some(flow.to), Fate::new(&prediction, scene)),
                        None => {
                            let why = Mistaken::asks_nothing(&question.from).why;
                            (None, Fate::impossible(why))
                        }
                    },
                    Err(mistaken) => (None, Fate::impossible(mistaken.why)),
                };
                let Question { from, to, .. } = question;
                cells.push(Cell {
                    from,
                    to,
                    to_ip,
                    fate,
                });
            }
        }
        Self {
            probe: reach::stop::ask(ask),
            nodes,
            cells,
        }
    }

    /// The cells by who asks and who is asked.
    pub fn by_pair(&self) -> BTreeMap<(&str, &str), &Cell> {
        let cells = self.cells.iter();
        cells
            .map(|cell| ((cell.from.as_str(), cell.to.as_str()), cell))
            .collect()
    }
}
