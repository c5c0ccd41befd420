//! The yardstick for copying bytes: pipes of `curl`, one for each blob, at the same time.

use std::ffi::OsString;

use anyhow::{Result, ensure};
use testkit::corpus::Repository;

use super::measure::{self, Usage};
use super::rig::{Ends, Rig};

/// Their names in tables, with or without hashing.
pub(super) const HASHING: &str = "curl | openssl dgst | curl";
pub(super) const PLAIN: &str = "curls over HTTP/1.1";

/// Opens an upload, sends a blob, closes the upload; with `$hash`, the bytes go to `openssl`, too.
const SCRIPT: &str = r#"set -euo pipefail
hash=$1 from=$2 to=$3; shift 3
location() { tr -d '\r' | sed -n 's/^[Ll]ocation: //p'; }
absolute() { case $1 in /*) echo "$to$1" ;; *) echo "$1" ;; esac; }
get() { curl --http1.1 -sSf "$from/v2/$repository/blobs/$1"; }
put() { curl --http1.1 -sSf -X PATCH -H 'Content-Type: application/octet-stream' -H 'Expect:' -T - -D - -o /dev/null "$1" | location; }
one() {
    session=$(absolute "$(curl --http1.1 -sSf -X POST -D - -o /dev/null "$to/v2/$repository/blobs/uploads/" | location)")
    if [ "$hash" = yes ]; then
        session=$(absolute "$(get "$1" | tee >(openssl dgst -sha256 -r > "sum-$2") | put "$session")")
    else
        session=$(absolute "$(get "$1" | put "$session")")
    fi
    case $session in *\?*) join='&' ;; *) join='?' ;; esac
    curl --http1.1 -sSf -X PUT -o /dev/null "$session${join}digest=$1"
    if [ "$hash" = yes ]; then
        until [ -s "sum-$2" ]; do sleep 0.01; done
        grep -q "^${1#sha256:}" "sum-$2"
    fi
}
repository=$1; shift
number=0 jobs=
for digest in "$@"; do number=$((number + 1)); one "$digest" "$number" & jobs="$jobs $!"; done
for job in $jobs; do wait "$job"; done
"#;

/// Copies the blobs of a repository that are at least this large, all at once.
pub(super) async fn carry(
    ends: Ends<'_>,
    repository: &Repository,
    least: u64,
    is_hashed: bool,
) -> Result<(Usage, usize)> {
    let scheme = if ends.authority.is_some() { "https" } else { "http" };
    let [from, to] = [ends.source, ends.target].map(|host| format!("{scheme}://{host}"));
    let digests: Vec<&String> =
        repository.blobs.iter().filter(|(_, size)| **size >= least).map(|(digest, _)| digest).collect();
    let fixed =
        ["bash", "-c", SCRIPT, "bash", if is_hashed { "yes" } else { "no" }, &from, &to, &repository.name];
    let words: Vec<OsString> =
        fixed.into_iter().map(OsString::from).chain(digests.iter().map(OsString::from)).collect();
    let folder = Rig::folder()?;
    let usage = measure::measure_trusting(&words, folder.path(), ends.authority).await?;
    ensure!(usage.code == 0, "curl: {}", measure::output_of(folder.path()));
    Ok((usage, digests.len()))
}
