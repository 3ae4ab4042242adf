//! Pages: their tables, their code, and what is generated in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The folder of the package.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The built program, in the package's folder.
#[allow(
    clippy::disallowed_methods,
    reason = "starting the program is what this is for"
)]
pub fn canal_sim(subcommand: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_canal-sim"));
    command.current_dir(root()).arg(subcommand);
    command
}

/// A file of the package.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The pages for users: the README and `docs/*.md`.
pub fn pages() -> Vec<(String, String)> {
    let mut pages = vec!["README.md".to_owned()];
    pages.extend(files("docs", "md"));
    pages
        .into_iter()
        .map(|path| {
            let text = read(&path);
            (path, text)
        })
        .collect()
}

/// The files of a folder with this extension, as paths from the package's folder.
pub fn files(folder: &str, extension: &str) -> Vec<String> {
    let mut files: Vec<PathBuf> = fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    let relative = |path: PathBuf| path.strip_prefix(root()).unwrap().display().to_string();
    files.into_iter().map(relative).collect()
}

/// What stands between backticks.
pub fn code_words(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The rows of the table that follows `<!-- mark -->`, cell by cell.
pub fn table<'p>(page: &'p str, mark: &str) -> Vec<Vec<&'p str>> {
    let mark = format!("<!-- {mark} -->\n");
    let (_, rest) = page
        .split_once(&mark)
        .unwrap_or_else(|| panic!("there is no table {mark}"));
    rest.lines()
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

/// For each mark `<!-- kind: name -->`, the code in the first cells of the table that follows.
pub fn marked(page: &str, kind: &str) -> BTreeMap<String, BTreeSet<String>> {
    let opening = format!("<!-- {kind}: ");
    page.lines()
        .filter_map(|line| line.strip_prefix(&opening)?.strip_suffix(" -->"))
        .map(|name| {
            let rows = table(page, &format!("{kind}: {name}"));
            let firsts = rows.iter().flat_map(|row| code_words(row[0]));
            (name.to_owned(), firsts.map(str::to_owned).collect())
        })
        .collect()
}

/// The blocks of code, each with what stands behind its opening fence.
pub fn blocks(page: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, String)> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => open = Some((info, String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// Holds what stands in a page between `<!-- generated: mark -->` and `<!-- end -->` to what it should
/// be; under `UPDATE_DOCS=1` writes that into the page.
pub fn assert_generated(path: &str, mark: &str, wanted: &str) {
    let page = read(path);
    let opening = format!("<!-- generated: {mark} -->\n");
    let start = page.find(&opening).expect("the mark") + opening.len();
    let end = start + page[start..].find("<!-- end -->").expect("the end");
    if page[start..end] == *wanted {
        return;
    }
    assert!(
        env::var_os("UPDATE_DOCS").is_some(),
        "{path}: what is generated as {mark:?} differs from the code; \
         UPDATE_DOCS=1 cargo test --test docs writes it anew:\n\n{wanted}"
    );
    let page = [&page[..start], wanted, &page[end..]].concat();
    fs::write(root().join(path), page).unwrap();
}

/// A documentation comment as one line of a page.
pub fn one_line(comment: &str) -> String {
    let words: Vec<&str> = comment.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}
