//! Many runs: at the same time, one after another, and within one process. Each has the same addresses, and none knows of
//! another; nothing grows from run to run.
//!
//! `CANAL_SIM_RUNS` says how many run one after another; `scripts/soak.sh` gives the figures of many.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Starting the program is what these tests do.
#![allow(clippy::disallowed_methods)]

mod support {
    pub mod apart;
    pub mod figures;
    pub mod inventory;
    pub mod namespaces;
    pub mod program;
}

use std::process::{Child, ExitCode, Stdio};
use std::time::{Duration, Instant};

use canal_sim::backend::kernel::Kernel;
use canal_sim::backend::memory::Memory;
use canal_sim::run::{Options, Outcome, run_scenario};
use canal_sim::scenario::{self, Scenario};
use libtest_mimic::{Arguments, Failed, Trial};
use support::apart::{self, World};
use support::figures::{self, Course, Group, OWN};
use support::inventory::Inventory;
use support::namespaces;
use support::program::{self, Open, Run, can_become_others, tell};

/// How many run at the same time.
const AT_ONCE: usize = 32;

/// How many run one after another where nobody says.
const IN_A_ROW: usize = 30;

/// Runs before the first figure: what is made once for all has been made then.
const WARM_UP: usize = 10;

/// How many figures are taken.
const FIGURES: usize = 10;

/// Bytes that one network namespace takes at the least. A run of `gate.toml` makes thirteen.
const NAMESPACE: f64 = 100.0 * 1024.0;

/// So many runs in a row for each processor are enough to tell such a growth.
const FOR_EACH_PROCESSOR: usize = 6;

/// Bytes of the kernel's memory by which a run may seem to grow: what is counted is rounded by the kernel to some 64 pages
/// for each processor.
fn most_growth(runs: usize) -> f64 {
    let rounding = (2 * 64 * 4096 * processors()) as f64;
    4096.0 + rounding / runs as f64
}

/// Objects of the machine's that a run may seem to leave: fewer than one, or a leak in every run is none.
const MOST_OBJECTS: f64 = 0.5;

/// What is counted over the whole machine, of what every run makes and must give back.
const OBJECTS: [&str; 3] = ["net_namespace", "pid_namespace", "nsproxy"];

/// Open files that a run may seem to leave. Each processor keeps a count of up to 32, or two for each processor, to itself
/// (`percpu_counter_batch`), which many a kernel leaves out of the sum that it tells.
fn most_files(runs: usize) -> f64 {
    let kept = 32.max(2 * processors()) * processors();
    MOST_OBJECTS + 2.0 * kept as f64 / runs as f64
}

