//! A case made as small as it still differs, and kept.

use std::cell::RefCell;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use crate::difference::Difference;
use crate::plan::{Plan, Step};
use crate::settings::Settings;
use crate::{case, write};

/// The most attempts at making a case smaller.
const ATTEMPTS: u32 = 3_000;

/// How long the probes of a file that is kept wait: what the program does where nothing is said.
const PATIENT: &str = "2s";

/// Makes the case as small as `differs` still finds the difference in it, writes it to a file, prints
/// that, and says where it is.
pub fn keep(
    settings: &Settings,
    number: u64,
    first: &Difference,
    differs: impl Fn(&Plan) -> Option<Difference>,
) -> String {
    let config = Config {
        max_shrink_iters: ATTEMPTS,
        max_shrink_time: settings.shrinking,
        failure_persistence: None,
        ..Config::default()
    };
    let last = RefCell::new(first.clone());
    let result = TestRunner::new(config).run_one(case::tree(settings.seed, number), |plan| {
        match differs(&plan) {
            None => Ok(()),
            Some(difference) => {
                let words = difference.words.clone();
                *last.borrow_mut() = difference;
                Err(TestCaseError::fail(words))
            }
        }
    });
    let last = last.into_inner();
    let name = case::name(settings.seed, number);
    let (plan, note) = match result {
        Err(TestError::Fail(_, plan)) => (plan, ""),
        // What differs only now and then is a finding too: a race, of either side.
        Ok(_) | Err(TestError::Abort(_)) => (
            case::tree(settings.seed, number).current(),
            "\n# It did not differ again when it was to be made smaller.",
        ),
    };
    let mut text = String::new();
    let questions = plan.steps.iter().filter(|one| matches!(one, Step::Ask(_)));
    writeln!(text, "# Found by {name}: {}", last.words).unwrap();
    writeln!(text, "# {}{note}", last.flow).unwrap();
    text.push('\n');
    match write::write(&plan, &name, PATIENT) {
        Ok(scenario) => text.push_str(&scenario),
        Err(why) => return format!("{name}: {why}"),
    }
    let file = settings
        .findings
        .join(file_name(settings.seed, number, &last.kind));
    println!(
        "\n{} ({} questions):\n{text}",
        file.display(),
        questions.count()
    );
    match store(&file, &text) {
        Ok(()) => format!("{}: {}", file.display(), last.words),
        Err(why) => format!(
            "{name}: {} (not kept in {}: {why})",
            last.words,
            file.display()
        ),
    }
}

fn store(file: &Path, text: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(file.parent().unwrap_or(Path::new(".")))?;
    std::fs::write(file, text)
}

/// `1-42-predicted-reachable-measured-gate-peer-silent.toml`
fn file_name(seed: u64, number: u64, kind: &str) -> PathBuf {
    let words: Vec<String> = kind
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    PathBuf::from(format!("{seed}-{number}-{}.toml", words.join("-")))
}
