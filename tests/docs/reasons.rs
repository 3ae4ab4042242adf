//! `docs/reasons.md`: the catalogue of reasons.

use canal_sim::cloud::{Origin, Reason};

use super::page::{assert_generated, files, one_line, read};

/// The code that gives reasons to packets.
fn emitting_code() -> String {
    let folders = ["src/lower", "src/run"];
    let paths = folders.iter().flat_map(|folder| files(folder, "rs"));
    paths
        .map(|path| {
            let text = read(&path);
            let tests = text.find("#[cfg(test)]").unwrap_or(text.len());
            text[..tests].to_owned()
        })
        .collect()
}

#[test]
fn the_catalogue_is_the_codes() {
    let code = emitting_code();
    let mut page = String::new();
    for reason in Reason::ALL {
        let whose = match reason.origin() {
            Origin::Aws => "AWS's code.",
            Origin::Own => "canal-sim's own code.",
        };
        page.push_str(&format!("### `{reason}`\n\n{whose}\n\n"));
        for (what, text) in [
            ("What it means", reason.meaning()),
            ("How people get there", reason.cause()),
            ("How to mend it", reason.mend()),
        ] {
            page.push_str(&format!("- *{what}:* {}\n", one_line(text)));
        }
        page.push('\n');
        if !code.contains(&format!("Reason::{reason:?}")) {
            page.push_str("No packet is given this reason yet.\n\n");
        }
    }
    assert_generated("docs/reasons.md", "reasons", &page);
}
