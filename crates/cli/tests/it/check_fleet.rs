//! `check --fleet`: the abilities of a real nats-server, the permissions of a login, and the traces of a check.

use anyhow::{Result, ensure};
use embedded_registry::EmbeddedRegistry;
use embedded_registry::sample::{self, Flavour};
use serde_json::Value;
use testkit::NatsServer;

use crate::json_schema::conforms;
use crate::process::{Ran, Workplace};

/// The users file of docs/scale.md.
const USERS: &str = include_str!("../../../../docs/nats-users.conf");

struct Bench {
    source: EmbeddedRegistry,
    _target: EmbeddedRegistry,
    workplace: Workplace,
}

impl Bench {
    async fn start(layer: usize) -> Result<Self> {
        let source = EmbeddedRegistry::builder().start().await?;
        let target = EmbeddedRegistry::builder().start().await?;
        let layers = [sample::layer(1, 1000), sample::layer(2, layer)];
        sample::image(source.store(), "a/app", Some("v1"), Flavour::Oci, &layers, "amd64");
        let workplace = Workplace::new()?;
        let (from, to) = (source.host(), target.host());
        let config = format!(
            "auth:\n  {from}: {{insecure: true}}\n  {to}: {{insecure: true}}\nsync:\n- {{from: {from}/a/app, to: {to}/b/app}}\n"
        );
        workplace.write("image-syncer.yaml", &config)?;
        workplace.write("password", "worker-password\n")?;
        workplace.write("coordinators", "coordinator-password\n")?;
        Ok(Self { source, _target: target, workplace })
    }

    fn check(&self, nats: &str, more: &str, code: i32) -> Result<Ran> {
        self.workplace.run(&format!("check --fleet {nats} {more}"))?.expect_code(code)
    }
}

/// Fails unless one line begins with the first text and contains the second one.
fn line(ran: Ran, start: &str, text: &str) -> Result<Ran> {
    let fits = |line: &str| line.starts_with(start) && line.contains(text);
    ensure!(ran.stdout.lines().any(fits), "no line {start:?} with {text:?}:\n{}", ran.all());
    Ok(ran)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_can_carry_a_fleet_is_told_so_and_nothing_is_left_there() -> Result<()> {
    let bench = Bench::start(5_000_000).await?;
    // The build folder counts as temporary only if the sources are in a temporary folder.
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let is_temporary =
        ["/tmp", "/var/tmp", "/dev/shm", "/run"].iter().any(|temporary| folder.starts_with(temporary));
    let store = tempfile::TempDir::new_in(folder)?;
    let nats = NatsServer::with_store(store.path(), "").await?;
    let url = nats.url();
    let ran = bench.check(&url, "", 0)?;
    let ran = line(ran, &format!("ok       {url}: answer: nats-server "), "answers")?;
    let ran = line(ran, &format!("ok       {url}: jetstream: "), "is on")?;
    let level = if is_temporary { "warning " } else { "ok      " };
    let ran = line(ran, &format!("{level} {url}: store: "), &store.path().display().to_string())?;
    let ran = line(ran, &format!("ok       {url}: rights: "), "may coordinate, and work")?;
    let ran = line(ran, &format!("ok       {url}: clock: "), "agrees")?;
    let ran =
        line(ran, &format!("ok       {}: speed: one connection reads ", bench.source.host()), "8 together")?;
    ensure!(ran.stdout.matches("warning ").count() == usize::from(is_temporary), "{}", ran.all());
    let streams = std::fs::read_dir(store.path().join("jetstream/$G/streams")).map_or(0, Iterator::count);
    ensure!(streams == 0, "{streams} streams are left");
    // The uncounted first read, one for one connection, eight for eight; and the request that locates the blob.
    let layer = sample::layer(2, 5_000_000);
    let digest = oci::Digest::sha256(&layer).to_string();
    let reads = bench.source.requests();
    let reads =
        reads.iter().filter(|request| request.is_blob_read() && request.line().contains(&digest)).count();
    ensure!(reads == 10, "{reads} reads");
    let document: Value = serde_json::from_str(&bench.check(&url, "--json", 0)?.stdout)?;
    let schema = bench.workplace.run("schema check")?.expect_code(0)?.stdout;
    conforms(&serde_json::from_str(&schema)?, &document)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_server_is_told_with_what_to_do() -> Result<()> {
    let bench = Bench::start(1000).await?;
    let ran = bench.check("nats://127.0.0.1:1", "", 1)?;
    line(ran, "problem  nats://127.0.0.1:1: port: NATS cannot be reached", "do: is nats-server running")?;
    let ran = bench.check("nats://nats.example", "", 2)?;
    ran.says(&["without TLS, beyond this machine"])?;
    let off = NatsServer::configured("").await?;
    let ran = line(
        bench.check(&off.url(), "", 1)?,
        "problem ",
        "jetstream: JetStream is off; do: start it anew as `nats-server -js -sd FOLDER`",
    )?;
    ensure!(!ran.stdout.contains("rights"), "{}", ran.all());
    // The server listens for other machines, and its store is in a temporary folder, like all files of this test.
    let open = NatsServer::with("").await?;
    let ran = line(bench.check(&open.url(), "", 0)?, "warning ", "store: streams are kept in /")?;
    let ran = line(ran, "ok ", "speed: not measured: no layer of 4.00 MiB or more")?;
    ensure!(ran.stdout.contains("1 warning, 0 problems"), "{}", ran.all());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_login_may_do_is_told_by_what_it_lacks() -> Result<()> {
    let bench = Bench::start(1000).await?;
    let nats = NatsServer::with(USERS).await?;
    let url = nats.url();
    let worker = "--fleet-user worker --fleet-password-file password";
    line(bench.check(&url, "", 4)?, "problem ", "login: NATS does not take this login")?;
    let ran = bench.check(&url, &format!("{worker} --name w1"), 0)?;
    line(
        ran,
        "ok ",
        "rights: this login may work; to coordinate it lacks: publish to $JS.API.STREAM.CREATE",
    )?;
    // This login's inbox prefix does not match the name.
    let ran = line(
        bench.check(&url, worker, 4)?,
        "problem ",
        "rights: this login may neither work nor coordinate",
    )?;
    line(ran, "problem ", "is checked with --name")?;
    let coordinator = "--fleet-user coordinator --fleet-password-file coordinators";
    let ran = bench.check(&url, &format!("{coordinator} --json"), 0)?;
    let document: Value = serde_json::from_str(&ran.stdout)?;
    let rights =
        document["findings"].as_array().into_iter().flatten().find(|found| found["step"] == "rights");
    ensure!(
        rights.is_some_and(|found| found["what"] == "this login may coordinate, and work"),
        "{document:#}"
    );
    Ok(())
}
