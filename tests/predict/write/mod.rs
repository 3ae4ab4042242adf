//! A plan as the text of a scenario.

mod aws;
mod layout;
mod likely;
mod soracom;
mod steps;
mod toml;
mod tunnel;

use canal_sim::scenario;

use self::layout::Layout;
use self::steps::Steps;
use self::toml::Text;
use crate::plan::Plan;

/// Writes a plan as a scenario whose probes wait at most as long as `timeout` says (`"150ms"`).
///
/// # Errors
///
/// The tables, where the clouds refuse them: then this writer is wrong.
pub fn write(plan: &Plan, title: &str, timeout: &str) -> Result<String, String> {
    let layout = Layout::of(plan);
    let mut text = Text::default();
    text.set("title", title);
    aws::write(&mut text, &layout);
    soracom::write(&mut text, &layout);
    let wrong = |why: String| format!("{why}\n{}", text.0);
    let scenario =
        scenario::read(title, text.0.as_bytes()).map_err(|why| wrong(why.to_string()))?;
    let (cloud, now) = scenario::build(&scenario).map_err(|list| {
        let messages: Vec<String> = list.into_iter().map(|one| one.message).collect();
        wrong(messages.join("\n"))
    })?;
    let mut steps = Steps::new(&layout, cloud, now, timeout, text);
    steps.open();
    for step in &plan.steps {
        steps.write(step);
    }
    Ok(steps.done())
}
