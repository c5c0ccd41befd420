//! Reads the command line.

use std::ffi::OsString;

use clap::{Command, FromArgMatches, Parser};
use oci::foreign_text::clean;

use super::invocation::Invocation;
use super::refusal::Refusal;
use super::{misuse, program, word};

/// A command line that was read.
pub(crate) struct Line {
    pub(crate) invocation: Invocation,
    /// `true` and `false` behind a flag that takes them only behind `=`: the flag, and the word.
    pub(crate) ignored: Vec<(String, String)>,
}

/// Reads the command line; ends the program for `--help` and `--version`.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Line, Refusal> {
    let args: Vec<OsString> = args.into_iter().collect();
    let verb = args.get(1).and_then(|verb| verb.to_str()).unwrap_or_default().to_owned();
    // A verb's own command line begins with it.
    let rest = || args.iter().skip(1).cloned().collect();
    match verb.as_str() {
        "sync" => read(rest(), Invocation::Sync),
        "plan" => read(rest(), Invocation::Plan),
        "apply" => read(rest(), Invocation::Apply),
        "copy" => read(rest(), Invocation::Copy),
        "verify" => read(rest(), Invocation::Verify),
        "prune" => read(rest(), Invocation::Prune),
        "expand" => read(rest(), Invocation::Expand),
        "check" => read(rest(), Invocation::Check),
        "inspect" => read(rest(), Invocation::Inspect),
        "digest" => read(rest(), Invocation::Digest),
        "tags" => read(rest(), Invocation::Tags),
        "repos" => read(rest(), Invocation::Repos),
        "explain" => read(rest(), Invocation::Explain),
        "report" => read(rest(), Invocation::Report),
        "import" => read(rest(), Invocation::Import),
        "acr" => read(rest(), Invocation::Acr),
        "demo" => read(rest(), Invocation::Demo),
        "schema" => read(rest(), Invocation::Schema),
        "completions" => read(rest(), Invocation::Completions),
        "man" => read(rest(), Invocation::Man),
        "worker" => read(rest(), |args| Invocation::Worker(Box::new(args))),
        "help" => parse(help(args)),
        _ => old(args),
    }
}

/// `help VERB` as it is written for each verb: `VERB --help`.
fn help(mut args: Vec<OsString>) -> Vec<OsString> {
    args.remove(1);
    args.push("--help".into());
    args
}

/// The form without a verb, which takes no words.
fn old(args: Vec<OsString>) -> Result<Line, Refusal> {
    let command = program::old();
    let mut without_truths = args.clone();
    word::take_truths(&command, &mut without_truths);
    if let Some(refusal) = word::stray(&command, &without_truths) {
        return Err(refusal);
    }
    read_by(&command, args, Invocation::Old)
}

/// Reads flags and, where the command takes any, words.
fn read<T: Parser>(args: Vec<OsString>, of: impl Fn(T) -> Invocation) -> Result<Line, Refusal> {
    read_by(&T::command(), args, of)
}

fn read_by<T: FromArgMatches>(
    command: &Command,
    mut args: Vec<OsString>,
    of: impl Fn(T) -> Invocation,
) -> Result<Line, Refusal> {
    let ignored = word::take_truths(command, &mut args);
    match matched(command, &args) {
        Ok(read) => Ok(Line { invocation: of(read), ignored }),
        Err(answer) if !answer.use_stderr() => answer.exit(),
        Err(error) => {
            let cleaned: Vec<String> =
                args.iter().map(|argument| clean(&argument.to_string_lossy()).into_owned()).collect();
            // It repeats arguments, so it is made once more, of arguments that were cleaned. Where cleaning mended them,
            // what is wrong is known without the argument itself.
            let error = matched::<T>(command, &cleaned)
                .err()
                .unwrap_or_else(|| clap::Error::new(error.kind()).with_cmd(command));
            Err(misuse::told(&error, command, &cleaned))
        }
    }
}

fn matched<T: FromArgMatches>(
    command: &Command,
    args: &[impl Into<OsString> + Clone],
) -> Result<T, clap::Error> {
    let mut matches = command.clone().try_get_matches_from(args.to_vec())?;
    T::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command.clone()))
}

#[cfg(test)]
mod tests {
    use super::super::{OldArgs, given};
    use super::*;
    use crate::output::image_file::ImagesFormat;

    fn old(args: &str) -> OldArgs {
        OldArgs::try_parse_from(format!("image-syncer {args}").split_whitespace()).unwrap()
    }

    #[test]
    fn every_spelling_of_a_flag() {
        for spelling in ["--proc=6", "--proc 6", "-p6", "-p 6", "-p=6", "--proc 5 --proc 6"] {
            assert_eq!(old(spelling).job.run.proc, 6, "{spelling}");
        }
        assert_eq!(old("--retries 0x3").job.run.retries.retries, 3);
    }

