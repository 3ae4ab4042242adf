//! A node for tests: a fresh, empty network namespace with `lo` up.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::future::Future;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use canal_sim::backend::kernel::{CatchUp, Host, Shared, Sighting, Source, airlock};
use canal_sim::backend::probe::{Measurement, Probe, ProbeKind};
use canal_sim::backend::{BackendError, Script, ScriptEnd, ScriptOutput};
use canal_sim::network::{Family, HostFiles, Label, Listen, NodeId, Service, Transport};
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns, unshare};
use tokio::task::JoinHandle;

/// Long enough that a loaded machine never reaches it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Moves the process into an empty network and a mount namespace of its own.
pub fn leave_the_machine() {
    airlock::enter()
        .unwrap_or_else(|error| panic!("these tests need a network of their own: {error}"));
}

pub fn in_runtime<T>(test: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test)
}

#[derive(Clone)]
pub struct TestNode {
    host: Arc<Host>,
    netns: Arc<OwnedFd>,
    shared: Arc<Shared>,
}

impl TestNode {
    pub async fn new() -> Self {
        let netns = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            File::open("/proc/thread-self/ns/net").unwrap().into()
        });
        let netns: Arc<OwnedFd> = Arc::new(netns.join().unwrap());
        let shared = Shared::start(0xca7a_1000).unwrap();
        let inside = Arc::clone(&netns);
        let host = Arc::new(Host::new(NodeId::new("node"), inside, Arc::clone(&shared)));
        let node = Self {
            host,
            netns,
            shared,
        };
        node.sh("ip link set lo up").await;
        node
    }

    pub async fn probe(&self, to: Ipv4Addr, kind: ProbeKind) -> Measurement {
        self.probe_for(to, kind, PATIENCE).await
    }

    pub async fn probe_for(&self, to: Ipv4Addr, kind: ProbeKind, timeout: Duration) -> Measurement {
        let from = NodeId::new("node");
        let probe = Probe {
            from,
            to,
            kind,
            timeout,
        };
        self.host.probe(&probe).await.unwrap()
    }

    pub async fn try_serve(
        &self,
        transport: Transport,
        port: u16,
        service: Service,
    ) -> Result<(), BackendError> {
        self.host.serve(&listen(transport, port), &service).await
    }

    pub async fn serve(&self, transport: Transport, port: u16, service: Service) {
        self.try_serve(transport, port, service).await.unwrap();
    }

    pub async fn stop(&self, transport: Transport, port: u16) {
        self.host.stop(&listen(transport, port)).await;
    }

    /// Runs a script that must succeed.
    pub async fn sh(&self, text: &str) -> ScriptOutput {
        let output = self.run(text).await;
        assert_eq!(output.end, ScriptEnd::Exit(0), "{text}: {output:?}");
        output
    }

    pub async fn run(&self, text: &str) -> ScriptOutput {
        self.run_for(text, PATIENCE).await
    }

    pub async fn run_for(&self, text: &str, timeout: Duration) -> ScriptOutput {
        let script = Script {
            node: NodeId::new("node"),
            text: text.into(),
            timeout,
        };
        self.host.run(&script, &files()).await.unwrap()
    }

    /// Sends bytes over a TCP connection of a client's own and reads as many as are expected.
    #[allow(
        clippy::disallowed_methods,
        reason = "the thread is in the node's namespace"
    )]
    pub fn talk(&self, port: u16, request: &[u8], length: usize) -> Vec<u8> {
        thread::scope(|scope| {
            let client = scope.spawn(|| {
                setns(&*self.netns, CloneFlags::CLONE_NEWNET).unwrap();
                let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
                stream.write_all(request).unwrap();
                let mut reply = vec![0; length];
                stream.read_exact(&mut reply).unwrap();
                reply
            });
            client.join().unwrap()
        })
    }

    /// Plays the filter: reports this packet with this label again and again, until dropped.
    pub fn label(&self, label: &str, packet: Vec<u8>) -> Filter {
        let label = Label::from_prefix(label).unwrap();
        let shared = Arc::clone(&self.shared);
        Filter(tokio::spawn(async move {
            let mut beat = tokio::time::interval(Duration::from_millis(2));
            loop {
                beat.tick().await;
                shared.sightings().report(Sighting {
                    source: Source::Rule,
                    node: NodeId::new("router"),
                    label: label.clone(),
                    family: Family::Ip,
                    packet: packet.clone(),
                    at: Instant::now(),
                });
            }
        }))
    }
}

