//! What is otherwise at another moment.

use serde::Serialize;

use super::answer::{Answer, Fate};
use super::matrix::{Cell, Matrix};
use crate::reach::Stop;

/// The first stop that is not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Whether it is on the answer's way back.
    pub answer: bool,
    /// Its place on the way, from 1.
    pub stop: usize,
    /// What was there; none where the way had ended.
    pub before: Option<Stop>,
    /// What is there now; none where the way has ended.
    pub after: Option<Stop>,
}

/// The first stop at which two answers' ways differ; none where they are the same.
pub fn first_difference(before: &Answer, after: &Answer) -> Option<Difference> {
    let ways = [
        (false, &before.there, &after.there),
        (true, &before.back, &after.back),
    ];
    for (answer, before, after) in ways {
        let same = before.iter().zip(after).take_while(|(b, a)| b == a).count();
        if same < before.len().max(after.len()) {
            return Some(Difference {
                answer,
                stop: same + 1,
                before: before.get(same).cloned(),
                after: after.get(same).cloned(),
            });
        }
    }
    None
}

/// What is otherwise in a matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MatrixChange {
    /// How it was asked: `tcp/80`.
    pub probe: String,
    /// The pairs whose verdict, reason or resource at fault is another.
    pub changes: Vec<PairChange>,
    /// How many pairs are as before.
    pub unchanged: usize,
}

/// What is otherwise between two nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PairChange {
    /// Who asks.
    pub from: String,
    /// Who is asked.
    pub to: String,
    /// What became of it; none where one of the two was not there.
    pub before: Option<Fate>,
    /// What becomes of it now; none where one of the two is not there any more.
    pub after: Option<Fate>,
}

/// What is otherwise in the second of two matrices of the same question.
pub fn matrix_change(before: &Matrix, after: &Matrix) -> MatrixChange {
    let (was, is) = (before.by_pair(), after.by_pair());
    let change = |from: &str, to: &str, before: Option<&&Cell>, after: Option<&&Cell>| PairChange {
        from: from.to_owned(),
        to: to.to_owned(),
        before: before.map(|cell| cell.fate.clone()),
        after: after.map(|cell| cell.fate.clone()),
    };
    let mut changes = Vec::new();
    let mut unchanged = 0;
    for cell in &after.cells {
        let pair = (cell.from.as_str(), cell.to.as_str());
        let before = was.get(&pair);
        if before.is_some_and(|before| before.fate == cell.fate) {
            unchanged += 1;
        } else {
            changes.push(change(pair.0, pair.1, before, Some(&cell)));
        }
    }
    for cell in &before.cells {
        let pair = (cell.from.as_str(), cell.to.as_str());
        if !is.contains_key(&pair) {
            changes.push(change(pair.0, pair.1, Some(&cell), None));
        }
    }
    MatrixChange {
        probe: after.probe.clone(),
        changes,
        unchanged,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use crate::explain::{Explained, Outcome, Request, When, Who, explain};
    use crate::reach::Ask;
    use crate::scenario::{Moment, Scenario};

    /// A SIM on a VPG, one more, and one that goes offline.
    fn scenario() -> Scenario {
        let text = "[soracom.vpg.vpg]\ntype = \"F\"\n\
             [soracom.group.canal]\nvpg = \"vpg\"\n\
             [soracom.sim.sensor]\ngroup = \"canal\"\n\
             [[step]]\ndo = \"registerSim\"\nas = \"late\"\ngroup = \"canal\"\n\
             [[step]]\ndo = \"disconnect\"\nsim = \"sensor\"\n";
        crate::scenario::read("test.toml", text.as_bytes()).unwrap()
    }

    fn between(who: Who, before: Moment, after: Moment) -> Explained {
        let (ask, when) = (Ask::PING, When::Between(before, after));
        explain(&scenario(), &Request { who, ask, when }).unwrap()
    }

    #[test]
    fn who_has_come_and_who_has_gone_is_a_change() {
        for (before, after) in [
            (Moment::Start, Moment::After(1)),
            (Moment::After(1), Moment::Start),
        ] {
            let Explained::MatrixChange { change, .. } = between(Who::All, before, after) else {
                panic!("two matrices give a change");
            };
            assert_eq!(change.unchanged, 6);
            assert_eq!(change.changes.len(), 6);
            for pair in &change.changes {
                assert!(pair.from == "late" || pair.to == "late", "{pair:?}");
                assert!(pair.before.is_none() != pair.after.is_none(), "{pair:?}");
            }
        }
    }

    #[test]
    fn who_can_not_be_asked_any_more_is_a_change() {
        let (from, to) = ("pc".to_owned(), "sensor".to_owned());
        let who = Who::One { from, to };
        let Explained::FlowChange {
            before,
            after,
            difference,
            ..
        } = between(who, Moment::Start, Moment::After(2))
        else {
            panic!("two answers give a change");
        };
        assert_eq!(before.fate.verdict, Outcome::Blocked);
        assert_eq!(after.fate.verdict, Outcome::Impossible);
        assert!(after.fate.why.is_some_and(|why| why.contains("is offline")));
        let difference = difference.unwrap();
        assert!(!difference.answer);
        assert_eq!((difference.stop, difference.after), (1, None));
    }
}
