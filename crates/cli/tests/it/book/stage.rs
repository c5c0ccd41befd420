//! The example hosts of the book, as registries on this machine, and a shell for a page's commands.

use std::any::Any;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use embedded_registry::EmbeddedRegistry;
use embedded_registry::sample::{self, Flavour, Sample};
use testkit::seed::Image;
use testkit::{CertificateAuthority, HarborBench, NatsServer, TlsFront};

use crate::acr_world::{Acr, INSTANCE, KEY};
use crate::process::{Ran, Workplace};

/// The kind of a host.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaks {
    /// TLS, with a certificate of an authority that this machine trusts.
    Tls,
    /// TLS, with a certificate of an unknown authority: `lan-ca.pem`.
    UnknownTls,
    Plain,
    /// A Harbor, without TLS.
    Harbor,
    /// An instance of ACR Enterprise Edition, with its API.
    Acr,
}

/// Every registry in the book's commands, and its initial images.
const HOSTS: [(&str, Speaks, &[&str]); 10] = [
    ("docker.io", Speaks::Tls, &["library/alpine:3.20"]),
    ("ghcr.io", Speaks::Tls, &["org/app:1.4.2"]),
    ("harbor.example.com", Speaks::Tls, &["library/nginx:1.27", "library/tools/git:2.46"]),
    ("registry.example.com", Speaks::Tls, &[]),
    ("registry.example.cn", Speaks::Tls, &[]),
    ("backup.example.com", Speaks::Tls, &["apps/web:1.4"]),
    ("registry.lan", Speaks::UnknownTls, &["app:1"]),
    ("localhost:5000", Speaks::Plain, &["app:1"]),
    ("harbor.example.com:32080", Speaks::Harbor, &["library/nginx:1.27", "library/a/b:1"]),
    ("my-registry.cn-shanghai.cr.aliyuncs.com", Speaks::Acr, &[]),
];

/// The environment for a page's commands.
pub(super) struct Stage {
    pub(super) workplace: Workplace,
    /// Texts of the page, and their replacements here.
    words: Vec<(String, String)>,
    /// Lines that stay in effect for the session: variables.
    session: String,
    /// Registries and other servers, which end with the page.
    servers: Vec<Box<dyn Any>>,
    trusted: CertificateAuthority,
    unknown: CertificateAuthority,
}

impl Stage {
    /// Creates it with the registries that `text` names.
    pub(super) async fn set(text: &str) -> Result<Self> {
        let workplace = Workplace::new()?;
        let (trusted, unknown) = (CertificateAuthority::generate()?, CertificateAuthority::generate()?);
        let mut stage =
            Self { workplace, words: here(), session: String::new(), servers: Vec::new(), trusted, unknown };
        for (host, speaks, images) in HOSTS {
            if text.contains(host) {
                stage.open(host, speaks, images).await.with_context(|| host.to_owned())?;
            }
        }
        if text.contains("nats://127.0.0.1:4222") {
            let nats = NatsServer::start().await?;
            stage.means("nats://127.0.0.1:4222", &nats.url());
            stage.servers.push(Box::new(nats));
        }
        stage.furnish(text)?;
        Ok(stage)
    }

    fn means(&mut self, on_the_page: &str, here: &str) {
        self.words.push((on_the_page.to_owned(), here.to_owned()));
    }

