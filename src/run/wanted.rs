//! What a probe is expected to bring, with the values of the moment filled in.

use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;

use crate::cloud::{Cloud, Reason};
use crate::scenario::{Expectation, Template};

/// An expectation with its templates filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Reachable(Box<WantedAnswer>),
    Refused,
    Blocked(Option<Reason>),
    /// Whatever was predicted.
    Predicted,
}

/// What is wanted of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct WantedAnswer {
    pub ttl: Option<u8>,
    pub rtt_at_least: Option<Duration>,
    pub rtt_at_most: Option<Duration>,
    pub seen_from: Option<Ipv4Net>,
    pub status: Option<u16>,
    pub body: Option<String>,
    pub addresses: Option<Vec<Ipv4Addr>>,
}

impl Wanted {
    /// Fills templates in.
    ///
    /// # Errors
    ///
    /// A template that stands for nothing, or for something that is no address.
    pub fn resolve(expectation: &Expectation, cloud: &Cloud) -> Result<Self, String> {
        let expected = match expectation {
            Expectation::Refused => return Ok(Self::Refused),
            Expectation::Blocked(reason) => return Ok(Self::Blocked(*reason)),
            Expectation::Predicted => return Ok(Self::Predicted),
            Expectation::Reachable(expected) => expected,
        };
        let text = |template: &Template| template.resolve(cloud).map_err(|d| d.message);
        let seen_from = expected.seen_from.as_ref().map(text).transpose()?;
        let mut addresses = None;
        if let Some(list) = &expected.addresses {
            let parsed: Result<Vec<Ipv4Addr>, String> = list
                .iter()
                .map(|one| {
                    let one = text(one)?;
                    one.parse()
                        .map_err(|_| format!("{one:?} is not an IPv4 address"))
                })
                .collect();
            let mut parsed = parsed?;
            parsed.sort();
            addresses = Some(parsed);
        }
        Ok(Self::Reachable(Box::new(WantedAnswer {
            ttl: expected.ttl,
            rtt_at_least: expected.rtt_at_least,
            rtt_at_most: expected.rtt_at_most,
            seen_from: seen_from.as_deref().map(network).transpose()?,
            status: expected.status.or(expected.body.as_ref().map(|_| 200)),
            body: expected.body.as_ref().map(text).transpose()?,
            addresses,
        })))
    }
}

/// An address or a prefix.
fn network(text: &str) -> Result<Ipv4Net, String> {
    let address = || text.parse::<Ipv4Addr>().map(Ipv4Net::from);
    text.parse()
        .or_else(|_| address())
        .map_err(|_| format!("{text:?} is neither an IPv4 address nor a prefix"))
}
