//! Requests of the routing subsystem, as `rtnetlink`'s message types.

use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST,
    NetlinkHeader, NetlinkMessage,
};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::LinkAttribute;

use super::socket::Batch;
use super::wire;

/// What a request does where something like it exists, or doesn't.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Change or query; it must exist.
    Plain,
    /// Make it; it must not exist.
    Create,
    /// Make it, or put it in the place of the one there.
    Replace,
    /// Make one more of it.
    Append,
    /// Remove it; nothing to do where it has gone already, with an interface or by a script.
    Remove,
}

impl Mode {
    fn flags(self) -> u16 {
        match self {
            Self::Plain | Self::Remove => 0,
            Self::Create => NLM_F_CREATE | NLM_F_EXCL,
            Self::Replace => NLM_F_CREATE | NLM_F_REPLACE,
            Self::Append => NLM_F_CREATE | NLM_F_APPEND,
        }
    }
}

/// A request.
pub(super) type Request = (Mode, RouteNetlinkMessage);

/// Adds a request that asks for an acknowledgement; its number in the batch.
pub(super) fn push(batch: &mut Batch, (mode, message): Request) -> usize {
    batch.moves += usize::from(moves(&message));
    write(batch, NLM_F_REQUEST | NLM_F_ACK | mode.flags(), message)
}

/// Adds a request that is answered with data.
pub(super) fn push_query(batch: &mut Batch, message: RouteNetlinkMessage) {
    write(batch, NLM_F_REQUEST, message);
}

/// Adds a request that is answered with a list.
pub(super) fn push_dump(batch: &mut Batch, message: RouteNetlinkMessage) {
    write(batch, NLM_F_REQUEST | NLM_F_DUMP, message);
}

/// Adds a request that is answered with a list, as bytes: its header and attributes.
pub(super) fn push_raw_dump(batch: &mut Batch, kind: u16, body: &[u8]) {
    let flags = NLM_F_REQUEST | NLM_F_DUMP;
    batch.push(|bytes| wire::message(bytes, (kind, flags, 0), |bytes| bytes.extend(body)));
}

fn write(batch: &mut Batch, flags: u16, message: RouteNetlinkMessage) -> usize {
    let mut header = NetlinkHeader::default();
    header.flags = flags;
    let mut message = NetlinkMessage::new(header, message.into());
    message.finalize();
    batch.push(|bytes| {
        let start = bytes.len();
        bytes.resize(start + message.buffer_len(), 0);
        message.serialize(&mut bytes[start..]);
    })
}

/// Whether a request would move an interface to another namespace.
fn moves(message: &RouteNetlinkMessage) -> bool {
    let (RouteNetlinkMessage::NewLink(link) | RouteNetlinkMessage::SetLink(link)) = message else {
        return false;
    };
    let namespace =
        |a: &LinkAttribute| matches!(a, LinkAttribute::NetNsFd(_) | LinkAttribute::NetNsPid(_));
    link.attributes.iter().any(namespace)
}
