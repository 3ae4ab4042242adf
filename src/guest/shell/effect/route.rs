//! Routes of the main table (net/ipv4/fib_semantics.c, fib_trie.c).

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::super::command::{Mode, RouteWords};
use super::super::refusal::{Refusal, Stop};
use super::{address, must_exist};
use crate::guest::{Guest, Route, Way};

/// The route of a network that an interface is in. Where another interface is in it too, the route of
/// the first counts, and a `Guest` has no place for the second.
pub(super) fn connect(
    guest: &mut Guest,
    dev: &str,
    prefix: Ipv4Net,
    source: Ipv4Addr,
) -> Result<(), Stop> {
    let way = Way::Out {
        dev: dev.to_owned(),
        via: None,
    };
    let route = Route {
        way,
        source: Some(source),
    };
    match guest.routes.get(&prefix) {
        None => {
            guest.routes.insert(prefix, route);
            Ok(())
        }
        Some(there) if *there == route => Ok(()),
        Some(_) => Err(Stop::Doubt),
    }
}

/// Drops the routes over an interface.
pub(super) fn drop_over(guest: &mut Guest, gone: &str) {
    guest
        .routes
        .retain(|_, route| !matches!(&route.way, Way::Out { dev, .. } if dev == gone));
}

/// Drops the routes that have this source, which is no address of the machine's any more.
pub(super) fn drop_from(guest: &mut Guest, gone: Ipv4Addr) {
    guest.routes.retain(|_, route| route.source != Some(gone));
}

/// `ip route add` and its like.
pub(super) fn set(guest: &mut Guest, mode: Mode, words: &RouteWords) -> Result<(), Stop> {
    if let Some(dev) = &words.dev {
        must_exist(guest, dev)?;
    }
    let prefix = words.destination;
    if prefix.trunc() != prefix {
        return Err(Refusal::said("Invalid prefix for given prefix length").into());
    }
    let (way, sure) = way(guest, words)?;
    if let Some(source) = words.source
        && !is_local(guest, source)
    {
        return Err(Refusal::said("Invalid prefsrc address").into());
    }
    let there = guest.routes.contains_key(&prefix);
    let beside = there && (mode == Mode::Beside || words.metric);
    if beside {
        // Two routes for one prefix.
        return Err(Stop::Doubt);
    }
    match mode {
        Mode::Add if there => return Err(Refusal::answered("File exists").into()),
        Mode::Change if !there => {
            return Err(Refusal::answered("No such file or directory").into());
        }
        _ => {}
    }
    let source = words.source;
    guest.routes.insert(prefix, Route { way, source });
    // A route without a metric would go beside it.
    if sure && !words.metric {
        Ok(())
    } else {
        Err(Stop::Doubt)
    }
}

/// Where the words lead, and whether that is all that there is to it.
fn way(guest: &Guest, words: &RouteWords) -> Result<(Way, bool), Stop> {
    if words.nowhere {
        if words.dev.is_some() || words.via.is_some() {
            let text = "Gateway, device and multipath can not be specified for this route type";
            return Err(Refusal::said(text).into());
        }
        return Ok((Way::Nowhere, true));
    }
    let dev = words.dev.as_deref();
    let up = |dev: &str| dev == "lo" || guest.interfaces.get(dev).is_some_and(|i| i.up);
    let out = |dev: &str, via| Way::Out {
        dev: dev.to_owned(),
        via,
    };
    match (words.via, dev) {
        (None, _) if words.onlink => {
            let text = "Invalid flags for nexthop - PERVASIVE and ONLINK can not be set";
            Err(Refusal::said(text).into())
        }
        (None, None) => Err(Refusal::answered("No such device").into()),
        (None, Some(dev)) if !up(dev) => Err(Refusal::said("Device for nexthop is not up").into()),
        // Without a next hop there is nothing that could be on the link.
        (None, Some(dev)) => Ok((out(dev, None), true)),
        (Some(_), None) if words.onlink => {
            Err(Refusal::said("Nexthop device required for onlink").into())
        }
        (Some(_), Some(dev)) if words.onlink && !up(dev) => {
            Err(Refusal::said("Nexthop device is not up").into())
        }
        (Some(via), Some(dev)) if words.onlink => {
            // Whichever interface it is special on.
            if is_special(guest, via, None) || own(guest, via, None).is_some() {
                return Err(invalid_gateway());
            }
            Ok((out(dev, Some(via)), true))
        }
        (Some(via), dev) => {
            if is_special(guest, via, dev) {
                return Err(invalid_gateway());
            }
            // Over an address of its own: the kernel takes that for a network on the link.
            if let Some(dev) = own(guest, via, dev) {
                return if up(&dev) {
                    Ok((out(&dev, Some(via)), false))
                } else {
                    Err(Stop::Doubt)
                };
            }
            let dev = on_link(guest, via, dev).ok_or_else(invalid_gateway)?;
            Ok((out(&dev, Some(via)), true))
        }
    }
}

