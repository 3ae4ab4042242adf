//! The shell itself: variables, lists, where it stops.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::command::{Command, FloodMode};
use super::lex::{self, Join, List, Piece, Simple, Word, in_name};
use super::refusal::{Refusal, Stop};
use super::{effect, read};
use crate::guest::Guest;

/// How much of a command a doubt quotes, in characters.
const QUOTED: usize = 160;

/// A shell on a machine.
pub(super) struct Shell<'a> {
    guest: &'a mut Guest,
    variables: BTreeMap<String, String>,
    /// `set -e`.
    stops: bool,
    /// Flood entries that are bound to the interface below (`remote` with `dev`): `bridge fdb del` doesn't
    /// find them.
    bound: BTreeSet<(String, Ipv4Addr)>,
}

/// How the script goes on.
enum Next {
    On(Result<(), Refusal>),
    /// `exit`.
    End(Result<(), Refusal>),
}

impl<'a> Shell<'a> {
    /// A shell that has just started, with the options `-eu`.
    pub(super) fn new(guest: &'a mut Guest) -> Self {
        Self {
            guest,
            variables: BTreeMap::new(),
            stops: true,
            bound: BTreeSet::new(),
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
            let runs = match join {
                Join::First => true,
                Join::And => done.is_ok(),
                Join::Or => done.is_err(),
            };
            if !runs {
                continue;
            }
            match self.simple(simple) {
                Next::On(last) => done = last,
                end @ Next::End(_) => return end,
            }
            // `set -e` overlooks all but the last command of a list.
            if done.is_err() && self.stops && at + 1 == list.len() {
                return Next::End(done);
            }
        }
        Next::On(done)
    }

    fn simple(&mut self, simple: &Simple) -> Next {
        match self.command(simple) {
            Ok(next) => next,
            Err(Stop::Refused(refusal)) => Next::On(Err(refusal)),
            Err(Stop::Doubt) => {
                self.guest.doubts.insert(doubt(&simple.text));
                Next::On(Ok(()))
            }
        }
    }

    fn command(&mut self, simple: &Simple) -> Result<Next, Stop> {
        if simple.strange {
            return Err(Stop::Doubt);
        }
        let mut words = simple.words.as_slice();
        let mut assigned = Vec::new();
        while let Some((first, rest)) = words.split_first()
            && let Some((name, value)) = assignment(first)
        {
            assigned.push((name, self.expand(&value)?.join(" ")));
            words = rest;
        }
        let mut arguments = Vec::new();
        for word in words {
            arguments.extend(self.expand(word)?);
        }
        let mut outputs = Vec::new();
        for output in &simple.outputs {
            outputs.push(self.expand(output)?.join(" "));
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let Some((program, rest)) = arguments.split_first() else {
            self.variables.extend(assigned);
            return Ok(Next::On(Ok(())));
        };
        match *program {
            "set" => self.set(rest)?,
            "export" | "readonly" => {
                for word in words.iter().skip(1) {
                    if let Some((name, value)) = assignment(word) {
                        let value = self.expand(&value)?.join(" ");
                        self.variables.insert(name, value);
                    }
                }
            }
            "exit" => {
                let exit = match rest {
                    [] => 0,
                    [code, ..] => code.parse().map_err(|_| Stop::Doubt)?,
                };
                let done = if exit == 0 {
                    Ok(())
                } else {
                    Err(Refusal::new(exit, ""))
                };
                return Ok(Next::End(done));
            }
            _ => {
                let command = read::command(&arguments, &outputs)?;
                self.effect(&command)?;
            }
        }
        Ok(Next::On(Ok(())))
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
    fn set(&mut self, options: &[&str]) -> Result<(), Stop> {
        for option in options {
            let (on, letters) = match option.split_at_checked(1) {
                Some(("-", letters)) => (true, letters),
                Some(("+", letters)) => (false, letters),
                _ => return Err(Stop::Doubt),
            };
            for letter in letters.chars() {
                match letter {
                    'e' => self.stops = on,
                    'u' | 'x' | 'v' => {}
                    _ => return Err(Stop::Doubt),
                }
            }
        }
        Ok(())
    }

    /// The words that a word comes to: what a variable holds is divided where it isn't quoted.
    fn expand(&self, word: &Word) -> Result<Vec<String>, Stop> {
        let mut words = Vec::new();
        let mut open: Option<String> = None;
        for piece in word {
            match piece {
                Piece::Bare(text) | Piece::Quoted(text) => {
                    open.get_or_insert_default().push_str(text);
                }
                Piece::Variable(name, quoted) => {
                    // One that the script doesn't set may come from its surroundings.
                    let value = self.variables.get(name).ok_or(Stop::Doubt)?;
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

/// The doubt that a command leaves.
fn doubt(text: &str) -> String {
    let mut words: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((at, _)) = words.char_indices().nth(QUOTED) {
        words.truncate(at);
        words.push('…');
    }
    format!("the command `{words}`")
}
