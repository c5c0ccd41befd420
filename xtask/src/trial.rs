//! `trial`: runs the binary in a file system with nothing but authorities and the address of a DNS server.

use std::fs::create_dir;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use testkit::seed::{Flavour, Image, Pusher, layer};
use testkit::{CertificateAuthority, DnsAnswer, DnsServer, DockerRegistry, TlsFront};

use crate::say::say;

/// A name that only the trial's own DNS server resolves, completed by its resolv.conf.
const NAME: &str = "registry";
const DOMAIN: &str = "trial.example";

/// What is tried.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The binary
    #[arg(long, value_name = "FILE")]
    binary: PathBuf,
    /// We are root in a network of our own
    #[arg(long, hide = true)]
    inside: bool,
}

/// Restarts itself in its own user and network namespaces: only there port 53 is free, and chroot allowed, without root.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.inside {
        return tokio::runtime::Runtime::new()?.block_on(inside(&arguments.binary));
    }
    let own = std::env::current_exe()?;
    // Root needs no user namespace, and in one with a single user nginx cannot chown its folders.
    let namespaces: &[&str] =
        if is_root()? { &["--net", "--"] } else { &["--user", "--map-root-user", "--net", "--"] };
    let status = Command::new("unshare")
        .args(namespaces)
        .arg(own)
        .args(["trial", "--inside", "--binary"])
        .arg(&arguments.binary)
        .status()
        .context("unshare (of util-linux) does not start")?;
    if !status.success() {
        bail!("the trial failed: {status}");
    }
    Ok(())
}

/// Whether this process runs as root, by the kernel's information.
fn is_root() -> Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(std::fs::metadata("/proc/self")?.uid() == 0)
}

async fn inside(binary: &Path) -> Result<()> {
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status().context("ip does not start")?;
    ensure!(up.success(), "ip link set lo up failed");
    let dns = DnsServer::start("127.0.0.53:53")?;
    let full = format!("{NAME}.{DOMAIN}");
    dns.answer(&full, DnsAnswer::Addresses(vec!["127.0.0.1".parse()?]));
    let authority = CertificateAuthority::generate()?;
    let registry = DockerRegistry::open().await?;
    let certificate = authority.issue(&[NAME])?;
    let front = TlsFront::builder(&authority, registry.host()).certificate(certificate).start().await?;
    let image = Image::new(Flavour::Oci).layer(layer(1, 1000));
    let seeded = Pusher::new(registry.host()).image("library/app", Some("v1"), &image).await?;
    let root = root(binary, &authority)?;
    let port = front.host().rsplit_once(':').context("a front has a port")?.1.to_owned();
    let answer = in_root(root.path(), &["digest", &format!("{NAME}:{port}/library/app:v1")])?;
    ensure!(answer.trim() == seeded.digest, "it found {answer}, not {}", seeded.digest);
    ensure!(dns.asked().iter().any(|question| question.name == full), "nobody was asked: {:?}", dns.asked());
    let away = in_root(root.path(), &["digest", "gone:1/library/app:v1", "--retries", "0"]);
    let words = away.err().context("a name that nobody knows was found")?.to_string();
    ensure!(words.contains("the DNS server 127.0.0.53 knows no such name"), "{words}");
    in_root(root.path(), &["demo"])?;
    say("trial: it runs with nothing but authorities and resolv.conf");
    Ok(())
}

/// A folder with the binary and two files.
fn root(binary: &Path, authority: &CertificateAuthority) -> Result<tempfile::TempDir> {
    let root = tempfile::tempdir()?;
    let place = |path: &str| root.path().join(path);
    for folder in ["etc", "etc/ssl", "etc/ssl/certs", "tmp"] {
        create_dir(place(folder))?;
    }
    std::fs::copy(binary, place("image-syncer"))
        .with_context(|| format!("cannot copy {}", binary.display()))?;
    std::fs::write(place("etc/ssl/certs/ca-certificates.crt"), authority.ca_pem())?;
    std::fs::write(place("etc/resolv.conf"), format!("nameserver 127.0.0.53\nsearch {DOMAIN}\n"))?;
    Ok(root)
}

fn in_root(root: &Path, words: &[&str]) -> Result<String> {
    let done = Command::new("chroot")
        .arg(root)
        .arg("/image-syncer")
        .args(words)
        .env_clear()
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .output()
        .context("chroot does not start")?;
    if !done.status.success() {
        bail!("{words:?}: {}: {}", done.status, String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(String::from_utf8(done.stdout)?)
}
