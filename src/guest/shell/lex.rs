//! From text to commands: quotes, comments, `;`, `&&` and `||`, redirections (POSIX, "Shell Command
//! Language").
//!
//! What has more to it — a pipeline, a substitution, a compound command — comes out as a command that is
//! marked as strange. Any text is taken.

use std::iter::Peekable;
use std::str::CharIndices;

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

/// A command with its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Simple {
    pub words: Vec<Word>,
    /// Where output goes to.
    pub outputs: Vec<Word>,
    /// As it was typed.
    pub text: String,
    /// Whether there is more to it than words.
    pub strange: bool,
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
        output: false,
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
    /// Whether it is what output goes to.
    output: bool,
}

impl Lexer<'_> {
    fn read(&mut self) {
        while let Some((at, c)) = self.chars.next() {
            match c {
                '\n' | ';' => self.end_list(at),
                '#' if self.word.is_none() => {
                    self.skip_comment();
                }
                ' ' | '\t' => self.end_word(),
                '&' if self.take('&') => self.end_command(at, Join::And),
                '|' if self.take('|') => self.end_command(at, Join::Or),
                '&' => {
                    self.simple.strange = true;
                    self.end_list(at);
                }
                '|' | '(' | ')' | '`' => {
                    self.end_word();
                    self.simple.strange = true;
                }
                '<' => {
                    self.end_word();
                    self.simple.strange = true;
                }
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
                    self.simple.strange = true;
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
                    self.simple.strange |= c == '`';
                    text.push(c);
                }
                None => {
                    self.simple.strange = true;
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
                self.simple.strange = true;
                self.push(Piece::Quoted(format!("${name}")));
            }
        }
    }

    /// Behind a `>`. A number right before it says which output.
    fn output(&mut self) {
        let number = matches!(
            self.word.as_deref(),
            Some([Piece::Bare(text)]) if text.bytes().all(|b| b.is_ascii_digit())
        );
        if number && !self.output {
            self.word = None;
        }
        self.end_word();
        let _ = self.take('>') || self.take('|');
        if self.take('&') {
            // Into another output: no file.
            while self
                .chars
                .next_if(|(_, c)| c.is_ascii_digit() || *c == '-')
                .is_some()
            {}
            return;
        }
        self.output = true;
    }

    fn end_word(&mut self) {
        if let Some(word) = self.word.take() {
            if std::mem::take(&mut self.output) {
                self.simple.outputs.push(word);
            } else {
                self.simple.words.push(word);
            }
        }
    }

    fn end_command(&mut self, at: usize, next: Join) {
        self.end_word();
        // A redirection to nowhere.
        self.simple.strange |= std::mem::take(&mut self.output);
        let mut simple = std::mem::take(&mut self.simple);
        simple.text = self.script[self.start..at].trim().to_owned();
        let something = simple.strange || !simple.words.is_empty() || !simple.outputs.is_empty();
        let joined = next != Join::First || self.join != Join::First;
        if something || joined {
            // Nothing before or behind `&&`: no shell takes that.
            simple.strange |= !something;
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
