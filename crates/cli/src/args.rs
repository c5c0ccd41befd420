//! The command line: what was typed, not what it means.

mod acr;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};
use sync::Bandwidth;

pub(crate) use acr::{AcrArgs, AcrCommand, AcrRegistryArgs, PolicyArgs, SetupArgs, TokenArgs};

/// What the program is asked to do.
pub(crate) enum Invocation {
    /// The form without a verb, as the Go tool had it.
    Sync(SyncArgs),
    /// `image-syncer copy`
    Copy(CopyArgs),
    /// `image-syncer expand`
    Expand(ExpandArgs),
    /// `image-syncer check`
    Check(CheckArgs),
    /// `image-syncer demo`
    Demo(DemoArgs),
    /// `image-syncer acr`
    Acr(AcrArgs),
}

/// Copies container images from registries to registries, bit for bit, and only what is missing.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "image-syncer",
    version,
    override_usage = "image-syncer --config FILE [OPTIONS]\n       image-syncer --auth FILE --images FILE [OPTIONS]\n       image-syncer copy SOURCE TARGET... [OPTIONS]\n       image-syncer expand --config FILE\n       image-syncer check --config FILE\n       image-syncer acr policy|token|setup ...\n       image-syncer demo",
    after_help = EXAMPLES,
)]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,

    /// Words that the Go tool ignored silently
    #[arg(hide = true)]
    pub(crate) ignored: Vec<String>,
}

/// Copies one image, or the images of one repository, without any rule file.
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

    /// File with the logins, as for `--auth` without a verb
    #[arg(long, value_name = "FILE")]
    pub(crate) auth: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Shows what the config means, without asking any registry: each rule's source, selection, targets, and which
/// entry of `auth` each side uses.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer expand", bin_name = "image-syncer expand")]
pub(crate) struct ExpandArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

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

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const CHECK_STATUS: &str =
    "Exit status: 0 no problem, 1 problems, 2 bad command line or config, 4 only logins are refused.";

/// Where rules and logins stand.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ConfigArgs {
    /// One file (JSON or YAML) with `auth` and `images`
    #[arg(long, value_name = "FILE", overrides_with = "config")]
    pub(crate) config: Option<PathBuf>,

    /// File with the logins: {"registry": {"username", "password", "insecure"}}
    #[arg(long, value_name = "FILE", overrides_with = "auth")]
    pub(crate) auth: Option<PathBuf>,

    /// File with the rules: {"source": "target" or ["target", ...]}
    #[arg(long, value_name = "FILE", overrides_with = "images")]
    pub(crate) images: Option<PathBuf>,

    /// Registry for rules whose target is empty
    #[arg(long, value_name = "HOST", env = "DEFAULT_REGISTRY", overrides_with = "registry")]
    pub(crate) registry: Option<String>,

    /// Namespace for rules whose target is empty
    #[arg(long, value_name = "NAME", env = "DEFAULT_NAMESPACE", overrides_with = "namespace")]
    pub(crate) namespace: Option<String>,
}

