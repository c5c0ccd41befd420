//! The command line: what was typed, not what it means.

mod acr;
mod config;
#[cfg(test)]
mod documented;
mod explain;
mod file;
mod import;
mod job;
mod login;
mod look;
mod narrow;
mod number;
mod only;
mod plan;
pub(crate) mod platform;
mod prune;
mod reach;
mod run;
mod select;
mod shard;
mod show;
mod verify;
mod word;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory as _, Parser};
use oci::foreign_text::clean;

pub(crate) use acr::{AcrArgs, AcrCommand, AcrRegistryArgs, PolicyArgs, SetupArgs, TokenArgs};
pub(crate) use config::{ConfigArgs, DEFAULT as DEFAULT_OF_VERBS};
pub(crate) use explain::ExplainArgs;
pub(crate) use file::given;
pub(crate) use import::{ImportArgs, Tool};
pub(crate) use job::JobArgs;
pub(crate) use login::LoginArgs;
pub(crate) use look::{DigestArgs, InspectArgs, LookArgs, ReposArgs, TagsArgs};
pub(crate) use narrow::NarrowArgs;
pub(crate) use only::OnlyArgs;
pub(crate) use plan::{ApplyArgs, PlanArgs};
pub(crate) use prune::PruneArgs;
pub(crate) use reach::ReachArgs;
pub(crate) use run::{ImagesFormat, LogFormat, RunArgs};
pub(crate) use shard::{ShardArgs, WantedShard};
pub(crate) use show::ShowArgs;
pub(crate) use verify::VerifyArgs;
pub(crate) use word::Refusal;

/// What the program is asked to do.
pub(crate) enum Invocation {
    /// The form without a verb, as the Go tool had it.
    Old(OldArgs),
    /// `image-syncer sync`
    Sync(SyncArgs),
    /// `image-syncer plan`
    Plan(PlanArgs),
    /// `image-syncer apply`
    Apply(ApplyArgs),
    /// `image-syncer copy`
    Copy(CopyArgs),
    /// `image-syncer verify`
    Verify(VerifyArgs),
    /// `image-syncer prune`
    Prune(PruneArgs),
    /// `image-syncer expand`
    Expand(ExpandArgs),
    /// `image-syncer check`
    Check(CheckArgs),
    /// `image-syncer inspect`
    Inspect(InspectArgs),
    /// `image-syncer digest`
    Digest(DigestArgs),
    /// `image-syncer tags`
    Tags(TagsArgs),
    /// `image-syncer repos`
    Repos(ReposArgs),
    /// `image-syncer explain`
    Explain(ExplainArgs),
    /// `image-syncer import`
    Import(ImportArgs),
    /// `image-syncer demo`
    Demo(DemoArgs),
    /// `image-syncer schema`
    Schema(SchemaArgs),
    /// `image-syncer acr`
    Acr(AcrArgs),
}

impl Invocation {
    /// The flags of verbs that run.
    pub(crate) fn run_args(&self) -> Option<&RunArgs> {
        match self {
            Self::Old(args) => Some(&args.job.run),
            Self::Sync(args) => Some(&args.job.run),
            Self::Plan(args) => Some(&args.job.run),
            Self::Apply(args) => Some(&args.run),
            Self::Copy(args) => Some(&args.run),
            Self::Verify(args) => Some(&args.job.run),
            Self::Prune(_)
            | Self::Expand(_)
            | Self::Check(_)
            | Self::Inspect(_)
            | Self::Digest(_)
            | Self::Tags(_)
            | Self::Repos(_)
            | Self::Explain(_)
            | Self::Import(_)
            | Self::Demo(_)
            | Self::Acr(_)
            | Self::Schema(_) => None,
        }
    }
}

