//! Names of platforms, as `--os`, `--arch` and `--platform` take them.
//!
//! A name that no image has leaves nothing to copy, which must not look well: names that are not known are refused.
//! Those that are known are Go's (`go tool dist list`, and those that it once had), as the image specification asks:
//! <https://github.com/opencontainers/image-spec/blob/main/image-index.md>

use crate::nearest::nearest;

pub(super) const SYSTEMS: [&str; 20] = [
    "linux",
    "windows",
    "darwin",
    "freebsd",
    "aix",
    "android",
    "dragonfly",
    "hurd",
    "illumos",
    "ios",
    "js",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasi",
    "wasip1",
    "zos",
    "unknown",
];

pub(super) const ARCHITECTURES: [&str; 28] = [
    "amd64",
    "arm64",
    "arm",
    "386",
    "ppc64le",
    "s390x",
    "riscv64",
    "loong64",
    "mips64le",
    "amd64p32",
    "arm64be",
    "armbe",
    "mips",
    "mips64",
    "mips64p32",
    "mips64p32le",
    "mipsle",
    "ppc",
    "ppc64",
    "riscv",
    "s390",
    "sparc",
    "sparc64",
    "wasm",
    "wasm32",
    "wasm64",
    "sw64",
    "unknown",
];

/// What shells offer for whole platforms: those that most images are made for.
pub(super) const USUAL: [&str; 8] = [
    "linux/amd64",
    "linux/arm64",
    "linux/arm64/v8",
    "linux/arm/v7",
    "linux/386",
    "linux/ppc64le",
    "linux/s390x",
    "windows/amd64",
];

/// What other tools call them.
const OTHER_NAMES: [(&str, &str); 14] = [
    ("x86_64", "amd64"),
    ("x86-64", "amd64"),
    ("x64", "amd64"),
    ("aarch64", "arm64"),
    ("armv8", "arm64"),
    ("i386", "386"),
    ("i686", "386"),
    ("x86", "386"),
    ("armhf", "arm:v7"),
    ("armv7", "arm:v7"),
    ("armv7l", "arm:v7"),
    ("armv6", "arm:v6"),
    ("armel", "arm:v6"),
    ("macos", "darwin"),
];

/// Checks what `--os` has: one or several patterns with commas between.
pub(super) fn systems(text: &str) -> Result<String, String> {
    patterns(text, &SYSTEMS, "operating system")
}

/// Checks what `--arch` has.
pub(super) fn architectures(text: &str) -> Result<String, String> {
    patterns(text, &ARCHITECTURES, "architecture")
}

/// Checks what `--platform` has: whole platforms.
pub(super) fn platforms(text: &str) -> Result<String, String> {
    text.split(',').try_for_each(platform)?;
    Ok(text.to_owned())
}

/// Checks one whole platform.
pub(crate) fn platform(text: &str) -> Result<(), String> {
    if !(2..=3).contains(&text.split('/').count()) || text.split('/').any(str::is_empty) {
        return Err(format!(
            "`{text}` is no platform: write OS/ARCH or OS/ARCH/VARIANT, such as linux/arm64/v8"
        ));
    }
    whole(text)
}

fn patterns(text: &str, known: &[&str], what: &str) -> Result<String, String> {
    for pattern in text.split(',').filter(|pattern| !pattern.is_empty()) {
        if pattern.contains('/') {
            whole(pattern)?;
        } else {
            name(pattern.split(':').next().unwrap_or_default(), known, what)?;
        }
    }
    Ok(text.to_owned())
}

fn whole(platform: &str) -> Result<(), String> {
    let mut parts = platform.split('/');
    let mut next = || parts.next().unwrap_or_default();
    name(next(), &SYSTEMS, "operating system")?;
    name(next(), &ARCHITECTURES, "architecture")
}

fn name(text: &str, known: &[&str], what: &str) -> Result<(), String> {
    if known.contains(&text) {
        return Ok(());
    }
    let lower = text.to_lowercase();
    let other = OTHER_NAMES.iter().find(|(other, _)| *other == lower).map(|(_, meant)| *meant);
    let meant = match other.or_else(|| nearest(text, known)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("known are {}, ...", known[..6].join(", ")),
    };
    Err(format!("`{text}` is no {what} that images are made for: {meant}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c3_unknown_names_are_refused_with_the_nearest() {
        for (refused, meant) in [
            (systems("lunix"), "`linux`"),
            (systems("linux,windos:10.0.1"), "`windows`"),
            (systems("Linux"), "`linux`"),
            (systems("macOS"), "`darwin`"),
            (architectures("amd46"), "`amd64`"),
            (architectures("x86_64"), "`amd64`"),
            (architectures("aarch64"), "`arm64`"),
            (architectures("linux/amd46"), "`amd64`"),
            (architectures("frobnicate"), "known are amd64"),
            (platforms("linux/amd46/v1"), "`amd64`"),
            (platforms("linux"), "OS/ARCH"),
            (platforms("linux/"), "OS/ARCH"),
        ] {
            let error = refused.unwrap_err();
            assert!(error.contains(meant), "{error}");
        }
    }

    #[test]
    fn known_names_are_taken_with_their_details() {
        for known in ["linux", "windows:10.0.17763.1234", "linux,windows", "", "linux/arm64/v8"] {
            assert_eq!(systems(known).as_deref(), Ok(known));
        }
        for known in ["amd64,arm64", "arm:v7", "arm:", "386", "linux/s390x", "unknown"] {
            assert_eq!(architectures(known).as_deref(), Ok(known));
        }
        assert!(platforms("linux/amd64,linux/arm/v7").is_ok());
    }
}
