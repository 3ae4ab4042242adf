//! Canal: VPC peering between a Type-F VPG and a customer's VPC.
//!
//! SORACOM requests, the customer accepts (users.soracom.io, Canal, "Amazon VPC ピアリング接続"; API
//! reference, `createVpcPeeringConnection`). The peering itself is AWS's; the VPG only knows what it
//! routes into it, and forgets that once the peering has ended, by whichever side.
//!
//! The destination is not compared with the VPC's ranges: SORACOM can't see them. What lies outside
//! of them is lost in the peering.

use ipnet::Ipv4Net;

use super::cidr::{canonical, is_private};
use super::error::{self, refuse, unknown};
use super::{CanalPeering, CreateCanalPeering, DeleteCanalPeering, Soracom, VpgId, VpgType};
use crate::cloud::aws::{Aws, Peering, PeeringId, PeeringSide, VpcId};
use crate::cloud::{AccountId, ApiError, Event, Time};

/// The shortest prefix of a destination (Canal documentation): a /16.
const SHORTEST_PREFIX: u8 = 16;

impl Soracom {
    pub(super) fn create_peering(
        &mut self,
        op: &CreateCanalPeering,
        aws: &mut Aws,
        now: Time,
    ) -> Result<Vec<Event>, ApiError> {
        let vpg = self.running_vpg(&op.vpg)?;
        vpg.require_type(&op.vpg, VpgType::F, "VPC peering")?;
        let Some(vpc) = aws.vpcs.get(&op.vpc) else {
            let names = aws.vpcs.keys().map(VpcId::as_str);
            return Err(unknown(
                error::PEER_VPC_NOT_FOUND,
                "VPC",
                op.vpc.as_str(),
                names,
            ));
        };
        let Some(destination) = op.destination.or(vpc.cidrs.first().copied()) else {
            return refuse(
                error::PEERING_INVALID,
                format!("VPC {} has no range; give the destination", op.vpc),
            );
        };
        check_destination(destination)?;
        let routed = vpg
            .peerings
            .iter()
            .find(|(_, peering)| peering.destination == destination);
        if let Some((other, _)) = routed {
            return refuse(
                error::PEERING_INVALID,
                format!(
                    "VPG {} routes {destination} into peering {other} already; delete that one first",
                    op.vpg
                ),
            );
        }
        let requester = PeeringSide {
            vpc: op.vpg.vpc(),
            account: AccountId::soracom(),
            region: vpg.region.clone(),
            cidrs: vec![vpg.vpg_subnet],
        };
        let accepter = PeeringSide {
            vpc: op.vpc.clone(),
            account: op.owner.clone().unwrap_or_else(|| vpc.account.clone()),
            region: op.region.clone().unwrap_or_else(|| vpc.region.clone()),
            cidrs: vpc.cidrs.clone(),
        };
        let events = aws
            .request_peering(&op.name, requester, accepter, now)
            .map_err(passed_on)?;
        if is_live(aws, &op.name) {
            self.vpg_mut(&op.vpg)?
                .peerings
                .insert(op.name.clone(), CanalPeering { destination });
        }
        Ok(events)
    }

    pub(super) fn delete_peering(
        &mut self,
        op: &DeleteCanalPeering,
        aws: &mut Aws,
        now: Time,
    ) -> Result<Vec<Event>, ApiError> {
        let vpg = self.vpg(&op.vpg)?;
        if !vpg.peerings.contains_key(&op.peering) {
            let names = vpg.peerings.keys().map(PeeringId::as_str);
            return Err(unknown(
                error::PEERING_NOT_FOUND,
                &format!("peering of VPG {} that has not ended", op.vpg),
                op.peering.as_str(),
                names,
            ));
        }
        let events = aws.delete_peering(&op.peering, now).map_err(passed_on)?;
        self.vpg_mut(&op.vpg)?.peerings.remove(&op.peering);
        Ok(events)
    }

    /// Forgets the peerings that have ended: deleted or rejected by the customer, expired, failed.
    pub(in crate::cloud) fn forget_ended_peerings(&mut self, aws: &Aws) {
        for vpg in self.vpgs.values_mut() {
            vpg.peerings.retain(|name, _| is_live(aws, name));
        }
    }

    /// The VPG that a peering belongs to, if SORACOM asked for it and it has not ended.
    pub fn vpg_of_peering(&self, peering: &PeeringId) -> Option<&VpgId> {
        self.vpgs
            .iter()
            .find(|(_, vpg)| vpg.peerings.contains_key(peering))
            .map(|(id, _)| id)
    }
}

/// Whether a peering is under way or carries traffic.
fn is_live(aws: &Aws, name: &PeeringId) -> bool {
    aws.peerings.get(name).is_some_and(Peering::is_live)
}

/// AWS's refusal as SORACOM passes it on.
fn passed_on(error: ApiError) -> ApiError {
    ApiError::soracom(error::PEERING_INVALID, error.message)
}

