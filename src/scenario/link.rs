//! What a file says of links: `[link.N]`, and `degrade` of a step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::data::{Data, Value};
use super::reading::Reading;
use super::table::Table;
use super::value::{self, Errors};
use super::{Beside, Diagnostic, Placed, quantity};
use crate::cloud::LinkName;
use crate::cloud::soracom::SPEED_CLASSES;
use crate::lower::{LinkPlan, Way};
use crate::network::{BitRate, Burst, Chance, Loss, Queue, Radio, Rate, Reorder, Shape, Trace};

/// The keys of one direction.
pub(super) const WAY: &[&str] = &[
    "latency",
    "jitter",
    "rate",
    "trace",
    "queue",
    "loss",
    "reorder",
    "duplicate",
    "corrupt",
    "mtu",
];

pub(super) const LINK: &[&str] = &[
    "like",
    "latency",
    "jitter",
    "rate",
    "trace",
    "queue",
    "loss",
    "reorder",
    "duplicate",
    "corrupt",
    "mtu",
    "radio",
    "speed_classes",
    "up",
    "down",
];

pub(super) const DEGRADE: &[&str] = &[
    "latency",
    "jitter",
    "rate",
    "trace",
    "queue",
    "loss",
    "reorder",
    "duplicate",
    "corrupt",
    "mtu",
    "up",
    "down",
];

pub(super) const QUEUE: &[&str] = &["packets", "bytes"];
pub(super) const BURST: &[&str] = &["enter", "leave", "bad", "good"];
pub(super) const REORDER: &[&str] = &["chance", "late"];
pub(super) const RADIO: &[&str] = &["idle", "wake"];

/// The profile that every scenario has: a SIM's link as SORACOM's was measured.
pub(super) const CELLULAR: &str = "cellular";

/// What stands for the rate of a SIM's speed class.
const SPEED_CLASS: &str = "speed class";

/// A link to a device with its radio asleep, and awake: 32 to 57 ms from the device to the VPC and back, half
/// of it each way; the first packet after idling takes 0.95 to 1.6 s in all. That a radio sleeps after ten
/// seconds is what networks usually set (3GPP TS 36.331, inactivity).
pub(super) fn cellular() -> LinkPlan {
    let way = Way {
        shape: Shape {
            latency: Duration::from_micros(22_250),
            jitter: Duration::from_micros(6_250),
            radio: Some(Radio {
                idle: Duration::from_secs(10),
                wake_least: Duration::from_millis(918),
                wake_most: Duration::from_millis(1_543),
            }),
            ..Shape::default()
        },
        by_speed_class: true,
    };
    LinkPlan {
        ways: [way.clone(), way],
        speed_classes: BTreeMap::new(),
    }
}

/// What a table says of a link. What it does not name stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkTable {
    both: WayTable,
    /// Up and down, on top of `both`.
    ways: [WayTable; 2],
    radio: Option<Radio>,
    speed_classes: BTreeMap<String, BitRate>,
}

/// The same of one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct WayTable {
    latency: Option<Duration>,
    jitter: Option<Duration>,
    rate: Option<RateTable>,
    queue: Option<Queue>,
    loss: Option<Loss>,
    reorder: Option<Reorder>,
    duplicate: Option<Chance>,
    corrupt: Option<Chance>,
    mtu: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum RateTable {
    BySpeedClass,
    Fixed(Rate),
}

impl LinkTable {
    /// Whether it asks for the rate of a speed class, which only SIMs have.
    pub(super) fn needs_sim(&self) -> bool {
        let mut tables = [&self.both].into_iter().chain(&self.ways);
        tables.any(|table| table.rate == Some(RateTable::BySpeedClass))
    }

    /// The plan that this makes of another.
    pub(super) fn over(&self, plan: &LinkPlan) -> LinkPlan {
        let mut plan = plan.clone();
        for (way, own) in plan.ways.iter_mut().zip(&self.ways) {
            self.both.change(way);
            own.change(way);
            if self.radio.is_some() {
                way.shape.radio = self.radio;
            }
        }
        let classes = self.speed_classes.clone();
        plan.speed_classes.extend(classes);
        plan
    }
}

