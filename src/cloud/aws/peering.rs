//! VPC peering connections (VPC Peering Guide, "VPC peering connection lifecycle").

use std::time::Duration;

use ipnet::Ipv4Net;

use super::refusal::{Outcome, refuse, taken};
use super::vpc::overlap;
use super::*;

/// How long the accepter has.
const REQUEST_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl Peering {
    /// Whether it is in force or may come into force: a pair of VPCs has one such peering at most.
    pub fn is_live(&self) -> bool {
        match self.status {
            PeeringStatus::InitiatingRequest
            | PeeringStatus::PendingAcceptance
            | PeeringStatus::Provisioning
            | PeeringStatus::Active => true,
            PeeringStatus::Failed
            | PeeringStatus::Expired
            | PeeringStatus::Rejected
            | PeeringStatus::Deleting
            | PeeringStatus::Deleted => false,
        }
    }

    /// The side that is this VPC.
    pub fn side_of(&self, vpc: &VpcId) -> Option<&PeeringSide> {
        [&self.requester, &self.accepter]
            .into_iter()
            .find(|side| side.vpc == *vpc)
    }

    /// The side across from this VPC.
    pub fn other_side(&self, vpc: &VpcId) -> Option<&PeeringSide> {
        if self.requester.vpc == *vpc {
            Some(&self.accepter)
        } else if self.accepter.vpc == *vpc {
            Some(&self.requester)
        } else {
            None
        }
    }

    fn joins(&self, a: &VpcId, b: &VpcId) -> bool {
        (&self.requester.vpc, &self.accepter.vpc) == (a, b)
            || (&self.requester.vpc, &self.accepter.vpc) == (b, a)
    }
}

impl std::fmt::Display for PeeringStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::InitiatingRequest => "initiating-request",
            Self::Failed => "failed",
            Self::PendingAcceptance => "pending-acceptance",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
            Self::Provisioning => "provisioning",
            Self::Active => "active",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
        })
    }
}

impl Aws {
    /// The active peering between two VPCs.
    pub fn active_peering(&self, a: &VpcId, b: &VpcId) -> Option<&PeeringId> {
        self.peerings
            .iter()
            .find(|(_, peering)| peering.status == PeeringStatus::Active && peering.joins(a, b))
            .map(|(name, _)| name)
    }

    /// Asks for a peering, as `CreateVpcPeeringConnection` of either cloud does. Where a range of one
    /// side overlaps one of the other, or a side is not the VPC that it is said to be, the peering comes
    /// into being as `failed`, with the reason in its `status_message`; otherwise it waits 7 days for the
    /// accepter.
    ///
    /// # Errors
    ///
    /// `InvalidParameterValue` where a peering has the name already, ended or not, and
    /// `VpcPeeringConnectionAlreadyExists` where the two VPCs have a live one.
    pub fn request_peering(
        &mut self,
        name: &PeeringId,
        requester: PeeringSide,
        accepter: PeeringSide,
        now: Time,
    ) -> Result<Vec<Event>, ApiError> {
        if let Some(former) = self.peerings.get(name) {
            return match former.is_live() {
                true => Err(taken("peering", name.as_str())),
                false => refuse(
                    "InvalidParameterValue",
                    format!(
                        "the name {name:?} is that of a peering which is {}; the new one would have another identifier, so choose another name",
                        former.status
                    ),
                ),
            };
        }
        let present = self
            .peerings
            .iter()
            .find(|(_, peering)| peering.is_live() && peering.joins(&requester.vpc, &accepter.vpc));
        if let Some((present, peering)) = present {
            return refuse(
                "VpcPeeringConnectionAlreadyExists",
                format!(
                    "the VPCs {} and {} have the peering {present} already, which is {}",
                    requester.vpc, accepter.vpc, peering.status
                ),
            );
        }
        let flaw = self.request_flaw(&requester, &accepter);
        let peering = Peering {
            requester,
            accepter,
            status: PeeringStatus::InitiatingRequest,
            status_message: String::new(),
            expires_at: now.saturating_add(REQUEST_LIFETIME),
        };
        self.peerings.insert(name.clone(), peering);
        let mut events = vec![name.event(PeeringStatus::InitiatingRequest.to_string())];
        match flaw {
            Some(why) => events.extend(self.fail_peering(name, why)),
            None => events.extend(self.turn(name, PeeringStatus::PendingAcceptance)),
        }
        Ok(events)
    }