/// How to run, and what to write besides.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunArgs {
    /// How many blobs are copied at once; of small ones (up to 256 KiB), unless this is 1, eight times as many, up to 64
    #[arg(short, long, value_name = "NUMBER", default_value = "5", value_parser = at_least_one, allow_hyphen_values = true, overrides_with = "proc")]
    pub(crate) proc: usize,

    /// How fast bodies are read at most, all together: 50MB/s, 500KiB/s, ...
    #[arg(long, value_name = "BANDWIDTH", allow_hyphen_values = true, overrides_with = "bandwidth")]
    pub(crate) bandwidth: Option<Bandwidth>,

    /// How often a step that failed for a passing reason is tried again
    #[arg(short, long, value_name = "NUMBER", default_value = "2", value_parser = retries, allow_hyphen_values = true, overrides_with = "retries")]
    pub(crate) retries: u32,

    /// Only these operating systems: linux, windows:10.0.17763.1234, ... (repeatable, or with commas)
    #[arg(long, value_name = "SYSTEM")]
    pub(crate) os: Vec<String>,

    /// Only these architectures: amd64, arm64, arm:v7, or whole platforms: linux/arm64 (repeatable, or with commas)
    #[arg(long, value_name = "ARCHITECTURE")]
    pub(crate) arch: Vec<String>,

    /// Store manifests also where the target has them
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", value_parser = truth, value_name = "BOOL", hide_possible_values = true, overrides_with = "force")]
    pub(crate) force: bool,

    /// Copy what refers to images, too: signatures, SBOMs, attestations (rules with patterns do so unless this is false)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = truth, value_name = "BOOL", hide_possible_values = true, overrides_with = "referrers")]
    pub(crate) referrers: Option<bool>,

    /// Only look what would be copied
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Write the log to this file
    #[arg(long, value_name = "FILE", overrides_with = "log")]
    pub(crate) log: Option<PathBuf>,

    /// How log lines are written: text or json
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        value_enum,
        hide_possible_values = true,
        overrides_with = "log_format"
    )]
    pub(crate) log_format: LogFormat,

    /// Write what was copied to this file, in the form of an `--images` file
    #[arg(long, value_name = "FILE", overrides_with = "output_success_images")]
    pub(crate) output_success_images: Option<PathBuf>,

    /// Write what failed to this file, in the form of an `--images` file: it can be run again as it is
    #[arg(long, value_name = "FILE", overrides_with = "output_failed_images")]
    pub(crate) output_failed_images: Option<PathBuf>,

    /// Form of these two files: json, or anything else for yaml
    #[arg(long, value_name = "FORMAT", default_value = "yaml", overrides_with = "output_images_format")]
    pub(crate) output_images_format: String,

    /// Write every image with its outcome to this file, as JSON
    #[arg(long, value_name = "FILE", overrides_with = "report")]
    pub(crate) report: Option<PathBuf>,

    /// Remember in this file what the next run can go on with if this one is killed; without it in
    /// `~/.local/state/image-syncer/state.redb`, or below `XDG_STATE_HOME`
    #[arg(long, value_name = "FILE", overrides_with_all = ["state", "no_state"])]
    pub(crate) state: Option<PathBuf>,

    /// Remember nothing
    #[arg(long, overrides_with_all = ["state", "no_state"])]
    pub(crate) no_state: bool,

    /// How many seconds images in work have to end after the first SIGINT or SIGTERM
    #[arg(long, value_name = "SECONDS", default_value = "25", value_parser = clap::value_parser!(u32), overrides_with = "drain")]
    pub(crate) drain: u32,

    /// Where the oldest releases noted blobs: not needed any more, so neither read nor written
    #[arg(long, value_name = "FILE", hide = true, overrides_with = "records")]
    pub(crate) records: Option<PathBuf>,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// Shows a whole migration on two registries inside this program: nothing to install, nothing left behind.
///
/// A Harbor-like source with token login and an Alibaba-like target that lets only its namespace be pushed
/// are started on free ports of this machine, images are copied with the same code and config as any others,
/// the target is checked byte for byte, and a second run shows that nothing is sent twice.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer demo", bin_name = "image-syncer demo")]
pub(crate) struct DemoArgs {}

const EXAMPLES: &str = "\
How a rule reads:
  \"harbor.example.com/library/nginx\": \"\"                   every tag, to REGISTRY/NAMESPACE/nginx
  \"quay.io/coreos/etcd:v3.5.0\": \"r.io/mirror/etcd\"         one tag
  \"quay.io/coreos/etcd:v3.5.0,v3.5.1\": \"r.io/mirror/etcd\"  some tags
  \"quay.io/coreos/etcd:/^v3\\\\./\": \"r.io/mirror/etcd\"       tags in which a pattern is found
  \"alpine@sha256:...\": [\"r.io/a/alpine:3\", \"r.io/b/alpine\"]  one image to two places

Exit status: 0 all well, 1 some images failed, 2 bad command line or config, 3 all failed,
4 all failed by login, 130 or 143 interrupted.

`image-syncer demo` shows it all on this machine.";

/// Reads the command line; ends the program for `--help`, `--version` and what cannot be read.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Invocation {
    let args: Vec<OsString> = args.into_iter().collect();
    // A verb counts only as the first argument: elsewhere the Go tool took bare words and ignored them.
    let verb = args.get(1).and_then(|verb| verb.to_str()).unwrap_or_default().to_owned();
    let rest = || args.iter().skip(1).cloned();
    match verb.as_str() {
        "copy" => Invocation::Copy(CopyArgs::parse_from(rest())),
        "expand" => Invocation::Expand(ExpandArgs::parse_from(rest())),
        "check" => Invocation::Check(CheckArgs::parse_from(rest())),
        "acr" => Invocation::Acr(AcrArgs::parse_from(rest())),
        "demo" => Invocation::Demo(DemoArgs::parse_from(rest())),
        _ => Invocation::Sync(SyncArgs::parse_from(args)),
    }
}

