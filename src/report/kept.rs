//! How much of a run's output is kept until its end: a scenario decides what its steps write, and must not
//! decide how much memory that takes.

use std::borrow::Cow;

/// How many bytes of each of its two ends are left of a text that is cut: some 50 lines, as many as the
/// report of a failure shows.
const END: usize = 4 << 10;

/// What may still be kept. Texts are kept whole until three quarters of the room are taken, then their two
/// ends until the rest is, then only a remark for each.
#[derive(Debug)]
pub struct Room {
    most: usize,
    whole: usize,
    ends: usize,
}

impl Room {
    /// Room for so many bytes in all.
    pub fn new(most: usize) -> Self {
        let ends = most / 4;
        Self {
            most,
            whole: most - ends,
            ends,
        }
    }

    /// As much of the text as there is room for. What is left out is counted in its place.
    pub fn keep<'a>(&mut self, text: &'a str) -> Cow<'a, str> {
        if take(&mut self.whole, text.len()) {
            return Cow::Borrowed(text);
        }
        let ends = self.cut(text, END);
        if take(&mut self.ends, ends.len()) {
            return ends;
        }
        self.cut(text, 0)
    }

    /// The text without its middle.
    fn cut<'a>(&self, text: &'a str, end: usize) -> Cow<'a, str> {
        let (head, tail) = (
            text.floor_char_boundary(end),
            text.ceil_char_boundary(text.len().saturating_sub(end)),
        );
        if tail <= head {
            return Cow::Borrowed(text);
        }
        let gap = |end: &str, at: char| match end.is_empty() || at == '\n' {
            true => "",
            false => "\n",
        };
        let (first, last) = (&text[..head], &text[tail..]);
        Cow::Owned(format!(
            "{first}{}[{} of {} bytes left out: there is room for {} MiB in all]{}{last}",
            gap(first, first.chars().next_back().unwrap_or_default()),
            tail - head,
            text.len(),
            self.most >> 20,
            gap(last, last.chars().next().unwrap_or_default()),
        ))
    }
}

fn take(room: &mut usize, bytes: usize) -> bool {
    let left = room.checked_sub(bytes);
    *room = left.unwrap_or(*room);
    left.is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_whole_then_two_ends_then_a_remark() {
        let mut room = Room::new(4 << 20);
        let text = format!("first\n{}\nlast", "x".repeat(2 << 20));
        assert_eq!(room.keep(&text), text);
        let cut = room.keep(&text).into_owned();
        assert!(cut.starts_with("first\n") && cut.ends_with("\nlast"));
        let left_out = text.len() - 2 * END;
        let remark = format!(
            "x\n[{left_out} of {} bytes left out: there is room for 4 MiB in all]\nx",
            text.len()
        );
        assert!(cut.contains(&remark), "{cut}");
        // What is smaller may still be whole.
        assert_eq!(room.keep("small"), "small");
        let all = (0..1_000).map(|_| room.keep(&text).len()).max();
        assert!(all <= Some(2 * END + 100));
        let last = room.keep(&text);
        assert!(last.starts_with('[') && last.ends_with(']'), "{last}");
    }

    proptest! {
        #[test]
        fn any_texts_keep_to_the_room(texts in proptest::collection::vec(".{0,40}", 0..20), times in 1_usize..2_000) {
            let most = 64 << 10;
            let mut room = Room::new(most);
            let mut kept = 0;
            for text in texts {
                let text = text.repeat(times);
                let keeps = room.keep(&text);
                let is_remark = keeps.starts_with('[') && keeps.len() < 100;
                kept += if is_remark { 0 } else { keeps.len() };
                prop_assert!(keeps.len() <= text.len() || keeps.len() <= 2 * END + 100);
            }
            prop_assert!(kept <= most);
        }
    }
}