fn check_destination(destination: Ipv4Net) -> Result<(), ApiError> {
    canonical(error::PEERING_INVALID, "destination", destination)?;
    if is_private(destination) && destination.prefix_len() >= SHORTEST_PREFIX {
        return Ok(());
    }
    refuse(
        error::PEERING_INVALID,
        format!(
            "destination {destination}: Canal routes private ranges (RFC 1918) with a prefix of \
             /{SHORTEST_PREFIX} or longer into a peering; name a part of the VPC's range"
        ),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::VpgId;
    use crate::cloud::aws::{PeeringId, PeeringStatus};
    use crate::cloud::testing::World;

    fn live(world: &World) -> usize {
        world.cloud.soracom.vpgs[&VpgId::new("vpg")].peerings.len()
    }

    #[test]
    fn soracom_asks_and_the_customer_accepts() {
        let mut world = World::with_vpg();
        world.run(
            "createVpcPeeringConnection",
            json!({"as": "pcx", "vpg": "vpg", "vpc": "customer"}),
        );
        let pcx = PeeringId::new("pcx");
        let peering = &world.cloud.aws.peerings[&pcx];
        assert_eq!(peering.status, PeeringStatus::PendingAcceptance);
        assert_eq!(peering.requester.vpc.as_str(), "vpg:vpg");
        assert_eq!(peering.requester.cidrs[0].to_string(), "100.64.0.0/24");
        assert_eq!(
            world.cloud.soracom.vpg_of_peering(&pcx),
            Some(&VpgId::new("vpg"))
        );
        world.run("AcceptVpcPeeringConnection", json!({"peering": "pcx"}));
        assert_eq!(live(&world), 1);
        world.run(
            "deleteVpcPeeringConnection",
            json!({"vpg": "vpg", "peering": "pcx"}),
        );
        assert_eq!(live(&world), 0);
        let error = world.refused(
            "deleteVpcPeeringConnection",
            json!({"vpg": "vpg", "peering": "pcx"}),
        );
        assert_eq!(error.code, "PCX4041");
    }

    #[test]
    fn a_peering_that_the_customer_rejects_is_forgotten() {
        let mut world = World::with_vpg();
        world.run(
            "createVpcPeeringConnection",
            json!({"as": "pcx", "vpg": "vpg", "vpc": "customer"}),
        );
        world.run("RejectVpcPeeringConnection", json!({"peering": "pcx"}));
        assert_eq!(live(&world), 0);
    }

    #[test]
    fn a_request_that_nobody_accepts_expires_after_seven_days() {
        let mut world = World::with_vpg();
        world.run(
            "createVpcPeeringConnection",
            json!({"as": "pcx", "vpg": "vpg", "vpc": "customer"}),
        );
        world.pass(7 * 24 * 60 * 60);
        let peering = &world.cloud.aws.peerings[&PeeringId::new("pcx")];
        assert_eq!(peering.status, PeeringStatus::Expired);
        assert_eq!(live(&world), 0);
    }

    #[test]
    fn the_wrong_owner_makes_the_request_fail() {
        let mut world = World::with_vpg();
        world.run(
            "createVpcPeeringConnection",
            json!({"as": "pcx", "vpg": "vpg", "vpc": "customer", "owner": "123412341234"}),
        );
        let peering = &world.cloud.aws.peerings[&PeeringId::new("pcx")];
        assert_eq!(peering.status, PeeringStatus::Failed);
        assert_eq!(live(&world), 0);
    }

    #[test]
    fn what_canal_cannot_do_is_refused() {
        let mut world = World::with_vpg();
        for (destination, part) in [
            ("10.0.0.0/8", "/16 or longer"),
            ("8.8.0.0/16", "RFC 1918"),
            ("10.0.1.0/16", "write 10.0.0.0/16"),
        ] {
            let error = world.refused(
                "createVpcPeeringConnection",
                json!({"as": "pcx", "vpg": "vpg", "vpc": "customer", "destination": destination}),
            );
            assert!(error.message.contains(part), "{error}");
        }
        let error = world.refused(
            "createVpcPeeringConnection",
            json!({"as": "pcx", "vpg": "vpg", "vpc": "costumer"}),
        );
        assert!(error.message.contains("\"customer\""), "{error}");
        world.run(
            "createVpcPeeringConnection",
            json!({"as": "pcx", "vpg": "vpg", "vpc": "customer"}),
        );
        let error = world.refused(
            "createVpcPeeringConnection",
            json!({"as": "again", "vpg": "vpg", "vpc": "customer", "destination": "10.0.0.0/24"}),
        );
        assert_eq!(error.code, "PCX4001", "{error}");
        for vpg_type in ["E", "F2"] {
            world.running_vpg(vpg_type, vpg_type);
            let error = world.refused(
                "createVpcPeeringConnection",
                json!({"as": "pcx", "vpg": vpg_type, "vpc": "customer"}),
            );
            assert_eq!(error.code, "VPG4004");
        }
    }
}
