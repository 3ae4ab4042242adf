//! The resource at fault, as the evidence of a measurement names it.

use super::place::{self, SHARED, direction};
use super::says::uncovered;
use crate::cloud::Cloud;
use crate::cloud::aws::{AclMatch, RouteState};
use crate::reach::{Choice, HopKind, Prediction, VpgRoute};

/// The resource at which a flow dies, where it does: `security group web, ingress of server`.
pub fn resource_at_fault(prediction: &Prediction<'_>, cloud: &Cloud) -> Option<String> {
    let kind = prediction.fault()?.kind;
    let place = || place::place(&kind, cloud);
    Some(match kind {
        HopKind::Session { sim, .. } => format!("SIM {sim}"),
        HopKind::SharedPlatform => format!("{SHARED}: the SIM's group uses no VPG"),
        HopKind::VpgNode { vpg, .. } => format!("VPG {vpg}"),
        HopKind::VpgRoute { vpg, route } => match route {
            VpgRoute::Peering(peering, range, _) => {
                let peering_state = cloud.aws.peerings.get(peering);
                let status = peering_state.map_or("gone".to_owned(), |p| p.status.to_string());
                format!("VPG {vpg}, {range} → peering {peering}: {status}")
            }
            VpgRoute::Customer(_, range, attachment, _) => {
                let state = cloud.aws.attachments.get(attachment);
                let status = state.map_or("gone".to_owned(), |a| a.status.to_string());
                format!("VPG {vpg}, {range} → Transit Gateway attachment {attachment}: {status}")
            }
            VpgRoute::Uncovered => {
                let vpg_type = cloud.soracom.vpgs.get(vpg).map(|vpg| vpg.vpg_type);
                format!("VPG {vpg}: {}", uncovered(vpg_type))
            }
            _ => format!("VPG {vpg}"),
        },
        HopKind::RoutingFilter {
            vpg,
            entry: Some((range, _)),
        } => format!("VPG {vpg}, routing filter: deny {range}"),
        HopKind::SourceDestCheck { source, .. } => {
            let end = if source { "source" } else { "destination" };
            format!("{}, {end}", place())
        }
        HopKind::NetworkAcl {
            acl,
            egress,
            matched,
            ..
        } => {
            let entry = match matched {
                AclMatch::Entry(number, _) => number.to_string(),
                AclMatch::FinalDeny => "*".to_owned(),
            };
            format!("network ACL {acl}, {}, entry {entry}", direction(egress))
        }
        HopKind::RouteTable {
            table,
            choice: Choice::Route(range, target, RouteState::Blackhole),
        } => format!("route table {table}, {range} → {target}"),
        HopKind::Peering {
            peering,
            foreign: Some((source, _)),
        } => {
            let end = if source { "source" } else { "destination" };
            format!("peering {peering}, {end}")
        }
        HopKind::Cut { link } => link.to_string(),
        HopKind::Mtu { mtu } => format!("a link with an MTU of {mtu}"),
        _ => place(),
    })
}
