//! The shell itself: variables, lists, where it stops.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::bounds::{self, Output};
use super::command::{Command, FloodMode};
use super::compound::Compound;
use super::lex::{self, Join, List, Piece, Simple, Target, Word, in_name};
use super::refusal::{Refusal, Stop};
use super::sinks::{Sink, Sinks};
use super::{Execution, Skipped, effect, read, say};
use crate::guest::{Guest, HostFiles};

/// How much of a command a report quotes, in characters.
const QUOTED: usize = 160;

/// Why a command is skipped.
const LOOKS: &str = "what it does and shows is not imitated";
const DEPENDS: &str = "what it does depends on more than is known of the machine";

/// A shell on a machine.
pub(super) struct Shell<'a> {
    guest: &'a mut Guest,
    /// What else it finds there; none where it only thinks through what a script would do.
    files: Option<&'a HostFiles>,
    variables: BTreeMap<String, String>,
    /// `set -e`.
    stops: bool,
    /// `set -x`.
    traces: bool,
    /// The exit status of the last command.
    last: u8,
    /// Flood entries that are bound to the interface below (`remote` with `dev`): `bridge fdb del` doesn't
    /// find them.
    bound: BTreeSet<(String, Ipv4Addr)>,
    compound: Compound,
    /// Where the command's output goes to.
    sinks: Sinks,
    stdout: Output,
    stderr: Output,
    /// How much longer the script's words may get, together.
    room: usize,
    skipped: Vec<Skipped>,
}

/// How the script goes on.
enum Next {
    On(Result<(), Refusal>),
    /// `exit`.
    End(Result<(), Refusal>),
}

/// Why a command isn't simply done.
enum Halt {
    Refused(Refusal),
    /// It may change something, and why that isn't understood.
    Doubt(Cow<'static, str>),
    /// It changes nothing, and why it isn't carried out.
    Look,
}

impl Halt {
    /// For the reason why something is doubtful.
    fn because(why: impl Into<Cow<'static, str>>) -> impl FnOnce(Stop) -> Self {
        |stop| match stop {
            Stop::Refused(refusal) => Self::Refused(refusal),
            Stop::Doubt => Self::Doubt(why.into()),
        }
    }
}

impl<'a> Shell<'a> {
    /// A shell that has just started, with the options `-eu`.
    pub(super) fn new(guest: &'a mut Guest, files: Option<&'a HostFiles>) -> Self {
        let name = files.map(|files| files.hostname.clone());
        let name = name.filter(|name| !name.is_empty());
        Self {
            guest,
            files,
            variables: name
                .map(|name| ("HOSTNAME".into(), name))
                .into_iter()
                .collect(),
            stops: true,
            traces: false,
            last: 0,
            bound: BTreeSet::new(),
            compound: Compound::default(),
            sinks: Sinks::default(),
            stdout: Output::default(),
            stderr: Output::default(),
            room: bounds::SCRIPT,
            skipped: Vec::new(),
        }
    }

    /// Runs a script and says what it left.
    pub(super) fn execute(mut self, script: &str) -> Execution {
        let exit = self.run(script).map_or_else(|refusal| refusal.exit, |()| 0);
        Execution {
            exit,
            stdout: self.stdout.finish(),
            stderr: self.stderr.finish(),
            skipped: self.skipped,
        }
    }

    /// Runs a script; how its last command went.
    pub(super) fn run(&mut self, script: &str) -> Result<(), Refusal> {
        let mut done = Ok(());
        for list in lex::lists(script) {
            match self.list(&list) {
                Next::On(last) => done = last,
                Next::End(last) => return last,
            }
        }
        done
    }

    fn list(&mut self, list: &List) -> Next {
        let mut done = Ok(());
        for (at, (join, simple)) in list.iter().enumerate() {
            let within = self.files.is_some() && self.compound.holds(simple);
            let runs = match join {
                Join::First => true,
                Join::And => done.is_ok(),
                Join::Or => done.is_err(),
            };
            if !runs {
                continue;
            }
            if within {
                self.skip(simple, lex::COMPOUND.into());
                done = Ok(());
                continue;
            }
            match self.simple(simple) {
                Next::On(last) => done = last,
                end @ Next::End(_) => return end,
            }
            self.last = done.as_ref().map_or_else(|refusal| refusal.exit, |()| 0);
            // `set -e` overlooks all but the last command of a list.
            if done.is_err() && self.stops && at + 1 == list.len() {
                return Next::End(done);
            }
        }
        Next::On(done)
    }

    fn simple(&mut self, simple: &Simple) -> Next {
        self.sinks = Sinks::default();
        match self.command(simple) {
            Ok(next) => next,
            Err(Halt::Refused(refusal)) => {
                if !refusal.message.is_empty() {
                    self.write(self.sinks.err, &format!("{}\n", refusal.message));
                }
                Next::On(Err(refusal))
            }
            Err(Halt::Doubt(why)) => {
                self.skip(simple, why);
                Next::On(Ok(()))
            }
            Err(Halt::Look) => {
                self.skipped.push(Skipped {
                    command: quoted(&simple.text),
                    reason: LOOKS.to_owned(),
                });
                Next::On(Ok(()))
            }
        }
    }

