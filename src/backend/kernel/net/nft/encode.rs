//! Expressions, sets, rules and chains as nf_tables messages.

use netlink_bindings::nftables::{
    BitwiseOps, CmpOps, CtKeys, LookupFlags, MetaKeys, Nfgenmsg, OpDelchainDo, OpDelruleDo,
    OpNewchainDo, OpNewruleDo, OpNewsetDo, OpNewsetelemDo, OpNewtableDo, PushExprAttrs,
    PushExprListAttrs, RangeOps, Registers, SetElemFlags, SetFlags, TableFlags, VerdictCode,
};
use netlink_bindings::utils::Pusher;
use nix::errno::Errno;

use super::expression::{Expression, INTERFACE, Set, Verdict};
use super::tracing::TRACE_GROUP;
use crate::backend::kernel::net::error::Refusal;
use crate::backend::kernel::net::nflog::{NFLOG_GROUP, SNAP_LENGTH};
use crate::backend::kernel::net::socket::Batch;
use crate::backend::kernel::net::wire;
use crate::network::{Chain, ChainId, Family, Hook, HookPoint};

/// The name of the tables that carry out the network's filters.
pub(in crate::backend::kernel::net) const TABLE: &str = "canal";

/// `NFNL_SUBSYS_NFTABLES`.
const SUBSYSTEM: u16 = 10;

/// Flags of a message (linux/netlink.h).
const REQUEST: u16 = 1;
const CREATE: u16 = 0x400;
const APPEND: u16 = 0x800;

/// The one register in use: the first, of 16 bytes.
const REGISTER: u32 = Registers::Reg1 as u32;

/// `NFTNL_UDATA_SET_KEYBYTEORDER`: without it the program `nft` shows the names in such a set as
/// empty. The kernel doesn't read it.
const NAMES_FOR_NFT: [u8; 6] = {
    let [a, b, c, d] = 1_u32.to_ne_bytes();
    [0, 4, a, b, c, d]
};

/// How many elements go into one message: an attribute holds 64 KiB.
const ELEMENTS_AT_ONCE: usize = 1_000;

/// `NF_INET_…` and `NF_ARP_…`: the number of a hook in its family.
fn hook_number(family: Family, point: HookPoint) -> Result<u32, Refusal> {
    Ok(match (family, point) {
        (Family::Ip, HookPoint::Prerouting | HookPoint::NatPrerouting)
        | (Family::Arp, HookPoint::Input) => 0,
        (Family::Ip, HookPoint::Input) | (Family::Arp, HookPoint::Output) => 1,
        (Family::Ip, HookPoint::Forward) => 2,
        (Family::Ip, HookPoint::Output) => 3,
        (Family::Ip, HookPoint::Postrouting | HookPoint::NatPostrouting) => 4,
        (
            Family::Arp,
            HookPoint::Prerouting
            | HookPoint::Forward
            | HookPoint::Postrouting
            | HookPoint::NatPrerouting
            | HookPoint::NatPostrouting,
        ) => {
            return Err(Refusal {
                errno: Errno::EINVAL,
                said: Some("ARP has the hooks input and output only".into()),
            });
        }
    })
}

fn header(family: Family) -> Nfgenmsg {
    let mut header = Nfgenmsg::new();
    header.nfgen_family = match family {
        Family::Ip => 2,
        Family::Arp => 3,
    };
    header
}

/// A transaction being written: what it makes stands in tables of one name.
#[derive(Debug)]
pub(super) struct Transaction {
    pub batch: Batch,
    table: &'static str,
    sets: u32,
}

impl Transaction {
    /// An empty one.
    pub fn begin(table: &'static str) -> Self {
        let mut batch = Batch::default();
        batch.push(|bytes| frame(bytes, 16));
        Self {
            batch,
            table,
            sets: 0,
        }
    }

    /// Ends it; the number of the last request, which asks for an acknowledgement.
    pub fn end(mut self) -> (Batch, usize) {
        let last = self.batch.len() - 1;
        self.batch.acknowledge(last);
        self.batch.push(|bytes| frame(bytes, 17));
        (self.batch, last)
    }

