//! Many cases, side by side.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use canal_sim::backend::kernel::capabilities;
use libtest_mimic::Failed;
use proptest::strategy::ValueTree;

use crate::both;
use crate::difference::{Difference, Verdict, judge};
use crate::hold::{Held, Place, hold};
use crate::plan::Plan;
use crate::settings::Settings;
use crate::tally::Tally;
use crate::{case, minimal, write};

/// How long a probe waits. What the network lets through arrives in a few milliseconds; only what dies
/// without a word of its own takes all of it.
const SHORT: &str = "150ms";

/// How long it waits where the short time alone spoke against the prediction: on a machine with much else
/// to do, an answer or a report may come late. Shorter than a second, after which TCP and ARP ask again
/// (RFC 6298, section 2.1; `retrans_time_ms`, arp(7)), so that a packet that was lost stays lost.
const LONG: &str = "900ms";

/// The capability without which some packets die without evidence.
const DROP_REASONS: &str = "the kernel's own drop reasons";

/// How many differences of one kind are told; only the first is made small.
const TOLD: usize = 3;

/// One case and what differs in it.
struct Finding {
    number: u64,
    difference: Difference,
}

/// What came of one case.
struct Examined {
    held: Held,
    differences: Vec<Difference>,
    skipped: Vec<&'static str>,
    /// What the kernel measured otherwise than the network in memory.
    apart: Vec<String>,
}

/// How long a probe waits in memory, where waiting takes no time.
const VIRTUAL: &str = "2s";

/// Where and how cases are run.
struct Ground {
    place: Place,
    /// Whether the kernel gives its reasons for its own drops.
    told: bool,
    /// How long probes wait at first, and where the end of that time alone decided.
    timeouts: [&'static str; 2],
}

/// Runs many cases on the kernel, and each in memory too.
///
/// # Errors
///
/// Every kind of difference, with the file that shows it.
pub fn on_the_kernel() -> Result<(), Failed> {
    let settings = Settings::read();
    let told = capabilities::probe()
        .list
        .iter()
        .any(|one| one.name == DROP_REASONS && one.available);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let ground = Ground {
        place: Place::Kernel(runtime.handle().clone()),
        told,
        timeouts: [SHORT, LONG],
    };
    let done = all(&settings, &ground);
    // Namespaces still go down.
    drop(runtime);
    done
}

/// Runs many more in memory.
///
/// # Errors
///
/// Every kind of difference, with the file that shows it.
pub fn in_memory() -> Result<(), Failed> {
    let settings = Settings::in_memory();
    let ground = Ground {
        place: Place::Memory,
        told: true,
        timeouts: [VIRTUAL; 2],
    };
    all(&settings, &ground)
}

/// Runs them all and prints what came of it.
fn all(settings: &Settings, ground: &Ground) -> Result<(), Failed> {
    println!(
        "seed {}, cases {} to {}",
        settings.seed,
        settings.first,
        settings.first + settings.topologies.saturating_sub(1)
    );
    let began = Instant::now();
    let next = AtomicU64::new(settings.first);
    let enough = AtomicBool::new(false);
    let tally = Mutex::new(Tally::default());
    let found = Mutex::new((Vec::new(), Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..settings.jobs {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let over = settings.time.is_some_and(|time| began.elapsed() > time);
                    if over
                        || enough.load(Ordering::Relaxed)
                        || number >= settings.first.saturating_add(settings.topologies)
                    {
                        return;
                    }
                    let plan = case::tree(settings.seed, number).current();
                    let name = case::name(settings.seed, number);
                    let examined = match second_look(ground, &plan, &name, &tally) {
                        Ok(examined) => examined,
                        Err(why) => {
                            found.lock().unwrap().1.push(format!("{name}: {why}"));
                            continue;
                        }
                    };
                    let mut tally = tally.lock().unwrap();
                    tally.count(&examined.held);
                    for why in examined.skipped {
                        tally.skip(why);
                    }
                    let wrong = !examined.differences.is_empty()
                        || !examined.held.broken.is_empty()
                        || !examined.apart.is_empty();
                    enough.fetch_or(settings.stop && wrong, Ordering::Relaxed);
                    let mut found = found.lock().unwrap();
                    let broken = examined.held.broken.into_iter();
                    let broken = broken.chain(examined.apart);
                    found.1.extend(broken.map(|why| format!("{name}: {why}")));
                    found.0.extend(
                        examined
                            .differences
                            .into_iter()
                            .map(|difference| Finding { number, difference }),
                    );
                }
            });
        }
    });
    let real = matches!(ground.place, Place::Kernel(_));
    tally
        .lock()
        .unwrap()
        .print(began.elapsed(), settings.jobs, real);
    let (findings, broken) = found.into_inner().unwrap();
    let mut complaints = broken;
    complaints.extend(tell(ground, settings, findings));
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(complaints.join("\n").into())
    }
}

