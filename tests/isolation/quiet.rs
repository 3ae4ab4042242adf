//! The memory backend makes no socket and enters no namespace, whatever it is asked to do: it runs under
//! a filter of system calls that kills whoever tries.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::{Output, Stdio};

use libtest_mimic::Failed;
use nix::libc;
use nix::sys::signal::Signal;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};

use crate::program::{canal_sim, shipped};

/// How packets are sent.
const SOCKETS: [libc::c_long; 7] = [
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept4,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
];

/// How the kernel backend gets its networks and what it listens with. (`clone` can't be among them: it
/// also starts the program itself.)
const NAMESPACES: [libc::c_long; 4] = [
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_bpf,
];

/// All shipped scenarios run in memory; the kernel backend is killed under either half of the filter.
pub fn no_socket() -> Result<(), Failed> {
    let memory = filtered("memory", &[&SOCKETS[..], &NAMESPACES[..]].concat());
    let stderr = String::from_utf8_lossy(&memory.stderr);
    assert_eq!(memory.status.signal(), None, "{stderr}");
    assert_eq!(memory.status.code(), Some(0), "{stderr}");
    for forbidden in [&SOCKETS[..], &NAMESPACES[..]] {
        let kernel = filtered("kernel", forbidden);
        assert_eq!(kernel.status.signal(), Some(Signal::SIGSYS as i32));
    }
    Ok(())
}

/// Runs all shipped scenarios where these system calls kill.
fn filtered(backend: &'static str, forbidden: &[libc::c_long]) -> Output {
    let rules: BTreeMap<_, _> = forbidden.iter().map(|&call| (call, Vec::new())).collect();
    let thread = std::thread::spawn(move || {
        let filter = SeccompFilter::new(
            rules,
            SeccompAction::Allow,
            SeccompAction::KillProcess,
            TargetArch::try_from(std::env::consts::ARCH).unwrap(),
        );
        let filter: BpfProgram = filter.unwrap().try_into().unwrap();
        let mut command = canal_sim();
        let arguments = ["run", "--backend", backend];
        command.args(arguments).arg(shipped()).stdin(Stdio::null());
        // Of this thread alone, and of what it starts.
        apply_filter(&filter).unwrap();
        command.output().unwrap()
    });
    thread.join().unwrap()
}
