//! From an action to the subject that it is about, and the passing of time.

use super::{Action, SimStatus, Soracom};
use crate::cloud::aws::Aws;
use crate::cloud::{ApiError, Event, Time};

impl Soracom {
    /// Carries out an action. Canal and Transit Gateway reach into the customer's side.
    ///
    /// # Errors
    ///
    /// The API's refusal; nothing has changed then, here or on AWS.
    pub fn apply(
        &mut self,
        action: &Action,
        aws: &mut Aws,
        now: Time,
    ) -> Result<Vec<Event>, ApiError> {
        match action {
            Action::CreateVirtualPrivateGateway(op) => self.create_vpg(op, now),
            Action::TerminateVirtualPrivateGateway(op) => self.terminate_vpg(&op.vpg, now),
            Action::CreateCanalPeering(op) => self.create_peering(op, aws, now),
            Action::DeleteCanalPeering(op) => self.delete_peering(op, aws, now),
            Action::OpenGate(op) => self.open_gate(op),
            Action::CloseGate(op) => self.close_gate(&op.vpg),
            Action::SetVxLanId(op) => self.set_vni(op),
            Action::EnableGatePrivacySeparator(op) => self.set_privacy_separator(&op.vpg, true),
            Action::DisableGatePrivacySeparator(op) => self.set_privacy_separator(&op.vpg, false),
            Action::RegisterGatePeer(op) => self.register_peer(op),
            Action::UnregisterGatePeer(op) => self.unregister_peer(op),
            Action::PutIpAddressMapEntry(op) => self.put_map_entry(op),
            Action::DeleteIpAddressMapEntry(op) => self.delete_map_entry(op),
            Action::SetRoutingFilter(op) => self.set_routing_filter(op),
            Action::CreateTransitGatewayVpcAttachment(op) => self.create_attachment(op, aws),
            Action::AcceptTransitGatewayVpcAttachment(op) => self.accept_attachment(op, aws),
            Action::DeleteTransitGatewayVpcAttachment(op) => self.delete_attachment(op, aws),
            Action::CreateCustomerRoute(op) => self.create_customer_route(op),
            Action::DeleteCustomerRoute(op) => self.delete_customer_route(op),
            Action::CreateGroup(op) => self.create_group(op),
            Action::DeleteGroup(op) => self.delete_group(&op.group),
            Action::PutConfigurationParameters(op) => self.put_configuration(op),
            Action::RegisterSim(op) => self.register_sim(op),
            Action::SetSimGroup(op) => self.set_sim_group(op),
            Action::UnsetSimGroup(op) => self.unset_sim_group(&op.sim),
            Action::ActivateSim(op) => self.set_sim_status(&op.sim, SimStatus::Active),
            Action::DeactivateSim(op) => self.set_sim_status(&op.sim, SimStatus::Inactive),
            Action::SetSimToStandby(op) => self.set_sim_status(&op.sim, SimStatus::Standby),
            Action::SuspendSim(op) => self.set_sim_status(&op.sim, SimStatus::Suspended),
            Action::TerminateSim(op) => self.set_sim_status(&op.sim, SimStatus::Terminated),
            Action::DeleteSimSession(op) => self.delete_session(&op.sim),
            Action::UpdateSimSpeedClass(op) => self.update_speed_class(op),
            Action::Connect(op) => self.connect(&op.sim, now),
            Action::Disconnect(op) => self.disconnect(&op.sim),
            Action::Reconnect(op) => self.reconnect(&op.sim, now),
        }
    }

    /// Lets time pass: VPGs come up and go, idle sessions end.
    pub fn advance(&mut self, now: Time) -> Vec<Event> {
        let mut events = self.advance_vpgs(now);
        events.extend(self.end_idle_sessions(now));
        events
    }

    /// When [`Soracom::advance`] next has something to do, idle sessions aside.
    pub fn next_change(&self) -> Option<Time> {
        self.vpgs.values().filter_map(|vpg| vpg.changes_at).min()
    }
}
