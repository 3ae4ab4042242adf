//! From text to commands: quotes, comments, `;`, `&&` and `||`, redirections (POSIX, "Shell Command
//! Language").
//!
//! What has more to it — a pipeline, a substitution, a compound command — comes out as a command that is
//! marked as strange. Any text is taken; that of a here-document is passed over.

use std::iter::Peekable;
use std::str::CharIndices;

/// What is said of a command that is more than words.
pub(super) const COMPOUND: &str = "it is a compound command, or part of one";
const SUBSTITUTION: &str = "it puts another command's output in";
pub(super) const REDIRECTION: &str = "its output goes to nowhere that is known";

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// As it stands in the script.
    Bare(String),
    /// In quotes, or behind a backslash.
    Quoted(String),
    /// `$NAME`, and whether it stands in quotes.
    Variable(String, bool),
}

/// A word, before variables are put in.
pub(super) type Word = Vec<Piece>;

/// `2>/dev/null`, `>&2`: where what a command writes goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Redirection {
    /// The output's number: 1 is stdout, 2 is stderr. None for a number that is none of a descriptor.
    pub from: Option<u8>,
    pub to: Target,
}

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    File(Word),
    /// What another output goes to.
    Output(u8),
    /// Nowhere.
    Closed,
}

/// A command with its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Simple {
    pub words: Vec<Word>,
    /// In their order.
    pub redirections: Vec<Redirection>,
    /// As it was typed.
    pub text: String,
    /// What more there is to it than words.
    pub strange: Option<&'static str>,
    /// How many parentheses it opens, less those that it closes.
    pub opens: i32,
}

/// When a command of a list runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    /// It is the first.
    First,
    /// `&&`.
    And,
    /// `||`.
    Or,
}

/// Commands joined by `&&` and `||`.
pub(super) type List = Vec<(Join, Simple)>;

/// The lists of a script.
pub(super) fn lists(script: &str) -> Vec<List> {
    let mut lexer = Lexer {
        script,
        chars: script.char_indices().peekable(),
        lists: Vec::new(),
        list: Vec::new(),
        join: Join::First,
        simple: Simple::default(),
        start: 0,
        word: None,
        output: None,
        documents: Vec::new(),
    };
    lexer.read();
    lexer.lists
}

struct Lexer<'a> {
    script: &'a str,
    chars: Peekable<CharIndices<'a>>,
    lists: Vec<List>,
    list: List,
    join: Join,
    simple: Simple,
    /// Where the command begins.
    start: usize,
    /// The word that is being read.
    word: Option<Word>,
    /// Whether it is what output goes to: the output's number.
    output: Option<Option<u8>>,
    /// Here-documents that begin behind the line's end: what ends each.
    documents: Vec<Document>,
}

/// What ends a here-document, and whether tabs may stand before it (`<<-`).
type Document = (String, bool);

