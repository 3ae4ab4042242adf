//! `docs/scenarios.md`: the scenario language.

use std::collections::{BTreeMap, BTreeSet};

use canal_sim::cloud::Cloud;
use canal_sim::cloud::soracom::SPEED_CLASSES;
use canal_sim::network::BitRate;
use canal_sim::scenario::vocabulary::{self, Operation};
use canal_sim::scenario::{build, read as read_scenario};

use super::page::{
    assert_generated, blocks, canal_sim, code_words, files, marked, one_line, pages, read, table,
};

const PAGE: &str = "docs/scenarios.md";

#[test]
fn every_scenario_in_a_page_is_one() {
    let mut whole = 0;
    for (path, text) in pages() {
        for (info, block) in blocks(&text) {
            match info {
                "toml,fragment" => {
                    let table: Result<toml::Table, _> = block.parse();
                    table.unwrap_or_else(|error| panic!("{path}: {error}\n{block}"));
                }
                "toml" => {
                    let file = tempfile::NamedTempFile::new().unwrap();
                    std::fs::write(file.path(), &block).unwrap();
                    let output = canal_sim("check").arg(file.path()).output().unwrap();
                    let said = String::from_utf8_lossy(&output.stderr);
                    assert!(output.status.success(), "{path}: {said}");
                    whole += 1;
                }
                info => assert!(!info.contains("toml"), "{path}: {info}"),
            }
        }
    }
    assert!(whole > 0);
}

#[test]
fn every_table_and_every_key_has_its_row() {
    let documented = marked(&read(PAGE), "keys");
    let known: BTreeMap<String, BTreeSet<String>> = vocabulary::places()
        .into_iter()
        .map(|place| {
            let keys = place.keys.iter().map(|key| (*key).to_owned());
            (place.name, keys.collect())
        })
        .collect();
    assert_eq!(documented, known);
}

fn operations(of: &[Operation]) -> String {
    let mut text = "| operation | parameter | value | meaning |\n|---|---|---|---|\n".to_owned();
    for operation in of {
        let meaning = one_line(operation.meaning);
        text.push_str(&format!("| **`{}`** | | | {meaning} |\n", operation.name));
        for parameter in &operation.parameters {
            let required = if parameter.required {
                ", *required*"
            } else {
                ""
            };
            text.push_str(&format!(
                "| | `{}` | {}{required} | {} |\n",
                parameter.name,
                parameter.value,
                one_line(parameter.meaning)
            ));
        }
    }
    text
}

/// SORACOM's codes and what they are for: the constants of `error.rs`, with their comments.
fn soracom_codes() -> String {
    let mut text = "| code | when |\n|---|---|\n".to_owned();
    let mut comment = String::new();
    for line in read("src/cloud/soracom/error.rs").lines() {
        if let Some(more) = line.strip_prefix("/// ") {
            comment.push_str(more);
            comment.push(' ');
        } else if line.starts_with("pub(super) const ") {
            let code = line.split('"').nth(1).expect("a code");
            text.push_str(&format!("| `{code}` | {} |\n", one_line(&comment)));
            comment.clear();
        } else {
            comment.clear();
        }
    }
    text
}

#[test]
fn operations_and_codes_are_the_codes() {
    for (mark, wanted) in [
        ("aws operations", operations(&vocabulary::aws_operations())),
        (
            "soracom operations",
            operations(&vocabulary::soracom_operations()),
        ),
        ("soracom codes", soracom_codes()),
    ] {
        assert_generated(PAGE, mark, &wanted);
    }
}

/// The codes with which the AWS side refuses: string literals that are the first argument of what makes
/// a refusal, or the code of a kind that is not found.
fn aws_codes() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for path in files("src/cloud/aws", "rs") {
        let text = read(&path);
        let code = &text[..text.find("#[cfg(test)]").unwrap_or(text.len())];
        for call in ["refuse(", "unknown(", "ApiError::aws("] {
            for (at, _) in code.match_indices(call) {
                let argument = code[at + call.len()..].trim_start();
                let literal = argument.strip_prefix('"');
                let literal = literal.and_then(|rest| rest.split('"').next());
                codes.extend(literal.map(str::to_owned));
            }
        }
        let words = code.split('"').filter(|word| word.ends_with("ID.NotFound"));
        codes.extend(words.map(str::to_owned));
    }
    codes
}

#[test]
fn every_code_of_aws_has_its_row() {
    let documented = marked(&read(PAGE), "codes");
    assert_eq!(documented["aws"], aws_codes());
}

/// Both clouds with something of every kind.
fn everything() -> Cloud {
    let text = read("tests/check/everything.toml");
    let scenario = read_scenario("everything.toml", text.as_bytes()).unwrap();
    build(&scenario).unwrap().0
}

#[test]
fn every_attribute_is_named() {
    let cloud = everything();
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let names: BTreeSet<String> = (cloud.aws.names().chain(cloud.soracom.names()))
        .map(|(_, name)| name)
        .collect();
    for name in &names {
        let found = cloud.aws.values(name).into_iter();
        for (kind, attributes) in found.chain(cloud.soracom.values(name, &cloud.aws)) {
            let attributes = attributes.into_keys().map(str::to_owned);
            known.entry(kind.to_owned()).or_default().extend(attributes);
        }
    }
    let page = read(PAGE);
    let documented: BTreeMap<String, BTreeSet<String>> = table(&page, "attributes")
        .into_iter()
        .map(|row| {
            // What stands in brackets explains.
            let list: String = row[1]
                .split('(')
                .enumerate()
                .map(|(i, part)| match part.split_once(')') {
                    Some((_, rest)) if i > 0 => rest,
                    _ => part,
                })
                .collect();
            let attributes = code_words(&list).into_iter().map(str::to_owned).collect();
            (code_words(row[0])[0].to_owned(), attributes)
        })
        .collect();
    assert_eq!(documented, known);
}

#[test]
fn the_speed_classes_are_the_codes() {
    let page = read(PAGE);
    let documented: Vec<(String, String)> = table(&page, "speed classes")
        .into_iter()
        .map(|row| (code_words(row[0])[0].to_owned(), row[1].to_owned()))
        .collect();
    let known = SPEED_CLASSES.map(|(name, bits)| {
        let rate = BitRate::new(bits).unwrap();
        (name.to_owned(), rate.to_string())
    });
    assert_eq!(documented, known);
}
