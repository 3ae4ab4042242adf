//! `docs/output.md`, "Explanations": every field of what `explain` says, and every kind of stop.

use std::collections::{BTreeMap, BTreeSet};

use canal_sim::explain::{Request, When, Who, explain};
use canal_sim::reach::Ask;
use canal_sim::scenario::{self, Moment, Scenario, StepKind, replay};
use serde_json::{Map, Value};

use super::page::{assert_generated, canal_sim, code_words, files, marked, read, table};

const PAGE: &str = "docs/output.md";

/// What has been seen: object → fields.
type Fields = BTreeMap<String, BTreeSet<String>>;

/// Everything that has been seen.
#[derive(Default)]
struct Seen {
    fields: Fields,
    /// Kind of stop → its fields.
    stops: Fields,
    /// The fields of a fate and of an answer, to tell whose a field of a whole object is.
    shared: BTreeSet<String>,
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap()
}

impl Seen {
    fn note(&mut self, name: &str, object: &Map<String, Value>, others: &BTreeSet<String>) {
        let fields = object.keys().filter(|key| !others.contains(*key));
        let known = self.fields.entry(name.to_owned()).or_default();
        known.extend(fields.cloned());
    }

    fn plain(&mut self, name: &str, value: &Value) {
        if let Some(object) = value.as_object() {
            self.note(name, object, &BTreeSet::new());
        }
    }

    /// What `flow`, `matrix` and so on hold beside what every object has.
    fn explained(&mut self, said: &Value) {
        let kind = said["explained"].as_str().unwrap();
        let mut others = self.shared.clone();
        others.insert("explained".to_owned());
        for at in ["at", "before_at", "after_at"] {
            self.plain("at", &said[at]);
        }
        match kind {
            "flow" => {
                self.note(kind, object(said), &others);
                self.answer(said);
            }
            "flow-change" => {
                self.note(
                    kind,
                    object(said),
                    &BTreeSet::from(["explained".to_owned()]),
                );
                self.plain("difference", &said["difference"]);
                self.answer(&said["before"]);
                self.answer(&said["after"]);
            }
            _ => {
                self.note(
                    kind,
                    object(said),
                    &BTreeSet::from(["explained".to_owned()]),
                );
                for cell in said["cells"].as_array().into_iter().flatten() {
                    self.note("cell", object(cell), &fate());
                }
                for change in said["changes"].as_array().into_iter().flatten() {
                    self.plain("change", change);
                    self.plain("fate", &change["after"]);
                }
            }
        }
    }

    fn answer(&mut self, answer: &Value) {
        let mut others = fate();
        others.extend(["explained".to_owned(), "at".to_owned()]);
        self.note("answer", object(answer), &others);
        self.plain("mend", &answer["mend"]);
        for doubt in answer["doubts"].as_array().unwrap() {
            self.plain("doubt", doubt);
        }
        for way in ["there", "back"] {
            for stop in answer[way].as_array().unwrap() {
                self.stop(object(stop));
            }
        }
    }

    fn stop(&mut self, stop: &Map<String, Value>) {
        let common = ["tunnelled", "passes", "place", "says", "kind"].map(str::to_owned);
        let common = BTreeSet::from(common);
        assert!(
            common.iter().all(|field| stop.contains_key(field)),
            "{stop:?}"
        );
        let known = self.fields.entry("stop".to_owned()).or_default();
        known.extend(common.iter().cloned());
        let own = stop.keys().filter(|key| !common.contains(*key)).cloned();
        let kind = stop["kind"].as_str().unwrap().to_owned();
        self.stops.entry(kind).or_default().extend(own);
    }
}

/// The fields of a fate, as they are documented.
fn fate() -> BTreeSet<String> {
    marked(&read(PAGE), "explain fields")["fate"].clone()
}

fn explained(scenario: &Scenario, who: Who, ask: Ask, when: When) -> Value {
    let explained = explain(scenario, &Request { who, ask, when }).unwrap();
    serde_json::to_value(explained).unwrap()
}

