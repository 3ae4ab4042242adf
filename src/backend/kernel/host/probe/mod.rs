//! Sends a probe and decides what became of it.
//!
//! Whichever comes first decides: the answer, a final label on one of the probe's packets, or the
//! time limit. An ICMP error decides nothing by itself, since the kernel limits their rate and anyone
//! on the path may send one; `judge` names the few exceptions.

mod datagram;
mod dns;
mod http;
mod judge;
mod ntp;
mod ping;
mod tcp;
mod udp;

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use super::Host;
use super::sightings::{Sighting, Sightings, Watch};
use crate::backend::BackendError;
use crate::backend::evidence::Footprint;
use crate::backend::evidence::case::{Case, Doom, FLOOD_DELAY, Labelled};
use crate::backend::kernel::shortage::Need;
use crate::backend::probe::{Measurement, NotSent, Outcome, Probe, ProbeKind};

/// A probe on its way: its first packet may have gone out already.
struct Asked {
    footprint: Footprint,
    /// The fate as far as the asking socket can tell. It may wait for ever.
    fate: Pin<Box<dyn Future<Output = Outcome> + Send>>,
}

/// Why a probe isn't on its way.
enum Halt {
    /// The node's kernel told its fate at once.
    Fate(Outcome),
    /// It could not be carried out.
    Broken(BackendError),
}

/// How long a refusal to send may precede the report of the filter that refused.
const FILTER_DELAY: Duration = Duration::from_millis(200);

/// How long a rejection, which looks like the far end's own, may precede the report of the rule that
/// rejected.
const REJECTION_DELAY: Duration = Duration::from_millis(15);

/// How long the readers of what the kernel reports may take to get their turn on a busy machine.
const READER_DELAY: Duration = Duration::from_secs(2);

impl Host {
    /// Sends one probe from this node and waits for its fate, at most for [`Probe::timeout`].
    ///
    /// # Errors
    ///
    /// Only where the probe could not be carried out at all; a packet that is lost is a result.
    pub async fn probe(&self, probe: &Probe) -> Result<Measurement, BackendError> {
        // What became of the packets of an earlier probe is not about this one.
        self.shared.sightings.catch_up(READER_DELAY).await;
        // Before the first packet goes out, so that no label is missed.
        let watch = self.shared.sightings.watch();
        let began = Instant::now();
        let asked = match self.ask(probe).await {
            Ok(asked) => asked,
            Err(Halt::Broken(error)) => return Err(error),
            Err(Halt::Fate(outcome)) => {
                return Ok(Measurement {
                    outcome,
                    evidence: Vec::new(),
                    elapsed: began.elapsed(),
                });
            }
        };
        let mut vigil = Vigil {
            watch,
            sightings: self.shared.sightings.clone(),
            case: Case::new(asked.footprint),
            began,
            traced: self.shared.sightings.has_traced(),
        };
        let outcome = vigil.decide(asked.fate, began + probe.timeout).await;
        let elapsed = began.elapsed();
        if let Some(error) = self.shared.witness.take_closed() {
            let doing = "let a service accept a connection that began";
            return Err(self.refused(doing, Need::Other, &error));
        }
        Ok(Measurement {
            outcome,
            evidence: vigil.case.in_order(),
            elapsed,
        })
    }

    async fn ask(&self, probe: &Probe) -> Result<Asked, Halt> {
        let to = probe.to;
        match &probe.kind {
            ProbeKind::Ping {
                size,
                dont_fragment,
            } => self.ping(to, *size, *dont_fragment).await,
            ProbeKind::Tcp { port } => self.ask_tcp(to, *port).await,
            ProbeKind::Udp { port } => self.ask_udp(to, *port).await,
            ProbeKind::Http { port, path, host } => self.ask_http(to, *port, path, host).await,
            ProbeKind::Dns { port, name } => self.ask_dns(to, *port, name).await,
            ProbeKind::Ntp { port } => self.ask_ntp(to, *port).await,
        }
    }
}

/// A probe under way, and what it waits for.
struct Vigil {
    watch: Watch,
    sightings: Sightings,
    case: Case,
    began: Instant,
    /// Whether some node has rules of its own, which may answer for others.
    traced: bool,
}

impl Vigil {
    async fn decide(
        &mut self,
        fate: impl Future<Output = Outcome> + Unpin,
        until: Instant,
    ) -> Outcome {
        let mut outcome = tokio::select! {
            biased;
            outcome = fate => outcome,
            () = self.doom() => return Outcome::Dropped,
            () = tokio::time::sleep_until(until.into()) => Outcome::Silent,
        };
        if !matches!(outcome, Outcome::Answered(_)) {
            self.sightings.catch_up(READER_DELAY).await;
        }
        // A filter that drops what the node itself sends makes the send fail; and a rule that rejects
        // answers as the far end would. If one says so, it does a moment later.
        let delay = match outcome {
            Outcome::NotSent(NotSent::Forbidden) => Some(FILTER_DELAY),
            Outcome::Refused | Outcome::NotSent(NotSent::NoNeighbour) => {
                self.traced.then_some(REJECTION_DELAY)
            }
            Outcome::NotSent(NotSent::NoRoute | NotSent::TooBig)
            | Outcome::Answered(_)
            | Outcome::Dropped
            | Outcome::Silent => None,
        };
        if let Some(delay) = delay
            && tokio::time::timeout(delay, self.doom()).await.is_ok()
        {
            return Outcome::Dropped;
        }
        while let Some(sighting) = self.watch.try_next() {
            let doom = self.weigh(&sighting);
            if doom != Doom::Open && outcome == Outcome::Silent {
                outcome = Outcome::Dropped;
                break;
            }
        }
        outcome
    }

    /// Waits until one of the probe's packets bears a final label; and where that is a copy of a flooded
    /// question, until another would have been answered.
    async fn doom(&mut self) {
        let mut until = None;
        loop {
            let sighting = match until {
                None => self.watch.next().await,
                Some(until) => match tokio::time::timeout_at(until, self.watch.next()).await {
                    Ok(sighting) => sighting,
                    Err(_) => return,
                },
            };
            match self.weigh(&sighting) {
                Doom::Sealed => return,
                Doom::OfOneCopy => {
                    until.get_or_insert_with(|| tokio::time::Instant::now() + FLOOD_DELAY);
                }
                Doom::Open => {}
            }
        }
    }

    /// Keeps the sighting if it is about this probe, and says whether it seals its fate.
    fn weigh(&mut self, sighting: &Sighting) -> Doom {
        let Some(after) = sighting.at.checked_duration_since(self.began) else {
            return Doom::Open;
        };
        let labelled = Labelled {
            node: &sighting.node,
            label: &sighting.label,
            source: sighting.source,
            family: sighting.family,
            packet: &sighting.packet,
        };
        self.case.weigh(labelled, after)
    }
}
