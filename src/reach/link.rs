//! Peering connections and Transit Gateway attachments. Neither decrements the TTL.

use super::hop::HopKind;
use super::map::{Map, PeeringEnd};
use super::packet::Packet;
use super::walk::{Fate, Walk};
use crate::cloud::{LinkName, Reason};

/// The largest packet over a peering within a region, and between regions, in bytes (Amazon EC2 User
/// Guide, "Network MTU").
const PEERING_MTU: u32 = 9001;
const INTER_REGION_MTU: u32 = 8500;
/// The largest packet through a Transit Gateway, in bytes (AWS Transit Gateway guide, "What is AWS Transit
/// Gateway for Amazon VPC?").
pub(super) const ATTACHMENT_MTU: u32 = 8500;

impl Map<'_> {
    /// The largest packet over a peering, in bytes.
    pub(super) fn peering_mtu(&self, at: usize) -> u32 {
        let peering = self.peerings[at].peering;
        if peering.requester.region == peering.accepter.region {
            PEERING_MTU
        } else {
            INTER_REGION_MTU
        }
    }
}

impl Walk<'_, '_> {
    /// A VPC sends into a peering.
    pub fn take_peering(&mut self, at: usize, vpc: usize, packet: Packet) -> Fate {
        self.over_peering(at, PeeringEnd::Vpc(vpc), packet)
    }

    /// A packet between the two sides of an active peering: it carries addresses of these two and nothing
    /// else (Amazon VPC Peering Guide, "Limitations").
    pub fn over_peering(&mut self, at: usize, from: PeeringEnd, packet: Packet) -> Fate {
        let view = &self.map.peerings[at];
        let sides = [&view.peering.requester, &view.peering.accepter];
        let here = usize::from(view.ends[0] != from);
        let (near, far) = (sides[here], sides[1 - here]);
        self.fits(&packet, self.map.peering_mtu(at))?;
        // The link that can be cut is between the peering and its accepter.
        let link = || LinkName::Peering(view.id.clone());
        if here == 1 {
            self.cross(link)?;
        }
        let destination_is_foreign = !far.cidrs.iter().any(|r| r.contains(&packet.destination));
        let source_is_foreign = !near.cidrs.iter().any(|r| r.contains(&packet.source));
        let foreign = if destination_is_foreign {
            Some((false, packet.destination))
        } else if source_is_foreign {
            Some((true, packet.source))
        } else {
            None
        };
        self.stop(HopKind::Peering {
            peering: view.id,
            foreign,
        });
        if foreign.is_some() {
            return Err(Reason::PcxRequiresAddressInVpcCidr);
        }
        if here == 0 {
            self.cross(link)?;
        }
        match view.ends[1 - here] {
            PeeringEnd::Vpc(vpc) => self.enter_from_outside(vpc, packet),
            PeeringEnd::Vpg(vpg) => {
                let range = self.map.vpgs[vpg].vpg.vpg_subnet;
                // The nodes have a half of the range each.
                let mut halves = range.subnets(range.prefix_len() + 1).into_iter().flatten();
                let half = halves.position(|half| half.contains(&packet.destination));
                self.enter_vpg(vpg, half.unwrap_or(0), packet)
            }
            PeeringEnd::Nothing => Err(Reason::NoPossibleDestination),
        }
    }

    /// A VPC sends into an attachment, which leads to the device subnet.
    pub fn out_of_vpc_into_attachment(&mut self, at: usize, packet: Packet) -> Fate {
        let view = &self.map.attachments[at];
        self.fits(&packet, ATTACHMENT_MTU)?;
        self.stop(HopKind::Attachment {
            attachment: view.id,
        });
        let Some(vpg) = view.vpg else {
            return Err(Reason::NoPossibleDestination);
        };
        let gateway = &self.map.vpgs[vpg];
        if !gateway.vpg.device_subnet.contains(&packet.destination) {
            return Err(Reason::NoRouteToDestination);
        }
        let served = gateway.devices.get(&packet.destination);
        let node = served.map_or(0, |(_, node)| *node);
        self.enter_vpg_by_attachment(vpg, node, packet)
    }

    /// A VPG sends into an attachment.
    pub fn out_of_vpg_into_attachment(&mut self, at: usize, packet: Packet) -> Fate {
        let view = &self.map.attachments[at];
        self.fits(&packet, ATTACHMENT_MTU)?;
        self.stop(HopKind::Attachment {
            attachment: view.id,
        });
        match view.vpc {
            Some(vpc) => self.enter_from_outside(vpc, packet),
            None => Err(Reason::NoPossibleDestination),
        }
    }
}
