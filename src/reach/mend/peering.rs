//! Peerings: accepting one, and asking for another.

use super::{Fault, Mend, name};
use crate::cloud::Action;
use crate::cloud::aws::{
    self, AcceptVpcPeeringConnection, Aws, CreateVpcPeeringConnection, PeeringId, PeeringStatus,
    VpcId,
};
use crate::cloud::soracom::{self, CreateCanalPeering};

impl Fault<'_> {
    /// The customer accepts a pending request. SORACOM accepts nothing: it is always the one that asks.
    pub(super) fn accept_peering(&self, peering: &PeeringId) -> Option<Mend> {
        let state = self.cloud.aws.peerings.get(peering)?;
        let pending = state.status == PeeringStatus::PendingAcceptance;
        let words = format!(
            "Accept the peering {peering}: it is {}, and carries nothing until it is active.",
            state.status
        );
        pending.then(|| Mend::act([accept(peering)], words))
    }

    /// An active peering between two VPCs, one of which may be SORACOM's behind a VPG: the actions that it
    /// takes, none where it is there.
    pub(super) fn peering_between(&self, a: &VpcId, b: &VpcId) -> (PeeringId, Vec<Action>) {
        if let Some((peering, status)) = live(&self.cloud.aws, a, b) {
            let pending = status != PeeringStatus::Active;
            return (
                peering.clone(),
                pending.then(|| accept(peering)).into_iter().collect(),
            );
        }
        let name = name::peering(self.cloud);
        let behind = |vpc: &VpcId| {
            let mut vpgs = self.cloud.soracom.vpgs.keys();
            vpgs.find(|vpg| vpg.vpc() == *vpc).cloned()
        };
        let canal = |vpg, vpc: &VpcId| {
            Action::Soracom(soracom::Action::CreateCanalPeering(CreateCanalPeering {
                name: name.clone(),
                vpg,
                vpc: vpc.clone(),
                owner: None,
                destination: None,
                region: None,
            }))
        };
        let request = match (behind(a), behind(b)) {
            (Some(vpg), _) => canal(vpg, b),
            (None, Some(vpg)) => canal(vpg, a),
            (None, None) => {
                let op = CreateVpcPeeringConnection {
                    name: name.clone(),
                    vpc: a.clone(),
                    peer_vpc: b.clone(),
                };
                Action::Aws(aws::Action::CreateVpcPeeringConnection(op))
            }
        };
        let actions = vec![request, accept(&name)];
        (name, actions)
    }
}

/// The peering between two VPCs that is in force or may come into force; there is one at most.
pub(super) fn live<'a>(
    aws: &'a Aws,
    a: &VpcId,
    b: &VpcId,
) -> Option<(&'a PeeringId, PeeringStatus)> {
    let mut peerings = aws.peerings.iter();
    peerings
        .find(|(_, peering)| {
            peering.is_live() && peering.other_side(a).is_some_and(|side| side.vpc == *b)
        })
        .map(|(name, peering)| (name, peering.status))
}

pub(super) fn accept(peering: &PeeringId) -> Action {
    let peering = peering.clone();
    Action::Aws(aws::Action::AcceptVpcPeeringConnection(
        AcceptVpcPeeringConnection { peering },
    ))
}
