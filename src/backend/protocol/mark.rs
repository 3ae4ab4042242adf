//! By what a service recognises a probe.

use crate::backend::evidence::Token;
use crate::network::Transport;

/// The HTTP header by which a probe makes itself known.
pub(in crate::backend) const PROBE_HEADER: &str = "x-canal-probe";

/// By what a service recognises a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::backend) enum Mark {
    /// The token that the probe carries.
    Token(Token),
    /// The ports, which address translation keeps where it can; for DNS also the query's id.
    Ports {
        transport: Transport,
        client: u16,
        server: u16,
        id: u16,
    },
}