fn invalid_gateway() -> Stop {
    Refusal::said("Nexthop has invalid gateway").into()
}

/// The interface by whose route a next hop is on the link: routes over another next hop don't count.
fn on_link(guest: &Guest, via: Ipv4Addr, wanted: Option<&str>) -> Option<String> {
    let mut found: Option<(u8, &str)> = None;
    for (prefix, route) in &guest.routes {
        if let Way::Out { dev, via: None } = &route.way
            && prefix.contains(&via)
            && wanted.is_none_or(|wanted| wanted == dev)
            && found.is_none_or(|(length, _)| length <= prefix.prefix_len())
        {
            found = Some((prefix.prefix_len(), dev));
        }
    }
    found.map(|(_, dev)| dev.to_owned())
}

/// Whether an address is one of the machine's own.
fn is_local(guest: &Guest, ip: Ipv4Addr) -> bool {
    ip.is_loopback() || own(guest, ip, None).is_some()
}

/// The interface that has this address.
fn own(guest: &Guest, ip: Ipv4Addr, wanted: Option<&str>) -> Option<String> {
    let mut interfaces = guest
        .interfaces
        .iter()
        .filter(|(name, _)| wanted.is_none_or(|wanted| wanted == *name));
    // Of a network on `lo` every address is the machine's own.
    let has = |name: &str, a: &Ipv4Net| a.addr() == ip || (name == "lo" && a.contains(&ip));
    let found = interfaces.find(|(name, i)| i.addresses.iter().any(|a| has(name, a)));
    found.map(|(name, _)| name.clone())
}

/// Whether an address can't be a next hop: it means several machines, or none.
fn is_special(guest: &Guest, ip: Ipv4Addr, dev: Option<&str>) -> bool {
    let broadcast = guest.interfaces.iter().any(|(name, interface)| {
        let networks = address::networks(&interface.addresses);
        let mut prefixes = networks.iter().map(|(prefix, _)| prefix);
        interface.up
            && dev.is_none_or(|dev| dev == name)
            && prefixes.any(|p| p.prefix_len() < 31 && p.broadcast() == ip)
    });
    broadcast || ip.is_loopback() || ip.is_multicast() || ip.is_broadcast() || ip.octets()[0] == 0
}

/// `ip route delete`: the words that are there must fit.
pub(super) fn remove(guest: &mut Guest, words: &RouteWords) -> Result<(), Stop> {
    if let Some(dev) = &words.dev {
        must_exist(guest, dev)?;
    }
    if words.metric {
        return Err(Stop::Doubt);
    }
    let prefix = words.destination;
    if prefix.trunc() != prefix {
        return Err(Refusal::said("Invalid prefix for given prefix length").into());
    }
    let fits = |route: &Route| {
        let source = words
            .source
            .is_none_or(|source| route.source == Some(source));
        source
            && match &route.way {
                Way::Nowhere => words.dev.is_none() && words.via.is_none(),
                Way::Out { dev, via } => {
                    !words.nowhere
                        && words.dev.as_ref().is_none_or(|wanted| wanted == dev)
                        && words.via.is_none_or(|wanted| *via == Some(wanted))
                }
            }
    };
    if !guest.routes.get(&prefix).is_some_and(fits) {
        return Err(Refusal::answered("No such process").into());
    }
    guest.routes.remove(&prefix);
    Ok(())
}

/// `ip route flush dev`.
pub(super) fn flush(guest: &mut Guest, dev: &str) -> Result<(), Stop> {
    must_exist(guest, dev)?;
    drop_over(guest, dev);
    Ok(())
}
