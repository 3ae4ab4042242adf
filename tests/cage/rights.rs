//! What a script may do.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::Command;

use super::As;
use super::attack::{TRY, attack, program, run, said, step};
use super::files::own_name;
use super::program::{Open, open};

/// `CHOWN`, `KILL`, `SETGID`, `SETUID`, `NET_BIND_SERVICE`, `NET_ADMIN`, `NET_RAW` (capability.h).
const KEPT: u64 = 1 << 0 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 10 | 1 << 12 | 1 << 13;

pub fn environment(who: As) {
    let place = Open::new();
    let mut command = program(&place, who);
    command.env("CANAL_TEST_TOKEN", "swordfish");
    let run = run(&place, &mut command, &[step("env")]);
    let text = said(&run).remove(0);
    assert!(!text.contains("swordfish"), "{text}");
    let mut names: Vec<&str> = text
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0))
        .collect();
    names.sort_unstable();
    // PWD is the shell's own.
    let expected = [
        "HOME", "HOSTNAME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "USER",
    ];
    assert_eq!(names, expected);
}

pub fn capabilities(who: As) {
    let text = attack(who, "cat /proc/self/status");
    let field = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    for set in ["CapPrm:", "CapEff:", "CapBnd:"] {
        assert_eq!(field(set) & !KEPT, 0, "{set} {text}");
        assert_ne!(field(set) & 1 << 12, 0, "{set} {text}");
    }
    assert_eq!((field("CapInh:"), field("CapAmb:")), (0, 0));
    // The second mode of seccomp is a filter.
    assert_eq!((field("NoNewPrivs:"), field("Seccomp:")), (1, 2));
}

pub fn descriptors(who: As) {
    let place = Open::new();
    let secret = place.folder.path().join("secret");
    std::fs::write(&secret, "swordfish").unwrap();
    open(&secret, 0o644);
    let inner = program(&place, who);
    // Opened without close-on-exec, as a shell does.
    let mut command = Command::new("sh");
    command
        .args(["-c", "exec 7<secret; exec \"$@\"", "sh"])
        .arg(inner.get_program());
    command
        .current_dir(place.folder.path())
        .env("NO_COLOR", "1");
    if who == As::Somebody {
        std::os::unix::process::CommandExt::uid(&mut command, super::program::SOMEBODY);
        std::os::unix::process::CommandExt::gid(&mut command, super::program::SOMEBODY);
    }
    let script = "for fd in 3 4 5 6 7 8 9; do if [ -e /proc/$$/fd/$fd ]; then readlink /proc/$$/fd/$fd; fi; done
[ ! -e /dev/tty ]";
    let run = run(&place, &mut command, &[step(script)]);
    assert_eq!(said(&run), [""]);
}

pub fn namespaces(who: As) {
    let tries = "try mount mount -t tmpfs none /tmp
try remount mount -o remount,rw,bind /usr
try umount umount /proc
try network unshare -n true
try mounts unshare -m true
try map unshare -Ur true
try enter nsenter -t 1 -n true
try root chroot / true
try host hostname stranger
try clock date -s 2001-01-01
try node mknod /dev/disk b 254 0";
    assert_eq!(attack(who, &format!("{TRY}{tries}")), "");
}

pub fn sockets(who: As) {
    let place = Open::new();
    let path = place.folder.path().join("socket");
    let _listener = UnixListener::bind(&path).unwrap();
    open(&path, 0o777);
    let name = own_name();
    let address = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
    let _abstract = UnixListener::bind_addr(&address).unwrap();
    let connect = |target: &str| {
        format!(
            "use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0) or die; \
             connect(S, pack_sockaddr_un(\"{target}\")) or die"
        )
    };
    let targets = [
        connect(&path.display().to_string()),
        connect(&format!("\\0{name}")),
    ];
    let mut script = TRY.to_owned();
    for target in &targets {
        // Both listen, for whoever is not in there.
        let outside = Command::new("perl").args(["-e", target]).status().unwrap();
        assert!(outside.success(), "{target}");
        script += &format!("try reached perl -e '{target}'\n");
    }
    // AF_VSOCK leads to the machine's own host from any namespace.
    script += "perl -e '$! = 0; socket(S, 40, 1, 0); print $!+0'";
    let run = run(&place, &mut program(&place, who), &[step(&script)]);
    assert_eq!(said(&run), ["1"]);
}

pub fn system_calls(who: As) {
    // keyctl, bpf, io_uring_setup, perf_event_open; ptrace, process_vm_readv, process_vm_writev,
    // pidfd_getfd, kcmp; their numbers are this architecture's.
    let numbers = if cfg!(target_arch = "x86_64") {
        "250, 321, 425, 298, 101, 310, 311, 438, 312"
    } else {
        "219, 280, 425, 241, 117, 270, 271, 438, 272"
    };
    let script = format!(
        "perl -e 'for ({numbers}) {{ $! = 0; syscall($_, 0, -3, 0, 0, 0); print $!+0, \"\\n\" }}'"
    );
    // EPERM, before the kernel looks at what is asked for.
    assert_eq!(attack(who, &script), "1\n".repeat(9));
}
