//! `--filter`: a text, or a pattern with `*` and `?`. Upper and lower case are the same.

/// What a scenario's title or file must match.
pub struct Pattern {
    text: Vec<char>,
    is_glob: bool,
}

impl Pattern {
    /// Reads a pattern. Every text is one.
    pub fn new(text: &str) -> Self {
        Self {
            text: text.to_lowercase().chars().collect(),
            is_glob: text.contains(['*', '?']),
        }
    }

    /// Whether `text` contains the pattern's text, or matches it as a whole where it has `*` or `?`.
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.to_lowercase().chars().collect();
        if self.is_glob {
            return glob(&self.text, &text);
        }
        self.text.is_empty() || text.windows(self.text.len()).any(|part| part == self.text)
    }
}

/// Matches from left to right; at a mismatch the latest `*` takes one character more. No pattern
/// takes longer than the product of both lengths.
fn glob(pattern: &[char], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, taken)) = star else {
                    return false;
                };
                star = Some((at, taken + 1));
                p = at + 1;
                t = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_stand_anywhere_and_a_glob_matches_the_whole() {
        for (pattern, text, expected) in [
            ("gate", "scenarios/Gate.toml", true),
            ("", "anything", true),
            ("canal", "gate", false),
            ("*.toml", "a/b.toml", true),
            ("gate*", "Gate: the server calls", true),
            ("gate*", "no gate", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*ab", "aab", true),
            ("g?te", "gate", true),
            ("g?te", "gte", false),
            ("ルート*", "ルートがない", true),
        ] {
            assert_eq!(
                Pattern::new(pattern).matches(text),
                expected,
                "{pattern} {text}"
            );
        }
    }
}
