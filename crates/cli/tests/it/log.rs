//! The content of the log at each level, and that it has no secrets.

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Access, EmbeddedRegistry, Grant, Storage, TokenAccess, User};
use serde_json::Value;

use crate::process::{Ran, Workplace};

const SOURCE: (&str, &str) = ("robot$team+mirror", "source-pass-word");
const TARGET: (&str, &str) = ("mirror", "target-pass-word");

/// A source with tokens that keeps its blobs behind signed links, and a target with user and password.
struct World {
    source: EmbeddedRegistry,
    storage: Storage,
    target: EmbeddedRegistry,
    workplace: Workplace,
}

impl World {
    async fn start() -> Result<Self> {
        let robot = User::new(SOURCE.0, SOURCE.1, vec![Grant::pull("team/*")]);
        let mirror = User::new(TARGET.0, TARGET.1, vec![Grant::push("*")]);
        let storage = Storage::start().await?;
        let source = EmbeddedRegistry::builder()
            .access(Access::Token(TokenAccess::harbor(vec![robot])))
            .storage(&storage)
            .start()
            .await?;
        let target = EmbeddedRegistry::builder().access(Access::Basic(vec![mirror])).start().await?;
        for number in 0..3 {
            let layers = [sample::layer(1, 300_000), sample::layer(10 + number, 1000)];
            let tag = format!("v{number}");
            sample::image(source.store(), "team/app", Some(&tag), Flavour::Oci, &layers, "amd64");
        }
        let workplace = Workplace::new()?;
        let (from, to) = (source.host(), target.host());
        let entry = |(user, password): (&str, &str)| {
            format!(r#"{{"username": "{user}", "password": "{password}", "insecure": true}}"#)
        };
        let config = format!(
            r#"{{"auth": {{"{from}": {}, "{to}": {}}},
                "sync": [{{"name": "all apps", "from": "{from}/team/app", "to": "{to}/mirror/app"}}]}}"#,
            entry(SOURCE),
            entry(TARGET),
        );
        workplace.write("c.json", &config)?;
        Ok(Self { source, storage, target, workplace })
    }

    fn run(&self, flags: &str) -> Result<Ran> {
        self.workplace.run(&format!("sync --config c.json --no-state {flags}"))
    }

    /// All secrets that were sent, and the values that they were made of.
    fn secrets(&self) -> Vec<String> {
        let mut secrets: Vec<String> = Vec::new();
        for (user, password) in [SOURCE, TARGET] {
            secrets.push(password.to_owned());
            secrets.push(STANDARD.encode(format!("{user}:{password}")));
        }
        for request in [self.source.requests(), self.target.requests(), self.storage.requests()].concat() {
            secrets.extend(request.parameter("Signature"));
        }
        secrets.extend(self.source.issued_tokens());
        secrets.sort();
        secrets.dedup();
        secrets
    }

    fn requests(&self) -> usize {
        self.source.requests().len() + self.target.requests().len() + self.storage.requests().len()
    }
}

