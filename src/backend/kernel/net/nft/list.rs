//! Which tables there are besides ours.

use super::encode::TABLE;
use super::tracing::TRACE_TABLE;
use crate::backend::kernel::net::error::Refusal;
use crate::backend::kernel::net::socket::{Batch, NetlinkSocket};
use crate::backend::kernel::net::wire;

/// `NFNL_SUBSYS_NFTABLES`, `NFT_MSG_GETTABLE`, `NFTA_TABLE_NAME`; the length of `struct nfgenmsg`.
const GET_TABLE: u16 = 10 << 8 | 1;
const NAME: u16 = 1;
const HEADER: usize = 4;

/// The tables that aren't ours: family and name, in the words of `nft list tables`.
pub(in crate::backend::kernel::net) fn others(
    socket: &mut NetlinkSocket,
) -> Result<Vec<(&'static str, String)>, Refusal> {
    /// `NLM_F_REQUEST | NLM_F_DUMP`.
    const LIST: u16 = 0x301;
    let mut batch = Batch::default();
    batch.push(|bytes| {
        wire::message(bytes, (GET_TABLE, LIST, 0), |bytes| {
            bytes.extend([0; HEADER])
        })
    });
    let mut found = socket.list(batch, table)?;
    found.retain(|(family, name)| {
        let ours = [TABLE, TRACE_TABLE].contains(&name.as_str());
        !(ours && matches!(*family, "ip" | "arp"))
    });
    Ok(found)
}

pub(in crate::backend::kernel::net) fn table(payload: &[u8]) -> Option<(&'static str, String)> {
    let family = match payload.first()? {
        1 => "inet",
        2 => "ip",
        3 => "arp",
        5 => "netdev",
        7 => "bridge",
        10 => "ip6",
        _ => "of an unknown family",
    };
    let mut attributes = wire::attributes(payload.get(HEADER..)?);
    let (_, name) = attributes.find(|(kind, _)| *kind == NAME)?;
    Some((family, wire::string(name)))
}
