//! What runs beside a script and after it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::As;
use super::attack::{Step, TRY, attack, program, run, said, step};
use super::program::Open;

pub fn processes(who: As) {
    let place = Open::new();
    let mut bystander = Command::new("sleep");
    bystander.arg("60").stdin(Stdio::null());
    if who == As::Somebody {
        std::os::unix::process::CommandExt::uid(&mut bystander, super::program::SOMEBODY);
    }
    let mut bystander = bystander.spawn().unwrap();
    let (pid, parent) = (bystander.id(), std::process::id());
    // Numbers of the machine's mean nothing in there, unless they are the node's by chance.
    let script = format!(
        "{TRY}for pid in {pid} {parent}; do [ -e /proc/$pid ] || try $pid kill -9 $pid; done
kill -9 1
ls /proc | grep -c '^[0-9]*$'"
    );
    let run = run(
        &place,
        &mut program(&place, who),
        &[step(&script), step("echo lives")],
    );
    let said = said(&run);
    // Pid 1, the shell, its subshell or two, ls and grep.
    let count: u32 = said[0]
        .trim()
        .parse()
        .unwrap_or_else(|_| panic!("{said:?}"));
    assert!(count < 8, "{said:?}");
    assert_eq!(said[1], "lives\n");
    assert_eq!(
        bystander.try_wait().unwrap(),
        None,
        "the bystander was ended"
    );
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

pub fn time_limit(who: As) {
    let place = Open::new();
    let daemon = "(setsid sh -c 'trap \"\" TERM HUP INT; (setsid sleep 3151 &); exec sleep 3151' &)
trap '' TERM
sleep 3151";
    let slow = Step {
        on: "server",
        script: daemon,
        keys: "timeout = \"500ms\"",
    };
    let look = step("cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -c '[3]151' || true");
    let run = run(&place, &mut program(&place, who), &[slow, look]);
    assert_eq!(run.code, Some(1), "{}", run.tale());
    let steps = run.steps();
    assert_eq!(steps[0]["status"], "failed");
    let end = steps[0]["detail"]["end"].as_str().unwrap();
    assert!(end.starts_with("a time-out"), "{end}");
    assert_eq!(steps[1]["detail"]["stdout"], "0\n", "{:#}", steps[1]);
}

/// A step that is over after half a second.
fn brief(script: &str) -> Step<'_> {
    Step {
        on: "server",
        script,
        keys: "timeout = \"500ms\"",
    }
}

/// Runs a step into its time limit after another, and counts which of the commands that hold these words are
/// left.
fn left_of<const N: usize>(who: As, before: &str, script: &str, words: [&str; N]) -> [String; N] {
    let place = Open::new();
    let count = words.map(|word| {
        let (first, rest) = word.split_at(1);
        format!("cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -c '[{first}]{rest}' || true")
    });
    let mut steps = vec![step(before), brief(script)];
    steps.extend(count.iter().map(|script| step(script)));
    let began = Instant::now();
    let run = run(&place, &mut program(&place, who), &steps);
    let took = began.elapsed();
    assert_eq!(run.code, Some(1), "{}", run.tale());
    // What is started here would last for longer.
    assert!(took < Duration::from_secs(10), "{took:?}");
    let steps = run.steps();
    let end = steps[1]["detail"]["end"].as_str().unwrap();
    assert!(end.starts_with("a time-out"), "{end}");
    let mut said = steps[2..].iter();
    words.map(|_| {
        let text = said.next().unwrap()["detail"]["stdout"].as_str().unwrap();
        text.trim().to_owned()
    })
}

/// A daemon of an earlier step is left alone.
pub fn earlier_daemons(who: As) {
    let before = "sleep 3161 & sleep 0.1";
    let script = "(setsid sleep 3162 &); sleep 3162";
    assert_eq!(left_of(who, before, script, ["3161", "3162"]), ["1", "0"]);
}

/// The shell gives its orphans away: they become pid 1's.
pub fn orphans_given_away(who: As) {
    let prctl = if cfg!(target_arch = "x86_64") {
        157
    } else {
        167
    };
    // PR_SET_CHILD_SUBREAPER is 36 (prctl.h).
    let script = format!(
        "exec perl -e 'syscall({prctl}, 36, 0, 0, 0, 0);
unless (fork) {{ unless (fork) {{ exec \"sleep\", \"3163\" }} exit }}
wait; sleep 3163'"
    );
    assert_eq!(left_of(who, "true", &script, ["3163"]), ["0"]);
}

/// A child may be started as the shell's sibling: then it is our own child, which nobody waits for.
pub fn siblings(who: As) {
    let clone = if cfg!(target_arch = "x86_64") {
        56
    } else {
        220
    };
    // CLONE_PARENT with SIGCHLD (sched.h). It may be refused.
    let script = format!("exec perl -e 'syscall({clone}, 0x8000 | 17, 0, 0, 0, 0); sleep 3164'");
    assert_eq!(left_of(who, "true", &script, ["3164"]), ["0"]);
}

/// Processes that are others all the time: each starts the next one and ends. There are never more than some, and
/// they end by themselves after half a minute.
pub fn fork_bomb(who: As) {
    let script = "perl -e '$end = time + 30; for (1..60) { fork or last }
while (time < $end) { fork and exit } 3165'
# The first one ended, too.
sleep 30";
    assert_eq!(left_of(who, "true", script, ["3165"]), ["0"]);
}

pub fn still_works(who: As) {
    let script = "ip link add d0 type dummy 2>/dev/null || ip link add d0 type veth peer name d1
ip addr add 192.0.2.1/24 dev d0
ip link set d0 up
ip -brief addr show d0 | grep -o 192.0.2.1
sysctl -qw net.ipv4.ip_forward=1 2>/dev/null || echo 1 > /proc/sys/net/ipv4/ip_forward
ls /sys/class/net/d0/mtu
cat /sys/class/net/eth0/mtu > /dev/null
if command -v nft > /dev/null; then nft add table ip t; nft list tables; else echo table ip t; fi
if command -v iptables > /dev/null; then iptables -A INPUT -p udp -j ACCEPT; fi
mkdir /var/lib/x; mktemp > /dev/null; id -u; umask";
    let text = attack(who, script);
    assert_eq!(
        text,
        "192.0.2.1\n/sys/class/net/d0/mtu\ntable ip t\n0\n0022\n"
    );
}