    #[test]
    fn truths_are_read_as_go_reads_them() {
        let parse = |args: &str| parse(format!("image-syncer {args}").split_whitespace().map(OsString::from));
        for (spelling, force, ignored) in [
            ("", false, 0),
            ("--force", true, 0),
            ("--force=true", true, 0),
            ("--force=F", false, 0),
            ("--force=1 --force=0", false, 0),
            ("--force false", true, 1),
        ] {
            let Ok(line) = parse(spelling) else { panic!("{spelling}") };
            let Invocation::Old(args) = line.invocation else { panic!("{spelling}") };
            assert_eq!((args.job.run.force, line.ignored.len()), (force, ignored), "{spelling}");
        }
        assert!(OldArgs::try_parse_from(["image-syncer", "--force=maybe"]).is_err());
    }

    #[test]
    fn filters_add_up_and_other_flags_are_replaced() {
        let args = old("--os linux --os windows --arch=amd64,arm64 --config a --config b --log x --log=y");
        assert_eq!((args.job.run.narrow.os.len(), args.job.run.narrow.arch.len()), (2, 1));
        assert_eq!((args.job.config.config.unwrap(), args.job.run.log.unwrap()), ("b".into(), "y".into()));
    }

    #[test]
    fn c21_empty_flags_are_taken() {
        let args = OldArgs::try_parse_from([
            "image-syncer",
            "--log=",
            "--auth",
            "",
            "--config=c",
            "--images=",
            "--report=",
        ]);
        let args = args.unwrap();
        assert!(
            given(args.job.run.log.as_deref()).is_none() && given(args.job.config.auth.as_deref()).is_none()
        );
    }

    #[test]
    fn b15_proc_below_one_is_refused() {
        for value in ["0", "-3", "abc"] {
            assert!(OldArgs::try_parse_from(["image-syncer", "--proc", value]).is_err(), "{value}");
        }
    }

    #[test]
    fn c19_what_means_nothing_is_refused() {
        for (flag, value) in
            [("--retries", "-1"), ("--output-images-format", "xml"), ("--output-images-format", "JSON")]
        {
            assert!(OldArgs::try_parse_from(["image-syncer", flag, value]).is_err(), "{flag} {value}");
        }
        assert_eq!(old("--output-images-format=yml").job.run.output_images_format, ImagesFormat::Yaml);
    }

    #[test]
    fn a_bandwidth_that_cannot_be_read_says_what_to_write() {
        assert_eq!(old("--bandwidth 50MB/s").job.run.bandwidth, "50MB/s".parse().ok());
        for value in ["50", "fast", "0MB/s", "-1MB/s"] {
            let read = OldArgs::try_parse_from(["image-syncer", "--bandwidth", value]);
            let error = read.map(|_| ()).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains("such as 50MB/s"), "{error}");
        }
    }

    #[test]
    fn c1_a_verb_counts_only_as_the_first_word() {
        let parse =
            |args: &str| parse(args.split_whitespace().map(OsString::from)).map(|line| line.invocation);
        assert!(matches!(parse("image-syncer demo"), Ok(Invocation::Demo(_))));
        assert!(matches!(parse("image-syncer sync --json"), Ok(Invocation::Sync(_))));
        for refused in ["image-syncer --proc 3 demo", "image-syncer chekc --config F", "image-syncer serve"] {
            assert!(matches!(parse(refused), Err(Refusal { .. })), "{refused}");
        }
        assert!(matches!(parse("image-syncer check x --config F"), Err(Refusal { .. })));
    }

    /// The words of a line of a shell, as far as the first pipe or redirection.
    fn words(line: &str) -> Vec<OsString> {
        let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
        for character in line.chars() {
            match (quote, character) {
                (None, '|' | '>') => break,
                (None, ' ') => words.extend(word.take()),
                (None, '\'' | '"') => (quote, word) = (Some(character), word.or(Some(String::new()))),
                (Some(open), _) if open == character => quote = None,
                _ => word.get_or_insert_default().push(character),
            }
        }
        words.extend(word);
        words.into_iter().map(OsString::from).collect()
    }

    #[test]
    fn every_example_can_be_typed_and_every_verb_has_one() {
        let mut commands: Vec<Command> = program::verbs();
        commands.push(program::old());
        for command in commands {
            let name = command.get_name().to_owned();
            let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            let examples = help.split("Examples:\n").nth(1).unwrap_or_default();
            let lines = examples.lines().take_while(|line| line.starts_with("  "));
            let lines: Vec<_> = lines.filter_map(|line| Some(&line[line.find("image-syncer ")?..])).collect();
            assert!(!lines.is_empty(), "{name} has no example");
            for line in lines {
                assert!(parse(words(line)).is_ok(), "{line}");
                let verb = line.split(' ').nth(1).unwrap_or_default();
                assert!(
                    name == verb || name.starts_with("image-syncer") || line.contains('|'),
                    "{line} of {name}"
                );
            }
        }
    }
}
