//! What a VXLAN interface floods to and has learned (drivers/net/vxlan).

use std::net::Ipv4Addr;

use super::super::command::FloodMode;
use super::super::refusal::{Refusal, Stop};
use super::{exists, missing, must_exist};
use crate::guest::Guest;

/// The exit status of `bridge`.
const BRIDGE: u8 = 255;

/// `bridge fdb`, on the entry of the all-zero address: it has one destination or more, or isn't there.
pub(super) fn flood(
    guest: &mut Guest,
    mode: FloodMode,
    dev: &str,
    dst: Option<Ipv4Addr>,
    port: Option<u16>,
) -> Result<(), Stop> {
    if !exists(guest, dev) {
        return Err(missing(guest, Refusal::no_device(dev).exit(BRIDGE)));
    }
    let refused = |what: &str| Err(Refusal::answered(what).exit(BRIDGE).into());
    let interface = guest.interfaces.get_mut(dev);
    let Some(vxlan) = interface.and_then(|i| i.vxlan.as_mut()) else {
        // One more address that it receives for, which nobody sends to.
        return match mode {
            FloodMode::Append if dev != "lo" => Ok(()),
            _ => Err(Stop::Doubt),
        };
    };
    if port.is_some_and(|port| port != vxlan.port) {
        return Err(Stop::Doubt);
    }
    let flood = &mut vxlan.flood;
    match (mode, dst) {
        (FloodMode::Remove, _) if flood.is_empty() => refused("No such file or directory"),
        (FloodMode::Remove, None) => {
            flood.clear();
            Ok(())
        }
        (FloodMode::Remove, Some(dst)) => {
            flood.remove(&dst);
            Ok(())
        }
        (_, None) => refused("Invalid argument"),
        (FloodMode::Add, _) if !flood.is_empty() => refused("File exists"),
        // An entry with several destinations is no entry that could be replaced, nor be new.
        (FloodMode::Replace, _) if flood.is_empty() => refused("Operation not supported"),
        (FloodMode::Replace, _) => Err(Refusal::said("Cannot replace non-unicast fdb entries")
            .exit(BRIDGE)
            .into()),
        (FloodMode::Add | FloodMode::Append, Some(dst)) => {
            flood.insert(dst);
            Ok(())
        }
    }
}

/// `ip neighbour flush`.
pub(super) fn forget(guest: &mut Guest, dev: Option<&str>) -> Result<(), Stop> {
    if let Some(dev) = dev {
        must_exist(guest, dev)?;
    }
    for (name, interface) in &mut guest.interfaces {
        if dev.is_none_or(|dev| dev == name)
            && let Some(vxlan) = &mut interface.vxlan
        {
            vxlan.learned.clear();
        }
    }
    Ok(())
}

/// `ip neighbour delete`.
pub(super) fn forget_one(guest: &mut Guest, dev: &str, ip: Ipv4Addr) -> Result<(), Stop> {
    must_exist(guest, dev)?;
    let interface = guest.interfaces.get_mut(dev);
    let learned = interface
        .and_then(|i| i.vxlan.as_mut())
        .map(|v| &mut v.learned);
    // A neighbour that isn't learned over a tunnel may be there all the same.
    match learned.and_then(|learned| learned.remove(&ip)) {
        Some(_) => Ok(()),
        None => Err(Stop::Doubt),
    }
}