impl WayTable {
    fn change(&self, way: &mut Way) {
        let shape = &mut way.shape;
        let set = |to: &mut Duration, from: Option<Duration>| *to = from.unwrap_or(*to);
        set(&mut shape.latency, self.latency);
        set(&mut shape.jitter, self.jitter);
        shape.queue = self.queue.unwrap_or(shape.queue);
        shape.loss = self.loss.unwrap_or(shape.loss);
        shape.reorder = self.reorder.or(shape.reorder);
        shape.duplicate = self.duplicate.unwrap_or(shape.duplicate);
        shape.corrupt = self.corrupt.unwrap_or(shape.corrupt);
        shape.mtu = self.mtu.or(shape.mtu);
        match &self.rate {
            None => {}
            Some(RateTable::BySpeedClass) => way.by_speed_class = true,
            Some(RateTable::Fixed(rate)) => {
                way.by_speed_class = false;
                way.shape.rate = rate.clone();
            }
        }
    }
}

/// Reads `[link.N]`.
pub(super) fn profile(to: &mut Reading, name: &str, table: &Table<'_>) {
    if name == CELLULAR {
        to.errors.push(
            Diagnostic::error(
                table.span.clone(),
                format!("every scenario has the link `{CELLULAR}`"),
            )
            .help(format!(
                "give this one another name; with `like = \"{CELLULAR}\"` it differs from that one in \
                 what it says"
            )),
        );
        return;
    }
    let like = table.read("like", &mut to.errors, |key, value, errors| {
        value::word(key, &[(CELLULAR, ())], value, errors)
    });
    let beside = to.beside;
    let read = link_table(table, beside, &mut to.errors);
    let base = like.map_or_else(LinkPlan::default, |()| cellular());
    to.profiles.insert(name.to_owned(), read.over(&base));
}

/// Reads `degrade = { … }`.
pub(super) fn degrade(
    key: &str,
    value: &Value,
    beside: Option<Beside<'_>>,
    errors: &mut Errors,
) -> Option<LinkTable> {
    let before = errors.len();
    let table = Table::of_value("`degrade`", key, value, DEGRADE, errors)?;
    let read = link_table(&table, beside, errors);
    if errors.len() == before && read == LinkTable::default() {
        errors.push(
            Diagnostic::error(value.span.clone(), "`degrade` changes nothing")
                .help("as in { loss = \"30%\" } or { latency = \"500ms\", rate = \"32kbit/s\" }"),
        );
        return None;
    }
    Some(read)
}

fn link_table(table: &Table<'_>, beside: Option<Beside<'_>>, errors: &mut Errors) -> LinkTable {
    let mut direction = |key: &str| {
        let inner = table.read(key, errors, |key, value, errors| {
            let what = format!("`{key}` of a link");
            let table = Table::of_value(what, key, value, WAY, errors)?;
            Some(way(&table, beside, errors))
        });
        inner.unwrap_or_default()
    };
    let ways = [direction("up"), direction("down")];
    LinkTable {
        both: way(table, beside, errors),
        ways,
        radio: table.read("radio", errors, radio),
        speed_classes: table
            .read("speed_classes", errors, speed_classes)
            .unwrap_or_default(),
    }
}

fn way(table: &Table<'_>, beside: Option<Beside<'_>>, errors: &mut Errors) -> WayTable {
    let latency = table.read("latency", errors, quantity::delay);
    let jitter = table.read("jitter", errors, quantity::delay);
    if let (Some(latency), Some(jitter), Some(span)) = (latency, jitter, table.key_span("jitter"))
        && jitter > latency
    {
        errors.push(
            Diagnostic::error(span, "`jitter` is more than `latency`")
                .label("a frame would arrive before it is sent")
                .help("the latency varies by the jitter in both directions"),
        );
    }
    let rate = table.read("rate", errors, rate);
    let trace = table.read("trace", errors, |key, value, errors| {
        trace(key, value, beside, errors)
    });
    if let (Some(first), Some(second)) = (table.key_span("rate"), table.key_span("trace")) {
        errors.push(
            Diagnostic::error(second, "a link can't have both `rate` and `trace`")
                .related(first, "the rate")
                .help("leave one of them out: a trace is a rate that varies"),
        );
    }
    WayTable {
        latency,
        jitter,
        rate: trace.or(rate),
        queue: table.read("queue", errors, queue),
        loss: table.read("loss", errors, loss),
        reorder: table.read("reorder", errors, reorder),
        duplicate: table.read("duplicate", errors, quantity::chance),
        corrupt: table.read("corrupt", errors, quantity::chance),
        mtu: table.read("mtu", errors, |key, value, errors| {
            value::number(key, 68..=9_001, value, errors)
        }),
    }
}

