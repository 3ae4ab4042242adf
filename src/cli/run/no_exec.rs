//! `--no-exec`: nothing that a scenario brings along is executed.

use crate::scenario::{Scenario, StepKind};

/// Why these scenarios are refused: nothing where none of them has a script.
pub fn refusal(scenarios: &[Scenario]) -> Option<String> {
    let places: Vec<String> = scenarios.iter().flat_map(scripts).collect();
    if places.is_empty() {
        return None;
    }
    Some(format!(
        "--no-exec: there are scripts at {}\n  to mend it: leave these steps out, or use --backend memory, \
         which executes nothing",
        places.join(", ")
    ))
}

/// Where the scenario has scripts.
fn scripts(scenario: &Scenario) -> impl Iterator<Item = String> {
    let source = &scenario.source;
    let scripts = scenario
        .steps
        .iter()
        .filter(|step| matches!(step.kind, StepKind::Run(_)));
    scripts.map(|step| format!("{}:{}", source.file, source.position(step.span.start).line))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::scenario::read;

    #[test]
    fn every_script_is_named_by_its_line() {
        let text = "[[step]]\non = \"pc\"\nrun = \"true\"\n\n[[step]]\nwait = \"1s\"\n\n\
                    [[step]]\non = \"pc\"\nrun = \"false\"\n";
        let scenario = read("a.toml", text.as_bytes()).unwrap();
        let said = refusal(&[scenario]).unwrap();
        assert!(said.contains("scripts at a.toml:1, a.toml:8\n"), "{said}");
        let quiet = read("b.toml", b"[[step]]\nwait = \"1s\"\n").unwrap();
        assert_eq!(refusal(&[quiet]), None);
    }
}
