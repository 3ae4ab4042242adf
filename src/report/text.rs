//! Text that is safe to print, wrapped; durations as people write them.

use std::time::Duration;

/// The text as one line in which every character can be seen: control characters become their
/// pictures (`␛`, `␊`), so that a script's output can neither move the cursor of a terminal nor make
/// an XML document invalid. A tab stays.
pub fn visible(text: &str) -> String {
    text.chars().map(visible_char).collect()
}

fn visible_char(c: char) -> char {
    match c {
        '\t' => c,
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        // The second set of control characters, what turns the direction of writing round, and what
        // XML 1.0 does not allow (section 2.2, "Characters").
        '\u{80}'..='\u{9f}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{fffe}'
        | '\u{ffff}' => '\u{fffd}',
        _ => c,
    }
}

/// The lines of a text, each as [`visible`]. Where there are more than `most`, those in the middle
/// give way to one that counts them.
pub fn lines(text: &str, most: usize) -> Vec<String> {
    let all: Vec<&str> = text.lines().collect();
    if all.len() <= most {
        return all.into_iter().map(visible).collect();
    }
    let head = most / 2;
    let tail = most - head;
    let cut = all.len() - most;
    let mut kept: Vec<String> = all.iter().take(head).map(|line| visible(line)).collect();
    kept.push(format!("… {}", counted(cut, "more line")));
    kept.extend(all.iter().skip(all.len() - tail).map(|line| visible(line)));
    kept
}

/// The words of a text in lines of at most `width` characters; a longer word has a line of its own.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let word = visible(word);
        let length = word.chars().count();
        match lines.last_mut() {
            Some(line) if used + 1 + length <= width => {
                line.push(' ');
                line.push_str(&word);
                used += 1 + length;
            }
            _ => {
                lines.push(word);
                used = length;
            }
        }
    }
    lines
}

/// `1 step`, `2 steps`.
pub fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// A duration as people write it: `0.4 ms`, `14 ms`, `1.9 s`, `3 min`, `7 d 1 h`.
pub fn duration(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1_000.0;
    if millis < 9.95 {
        return format!("{millis:.1} ms");
    }
    if millis < 999.5 {
        return format!("{millis:.0} ms");
    }
    if millis < 59_950.0 {
        let seconds = format!("{:.1}", millis / 1_000.0);
        return format!("{} s", seconds.strip_suffix(".0").unwrap_or(&seconds));
    }
    let seconds = (millis / 1_000.0).round() as u64;
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let first = units.iter().position(|(n, _)| *n > 0).unwrap_or(0);
    let parts: Vec<String> = units
        .iter()
        .skip(first)
        .take(2)
        .filter(|(n, _)| *n > 0)
        .map(|(n, unit)| format!("{n} {unit}"))
        .collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        for (millis, text) in [
            (0.04, "0.0 ms"),
            (0.42, "0.4 ms"),
            (9.97, "10 ms"),
            (14.2, "14 ms"),
            (999.7, "1 s"),
            (1_880.0, "1.9 s"),
            (30_000.0, "30 s"),
            (59_970.0, "1 min"),
            (180_000.0, "3 min"),
            (185_000.0, "3 min 5 s"),
            (604_800_000.0, "7 d"),
            (608_400_000.0, "7 d 1 h"),
        ] {
            assert_eq!(duration(Duration::from_secs_f64(millis / 1_000.0)), text);
        }
    }

    #[test]
    fn a_long_output_keeps_its_two_ends() {
        let text: String = (1..=10).map(|n| format!("{n}\r\n")).collect();
        assert_eq!(
            lines(&text, 4),
            ["1", "2", "… 6 more lines", "9", "10"].map(str::to_owned)
        );
    }

    proptest! {
        #[test]
        fn nothing_visible_controls_a_terminal(text in any::<String>()) {
            prop_assert!(visible(&text).chars().all(|c| c == '\t' || !c.is_control()));
        }

        #[test]
        fn wrapping_loses_no_word_and_keeps_the_width(text in "[a-z ]{0,200}", width in 10_usize..40) {
            let lines = wrap(&text, width);
            let words: Vec<&str> = text.split_whitespace().collect();
            let joined = lines.join(" ");
            prop_assert_eq!(joined.split_whitespace().collect::<Vec<_>>(), words);
            prop_assert!(lines.iter().all(|line| line.chars().count() <= width || !line.contains(' ')));
        }
    }
}
