//! A scenario that may be wrong in places: what [`read`](super::read()) gives up on, and
//! [`examine`](super::examine) looks at all the same.

use super::data::{Data, Entries, Value};
use super::diagnostic::Harm;
use super::doubt::Doubts;
use super::names::Kind;
use super::parameters::{self, Shape};
use super::value::Errors;
use super::{Diagnostic, Placed, Scenario, Span, Step, Template, fault, template};

/// What could be read of a file.
pub(super) struct Draft {
    /// All but the steps.
    pub scenario: Scenario,
    /// The steps.
    pub steps: Vec<StepDraft>,
    /// What is wrong with the file itself.
    pub errors: Vec<Diagnostic>,
    /// What can't be told after that.
    pub doubts: Doubts,
}

/// A step, or what is left of it.
pub(super) enum StepDraft {
    /// It can be carried out.
    Sound(Step),
    /// It can't.
    Faulty(Faulty),
}

/// What a step that can't be carried out says all the same.
pub(super) struct Faulty {
    /// Where it stands.
    pub span: Span,
    /// What it acts on and would make, if it may act on the clouds.
    pub acts: Option<Acts>,
    /// Whether it may let time pass.
    pub waits: bool,
    /// Whether it may take a while.
    pub patient: bool,
    /// Who asks or carries out a script.
    pub node: Option<Placed<String>>,
    /// Who is asked.
    pub to: Option<Template>,
    /// Texts that may name values.
    pub texts: Vec<Template>,
    /// Paths of values.
    pub paths: Vec<Placed<String>>,
}

/// What a faulty action has to do with.
pub(super) struct Acts {
    /// The texts among its parameters: names of what it may have changed.
    pub names: Vec<String>,
    /// What is to be done.
    pub operation: Option<String>,
    /// What it would have made.
    pub makes: Option<String>,
    /// What it makes, if the name is not evident.
    pub nameless: Option<Kind>,
    /// Whether it is not evident what it acts on.
    pub vague: bool,
}

impl Faulty {
    /// What is left of a step.
    pub fn new(span: &Span, entries: &Entries) -> Self {
        let text = |key: &str| {
            let value = entries.get(key)?;
            Some(Placed {
                value: value.as_text()?.to_owned(),
                span: value.span.clone(),
            })
        };
        let has = |key| entries.get(key).is_some();
        let node = text("from").or_else(|| text("on"));
        let observes = ["expect", "run", "check", "from", "on", "link"]
            .into_iter()
            .any(has);
        let acts = has("do") || !observes && !has("wait");
        let mut texts = Vec::new();
        if !acts {
            for (key, value) in entries.iter() {
                if !matches!(key.value.as_str(), "name" | "from" | "on" | "to") {
                    texts.extend(all_texts(value));
                }
            }
        }
        let paths = match entries.get("check").map(|value| &value.data) {
            Some(Data::Table(items)) => items
                .iter()
                .filter(|(key, _)| template::is_path(&key.value))
                .map(|(key, _)| key.clone())
                .collect(),
            _ => Vec::new(),
        };
        Self {
            span: span.clone(),
            acts: acts.then(|| Acts {
                names: fault::scalars(entries, true)
                    .into_iter()
                    .map(|text| text.value)
                    .collect(),
                operation: text("do").map(|operation| operation.value),
                makes: text("as").map(|name| name.value),
                nameless: makes(text("do")).filter(|_| text("as").is_none()),
                vague: required_names(text("do")).any(|name| text(name).is_none()),
            }),
            waits: has("wait") || acts && !has("do"),
            patient: has("eventually"),
            node,
            to: text("to").filter(is_sound).map(Template),
            texts,
            paths,
        }
    }
}

/// What an operation makes: a kind of node, or something else.
fn makes(operation: Option<Placed<String>>) -> Option<Kind> {
    let operation = operation?.value;
    let known = parameters::of(&operation)?;
    known.iter().find(|parameter| parameter.name == "as")?;
    Some(match operation.as_str() {
        "RunInstances" => Kind::Instance,
        "registerSim" => Kind::Sim,
        _ => Kind::Vpc,
    })
}

/// The parameters of an operation that must name something.
fn required_names(operation: Option<Placed<String>>) -> impl Iterator<Item = &'static str> {
    let known = operation.and_then(|operation| parameters::of(&operation.value));
    let known = known.unwrap_or_default().iter();
    known
        .filter(|parameter| parameter.required && parameter.shape == Shape::Text)
        .map(|parameter| parameter.name)
        .filter(|name| *name != "as")
}

/// The texts of a value that may name values.
fn all_texts(value: &Value) -> impl Iterator<Item = Template> {
    fault::texts(value)
        .into_iter()
        .filter(is_sound)
        .map(Template)
}

/// Whether nothing is wrong with a text itself, which has been said then.
fn is_sound(text: &Placed<String>) -> bool {
    let mut errors = Errors::new();
    template::check(text, false, &mut errors);
    errors.is_empty()
}

impl Draft {
    /// The scenario of a draft without errors: steps that are none don't occur in it.
    pub fn finish(self) -> Scenario {
        let steps = self.steps.into_iter().filter_map(|step| match step {
            StepDraft::Sound(step) => Some(step),
            StepDraft::Faulty(_) => None,
        });
        Scenario {
            steps: steps.collect(),
            ..self.scenario
        }
    }

    /// Where a key or a table is given twice, it is not known which of the two was meant.
    pub fn doubt_what_is_given_twice(&mut self, twice: &[Span]) {
        let text = std::sync::Arc::clone(&self.scenario.source.text);
        for span in twice {
            let before = text.get(..span.start).unwrap_or_default();
            let line = before.rsplit('\n').next().unwrap_or_default();
            if line.trim_start().starts_with('[') {
                let name = text.get(span.clone()).unwrap_or_default();
                self.doubts.doubt(name, Harm::Unreadable);
                continue;
            }
            let starts = self.steps.iter().map(|step| step.span().start);
            let step = starts.filter(|start| *start <= span.start).max();
            if let Some((start, name)) = self.doubts.table_at(span.start)
                && step.is_none_or(|step| step < start)
            {
                let name = name.to_owned();
                self.doubts.doubt(name, Harm::Unreadable);
            }
        }
    }
}

impl StepDraft {
    /// Where it stands.
    pub fn span(&self) -> &Span {
        match self {
            Self::Sound(step) => &step.span,
            Self::Faulty(faulty) => &faulty.span,
        }
    }
}
