//! `docs/emulation.md`: each subject names what shows it, and that is there. Links lead somewhere.

use super::page::{code_words, pages, read, root};

/// What stands between quotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('"').skip(1).step_by(2).collect()
}

#[test]
fn what_shows_a_rule_is_there() {
    let page = read("docs/emulation.md");
    for section in page.split("\n## ").skip(1) {
        let subject = section.lines().next().unwrap();
        let (_, shown) = section
            .split_once("\nShown by: ")
            .unwrap_or_else(|| panic!("{subject}: nothing shows it"));
        let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in shown.trim_end_matches('.').split("; ") {
            let path = code_words(part)[0];
            let text = read(path);
            let names = quoted(part);
            assert!(!names.is_empty(), "{subject}: {path}: which?");
            for name in names {
                assert!(text.contains(name), "{subject}: {path} has no {name:?}");
            }
        }
    }
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn links_lead_somewhere() {
    for (path, text) in pages() {
        let folder = root().join(&path).parent().unwrap().to_owned();
        for (at, _) in text.match_indices("](") {
            let link = text[at + 2..].split(')').next().unwrap();
            if link.contains("://") {
                continue;
            }
            let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                root().join(&path)
            } else {
                folder.join(file)
            };
            assert!(target.exists(), "{path}: {link} leads nowhere");
            if !fragment.is_empty() {
                let page = std::fs::read_to_string(target).unwrap();
                let mut headings = page.lines().filter(|line| line.starts_with('#'));
                let found = headings.any(|heading| anchor(heading) == fragment);
                assert!(found, "{path}: {link}: no such heading");
            }
        }
    }
}
