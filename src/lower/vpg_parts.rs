//! What the files that make up a VPG's nodes share.

use std::collections::BTreeSet;

use super::interface;
use crate::cloud::soracom::{Session, SimId, Vpg, VpgId, VpgType};
use crate::network::{IfName, NodeId};

/// A VPG with its sessions, as lowering needs them.
pub(super) struct VpgParts<'a> {
    pub id: &'a VpgId,
    pub vpg: &'a Vpg,
    /// The sessions of the VPG, with the node that serves each.
    pub sessions: Vec<(&'a SimId, usize, &'a Session)>,
}

/// One of the two nodes.
pub(super) struct Side {
    pub index: usize,
    pub node: NodeId,
}

impl VpgParts<'_> {
    /// The interfaces towards the attached VPCs.
    pub fn attached(&self) -> BTreeSet<IfName> {
        let attachments = self.vpg.attachments.iter();
        attachments.map(interface::attachment).collect()
    }

    /// What evidence says where nothing leads to a private address.
    pub fn uncovered(&self) -> String {
        let lack = match self.vpg.vpg_type {
            VpgType::E => "Type-E has no private connections",
            VpgType::F => "no peering covers it",
            VpgType::F2 => "no customer route covers it",
        };
        format!("VPG {}: {lack}", self.id)
    }
}
