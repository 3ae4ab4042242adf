//! Interfaces: made, raised, removed.

use super::super::command::{AddVxlan, SetLink};
use super::super::refusal::{Refusal, Stop};
use super::{address, interface, missing, must_exist, route};
use crate::guest::{Guest, Interface, Vxlan};

/// What a VXLAN adds to a packet, in bytes: Ethernet, VXLAN, UDP and IPv4 (RFC 7348, section 4.3).
const OVERHEAD: u32 = 50;

/// Ethernet's least, and what an interface takes at most, in bytes (`ETH_MIN_MTU`, `ETH_MAX_MTU`).
const MTU: std::ops::RangeInclusive<u32> = 68..=65_535;

/// Of an interface that is built on no other, in bytes.
const DEFAULT_MTU: u32 = 1_500;

/// The longest name of an interface, in bytes.
const NAME: usize = 15;

/// What `ip link add … type vxlan` warns of before it asks the kernel.
pub(super) fn warning(guest: &Guest, wanted: &AddVxlan) -> Option<&'static str> {
    const NO_PORT: &str = "\
vxlan: destination port not specified
Will use Linux kernel default (non-standard value)
Use 'dstport 4789' to get the IANA assigned value
Use 'dstport 0' to get default and quiet this message
";
    let below = wanted.below.as_deref();
    let goes_on = below.is_none_or(|dev| must_exist(guest, dev).is_ok());
    (wanted.warns && goes_on).then_some(NO_PORT)
}

/// `ip link add … type vxlan`.
pub(super) fn add_vxlan(guest: &mut Guest, wanted: &AddVxlan) -> Result<(), Stop> {
    if let Some(below) = &wanted.below {
        // Read by another part of `ip` than the rest, with another exit status.
        if must_exist(guest, below).is_err() {
            return Err(missing(guest, Refusal::no_device(below).exit(255)));
        }
    }
    if wanted.name.len() > NAME {
        return Err(Refusal::said("Attribute failed policy validation").into());
    }
    if wanted.mtu.is_some_and(|mtu| !MTU.contains(&mtu)) {
        return Err(Refusal::said("MTU must be between 68 and 65535").into());
    }
    if wanted.name == "lo" || guest.interfaces.contains_key(&wanted.name) {
        return Err(Refusal::answered("File exists").into());
    }
    let mut vxlans = guest.interfaces.values().filter_map(|i| i.vxlan.as_ref());
    if vxlans.any(|vxlan| vxlan.vni == wanted.vni && vxlan.port == wanted.port) {
        let text = "A VXLAN device with the specified VNI already exists";
        return Err(Refusal::said(text).into());
    }
    let below = wanted.below.as_ref().map(|dev| guest.interfaces.get(dev));
    let most = match below {
        // Over `lo`.
        Some(None) => return Err(Stop::Doubt),
        Some(Some(below)) => Some(below.mtu.saturating_sub(OVERHEAD).max(*MTU.start())),
        None => None,
    };
    let mtu = match (wanted.mtu, most) {
        (Some(mtu), Some(most)) => mtu.min(most),
        (None, Some(most)) => most,
        (Some(mtu), None) => mtu,
        (None, None) => DEFAULT_MTU,
    };
    let made = Interface {
        up: false,
        mtu,
        addresses: Vec::new(),
        vxlan: Some(Vxlan {
            vni: wanted.vni,
            port: wanted.port,
            local: wanted.local,
            below: wanted.below.clone(),
            flood: wanted.remote.into_iter().collect(),
            learned: Default::default(),
        }),
    };
    guest.interfaces.insert(wanted.name.clone(), made);
    if wanted.up {
        raise(guest, &wanted.name)?;
    }
    Ok(())
}

fn check_mtu(mtu: u32) -> Result<(), Stop> {
    if mtu < *MTU.start() {
        Err(Refusal::said("mtu less than device minimum").into())
    } else if mtu > *MTU.end() {
        Err(Refusal::said("mtu greater than device maximum").into())
    } else {
        Ok(())
    }
}

/// `ip link set`. The MTU comes first; where it is refused, nothing else is done.
pub(super) fn set(guest: &mut Guest, wanted: &SetLink) -> Result<(), Stop> {
    let dev = &wanted.dev;
    must_exist(guest, dev)?;
    if dev == "lo" {
        // It is up, and nobody changes anything about it without a purpose of his own.
        return match wanted {
            SetLink {
                up: None | Some(true),
                mtu: None,
                ..
            } => Ok(()),
            _ => Err(Stop::Doubt),
        };
    }
    if let Some(mtu) = wanted.mtu {
        check_mtu(mtu)?;
        let limit = room_over(guest, dev);
        let interface = interface(guest, dev)?;
        if mtu != interface.mtu && limit.is_some_and(|limit| mtu > limit) {
            return Err(Refusal::answered("Invalid argument").into());
        }
        interface.mtu = mtu;
    }
    match wanted.up {
        Some(true) => raise(guest, dev),
        Some(false) => lower(guest, dev),
        None => Ok(()),
    }
}

/// What the interface below a tunnel leaves it, in bytes; none where it is built on no other.
fn room_over(guest: &Guest, dev: &str) -> Option<u32> {
    let vxlan = guest.interfaces.get(dev)?.vxlan.as_ref()?;
    let below = guest.interfaces.get(vxlan.below.as_ref()?)?;
    Some(below.mtu.saturating_sub(OVERHEAD))
}

/// An interface that comes up has the routes of its addresses, and no others.
fn raise(guest: &mut Guest, dev: &str) -> Result<(), Stop> {
    let interface = interface(guest, dev)?;
    if interface.up {
        return Ok(());
    }
    interface.up = true;
    let mut done = Ok(());
    for (prefix, source) in address::networks(&interface.addresses.clone()) {
        let connected = route::connect(guest, dev, prefix, source);
        done = done.and(connected);
    }
    done
}

/// An interface that goes down loses all its routes, and forgets its neighbours. What it floods to
/// stays.
fn lower(guest: &mut Guest, dev: &str) -> Result<(), Stop> {
    let interface = interface(guest, dev)?;
    interface.up = false;
    lose(guest, dev);
    Ok(())
}

/// What an interface loses when it goes down, or with its last address.
pub(super) fn lose(guest: &mut Guest, dev: &str) {
    route::drop_over(guest, dev);
    let interface = guest.interfaces.get_mut(dev);
    if let Some(vxlan) = interface.and_then(|i| i.vxlan.as_mut()) {
        vxlan.learned.clear();
    }
}

/// `ip link delete`. Tunnels that are built on the interface go with it.
pub(super) fn remove(guest: &mut Guest, dev: &str) -> Result<(), Stop> {
    must_exist(guest, dev)?;
    let Some(gone) = guest.interfaces.get(dev).cloned().filter(|_| dev != "lo") else {
        return Err(Refusal::answered("Operation not supported").into());
    };
    lose(guest, dev);
    guest.interfaces.remove(dev);
    for address in &gone.addresses {
        route::drop_from(guest, address.addr());
    }
    let built_on = |i: &Interface| i.vxlan.as_ref().and_then(|v| v.below.as_deref()) == Some(dev);
    let above = guest.interfaces.iter().filter(|(_, i)| built_on(i));
    let above: Vec<String> = above.map(|(name, _)| name.clone()).collect();
    for name in above {
        remove(guest, &name)?;
    }
    Ok(())
}
