//! Programs that say something, or compare words: `echo`, `cat`, `grep`, `hostname`, `test`.

use crate::guest::shell::command::{Command, Grep, Say};
use crate::guest::shell::refusal::Stop;

/// `echo` (POSIX, "echo"). What it makes of a backslash depends on the shell.
pub(super) fn echo(arguments: &[&str]) -> Command {
    let (words, end) = match arguments.split_first() {
        Some((&"-n", rest)) => (rest, ""),
        _ => (arguments, "\n"),
    };
    let odd = words.first().is_some_and(|word| word.starts_with('-'));
    if odd || words.iter().any(|word| word.contains('\\')) {
        return Command::Look;
    }
    Command::Say(Say::Text(words.join(" ") + end))
}

/// `cat`, without options. A script has no stdin that it could copy.
pub(super) fn cat(arguments: &[&str]) -> Command {
    if arguments.iter().any(|file| file.starts_with('-')) {
        return Command::Look;
    }
    let files = arguments.iter().map(|file| (*file).to_owned());
    Command::Say(Say::Files(files.collect()))
}

/// `grep [-Fq] PATTERN FILE`.
pub(super) fn grep(arguments: &[&str]) -> Command {
    let (mut fixed, mut quiet) = (false, false);
    let mut words = arguments;
    while let Some((option, rest)) = words.split_first()
        && let Some(letters) = option.strip_prefix('-')
    {
        for letter in letters.chars() {
            match letter {
                'F' => fixed = true,
                'q' => quiet = true,
                _ => return Command::Look,
            }
        }
        words = rest;
    }
    let [pattern, file] = words else {
        return Command::Look;
    };
    // What else a basic regular expression may hold.
    let strange = |c: char| matches!(c, '[' | ']' | '*' | '\\' | '\n');
    if pattern.contains(if fixed { |c| c == '\n' } else { strange }) {
        return Command::Look;
    }
    Command::Say(Say::Lines(Grep {
        pattern: (*pattern).to_owned(),
        fixed,
        quiet,
        file: (*file).to_owned(),
    }))
}

/// `hostname`, which sets the name if there is one behind it.
pub(super) fn hostname(arguments: &[&str]) -> Result<Command, Stop> {
    match arguments {
        [] => Ok(Command::Say(Say::Hostname)),
        _ => Err(Stop::Doubt),
    }
}

/// `test`, on words and numbers (POSIX, "test").
pub(super) fn test(arguments: &[&str]) -> Result<Command, Stop> {
    let number = |text: &str| text.trim().parse::<i64>().map_err(|_| Stop::Doubt);
    let holds = match *arguments {
        [] => false,
        [word] => !word.is_empty(),
        ["-n", word] => !word.is_empty(),
        ["-z", word] => word.is_empty(),
        [a, "=", b] => a == b,
        [a, "!=", b] => a != b,
        [a, "-eq", b] => number(a)? == number(b)?,
        [a, "-ne", b] => number(a)? != number(b)?,
        [a, "-lt", b] => number(a)? < number(b)?,
        [a, "-le", b] => number(a)? <= number(b)?,
        [a, "-gt", b] => number(a)? > number(b)?,
        [a, "-ge", b] => number(a)? >= number(b)?,
        _ => return Err(Stop::Doubt),
    };
    Ok(if holds {
        Command::Nothing
    } else {
        Command::Fail
    })
}
