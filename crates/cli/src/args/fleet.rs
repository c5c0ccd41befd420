//! How the NATS of a fleet is reached: the flags of `worker` and of `sync --fleet`.

use std::path::PathBuf;

use clap::{Arg, Args, Parser};

use super::file::file;
use super::job::JobArgs;
use super::narrow::NARROWING;

/// The login at NATS.
// clap shows these as they are grouped here.
#[derive(Clone, Debug, Default, Args)]
#[group(skip)]
#[command(next_help_heading = "Fleet")]
#[expect(clippy::struct_field_names, reason = "they are named as the flags are")]
pub(crate) struct FleetLoginArgs {
    /// Login at NATS: a file of nsc
    ///
    /// With a JWT and a seed.
    #[arg(long, value_name = "FILE", value_parser = file(), conflicts_with_all = ["fleet_user", "fleet_nkey"], overrides_with = "fleet_creds")]
    pub(crate) fleet_creds: Option<PathBuf>,

    /// Login at NATS: a user
    #[arg(
        long,
        value_name = "NAME",
        requires = "fleet_password_file",
        conflicts_with = "fleet_nkey",
        overrides_with = "fleet_user"
    )]
    pub(crate) fleet_user: Option<String>,

    /// Login at NATS: the user's password
    #[arg(long, value_name = "FILE", value_parser = file(), requires = "fleet_user", overrides_with = "fleet_password_file")]
    pub(crate) fleet_password_file: Option<PathBuf>,

    /// Login at NATS: an nkey's seed
    #[arg(long, value_name = "FILE", value_parser = file(), overrides_with = "fleet_nkey")]
    pub(crate) fleet_nkey: Option<PathBuf>,

    /// Where answers of NATS come to
    ///
    /// A subject that the login may subscribe below, such as `_INBOX_workers`: of a login that several workers have. Without it
    /// `_INBOX_NAME`, each worker's own.
    #[arg(long, value_name = "PREFIX", hide_short_help = true, overrides_with = "fleet_inbox")]
    pub(crate) fleet_inbox: Option<String>,

    /// Authority of NATS' certificate
    ///
    /// A PEM file. The connection has to use TLS then.
    #[arg(long, value_name = "FILE", value_parser = file(), overrides_with = "fleet_ca")]
    pub(crate) fleet_ca: Option<PathBuf>,

    /// No TLS beyond this machine
    ///
    /// Whoever listens on the way can read and write jobs.
    #[arg(long, overrides_with = "fleet_insecure")]
    pub(crate) fleet_insecure: bool,
}

/// Whether the images are handed out to workers.
#[derive(Clone, Debug, Default, Args)]
#[group(skip)]
#[command(next_help_heading = "Fleet")]
pub(crate) struct FleetArgs {
    /// Let workers copy, through this NATS
    ///
    /// Such as <nats://127.0.0.1:4222>. `image-syncer worker` copies, and this process waits for the end. Started again with the
    /// same config, it joins the run that is open.
    #[arg(long, value_name = "URL", conflicts_with_all = ["shard", "dry_run"], overrides_with = "fleet")]
    pub(crate) fleet: Option<String>,

    #[command(flatten)]
    pub(crate) login: FleetLoginArgs,

    /// Join this run, and begin none
    #[arg(long = "run", value_name = "ID", requires = "fleet", overrides_with = "run_id")]
    pub(crate) run_id: Option<String>,

    /// A worker's longest silence [default: 60]
    ///
    /// A worker that is silent for so many seconds loses its jobs to others.
    #[arg(long, value_name = "SECONDS", default_value = "60", hide_default_value = true, value_parser = clap::value_parser!(u32).range(2..=3600), overrides_with = "fleet_patience")]
    pub(crate) fleet_patience: u32,
}

/// The NATS that `check` looks at.
#[derive(Clone, Debug, Default, Args)]
#[group(skip)]
#[command(next_help_heading = "Fleet")]
pub(crate) struct CheckFleetArgs {
    /// Look at this NATS, too
    ///
    /// At its version, store and clock, and at what this login may do there. The sources are read for some seconds, by one
    /// connection and by eight: this says whether more workers help.
    #[arg(long, value_name = "URL", overrides_with = "fleet")]
    pub(crate) fleet: Option<String>,

    #[command(flatten)]
    pub(crate) login: FleetLoginArgs,

    /// What the worker of this login is called
    ///
    /// Where its rights are bound to `_INBOX_NAME.>`. For those of another inbox there is `--fleet-inbox`.
    #[arg(long, value_name = "NAME", requires = "fleet", overrides_with = "name")]
    pub(crate) name: Option<String>,
}

