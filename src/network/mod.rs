//! The desired network, in Linux terms.
//!
//! A [`Network`] is a plain, ordered value: which nodes (network namespaces) there are, which links
//! join them, and what each node's kernel holds. [`diff()`] gives the smallest list of [`Change`]s
//! from one network to another; a backend carries the changes out. Nothing here knows the clouds.

mod change;
mod diff;
mod filter;
mod link;
mod node;
mod service;
mod shape;
mod trace;
mod walk;

pub use change::Change;
pub use diff::diff;
pub use filter::{
    Chain, ChainId, CtDirection, CtState, Family, Filter, Hook, HookPoint, Label, Match, Protocol,
    Rule, Statement, Test,
};
pub use link::{End, IfName, Link, LinkId, Mac};
pub use node::{Address, HostFiles, Node, NodeId, PolicyRule, Route, Table, Vxlan};
pub use service::{Listen, Page, Service, Transport};
pub use shape::{BitRate, Burst, Chance, Loss, Queue, Radio, Rate, Reorder, Shape, Shapes};
pub use trace::{OPPORTUNITY, Trace, TraceError};

use std::collections::BTreeMap;

/// Nodes and the links between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Every node, by its name.
    pub nodes: BTreeMap<NodeId, Node>,
    /// Every link, by its name.
    pub links: BTreeMap<LinkId, Link>,
}
