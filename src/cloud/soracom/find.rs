//! Resources by their names, or the API's answer when there is none.

use super::error::{self, unknown};
use super::{Group, GroupId, Sim, SimId, Soracom, Vpg, VpgId, VpgStatus};
use crate::cloud::ApiError;

impl Soracom {
    pub(super) fn sim(&self, id: &SimId) -> Result<&Sim, ApiError> {
        let names = self.sims.keys().map(SimId::as_str);
        self.sims
            .get(id)
            .ok_or_else(|| unknown(error::SIM_NOT_FOUND, "SIM", id.as_str(), names))
    }

    pub(super) fn sim_mut(&mut self, id: &SimId) -> Result<&mut Sim, ApiError> {
        self.sim(id)?;
        self.sims
            .get_mut(id)
            .ok_or_else(|| unknown(error::SIM_NOT_FOUND, "SIM", id.as_str(), []))
    }

    pub(super) fn group(&self, id: &GroupId) -> Result<&Group, ApiError> {
        let names = self.groups.keys().map(GroupId::as_str);
        self.groups
            .get(id)
            .ok_or_else(|| unknown(error::GROUP_NOT_FOUND, "group", id.as_str(), names))
    }

    pub(super) fn vpg(&self, id: &VpgId) -> Result<&Vpg, ApiError> {
        let names = self.vpgs.keys().map(VpgId::as_str);
        self.vpgs
            .get(id)
            .ok_or_else(|| unknown(error::VPG_NOT_FOUND, "VPG", id.as_str(), names))
    }

    /// The VPG, unless it is on its way out.
    pub(super) fn lasting_vpg(&self, id: &VpgId) -> Result<&Vpg, ApiError> {
        let vpg = self.vpg(id)?;
        match vpg.status {
            VpgStatus::Creating | VpgStatus::Running => Ok(vpg),
            VpgStatus::Failed | VpgStatus::Terminating | VpgStatus::Terminated => error::refuse(
                error::VPG_STATUS,
                format!("VPG {id} is {}; use another one", vpg.status.as_str()),
            ),
        }
    }

    /// The VPG, if it is in service.
    pub(super) fn running_vpg(&self, id: &VpgId) -> Result<&Vpg, ApiError> {
        let vpg = self.lasting_vpg(id)?;
        if vpg.status == VpgStatus::Running {
            return Ok(vpg);
        }
        error::refuse(
            error::VPG_STATUS,
            format!(
                "VPG {id} is still being created; wait until it is running, three minutes after its \
                 creation"
            ),
        )
    }

    /// The VPG for writing; a caller has checked it before.
    pub(super) fn vpg_mut(&mut self, id: &VpgId) -> Result<&mut Vpg, ApiError> {
        self.vpgs
            .get_mut(id)
            .ok_or_else(|| unknown(error::VPG_NOT_FOUND, "VPG", id.as_str(), []))
    }
}

impl VpgStatus {
    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Running => "running",
            Self::Failed => "failed",
            Self::Terminating => "terminating",
            Self::Terminated => "terminated",
        }
    }
}
