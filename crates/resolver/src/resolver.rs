//! Resolves a name.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::timeout;

use crate::Unresolved;
use crate::ask::ask;
use crate::candidates::candidates;
use crate::message::Family;
use crate::resolv_conf::{Families, ResolvConf};
use crate::silent::Silent;
use crate::{hosts, order};

/// How long to wait for the second family's answer after the first one's: some firewalls drop questions for IPv6.
const LATER: Duration = Duration::from_secs(1);

/// The files for looking up names.
#[derive(Clone, Debug)]
pub struct Files {
    /// Names and addresses: `/etc/hosts`.
    pub hosts: PathBuf,
    /// DNS servers: `/etc/resolv.conf`.
    pub resolv_conf: PathBuf,
}

/// Resolves names. The files are read each time, so that changes take effect at once.
#[derive(Debug)]
pub struct Resolver {
    files: Files,
    port: u16,
    silent: Silent,
}

impl Resolver {
    /// With this machine's files.
    pub fn of_system() -> Self {
        Self::reading(Files { hosts: "/etc/hosts".into(), resolv_conf: "/etc/resolv.conf".into() }, 53)
    }

    /// With these files and servers that all listen on `port`.
    pub fn reading(files: Files, port: u16) -> Self {
        Self { files, port, silent: Silent::default() }
    }

    /// The addresses of `name`, at least one, in the order in which to try them. An address resolves to itself.
    ///
    /// # Errors
    /// It has none, or no server answers.
    pub async fn lookup(&self, name: &str) -> Result<Vec<IpAddr>, Unresolved> {
        if let Ok(address) = name.parse() {
            return Ok(vec![address]);
        }
        let mut addresses = self.find(name).await?;
        order::sort(&mut addresses);
        Ok(addresses)
    }

    async fn find(&self, name: &str) -> Result<Vec<IpAddr>, Unresolved> {
        let listed = hosts::find(&read(&self.files.hosts), name);
        if !listed.is_empty() {
            return Ok(listed);
        }
        if let Some(here) = hosts::loopback(name) {
            return Ok(here);
        }
        let conf = ResolvConf::read(&read(&self.files.resolv_conf), own_domain().as_deref(), self.port);
        let mut why = Unresolved::NoName;
        for candidate in candidates(name, &conf.search, conf.ndots) {
            match self.both_families(&candidate, &conf).await {
                Ok(addresses) => return Ok(addresses),
                Err(Unresolved::Silent { .. }) if !conf.names_server => {
                    return Err(Unresolved::NoServer { file: self.files.resolv_conf.display().to_string() });
                }
                // The servers would not answer for the next candidate either.
                Err(silent @ Unresolved::Silent { .. }) => return Err(silent),
                Err(error) if tells_more(&error, &why) => why = error,
                Err(_) => {}
            }
        }
        Err(why)
    }

    async fn both_families(&self, name: &str, conf: &ResolvConf) -> Result<Vec<IpAddr>, Unresolved> {
        let v4 = ask(name, Family::V4, conf, &self.silent);
        if conf.families == Families::V4 {
            return v4.await;
        }
        let v6 = ask(name, Family::V6, conf, &self.silent);
        tokio::pin!(v4, v6);
        tokio::select! {
            first = &mut v4 => complete(first, v6).await,
            first = &mut v6 => complete(first, v4).await,
        }
    }
}

/// The first family's result, completed with the other family's addresses.
async fn complete(
    first: Result<Vec<IpAddr>, Unresolved>,
    other: impl Future<Output = Result<Vec<IpAddr>, Unresolved>>,
) -> Result<Vec<IpAddr>, Unresolved> {
    match first {
        Ok(mut addresses) => {
            if let Ok(Ok(more)) = timeout(LATER, other).await {
                addresses.extend(more);
            }
            Ok(addresses)
        }
        Err(why) => other.await.map_err(|other| if tells_more(&other, &why) { other } else { why }),
    }
}

/// Whether `error` explains more than `than`: an existing name without an address beats an unknown name, and a failing server
/// beats both, because then the truth is unknown.
fn tells_more(error: &Unresolved, than: &Unresolved) -> bool {
    let weight = |error: &Unresolved| match error {
        Unresolved::NoName => 0,
        Unresolved::Unknown { .. } => 1,
        Unresolved::NoAddress { .. } => 2,
        Unresolved::Refused { .. } | Unresolved::Unreadable { .. } => 3,
        Unresolved::Silent { .. } | Unresolved::NoServer { .. } => 4,
    };
    weight(error) > weight(than)
}

/// Reads a file; an unreadable one counts as empty.
fn read(file: &Path) -> String {
    std::fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// The domain in this machine's own name.
fn own_domain() -> Option<String> {
    let name = read(Path::new("/proc/sys/kernel/hostname"));
    name.trim().split_once('.').map(|(_, domain)| domain.to_owned())
}