impl Lexer<'_> {
    fn read(&mut self) {
        while let Some((at, c)) = self.chars.next() {
            match c {
                '\n' => {
                    self.end_list(at);
                    self.skip_documents();
                }
                ';' => self.end_list(at),
                '#' if self.word.is_none() => {
                    self.skip_comment();
                }
                ' ' | '\t' => self.end_word(),
                '&' if self.take('&') => self.end_command(at, Join::And),
                '|' if self.take('|') => self.end_command(at, Join::Or),
                '&' => {
                    self.strange("it runs in the background");
                    self.end_list(at);
                }
                '|' => {
                    self.end_word();
                    self.strange("it is a pipeline");
                }
                '(' | ')' => {
                    self.end_word();
                    self.strange(COMPOUND);
                    self.simple.opens += if c == '(' { 1 } else { -1 };
                }
                '`' => {
                    self.end_word();
                    self.strange(SUBSTITUTION);
                }
                '<' => self.input(),
                '>' => self.output(),
                '\\' => match self.chars.next() {
                    Some((_, '\n')) => {}
                    Some((_, c)) => self.push(Piece::Quoted(c.into())),
                    None => self.push(Piece::Bare('\\'.into())),
                },
                '\'' => self.single(),
                '"' => self.double(),
                '$' => self.variable(false),
                c => self.bare(c),
            }
        }
        self.end_list(self.script.len());
    }

    fn skip_comment(&mut self) {
        while self.chars.next_if(|(_, c)| *c != '\n').is_some() {}
    }

    /// Takes the next character if it is this one.
    fn take(&mut self, wanted: char) -> bool {
        self.chars.next_if(|(_, c)| *c == wanted).is_some()
    }

    /// Notes what more there is to the command than words; what comes first tells most.
    fn strange(&mut self, what: &'static str) {
        self.simple.strange.get_or_insert(what);
    }

    fn push(&mut self, piece: Piece) {
        self.word.get_or_insert_default().push(piece);
    }

    fn bare(&mut self, c: char) {
        let word = self.word.get_or_insert_default();
        if let Some(Piece::Bare(text)) = word.last_mut() {
            text.push(c);
        } else {
            word.push(Piece::Bare(c.into()));
        }
    }

    fn single(&mut self) {
        let mut text = String::new();
        loop {
            match self.chars.next() {
                Some((_, '\'')) => break,
                Some((_, c)) => text.push(c),
                None => {
                    self.strange("a quote in it is never closed");
                    break;
                }
            }
        }
        self.push(Piece::Quoted(text));
    }

    fn double(&mut self) {
        let mut text = String::new();
        loop {
            match self.chars.next() {
                Some((_, '"')) => break,
                Some((_, '\\')) => match self.chars.peek() {
                    Some((_, '$' | '`' | '"' | '\\')) => {
                        text.extend(self.chars.next().map(|(_, c)| c));
                    }
                    Some((_, '\n')) => {
                        self.chars.next();
                    }
                    _ => text.push('\\'),
                },
                Some((_, '$')) => {
                    self.push(Piece::Quoted(std::mem::take(&mut text)));
                    self.variable(true);
                }
                Some((_, c)) => {
                    if c == '`' {
                        self.strange(SUBSTITUTION);
                    }
                    text.push(c);
                }
                None => {
                    self.strange("a quote in it is never closed");
                    break;
                }
            }
        }
        self.push(Piece::Quoted(text));
    }

    /// Behind a `$`.
    fn variable(&mut self, quoted: bool) {
        let braces = self.take('{');
        let mut name = String::new();
        while let Some((_, c)) = self.chars.next_if(|(_, c)| in_name(*c)) {
            name.push(c);
        }
        let closed = !braces || self.take('}');
        let is_name = name.starts_with(|c: char| !c.is_ascii_digit());
        match (is_name, closed) {
            (true, true) => self.push(Piece::Variable(name, quoted)),
            // `$` alone is a character like any other.
            (false, true)
                if name.is_empty()
                    && !braces
                    && !matches!(self.chars.peek(), Some((_, c)) if "(@*#?-$!".contains(*c)) =>
            {
                self.push(Piece::Quoted("$".into()));
            }
            _ => {
                let substitutes = matches!(self.chars.peek(), Some((_, '(')));
                self.strange(if substitutes {
                    SUBSTITUTION
                } else {
                    "a parameter in it is not plainly $NAME"
                });
                self.push(Piece::Quoted(format!("${name}")));
            }
        }
    }

    /// The number right before a `<` or a `>`: which input or output it is about.
    fn number(&mut self, usual: u8) -> Option<u8> {
        let typed = match self.word.as_deref() {
            Some([Piece::Bare(text)])
                if self.output.is_none() && text.bytes().all(|b| b.is_ascii_digit()) =>
            {
                Some(text.parse().ok())
            }
            _ => None,
        };
        if typed.is_some() {
            self.word = None;
        }
        self.end_word();
        typed.unwrap_or(Some(usual))
    }

    /// Behind a `<`. What a here-document holds is no part of the script.
    fn input(&mut self) {
        self.number(0);
        self.strange("it reads from a file");
        if !self.take('<') {
            return;
        }
        let indented = self.take('-');
        while self.take(' ') || self.take('\t') {}
        let mut end = String::new();
        let ends = |c: char| c.is_ascii_whitespace() || ";&|<>()".contains(c);
        while let Some((_, c)) = self.chars.next_if(|(_, c)| !ends(*c)) {
            if !matches!(c, '\'' | '"' | '\\') {
                end.push(c);
            }
        }
        self.documents.push((end, indented));
    }

    /// Passes over the here-documents that begin here.
    fn skip_documents(&mut self) {
        for (end, indented) in std::mem::take(&mut self.documents) {
            while let Some((start, _)) = self.chars.peek().copied() {
                let rest = self.script.get(start..).unwrap_or_default();
                let line = rest.split('\n').next().unwrap_or_default();
                while self.chars.next().is_some_and(|(_, c)| c != '\n') {}
                let line = if indented {
                    line.trim_start_matches('\t')
                } else {
                    line
                };
                if line == end {
                    break;
                }
            }
        }
        self.start = self.chars.peek().map_or(self.script.len(), |(at, _)| *at);
    }

    /// Behind a `>`.
    fn output(&mut self) {
        let from = self.number(1);
        let _ = self.take('>') || self.take('|');
        if !self.take('&') {
            self.output = Some(from);
            return;
        }
        // Into another output: no file.
        let mut name = String::new();
        while let Some((_, c)) = self.chars.next_if(|(_, c)| c.is_ascii_digit() || *c == '-') {
            name.push(c);
        }
        let to = match (name.as_str(), name.parse()) {
            ("-", _) => Target::Closed,
            (_, Ok(number)) => Target::Output(number),
            (_, Err(_)) => return self.strange(REDIRECTION),
        };
        self.simple.redirections.push(Redirection { from, to });
    }

    fn end_word(&mut self) {
        if let Some(word) = self.word.take() {
            if let Some(from) = self.output.take() {
                let to = Target::File(word);
                self.simple.redirections.push(Redirection { from, to });
            } else {
                self.simple.words.push(word);
            }
        }
    }

    fn end_command(&mut self, at: usize, next: Join) {
        self.end_word();
        if self.output.take().is_some() {
            self.strange(REDIRECTION);
        }
        let mut simple = std::mem::take(&mut self.simple);
        simple.text = self.script[self.start..at].trim().to_owned();
        let something =
            simple.strange.is_some() || !simple.words.is_empty() || !simple.redirections.is_empty();
        let joined = next != Join::First || self.join != Join::First;
        if something || joined {
            // No shell takes that.
            if !something {
                simple.strange = Some("there is nothing before or behind it");
            }
            self.list.push((self.join, simple));
        }
        self.join = next;
        self.start = self.chars.peek().map_or(self.script.len(), |(at, _)| *at);
        if next != Join::First {
            // The list goes on behind line ends.
            while self
                .chars
                .next_if(|(_, c)| c.is_ascii_whitespace())
                .is_some()
            {}
        }
    }

    fn end_list(&mut self, at: usize) {
        self.end_command(at, Join::First);
        if !self.list.is_empty() {
            self.lists.push(std::mem::take(&mut self.list));
        }
    }
}

/// Whether a character may stand in a variable's name.
pub(super) fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
