//! What a `run` step tries. The tests' own program stands on the host and is called by name.
//!
//! An attempt ends with exit status 0 once it has tried everything; what was refused is no failure. Most
//! of what it reaches is seen by the witnesses; what they can't see it claims in a line of its output.

mod knock;
mod links;
mod namespaces;

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::process::Command;

use nix::sys::socket::{MsgFlags, send};
use socket2::{Domain, Socket, Type};

use crate::witness::{ABSTRACT, PATH_SOCKET};

/// All attempts.
pub const NAMES: [&str; 9] = [
    "send",
    "bridge",
    "move_links",
    "join_namespaces",
    "leave_for_new_namespaces",
    "abstract_socket",
    "path_socket",
    "left_open_descriptors",
    "vsock",
];

/// How a line begins that claims to have reached what no witness sees.
const CLAIM: &str = "reached: ";

/// What an output claims.
pub fn claims(output: &str) -> Vec<String> {
    let lines = output.lines().filter_map(|line| line.strip_prefix(CLAIM));
    lines.map(str::to_owned).collect()
}

/// Why an attempt can't be made on this machine.
pub fn lacking(name: &str) -> Option<&'static str> {
    let no_vsock = name == "vsock" && vsock().is_err();
    no_vsock.then_some("this kernel has no sockets of the family AF_VSOCK")
}

/// The calling process's network namespace: `net:[4026531840]`.
pub fn own_network() -> String {
    let link = fs::read_link("/proc/self/ns/net").unwrap();
    link.to_str().unwrap().to_owned()
}

/// Tries. `machine` is the machine's own network, in which nothing may ever be sent.
pub fn carry_out(name: &str, machine: &str) {
    match name {
        "send" => knock::everywhere(),
        "bridge" => links::bridge(),
        "move_links" => links::go_elsewhere(),
        "join_namespaces" => namespaces::join(machine),
        "leave_for_new_namespaces" => {
            // With a user namespace on the way, by a process of its own.
            let again = Command::new("/proc/self/exe")
                .args(["attempt", namespaces::AS_USER, machine])
                .output();
            match again {
                Ok(output) => println!("{}", String::from_utf8_lossy(&output.stdout)),
                Err(error) => println!("not started: {error}"),
            }
            namespaces::leave(machine);
        }
        namespaces::AS_USER => namespaces::leave_as_user(machine),
        "abstract_socket" => {
            let address = SocketAddr::from_abstract_name(ABSTRACT).unwrap();
            tell("abstract socket", UnixStream::connect_addr(&address));
        }
        "path_socket" => {
            for root in ["", "/proc/1/root", "/proc/self/root"] {
                let path = format!("{root}{PATH_SOCKET}");
                tell(&path, UnixStream::connect(&path));
            }
        }
        "left_open_descriptors" => left_open_descriptors(),
        "vsock" => match vsock() {
            Ok(_) => println!("{CLAIM}the hypervisor's sockets, which know no namespaces"),
            Err(error) => tell::<(), _>("vsock", Err(error)),
        },
        other => panic!("no attempt is called {other}"),
    }
}

/// Says what came of something.
fn tell<T, E: std::fmt::Display>(what: &str, result: Result<T, E>) {
    match result {
        Ok(_) => println!("{what}: done"),
        Err(error) => println!("{what}: {error}"),
    }
}

/// Only opened: what it would be connected to is no business of a test.
fn vsock() -> std::io::Result<Socket> {
    Socket::new(Domain::VSOCK, Type::STREAM, None)
}

/// Sends to wherever a descriptor leads that is not one of the three of every program.
fn left_open_descriptors() {
    for entry in fs::read_dir("/proc/self/fd").unwrap() {
        let number = entry.unwrap().file_name().to_str().unwrap().parse();
        let Ok(descriptor @ 3..) = number else {
            continue;
        };
        let sent = send(descriptor, b"out by an old door", MsgFlags::MSG_DONTWAIT);
        tell(&format!("descriptor {descriptor}"), sent);
    }
}
