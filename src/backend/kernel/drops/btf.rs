//! The running kernel's types as it describes them itself (Linux, `Documentation/bpf/btf.rst`): where
//! the members of a structure lie, and what the values of an enumeration are called.
//!
//! Any bytes may come: what is cut short or contradicts itself is an error.

use std::collections::{BTreeMap, BTreeSet};

/// `BTF_MAGIC` in the machine's byte order.
const MAGIC: u16 = 0xeb9f;

/// What is wrong with a description of types, or missing from it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BtfError {
    /// It can't be read.
    #[error("the kernel's description of its types is damaged at byte {0}")]
    Damaged(usize),
    /// It lacks something.
    #[error("the kernel's description of its types has no {0}")]
    Missing(String),
}

/// A description of types.
pub(super) struct Btf<'a> {
    /// The types by number, from 1 on: where each begins in `types`.
    at: Vec<usize>,
    types: &'a [u8],
    strings: &'a [u8],
}

/// `BTF_KIND_*`.
mod kind {
    pub const INT: u32 = 1;
    pub const ARRAY: u32 = 3;
    pub const STRUCT: u32 = 4;
    pub const UNION: u32 = 5;
    pub const ENUM: u32 = 6;
    pub const TYPEDEF: u32 = 8;
    pub const VOLATILE: u32 = 9;
    pub const CONST: u32 = 10;
    pub const RESTRICT: u32 = 11;
    pub const FUNC_PROTO: u32 = 13;
    pub const VAR: u32 = 14;
    pub const DATASEC: u32 = 15;
    pub const DECL_TAG: u32 = 17;
    pub const TYPE_TAG: u32 = 18;
    pub const ENUM64: u32 = 19;
}

/// A type's first three words.
#[derive(Clone, Copy)]
struct Head {
    name: u32,
    kind: u32,
    /// How many members follow.
    count: usize,
    /// Whether members' offsets carry the sizes of bit fields.
    bit_fields: bool,
    /// The size in bytes, or the type that this one is made of.
    size_or_type: u32,
    /// Where what follows begins.
    body: usize,
}

/// A member of a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Bytes from the structure's beginning.
    pub offset: usize,
    /// Its type.
    kind: u32,
}