fn processors() -> usize {
    std::thread::available_parallelism().unwrap().get()
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let as_root = nix::unistd::geteuid().is_root() && can_become_others();
    if !arguments.list {
        if apart::here().is_none() && !as_root {
            tell("root's runs, because these tests are not started as root");
        }
        let worlds = [World::Machine, World::Counted];
        let worlds = if as_root { &worlds[..] } else { &worlds[1..] };
        if let Some(code) = apart::enter(worlds) {
            return code;
        }
    }
    // One at a time: each looks for what it has left.
    arguments.test_threads = Some(1);
    let mut trials = Vec::new();
    for (who, world) in [("root", World::Machine), ("somebody", World::Counted)] {
        if apart::here().is_some_and(|here| here != world) {
            continue;
        }
        let mut add = |name: &str, test: fn(World) -> Result<(), Failed>| {
            trials.push(Trial::test(format!("{who}::{name}"), move || test(world)));
        };
        add("runs_at_the_same_time_do_not_meet", at_once);
        add("runs_in_a_row_take_no_more_and_no_more", in_a_row);
        if world == World::Machine {
            add("runs_within_one_process_take_no_more_and_no_more", within);
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn start(place: &Open, world: World, number: usize) -> Child {
    let mut command = match world {
        World::Machine => place.same_user(),
        World::Counted => place.somebody(),
    };
    let report = place.folder.path().join(format!("reports/{number}.xml"));
    command
        .arg("run")
        .arg(place.folder.path().join("gate.toml"))
        .args(["--format", "json", "--backend", "kernel", "--junit"])
        .arg(report)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn place() -> Open {
    let place = Open::new();
    place.scenario("gate", &program::shipped_text("gate"));
    let reports = place.folder.path().join("reports");
    std::fs::create_dir(&reports).unwrap();
    program::open(&reports, 0o777);
    place
}

/// What a run came to, less what differs from run to run: when, and by which port.
fn verdicts(run: &Run) -> Vec<String> {
    let verdict = |step: &&serde_json::Value| {
        let detail = &step["detail"];
        let fields = [
            "outcome",
            "reason",
            "resource",
            "seen_from",
            "ttl",
            "path",
            "end",
            "stdout",
        ];
        let fields: Vec<String> = fields.map(|name| detail[name].to_string()).into();
        format!("{} {} {}", step["step"], step["status"], fields.join(" "))
    };
    run.steps().iter().map(verdict).collect()
}

fn at_once(world: World) -> Result<(), Failed> {
    let place = place();
    let before = Inventory::take();
    let alone = Run::read(&start(&place, world, AT_ONCE).wait_with_output().unwrap());
    assert_eq!(alone.code, Some(0), "{}", alone.tale());
    let wanted = verdicts(&alone);
    assert!(wanted.len() > 15, "{wanted:?}");
    let runs: Vec<Child> = (0..AT_ONCE)
        .map(|number| start(&place, world, number))
        .collect();
    let readers: Vec<_> = runs
        .into_iter()
        .map(|run| std::thread::spawn(|| Run::read(&run.wait_with_output().unwrap())))
        .collect();
    let runs: Vec<Run> = readers.into_iter().map(|run| run.join().unwrap()).collect();
    for run in &runs {
        assert_eq!(run.code, Some(0), "{}", run.tale());
        assert_eq!(verdicts(run), wanted);
    }
    let reports = place.folder.path().join("reports");
    for entry in std::fs::read_dir(&reports).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.trim_end().ends_with("</testsuites>"), "{path:?}");
        std::fs::remove_file(path).unwrap();
    }
    let gone = before.returns()?;
    eprintln!(
        "figures: {AT_ONCE} runs at the same time, all with the same verdicts; nothing left {} ms after the last",
        gone.as_millis()
    );
    Ok(())
}

fn runs() -> usize {
    let asked = std::env::var("CANAL_SIM_RUNS").ok();
    let enough = || IN_A_ROW.max(FOR_EACH_PROCESSOR * processors());
    asked.map_or_else(enough, |text| text.parse().unwrap())
}

/// How long is waited for other programs on the machine to let go of what they have.
const PATIENCE: Duration = Duration::from_secs(30);

/// Says what growth nobody has looked for.
fn not_checked(what: &str, why: &str) {
    eprintln!("not checked here: {what}, because {why}");
}

/// Does it so many times, after a warm-up, and looks at the figures now and then.
fn course(
    count: usize,
    group: Option<&Group>,
    mut once: impl FnMut() -> Result<(), Failed>,
) -> Result<Course, Failed> {
    let mut course = Course::default();
    for number in 0..=WARM_UP + count {
        if let Some(run) = number.checked_sub(WARM_UP) {
            let part = |run: usize| run * FIGURES / count;
            if run == 0 || part(run) > part(run - 1) {
                course.note(run, figures::take(group));
            }
        }
        once()?;
    }
    eprint!("{}", course.table());
    Ok(course)
}

fn in_a_row(world: World) -> Result<(), Failed> {
    let place = place();
    let before = Inventory::take();
    a_leak_is_seen(&before)?;
    let group = Group::enter();
    let count = runs();
    let mut course = course(count, group.as_ref(), || {
        let run = Run::read(&start(&place, world, 0).wait_with_output().unwrap());
        std::fs::remove_file(place.folder.path().join("reports/0.xml"))?;
        // So that each figure is of a machine on which all is gone.
        match world {
            World::Machine => before.seems_to_return()?,
            World::Counted => before.returns()?,
        };
        match run.code {
            Some(0) => Ok(()),
            _ => Err(run.tale().into()),
        }
    })?;
    drop(group);
    before.returns()?;
    eprintln!("figures: {count} runs in a row");
    nothing_grows(&mut course, count);
    Ok(())
}

/// A namespace that is kept for each run is told from noise, where namespaces are counted at all.
fn a_leak_is_seen(before: &Inventory) -> Result<(), Failed> {
    let began = Instant::now();
    loop {
        let mut kept = Vec::new();
        let mut course = Course::default();
        for run in 0..FIGURES {
            kept.push(namespaces::held());
            course.note(run, figures::take(None));
        }
        match course.growth_of_least(OBJECTS[0]) {
            // What other programs let go of meanwhile would hide it.
            Some(growth) if growth < MOST_OBJECTS => {
                assert!(
                    began.elapsed() < PATIENCE,
                    "a leak is not seen: {growth} a run"
                );
            }
            _ => break,
        }
    }
    before.returns()?;
    Ok(())
}

/// Looks at what is this program's own, or else at what the whole machine has.
fn nothing_grows(course: &mut Course, count: usize) {
    match course.growth(OWN) {
        Some(growth) if most_growth(count) < NAMESPACE => {
            assert!(growth < most_growth(count), "{growth} bytes a run");
            return;
        }
        Some(_) => not_checked(OWN, "that takes more runs on so many processors"),
        None => not_checked(OWN, "no control group that counts it can be made"),
    }
    let mut most: Vec<(&str, f64)> = OBJECTS.map(|name| (name, MOST_OBJECTS)).into();
    most.push(("file-nr", most_files(count)));
    for (name, most) in most {
        let began = Instant::now();
        while let Some(growth) = course.growth_of_least(name) {
            if growth < most {
                eprintln!("figures: {name}: {growth:+.2} a run over the whole machine");
                break;
            }
            // What other programs have meanwhile goes again; a leak stays.
            assert!(began.elapsed() < PATIENCE, "{name}: {growth} a run");
            std::thread::sleep(Duration::from_millis(100));
            course.note(count, figures::take(None));
        }
        if course.growth_of_least(name).is_none() {
            not_checked(&format!("the machine's {name}"), "the kernel doesn't tell");
        }
    }
}

fn within(_: World) -> Result<(), Failed> {
    let text = program::shipped_text("gate");
    let scenario = scenario::read("gate.toml", text.as_bytes()).unwrap();
    let count = (runs() / 5).max(20);
    // What the first run makes once for all (the runtime's own pair of sockets) is there before.
    passed(&on_a_runtime(&scenario)?)?;
    let before = Inventory::take();
    let kernel = course(count, None, || {
        passed(&on_a_runtime(&scenario)?)?;
        // A thread that takes its leave by itself, as the listener to drops does, is gone before the next.
        Ok(before.seems_to_return().map(drop)?)
    })?;
    before.returns()?;
    let memory = course(count, None, || {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let mut memory = Memory::new(1);
        let outcome = runtime.block_on(async {
            run_scenario(&scenario, &mut memory, Options::default(), &mut |_| {}).await
        });
        passed(&outcome)
    })?;
    eprintln!("figures: {count} runs within one process, on either backend");
    // A page of its own for every run would be more; what the allocator keeps settles within the first runs.
    let most = 4096.0 + f64::from(1 << 20) / count as f64;
    for course in [kernel, memory] {
        for (name, most) in [("descriptors", 0.05), ("threads", 0.05), ("VmRSS", most)] {
            let growth = course.growth(name).unwrap();
            assert!(growth < most, "{name}: {growth} a run");
        }
    }
    Ok(())
}

fn on_a_runtime(scenario: &Scenario) -> std::io::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(on_the_kernel(scenario)))
}

async fn on_the_kernel(scenario: &Scenario) -> Outcome {
    let mut kernel = match Kernel::new().await {
        Ok(kernel) => kernel,
        Err(error) => return Outcome::Broken(error),
    };
    run_scenario(scenario, &mut kernel, Options::default(), &mut |_| {}).await
}

fn passed(outcome: &Outcome) -> Result<(), Failed> {
    match outcome {
        Outcome::Passed | Outcome::Skipped => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}
