//! What the user types on a Gate peer, right or with one mistake.

use std::net::Ipv4Addr;

use super::layout::{Layout, TunnelFacts, at};
use crate::plan::Mistake;

/// The script; nothing where it was forgotten.
pub fn script(layout: &Layout<'_>, tunnel: &TunnelFacts<'_>, mistake: Mistake) -> Option<String> {
    let (vpg, instance) = (&layout.vpgs[tunnel.vpg], &layout.instances[tunnel.instance]);
    let vni = match mistake {
        Mistake::NoScript => return None,
        Mistake::Vni => vpg.vni + 1,
        _ => vpg.vni,
    };
    let port = match mistake {
        Mistake::LinuxPort => "",
        Mistake::OtherPort => " dstport 4790",
        _ => " dstport 4789",
    };
    let local = match mistake {
        Mistake::NoLocal => String::new(),
        Mistake::WrongLocal => format!(" local {}", Ipv4Addr::from(u32::from(instance.ip) + 100)),
        _ => format!(" local {}", instance.ip),
    };
    let prefix = vpg.devices.prefix_len();
    let inner = match mistake {
        Mistake::NoInner => None,
        Mistake::InnerOutside => Some("192.168.77.1/24".to_owned()),
        Mistake::InnerUnregistered => Some(format!("{}/{prefix}", tunnel.spare)),
        Mistake::Netmask => Some(format!("{}/32", tunnel.inner)),
        _ => Some(format!("{}/{prefix}", tunnel.inner)),
    };
    let [first, second] = vpg.outer;
    // Of the VPG's range, but neither node's.
    let elsewhere = at(vpg.range, 6);
    let flood = match mistake {
        Mistake::NoFlood => vec![],
        Mistake::OnlyFirst => vec![first],
        Mistake::OnlySecond => vec![second],
        Mistake::FloodElsewhere => vec![elsewhere],
        Mistake::FloodToOther => vec![first, elsewhere],
        _ => vec![first, second],
    };
    let mut lines = vec![format!(
        "ip link add vxlan0 type vxlan{local} id {vni}{port} dev eth0"
    )];
    lines.extend(inner.map(|inner| format!("ip addr add {inner} dev vxlan0")));
    if mistake != Mistake::Down {
        lines.push("ip link set vxlan0 up".to_owned());
    }
    for outer in flood {
        lines.push(format!(
            "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst {outer}"
        ));
    }
    Some(lines.join("\n"))
}
