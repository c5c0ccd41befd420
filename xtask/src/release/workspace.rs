//! The checkout of a release.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// The checkout, its version and its time.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) version: String,
    /// The time of all release files, in seconds since 1970.
    pub(crate) epoch: u64,
    /// The commit, if there is one.
    pub(crate) revision: Option<String>,
}

impl Workspace {
    /// Reads this checkout. Its time is `SOURCE_DATE_EPOCH` (<https://reproducible-builds.org/specs/source-date-epoch/>), or that of
    /// the last commit.
    pub(crate) fn read() -> Result<Self> {
        // Set by `cargo run`.
        let own = std::env::var_os("CARGO_MANIFEST_DIR").context("run it as `cargo xtask release`")?;
        let root = PathBuf::from(own).join("..").canonicalize()?;
        let git = |arguments: &[&str]| output(Command::new("git").arg("-C").arg(&root).args(arguments));
        let epoch = match std::env::var("SOURCE_DATE_EPOCH") {
            Ok(epoch) => epoch,
            Err(_) => git(&["log", "-1", "--format=%ct"])
                .context("without git, SOURCE_DATE_EPOCH has to say the release's time")?,
        };
        let epoch = epoch.trim().parse().context("SOURCE_DATE_EPOCH is a number of seconds")?;
        let revision = git(&["rev-parse", "HEAD"]).ok().map(|revision| revision.trim().to_owned());
        Ok(Self { root, version: env!("CARGO_PKG_VERSION").to_owned(), epoch, revision })
    }

    /// The release's time in RFC 3339.
    pub(crate) fn time(&self) -> Result<String> {
        Ok(jiff::Timestamp::from_second(i64::try_from(self.epoch)?)?.to_string())
    }

    /// A file of the checkout.
    pub(crate) fn file(&self, name: &str) -> Result<Vec<u8>> {
        std::fs::read(self.root.join(name)).with_context(|| format!("cannot read {name}"))
    }
}

/// The output of a program.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let done = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !done.status.success() {
        bail!("{command:?}: {}: {}", done.status, String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(String::from_utf8(done.stdout)?)
}
