//! Actions that are written as steps are read as what they were.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use canal_sim::cloud::Action;
use canal_sim::scenario::{self, StepKind};

use crate::any::action::step;
use crate::any::cases;

/// The action of a file's one step, if the reader of scenarios has nothing against it.
fn read_back(text: &str) -> Option<Action> {
    let scenario = scenario::read("written", text.as_bytes()).ok()?;
    let [step] = &scenario.steps[..] else {
        panic!("not one step: {text}");
    };
    let StepKind::Do(step) = &step.kind else {
        panic!("not an action: {text}");
    };
    Some(step.action(&scenario.source, &Default::default()).unwrap())
}

/// The text says what the action is. Gives whether a scenario may hold it: some random values are
/// nonsense, which the clouds refuse, and the reader before them.
fn holds(action: &Action) -> bool {
    let (Ok(line), Ok(step)) = (action.line(), action.step()) else {
        let name = action.name();
        assert_eq!(name, "putConfigurationParameters", "{action:?}");
        return false;
    };
    let mut table: toml::Table = toml::from_str(&format!("step = {{ {line} }}")).unwrap();
    let Some(toml::Value::Table(mut parameters)) = table.remove("step") else {
        panic!("{line}");
    };
    let name = parameters.remove("do").unwrap();
    let again = Action::read(name.as_str().unwrap(), toml::Value::Table(parameters));
    assert_eq!(again.unwrap().as_ref(), Ok(action), "{line}");
    match read_back(&step) {
        Some(again) => {
            assert_eq!(&again, action, "{step}");
            true
        }
        None => false,
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn what_is_written_is_read_as_the_same(step in step()) {
        holds(&step.action);
    }
}

/// The reader of scenarios takes some action of every operation: otherwise the law above would prove
/// little of it.
#[test]
fn every_operation_is_written_and_read() {
    let mut runner = TestRunner::deterministic();
    let mut read = BTreeSet::new();
    for _ in 0..6000 {
        let action = step().new_tree(&mut runner).unwrap().current().action;
        if holds(&action) {
            read.insert(action.name());
        }
    }
    assert_eq!(read, Action::names().collect());
}
