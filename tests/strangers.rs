//! A scenario file from a stranger: however it is made, it is refused soon, in little memory, with the place.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Starting the program is what these tests do.
#![allow(clippy::disallowed_methods)]

#[path = "support/program.rs"]
mod program;

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use canal_sim::scenario::limits::{ENTRIES, FILE_BYTES, REPEATS, RESOURCES, STEPS};
use canal_sim::scenario::{examine, read};
use program::canal_sim;

/// What `check` says of a file with so many MiB for data (`RLIMIT_DATA`, setrlimit(2)), and the processor's
/// time that it took: as the shell that starts it tells of its own children (`times`, POSIX), since other tests start
/// programs at the same time.
fn check(path: &Path, memory: u32) -> (Output, Duration) {
    let folder = tempfile::tempdir().unwrap();
    let times = folder.path().join("times");
    let program = canal_sim();
    let script = format!(
        "ulimit -d {}; \"$0\" check \"$1\"; code=$?; times >\"$2\"; exit $code",
        memory << 10
    );
    let mut command = Command::new("sh");
    command
        .args(["-c", &script])
        .arg(program.get_program())
        .arg(path)
        .arg(&times);
    // In another locale a shell may write a comma.
    command.env("NO_COLOR", "1").env("LC_ALL", "C");
    let output = command.output().unwrap();
    // The second line is of the children: `0m0.25s 0m0.01s`, in user mode and in the kernel.
    let told = fs::read_to_string(times).unwrap();
    let spent = told.lines().nth(1).unwrap().split_whitespace();
    (output, spent.map(minutes_and_seconds).sum())
}

fn minutes_and_seconds(text: &str) -> Duration {
    let (minutes, seconds) = text.split_once('m').unwrap();
    let seconds: f64 = seconds.strip_suffix('s').unwrap().parse().unwrap();
    Duration::from_secs(60 * minutes.parse::<u64>().unwrap()) + Duration::from_secs_f64(seconds)
}

#[test]
fn whatever_a_file_holds_it_is_refused_soon() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.toml");
    let ten_megabytes = |part: &str| part.repeat(10_000_000 / part.len());
    // Beyond the limits: nothing of it is taken apart.
    let beyond = [
        (ten_megabytes("[[[["), "larger than 8 MiB"),
        (ten_megabytes("a = 1\n"), "larger than 8 MiB"),
        (
            ten_megabytes("[[step]]\nwait = \"1s\"\n"),
            "larger than 8 MiB",
        ),
        (format!("a = {}", "[".repeat(100_000)), "longer than 64 KiB"),
        (
            format!("a = {}", "[\n".repeat(100_000)),
            "deeper within one another",
        ),
        (
            format!("a = {}", "{a=\n".repeat(100_000)),
            "deeper within one another",
        ),
        (
            format!("{}a = 1", "a.".repeat(30_000)),
            "more parts than 16",
        ),
        (
            "a = 1\n".repeat(FILE_BYTES / 6),
            "more tables, keys and items",
        ),
        (
            format!("a = [\n{}]", "0,\n".repeat(FILE_BYTES / 3 - 4)),
            "more tables, keys and items",
        ),
        (
            format!("a = '''\n{}'''", "x\n".repeat(40_000)),
            "string is longer",
        ),
    ];
    for (text, part) in &beyond {
        fs::write(&file, text).unwrap();
        let (output, spent) = check(&file, 100);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{part}: {said}");
        assert!(
            said.contains(part) && said.contains("help: "),
            "{part}: {said}"
        );
        assert!(said.len() < 2_000, "{part}: {} bytes", said.len());
        assert!(spent < Duration::from_millis(400), "{part}: {spent:?}");
        println!("{part}: {spent:?}");
    }
    let (output, spent) = check(Path::new("/dev/zero"), 100);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("larger than 8 MiB"));
    println!("/dev/zero: {spent:?}");
    // Within the limits, and wrong all over.
    let within = [
        (
            "unknown keys",
            (0..100_000)
                .map(|i| format!("key{i} = 1\n"))
                .collect::<String>(),
        ),
        ("keys given twice", "[a]\nb = 1\n".repeat(100_000)),
        ("faults of syntax", "= ]\n".repeat(400_000)),
        (
            "unknown names",
            (0..50_000)
                .map(|i| format!("[soracom.sim.s{i}]\ngroup = \"g{i}\"\n"))
                .collect(),
        ),
        ("unknown steps", "[[step]]\nx = 1\n".repeat(STEPS)),
        (
            "lists",
            format!("a = [\n{}]", "[],\n".repeat(ENTRIES / 2 - 2)),
        ),
    ];
    let mut all = Duration::ZERO;
    for (what, text) in &within {
        fs::write(&file, text).unwrap();
        let (output, spent) = check(&file, 1_000);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{what}: {said}");
        assert!(said.len() < 100_000, "{what}: {} bytes", said.len());
        println!("{what}: {spent:?}");
        all += spent;
        assert!(spent < Duration::from_secs(20), "{what}: {spent:?}");
    }
    assert!(!all.is_zero(), "nothing is measured");
}