    /// What is wrong with a request, in the way that AWS notices only after it has taken it.
    fn request_flaw(&self, requester: &PeeringSide, accepter: &PeeringSide) -> Option<String> {
        for side in [requester, accepter] {
            // SORACOM's VPCs are not kept here.
            if side.vpc.is_soracom() {
                continue;
            }
            let right = self
                .vpcs
                .get(&side.vpc)
                .is_some_and(|vpc| vpc.account == side.account && vpc.region == side.region);
            if !right {
                return Some(format!(
                    "incorrect VPC ID, account or region: account {} has no VPC {} in {}",
                    side.account, side.vpc, side.region
                ));
            }
        }
        let pair = requester.cidrs.iter().find_map(|a| {
            let b = accepter.cidrs.iter().find(|b| overlap(a, b))?;
            Some((a, b))
        });
        pair.map(|(a, b)| {
            format!(
                "overlapping CIDR range: {a} of {} and {b} of {}",
                requester.vpc, accepter.vpc
            )
        })
    }

    pub(super) fn create_vpc_peering_connection(
        &mut self,
        op: &CreateVpcPeeringConnection,
        now: Time,
    ) -> Outcome {
        let requester = self.side(&op.vpc)?;
        let accepter = self.side(&op.peer_vpc)?;
        self.request_peering(&op.name, requester, accepter, now)
    }

    fn side(&self, id: &VpcId) -> Result<PeeringSide, ApiError> {
        let vpc = self.vpc(id)?;
        Ok(PeeringSide {
            vpc: id.clone(),
            account: vpc.account.clone(),
            region: vpc.region.clone(),
            cidrs: vpc.cidrs.clone(),
        })
    }

    pub(super) fn accept_vpc_peering_connection(
        &mut self,
        op: &AcceptVpcPeeringConnection,
        now: Time,
    ) -> Outcome {
        self.pending_for_customer(&op.peering, "accept", now)?;
        let mut events = self.turn(&op.peering, PeeringStatus::Provisioning);
        events.extend(self.turn(&op.peering, PeeringStatus::Active));
        Ok(events)
    }

    pub(super) fn reject_vpc_peering_connection(
        &mut self,
        op: &RejectVpcPeeringConnection,
        now: Time,
    ) -> Outcome {
        self.pending_for_customer(&op.peering, "reject", now)?;
        Ok(self.turn(&op.peering, PeeringStatus::Rejected))
    }

    /// Refuses to answer a request that does not wait for an answer, or not for the customer's.
    fn pending_for_customer(&self, id: &PeeringId, verb: &str, now: Time) -> Result<(), ApiError> {
        let peering = self.peering(id)?;
        if peering.status != PeeringStatus::PendingAcceptance {
            let why = match peering.status_message.as_str() {
                "" => String::new(),
                message => format!(" ({message})"),
            };
            return refuse(
                "InvalidStateTransition",
                format!(
                    "the peering {id} is {}{why}: only a pending one can be {verb}ed{}",
                    peering.status,
                    if peering.is_live() {
                        ""
                    } else {
                        "; request a new one"
                    }
                ),
            );
        }
        if now >= peering.expires_at {
            return refuse(
                "InvalidStateTransition",
                format!("the peering {id} has expired; request a new one"),
            );
        }
        if peering.accepter.vpc.is_soracom() {
            return refuse(
                "OperationNotPermitted",
                format!("the peering {id} waits for SORACOM, so the customer can't {verb} it"),
            );
        }
        Ok(())
    }

    pub(super) fn delete_vpc_peering_connection(
        &mut self,
        op: &DeleteVpcPeeringConnection,
        now: Time,
    ) -> Outcome {
        let peering = self.peering(&op.peering)?;
        if peering.status == PeeringStatus::PendingAcceptance && peering.requester.vpc.is_soracom()
        {
            return refuse(
                "OperationNotPermitted",
                format!(
                    "the peering {} is SORACOM's request, which only SORACOM can delete; reject it",
                    op.peering
                ),
            );
        }
        self.delete_peering(&op.peering, now)
    }

