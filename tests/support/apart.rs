//! A test program in namespaces of its own, as their first process: all processes that it sees are its own, and
//! so are all files in the places where programs leave things.
//!
//! It starts itself again for that: a PID namespace is entered by being born in it.
#![allow(dead_code)]

use std::fs;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::OnceLock;

use canal_sim::backend::kernel::airlock;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::geteuid;

/// Whose namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// Those of the machine's root, who may do everything.
    Machine,
    /// Those of a user namespace of its own, in which the kernel counts how many of each kind there are.
    Counted,
}

/// Where in its way into the namespaces a test program is.
const STAGE: &str = "CANAL_SIM_TEST_STAGE";

/// The folders that it has empty and to itself.
pub const FOLDERS: [&str; 4] = ["/tmp", "/run", "/var/tmp", "/dev/shm"];

/// Where this process is; none for the one that was started by hand.
pub fn here() -> Option<World> {
    match std::env::var(STAGE).ok()?.as_str() {
        "machine" => Some(World::Machine),
        "counted" => Some(World::Counted),
        _ => None,
    }
}

/// The way in. The process that was started by hand runs the test program in each of the worlds and gives its
/// status; inside of them this gives none.
pub fn enter(worlds: &[World]) -> Option<ExitCode> {
    match std::env::var(STAGE).as_deref() {
        // By a process of its own: the next world is to be beside this one, not in it.
        Ok("root") => Some(code(start_inside("machine"))),
        Ok("user") => Some(code(in_own_user_namespace())),
        Ok(_) => {
            settle();
            None
        }
        Err(_) => {
            let failed = worlds.iter().filter(|world| outside(**world) != 0).count();
            Some(code(i32::from(failed > 0)))
        }
    }
}

fn code(status: i32) -> ExitCode {
    ExitCode::from(u8::try_from(status).unwrap_or(1))
}

/// Runs it in a world, and waits.
fn outside(world: World) -> i32 {
    match world {
        World::Machine => {
            let status = again("root").stdin(Stdio::null()).status().unwrap();
            status.code().unwrap_or(1)
        }
        World::Counted => {
            let mut child = again("user")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let (mut to, mut from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
            let mut ready = [0];
            if from.read_exact(&mut ready).is_ok() {
                if geteuid().is_root() {
                    for map in ["uid_map", "gid_map"] {
                        let map = format!("/proc/{}/{map}", child.id());
                        fs::write(&map, format!("0 0 {}", 1 << 16)).unwrap();
                    }
                }
                to.write_all(b"g").unwrap();
            }
            drop(to);
            std::io::copy(&mut from, &mut std::io::stdout()).unwrap();
            let status = child.wait().unwrap();
            status.code().unwrap_or(1)
        }
    }
}

/// A user namespace in which all the usual users are, if root asks; else only this one.
fn in_own_user_namespace() -> i32 {
    if geteuid().is_root() {
        unshare(CloneFlags::CLONE_NEWUSER).unwrap();
    } else if let Err(error) = airlock::enter() {
        eprintln!("not run: {error}");
        return 1;
    }
    std::io::stdout().write_all(b"r").unwrap();
    std::io::stdout().flush().unwrap();
    let mut go = [0];
    std::io::stdin().read_exact(&mut go).unwrap();
    start_inside("counted")
}

/// Starts it as the first process of fresh namespaces, and waits.
fn start_inside(stage: &str) -> i32 {
    let apart = CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC;
    unshare(apart).unwrap();
    let status = again(stage).stdin(Stdio::null()).status().unwrap();
    status.code().unwrap_or(1)
}

fn again(stage: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(std::env::args_os().skip(1))
        .env(STAGE, stage)
        // Or the allocator keeps memory for each thread that has ever been (mallopt(3)), which looks like growth.
        .env("MALLOC_ARENA_MAX", "1");
    command
}

/// The machine's own /proc, which shows all processes: held since before this process had one of its own.
static MACHINES: OnceLock<OwnedFd> = OnceLock::new();

/// The folder of all of the machine's processes.
pub fn machines_processes() -> Option<PathBuf> {
    let held = MACHINES.get()?.as_raw_fd();
    Some(PathBuf::from(format!("/proc/self/fd/{held}")))
}

/// Inside: mounts of its own.
fn settle() {
    let held = fs::File::open("/proc").unwrap();
    MACHINES.set(held.into()).unwrap();
    // The first process of a namespace outlives whoever started it otherwise.
    set_pdeathsig(Signal::SIGKILL).unwrap();
    assert_eq!(std::process::id(), 1);
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
    mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), none).unwrap();
    let program = std::env::current_exe().unwrap();
    for folder in FOLDERS {
        // One that holds the program itself stays as it is, and is watched all the same.
        if Path::new(folder).is_dir() && !program.starts_with(folder) {
            let (kind, flags) = (Some("tmpfs"), MsFlags::empty());
            mount(kind, folder, kind, flags, Some("mode=1777")).unwrap();
        }
    }
}
