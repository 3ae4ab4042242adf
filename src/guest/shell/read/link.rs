//! `ip link` (ip-link(8)).

use std::net::Ipv4Addr;

use super::arguments::{Arguments, duplicate, invalid, pick};
use super::ip;
use crate::guest::shell::command::{AddVxlan, Command, SetLink};
use crate::guest::shell::refusal::{Refusal, Stop};

/// Where no port was said: what Linux took before there was a number for VXLAN.
const DEFAULT_PORT: u16 = 8472;

/// The largest VXLAN network identifier: 24 bits.
const MAX_VNI: u32 = 0xff_ffff;

#[derive(Clone, Copy)]
enum Verb {
    Add,
    Set,
    Delete,
    Show,
    Other,
}

const VERBS: [(&str, Verb); 9] = [
    ("add", Verb::Add),
    ("set", Verb::Set),
    ("change", Verb::Set),
    ("replace", Verb::Other),
    ("delete", Verb::Delete),
    ("show", Verb::Show),
    ("lst", Verb::Show),
    ("list", Verb::Show),
    ("help", Verb::Other),
];

pub(super) fn read(mut arguments: Arguments<'_>) -> Result<Command, Stop> {
    let Some(word) = arguments.next() else {
        return Ok(Command::Show(None));
    };
    match pick(word, &VERBS).ok_or_else(|| ip::unknown("link", word))? {
        Verb::Add => add(arguments),
        Verb::Set => set(arguments),
        Verb::Delete => delete(arguments),
        Verb::Show => ip::show(arguments),
        Verb::Other => Err(Stop::Doubt),
    }
}

fn set(mut arguments: Arguments<'_>) -> Result<Command, Stop> {
    let mut dev: Option<&str> = None;
    let mut set = SetLink::default();
    while let Some(word) = arguments.next() {
        match word {
            "up" => set.up = Some(true),
            "down" => set.up = Some(false),
            "mtu" => set.mtu = Some(arguments.number("Invalid \"mtu\" value")?),
            "txqueuelen" | "qlen" | "txqlen" | "promisc" | "alias" | "multicast" => {
                arguments.value()?;
            }
            "dev" => dev = Some(arguments.value()?),
            "arp" | "address" | "broadcast" | "name" | "master" | "nomaster" | "vrf" | "netns"
            | "type" | "xdp" | "xdpgeneric" | "xdpdrv" | "group" | "allmulticast" | "dynamic"
            | "state" | "vf" | "link" | "addrgenmode" | "protodown" | "altname" | "trailers"
            | "link-netns" | "link-netnsid" | "carrier" => return Err(Stop::Doubt),
            word if dev.is_some() => return Err(duplicate("dev", word)),
            word => dev = Some(word),
        }
    }
    set.dev = dev.ok_or_else(no_device_to_change)?.to_owned();
    Ok(Command::SetLink(set))
}

/// `ip address` has another exit status for it.
fn no_device_to_change() -> Stop {
    let message = "Not enough information: \"dev\" argument is required.";
    Refusal::new(255, message).into()
}

fn delete(mut arguments: Arguments<'_>) -> Result<Command, Stop> {
    let dev = match arguments.next() {
        None => return Err(no_device_to_change()),
        Some("dev") => arguments.value()?,
        Some("group" | "type") => return Err(Stop::Doubt),
        Some(name) => name,
    };
    match arguments.next() {
        None => Ok(Command::RemoveLink(dev.to_owned())),
        Some(_) => Err(Stop::Doubt),
    }
}

fn add(mut arguments: Arguments<'_>) -> Result<Command, Stop> {
    let mut name: Option<&str> = None;
    let mut vxlan = AddVxlan::default();
    loop {
        match arguments.next() {
            Some("type") => break,
            Some("up") => vxlan.up = true,
            Some("down") => vxlan.up = false,
            Some("mtu") => vxlan.mtu = Some(arguments.number("Invalid \"mtu\" value")?),
            Some("name" | "dev") => name = Some(arguments.value()?),
            Some("txqueuelen" | "qlen" | "txqlen") => {
                arguments.value()?;
            }
            // `link eth0` binds a VXLAN to nothing; an address is of consequence to nobody else.
            Some(
                "address" | "link" | "broadcast" | "master" | "index" | "numtxqueues"
                | "numrxqueues" | "netns" | "group" | "arp" | "multicast" | "vrf" | "alias",
            )
            | None => {
                return Err(Stop::Doubt);
            }
            Some(word) if name.is_some() => return Err(duplicate("dev", word)),
            Some(word) => name = Some(word),
        }
    }
    if arguments.value()? != "vxlan" {
        return Err(Stop::Doubt);
    }
    // Without a name the kernel finds one.
    vxlan.name = name.ok_or(Stop::Doubt)?.to_owned();
    let odd = |b: u8| b == b'/' || b == b':' || b == b'%' || b.is_ascii_whitespace();
    if vxlan.name.is_empty() || vxlan.name.bytes().any(odd) || matches!(name, Some("." | "..")) {
        return Err(Stop::Doubt);
    }
    options(arguments, &mut vxlan)?;
    Ok(Command::AddVxlan(vxlan))
}