/// Go's spellings of truth.
fn truth(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err("it must be true or false".to_owned()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match integer(text)? {
        number if number < 1 => Err("it must be 1 or more".to_owned()),
        number => usize::try_from(number).map_err(|_| "it is too large".to_owned()),
    }
}

/// Zero and below mean that nothing is tried again.
fn retries(text: &str) -> Result<u32, String> {
    u32::try_from(integer(text)?.max(0)).map_err(|_| "it is too large".to_owned())
}

/// Go's forms: `10`, `-1`, `0x2`, `0b11`, `0o17`, `017`, `1_000`.
fn integer(text: &str) -> Result<i64, String> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &lower[..]),
    };
    let well_formed = digits.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'_');
    let number = i64::from_str_radix(&digits.replace('_', ""), radix).ok().filter(|_| well_formed);
    let number = number.ok_or_else(|| "it is not a number".to_owned())?;
    Ok(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn sync(args: &str) -> SyncArgs {
        SyncArgs::try_parse_from(format!("image-syncer {args}").split_whitespace()).unwrap()
    }

    #[test]
    fn the_command_line_is_well_formed() {
        SyncArgs::command().debug_assert();
        CopyArgs::command().debug_assert();
        ExpandArgs::command().debug_assert();
        CheckArgs::command().debug_assert();
        DemoArgs::command().debug_assert();
    }

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (text, number) in [
            ("10", 10),
            ("0x2", 2),
            ("0b11", 3),
            ("0o17", 15),
            ("017", 15),
            ("1_000", 1000),
            ("-1", -1),
            ("0", 0),
        ] {
            assert_eq!(integer(text), Ok(number), "{text}");
        }
        for text in ["", "abc", "1.5", "0x", "--1", "0x+1"] {
            assert!(integer(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_spelling_of_a_flag() {
        for spelling in ["--proc=6", "--proc 6", "-p6", "-p 6", "-p=6", "--proc 5 --proc 6"] {
            assert_eq!(sync(spelling).run.proc, 6, "{spelling}");
        }
        assert_eq!(sync("--retries -1").run.retries, 0);
        assert_eq!(sync("--proc 6 stray words").ignored, ["stray", "words"]);
    }

    #[test]
    fn truths_are_read_as_go_reads_them() {
        for (spelling, force, ignored) in [
            ("", false, 0),
            ("--force", true, 0),
            ("--force=true", true, 0),
            ("--force=F", false, 0),
            ("--force=1 --force=0", false, 0),
            ("--force false", true, 1),
        ] {
            let args = sync(spelling);
            assert_eq!((args.run.force, args.ignored.len()), (force, ignored), "{spelling}");
        }
        assert!(SyncArgs::try_parse_from(["image-syncer", "--force=maybe"]).is_err());
    }

    #[test]
    fn filters_add_up_and_other_flags_are_replaced() {
        let args = sync("--os linux --os windows --arch=amd64,arm64 --config a --config b --log x --log=y");
        assert_eq!((args.run.os.len(), args.run.arch.len()), (2, 1));
        assert_eq!((args.config.config.unwrap(), args.run.log.unwrap()), ("b".into(), "y".into()));
    }

    #[test]
    fn b15_proc_below_one_is_refused() {
        for value in ["0", "-3", "abc"] {
            assert!(SyncArgs::try_parse_from(["image-syncer", "--proc", value]).is_err(), "{value}");
        }
    }

    #[test]
    fn a_bandwidth_that_cannot_be_read_says_what_to_write() {
        assert_eq!(sync("--bandwidth 50MB/s").run.bandwidth, "50MB/s".parse().ok());
        for value in ["50", "fast", "0MB/s", "-1MB/s"] {
            let read = SyncArgs::try_parse_from(["image-syncer", "--bandwidth", value]);
            let error = read.map(|_| ()).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains("such as 50MB/s"), "{error}");
        }
    }

    #[test]
    fn a_verb_counts_only_as_the_first_word() {
        let parse = |args: &str| parse(args.split_whitespace().map(OsString::from));
        assert!(matches!(parse("image-syncer demo"), Invocation::Demo(_)));
        assert!(
            matches!(parse("image-syncer --proc 3 demo"), Invocation::Sync(args) if args.ignored == ["demo"])
        );
    }
}