    /// Deletes a peering: an active one, or one that its requester takes back.
    ///
    /// # Errors
    ///
    /// `InvalidVpcPeeringConnectionID.NotFound`, and `InvalidStateTransition` where it has failed,
    /// expired, been rejected or deleted already (Amazon EC2 API Reference,
    /// `DeleteVpcPeeringConnection`).
    pub fn delete_peering(&mut self, name: &PeeringId, now: Time) -> Result<Vec<Event>, ApiError> {
        let peering = self.peering(name)?;
        let expired =
            peering.status == PeeringStatus::PendingAcceptance && now >= peering.expires_at;
        if !peering.is_live() || expired {
            let status = if expired {
                PeeringStatus::Expired
            } else {
                peering.status
            };
            return refuse(
                "InvalidStateTransition",
                format!(
                    "the peering {name} is {status} and can't be deleted; it is of no effect any more"
                ),
            );
        }
        let mut events = self.turn(name, PeeringStatus::Deleting);
        events.extend(self.turn(name, PeeringStatus::Deleted));
        Ok(events)
    }

    /// Lets time pass until `now`: requests that nobody accepted in 7 days expire.
    pub fn advance(&mut self, now: Time) -> Vec<Event> {
        let due: Vec<PeeringId> = self
            .pending()
            .filter(|(_, peering)| peering.expires_at <= now)
            .map(|(name, _)| name.clone())
            .collect();
        due.iter()
            .flat_map(|name| self.turn(name, PeeringStatus::Expired))
            .collect()
    }

    /// When [`Aws::advance`] would next change something.
    pub fn next_change(&self) -> Option<Time> {
        self.pending().map(|(_, peering)| peering.expires_at).min()
    }

    fn pending(&self) -> impl Iterator<Item = (&PeeringId, &Peering)> {
        self.peerings
            .iter()
            .filter(|(_, peering)| peering.status == PeeringStatus::PendingAcceptance)
    }

    /// Puts a peering into another state.
    fn turn(&mut self, name: &PeeringId, status: PeeringStatus) -> Vec<Event> {
        let Some(peering) = self.peerings.get_mut(name) else {
            return vec![];
        };
        let before = std::mem::replace(&mut peering.status, status);
        vec![name.event(format!("{before} → {status}"))]
    }

    pub(super) fn fail_peering(&mut self, name: &PeeringId, why: String) -> Vec<Event> {
        if let Some(peering) = self.peerings.get_mut(name) {
            peering.status_message = why;
        }
        self.turn(name, PeeringStatus::Failed)
    }

    /// What a new range of a VPC does to its peerings (VPC Peering Guide, "VPC peering limitations",
    /// and Amazon VPC User Guide, "VPC CIDR blocks"): it is refused where it overlaps the other side of
    /// an active one, and while a request of the VPC's own is pending; a pending request of the other
    /// side fails if it overlaps. Gives those that fail.
    pub(super) fn peerings_against_range(
        &self,
        id: &VpcId,
        cidr: Ipv4Net,
    ) -> Result<Vec<(PeeringId, String)>, ApiError> {
        let mut failing = Vec::new();
        for (name, peering) in &self.peerings {
            let Some(other) = peering.other_side(id).filter(|_| peering.is_live()) else {
                continue;
            };
            let clash = other.cidrs.iter().find(|range| overlap(range, &cidr));
            let pending = peering.status == PeeringStatus::PendingAcceptance;
            if pending && peering.requester.vpc == *id {
                return refuse(
                    "InvalidVpc.Range",
                    format!(
                        "the VPC {id} has requested the peering {name}, which is pending; have it accepted, or delete it, before {cidr} is added"
                    ),
                );
            }
            match clash {
                None => {}
                Some(range) if pending => failing.push((
                    name.clone(),
                    format!(
                        "overlapping CIDR range: {range} of {} and {cidr} of {id}",
                        other.vpc
                    ),
                )),
                Some(range) => {
                    return refuse(
                        "InvalidVpc.Range",
                        format!(
                            "{cidr} overlaps {range} of the VPC {}, with which the peering {name} is active",
                            other.vpc
                        ),
                    );
                }
            }
        }
        Ok(failing)
    }

    /// The VPC's sides of its live peerings.
    pub(super) fn live_sides_mut(&mut self, id: &VpcId) -> impl Iterator<Item = &mut PeeringSide> {
        self.peerings
            .values_mut()
            .filter(|peering| peering.is_live())
            .flat_map(|peering| [&mut peering.requester, &mut peering.accepter])
            .filter(move |side| side.vpc == *id)
    }
}
