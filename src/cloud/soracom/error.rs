//! What the SORACOM API answers when it refuses.
//!
//! A SORACOM error is `{"code": "ABC1234", "message": "…"}` (users.soracom.io, API, "エラー"): three
//! letters for the service, four digits for the case. Of the operations here, the API reference
//! publishes a single code, SEM0016. All the others are **ours**: three letters for the resource, the
//! HTTP status that the reference gives for the case (400 or 404), and one digit to tell cases apart.
//! No published code begins with 4, so that ours can't be taken for a real one.

use crate::cloud::ApiError;
use crate::cloud::nearest::hint;

/// `deleteSimSession` of an offline SIM: the one published code (API reference, `deleteSimSession`).
pub(super) const SIM_OFFLINE: &str = "SEM0016";

/// No such SIM.
pub(super) const SIM_NOT_FOUND: &str = "SEM4041";
/// A SIM's parameter is wrong, or its name or IMSI is taken.
pub(super) const SIM_INVALID: &str = "SEM4001";
/// The SIM's status doesn't allow it.
pub(super) const SIM_STATUS: &str = "SEM4002";
/// The device can't connect, or can't disconnect.
pub(super) const SESSION_REFUSED: &str = "SEM4003";

/// No such group.
pub(super) const GROUP_NOT_FOUND: &str = "GRP4041";
/// A group's parameter is wrong, or its name is taken.
pub(super) const GROUP_INVALID: &str = "GRP4001";
/// The group still has SIMs.
pub(super) const GROUP_IN_USE: &str = "GRP4002";

/// No such VPG.
pub(super) const VPG_NOT_FOUND: &str = "VPG4041";
/// A VPG's parameter is wrong, or its name is taken.
pub(super) const VPG_INVALID: &str = "VPG4001";
/// The VPG's status doesn't allow it.
pub(super) const VPG_STATUS: &str = "VPG4002";
/// The VPG is still in use.
pub(super) const VPG_IN_USE: &str = "VPG4003";
/// VPGs of this type can't do that.
pub(super) const VPG_TYPE: &str = "VPG4004";
/// No address or range is left.
pub(super) const VPG_EXHAUSTED: &str = "VPG4005";

/// The VPG has no such peering.
pub(super) const PEERING_NOT_FOUND: &str = "PCX4041";
/// A peering's parameter is wrong, or its name is taken.
pub(super) const PEERING_INVALID: &str = "PCX4001";
/// There is no such VPC.
pub(super) const PEER_VPC_NOT_FOUND: &str = "PCX4002";

/// No such Gate peer.
pub(super) const GATE_PEER_NOT_FOUND: &str = "GAT4041";
/// A parameter of Gate is wrong.
pub(super) const GATE_INVALID: &str = "GAT4001";
/// The address is taken or can't be used.
pub(super) const GATE_ADDRESS: &str = "GAT4002";

/// The SIM has no entry in the IP address map.
pub(super) const MAP_NOT_FOUND: &str = "IPM4041";
/// The address is taken or can't be used.
pub(super) const MAP_ADDRESS: &str = "IPM4001";

/// The routing filter contradicts itself.
pub(super) const FILTER_INVALID: &str = "RTF4001";

/// No such attachment.
pub(super) const ATTACHMENT_NOT_FOUND: &str = "TGW4041";
/// There is no such VPC to attach.
pub(super) const ATTACHED_VPC_NOT_FOUND: &str = "TGW4042";
/// An attachment's parameter is wrong, or its name is taken.
pub(super) const ATTACHMENT_INVALID: &str = "TGW4001";
/// The attachment's status doesn't allow it.
pub(super) const ATTACHMENT_STATUS: &str = "TGW4002";
/// Routes still lead to the attachment.
pub(super) const ATTACHMENT_IN_USE: &str = "TGW4003";
/// No such customer route.
pub(super) const ROUTE_NOT_FOUND: &str = "CRT4041";
/// A customer route's parameter is wrong, or its name is taken.
pub(super) const ROUTE_INVALID: &str = "CRT4001";

/// A refusal.
pub(super) fn refuse<T>(code: &'static str, message: impl Into<String>) -> Result<T, ApiError> {
    Err(ApiError::soracom(code, message))
}

/// `what` called `wanted` isn't among `names`.
pub(super) fn unknown<'a>(
    code: &'static str,
    what: &str,
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> ApiError {
    ApiError::soracom(
        code,
        format!("no {what} is called {wanted:?}; {}", hint(wanted, names)),
    )
}

/// `what` called `name` exists already.
pub(super) fn taken(code: &'static str, what: &str, name: &str) -> ApiError {
    ApiError::soracom(
        code,
        format!("a {what} called {name:?} exists already; choose another name"),
    )
}