impl TestNode {
    /// Plays a reader whom the machine gives a turn when a probe asks for the `turn`th time, or late by
    /// itself: it reports this packet with this label once.
    pub fn label_late(&self, turn: usize, label: &str, packet: Vec<u8>) {
        let late = PollTimeout::from(50_u8);
        let bell = Arc::new(CatchUp::new().unwrap());
        let sightings = self.shared.sightings().clone();
        sightings.add_reader(&bell);
        let label = Label::from_prefix(label).unwrap();
        thread::spawn(move || {
            for look in 1..=turn {
                let mut ready = [PollFd::new(bell.as_fd(), PollFlags::POLLIN)];
                // Without a bell it looks all the same.
                poll(
                    &mut ready,
                    if look == turn {
                        late
                    } else {
                        PollTimeout::NONE
                    },
                )
                .unwrap();
                let begun = bell.begin();
                if look == turn {
                    sightings.report(Sighting {
                        source: Source::Kernel,
                        node: NodeId::new("router"),
                        label: label.clone(),
                        family: Family::Arp,
                        packet: packet.clone(),
                        at: Instant::now(),
                    });
                }
                bell.done(begun);
            }
        });
    }
}

/// Ends its task when dropped.
pub struct Filter(JoinHandle<()>);

impl Drop for Filter {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The first 28 bytes of an IPv4 packet from 127.0.0.1 to itself.
pub fn packet(protocol: u8, transport: [u8; 8]) -> Vec<u8> {
    let mut bytes = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, protocol, 0, 0];
    bytes.extend([127, 0, 0, 1, 127, 0, 0, 1]);
    bytes.extend(transport);
    bytes
}

/// A question for the Ethernet address of `target`, by `sender` (RFC 826).
pub fn who_has(target: Ipv4Addr, sender: Ipv4Addr) -> Vec<u8> {
    let mut bytes = vec![0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1];
    bytes.extend(sender.octets());
    bytes.extend([0; 6]);
    bytes.extend(target.octets());
    bytes
}

/// The first eight bytes of a TCP or UDP header.
pub fn ports(source: u16, destination: u16) -> [u8; 8] {
    let ([a, b], [c, d]) = (source.to_be_bytes(), destination.to_be_bytes());
    [a, b, c, d, 0, 8, 0, 0]
}

/// What name resolution reads on the node.
fn files() -> HostFiles {
    let names = BTreeSet::from(["server".to_owned()]);
    HostFiles {
        hostname: "sensor".into(),
        hosts: BTreeMap::from([(Ipv4Addr::new(10, 0, 0, 254), names)]),
        nameservers: vec![Ipv4Addr::new(100, 127, 0, 53)],
    }
}

/// Runs a script from a thread whose /etc lacks `hosts` and has a dangling `resolv.conf`; beside them
/// are a file, a directory and a link.
pub fn on_broken_etc(text: &str) -> ScriptOutput {
    let text = text.to_owned();
    let thread = thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, flags, None::<&str>).unwrap();
        let none = None::<&str>;
        mount(Some("tmpfs"), "/etc", Some("tmpfs"), MsFlags::empty(), none).unwrap();
        symlink("../nowhere/resolv.conf", "/etc/resolv.conf").unwrap();
        symlink("left", "/etc/link").unwrap();
        fs::write("/etc/left", "left\n").unwrap();
        fs::create_dir("/etc/dir").unwrap();
        fs::write("/etc/dir/file", "file\n").unwrap();
        // Threads inherit the mount namespace of the one that makes them: all must be made here.
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build().unwrap();
        let output = runtime.block_on(async { TestNode::new().await.sh(&text).await });
        assert!(!fs::exists("/etc/hosts").unwrap());
        output
    });
    thread.join().unwrap()
}

/// How many processes of the machine have this as their last argument.
pub fn processes(last: &str) -> usize {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
    let ending = format!("\0{last}\0");
    lines.filter(|line| line.ends_with(&ending)).count()
}

fn listen(transport: Transport, port: u16) -> Listen {
    Listen {
        transport,
        address: Ipv4Addr::UNSPECIFIED,
        port,
    }
}
