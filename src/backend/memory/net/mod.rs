//! A node: Linux's IPv4 forwarding in memory. Sans-IO: packets and the time go in, packets and reports of
//! drops come out. Every drop has the name that Linux gives it (include/net/dropreason-core.h).
//!
//! | file | subject |
//! |---|---|
//! | `node.rs` | what a node holds |
//! | `interface.rs` | its interfaces |
//! | `fib.rs` | routing tables and policy rules |
//! | `receive.rs` | a frame comes in: checks, hooks, routing |
//! | `forward.rs` | a packet that passes through |
//! | `deliver.rs` | a packet for the node itself |
//! | `send.rs` | the node's own packets, and whatever goes out |
//! | `hooks.rs` | the packet filter, connection tracking and address translation at each hook |
//! | `fragment.rs` | packets that are too large |
//! | `neighbour.rs`, `arp.rs` | Ethernet addresses |
//! | `tunnel.rs` | VXLAN |
//! | `icmp.rs` | ICMP errors |
//! | `change.rs` | the changes that a backend is asked to make |
//! | `machine.rs` | a node as its owner sees it |

pub(super) mod arp;
pub(super) mod change;
pub(super) mod deliver;
pub(super) mod fib;
pub(super) mod forward;
pub(super) mod fragment;
pub(super) mod hooks;
pub(super) mod icmp;
pub(super) mod interface;
pub(super) mod machine;
pub(super) mod neighbour;
pub(super) mod node;
pub(super) mod receive;
pub(super) mod send;
pub(super) mod tunnel;
