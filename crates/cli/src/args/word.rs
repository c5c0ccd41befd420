//! Bare words of a command line: those that are neither flags nor values of flags.
//!
//! The Go tool ignored them, so `image-syncer chekc --config FILE` copied. Here only `true` and `false` right behind a
//! boolean flag are ignored, as old scripts have them; every other word that is no verb ends the program.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{Arg, Command};

use super::refusal::Refusal;
use crate::nearest::nearest;

/// What can be asked for.
pub(super) const VERBS: [&str; 21] = [
    "sync",
    "plan",
    "apply",
    "copy",
    "verify",
    "prune",
    "expand",
    "check",
    "inspect",
    "digest",
    "tags",
    "repos",
    "explain",
    "report",
    "import",
    "acr",
    "schema",
    "completions",
    "man",
    "demo",
    "worker",
];

/// What later releases can be asked for.
const PLANNED: [&str; 5] = ["bundle", "load", "inventory", "serve", "daemon"];

/// Why `word` is no verb, and what was most likely meant.
pub(super) fn unknown(word: &str) -> Refusal {
    let problem = format!("`{word}` is no verb of image-syncer");
    let next = if PLANNED.contains(&word) {
        return Refusal {
            problem: format!("the verb `{word}` is not there yet: a later release has it"),
            next: Some(format!("those that are there: {}", VERBS.join(", "))),
        };
    } else if word.is_empty() {
        return Refusal {
            problem: "there is an empty argument where a verb or a flag could stand".to_owned(),
            next: Some("leave it out; in a script, see which variable is empty".to_owned()),
        };
    } else if Path::new(word).is_file() {
        format!(
            "a file is named by a flag: write `image-syncer check --config {word}` to look, `image-syncer --config {word}` to copy"
        )
    } else if ["version", "help", "dry-run"].contains(&word) {
        format!("write `image-syncer --{word}`")
    } else if let Some(meant) = nearest(word, &VERBS) {
        format!("did you mean `image-syncer {meant}`?")
    } else if let Some(meant) = nearest(word, &PLANNED) {
        format!(
            "did you mean `{meant}`, which a later release has? Those that are there: {}",
            VERBS.join(", ")
        )
    } else {
        format!("verbs are {}; `image-syncer --help` shows all", VERBS.join(", "))
    };
    Refusal { problem, next: Some(next) }
}

/// Takes `true` and `false` right behind boolean flags out of `args`, whose first element is the program. Gives the
/// flags that they stood behind, with the word.
pub(super) fn take_truths(command: &Command, args: &mut Vec<OsString>) -> Vec<(String, String)> {
    let stray = bare(command, args).into_iter().filter_map(|word| {
        let flag = word.behind_boolean?;
        let text = args[word.index].to_str()?;
        matches!(text, "true" | "false").then(|| (word.index, flag, text.to_owned()))
    });
    let stray: Vec<_> = stray.collect();
    for (index, ..) in stray.iter().rev() {
        args.remove(*index);
    }
    stray.into_iter().map(|(_, flag, text)| (flag, text)).collect()
}

/// The first bare word of a command that takes none, told.
pub(super) fn stray(command: &Command, args: &[OsString]) -> Option<Refusal> {
    let word = bare(command, args).into_iter().next()?;
    let text = args[word.index].to_string_lossy();
    if !VERBS.contains(&&*text) {
        return Some(unknown(&text));
    }
    Some(Refusal {
        problem: format!("the verb `{text}` stands behind flags"),
        next: Some(format!("put it first: `image-syncer {text} ...`")),
    })
}

struct Word {
    index: usize,
    /// The boolean flag right before it.
    behind_boolean: Option<String>,
}

/// As clap reads them. Nothing where help or the version is asked for, and nothing behind a flag that is not known:
/// clap tells of that.
fn bare(command: &Command, args: &[OsString]) -> Vec<Word> {
    let (mut words, mut behind_boolean, mut is_value, mut only_words) = (Vec::new(), None, false, false);
    for (index, arg) in args.iter().enumerate().skip(1) {
        let text = arg.to_string_lossy();
        if std::mem::take(&mut is_value) {
            continue;
        }
        if only_words || text == "-" || !text.starts_with('-') {
            words.push(Word { index, behind_boolean: behind_boolean.take() });
            continue;
        }
        behind_boolean = None;
        match flag(command, arg) {
            Flag::End => only_words = true,
            Flag::Answered => return Vec::new(),
            Flag::Boolean => behind_boolean = Some(text.into_owned()),
            Flag::TakesNext => is_value = true,
            Flag::Unknown => break,
            Flag::Whole => {}
        }
    }
    words
}