/// Copies container images from registries to registries, bit for bit, and only what is missing.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "image-syncer",
    version,
    override_usage = "image-syncer --config FILE [OPTIONS]\n       image-syncer --auth FILE --images FILE [OPTIONS]\n       image-syncer sync [--config FILE] [OPTIONS]\n       image-syncer plan [--config FILE] [--out FILE] [OPTIONS]\n       image-syncer apply PLAN [--config FILE] [OPTIONS]\n       image-syncer copy SOURCE TARGET... [OPTIONS]\n       image-syncer verify [TARGET...] [OPTIONS]\n       image-syncer prune [--config FILE] [--apply] [OPTIONS]\n       image-syncer expand --config FILE\n       image-syncer check --config FILE\n       image-syncer inspect REF [--json|--raw]\n       image-syncer digest REF\n       image-syncer tags REPO [--dates]\n       image-syncer repos HOST[/PREFIX]\n       image-syncer explain IMAGE --report FILE [--config FILE]\n       image-syncer import FILE\n       image-syncer acr policy|token|setup ...\n       image-syncer schema NAME\n       image-syncer demo",
    after_help = EXAMPLES,
)]
pub(crate) struct OldArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,
}

/// Copies what the config's rules select and the targets lack: the main job. Without --config, `./image-syncer.yaml`
/// is read.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer sync", bin_name = "image-syncer sync")]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,

    #[command(flatten)]
    pub(crate) only: OnlyArgs,

    #[command(flatten)]
    pub(crate) shard: ShardArgs,

    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Copies one image, or the images of one repository, without any rule file. Prints a line for each image that stands
/// at a target afterwards: HOST/REPOSITORY:TAG@DIGEST.
///
/// SOURCE and TARGET read as in a rule: `registry/repository` with nothing, a tag, a list, a `/pattern/` or a digest.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer copy", bin_name = "image-syncer copy")]
pub(crate) struct CopyArgs {
    /// Where to read
    pub(crate) source: String,

    /// Where to write; several are fed from one read
    #[arg(required = true, value_name = "TARGET")]
    pub(crate) targets: Vec<String>,

    #[command(flatten)]
    pub(crate) login: LoginArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,

    /// Print the report as JSON instead of a line for each image
    #[arg(long)]
    pub(crate) json: bool,

    /// Write the digests that stand at the targets to this file, a line for each; - is stdout
    #[arg(long, value_name = "FILE", value_parser = file::file(), overrides_with = "digest_file")]
    pub(crate) digest_file: Option<PathBuf>,
}

/// Shows what the config means, without asking any registry: each rule's source, selection, targets, how it copies, and
/// which entry of `auth` each side uses. Flags show how they narrow it.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer expand", bin_name = "image-syncer expand")]
pub(crate) struct ExpandArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    #[command(flatten)]
    pub(crate) only: OnlyArgs,

    #[command(flatten)]
    pub(crate) narrow: NarrowArgs,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Looks at every step that a copy will take, before a byte moves: names, ports, certificates, logins, rights,
/// namespaces, quotas, clocks, and where blobs lie. One line for each finding, and what to do where something is
/// wrong. What it begins at a registry it cancels.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer check", bin_name = "image-syncer check", after_help = CHECK_STATUS)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    #[command(flatten)]
    pub(crate) only: OnlyArgs,

    #[command(flatten)]
    pub(crate) reach: ReachArgs,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const CHECK_STATUS: &str =
    "Exit status: 0 no problem, 1 problems, 2 bad command line or config, 4 only logins are refused.";

/// Shows a whole migration on two registries inside this program: nothing to install, nothing left behind.
///
/// A Harbor-like source with token login and an Alibaba-like target that lets only its namespace be pushed
/// are started on free ports of this machine, images are copied with the same code and config as any others,
/// the target is checked byte for byte, and a second run shows that nothing is sent twice.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer demo", bin_name = "image-syncer demo")]
pub(crate) struct DemoArgs {}

/// Prints the JSON Schema of a document that this program reads or writes: `config`, for editors.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer schema", bin_name = "image-syncer schema")]
pub(crate) struct SchemaArgs {
    /// Which document
    pub(crate) name: String,
}

const EXAMPLES: &str = "\
How a rule reads:
  \"harbor.example.com/library/nginx\": \"\"                   every tag, to REGISTRY/NAMESPACE/nginx
  \"quay.io/coreos/etcd:v3.5.0\": \"r.io/mirror/etcd\"         one tag
  \"quay.io/coreos/etcd:v3.5.0,v3.5.1\": \"r.io/mirror/etcd\"  some tags
  \"quay.io/coreos/etcd:/^v3\\\\./\": \"r.io/mirror/etcd\"       tags in which a pattern is found
  \"alpine@sha256:...\": [\"r.io/a/alpine:3\", \"r.io/b/alpine\"]  one image to two places

