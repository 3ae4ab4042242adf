//! What a command changes, as Linux does it.

mod address;
mod link;
mod route;
mod tunnel;

use super::command::Command;
use super::refusal::{Refusal, Stop};
use crate::guest::model::LOOPBACK_MTU;
use crate::guest::{Guest, Interface};

/// Carries a command out. Where the doubt comes back, what is understood of it has been done.
pub(super) fn carry_out(guest: &mut Guest, command: &Command) -> Result<(), Stop> {
    match command {
        Command::Nothing | Command::Look | Command::Show(None) | Command::Say(_) => Ok(()),
        Command::Fail => Err(Refusal::new(1, "").into()),
        Command::Show(Some(dev)) => shown(guest, dev),
        Command::AddVxlan(vxlan) => link::add_vxlan(guest, vxlan),
        Command::SetLink(set) => link::set(guest, set),
        Command::RemoveLink(dev) => link::remove(guest, dev),
        Command::AddAddress { dev, net, replace } => address::add(guest, dev, *net, *replace),
        Command::RemoveAddress { dev, ip, length } => address::remove(guest, dev, *ip, *length),
        Command::FlushAddresses(dev) => address::flush(guest, dev),
        Command::SetRoute(mode, words) => route::set(guest, *mode, words),
        Command::RemoveRoute(words) => route::remove(guest, words),
        Command::FlushRoutes(dev) => route::flush(guest, dev),
        Command::FlushNeighbours(dev) => tunnel::forget(guest, dev.as_deref()),
        Command::RemoveNeighbour { dev, ip } => tunnel::forget_one(guest, dev, *ip),
        Command::Flood {
            mode,
            dev,
            dst,
            port,
        } => tunnel::flood(guest, *mode, dev, *dst, *port),
        Command::Switch(list) => {
            let set = list.iter().rev().find_map(|switch| switch.set);
            guest.forwarding = set.unwrap_or(guest.forwarding);
            Ok(())
        }
    }
}

/// What a command says on stderr before it is carried out.
pub(super) fn warning(guest: &Guest, command: &Command) -> Option<String> {
    match command {
        Command::AddVxlan(vxlan) => link::warning(guest, vxlan).map(str::to_owned),
        Command::RemoveAddress {
            ip, length: None, ..
        } => Some(address::warning(*ip)),
        _ => None,
    }
}

/// Whether there is such a device, `lo` included.
fn exists(guest: &Guest, dev: &str) -> bool {
    dev == "lo" || guest.interfaces.contains_key(dev)
}

/// Refuses where there is no such device.
fn must_exist(guest: &Guest, dev: &str) -> Result<(), Stop> {
    if exists(guest, dev) {
        Ok(())
    } else {
        Err(missing(guest, Refusal::no_device(dev)))
    }
}

/// The refusal of a device that isn't there; a command that wasn't understood may have made it.
fn missing(guest: &Guest, refusal: Refusal) -> Stop {
    if guest.doubts.is_empty() {
        refusal.into()
    } else {
        Stop::Doubt
    }
}

/// The interface of this name, which must be there. `lo` is noted down as soon as something is to be
/// said about it.
fn interface<'a>(guest: &'a mut Guest, dev: &str) -> Result<&'a mut Interface, Stop> {
    must_exist(guest, dev)?;
    let lo = || Interface {
        up: true,
        mtu: LOOPBACK_MTU,
        addresses: Vec::new(),
        vxlan: None,
    };
    Ok(guest.interfaces.entry(dev.to_owned()).or_insert_with(lo))
}

fn shown(guest: &Guest, dev: &str) -> Result<(), Stop> {
    if exists(guest, dev) {
        return Ok(());
    }
    let message = format!("Device \"{dev}\" does not exist.");
    Err(missing(guest, Refusal::new(1, message)))
}
