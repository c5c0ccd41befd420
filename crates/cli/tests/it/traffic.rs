//! A report's requests and bytes equal those that the registries saw.

use anyhow::{Context as _, Result, ensure};
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{
    Access, Builder, Effect, EmbeddedRegistry, Fault, Grant, LargeBodies, LoggedRequest, Match, Storage,
    Times, TokenAccess, User,
};
use serde_json::Value;

use crate::process::Workplace;

/// Larger than one upload request.
const LARGE: usize = 17 << 20;

/// A source with a token server and a storage service, a target with a token server.
struct Pair {
    source: EmbeddedRegistry,
    storage: Storage,
    target: EmbeddedRegistry,
    workplace: Workplace,
}

/// The requests that one registry saw.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    requests: u64,
    bytes_read: u64,
    bytes_sent: u64,
}

impl Pair {
    async fn start(target: Builder) -> Result<Self> {
        let user = |grant| vec![User::new("mirror", "secret", vec![grant])];
        let storage = Storage::start().await?;
        let tokens = TokenAccess::acr("registry.aliyuncs.com:cn:1:cri-x", user(Grant::pull("*")));
        let source =
            EmbeddedRegistry::builder().access(Access::Token(tokens)).storage(&storage).start().await?;
        let tokens = TokenAccess::acr("registry.aliyuncs.com:cn:1:cri-y", user(Grant::push("*")));
        let target = target.access(Access::Token(tokens)).start().await?;
        let workplace = Workplace::new()?;
        let entry = r#"{"username": "mirror", "password": "secret", "insecure": true}"#;
        let auth = format!(r#"{{"{}": {entry}, "{}": {entry}}}"#, source.host(), target.host());
        workplace.write("auth.json", &auth)?;
        Ok(Self { source, storage, target, workplace })
    }

    fn image(&self, repository: &str, layers: &[(u64, usize)]) {
        let layers: Vec<_> = layers.iter().map(|(number, size)| sample::layer(*number, *size)).collect();
        sample::image(self.source.store(), repository, Some("1"), Flavour::Oci, &layers, "amd64");
    }

    /// Copies, and compares the report with the registries' requests; returns the report.
    fn copy(&self, repository: &str) -> Result<Value> {
        self.source.clear_requests();
        let before = self.storage.requests().len();
        self.target.clear_requests();
        let (from, to) = (self.source.host(), self.target.host());
        let images = format!("{from}/{repository}:1 {to}/{repository}:1");
        let run = format!("copy --auth auth.json --state state --report report.json {images}");
        let ran = self.workplace.run(&run)?.expect_code(0)?;
        let report: Value = serde_json::from_str(&self.workplace.read("report.json")?)?;
        let source = [&self.source.requests(), &self.storage.requests()[before..]].concat();
        let target = self.target.requests();
        if target.iter().any(|request| request.status == 413) {
            // Some of the body was in transit, in and out, when the upload was refused.
            let (read, sent) = (number(&report, &from, "bytesRead")?, number(&report, &to, "bytesSent")?);
            ensure!(read <= source.iter().map(|request| request.sent_bytes).sum(), "{report}");
            ensure!(sent >= target.iter().map(|request| request.received_bytes).sum(), "{report}");
            ensure!(read > LARGE as u64 && sent > LARGE as u64, "{report}");
        } else {
            told(&report, &from, &source)?;
            told(&report, &to, &target)?;
        }
        ensure!(report["totals"]["requests"] == source.len() + target.len(), "{report}");
        ran.says(&[&format!(" with {} requests", source.len() + target.len())])?;
        Ok(report)
    }
}

/// Fails unless the report's entry of a registry equals its log.
fn told(report: &Value, host: &str, log: &[LoggedRequest]) -> Result<()> {
    let told = Seen {
        requests: number(report, host, "requests")?,
        bytes_read: number(report, host, "bytesRead")?,
        bytes_sent: number(report, host, "bytesSent")?,
    };
    let seen = Seen {
        requests: log.len() as u64,
        bytes_read: log.iter().filter(|request| is_read(request)).map(|request| request.sent_bytes).sum(),
        bytes_sent: log.iter().map(|request| request.received_bytes).sum(),
    };
    let lines: Vec<_> = log.iter().map(|request| (request.line(), request.sent_bytes)).collect();
    ensure!(told == seen, "{host}: {told:?} is told, {seen:?} was seen: {lines:#?}");
    Ok(())
}

fn entry<'a>(report: &'a Value, host: &str) -> Result<&'a Value> {
    let registries = report["registries"].as_array().context("no registries")?;
    registries.iter().find(|registry| registry["host"] == host).context("no entry")
}

fn number(report: &Value, host: &str, key: &str) -> Result<u64> {
    entry(report, host)?[key].as_u64().with_context(|| format!("no {key}"))
}

/// Whether the client reads the answer's body.
fn is_read(request: &LoggedRequest) -> bool {
    !(request.is_ping() || request.status == 401 || (300..400).contains(&request.status))
}

fn is_chunk(request: &LoggedRequest) -> bool {
    request.method == "PATCH" && request.status == 202
}

fn waited(report: &Value, host: &str) -> Result<f64> {
    entry(report, host)?["waitedSeconds"].as_f64().context("no waitedSeconds")
}

#[tokio::test(flavor = "multi_thread")]
async fn law_the_report_counts_what_the_registries_saw() -> Result<()> {
    let pair = Pair::start(EmbeddedRegistry::builder()).await?;
    pair.image("app", &[(1, 100_000), (2, LARGE)]);
    pair.image("mounted", &[(1, 100_000), (3, 1000)]);
    let cold = pair.copy("app")?;
    ensure!(cold["totals"]["copied"] == 1, "{cold}");
    let saw = |is: &dyn Fn(&LoggedRequest) -> bool| pair.target.requests().iter().any(is);
    ensure!(saw(&LoggedRequest::is_token) && saw(&is_chunk), "{cold}");
    ensure!(pair.storage.requests().len() >= 2, "the storage service serves the blobs");
    let unchanged = pair.copy("app")?;
    ensure!(unchanged["totals"]["unchanged"] == 1 && unchanged["totals"]["bytesMoved"] == 0, "{unchanged}");
    let mounted = pair.copy("mounted")?;
    ensure!(mounted["totals"]["bytesMounted"] == 100_000, "{mounted}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn law_the_report_counts_each_try_and_how_long_a_registry_held_it_back() -> Result<()> {
    let pair = Pair::start(EmbeddedRegistry::builder()).await?;
    pair.image("app", &[(1, 100_000)]);
    let headers = vec![("retry-after", "1".to_owned())];
    let effect = Effect::Status { code: 503, body: "busy".to_owned(), headers };
    pair.target.misbehave(Fault { when: Match::put("/manifests/"), times: Times::First(1), effect });
    let report = pair.copy("app")?;
    let (target, source) = (waited(&report, &pair.target.host())?, waited(&report, &pair.source.host())?);
    ensure!((1.0..30.0).contains(&target) && source < 0.5, "{target} {source}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn law_the_report_counts_an_upload_in_chunks() -> Result<()> {
    let pair = Pair::start(EmbeddedRegistry::builder().largest_body(6 << 20, LargeBodies::Answered)).await?;
    pair.image("app", &[(2, LARGE)]);
    let report = pair.copy("app")?;
    let log = pair.target.requests();
    let chunks = log.iter().filter(|request| is_chunk(request));
    ensure!(chunks.count() >= 3, "{report}");
    Ok(())
}
