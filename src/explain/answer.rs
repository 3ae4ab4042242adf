//! One question, answered: the verdict and the whole way.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use serde::{Serialize, Serializer};

use super::scene::{Question, Scene};
use crate::cloud::{NodeName, Reason};
use crate::reach::{
    self, Flow, Mend, Node, Prediction, Stop, Stops, Verdict, mend, resource_at_fault,
};

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// An answer comes back.
    Reachable,
    /// The far end answers that nothing listens.
    Refused,
    /// A packet dies.
    Blocked,
    /// It can't be asked: one of the two can't ask, or has no address.
    Impossible,
}

/// What becomes of a question, without the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fate {
    /// How it ends.
    pub verdict: Outcome,
    /// Blocked: why.
    #[serde(serialize_with = "code")]
    pub reason: Option<Reason>,
    /// Blocked: the resource at fault.
    pub resource: Option<String>,
    /// Blocked: whether it is the answer that dies.
    pub answer: bool,
    /// Impossible: why.
    pub why: Option<String>,
    /// What is not understood of machines on the way: the verdict may be wrong there.
    pub doubts: Vec<Doubt>,
}

/// Something that is not understood of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Doubt {
    /// The machine: `instance server`.
    pub node: String,
    /// What it has: `its own packet filter: table ip nat`.
    pub what: String,
}

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Who asks.
    pub from: String,
    /// Who is asked, as it was said.
    pub to: String,
    /// The address that is asked; none where it can't be asked.
    pub to_ip: Option<Ipv4Addr>,
    /// How: `tcp/80`.
    pub probe: String,
    /// What becomes of it.
    #[serde(flatten)]
    pub fate: Fate,
    /// Blocked: what the reason means, how people get there and how to mend it.
    pub explanation: Option<&'static str>,
    /// Blocked: what would mend it here.
    pub mend: Option<Proposal>,
    /// Blocked: reasons that a measurement may show instead.
    #[serde(serialize_with = "codes")]
    pub also: Vec<Reason>,
    /// The source address that the far end sees, where the packet gets there.
    pub seen_from: Option<Ipv4Addr>,
    /// The TTL that the answer arrives with, if it left with 64.
    pub ttl: Option<u8>,
    /// The way there; to its end, or to where the packet dies.
    pub there: Vec<Stop>,
    /// The answer's way back.
    pub back: Vec<Stop>,
}

/// A change after which the packet no longer dies where it died.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// What is done and why.
    pub words: String,
    /// The same as steps of a scenario, in this order; each is text that can be put into the file.
    pub steps: Vec<String>,
}

impl Proposal {
    /// A mend as steps.
    pub fn new(mend: Mend) -> Self {
        // All that can't be written is a setting taken back, which mends nothing.
        let actions = mend.actions.iter().filter_map(|action| action.step().ok());
        let script = mend.on.map(|node| {
            let name = toml::Value::from(node.to_string());
            let lines = mend.commands.join("\n");
            format!("[[step]]\non = {name}\nrun = \"\"\"\n{lines}\n\"\"\"\n")
        });
        Self {
            steps: actions.chain(script).collect(),
            words: mend.words,
        }
    }
}

fn code<S: Serializer>(reason: &Option<Reason>, to: S) -> Result<S::Ok, S::Error> {
    reason.map(Reason::code).serialize(to)
}

fn codes<S: Serializer>(reasons: &[Reason], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(reasons.iter().map(|reason| reason.code()))
}

/// What may be seen instead of a prediction's reason, each once.
fn also(prediction: &Prediction<'_>) -> Vec<Reason> {
    let Verdict::Blocked { reason, .. } = prediction.verdict else {
        return Vec::new();
    };
    let others: BTreeSet<Reason> = prediction.also.iter().copied().collect();
    others
        .into_iter()
        .filter(|other| *other != reason)
        .collect()
}

impl Fate {
    /// What becomes of a flow by a prediction.
    pub(super) fn new(prediction: &Prediction<'_>, scene: &Scene<'_>) -> Self {
        let (verdict, reason, answer) = match prediction.verdict {
            Verdict::Reachable => (Outcome::Reachable, None, false),
            Verdict::Refused => (Outcome::Refused, None, false),
            Verdict::Blocked { reason, answer } => (Outcome::Blocked, Some(reason), answer),
        };
        Self {
            verdict,
            reason,
            resource: resource_at_fault(prediction, scene.cloud()),
            answer,
            why: None,
            doubts: doubts(prediction, scene),
        }
    }

    /// What becomes of a question that can't be asked.
    pub(super) fn impossible(why: String) -> Self {
        Self {
            verdict: Outcome::Impossible,
            reason: None,
            resource: None,
            answer: false,
            why: Some(why),
            doubts: Vec::new(),
        }
    }
}

/// What is not understood of the machines on the way, each once.
fn doubts(prediction: &Prediction<'_>, scene: &Scene<'_>) -> Vec<Doubt> {
    let nodes: BTreeSet<Node<'_>> = prediction.doubtful.iter().copied().collect();
    let mut doubts = Vec::new();
    for node in nodes {
        let name = match node {
            Node::Sim(sim) => NodeName::Sim(sim.clone()),
            Node::Instance(instance) => NodeName::Instance(instance.clone()),
            Node::Pc => NodeName::Pc,
            Node::Internet => NodeName::Internet,
        };
        let guest = scene.guests().get(&name);
        for what in guest.into_iter().flat_map(|guest| &guest.doubts) {
            doubts.push(Doubt {
                node: reach::stop::node(node),
                what: what.clone(),
            });
        }
    }
    doubts
}

impl Answer {
    /// The answer to a question that means a flow, by a prediction of that flow.
    pub fn new(
        question: &Question,
        flow: &Flow,
        prediction: &Prediction<'_>,
        scene: &Scene<'_>,
    ) -> Self {
        let stops = Stops::new(prediction, scene.cloud());
        let fate = Fate::new(prediction, scene);
        Self {
            from: question.from.clone(),
            to: question.to.clone(),
            to_ip: Some(flow.to),
            probe: reach::stop::ask(question.ask),
            explanation: fate.reason.map(Reason::explanation),
            mend: mend(scene.cloud(), flow, prediction).map(Proposal::new),
            fate,
            also: also(prediction),
            seen_from: prediction.seen_from,
            ttl: prediction.ttl,
            there: stops.there,
            back: stops.back,
        }
    }

    /// The answer to a question that can't be asked.
    pub fn impossible(question: &Question, why: String) -> Self {
        Self {
            from: question.from.clone(),
            to: question.to.clone(),
            to_ip: None,
            probe: reach::stop::ask(question.ask),
            fate: Fate::impossible(why),
            explanation: None,
            mend: None,
            also: Vec::new(),
            seen_from: None,
            ttl: None,
            there: Vec::new(),
            back: Vec::new(),
        }
    }
}