/// Every probe of every scenario, as a question.
fn every_probe(seen: &mut Seen) {
    let folders = ["scenarios", "tests/rules", "tests/links"];
    for file in folders.iter().flat_map(|folder| files(folder, "toml")) {
        let scenario = scenario::read(&file, read(&file).as_bytes()).unwrap();
        for (before, step) in scenario.steps.iter().enumerate() {
            let StepKind::Probe(probe) = &step.kind else {
                continue;
            };
            let moment = match before {
                0 => Moment::Start,
                _ => Moment::After(before),
            };
            let cloud = replay(&scenario, moment).unwrap().course.cloud;
            let (from, to) = (probe.from.value.clone(), probe.to.resolve(&cloud).unwrap());
            let ask = match probe.ask {
                scenario::Ask::Ping {
                    size,
                    dont_fragment,
                } => Ask::Ping {
                    size,
                    dont_fragment,
                },
                scenario::Ask::Udp { port } => Ask::Udp(port),
                scenario::Ask::Tcp { port } | scenario::Ask::Http { port, .. } => Ask::Tcp(port),
                scenario::Ask::Dns { .. } => Ask::Udp(53),
                scenario::Ask::Ntp => Ask::Udp(123),
            };
            let who = Who::One { from, to };
            seen.explained(&explained(&scenario, who, ask, When::At(moment)));
        }
    }
}

#[test]
fn every_field_and_every_kind_of_stop_is_documented_and_seen() {
    let page = read(PAGE);
    let documented = marked(&page, "explain fields");
    let mut seen = Seen {
        shared: documented["fate"]
            .union(&documented["answer"])
            .cloned()
            .collect(),
        ..Seen::default()
    };
    every_probe(&mut seen);
    let gate = "scenarios/gate.toml";
    let scenario = scenario::read(gate, read(gate).as_bytes()).unwrap();
    let (ping, changed) = (Ask::PING, When::Between(Moment::Start, Moment::After(14)));
    let (from, to) = ("server".to_owned(), "sensor".to_owned());
    seen.explained(&explained(&scenario, Who::One { from, to }, ping, changed));
    seen.explained(&explained(&scenario, Who::All, ping, changed));
    seen.explained(&explained(
        &scenario,
        Who::All,
        ping,
        When::At(Moment::After(14)),
    ));
    // Around all of it, what only the program knows.
    let mut command = canal_sim("explain");
    command.args([gate, "--all", "--ping", "--format", "json"]);
    let said = command.output().unwrap().stdout;
    let said: Value = serde_json::from_slice(&said).unwrap();
    seen.note("object", object(&said), &documented["matrix"]);

    assert_eq!(documented, seen.fields);
    let rows = table(&page, "stops");
    let stops: Fields = rows
        .iter()
        .map(|row| {
            let fields = code_words(row[1]).into_iter().map(str::to_owned);
            (code_words(row[0])[0].to_owned(), fields.collect())
        })
        .collect();
    assert_eq!(stops, seen.stops);
}

/// What the program shows, as a block of a page.
fn shown(arguments: &[&str]) -> String {
    let mut command = canal_sim("explain");
    command
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let quoted = arguments.iter().map(|argument| match argument {
        plain if !plain.contains([' ', '#']) => (*plain).to_owned(),
        other => format!("'{other}'"),
    });
    let line = quoted.collect::<Vec<_>>().join(" ");
    let text = String::from_utf8(output.stdout).unwrap();
    format!("```console\n$ canal-sim explain {line}\n{text}```\n")
}

#[test]
fn the_examples_are_the_programs() {
    let gate = "scenarios/gate.toml";
    let page = ["--from", "sensor", "--to", "server", "--tcp", "80"];
    let ask = |more: &[&str]| shown(&[&[gate], &page[..], more].concat());
    let explain = "docs/explain.md";
    let no_way_back = ask(&["--after", "accepted, but no way back"]);
    assert_generated("README.md", "explain", &no_way_back);
    let forgot = ["--from", "server", "--to", "sensor", "--ping"];
    let after = ["--after", "the security group forgot VXLAN"];
    assert_generated(
        explain,
        "flow",
        &shown(&[&[gate], &forgot[..], &after].concat()),
    );
    let matrix = shown(&[gate, "--all", "--tcp", "80", "--after", "#6"]);
    assert_generated(explain, "matrix", &matrix);
    assert_generated(explain, "change", &ask(&["--diff", "#5", "#6"]));
}