fn rate(key: &str, value: &Value, errors: &mut Errors) -> Option<RateTable> {
    match value.as_text() {
        Some("unlimited") => Some(RateTable::Fixed(Rate::Unlimited)),
        Some(SPEED_CLASS) => Some(RateTable::BySpeedClass),
        Some("speed_class" | "speed-class") => {
            errors.push(
                Diagnostic::error(value.span.clone(), "this is not a rate")
                    .help(format!("write \"{SPEED_CLASS}\", with a space")),
            );
            None
        }
        _ => {
            let rate = quantity::rate(key, value, errors)?;
            Some(RateTable::Fixed(Rate::Constant(rate)))
        }
    }
}

fn trace(
    key: &str,
    value: &Value,
    beside: Option<Beside<'_>>,
    errors: &mut Errors,
) -> Option<RateTable> {
    let name = value::text(key, value, errors)?;
    let failed = |why: String| {
        Diagnostic::error(
            name.span.clone(),
            format!("failed to read the trace {:?}: {why}", name.value),
        )
    };
    let read = match beside {
        Some(beside) => beside(&name.value),
        None => Err("this file is read without those beside it".to_owned()),
    };
    let bytes = match read {
        Ok(bytes) => bytes,
        Err(why) => {
            errors.push(
                failed(why).help("a trace goes by its file's name, as seen from the scenario"),
            );
            return None;
        }
    };
    let Ok(text) = String::from_utf8(bytes) else {
        errors.push(failed("it is not text".to_owned()));
        return None;
    };
    match Trace::parse(&text) {
        Ok(trace) => Some(RateTable::Fixed(Rate::Trace(Arc::new(trace)))),
        Err(why) => {
            errors.push(
                failed(why.to_string())
                    .note("a trace is in mahimahi's format: on each line the time, in milliseconds, at which 1504 bytes may pass"),
            );
            None
        }
    }
}

fn queue(key: &str, value: &Value, errors: &mut Errors) -> Option<Queue> {
    let table = Table::of_value("a queue", key, value, QUEUE, errors)?;
    let frames = table.read("packets", errors, |key, value, errors| {
        value::number(key, 0..=1_000_000_usize, value, errors)
    });
    let bytes = table.read("bytes", errors, |key, value, errors| {
        value::number(key, 0..=1_000_000_000_usize, value, errors)
    });
    let usual = Queue::default();
    Some(Queue {
        frames: frames.unwrap_or(usual.frames),
        bytes: bytes.unwrap_or(usual.bytes),
    })
}

fn loss(key: &str, value: &Value, errors: &mut Errors) -> Option<Loss> {
    let Data::Table(_) = &value.data else {
        return quantity::chance(key, value, errors).map(Loss::Independent);
    };
    let table = Table::of_value("a loss in bursts", key, value, BURST, errors)?;
    let mut part = |key, example| table.require(key, example, errors, quantity::chance);
    let (enter, leave) = (part("enter", "\"1%\""), part("leave", "\"20%\""));
    let bad = table.read("bad", errors, quantity::chance);
    let good = table.read("good", errors, quantity::chance);
    Some(Loss::Burst(Burst {
        enter: enter?,
        leave: leave?,
        bad: bad.unwrap_or(Chance::ALWAYS),
        good: good.unwrap_or(Chance::NEVER),
    }))
}

