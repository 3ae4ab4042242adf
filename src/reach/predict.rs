//! A flow's way there and its answer's way back.

use std::net::Ipv4Addr;

use super::flow::Flow;
use super::map::{Map, Place};
use super::packet::{Carries, Packet};
use super::prediction::{Prediction, Verdict};
use super::vpc::router_listens;
use super::vpg::endpoint_listens;
use super::walk::{End, Fate, Walk};
use crate::cloud::{Cloud, Reason};
use crate::guest::Guests;

/// What becomes of a flow, where nothing is known of the machines but what their clouds gave them. To
/// predict many, make a [`Map`] once.
///
/// Nothing, where no machine of the flow's `from` is there, or it does not run.
pub fn predict<'a>(cloud: &'a Cloud, flow: &Flow) -> Option<Prediction<'a>> {
    const NOTHING: &Guests = &Guests::new();
    Map::new(cloud, NOTHING).predict(flow)
}

impl<'a> Map<'a> {
    /// What becomes of a flow. Nothing, where no machine of the flow's `from` is there, or it does not
    /// run.
    pub fn predict(&self, flow: &Flow) -> Option<Prediction<'a>> {
        let from = self.node(&flow.from)?;
        let mut walk = Walk::new(self);
        let fate = walk.ask(from, flow.to, flow.ask);
        let (end, packet) = match fate {
            Ok(arrived) => arrived,
            Err(reason) => return Some(blocked(walk, None, reason)),
        };
        let seen_from = match end {
            // The platform sees each device under an address that depends on all of them.
            End::Platform(_) => None,
            End::Machine(_) | End::Router(..) | End::Vpg(..) => Some(packet.source),
        };
        let refused = !walk.listens(end, &packet);
        let forward = walk.turn();
        let answer = packet.answered(packet.destination, refused);
        let fate = walk.answer(end, from, answer, flow.to);
        let there = Some(There {
            forward,
            seen_from,
            refused,
        });
        Some(match fate {
            Ok((End::Machine(back), _)) if back == from => {
                let verdict = if refused {
                    Verdict::Refused
                } else {
                    Verdict::Reachable
                };
                finished(walk, there, verdict)
            }
            // Somebody else has the asking machine's address, and turns the answer down.
            Ok((astray, answer)) => {
                if let End::Machine(stranger) = astray {
                    walk.turn_down(stranger, &answer);
                }
                blocked(walk, there, Reason::AddressConflict)
            }
            Err(reason) => blocked(walk, there, reason),
        })
    }
}

impl<'a> Walk<'_, 'a> {
    /// A machine gets an answer that it did not ask for. What it says to that may die in its turn, and be
    /// seen first.
    fn turn_down(&mut self, stranger: Place, answer: &Packet) {
        if matches!(answer.carries, Carries::Icmp(_)) {
            return;
        }
        let stops = self.hops.len();
        let refusal = answer.answered(answer.destination, true);
        let fate = self.reply(stranger, refusal);
        self.also.extend(fate.err());
        self.hops.truncate(stops);
    }

    fn listens(&self, end: End, packet: &Packet) -> bool {
        match end {
            End::Machine(place) => self.map.listens(place, packet),
            End::Platform(address) => endpoint_listens(address, packet.carries),
            End::Router(_, address) => router_listens(address, packet.carries),
            End::Vpg(..) => matches!(packet.carries, Carries::Icmp(_)),
        }
    }

    fn answer(&mut self, end: End, asked_by: Place, answer: Packet, asked: Ipv4Addr) -> Fate {
        match end {
            End::Machine(place) => self.reply(place, answer),
            End::Platform(_) => {
                let sim = match asked_by {
                    Place::Sim(at) => Some(at),
                    Place::Interface(_) | Place::Pc | Place::Internet => None,
                };
                self.answer_from_platform(sim, answer)
            }
            // The hypervisor: no rule sees it.
            End::Router(..) => {
                let answer = Packet {
                    source: asked,
                    ..answer
                };
                self.arrive(asked_by, answer)
            }
            End::Vpg(vpg, node) => {
                let gate = &self.map.vpgs[vpg].vpg.gate;
                let mut peers = gate.peers.iter();
                match peers.find(|(_, inner)| **inner == answer.destination) {
                    Some((outer, _)) => self.send_to_peer(vpg, node, *outer, answer),
                    None => Err(Reason::GateInnerAddressMismatch),
                }
            }
        }
    }
}

/// What is known of the way there, where the packet arrived.
struct There<'a> {
    forward: Vec<super::Hop<'a>>,
    seen_from: Option<Ipv4Addr>,
    refused: bool,
}

fn blocked<'a>(walk: Walk<'_, 'a>, there: Option<There<'a>>, reason: Reason) -> Prediction<'a> {
    let answer = there.is_some();
    finished(walk, there, Verdict::Blocked { reason, answer })
}

fn finished<'a>(walk: Walk<'_, 'a>, there: Option<There<'a>>, verdict: Verdict) -> Prediction<'a> {
    let (forward, back, seen_from, refused) = match there {
        None => (walk.hops, Vec::new(), None, false),
        Some(there) => (there.forward, walk.hops, there.seen_from, there.refused),
    };
    let arrived = matches!(verdict, Verdict::Reachable);
    Prediction {
        verdict,
        forward,
        back,
        refused,
        seen_from,
        ttl: arrived.then_some(walk.ttl),
        also: walk.also,
        doubtful: walk.doubtful,
    }
}