enum Flag {
    /// `--`
    End,
    /// It ends the program with an answer, whatever else is typed.
    Answered,
    /// Its value can only stand behind `=`.
    Boolean,
    /// Its value is the next word.
    TakesNext,
    /// With its value.
    Whole,
    Unknown,
}

fn flag(command: &Command, arg: &OsStr) -> Flag {
    let text = arg.to_string_lossy();
    if text == "--" {
        return Flag::End;
    }
    if let Some(long) = text.strip_prefix("--") {
        let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
        let known = command.get_arguments().find(|known| known.get_long() == Some(name));
        return match (name, value, known) {
            ("help" | "version", None, _) => Flag::Answered,
            (_, Some(_), _) => Flag::Whole,
            (_, None, Some(known)) => of(known),
            (_, None, None) => Flag::Unknown,
        };
    }
    let mut letters = text[1..].chars();
    while let Some(letter) = letters.next() {
        if matches!(letter, 'h' | 'V') {
            return Flag::Answered;
        }
        let known = command.get_arguments().find(|known| known.get_short() == Some(letter));
        match known.map(of) {
            None => return Flag::Unknown,
            Some(Flag::TakesNext) if letters.as_str().is_empty() => return Flag::TakesNext,
            Some(Flag::TakesNext) => return Flag::Whole,
            Some(_) => {}
        }
    }
    Flag::Boolean
}

fn of(known: &Arg) -> Flag {
    if known.get_action().takes_values() && !known.is_require_equals_set() {
        Flag::TakesNext
    } else {
        Flag::Boolean
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::args::OldArgs;

    fn args(line: &str) -> Vec<OsString> {
        format!("image-syncer {line}").split(' ').map(OsString::from).collect()
    }

    fn strays(line: &str) -> Option<String> {
        stray(&OldArgs::command(), &args(line))
            .map(|refusal| format!("{}; {}", refusal.problem, refusal.next.unwrap_or_default()))
    }

    #[test]
    fn c1_words_are_found_wherever_they_stand() {
        for (line, told) in [
            ("--config F chekc", "did you mean `image-syncer check`?"),
            ("--config=F -p 3 copi", "did you mean `image-syncer copy`?"),
            ("-p3 --force x", "`x` is no verb"),
            (
                "--config F check",
                "the verb `check` stands behind flags; put it first: `image-syncer check ...`",
            ),
            ("--config F check --json", "put it first"),
            ("--config F -- check", "put it first"),
            ("--config F version", "write `image-syncer --version`"),
            ("--config F daemon", "is not there yet"),
            ("--config F inventroy", "did you mean `inventory`"),
            ("--config F -", "`-` is no verb"),
            ("--config F ", "an empty argument"),
            ("--dry-run dry-run", "write `image-syncer --dry-run`"),
        ] {
            let refused = strays(line).unwrap_or_else(|| panic!("{line} is taken"));
            assert!(refused.contains(told), "{line}: {refused}");
        }
    }

    #[test]
    fn c1_values_of_flags_are_no_words() {
        for line in [
            "--config check",
            "--log copy --config F",
            "-p 3 -r 2 --retries -1",
            "--os linux --arch=amd64",
            "--force=false --referrers=true",
            "--no-such-flag check",
            "--help check",
            "-h",
            "--config F --version check",
        ] {
            assert_eq!(strays(line), None, "{line}");
        }
    }

    #[test]
    fn c1_only_truths_right_behind_boolean_flags_are_ignored() {
        let mut line = args("--force false --config F --referrers true --dry-run true");
        let taken = take_truths(&OldArgs::command(), &mut line);
        assert_eq!(line, args("--force --config F --referrers --dry-run"));
        assert_eq!(taken.len(), 3);
        assert_eq!(taken[0], ("--force".to_owned(), "false".to_owned()));
        for kept in [
            "true",
            "--config F true",
            "--force=true false",
            "--force False",
            "--force false true",
            "-- true",
        ] {
            let mut line = args(kept);
            take_truths(&OldArgs::command(), &mut line);
            assert!(stray(&OldArgs::command(), &line).is_some(), "{kept}");
        }
    }
}
