//! Loads the program, reads what it reports, and passes on what that means.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};
use tokio::sync::watch;

use super::btf::Btf;
use super::layout::{self, Names};
use super::permission::TYPES;
use super::program::{self, Maps, RECORD, Record};
use super::{Shared, State, symbols};
use crate::backend::evidence::meaning::{self, Drop, Meaning};
use crate::backend::kernel::catch_up::CatchUp;
use crate::backend::kernel::features::Feature;
use crate::backend::kernel::host::{Sighting, Sightings, Source};
use crate::backend::kernel::sys::bpf::{self, Map, MapKind};
use crate::backend::kernel::sys::ring::Ring;

/// Room for records that have not been read yet, in bytes: 14,000 of them.
const BUFFER: u32 = 4 << 20;

/// How many namespaces can be listened to.
const MOST_NAMESPACES: u32 = 8_192;

/// The helpers that read the kernel's memory are for programs under a licence that the GPL is
/// compatible with: the few instructions of `program.rs` are offered under either.
const LICENSE: &CStr = c"Dual MIT/GPL";

/// A program that runs, and its maps.
pub(super) struct Loaded {
    names: Names,
    ring: Ring,
    lost: Map,
    /// Until the listener hands it on.
    namespaces: Option<Map>,
    /// The program's hold on the tracepoint.
    _attached: OwnedFd,
}

impl Loaded {
    /// Loads the program and attaches it.
    ///
    /// # Errors
    ///
    /// Why that can't be done here, in words.
    pub fn load() -> Result<Self, String> {
        Self::load_with(BUFFER)
    }

    /// The same with this much room for records.
    fn load_with(buffer: u32) -> Result<Self, String> {
        let failed = |doing: &str, error: &io::Error| format!("{doing}: {}", plain(error));
        Feature::DropReasons
            .there()
            .map_err(|errno| failed("attach to the tracepoint kfree_skb", &errno.into()))?;
        let types = fs::read(TYPES).map_err(|e| failed("read the kernel's types", &e))?;
        let (layout, names) = Btf::read(&types)
            .and_then(|btf| layout::look(&btf))
            .map_err(|error| error.to_string())?;
        drop(types);
        // Before Linux 5.11 maps counted as locked memory.
        let _ = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY);
        let maps = || -> io::Result<_> {
            Ok((
                Map::new(MapKind::Hash, 4, 1, MOST_NAMESPACES)?,
                Map::new(MapKind::Array, 4, 8, 1)?,
                Ring::new(buffer)?,
            ))
        };
        let (namespaces, lost, ring) = maps().map_err(|e| failed("make a BPF map", &e))?;
        let instructions = program::assemble(
            &layout,
            &Maps {
                namespaces: namespaces.fd(),
                ring: ring.fd(),
                lost: lost.fd(),
            },
        )
        .ok_or("the kernel's structures are too large")?;
        let program = bpf::load(&instructions, LICENSE).map_err(|(error, log)| {
            let refused = failed("load a BPF program", &error);
            if log.is_empty() {
                refused
            } else {
                format!("{refused} ({log})")
            }
        })?;
        let attached = bpf::open_raw_tracepoint(c"kfree_skb", &program)
            .map_err(|e| failed("attach to the tracepoint kfree_skb", &e))?;
        Ok(Self {
            names,
            ring,
            lost,
            namespaces: Some(namespaces),
            _attached: attached,
        })
    }

    /// How many records there was no room for since the beginning.
    fn lost(&self) -> u64 {
        let mut count = [0; 8];
        match self.lost.get(&[0; 4], &mut count) {
            Ok(()) => u64::from_ne_bytes(count),
            Err(_) => 0,
        }
    }
}

/// The thread's work: loads the program, then passes drops on until told to stop.
pub(super) fn run(shared: &Arc<Shared>, state: &watch::Sender<State>, to: &Sightings) {
    let began = Instant::now();
    let loaded = Loaded::load().and_then(|mut loaded| {
        let handed = match loaded.namespaces.take() {
            Some(map) => shared.namespaces().hand_over(map),
            None => Ok(()),
        };
        handed
            .map(|()| loaded)
            .map_err(|error| format!("tell the program our namespaces: {}", plain(&error)))
    });
    match loaded {
        Ok(mut loaded) => {
            let took = began.elapsed();
            tracing::debug!(?took, "listening to the kernel's own drops");
            state.send_replace(State::Listening);
            match CatchUp::new() {
                Ok(catch_up) => {
                    let catch_up = Arc::new(catch_up);
                    to.add_reader(&catch_up);
                    listen(shared, &mut loaded, to, &catch_up);
                }
                Err(errno) => {
                    tracing::error!("the kernel's drops can't be read: {}", errno.desc());
                }
            }
        }
        Err(why) => tracing::warn!(why, "the kernel's own drops are not listened to"),
    }
    state.send_replace(State::Deaf);
}