Exit status: 0 all well, 1 some images failed, `copy` matched nothing, `verify` found differences, `apply` met a target
that has changed, `prune` was refused; 2 bad command line or config, 3 all failed, 4 all failed by login, 10 `plan
--exit-code` and something to do, 130 interrupted by SIGINT, 143 by SIGTERM or SIGHUP.

`image-syncer demo` shows it all on this machine.";

/// A command line that is not carried out.
pub(crate) enum Unreadable {
    /// A word that is no verb, or stands where none counts.
    Word(Refusal),
    /// As clap tells it, with the usage.
    Usage(String),
}

/// A command line that was read.
pub(crate) struct Line {
    pub(crate) invocation: Invocation,
    /// `true` and `false` behind a flag that takes them only behind `=`: the flag, and the word.
    pub(crate) ignored: Vec<(String, String)>,
}

/// Reads the command line; ends the program for `--help` and `--version`.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Line, Unreadable> {
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
        "import" => read(rest(), Invocation::Import),
        "acr" => read(rest(), Invocation::Acr),
        "demo" => read(rest(), Invocation::Demo),
        "schema" => read(rest(), Invocation::Schema),
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
fn old(args: Vec<OsString>) -> Result<Line, Unreadable> {
    let mut without_truths = args.clone();
    word::take_truths(&OldArgs::command(), &mut without_truths);
    if let Some(refusal) = word::stray(&OldArgs::command(), &without_truths) {
        return Err(Unreadable::Word(refusal));
    }
    read(args, Invocation::Old)
}

/// Reads flags and, where the command takes any, words.
fn read<T: Parser>(mut args: Vec<OsString>, of: impl Fn(T) -> Invocation) -> Result<Line, Unreadable> {
    let ignored = word::take_truths(&T::command(), &mut args);
    match T::try_parse_from(&args) {
        Ok(read) => Ok(Line { invocation: of(read), ignored }),
        Err(answer) if !answer.use_stderr() => answer.exit(),
        Err(error) => Err(Unreadable::Usage(usage::<T>(&args, &error))),
    }
}

/// The error as it may be shown: it repeats arguments, so it is made once more, of arguments that were cleaned.
fn usage<T: Parser>(args: &[OsString], error: &clap::Error) -> String {
    let cleaned = args.iter().map(|argument| clean(&argument.to_string_lossy()).into_owned());
    let error = match T::try_parse_from(cleaned) {
        Err(error) => error,
        // Cleaning mended it. What is wrong is known without the argument itself.
        Ok(_) => clap::Error::new(error.kind()).with_cmd(&T::command()),
    };
    error.render().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old(args: &str) -> OldArgs {
        OldArgs::try_parse_from(format!("image-syncer {args}").split_whitespace()).unwrap()
    }

    #[test]
    fn the_command_line_is_well_formed() {
        OldArgs::command().debug_assert();
        SyncArgs::command().debug_assert();
        PlanArgs::command().debug_assert();
        ApplyArgs::command().debug_assert();
        CopyArgs::command().debug_assert();
        VerifyArgs::command().debug_assert();
        PruneArgs::command().debug_assert();
        ExpandArgs::command().debug_assert();
        CheckArgs::command().debug_assert();
        InspectArgs::command().debug_assert();
        DigestArgs::command().debug_assert();
        TagsArgs::command().debug_assert();
        ReposArgs::command().debug_assert();
        ExplainArgs::command().debug_assert();
        ImportArgs::command().debug_assert();
        DemoArgs::command().debug_assert();
        SchemaArgs::command().debug_assert();
    }

    #[test]
    fn every_spelling_of_a_flag() {
        for spelling in ["--proc=6", "--proc 6", "-p6", "-p 6", "-p=6", "--proc 5 --proc 6"] {
            assert_eq!(old(spelling).job.run.proc, 6, "{spelling}");
        }
        assert_eq!(old("--retries 0x3").job.run.retries, 3);
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
            assert!(matches!(parse(refused), Err(Unreadable::Word(_))), "{refused}");
        }
        assert!(matches!(parse("image-syncer check x --config F"), Err(Unreadable::Usage(_))));
    }
}