    /// The page's text with the names of this machine.
    pub(super) fn translate(&self, text: &str) -> String {
        let mut translated = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let fits = self.words.iter().filter(|(word, _)| rest.starts_with(word.as_str()));
            let longest = fits.max_by_key(|(word, _)| word.len());
            let (length, word) =
                longest.map_or((first.len_utf8(), None), |(on, here)| (on.len(), Some(here)));
            translated.push_str(word.map_or(&rest[..length], String::as_str));
            rest = &rest[length..];
        }
        translated
    }

    async fn open(&mut self, host: &str, speaks: Speaks, images: &[&str]) -> Result<()> {
        match speaks {
            Speaks::Harbor => {
                let harbor = HarborBench::start().await?;
                for (number, image) in (1..).zip(images) {
                    let (repository, tag) = image.rsplit_once(':').context("tag")?;
                    let layer = testkit::seed::layer(number, 4000);
                    let image = Image::new(testkit::seed::Flavour::Oci).layer(layer);
                    harbor.pusher().image(repository, tag, &image).await?;
                }
                self.means(host, &harbor.host());
                self.means(r#""password": "...""#, &format!(r#""password": "{}""#, HarborBench::ROBOT.1));
                self.servers.push(Box::new(harbor));
            }
            Speaks::Acr => self.open_acr(host).await?,
            Speaks::Tls | Speaks::UnknownTls | Speaks::Plain => {
                let registry = EmbeddedRegistry::builder().start().await?;
                let authority = if speaks == Speaks::UnknownTls { &self.unknown } else { &self.trusted };
                let mut address = registry.host();
                if speaks != Speaks::Plain {
                    let front = TlsFront::start(authority, registry.host()).await?;
                    address = front.host();
                    self.servers.push(Box::new(front));
                }
                for (number, image) in (1..).zip(images) {
                    let (repository, tag) = image.rsplit_once(':').context("tag")?;
                    let digest = put(&registry, (repository, tag), number);
                    // Pages omit the digits.
                    let on_the_page = format!("{host}/{repository}@sha256:…");
                    self.means(&on_the_page, &format!("{address}/{repository}@{digest}"));
                }
                self.means(host, &address);
                self.servers.push(Box::new(registry));
            }
        }
        Ok(())
    }

    /// Real instances are recognized by their names. This one needs entries for its API, and for plain HTTP.
    async fn open_acr(&mut self, host: &str) -> Result<()> {
        let acr = Acr::start().await?;
        let entry = acr.entry("");
        let (address, api) = (acr.host(), acr.api.url());
        self.means(host, &address);
        self.means(&format!(r#""{host}": {{"provider": "acr"}}"#), &entry);
        let reach = format!("--endpoint {api} --plain-http {address}");
        self.means(&format!("acr setup {host}"), &format!("acr setup {address} {reach}"));
        self.means("acr token $host", &format!("acr token $host {reach}"));
        self.means("cri-abc123", INSTANCE);
        self.means("ALIBABA_CLOUD_ACCESS_KEY_ID=...", &format!("ALIBABA_CLOUD_ACCESS_KEY_ID={}", KEY.0));
        let secret = format!("ALIBABA_CLOUD_ACCESS_KEY_SECRET={}", KEY.1);
        self.means("ALIBABA_CLOUD_ACCESS_KEY_SECRET=...", &secret);
        self.servers.push(Box::new(acr));
        Ok(())
    }

    /// Prepares the reader's environment: the program, files with logins, variables.
    fn furnish(&mut self, text: &str) -> Result<()> {
        let bin = self.workplace.path().join("bin");
        std::fs::create_dir(&bin)?;
        symlink(env!("CARGO_BIN_EXE_image-syncer"), bin.join("image-syncer"))?;
        // A stand-in for docker: skopeo logs in the same way without a daemon, and really asks the registry.
        let docker = "#!/bin/sh\nexec skopeo \"$@\" --tls-verify=false --authfile login.json\n";
        let docker_path = self.workplace.write("bin/docker", docker)?;
        std::fs::set_permissions(docker_path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        self.workplace.write("harbor", "secret\n")?;
        self.workplace.write("lan-ca.pem", self.unknown.ca_pem())?;
        let key = format!(
            "export ALIBABA_CLOUD_ACCESS_KEY_ID={} ALIBABA_CLOUD_ACCESS_KEY_SECRET={}\n",
            KEY.0, KEY.1
        );
        self.workplace.write("key", &key)?;
        if !text.contains("export ALIBABA_CLOUD") {
            self.session.push_str(&key);
        }
        Ok(())
    }

    /// Bash, prepared for this line.
    pub(super) fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("bash");
        let script = format!("set -euo pipefail\n{}{line}", self.session);
        let path = std::env::var("PATH").unwrap_or_default();
        command.args(["-c", &script]).current_dir(self.workplace.path()).env_clear().stdin(Stdio::null());
        command.env("PATH", format!("{}/bin:{path}", self.workplace.path().display()));
        command.env("HOME", self.workplace.path()).env("TMPDIR", self.workplace.path());
        command.env("SSL_CERT_FILE", self.trusted.ca_file());
        command
            .env("GITHUB_STEP_SUMMARY", "summary.md")
            .envs([("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "2")]);
        command
    }

    /// Runs a line of a page to its end. Variables that a line sets alone stay for the next lines.
    pub(super) fn run(&mut self, line: &str) -> Result<Ran> {
        let line = self.translate(line);
        let ran = Ran::of(self.shell(&line).output()?).with_context(|| line.clone())?;
        let name = line.split('=').next().unwrap_or_default();
        if line.starts_with("export ") || (name.len() < line.len() && name.chars().all(char::is_alphanumeric))
        {
            self.session.push_str(&line);
            self.session.push('\n');
        }
        Ok(ran)
    }
}

/// Pushes an image for two platforms, with a referrer; returns its digest.
fn put(registry: &EmbeddedRegistry, (repository, tag): (&str, &str), number: u64) -> String {
    let store = registry.store();
    let child = |architecture: &str, number| -> Sample {
        let layers = [sample::layer(number, 4000)];
        sample::image(store, repository, None, Flavour::Oci, &layers, architecture)
    };
    let children = [child("amd64", number), child("arm64", 100 + number)];
    let index = sample::index(store, repository, Some(tag), Flavour::Oci, &children);
    sample::referrer(store, repository, &index, "application/spdx+json", &[sample::layer(number, 50)]);
    index.digest
}

/// Absolute paths, replaced by paths in the page's folder; and the binary under test.
fn here() -> Vec<(String, String)> {
    let words = [
        ("cargo run --release -- ", "image-syncer "),
        ("cargo run -- ", "image-syncer "),
        ("sudo ", ""),
        ("/etc/bash_completion.d/", "./"),
        ("/usr/local/share/zsh/site-functions/", "./"),
        ("/usr/share/fish/vendor_completions.d/", "./"),
        ("/var/lib/image-syncer/", "./"),
        ("/etc/image-syncer/", "./"),
        ("/run/secrets/", "./"),
        ("/usr/local/share/man/man1", "./man1"),
        ("/tmp/", "./"),
        ("/var/log/", "./"),
    ];
    words.map(|(on_the_page, here)| (on_the_page.to_owned(), here.to_owned())).to_vec()
}
