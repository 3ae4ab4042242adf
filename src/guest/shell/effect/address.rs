//! Addresses, and the routes that come and go with them (net/ipv4/devinet.c, fib_frontend.c).
//!
//! The first address of a network is its primary one, which the network's route has as its source. Those
//! that follow are secondary, and stand behind all primary ones. When a primary address goes, the first
//! of its secondary ones takes its place (`promote_secondaries`, as every distribution has it).

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::super::refusal::{Refusal, Stop};
use super::{exists, interface, link, missing, route};
use crate::guest::{Guest, Way};

/// The networks that an interface with these addresses is in, each with its primary address. A single
/// address has no network, and neither has what begins with 0.
pub(super) fn networks(addresses: &[Ipv4Net]) -> Vec<(Ipv4Net, Ipv4Addr)> {
    let primary = addresses
        .iter()
        .enumerate()
        .filter(|(at, _)| !secondary(addresses, *at));
    primary
        .map(|(_, address)| (address.trunc(), address.addr()))
        .filter(|(prefix, _)| prefix.prefix_len() < 32 && prefix.network().octets()[0] != 0)
        .collect()
}

/// Whether an earlier one is in the same network.
fn secondary(addresses: &[Ipv4Net], at: usize) -> bool {
    let network = addresses.get(at).map(Ipv4Net::trunc);
    addresses
        .iter()
        .take(at)
        .any(|a| Some(a.trunc()) == network)
}

/// Where the primary addresses end.
fn primaries(addresses: &[Ipv4Net]) -> usize {
    let last = (0..addresses.len())
        .rev()
        .find(|at| !secondary(addresses, *at));
    last.map_or(0, |at| at + 1)
}

/// `ip address add`, or `replace`.
pub(super) fn add(guest: &mut Guest, dev: &str, net: Ipv4Net, replace: bool) -> Result<(), Stop> {
    let interface = interface(guest, dev)?;
    let addresses = &mut interface.addresses;
    if addresses.contains(&net) {
        return if replace {
            Ok(())
        } else {
            Err(Refusal::said("ipv4: Address already assigned").into())
        };
    }
    if addresses.iter().any(|a| a.trunc() == net.trunc()) {
        addresses.push(net);
        return Ok(());
    }
    let at = primaries(addresses);
    addresses.insert(at, net);
    if interface.up && dev != "lo" {
        for (prefix, source) in networks(&[net]) {
            route::connect(guest, dev, prefix, source)?;
        }
    }
    Ok(())
}

/// What `ip address delete` warns of where no length was said.
pub(super) fn warning(ip: Ipv4Addr) -> String {
    format!(
        "\
Warning: Executing wildcard deletion to stay compatible with old scripts.
         Explicitly specify the prefix length ({ip}/32) to avoid this warning.
         This special behaviour is likely to disappear in further releases,
         fix your scripts!
"
    )
}

/// `ip address delete`.
pub(super) fn remove(
    guest: &mut Guest,
    dev: &str,
    ip: Ipv4Addr,
    length: Option<u8>,
) -> Result<(), Stop> {
    if dev == "lo" && ip.is_loopback() {
        return Err(Stop::Doubt);
    }
    super::must_exist(guest, dev)?;
    let not_found = || Refusal::said("ipv4: Address not found");
    let interface = guest.interfaces.get(dev).ok_or_else(not_found)?;
    let fits = |a: &Ipv4Net| a.addr() == ip && length.is_none_or(|length| length == a.prefix_len());
    let at = interface.addresses.iter().position(fits);
    take(guest, dev, at.ok_or_else(not_found)?)
}

/// `ip address flush dev`.
pub(super) fn flush(guest: &mut Guest, dev: &str) -> Result<(), Stop> {
    if !exists(guest, dev) {
        let message = format!("Device \"{dev}\" does not exist.");
        return Err(missing(guest, Refusal::new(1, message)));
    }
    if dev == "lo" {
        return Err(Stop::Doubt);
    }
    while guest
        .interfaces
        .get(dev)
        .is_some_and(|i| !i.addresses.is_empty())
    {
        take(guest, dev, 0)?;
    }
    Ok(())
}

/// Takes an address away.
fn take(guest: &mut Guest, dev: &str, at: usize) -> Result<(), Stop> {
    let address = interface(guest, dev)?.addresses[at].addr();
    let mut others = guest.interfaces.iter().filter(|(name, _)| *name != dev);
    if others.any(|(_, other)| other.addresses.iter().any(|a| a.addr() == address)) {
        // Which routes go with an address that another interface has as well depends on the order in
        // which the two got it.
        return Err(Stop::Doubt);
    }
    let interface = interface(guest, dev)?;
    let was_primary = !secondary(&interface.addresses, at);
    let up = interface.up && dev != "lo";
    let gone = interface.addresses.remove(at);
    let addresses = &mut interface.addresses;
    // The first that is left of its network. Without the primary one it has become primary, and stands
    // with the others that are.
    let heir = addresses.iter().position(|a| a.trunc() == gone.trunc());
    let mut successor = None;
    if let (true, Some(heir)) = (was_primary, heir) {
        let address = addresses.remove(heir);
        let others: Vec<Ipv4Net> = addresses
            .iter()
            .copied()
            .filter(|a| a.trunc() != gone.trunc())
            .collect();
        let primary = primaries(&others);
        // The same place in the whole list: secondary addresses all stand behind.
        addresses.insert(primary.min(addresses.len()), address);
        successor = Some(address);
    }
    let still = addresses.iter().any(|a| a.addr() == gone.addr());
    let none_left = addresses.is_empty();
    if dev == "lo" && none_left {
        guest.interfaces.remove(dev);
    }
    if was_primary && up {
        disconnect(guest, dev, gone);
    }
    if !still {
        route::drop_from(guest, gone.addr());
    }
    if let Some(address) = successor.filter(|_| up) {
        for (prefix, source) in networks(&[address]) {
            route::connect(guest, dev, prefix, source)?;
        }
    }
    if none_left {
        link::lose(guest, dev);
    }
    Ok(())
}

/// Takes away the route of an address's network, if it is the one that the kernel made.
fn disconnect(guest: &mut Guest, dev: &str, net: Ipv4Net) {
    let is_ours = guest.routes.get(&net.trunc()).is_some_and(|route| {
        let on_link = Way::Out {
            dev: dev.to_owned(),
            via: None,
        };
        route.way == on_link && route.source == Some(net.addr())
    });
    if is_ours {
        guest.routes.remove(&net.trunc());
    }
}