/// Runs a plan; once more with more time, where only the end of the time spoke against the prediction.
///
/// That hides no race: what is compared in the end is the second measurement, of a network made anew, and
/// the time that it has is too short for anything to be sent twice. How often it was needed is printed.
fn second_look(
    ground: &Ground,
    plan: &Plan,
    name: &str,
    tally: &Mutex<Tally>,
) -> Result<Examined, String> {
    let [short, long] = ground.timeouts;
    let first = look(ground, plan, name, short)?;
    let differences = &first.differences;
    let waited = differences.iter().all(|one| one.waited_out);
    if short == long || (differences.is_empty() && first.apart.is_empty()) || !waited {
        return Ok(first);
    }
    let second = look(ground, plan, name, long)?;
    tally
        .lock()
        .unwrap()
        .second_look(second.differences.is_empty() && second.apart.is_empty());
    Ok(second)
}

fn look(ground: &Ground, plan: &Plan, name: &str, timeout: &str) -> Result<Examined, String> {
    let began = Instant::now();
    let text = write::write(plan, name, timeout)?;
    let wrote = began.elapsed();
    let mut held = hold(&ground.place, name, &text);
    held.times.reading += wrote;
    let (mut differences, mut skipped) = (Vec::new(), Vec::new());
    for (at, probe) in held.probes.iter().enumerate() {
        match judge(probe, ground.told, &held.probes[..at]) {
            Verdict::Agrees => {}
            Verdict::Differs(difference) => differences.push(difference),
            Verdict::Skipped(why) => skipped.push(why),
        }
    }
    let apart = match ground.place {
        Place::Memory => Vec::new(),
        Place::Kernel(_) => {
            let memory = hold(&Place::Memory, name, &text);
            let mut apart = both::differences(&held, &memory, ground.told);
            apart.extend(
                memory
                    .broken
                    .into_iter()
                    .map(|why| format!("in memory: {why}")),
            );
            apart
        }
    };
    Ok(Examined {
        held,
        differences,
        skipped,
        apart,
    })
}

/// Tells of each kind of difference, and makes the first case of it small.
fn tell(ground: &Ground, settings: &Settings, findings: Vec<Finding>) -> Vec<String> {
    let mut kinds: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for finding in findings {
        let kind = finding.difference.kind.clone();
        kinds.entry(kind).or_default().push(finding);
    }
    for (kind, list) in &mut kinds {
        list.sort_by_key(|one| (one.number, one.difference.line));
        println!("\n{} × {kind}", list.len());
        for one in list.iter().take(TOLD) {
            println!(
                "  case {}: {}: {}",
                one.number, one.difference.flow, one.difference.words
            );
        }
    }
    let mut complaints = Vec::new();
    for (kind, list) in &kinds {
        let Some(first) = list.first() else { continue };
        let name = case::name(settings.seed, first.number);
        let differs = |plan: &Plan, timeout| {
            let examined = look(ground, plan, &name, timeout).ok()?;
            let mut differences = examined.differences.into_iter();
            differences.find(|one| one.kind == *kind)
        };
        let differs = |plan: &Plan| {
            // The short time says most of what is tried out.
            let [short, long] = ground.timeouts;
            let difference = differs(plan, short)?;
            if difference.waited_out {
                differs(plan, long)
            } else {
                Some(difference)
            }
        };
        let complaint = minimal::keep(settings, first.number, &first.difference, differs);
        complaints.push(complaint);
    }
    complaints
}