/// Copies what `sync --fleet` hands out
///
/// Start as many as you like, each with the same config. No layer is sent twice, and who dies is replaced.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer worker", bin_name = "image-syncer worker", after_long_help = EXAMPLES, mut_args = of_worker)]
pub(crate) struct WorkerArgs {
    /// NATS that has jobs: <nats://HOST:4222>
    #[arg(long, value_name = "URL", help_heading = "Fleet", overrides_with = "fleet")]
    pub(crate) fleet: String,

    #[command(flatten)]
    pub(crate) login: FleetLoginArgs,

    /// What others call this worker
    ///
    /// Without it host and process.
    #[arg(long, value_name = "NAME", help_heading = "Fleet", overrides_with = "name")]
    pub(crate) name: Option<String>,

    /// End after so long without work
    ///
    /// Such as 90s, 5m or 1h.
    #[arg(long, value_name = "TIME", help_heading = "Fleet", value_parser = time, overrides_with = "idle_exit")]
    pub(crate) idle_exit: Option<std::time::Duration>,

    #[command(flatten)]
    pub(crate) job: JobArgs,
}

/// What a whole run is asked for.
const OF_RUNS: [&str; 6] = [
    "dry_run",
    "report",
    "retry_failed",
    "output_success_images",
    "output_failed_images",
    "summary_markdown",
];

/// Without what only a coordinator is asked for.
fn of_worker(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "force" | "output_images_format" => arg.hide(true),
        id if OF_RUNS.contains(&id) || NARROWING.contains(&id) => arg.hide(true),
        _ => arg,
    }
}

/// A flag that has no meaning for a worker.
#[cfg(feature = "fleet")]
pub(crate) enum Meaningless {
    /// It says what is brought, or how.
    Decides(String),
    /// It has something written of the whole run.
    Writes(&'static str),
    /// It wants nothing to be brought.
    DryRun,
}

#[cfg(feature = "fleet")]
impl WorkerArgs {
    /// The first flag that has no meaning here.
    pub(crate) fn meaningless(&self) -> Option<Meaningless> {
        let run = &self.job.run;
        let decides = [("--force", run.force), ("--retry-failed", self.job.retry_failed.is_some())];
        let writes = [
            ("--report", !run.report.is_empty()),
            ("--summary-markdown", run.summary_markdown.is_some()),
            ("--output-success-images", run.output_success_images.is_some()),
            ("--output-failed-images", run.output_failed_images.is_some()),
        ];
        let first = |flags: &[(&'static str, bool)]| {
            flags.iter().find(|(_, is_given)| *is_given).map(|(flag, _)| *flag)
        };
        let decides = run.narrow.first_given().or_else(|| first(&decides).map(str::to_owned));
        let decides = decides.map(Meaningless::Decides);
        decides
            .or_else(|| first(&writes).map(Meaningless::Writes))
            .or(run.dry_run.then_some(Meaningless::DryRun))
    }
}

const EXAMPLES: &str = "\
Examples:
  image-syncer worker --fleet nats://127.0.0.1:4222 --config mirror.yaml
  image-syncer worker --fleet tls://nats.example:4222 --fleet-creds worker.creds --idle-exit 5m

Exit status:
  0    ended by --idle-exit
  2    bad command line or config, NATS cannot be asked, or a live worker has this --name
  130  stopped by Ctrl-C; what it had not done went back
  143  stopped by SIGTERM; the same";

/// Seconds, minutes or hours.
fn time(text: &str) -> Result<std::time::Duration, String> {
    let end = text.find(|one: char| !one.is_ascii_digit()).unwrap_or(text.len());
    let unit = match &text[end..] {
        "s" | "" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("write a number and a unit, such as 90s, 5m or 1h".to_owned()),
    };
    let number: u64 =
        text[..end].parse().map_err(|_| "write a number and a unit, such as 90s, 5m or 1h".to_owned())?;
    Ok(std::time::Duration::from_secs(number.saturating_mul(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let seconds = |text: &str| time(text).map(|time| time.as_secs());
        assert_eq!(
            (seconds("90s"), seconds("5m"), seconds("1h"), seconds("7")),
            (Ok(90), Ok(300), Ok(3600), Ok(7))
        );
        for wrong in ["", "m", "5d", "-1s", "1.5m"] {
            assert!(seconds(wrong).unwrap_err().contains("such as 90s, 5m or 1h"), "{wrong}");
        }
    }
}
