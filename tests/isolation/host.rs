//! A stand-in for the machine: a process that is pid 1, in a network with addresses, a neighbour and a
//! default route.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::Failed;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};

/// Where the host keeps what everybody may use: below /usr, which scripts see. Empty, and gone with the
/// host.
pub const PLACE: &str = "/usr/local/src";

/// The host's neighbour, which is all the world.
pub const NEIGHBOUR: &str = "198.51.100.1";

/// Those addresses of the host that scenarios have, too: the shipped scenarios' server, their internet,
/// their user's computer, a device; and one that they don't have.
pub const ADDRESSES: [&str; 5] = [
    "10.0.0.254",
    "198.51.100.10",
    "192.0.2.10",
    "10.128.0.3",
    "198.51.100.7",
];

/// Runs this program again as pid 1 of a fresh host, and waits for its end.
pub fn stand_in(arguments: &[&str]) -> Result<(), Failed> {
    let arguments: Vec<String> = arguments.iter().map(|&one| one.to_owned()).collect();
    // Children go where the thread that starts them has unshared to, so it must be one that ends.
    let thread = std::thread::spawn(move || {
        let apart = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID;
        unshare(apart).unwrap();
        Command::new("/proc/self/exe")
            .arg("stand-in")
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    });
    let output = thread.join().unwrap();
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    Err(format!("{}\n{told}", output.status).into())
}

/// Makes the host and its neighbour, around the calling process, which must be its pid 1.
pub fn furnish() {
    assert_eq!(std::process::id(), 1, "this is not a host's first process");
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
    // A /proc that shows the host's processes and no others: "process 1" must not be the machine's, not
    // even for one who takes mounts away. (Below a user namespace they can't be taken away.)
    while umount2("/proc", MntFlags::MNT_DETACH).is_ok() {}
    mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), none).unwrap();
    for folder in [PLACE, "/run"] {
        let (kind, options) = (Some("tmpfs"), Some("mode=0755"));
        mount(kind, folder, kind, MsFlags::empty(), options).unwrap();
    }
    without_ipv6();
    ip("netns add neighbour");
    in_neighbour(without_ipv6);
    // Neighbours know each other, so that not a frame crosses the wire unless somebody sends.
    for line in [
        "link add eth0 address 02:00:00:00:00:07 type veth peer name eth0 address 02:00:00:00:00:01 netns neighbour",
        "link set lo up",
        "link set eth0 up",
        "-n neighbour link set lo up",
        "-n neighbour link set eth0 up",
        "-n neighbour addr add 198.51.100.1/24 dev eth0",
        "-n neighbour route add local default dev lo",
        "-n neighbour neigh add 198.51.100.7 lladdr 02:00:00:00:00:07 dev eth0",
        "-n neighbour route add 10.0.0.254 via 198.51.100.7",
        "addr add 198.51.100.7/24 dev eth0",
        "neigh add 198.51.100.1 lladdr 02:00:00:00:00:01 dev eth0",
        "route add default via 198.51.100.1",
    ] {
        ip(line);
    }
    for address in &ADDRESSES[..4] {
        ip(&format!("addr add {address}/32 dev lo"));
    }
    install("/proc/self/exe", "attempt");
    install(env!("CARGO_BIN_EXE_canal-sim"), "canal-sim");
}

/// Does something in the neighbour's network.
pub fn in_neighbour<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::spawn(|| {
        let neighbour = File::open("/run/netns/neighbour").unwrap();
        setns(neighbour, CloneFlags::CLONE_NEWNET).unwrap();
        what()
    });
    thread.join().unwrap()
}

/// IPv6 speaks without being asked.
fn without_ipv6() {
    for which in ["all", "default"] {
        let switch = format!("/proc/sys/net/ipv6/conf/{which}/disable_ipv6");
        // Absent on a kernel without IPv6.
        if Path::new(&switch).exists() {
            fs::write(switch, "1").unwrap();
        }
    }
}

/// `ip`, which must succeed.
pub fn ip(line: &str) {
    let output = Command::new("ip").args(line.split(' ')).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {line}: {complaint}");
}

/// Copies a program to where everybody may execute it.
fn install(from: &str, name: &str) {
    let place = format!("{PLACE}/{name}");
    fs::copy(from, &place).unwrap();
    crate::program::open(Path::new(&place), 0o755);
}