fn listen(shared: &Shared, loaded: &mut Loaded, to: &Sightings, catch_up: &CatchUp) {
    let mut record = [0; RECORD];
    let mut places = BTreeMap::new();
    let mut pace = Pace::default();
    loop {
        {
            let mut ready = [
                PollFd::new(loaded.ring.as_fd(), PollFlags::POLLIN),
                PollFd::new(shared.stop.as_fd(), PollFlags::POLLIN),
                PollFd::new(catch_up.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut ready, PollTimeout::NONE) {
                Ok(_) => {}
                Err(Errno::EINTR) => continue,
                Err(errno) => {
                    tracing::error!("the kernel's drops can't be read: {}", errno.desc());
                    return;
                }
            }
            if ready[1].any() == Some(true) {
                return;
            }
        }
        let begun = catch_up.begin();
        let mut count = 0;
        while loaded.ring.next(&mut record).is_some() {
            count += 1;
            if let Some(record) = Record::read(&record)
                && let Some(sighting) = sighting(shared, to, &loaded.names, &mut places, record)
            {
                to.report(sighting);
            }
        }
        catch_up.done(begun);
        shared.seen.fetch_add(count, Ordering::Relaxed);
        let lost = loaded.lost();
        let before = shared.lost.swap(lost, Ordering::Relaxed);
        if lost > before {
            let lost = lost - before;
            tracing::warn!(lost, "drops of the kernel's were lost: too many at once");
        }
        if let Some(rest) = pace.rest(Instant::now(), count) {
            std::thread::sleep(rest);
        }
    }
}

/// To wake the reader costs the kernel more than the record that it wakes it for, and it does so for
/// each record that finds the ring empty. So in a flood of drops the reader rests between two looks;
/// the first ones after a quiet time are passed on at once.
#[derive(Debug, Default)]
struct Pace {
    /// When the reader last looked, and how many records it has found without a quiet time.
    last: Option<(Instant, u64)>,
}

impl Pace {
    /// What counts as quiet.
    const QUIET: Duration = Duration::from_millis(2);
    /// How many records make a flood.
    const FLOOD: u64 = 64;
    /// A rest: the ring has room for what comes meanwhile, at twenty million drops a second.
    const REST: Duration = Duration::from_micros(500);

    /// How long to rest after finding so many records.
    fn rest(&mut self, now: Instant, found: u64) -> Option<Duration> {
        let before = match self.last {
            Some((at, count)) if now.duration_since(at) < Self::QUIET => count,
            _ => 0,
        };
        let count = before + found;
        self.last = Some((now, count));
        (count > Self::FLOOD).then_some(Self::REST)
    }
}

/// Places in the kernel's code that have been looked up.
type Places = BTreeMap<u64, Option<String>>;

/// What a probe should hear about a record; none if it means nothing.
fn sighting(
    shared: &Shared,
    to: &Sightings,
    names: &Names,
    places: &mut Places,
    record: Record,
) -> Option<Sighting> {
    let at = Instant::now();
    // To look a place in the kernel up takes time that the network needs.
    if !to.is_watched() {
        return None;
    }
    let node = shared.namespaces().nodes.get(&record.namespace)?.clone();
    let reason = names.get(&record.reason)?;
    let mut place = |at: u64| -> Option<String> {
        let known = places.entry(at).or_insert_with(|| symbols::function(at));
        known.clone()
    };
    let mut drop = Drop {
        node: &node,
        reason,
        kind: &record.kind,
        place: None,
        family: record.family,
        packet: &record.packet,
    };
    let special = needs_place(&drop).then(|| place(record.location));
    let special = special.flatten();
    drop.place = special.as_deref();
    let scene = shared.scene.read().unwrap_or_else(PoisonError::into_inner);
    let meaning = meaning::meaning(&drop, &scene);
    std::mem::drop(scene);
    tracing::debug!(%node, reason, kind = record.kind, ?meaning, "the kernel dropped a packet");
    let mut label = match meaning {
        Meaning::Known(label) => label,
        Meaning::Unknown => meaning::unknown(&drop, place(record.location).as_deref()),
        Meaning::Noise => return None,
    };
    if reason == "NETFILTER_DROP" && to.is_traced(&node) {
        // The rule is about to be named, which tells more.
        label.is_final = false;
    }
    Some(Sighting {
        node,
        label,
        source: Source::Kernel,
        family: record.family,
        packet: record.packet,
        at,
    })
}

/// Whether only the place in the kernel's code tells what a drop means. To look it up takes a while.
fn needs_place(drop: &Drop<'_>) -> bool {
    drop.reason == "NOT_SPECIFIED" && drop.kind == "veth"
}

fn plain(error: &io::Error) -> String {
    crate::plain::plain(error)
}

#[cfg(test)]
mod tests;
