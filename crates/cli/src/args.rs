//! The command line: what was typed, not what it means.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;

/// What the program is asked to do.
pub(crate) enum Invocation {
    /// The form without a verb, as the Go tool had it.
    Sync(SyncArgs),
    /// `image-syncer demo`
    Demo(DemoArgs),
}

/// Copies container images from registries to registries, bit for bit, and only what is missing.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "image-syncer",
    version,
    args_override_self = true,
    override_usage = "image-syncer --config FILE [OPTIONS]\n       image-syncer --auth FILE --images FILE [OPTIONS]\n       image-syncer demo",
    after_help = EXAMPLES,
)]
pub(crate) struct SyncArgs {
    /// One file (JSON or YAML) with `auth` and `images`
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// File with the logins: {"registry": {"username", "password", "insecure"}}
    #[arg(long, value_name = "FILE")]
    pub(crate) auth: Option<PathBuf>,

    /// File with the rules: {"source": "target" or ["target", ...]}
    #[arg(long, value_name = "FILE")]
    pub(crate) images: Option<PathBuf>,

    /// Registry for rules whose target is empty
    #[arg(long, value_name = "HOST", env = "DEFAULT_REGISTRY")]
    pub(crate) registry: Option<String>,

    /// Namespace for rules whose target is empty
    #[arg(long, value_name = "NAME", env = "DEFAULT_NAMESPACE")]
    pub(crate) namespace: Option<String>,

    /// How many blobs are copied at once
    #[arg(short, long, value_name = "NUMBER", default_value = "5", value_parser = at_least_one, allow_hyphen_values = true)]
    pub(crate) proc: usize,

    /// How often a step that failed for a passing reason is tried again
    #[arg(short, long, value_name = "NUMBER", default_value = "2", value_parser = retries, allow_hyphen_values = true)]
    pub(crate) retries: u32,

    /// Write the log to this file instead of to the terminal
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,

    /// Words that the Go tool ignored silently
    #[arg(hide = true)]
    pub(crate) ignored: Vec<String>,
}

/// Shows a whole migration on two registries inside this program: nothing to install, nothing left behind.
///
/// A Harbor-like source with token login and an Alibaba-like target that lets only its namespace be pushed
/// are started on free ports of this machine, images are copied with the same code and config as any others,
/// the target is checked byte for byte, and a second run shows that nothing is sent twice.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer demo")]
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
    match args.get(1).and_then(|verb| verb.to_str()) {
        Some("demo") => Invocation::Demo(DemoArgs::parse_from(args.into_iter().skip(1))),
        _ => Invocation::Sync(SyncArgs::parse_from(args)),
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
            assert_eq!(sync(spelling).proc, 6, "{spelling}");
        }
        assert_eq!(sync("--retries -1").retries, 0);
        assert_eq!(sync("--proc 6 stray words").ignored, ["stray", "words"]);
    }

    #[test]
    fn proc_below_one_is_refused() {
        for value in ["0", "-3", "abc"] {
            assert!(SyncArgs::try_parse_from(["image-syncer", "--proc", value]).is_err(), "{value}");
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
