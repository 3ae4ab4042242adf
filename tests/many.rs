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

use canal_sim::backend::kernel::Kernel;
use canal_sim::backend::memory::Memory;
use canal_sim::run::{Options, Outcome, run_scenario};
use canal_sim::scenario::{self, Scenario};
use libtest_mimic::{Arguments, Failed, Trial};
use support::apart::{self, World};
use support::figures::{self, Course, Group, OWN};
use support::inventory::Inventory;
use support::program::{self, Open, Run, can_become_others, tell};

/// How many run at the same time.
const AT_ONCE: usize = 32;

/// How many run one after another where nobody says.
const IN_A_ROW: usize = 30;

/// Runs before the first figure: what is made once for all has been made then.
const WARM_UP: usize = 10;

/// How many figures are taken.
const FIGURES: usize = 10;

/// Bytes of the kernel's memory by which a run may seem to grow. One network namespace takes more than 100 KiB, and a run of
/// `gate.toml` makes thirteen; what is counted is rounded by the kernel to some 64 pages for each processor, which
/// over this many runs comes to less than this.
fn most_growth(runs: usize) -> f64 {
    let processors = std::thread::available_parallelism().unwrap().get();
    let rounding = (2 * 64 * 4096 * processors) as f64;
    4096.0 + rounding / runs as f64
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
    asked.map_or(IN_A_ROW, |text| text.parse().unwrap())
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
    let group = Group::enter();
    if group.is_none() {
        tell("the kernel's memory by a control group of its own, because none can be made here");
    }
    let count = runs();
    let course = course(count, group.as_ref(), || {
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
    if let Some(growth) = course.growth(OWN) {
        assert!(growth < most_growth(count), "{growth} bytes a run");
    }
    Ok(())
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