    fn push(&mut self, kind: u16, flags: u16, fill: impl FnOnce(&mut Vec<u8>)) {
        self.batch.push(|bytes| {
            wire::message(bytes, (SUBSYSTEM << 8 | kind, REQUEST | flags, 0), fill);
        });
    }

    pub fn add_table(&mut self, family: Family) {
        let table = self.table.as_bytes();
        self.push(0, CREATE, |bytes| {
            OpNewtableDo::encode_request(bytes, &header(family)).push_name_bytes(table);
        });
    }

    /// A table that belongs to the socket that makes it: nobody else can change it, `nft flush ruleset`
    /// passes over it, and it goes with the socket (since Linux 5.12).
    pub fn add_own_table(&mut self, family: Family) {
        let table = self.table.as_bytes();
        self.push(0, CREATE, |bytes| {
            OpNewtableDo::encode_request(bytes, &header(family))
                .push_name_bytes(table)
                .push_flags(TableFlags::Owner as u32);
        });
    }

    pub fn add_chain(&mut self, id: &ChainId, chain: &Chain) -> Result<(), Refusal> {
        let table = self.table.as_bytes();
        let number = |hook: &Hook| hook_number(id.family, hook.point);
        let number = chain.hook.as_ref().map(number).transpose()?;
        self.push(3, CREATE, |bytes| {
            let mut message = OpNewchainDo::encode_request(bytes, &header(id.family))
                .push_table_bytes(table)
                .push_name_bytes(id.name.as_bytes());
            if let (Some(hook), Some(number)) = (&chain.hook, number) {
                let kind = match hook.point {
                    HookPoint::NatPrerouting | HookPoint::NatPostrouting => "nat",
                    HookPoint::Prerouting
                    | HookPoint::Input
                    | HookPoint::Forward
                    | HookPoint::Output
                    | HookPoint::Postrouting => "filter",
                };
                message = message
                    .nested_hook()
                    .push_num(number)
                    .push_priority(hook.priority)
                    .end_nested()
                    .push_policy(VerdictCode::Accept as u32)
                    .push_type_bytes(kind.as_bytes());
            }
            message.end_nested();
        });
        Ok(())
    }

    pub fn remove_chain(&mut self, id: &ChainId) {
        let table = self.table.as_bytes();
        self.push(5, 0, |bytes| {
            OpDelchainDo::encode_request(bytes, &header(id.family))
                .push_table_bytes(table)
                .push_name_bytes(id.name.as_bytes());
        });
    }

    /// Removes all rules of a chain.
    pub fn flush_chain(&mut self, id: &ChainId) {
        let table = self.table.as_bytes();
        self.push(8, 0, |bytes| {
            OpDelruleDo::encode_request(bytes, &header(id.family))
                .push_table_bytes(table)
                .push_chain_bytes(id.name.as_bytes());
        });
    }

    /// Adds a rule at the end of a chain, after the sets that it looks things up in.
    pub fn add_rule(&mut self, id: &ChainId, expressions: &[Expression]) {
        let table = self.table.as_bytes();
        let first_set = self.sets + 1;
        for expression in expressions {
            if let Expression::Lookup { set, .. } | Expression::Translate(set) = expression {
                self.sets += 1;
                self.add_set(id.family, set, self.sets);
            }
        }
        self.push(6, CREATE | APPEND, |bytes| {
            let mut list = OpNewruleDo::encode_request(bytes, &header(id.family))
                .push_table_bytes(table)
                .push_chain_bytes(id.name.as_bytes())
                .nested_expressions();
            let mut set = first_set;
            for expression in expressions {
                list = encode(list, expression, &mut set);
            }
            list.end_nested().end_nested();
        });
    }