impl<'a> Btf<'a> {
    /// Reads a description's headers and finds where its types begin.
    pub fn read(bytes: &'a [u8]) -> Result<Self, BtfError> {
        if bytes.get(..2) != Some(&MAGIC.to_ne_bytes()) {
            return Err(BtfError::Damaged(0));
        }
        let header = u32_at(bytes, 4)? as usize;
        let section = |at: usize| -> Result<&'a [u8], BtfError> {
            let start = header.checked_add(u32_at(bytes, at)? as usize);
            let length = u32_at(bytes, at + 4)? as usize;
            start
                .and_then(|start| bytes.get(start..start.checked_add(length)?))
                .ok_or(BtfError::Damaged(at))
        };
        let mut btf = Self {
            at: Vec::new(),
            types: section(8)?,
            strings: section(16)?,
        };
        let mut at = 0;
        while at < btf.types.len() {
            let head = btf.head_at(at)?;
            btf.at.push(at);
            at = head.body + follows(&head).ok_or(BtfError::Damaged(at))?;
        }
        Ok(btf)
    }

    /// Where a member lies in a structure: `sk_buff`, `dev`. Members of members follow behind dots:
    /// `__sk_common.skc_net.net`.
    pub fn offset(&self, structure: &str, path: &str) -> Result<usize, BtfError> {
        self.member(structure, path).map(|member| member.offset)
    }

    /// The size of a member in bytes, where it is a number, a structure or a union.
    pub fn size(&self, structure: &str, path: &str) -> Result<usize, BtfError> {
        let member = self.member(structure, path)?;
        let head = self.plain(member.kind)?;
        match head.kind {
            kind::INT | kind::STRUCT | kind::UNION | kind::ENUM | kind::ENUM64 => {
                Ok(head.size_or_type as usize)
            }
            _ => Err(missing(structure, path)),
        }
    }

    fn member(&self, structure: &str, path: &str) -> Result<Member, BtfError> {
        let mut head = self
            .named(kind::STRUCT, structure)
            .ok_or_else(|| BtfError::Missing(format!("struct {structure}")))?;
        let mut whole = Member { offset: 0, kind: 0 };
        for name in path.split('.') {
            let member = self
                .find(&head, name, &mut BTreeSet::new())?
                .ok_or_else(|| missing(structure, path))?;
            whole.offset += member.offset;
            whole.kind = member.kind;
            head = self.plain(member.kind)?;
        }
        Ok(whole)
    }

    /// What the values of an enumeration are called.
    pub fn values(&self, enumeration: &str) -> Result<BTreeMap<u32, &'a str>, BtfError> {
        let head = self
            .named(kind::ENUM, enumeration)
            .ok_or_else(|| BtfError::Missing(format!("enum {enumeration}")))?;
        (0..head.count)
            .map(|n| {
                let at = head.body + 8 * n;
                let name = self.string(u32_at(self.types, at)?);
                Ok((u32_at(self.types, at + 4)?, name))
            })
            .collect()
    }

    /// The first type of this kind and name that has a body.
    fn named(&self, kind: u32, name: &str) -> Option<Head> {
        let heads = self.at.iter().filter_map(|at| self.head_at(*at).ok());
        heads
            .filter(|head| head.kind == kind && head.count > 0)
            .find(|head| self.string(head.name) == name)
    }

    /// A member by its name, also inside members without one. These nest a few levels deep. No type is
    /// looked through twice: members of one type that has members of one type, and so on, are without number.
    fn find(
        &self,
        head: &Head,
        name: &str,
        seen: &mut BTreeSet<usize>,
    ) -> Result<Option<Member>, BtfError> {
        const MOST: usize = 256;
        let holds = matches!(head.kind, kind::STRUCT | kind::UNION);
        if !holds || seen.len() == MOST || !seen.insert(head.body) {
            return Ok(None);
        }
        for n in 0..head.count {
            let at = head.body + 12 * n;
            let own = self.string(u32_at(self.types, at)?);
            let kind = u32_at(self.types, at + 4)?;
            let bits = u32_at(self.types, at + 8)?;
            let bits = if head.bit_fields {
                bits & 0xff_ffff
            } else {
                bits
            };
            let offset = bits as usize / 8;
            if own == name {
                return Ok(Some(Member { offset, kind }));
            }
            if own.is_empty()
                && let Some(inner) = self.find(&self.plain(kind)?, name, seen)?
            {
                return Ok(Some(Member {
                    offset: offset + inner.offset,
                    kind: inner.kind,
                }));
            }
        }
        Ok(None)
    }

    /// A type behind its further names and qualifiers.
    fn plain(&self, number: u32) -> Result<Head, BtfError> {
        let mut number = number;
        // As many steps as there are types: a ring would never end.
        for _ in 0..=self.at.len() {
            let at = (number as usize)
                .checked_sub(1)
                .and_then(|index| self.at.get(index))
                .ok_or(BtfError::Damaged(number as usize))?;
            let head = self.head_at(*at)?;
            match head.kind {
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    number = head.size_or_type
                }
                _ => return Ok(head),
            }
        }
        Err(BtfError::Damaged(number as usize))
    }

    fn head_at(&self, at: usize) -> Result<Head, BtfError> {
        let info = u32_at(self.types, at + 4)?;
        Ok(Head {
            name: u32_at(self.types, at)?,
            kind: info >> 24 & 0x1f,
            count: (info & 0xffff) as usize,
            bit_fields: info >> 31 == 1,
            size_or_type: u32_at(self.types, at + 8)?,
            body: at + 12,
        })
    }

    fn string(&self, at: u32) -> &'a str {
        let rest = self.strings.get(at as usize..).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == 0).unwrap_or(0);
        std::str::from_utf8(&rest[..end]).unwrap_or_default()
    }
}

/// How many bytes follow a type's first three words.
fn follows(head: &Head) -> Option<usize> {
    let each = match head.kind {
        kind::INT | kind::VAR | kind::DECL_TAG => return Some(4),
        kind::ARRAY => return Some(12),
        kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => 12,
        kind::ENUM | kind::FUNC_PROTO => 8,
        // Pointers, forward declarations, further names, qualifiers, functions, floats.
        0..=19 => 0,
        _ => return None,
    };
    Some(each * head.count)
}

fn missing(structure: &str, path: &str) -> BtfError {
    BtfError::Missing(format!("{structure}.{path}"))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, BtfError> {
    bytes
        .get(at..)
        .and_then(<[u8]>::first_chunk)
        .map(|word| u32::from_ne_bytes(*word))
        .ok_or(BtfError::Damaged(at))
}

#[cfg(test)]
mod tests;
