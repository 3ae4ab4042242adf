//! How much a script may come to. What it asks for beyond that is not carried out.
//!
//! A variable may double with each line, so a script of some hundred bytes could ask for more memory than any
//! machine has.

/// Bytes of what one word comes to, and of what a variable holds: Linux takes no longer argument
/// (`MAX_ARG_STRLEN`, execve(2)).
pub(super) const WORD: usize = 128 << 10;

/// Bytes of all words that a script's commands come to, together, each with the pointer to it and its end, as
/// Linux counts arguments (execve(2)). It bounds what the variables hold, too.
pub(super) const SCRIPT: usize = 4 << 20;

/// What each word counts besides its own bytes.
pub(super) const PER_WORD: usize = size_of::<usize>() + 1;

/// Bytes of each of stdout and stderr that are kept, as with the kernel backend.
pub(super) const OUTPUT: usize = 1 << 20;

/// How many of a machine's doubts come from scripts: any one makes what it does doubtful, and reports name the
/// first few.
pub(super) const DOUBTS: usize = 1_000;

/// Why a command is skipped that exceeds one of the first two.
pub(super) const TOO_LONG: &str =
    "with its variables put in, it is longer than a script may get here";

/// What a script writes to one of its outputs.
#[derive(Debug, Default)]
pub(super) struct Output {
    kept: String,
    is_cut: bool,
}

impl Output {
    pub fn write(&mut self, text: &str) {
        let room = OUTPUT - self.kept.len();
        let fits = text.floor_char_boundary(room);
        if !self.is_cut {
            self.kept.push_str(&text[..fits]);
        }
        self.is_cut |= fits < text.len();
    }

    /// What was kept, and whether that is all.
    pub fn finish(mut self) -> String {
        if self.is_cut {
            self.kept.push_str("\n[cut after 1 MiB]\n");
        }
        self.kept
    }
}