fn reorder(key: &str, value: &Value, errors: &mut Errors) -> Option<Reorder> {
    let table = Table::of_value("reordering", key, value, REORDER, errors)?;
    let chance = table.require("chance", "\"1%\"", errors, quantity::chance);
    let late = table.require("late", "\"5ms\"", errors, quantity::delay);
    Some(Reorder {
        chance: chance?,
        late: late?,
    })
}

fn radio(key: &str, value: &Value, errors: &mut Errors) -> Option<Radio> {
    let table = Table::of_value("a radio", key, value, RADIO, errors)?;
    let idle = table.require("idle", "\"10s\"", errors, quantity::delay);
    let wake = table.require(
        "wake",
        "\"1.2s\"",
        errors,
        |key, value, errors| match &value.data {
            Data::List(_) => value::list(key, value, errors, quantity::delay),
            _ => quantity::delay(key, value, errors).map(|wake| vec![wake]),
        },
    );
    let (idle, wake) = (idle?, wake?);
    let (wake_least, wake_most) = match wake[..] {
        [wake] => (wake, wake),
        [least, most] if least <= most => (least, most),
        _ => {
            let span = table.key_span("wake").unwrap_or(table.span.clone());
            errors.push(
                Diagnostic::error(
                    span,
                    "`wake` is one duration, or the shortest and the longest",
                )
                .help("as in \"1.2s\" or [\"950ms\", \"1.6s\"]"),
            );
            return None;
        }
    };
    Some(Radio {
        idle,
        wake_least,
        wake_most,
    })
}

fn speed_classes(
    key: &str,
    value: &Value,
    errors: &mut Errors,
) -> Option<BTreeMap<String, BitRate>> {
    let names: Vec<&str> = SPEED_CLASSES.iter().map(|(name, _)| *name).collect();
    let Data::Table(items) = &value.data else {
        errors.push(
            value::wrong_kind(key, "a table", value).help("as in { \"s1.slow\" = \"64kbit/s\" }"),
        );
        return None;
    };
    let mut classes = BTreeMap::new();
    for (name, value) in items.iter() {
        if let Data::Table(_) = &value.data {
            // A name without quotes is several keys to TOML.
            errors.push(
                Diagnostic::error(name.span.clone(), "a speed class stands between quotes")
                    .help("as in \"s1.slow\" = \"64kbit/s\""),
            );
            continue;
        }
        let rate = quantity::rate(&name.value, value, errors);
        if !names.contains(&name.value.as_str()) {
            errors.push(super::table::unknown_key("SORACOM", name, &names));
            continue;
        }
        classes.extend(rate.map(|rate| (name.value.clone(), rate)));
    }
    Some(classes)
}

/// A table that says by which profile its link goes.
pub(super) struct Use {
    pub link: LinkName,
    pub profile: Placed<String>,
}

impl Reading<'_> {
    /// Reads the key that says which link something has.
    pub fn link(&mut self, table: &Table<'_>, key: &str, link: LinkName) {
        let Some(profile) = table.read(key, &mut self.errors, value::text) else {
            return;
        };
        if profile.value == CELLULAR || self.names.refer(&profile, &[super::names::Kind::Link]) {
            self.links.push(Use { link, profile });
        }
    }

    /// What the links do that tables name, and what is wrong with that.
    pub(super) fn plans(&mut self) -> BTreeMap<LinkName, LinkPlan> {
        let mut plans = BTreeMap::new();
        for Use { link, profile } in std::mem::take(&mut self.links) {
            let plan = if profile.value == CELLULAR {
                Some(cellular())
            } else {
                self.profiles.get(&profile.value).cloned()
            };
            let Some(plan) = plan else {
                continue;
            };
            let is_sim = matches!(link, LinkName::Sim(_));
            if !is_sim && plan.ways.iter().any(|way| way.by_speed_class) {
                self.errors.push(
                    Diagnostic::error(
                        profile.span,
                        format!(
                            "`{}` has the rate of a SIM's speed class, and the {link} has none",
                            profile.value
                        ),
                    )
                    .help("name a link with a `rate` of its own"),
                );
                continue;
            }
            plans.insert(link, plan);
        }
        plans
    }
}