#[derive(Clone, Copy)]
enum Keyword {
    Id,
    Group,
    Remote,
    Local,
    Dev,
    /// One value, of no consequence here.
    One,
    /// Two of them.
    Two,
    Port,
    /// No value, and what the kernel does in any case.
    Default,
    Strange,
}

/// In the order in which abbreviations are tried.
const KEYWORDS: [(&str, Keyword); 31] = [
    ("id", Keyword::Id),
    ("vni", Keyword::Id),
    ("group", Keyword::Group),
    ("remote", Keyword::Remote),
    ("local", Keyword::Local),
    ("dev", Keyword::Dev),
    ("ttl", Keyword::One),
    ("hoplimit", Keyword::One),
    ("tos", Keyword::One),
    ("dsfield", Keyword::One),
    ("df", Keyword::One),
    ("flowlabel", Keyword::One),
    ("ageing", Keyword::One),
    ("maxaddress", Keyword::Strange),
    ("port", Keyword::Two),
    ("srcport", Keyword::Two),
    ("dstport", Keyword::Port),
    ("nolearning", Keyword::Strange),
    ("learning", Keyword::Default),
    ("noproxy", Keyword::Default),
    ("proxy", Keyword::Strange),
    ("norsc", Keyword::Default),
    ("rsc", Keyword::Strange),
    ("nol2miss", Keyword::Default),
    ("l2miss", Keyword::Strange),
    ("nol3miss", Keyword::Default),
    ("l3miss", Keyword::Strange),
    ("udpcsum", Keyword::Default),
    ("noudpcsum", Keyword::Default),
    ("noexternal", Keyword::Default),
    ("external", Keyword::Strange),
];

fn options(mut arguments: Arguments<'_>, vxlan: &mut AddVxlan) -> Result<(), Stop> {
    let (mut vni, mut port) = (None, None);
    while let Some(word) = arguments.next() {
        match pick(word, &KEYWORDS) {
            Some(Keyword::Id) => {
                let text = arguments.value()?;
                let id = text.parse().ok().filter(|id| *id <= MAX_VNI);
                vni = Some(id.ok_or_else(|| invalid(text, "invalid id"))?);
            }
            Some(Keyword::Remote) => vxlan.remote = unicast(&mut arguments)?,
            Some(Keyword::Local) => vxlan.local = unicast(&mut arguments)?,
            Some(Keyword::Dev) => vxlan.below = Some(arguments.value()?.to_owned()),
            Some(Keyword::Port) => port = Some(arguments.number("dst port")?),
            Some(Keyword::One) => {
                arguments.value()?;
            }
            Some(Keyword::Two) => {
                arguments.number::<u16>("min port")?;
                arguments.number::<u16>("max port")?;
            }
            Some(Keyword::Default) => {}
            Some(Keyword::Group | Keyword::Strange) => return Err(Stop::Doubt),
            // There are more, for IPv6 and for other formats.
            None if known_elsewhere(word) => return Err(Stop::Doubt),
            None => {
                let message = format!("vxlan: unknown command \"{word}\"?");
                return Err(Refusal::new(1, message).into());
            }
        }
    }
    let missing = || Refusal::new(1, "vxlan: missing virtual network identifier");
    vxlan.vni = vni.ok_or_else(missing)?;
    vxlan.warns = port.is_none();
    vxlan.port = port.filter(|port| *port != 0).unwrap_or(DEFAULT_PORT);
    Ok(())
}

fn known_elsewhere(word: &str) -> bool {
    [
        "udp6zerocsumtx",
        "udp6zerocsumrx",
        "noudp6zerocsumtx",
        "noudp6zerocsumrx",
        "remcsumtx",
        "remcsumrx",
        "noremcsumtx",
        "noremcsumrx",
        "gbp",
        "gpe",
        "vnifilter",
        "novnifilter",
        "localbypass",
        "nolocalbypass",
        "label_policy",
        "help",
    ]
    .iter()
    .any(|known| known.starts_with(word))
}

/// The value of a keyword that is one machine's address, or any.
fn unicast(arguments: &mut Arguments<'_>) -> Result<Option<Ipv4Addr>, Stop> {
    let text = arguments.value()?;
    if text == "any" {
        return Ok(None);
    }
    let ip: Ipv4Addr = text.parse().map_err(|_| Stop::Doubt)?;
    if ip.is_multicast() {
        return Err(Stop::Doubt);
    }
    Ok(Some(ip).filter(|ip| !ip.is_unspecified()))
}
