//! System calls that lead out of the node's processes, and to what no namespace divides.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use super::As;
use super::attack::{attack, program, run, said, scenario, step};
use super::program::{Open, SOMEBODY, can_become_others};

/// The number of a system call on x86-64, or on the architectures with the generic table.
const fn number(x86: u32, generic: u32) -> u32 {
    if cfg!(target_arch = "x86_64") {
        x86
    } else {
        generic
    }
}

/// A script, run by perl in the shell's place, that makes these calls and says the error of each.
fn errors(calls: &[String]) -> String {
    let calls = calls.join("' '");
    format!("exec perl -e 'for (@ARGV) {{ $! = 0; eval or 0; print $!+0, \"\\n\" }}' '{calls}'")
}

/// A second child of the program's, in the node's PID namespace, would be reaped by nobody, and the namespace's
/// end would wait for that (pid_namespaces(7)).
pub fn clones(who: As) {
    let (clone, clone3, unshare) = (number(56, 220), 435, number(272, 97));
    // CLONE_PARENT, CLONE_NEWUSER, SIGCHLD.
    let script = errors(&[
        format!("syscall({clone}, 0x8011, 0, 0, 0, 0)"),
        format!("syscall({clone}, 0x10000011, 0, 0, 0, 0)"),
        format!("syscall({clone3}, 0, 0)"),
        format!("syscall({unshare}, 0x10000000)"),
    ]);
    let place = Open::new();
    let inner = program(&place, who);
    // A run that hangs is ended.
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after=1", "60"])
        .arg(inner.get_program())
        .current_dir(place.folder.path());
    become_one(&mut command, who);
    let run = run(&place, &mut command, &[step(&script), step("echo lives")]);
    // EPERM, and ENOSYS, after which the C library takes clone.
    assert_eq!(said(&run), ["1\n1\n38\n1\n", "lives\n"]);
    assert_eq!(run.all("run-finished").len(), 1, "{}", run.tale());
}

/// As the user that runs the tests but for the right to look into whatever process (`CAP_SYS_PTRACE`), or as
/// an ordinary user.
fn weak(who: As, program: &std::path::Path) -> Command {
    if who == As::Caller && can_become_others() {
        let mut command = Command::new("setpriv");
        command.arg("--bounding-set=-sys_ptrace").arg(program);
        return command;
    }
    let mut command = Command::new(program);
    become_one(&mut command, who);
    command
}

fn become_one(command: &mut Command, who: As) {
    if who == As::Somebody && can_become_others() {
        command.uid(SOMEBODY).gid(SOMEBODY);
    }
}

/// Ended with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Ended {
    /// Once it has said a line with this in it.
    fn after(command: &mut Command, part: &str) -> Self {
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = Self(pipes.spawn().unwrap());
        let lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
        let found = lines
            .map(|line| line.unwrap())
            .any(|line| line.contains(part));
        assert!(found, "{part}");
        child
    }

    fn is_open_to(&self, who: As) -> bool {
        // Not the environment: since Linux 6.15 it takes no more than CAP_PERFMON.
        let folder = format!("/proc/{}/cwd", self.0.id());
        let mut look = weak(who, "readlink".as_ref());
        let look = look.arg(folder).stdout(Stdio::null()).stderr(Stdio::null());
        look.status().unwrap().success()
    }
}

/// The shell of a step is a copy of the program until it has executed `sh`: what an earlier step left in the
/// background must not look into it then, or take it over. The kernel asks the same of both (ptrace(2),
/// "Ptrace access mode checking").
pub fn copies(who: As) {
    let place = Open::new();
    let file = place.scenario("held", &scenario(&[step("echo up"), step("sleep 60")]));
    let mut other = weak(who, "sh".as_ref());
    let other = Ended::after(other.args(["-c", "echo up; read line"]), "up");
    let mut command = weak(who, &place.program);
    command.arg("run").arg(file);
    command.args(["--backend", "kernel", "--format", "json"]);
    let program = Ended::after(&mut command, "step-finished");
    assert!(other.is_open_to(who), "who looks is too weak to tell");
    assert!(!program.is_open_to(who));
}

/// A limit of 1 keeps the kernel from telling a program of the machine's of a crash; 0 does not (core(5)).
pub fn crashes(who: As) {
    let script = "sed -n 's/  */ /g; s/^Max core file size \\(.*\\) bytes.*/\\1/p' /proc/self/limits /proc/1/limits
if (ulimit -c 0) 2> /dev/null; then echo lowered; fi
ulimit -n 99; ulimit -n";
    assert_eq!(attack(who, script), "1 1\n1 1\n99\n");
}

/// Netlink protocols: what the tools for a node's network speak, and none besides.
pub fn netlink(who: As) {
    // ROUTE, SOCK_DIAG, NETFILTER, GENERIC; not each kernel has XFRM.
    let taken = [0, 4, 12, 16];
    // USERSOCK, SELINUX, AUDIT, FIB_LOOKUP, CONNECTOR, KOBJECT_UEVENT, SCSITRANSPORT, CRYPTO.
    let refused = [2, 7, 9, 10, 11, 15, 18, 21];
    let calls = taken.iter().chain(&refused);
    let calls: Vec<String> = calls
        .map(|one| format!("socket(my $s, 16, 3, {one}) and $! = 0"))
        .collect();
    // EPROTONOSUPPORT, as where the kernel has none.
    let expected = "0\n".repeat(taken.len()) + &"93\n".repeat(refused.len());
    assert_eq!(attack(who, &errors(&calls)), expected);
}