/// What is wrong with a scenario; at most that many messages.
fn said(text: &str) -> Vec<String> {
    let (_, diagnostics) = examine("s.toml", text.as_bytes());
    diagnostics
        .list
        .into_iter()
        .map(|one| one.message)
        .collect()
}

#[test]
fn steps_repetitions_and_resources_have_limits() {
    let wait = "[[step]]\nwait = \"1s\"\n";
    assert!(read("s.toml", wait.repeat(STEPS).as_bytes()).is_ok());
    assert_eq!(
        said(&wait.repeat(STEPS + 1)),
        ["there are more steps than 10,000"]
    );
    let most = format!("[[step]]\nwait = \"1s\"\nrepeat = {REPEATS}\n").repeat(10);
    assert!(read("s.toml", most.as_bytes()).is_ok());
    let more = format!("{most}{wait}{wait}");
    assert_eq!(
        said(&more),
        ["steps are carried out more often than 100,000 times in all"]
    );
    let vpcs = |count| {
        (0..count)
            .map(|i| format!("[aws.vpc.v{i}]\ncidr = \"10.0.0.0/16\"\n"))
            .collect::<String>()
    };
    assert!(read("s.toml", vpcs(RESOURCES).as_bytes()).is_ok());
    let more = read("s.toml", vpcs(RESOURCES + 1).as_bytes()).unwrap_err();
    assert!(
        more.to_string().contains("more resources than 100,000"),
        "{more}"
    );
}

#[test]
fn nobody_waits_longer_than_an_hour_of_real_time() {
    let probe = |key: &str| {
        format!("[[step]]\nfrom = \"pc\"\nto = \"internet\"\nexpect = {{ ping = true }}\n{key}\n")
    };
    for (key, longer) in [
        ("timeout = \"1h\"", "timeout = \"1h 1s\""),
        ("eventually = \"60min\"", "eventually = \"2h\""),
    ] {
        assert!(read("s.toml", probe(key).as_bytes()).is_ok());
        let said = said(&probe(longer));
        assert!(said[0].ends_with("must be at most one hour"), "{said:?}");
    }
    // The clouds' time costs nothing.
    let check =
        "[[step]]\ncheck = { \"a.b\" = 1 }\neventually = \"30d\"\n[[step]]\nwait = \"10000h\"\n";
    assert!(read("s.toml", check.as_bytes()).is_ok());
}

#[test]
fn traces_have_a_limit_together() {
    let asked = Cell::new(0);
    let beside = |name: &str| -> Result<Vec<u8>, String> {
        asked.set(asked.get() + 1);
        Ok(match name {
            "one" => b"1\n".to_vec(),
            _ => b"1\n".repeat(4 << 20),
        })
    };
    let links = |names: &[&str]| {
        let links = names.iter().enumerate();
        links
            .map(|(i, name)| format!("[link.l{i}]\ntrace = \"{name}\"\n"))
            .collect::<String>()
    };
    let said = |names: &[&str]| {
        let (_, found) =
            canal_sim::scenario::examine_with("s.toml", links(names).as_bytes(), &beside);
        found.to_string()
    };
    assert_eq!(said(&["half", "half"]), "");
    assert!(
        said(&["half", "half", "one"]).contains("with those before it, it is larger than 16 MiB")
    );
    // Once there are too many, no further one is read.
    asked.set(0);
    assert!(!said(&["half"; 1_000]).is_empty());
    assert_eq!(asked.get(), 3);
}

