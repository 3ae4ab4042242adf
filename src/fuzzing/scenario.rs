//! The scenario reader: every diagnostic points into the file, and what is found fit can be carried out on the
//! pure clouds, lowered and explained.

use crate::lower::lower;
use crate::run::world;
use crate::scenario::{Diagnostics, Moment, Scenario, examine, read, replay};

/// Any bytes as a scenario file.
pub fn scenario(bytes: &[u8]) {
    let (scenario, diagnostics) = examine("x.toml", bytes);
    look(&diagnostics);
    let again = examine("x.toml", bytes);
    assert_eq!(
        (scenario.is_some(), &diagnostics),
        (again.0.is_some(), &again.1)
    );
    match (read("x.toml", bytes), scenario) {
        (Err(wrong), None) => look(&wrong),
        (Err(wrong), Some(_)) => panic!("fit and unfit: {wrong}"),
        (Ok(_), None) => assert!(!diagnostics.list.is_empty()),
        (Ok(_), Some(scenario)) => carry_out(&scenario),
    }
}

/// Every place lies in the text, and begins and ends with a character.
fn look(diagnostics: &Diagnostics) {
    let text = &*diagnostics.source.text;
    for one in &diagnostics.list {
        assert!(!one.message.is_empty());
        for label in std::iter::once(&one.primary).chain(&one.related) {
            let span = label.span.clone();
            assert!(text.get(span.clone()).is_some(), "{span:?}: {one:?}");
        }
    }
    let shown = diagnostics.render(false);
    assert_eq!(shown.is_empty(), diagnostics.list.is_empty());
}

/// What was found fit can be carried out, on the clouds alone.
fn carry_out(scenario: &Scenario) {
    let end = Moment::After(scenario.steps.len());
    let all = replay(scenario, end);
    let all = all.unwrap_or_else(|why| panic!("found fit, and then: {why}"));
    let world = world(scenario);
    let network = lower(&all.course.cloud, &world);
    assert_eq!(network, lower(&all.course.cloud, &world));
}