    /// An unnamed set: it goes with the rule that uses it.
    fn add_set(&mut self, family: Family, set: &Set, id: u32) {
        let table = self.table.as_bytes();
        let mut flags = SetFlags::Anonymous as u32 | SetFlags::Constant as u32;
        if set.intervals {
            flags |= SetFlags::Interval as u32;
        }
        if set.data_length > 0 {
            flags |= SetFlags::Map as u32;
        }
        // The kernel reads this number in network order wherever it stands; the crate writes it so
        // only in some of the places.
        let wire_id = id.to_be();
        self.push(9, CREATE, |bytes| {
            let mut message = OpNewsetDo::encode_request(bytes, &header(family))
                .push_table_bytes(table)
                .push_name_bytes(set_name(set))
                .push_flags(flags)
                .push_key_type(set.shown_as)
                .push_key_len(set.key_length)
                .push_id(wire_id);
            if set.data_length > 0 {
                message = message
                    .push_data_type(set.shown_as)
                    .push_data_len(set.data_length);
            }
            if set.shown_as == INTERFACE {
                message = message.push_userdata(&NAMES_FOR_NFT);
            }
            message.end_nested();
        });
        for elements in set.elements.chunks(ELEMENTS_AT_ONCE) {
            self.push(12, CREATE, |bytes| {
                let mut list = OpNewsetelemDo::encode_request(bytes, &header(family))
                    .push_table_bytes(table)
                    .push_set_bytes(set_name(set))
                    .push_set_id(wire_id)
                    .nested_elements();
                for element in elements {
                    let mut one = list
                        .nested_elem()
                        .nested_key()
                        .push_value(&element.key)
                        .end_nested();
                    if let Some(data) = &element.data {
                        one = one.nested_data().push_value(data).end_nested();
                    }
                    if element.ends {
                        let flags = SetElemFlags::IntervalEnd as u32;
                        one = one.push_flags(&flags.to_be_bytes());
                    }
                    list = one.end_nested();
                }
                list.end_nested().end_nested();
            });
        }
    }
}

/// The pattern that the kernel makes a free name of.
fn set_name(set: &Set) -> &'static [u8] {
    if set.data_length > 0 {
        b"__map%d"
    } else {
        b"__set%d"
    }
}

/// `NFNL_MSG_BATCH_BEGIN` or `…_END`: what stands between them happens together or not at all.
fn frame(bytes: &mut Vec<u8>, kind: u16) {
    wire::message(bytes, (kind, REQUEST, 0), |bytes| {
        bytes.extend([0, 0]);
        bytes.extend(SUBSYSTEM.to_be_bytes());
    });
}

