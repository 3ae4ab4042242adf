//! The customer's side: Amazon VPC and the instances in it.
//!
//! [`Aws::apply`] carries out one operation of the EC2 API; there is one file for each kind of
//! resource. An operation checks everything before it changes anything, so a refusal leaves the state
//! as it was. [`Aws::advance`] lets time pass.
//!
//! What others ask of the state:
//!
//! | question | function |
//! |---|---|
//! | where does a subnet send a packet? | [`Aws::choose_route`], [`Aws::route_state`] |
//! | which addresses does a group stand for? | [`Aws::group_addresses`] |
//! | is a flow tracked? | [`Aws::untracked`] |
//! | what does a network ACL say? | [`NetworkAcl::first_match`] |
//! | how does the internet see an instance? | [`Aws::public_ip`] |
//! | is there a peering between two VPCs? | [`Aws::active_peering`] |
//! | what is an attribute of a resource? | [`Aws::values`], [`Aws::names`] |

mod action;
mod elastic_ip;
mod instance;
mod internet_gateway;
#[cfg(test)]
mod lab;
mod lookup;
mod model;
mod network_acl;
mod peering;
#[cfg(test)]
mod peering_tests;
mod ports;
mod public_ip;
mod refusal;
mod route;
mod route_table;
mod security_group;
mod security_group_rule;
mod subnet;
mod tracking;
mod transit_gateway;
mod value;
mod vpc;

pub use action::*;
pub use model::*;
pub use network_acl::AclMatch;
pub use public_ip::{ASSIGNED_PUBLIC_ADDRESSES, ELASTIC_ADDRESSES};
pub use route::RouteChoice;
pub use value::Attributes;

use super::{ApiError, Event, Time};

impl Aws {
    /// Carries out one operation at the time `now`. Bring the state up to `now` with
    /// [`Aws::advance`] first.
    ///
    /// # Errors
    ///
    /// The EC2 API's own error, where it would refuse; the state is then as it was.
    pub fn apply(&mut self, action: &Action, now: Time) -> Result<Vec<Event>, ApiError> {
        match action {
            Action::CreateVpc(op) => self.create_vpc(op),
            Action::DeleteVpc(op) => self.delete_vpc(op),
            Action::AssociateVpcCidrBlock(op) => self.associate_vpc_cidr_block(op),
            Action::DisassociateVpcCidrBlock(op) => self.disassociate_vpc_cidr_block(op),
            Action::CreateSubnet(op) => self.create_subnet(op),
            Action::DeleteSubnet(op) => self.delete_subnet(op),
            Action::CreateInternetGateway(op) => self.create_internet_gateway(op),
            Action::AttachInternetGateway(op) => self.attach_internet_gateway(op),
            Action::DetachInternetGateway(op) => self.detach_internet_gateway(op),
            Action::DeleteInternetGateway(op) => self.delete_internet_gateway(op),
            Action::CreateRouteTable(op) => self.create_route_table(op),
            Action::DeleteRouteTable(op) => self.delete_route_table(op),
            Action::AssociateRouteTable(op) => self.associate_route_table(op),
            Action::DisassociateRouteTable(op) => self.disassociate_route_table(op),
            Action::CreateRoute(op) => self.create_route(op),
            Action::ReplaceRoute(op) => self.replace_route(op),
            Action::DeleteRoute(op) => self.delete_route(op),
            Action::CreateSecurityGroup(op) => self.create_security_group(op),
            Action::DeleteSecurityGroup(op) => self.delete_security_group(op),
            Action::AuthorizeSecurityGroupIngress(op) => {
                self.authorize(&op.security_group, &op.rule, false)
            }
            Action::AuthorizeSecurityGroupEgress(op) => {
                self.authorize(&op.security_group, &op.rule, true)
            }
            Action::RevokeSecurityGroupIngress(op) => {
                self.revoke(&op.security_group, &op.rule, false)
            }
            Action::RevokeSecurityGroupEgress(op) => {
                self.revoke(&op.security_group, &op.rule, true)
            }
            Action::CreateNetworkAcl(op) => self.create_network_acl(op),
            Action::DeleteNetworkAcl(op) => self.delete_network_acl(op),
            Action::CreateNetworkAclEntry(op) => self.create_network_acl_entry(op),
            Action::ReplaceNetworkAclEntry(op) => self.replace_network_acl_entry(op),
            Action::DeleteNetworkAclEntry(op) => self.delete_network_acl_entry(op),
            Action::ReplaceNetworkAclAssociation(op) => self.replace_network_acl_association(op),
            Action::RunInstances(op) => self.run_instances(op),
            Action::StopInstances(op) => self.stop_instances(op),
            Action::StartInstances(op) => self.start_instances(op),
            Action::RebootInstances(op) => self.reboot_instances(op),
            Action::TerminateInstances(op) => self.terminate_instances(op),
            Action::ModifyInstanceAttribute(op) => self.modify_instance_attribute(op),
            Action::AllocateAddress(op) => self.allocate_address(op),
            Action::AssociateAddress(op) => self.associate_address(op),
            Action::DisassociateAddress(op) => self.disassociate_address(op),
            Action::ReleaseAddress(op) => self.release_address(op),
            Action::CreateVpcPeeringConnection(op) => self.create_vpc_peering_connection(op, now),
            Action::AcceptVpcPeeringConnection(op) => self.accept_vpc_peering_connection(op, now),
            Action::RejectVpcPeeringConnection(op) => self.reject_vpc_peering_connection(op, now),
            Action::DeleteVpcPeeringConnection(op) => self.delete_vpc_peering_connection(op, now),
        }
    }
}
