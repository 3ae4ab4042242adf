//! BPF instructions (Linux, `Documentation/bpf/standardization/instruction-set.rst`; RFC 9669): as many
//! as the one program needs.

use std::os::fd::{AsRawFd, OwnedFd};

/// A register. A call takes its arguments in 1 to 5, gives its result in 0 and leaves 6 to 9 as they
/// are; 10 is the end of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reg(pub u8);

pub(super) const R0: Reg = Reg(0);
pub(super) const R1: Reg = Reg(1);
pub(super) const R2: Reg = Reg(2);
pub(super) const R3: Reg = Reg(3);
pub(super) const R6: Reg = Reg(6);
pub(super) const R7: Reg = Reg(7);
pub(super) const R8: Reg = Reg(8);
pub(super) const R9: Reg = Reg(9);
pub(super) const STACK: Reg = Reg(10);

/// The size of a load or a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    U16 = 0x08,
    U32 = 0x00,
    U64 = 0x18,
}

/// When a jump is made. Numbers are compared as unsigned, over 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Equal = 0x10,
    Greater = 0x20,
    NotEqual = 0x50,
    Less = 0xa0,
}

/// A helper of the kernel's (`enum bpf_func_id`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Helper {
    MapLookup = 1,
    ReadKernel = 113,
    RingReserve = 131,
    RingSubmit = 132,
}

/// A place that jumps lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target(usize);

/// A program in the making.
#[derive(Debug, Default)]
pub(super) struct Program {
    instructions: Vec<Instruction>,
    /// Where each target lies, once that is known.
    targets: Vec<Option<usize>>,
    /// Jumps to fill in: the instruction and its target.
    jumps: Vec<(usize, Target)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Instruction {
    code: u8,
    to: u8,
    from: u8,
    offset: i16,
    immediate: i32,
}

impl Program {
    /// `to = from`.
    pub fn copy(&mut self, to: Reg, from: Reg) {
        self.push(0xbf, to, from, 0, 0);
    }

    /// `to = number`.
    pub fn set(&mut self, to: Reg, number: i32) {
        self.push(0xb7, to, R0, 0, number);
    }

    /// `to += number`.
    pub fn add(&mut self, to: Reg, number: i32) {
        self.push(0x07, to, R0, 0, number);
    }

    /// `to += from`.
    pub fn add_reg(&mut self, to: Reg, from: Reg) {
        self.push(0x0f, to, from, 0, 0);
    }

    /// `to -= from`.
    pub fn subtract(&mut self, to: Reg, from: Reg) {
        self.push(0x1f, to, from, 0, 0);
    }

    /// `to &= number`, sign-extended.
    pub fn and(&mut self, to: Reg, number: i32) {
        self.push(0x57, to, R0, 0, number);
    }

    /// `to = *(from + offset)`.
    pub fn load(&mut self, size: Size, to: Reg, from: Reg, offset: i16) {
        self.push(0x61 | size as u8, to, from, offset, 0);
    }

    /// `*(to + offset) = from`.
    pub fn store(&mut self, size: Size, to: Reg, offset: i16, from: Reg) {
        self.push(0x63 | size as u8, to, from, offset, 0);
    }

    /// `*(to + offset) += from`, in one go.
    pub fn add_atomically(&mut self, to: Reg, offset: i16, from: Reg) {
        self.push(0xdb, to, from, offset, 0);
    }

    /// `to = the map`.
    pub fn set_map(&mut self, to: Reg, map: &OwnedFd) {
        /// `BPF_PSEUDO_MAP_FD`.
        const MAP: Reg = R1;
        self.push(0x18, to, MAP, 0, map.as_raw_fd());
        self.push(0, R0, R0, 0, 0);
    }

    /// Calls a helper.
    pub fn call(&mut self, helper: Helper) {
        self.push(0x85, R0, R0, 0, helper as i32);
    }

    /// A place to jump to, which `here` will set.
    pub fn target(&mut self) -> Target {
        self.targets.push(None);
        Target(self.targets.len() - 1)
    }

    /// The target is the next instruction.
    pub fn here(&mut self, target: Target) {
        self.targets[target.0] = Some(self.instructions.len());
    }

    /// Jumps.
    pub fn jump(&mut self, target: Target) {
        self.jumps.push((self.instructions.len(), target));
        self.push(0x05, R0, R0, 0, 0);
    }

    /// Jumps if the register compares like this to the number.
    pub fn jump_if(&mut self, register: Reg, when: When, number: i32, target: Target) {
        self.jumps.push((self.instructions.len(), target));
        self.push(0x05 | when as u8, register, R0, 0, number);
    }

    /// Ends with 0.
    pub fn exit(&mut self) {
        self.set(R0, 0);
        self.push(0x95, R0, R0, 0, 0);
    }

    /// The instructions as the kernel takes them; none if a jump leads nowhere or too far.
    pub fn finish(mut self) -> Option<Vec<u64>> {
        for (at, target) in std::mem::take(&mut self.jumps) {
            let place = self.targets.get(target.0).copied().flatten()?;
            let distance = isize::try_from(place).ok()? - isize::try_from(at).ok()? - 1;
            self.instructions[at].offset = i16::try_from(distance).ok()?;
        }
        Some(self.instructions.iter().map(Instruction::encode).collect())
    }

    fn push(&mut self, code: u8, to: Reg, from: Reg, offset: i16, immediate: i32) {
        self.instructions.push(Instruction {
            code,
            to: to.0,
            from: from.0,
            offset,
            immediate,
        });
    }
}

impl Instruction {
    fn encode(&self) -> u64 {
        let registers = if cfg!(target_endian = "little") {
            self.from << 4 | self.to
        } else {
            self.to << 4 | self.from
        };
        let [a, b] = self.offset.to_ne_bytes();
        let [c, d, e, f] = self.immediate.to_ne_bytes();
        u64::from_ne_bytes([self.code, registers, a, b, c, d, e, f])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_written_as_the_kernel_reads_them() {
        let mut program = Program::default();
        let end = program.target();
        program.load(Size::U64, R7, R6, 16);
        program.jump_if(R7, When::Equal, 0, end);
        program.add(R7, -8);
        program.here(end);
        program.exit();
        let bytes: Vec<[u8; 8]> = program
            .finish()
            .unwrap()
            .into_iter()
            .map(u64::to_ne_bytes)
            .collect();
        if cfg!(target_endian = "little") {
            assert_eq!(bytes[0], [0x79, 0x67, 16, 0, 0, 0, 0, 0]);
            assert_eq!(bytes[1], [0x15, 0x07, 1, 0, 0, 0, 0, 0]);
            assert_eq!(bytes[2], [0x07, 0x07, 0, 0, 0xf8, 0xff, 0xff, 0xff]);
            assert_eq!(bytes[4], [0x95, 0, 0, 0, 0, 0, 0, 0]);
        }
        assert_eq!(bytes.len(), 5);
    }

    #[test]
    fn a_jump_to_nowhere_is_found() {
        let mut program = Program::default();
        let nowhere = program.target();
        program.jump(nowhere);
        assert_eq!(program.finish(), None);
    }
}