/// Appends an expression; `set` is the number of the next set.
fn encode<P: Pusher>(
    list: PushExprListAttrs<P>,
    expression: &Expression,
    set: &mut u32,
) -> PushExprListAttrs<P> {
    let mut next_set = || {
        let id = *set;
        *set += 1;
        id
    };
    let one = list.nested_elem();
    match expression {
        Expression::Meta(key) => {
            let e = one.nested_data_meta().push_dreg(REGISTER).push_key(*key);
            e.end_nested().end_nested()
        }
        Expression::Ct(key) => {
            let e = one.nested_data_ct().push_dreg(REGISTER).push_key(*key);
            e.end_nested().end_nested()
        }
        Expression::SetCtMark => {
            let e = one.nested_data_ct().push_key(CtKeys::Mark as u32);
            e.push_sreg(REGISTER).end_nested().end_nested()
        }
        Expression::Payload(field) => one
            .nested_data_payload()
            .push_dreg(REGISTER)
            .push_base(field.base)
            .push_offset(field.offset)
            .push_len(field.length)
            .end_nested()
            .end_nested(),
        Expression::Store { field, checksum_at } => one
            .nested_data_payload()
            .push_sreg(REGISTER)
            .push_base(field.base)
            .push_offset(field.offset)
            .push_len(field.length)
            // NFT_PAYLOAD_CSUM_INET
            .push_csum_type(1)
            .push_csum_offset(*checksum_at)
            .end_nested()
            .end_nested(),
        Expression::Bits { mask, xor } => one
            .nested_data_bitwise()
            .push_sreg(REGISTER)
            .push_dreg(REGISTER)
            .push_len(length(mask))
            .push_op(BitwiseOps::MaskXor as u32)
            .nested_mask()
            .push_value(mask)
            .end_nested()
            .nested_xor()
            .push_value(xor)
            .end_nested()
            .end_nested()
            .end_nested(),
        Expression::Compare { negated, value } => {
            let op = if *negated { CmpOps::Neq } else { CmpOps::Eq };
            one.nested_data_cmp()
                .push_sreg(REGISTER)
                .push_op(op as u32)
                .nested_data()
                .push_value(value)
                .end_nested()
                .end_nested()
                .end_nested()
        }
        Expression::Range {
            negated,
            first,
            last,
        } => {
            let op = if *negated {
                RangeOps::Neq
            } else {
                RangeOps::Eq
            };
            one.nested_data_range()
                .push_sreg(REGISTER)
                .push_op(op as u32)
                .nested_from_data()
                .push_value(first)
                .end_nested()
                .nested_to_data()
                .push_value(last)
                .end_nested()
                .end_nested()
                .end_nested()
        }
        Expression::Lookup { negated, set } => {
            let flags = if *negated {
                LookupFlags::Invert as u32
            } else {
                0
            };
            lookup(one, set_name(set), next_set(), |bytes| {
                wire::put(bytes, LOOKUP_FLAGS, &flags.to_be_bytes());
            })
        }
        Expression::Translate(map) => lookup(one, set_name(map), next_set(), |bytes| {
            wire::put(bytes, LOOKUP_DREG, &REGISTER.to_be_bytes());
        }),
        Expression::Constant(value) => one
            .nested_data_immediate()
            .push_dreg(REGISTER)
            .nested_data()
            .push_value(value)
            .end_nested()
            .end_nested()
            .end_nested(),
        Expression::Log(prefix) => one
            .nested_data_log()
            .push_group(NFLOG_GROUP)
            .push_prefix_bytes(prefix.as_bytes())
            .push_snaplen(SNAP_LENGTH)
            .push_qthreshold(1)
            .end_nested()
            .end_nested(),
        Expression::Copy => one
            .nested_data_log()
            .push_group(TRACE_GROUP)
            .push_snaplen(SNAP_LENGTH)
            .push_qthreshold(1)
            .end_nested()
            .end_nested(),
        Expression::Trace => {
            let e = one.nested_data_meta().push_key(MetaKeys::Nftrace as u32);
            e.push_sreg(REGISTER).end_nested().end_nested()
        }
        Expression::Nat { source } => one
            .nested_data_nat()
            // NFT_NAT_SNAT and NFT_NAT_DNAT; NFPROTO_IPV4.
            .push_type(u32::from(!*source))
            .push_family(2)
            .push_reg_addr_min(REGISTER)
            .end_nested()
            .end_nested(),
        Expression::Notrack => one.push_name(c"notrack").end_nested(),
        Expression::Verdict(verdict) => {
            let (code, chain) = match verdict {
                Verdict::Drop => (VerdictCode::Drop as u32, None),
                Verdict::Accept => (VerdictCode::Accept as u32, None),
                Verdict::Return => (VerdictCode::Return as u32, None),
                Verdict::Jump(chain) => (VerdictCode::Jump as u32, Some(chain)),
            };
            let mut verdict = one
                .nested_data_immediate()
                .push_dreg(Registers::RegVerdict as u32)
                .nested_data()
                .nested_verdict()
                .push_code(code);
            if let Some(chain) = chain {
                verdict = verdict.push_chain_bytes(chain.as_bytes());
            }
            verdict.end_nested().end_nested().end_nested().end_nested()
        }
    }
}

/// `NFTA_LOOKUP_…` (linux/netfilter/nf_tables.h). The crate's numbers for these follow a specification
/// that has the set's id in the wrong place, so they are written by hand.
const LOOKUP_SREG: u16 = 2;
const LOOKUP_DREG: u16 = 3;
const LOOKUP_SET_ID: u16 = 4;
const LOOKUP_FLAGS: u16 = 5;

/// A lookup of the register in a set of this transaction.
fn lookup<P: Pusher>(
    one: PushExprAttrs<PushExprListAttrs<P>>,
    set: &[u8],
    id: u32,
    rest: impl FnOnce(&mut Vec<u8>),
) -> PushExprListAttrs<P> {
    let mut lookup = one.nested_data_lookup().push_set_bytes(set);
    let bytes = lookup.as_vec_mut();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    wire::put(bytes, LOOKUP_SREG, &REGISTER.to_be_bytes());
    wire::put(bytes, LOOKUP_SET_ID, &id.to_be_bytes());
    rest(bytes);
    lookup.end_nested().end_nested()
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