fn lines(text: &str) -> Result<Vec<Value>> {
    text.lines().map(|line| serde_json::from_str(line).context(line.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_at_debug_has_every_request_and_no_secret() -> Result<()> {
    for format in ["text", "json"] {
        let world = World::start().await?;
        let flags = format!("--log log --log-level debug --log-format {format} -v");
        let ran = world.run(&flags)?.expect_code(0)?;
        let (log, secrets) = (world.workplace.read("log")?, world.secrets());
        let signatures = secrets.iter().filter(|secret| secret.starts_with("sig/")).count();
        let tokens = secrets.iter().filter(|secret| secret.starts_with("eyJ")).count();
        ensure!(signatures > 0 && tokens > 0, "Bearer and signed links: {secrets:?}");
        for secret in &secrets {
            let escaped = secret.replace('/', "%2F").replace('=', "%3D");
            for text in [secret, &escaped] {
                ensure!(!log.contains(text.as_str()), "{text} is in the log:\n{log}");
                ensure!(!ran.all().contains(text.as_str()), "{text} was printed");
            }
        }
        // A failed TLS handshake shows that a side speaks plain HTTP; it is not a request.
        let is_request = |line: &&str| line.contains(" method=") && line.contains(" status=");
        let told = match format {
            "text" => log.lines().filter(is_request).count(),
            _ => lines(&log)?
                .iter()
                .filter(|line| line["method"].is_string() && line["status"].is_u64())
                .count(),
        };
        ensure!(told == world.requests(), "{told} of {} requests:\n{log}", world.requests());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_have_fields_for_whoever_filters_them() -> Result<()> {
    let world = World::start().await?;
    world.run("--log log --log-level debug --log-format json")?.expect_code(0)?;
    let log = lines(&world.workplace.read("log")?)?;
    let (from, to) = (world.source.host(), world.target.host());
    ensure!(log.iter().all(|line| line["run"] == log[0]["run"] && line["run"].is_string()));
    for line in &log {
        let time = line["time"].as_str().unwrap_or_default();
        ensure!(time.parse::<jiff::Timestamp>().is_ok(), "{time} has no zone");
    }
    let copied = log.iter().find(|line| {
        let message = line["msg"].as_str().unwrap_or_default();
        message.starts_with("Synchronization successfully from")
            && line["image"] == format!("{from}/team/app:v1")
    });
    let copied = copied.context("an image that was copied")?;
    ensure!(copied["rule"] == "all apps" && copied["target"] == format!("{to}/mirror/app:v1"), "{copied}");
    let blob = log.iter().find(|line| line["url"].as_str().unwrap_or_default().contains("/bucket/"));
    let blob = blob.context("a blob's link")?;
    ensure!(blob["status"] == 200 && blob["method"] == "GET" && blob["registry"] == from, "{blob}");
    ensure!(blob["bytesRead"].as_u64() > Some(100) && blob["ms"].is_u64(), "{blob}");
    ensure!(blob["requestId"].as_str().is_some_and(|id| id.starts_with("storage-")), "{blob}");
    ensure!(blob["url"].as_str().is_some_and(|url| url.ends_with("?…")), "{blob}");
    // The line names the image, even if another task transfers a part of it.
    let image = blob["image"].as_str().unwrap_or_default();
    ensure!(image.starts_with(&format!("{from}/team/app:v")) && blob["rule"] == "all apps", "{blob}");
    for number in 0..3 {
        let (image, target) = (format!("{from}/team/app:v{number}"), format!("{to}/mirror/app:v{number}"));
        let end = format!("/mirror/app/manifests/v{number}");
        let put = log.iter().find(|line| {
            line["method"] == "PUT" && line["url"].as_str().is_some_and(|url| url.ends_with(&end))
        });
        let put = put.context("a manifest that is stored")?;
        ensure!(put["image"] == image && put["target"] == target && put["rule"] == "all apps", "{put}");
    }
    let list =
        log.iter().find(|line| line["url"].as_str().unwrap_or_default().contains("/team/app/tags/list"));
    let list = list.context("a list")?;
    ensure!(list.get("image").is_none(), "a list is of no single image: {list}");
    let sent = |line: &&Value| line["registry"] == to && line["bytesSent"].as_u64() >= Some(300_000);
    ensure!(log.iter().filter(sent).count() == 1, "the large layer goes out once");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_leaves_out_what_is_less_important_and_runs_are_added() -> Result<()> {
    let world = World::start().await?;
    world.run("--log log --log-level warn")?.expect_code(0)?;
    ensure!(world.workplace.read("log")?.is_empty(), "nothing was odd");
    world.run("--log log")?.expect_code(0)?;
    let first = world.workplace.read("log")?;
    ensure!(first.contains("level=info") && !first.contains("level=debug"), "{first}");
    let mirror = world.workplace.read("c.json")?.replace("team/app", "team/none");
    world.workplace.write("c.json", &mirror)?;
    world.run("--log log --log-level error -r 0")?;
    let both = world.workplace.read("log")?;
    let second = both.strip_prefix(&first).context("the first run's lines stay")?;
    ensure!(second.lines().count() == 1 && second.contains("level=error"), "{second}");
    ensure!(second.contains(&format!(" registry={}", world.source.host())), "{second}");
    ensure!(second.contains("rule=\"all apps\""), "{second}");
    // Without a file, the level has no effect.
    world.run("--log-level debug")?.says(&["--log-level changes nothing without --log"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_for_several_targets_names_none_of_them() -> Result<()> {
    let world = World::start().await?;
    let config = world.workplace.read("c.json")?;
    let to = format!("{}/mirror/app", world.target.host());
    let both = config.replace(&format!("\"to\": \"{to}\""), &format!("\"to\": [\"{to}\", \"{to}-too\"]"));
    ensure!(both != config);
    world.workplace.write("c.json", &both)?;
    world.run("--log log --log-level debug --log-format json")?.expect_code(0)?;
    let log = lines(&world.workplace.read("log")?)?;
    let of_source = |line: &&Value| line["registry"] == world.source.host() && line["image"].is_string();
    let manifests: Vec<_> = log
        .iter()
        .filter(of_source)
        .filter(|line| line["url"].as_str().is_some_and(|url| url.contains("/team/app/manifests/")))
        .collect();
    ensure!(!manifests.is_empty());
    for read in manifests {
        ensure!(read.get("target").is_none() && read["rule"] == "all apps", "{read}");
    }
    let put = |line: &&Value| line["method"] == "PUT" && line["registry"] == world.target.host();
    ensure!(log.iter().filter(put).all(|line| line["target"].is_string()), "what is sent has one");
    Ok(())
}
