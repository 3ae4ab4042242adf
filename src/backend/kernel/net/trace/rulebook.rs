//! What there is to know of a node and its rules, asked over netlink.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::message::Dropper;
use crate::backend::kernel::net::counters::Counting;
use crate::backend::kernel::net::error::Refusal;
use crate::backend::kernel::net::nft::{Element, comment, elements, rule_text};
use crate::backend::kernel::net::socket::{Batch, NetlinkSocket, Subsystem};
use crate::backend::kernel::net::{address, rtnl, wire};

/// `NFT_MSG_GET…` as message types of `NFNL_SUBSYS_NFTABLES`.
const GET_TABLE: u16 = 10 << 8 | 1;
const GET_RULE: u16 = 10 << 8 | 7;
const GET_ELEMENTS: u16 = 10 << 8 | 13;

/// `NLM_F_REQUEST`, and that with `NLM_F_DUMP`.
const REQUEST: u16 = 1;
const DUMP: u16 = 0x301;

/// A table's family and name, a chain's name, a rule's handle.
type Place = (u8, String, String, u64);

/// A node's rules.
pub(super) struct Rulebook {
    socket: NetlinkSocket,
    route: NetlinkSocket,
    /// Texts of rules that have dropped something since the last script.
    known: BTreeMap<Place, Option<String>>,
}

impl Rulebook {
    /// Knows nothing yet. The calling thread must be in the node's namespace.
    pub fn open(counting: &Counting) -> Result<Self, Refusal> {
        Ok(Self {
            socket: NetlinkSocket::open(Subsystem::Netfilter, counting)?,
            route: NetlinkSocket::open(Subsystem::Route, counting)?,
            known: BTreeMap::new(),
        })
    }

    /// Whether the node has this address.
    pub fn has(&mut self, ip: Ipv4Addr) -> bool {
        let mut question = Batch::default();
        rtnl::push_dump(&mut question, address::all());
        let addresses = self.route.list(question, address::local);
        addresses.is_ok_and(|addresses| addresses.contains(&ip))
    }

    /// Rules may have changed.
    pub fn forget(&mut self) {
        self.known.clear();
    }

    /// The tables: family and name.
    pub fn tables(&mut self) -> Result<Vec<(u8, String)>, Refusal> {
        /// `NFTA_TABLE_NAME`.
        const NAME: u16 = 1;
        let all = request((GET_TABLE, DUMP), 0, &[]);
        self.socket.list(all, |payload| {
            let name = attribute(payload.get(4..)?, NAME)?;
            Some((*payload.first()?, wire::string(name)))
        })
    }

    /// What dropped a packet, in words: `table inet f, chain input: tcp dport 80 drop`.
    pub fn words(&mut self, dropper: &Dropper) -> String {
        let Dropper {
            family,
            table,
            chain,
            rule,
        } = dropper;
        let what = match rule {
            None => "policy drop".to_owned(),
            Some(handle) => {
                let place = (*family, table.clone(), chain.clone(), *handle);
                let known = match self.known.get(&place) {
                    Some(known) => known.clone(),
                    None => {
                        let text = self.rule(&place);
                        self.known.insert(place, text.clone());
                        text
                    }
                };
                known.unwrap_or_else(|| format!("the rule with handle {handle}"))
            }
        };
        format!(
            "table {} {table}, chain {chain}: {what}",
            family_name(*family)
        )
    }

    /// A rule's text; none where it is gone already, or can't be put into words.
    fn rule(&mut self, (family, table, chain, handle): &Place) -> Option<String> {
        /// `NFTA_RULE_TABLE`, `…_CHAIN`, `…_HANDLE`, `…_EXPRESSIONS` and `…_USERDATA`.
        const TABLE: u16 = 1;
        const CHAIN: u16 = 2;
        const HANDLE: u16 = 3;
        const EXPRESSIONS: u16 = 4;
        const USERDATA: u16 = 7;
        let question = request(
            (GET_RULE, REQUEST),
            *family,
            &[
                (TABLE, &terminated(table)),
                (CHAIN, &terminated(chain)),
                (HANDLE, &handle.to_be_bytes()),
            ],
        );
        let answer = self.socket.ask(question, |payload| {
            let attributes = payload.get(4..)?;
            let remark = attribute(attributes, USERDATA).and_then(comment);
            Some((attribute(attributes, EXPRESSIONS)?.to_vec(), remark))
        });
        let (expressions, remark) = answer.ok()?;
        let mut set = |name: &str| self.elements(*family, table, name);
        let text = rule_text(*family, &expressions, &mut set)?;
        Some(match remark {
            Some(remark) => format!("{text} comment \"{remark}\""),
            None => text,
        })
    }

    /// What stands in a set.
    fn elements(&mut self, family: u8, table: &str, set: &str) -> Option<Vec<Element>> {
        /// `NFTA_SET_ELEM_LIST_TABLE` and `…_SET`.
        const TABLE: u16 = 1;
        const SET: u16 = 2;
        let attributes = [(TABLE, &*terminated(table)), (SET, &*terminated(set))];
        let question = request((GET_ELEMENTS, DUMP), family, &attributes);
        let lists = self
            .socket
            .list(question, |payload| payload.get(4..).map(elements));
        Some(lists.ok()?.concat())
    }
}

/// A request with these attributes.
fn request((kind, flags): (u16, u16), family: u8, attributes: &[(u16, &[u8])]) -> Batch {
    let mut batch = Batch::default();
    batch.push(|bytes| {
        wire::message(bytes, (kind, flags, 0), |bytes| {
            bytes.extend([family, 0, 0, 0]);
            for (kind, value) in attributes {
                wire::put(bytes, *kind, value);
            }
        });
    });
    batch
}

/// A name as nf_tables takes it.
fn terminated(name: &str) -> Vec<u8> {
    [name.as_bytes(), &[0]].concat()
}

fn attribute(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    wire::attributes(bytes).find_map(|(kind, value)| (kind == wanted).then_some(value))
}

/// A table's family as nft names it (`NFPROTO_…`).
fn family_name(family: u8) -> &'static str {
    match family {
        1 => "inet",
        2 => "ip",
        3 => "arp",
        5 => "netdev",
        7 => "bridge",
        10 => "ip6",
        _ => "unknown",
    }
}