    /// Passes over a command that may change something.
    fn skip(&mut self, simple: &Simple, why: Cow<'static, str>) {
        let command = quoted(&simple.text);
        if self.guest.doubts.len() < bounds::DOUBTS {
            self.guest.doubts.insert(format!("the command `{command}`"));
        }
        let reason = quoted(&why);
        self.skipped.push(Skipped { command, reason });
    }

    fn write(&mut self, sink: Sink, text: &str) {
        match sink {
            Sink::Stdout => self.stdout.write(text),
            Sink::Stderr => self.stderr.write(text),
            Sink::Nowhere => {}
        }
    }

    fn command(&mut self, simple: &Simple) -> Result<Next, Halt> {
        if let Some(what) = simple.strange {
            return Err(Halt::Doubt(what.into()));
        }
        let mut words = simple.words.as_slice();
        let mut assigned = Vec::new();
        while let Some((first, rest)) = words.split_first()
            && let Some((name, value)) = assignment(first)
        {
            assigned.push((name.clone(), self.value(&name, &value)?));
            words = rest;
        }
        let mut arguments = Vec::new();
        for word in words {
            arguments.extend(self.expand(word)?);
        }
        let mut outputs = Vec::new();
        let mut sinks = Some(Sinks::default());
        for redirection in &simple.redirections {
            let mut file = String::new();
            if let Target::File(word) = &redirection.to {
                file = self.expand(word)?.join(" ");
                outputs.push(file.clone());
            }
            sinks = sinks.and_then(|mut sinks| {
                sinks.redirect(redirection.from, &redirection.to, &file)?;
                Some(sinks)
            });
        }
        match sinks {
            Some(sinks) => self.sinks = sinks,
            None if self.files.is_some() => return Err(Halt::Doubt(lex::REDIRECTION.into())),
            None => {}
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        if self.traces {
            let assigned = assigned
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            let shown: Vec<String> = assigned
                .chain(arguments.iter().map(|word| (*word).to_owned()))
                .collect();
            self.write(Sink::Stderr, &format!("+ {}\n", shown.join(" ")));
        }
        let Some((program, rest)) = arguments.split_first() else {
            self.variables.extend(assigned);
            return Ok(Next::On(Ok(())));
        };
        match *program {
            "set" => self.set(rest)?,
            "export" | "readonly" => {
                for word in words.iter().skip(1) {
                    if let Some((name, value)) = assignment(word) {
                        let value = self.value(&name, &value)?;
                        self.variables.insert(name, value);
                    }
                }
            }
            "exit" => {
                let exit = match rest {
                    [] => self.last,
                    [code, ..] => code.parse().map_err(|_| unknown_form("exit"))?,
                };
                let done = if exit == 0 {
                    Ok(())
                } else {
                    Err(Refusal::new(exit, ""))
                };
                return Ok(Next::End(done));
            }
            _ => {
                let name = read::name(program);
                let command = read::command(&arguments, &outputs).map_err(|stop| match stop {
                    Stop::Refused(refusal) => Halt::Refused(refusal),
                    Stop::Doubt if read::is_known(name) => unknown_form(name),
                    Stop::Doubt => Halt::Doubt(format!("there is no `{name}` here").into()),
                })?;
                match self.files {
                    None => self.effect(&command).map_err(Halt::because(DEPENDS))?,
                    Some(files) => self.really(&command, files)?,
                }
            }
        }
        Ok(Next::On(Ok(())))
    }

    /// Carries a command out whole or not at all, and writes what it shows.
    fn really(&mut self, command: &Command, files: &HostFiles) -> Result<(), Halt> {
        let mut before = self.guest.clone();
        let done = self.effect(command);
        if matches!(done, Err(Stop::Doubt)) {
            std::mem::swap(self.guest, &mut before);
            return Err(Halt::Doubt(DEPENDS.into()));
        }
        if let Some(warning) = effect::warning(&before, command) {
            self.write(self.sinks.err, &warning);
        }
        done.map_err(Halt::because(DEPENDS))?;
        let said = match command {
            Command::Look => return Err(Halt::Look),
            Command::Show(_) if self.sinks.out != Sink::Nowhere => return Err(Halt::Look),
            Command::Say(what) => match say::said(self.guest, files, what) {
                Ok(said) => said,
                Err(Stop::Refused(refusal)) => return Err(Halt::Refused(refusal)),
                Err(Stop::Doubt) => return Err(Halt::Look),
            },
            Command::Switch(list) => say::switched(&before, list),
            _ => String::new(),
        };
        self.write(self.sinks.out, &said);
        Ok(())
    }

    fn effect(&mut self, command: &Command) -> Result<(), Stop> {
        if let Command::Flood {
            mode: FloodMode::Remove,
            dev,
            dst: Some(dst),
            ..
        } = command
            && self.bound.contains(&(dev.clone(), *dst))
        {
            return Err(Stop::Doubt);
        }
        effect::carry_out(self.guest, command)?;
        if let Command::AddVxlan(vxlan) = command
            && let (Some(remote), Some(_)) = (vxlan.remote, &vxlan.below)
        {
            self.bound.insert((vxlan.name.clone(), remote));
        }
        Ok(())
    }

    /// `set`: `-e` and `+e` count, what only shows more doesn't.
    fn set(&mut self, options: &[&str]) -> Result<(), Halt> {
        for option in options {
            let (on, letters) = match option.split_at_checked(1) {
                Some(("-", letters)) => (true, letters),
                Some(("+", letters)) => (false, letters),
                _ => return Err(unknown_form("set")),
            };
            for letter in letters.chars() {
                match letter {
                    'e' => self.stops = on,
                    'x' => self.traces = on && self.files.is_some(),
                    'u' => {}
                    'v' if self.files.is_none() => {}
                    _ => return Err(unknown_form("set")),
                }
            }
        }
        Ok(())
    }

    /// What a variable is set to. Where that isn't known, what it held before isn't what it holds now.
    fn value(&mut self, name: &str, word: &Word) -> Result<String, Halt> {
        let words = self.expand(word).inspect_err(|_| {
            self.variables.remove(name);
        })?;
        Ok(words.join(" "))
    }

    /// The words that a word comes to: what a variable holds is divided where it isn't quoted.
    fn expand(&mut self, word: &Word) -> Result<Vec<String>, Halt> {
        if self.files.is_some() && names_files(word) {
            return Err(Halt::Doubt("it names files by a pattern".into()));
        }
        let mut length = 0;
        for piece in word {
            length += match piece {
                Piece::Bare(text) | Piece::Quoted(text) => text.len(),
                Piece::Variable(name, _) => self.variable(name)?.len(),
            };
            if length >= bounds::WORD {
                return Err(Halt::Doubt(bounds::TOO_LONG.into()));
            }
        }
        let words = self.divide(word)?;
        let taken = words
            .iter()
            .map(|word| word.len() + bounds::PER_WORD)
            .sum::<usize>();
        let left = self.room.checked_sub(taken);
        self.room = left.unwrap_or(0);
        left.map_or(Err(Halt::Doubt(bounds::TOO_LONG.into())), |_| Ok(words))
    }

    fn variable(&self, name: &str) -> Result<&String, Halt> {
        // One that the script doesn't set may come from its surroundings.
        let unset = || Halt::Doubt(format!("the script does not set ${name}").into());
        self.variables.get(name).ok_or_else(unset)
    }

    fn divide(&self, word: &Word) -> Result<Vec<String>, Halt> {
        let mut words = Vec::new();
        let mut open: Option<String> = None;
        for piece in word {
            match piece {
                Piece::Bare(text) | Piece::Quoted(text) => {
                    open.get_or_insert_default().push_str(text);
                }
                Piece::Variable(name, quoted) => {
                    let value = self.variable(name)?;
                    if *quoted {
                        open.get_or_insert_default().push_str(value);
                        continue;
                    }
                    let blank = |c: char| matches!(c, ' ' | '\t' | '\n');
                    if value.starts_with(blank) {
                        words.extend(open.take());
                    }
                    let mut parts = value.split(blank).filter(|part| !part.is_empty());
                    if let Some(first) = parts.next() {
                        open.get_or_insert_default().push_str(first);
                    }
                    for part in parts {
                        words.extend(open.replace(part.to_owned()));
                    }
                    if value.ends_with(blank) {
                        words.extend(open.take());
                    }
                }
            }
        }
        words.extend(open);
        Ok(words)
    }
}

/// `NAME=value`, as a name and the word that is its value.
fn assignment(word: &Word) -> Option<(String, Word)> {
    let (Piece::Bare(first), rest) = word.split_first()? else {
        return None;
    };
    let (name, value) = first.split_once('=')?;
    let is_name = name.chars().all(in_name) && name.starts_with(|c: char| !c.is_ascii_digit());
    is_name.then(|| {
        let mut word = vec![Piece::Quoted(value.to_owned())];
        // The value of a variable isn't divided here.
        word.extend(rest.iter().map(|piece| match piece {
            Piece::Variable(name, _) => Piece::Variable(name.clone(), true),
            other => other.clone(),
        }));
        (name.to_owned(), word)
    })
}

fn unknown_form(name: &str) -> Halt {
    Halt::Doubt(format!("this form of `{name}` is not understood").into())
}

/// Whether the shell would look for files of such names.
fn names_files(word: &Word) -> bool {
    let alone = matches!(word.as_slice(), [Piece::Bare(text)] if text == "[");
    let mut pieces = word.iter().enumerate();
    !alone
        && pieces.any(|(at, piece)| match piece {
            Piece::Bare(text) => {
                text.contains(['*', '?', '[']) || (at == 0 && text.starts_with('~'))
            }
            Piece::Quoted(_) | Piece::Variable(..) => false,
        })
}

/// A command as reports quote it: in one line, and not too long.
fn quoted(text: &str) -> String {
    let mut words: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((at, _)) = words.char_indices().nth(QUOTED) {
        words.truncate(at);
        words.push('…');
    }
    words
}