#[test]
fn no_script_is_run_where_none_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.toml");
    fs::write(
        &file,
        "[[step]]\nwait = \"1s\"\n\n[[step]]\non = \"pc\"\nrun = \"true\"\n",
    )
    .unwrap();
    let run = |arguments: &[&str]| {
        canal_sim()
            .arg("run")
            .arg(&file)
            .arg("--no-exec")
            .args(arguments)
            .output()
            .unwrap()
    };
    for backend in ["auto", "kernel"] {
        let output = run(&["--backend", backend]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains("s.toml:4\n") && said.contains("to mend it"),
            "{said}"
        );
        assert!(
            output.stdout.is_empty() && !said.contains("nodes"),
            "{said}"
        );
    }
    let output = run(&["--backend", "memory"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    fs::write(&file, "[[step]]\nwait = \"1s\"\n").unwrap();
    assert_eq!(run(&["--backend", "auto"]).status.code(), Some(0));
}

/// The program's end with so many MiB for data, however long that takes: what has no bound is refused memory.
fn within(memory: u32, arguments: &[&str]) -> Output {
    let program = canal_sim();
    let script = format!("ulimit -d {}; exec \"$0\" \"$@\"", memory << 10);
    let mut command = Command::new("sh");
    command
        .args(["-c", &script])
        .arg(program.get_program())
        .args(arguments);
    command.env("NO_COLOR", "1").output().unwrap()
}

#[test]
fn a_script_s_variables_don_t_take_memory_without_bound() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.toml");
    let doubling = format!("a=xxxxxxxxxxxxxxxx\n{}echo $a", "a=$a$a\n".repeat(40));
    fs::write(
        &file,
        format!("[[step]]\non = \"pc\"\nrun = \"\"\"\n{doubling}\"\"\"\n"),
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let memory = within(300, &["run", file, "--backend", "memory", "--no-exec"]);
    let said = String::from_utf8_lossy(&memory.stderr);
    assert!(memory.status.code() == Some(0), "{memory:?}");
    assert!(said.contains("longer than a script may get"), "{said}");
    let all = ["explain", file, "--all", "--ping", "--after", "#1"];
    let explained = within(300, &all);
    assert_eq!(explained.status.code(), Some(0), "{explained:?}");
}

#[test]
fn of_a_string_full_of_faults_the_first_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.toml");
    let string = "${a.".repeat(16_000);
    let step = format!("[[step]]\non = \"pc\"\nrun = \"{string}\"\n");
    fs::write(&file, step.repeat(100)).unwrap();
    let output = within(300, &["check", file.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{}", said.len());
    assert!(said.contains("has no closing"), "{}", said.len());
}

#[test]
fn attempts_and_waits_have_limits() {
    let patient = "[[step]]\non = \"pc\"\nrun = \"false\"\neventually = \"1h\"\n";
    assert!(read("s.toml", patient.repeat(400).as_bytes()).is_ok());
    assert_eq!(
        said(&patient.repeat(STEPS)),
        ["steps are carried out more often than 100,000 times in all"]
    );
    let wait = "[[step]]\nwait = \"3650d\"\nrepeat = 10\n";
    assert!(read("s.toml", wait.as_bytes()).is_ok());
    assert_eq!(
        said(&wait.repeat(3)),
        ["the steps wait longer than 100 years in all"]
    );
    // In memory an hour is over at once, though the script fails each time.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.toml");
    fs::write(&file, format!("{wait}\n{patient}")).unwrap();
    let arguments = ["run", file.to_str().unwrap(), "--backend", "memory"];
    let output = within(300, &arguments);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn a_folder_that_is_searched_shows_nothing_of_what_lies_outside() {
    let folder = tempfile::tempdir().unwrap();
    let checkout = folder.path().join("checkout");
    fs::create_dir(&checkout).unwrap();
    fs::write(folder.path().join("secret"), "swordfish = 1\n").unwrap();
    std::os::unix::fs::symlink("../secret", checkout.join("x.toml")).unwrap();
    for command in ["check", "run"] {
        let output = canal_sim().arg(command).arg(&checkout).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("leads out of"), "{said}");
        assert!(!said.contains("swordfish"), "{said}");
    }
}

#[test]
fn limits_do_not_multiply() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.toml");
    let sims = |count: usize| {
        (0..count)
            .map(|i| format!("[soracom.sim.s{i}]\n"))
            .collect::<String>()
    };
    // Each of these took minutes: once a step or a repetition, all of the clouds or all names were copied.
    let refused = "[[step]]\ndo = \"registerSim\"\nas = \"s1\"\nerror = \"SEM4001\"\n";
    for (what, steps) in [
        ("waits", "[[step]]\nwait = \"1s\"\n".repeat(STEPS)),
        ("refusals", refused.repeat(STEPS)),
        (
            "repetitions",
            format!("{refused}repeat = 10000\n").repeat(10),
        ),
    ] {
        fs::write(&file, format!("{}{steps}", sims(50_000))).unwrap();
        let began = std::time::Instant::now();
        let output = within(1_000, &["check", file.to_str().unwrap()]);
        println!("{what}: {:?}, {:?}", began.elapsed(), output.status.code());
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
    }
    fs::write(&file, sims(299)).unwrap();
    let output = within(300, &["explain", file.to_str().unwrap(), "--all", "--ping"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("there are 301 nodes"), "{said}");
}
