//! What runs beside a script and after it.

use std::process::{Command, Stdio};

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
