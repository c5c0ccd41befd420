//! Signals from users, terminals and supervisors, and output without a reader.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, LoggedRequest, Match, Times};
use http::Method;
use serde_json::{Value, json};

use crate::json_schema::conforms;
use crate::process::{Ran, Workplace};

/// A run that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

fn start(workplace: &Workplace, arguments: &str) -> Result<Child> {
    Ok(workplace.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
}

fn signal(child: &Child, signal: &str) -> Result<()> {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status()?;
    ensure!(sent.success(), "{signal} could not be sent");
    Ok(())
}

async fn end(child: Child) -> Result<Ran> {
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output());
    Ran::of(tokio::time::timeout(PATIENCE, ended).await.context("the run hangs")???)
}

async fn until(mut is_so: impl FnMut() -> bool) -> Result<()> {
    let begun = Instant::now();
    while !is_so() {
        ensure!(begun.elapsed() < PATIENCE, "it never comes so far");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// A source with a large image, whose layer it serves with a fault, and a target.
struct World {
    source: EmbeddedRegistry,
    target: EmbeddedRegistry,
    workplace: Workplace,
}

impl World {
    async fn start(effect: Effect) -> Result<Self> {
        let source = EmbeddedRegistry::builder().start().await?;
        let target = EmbeddedRegistry::builder().start().await?;
        let layers = [sample::layer(1, 20 << 20)];
        sample::image(source.store(), "app", Some("large"), Flavour::Oci, &layers, "amd64");
        source.misbehave(Fault { when: Match::get("/blobs/"), times: Times::Always, effect });
        let workplace = Workplace::new()?;
        let (from, to) = (source.host(), target.host());
        let auth = format!(r#"{{"{from}": {{"insecure": true}}, "{to}": {{"insecure": true}}}}"#);
        workplace.write("auth.json", &auth)?;
        workplace.write("images.json", &format!(r#"{{"{from}/app:large": "{to}/app"}}"#))?;
        Ok(Self { source, target, workplace })
    }

    /// Copies, and sends a signal during the transfer of the large layer.
    async fn interrupt(&self, name: &str, arguments: &str) -> Result<Ran> {
        let arguments = format!("--auth auth.json --images images.json {arguments}");
        let child = start(&self.workplace, &arguments)?;
        let moves =
            |request: &LoggedRequest| request.is_upload_step(&Method::PATCH) && request.received_bytes > 0;
        until(|| self.target.requests().iter().any(moves)).await?;
        signal(&child, name)?;
        end(child).await
    }
}

#[tokio::test]
async fn a_transfer_that_ends_in_time_is_copied() -> Result<()> {
    let world = World::start(Effect::Trickle { bytes: 1 << 20, pause: Duration::from_millis(100) }).await?;
    let ran = world.interrupt("-INT", "").await?.expect_code(130)?;
    let ran = ran.says(&["stopping: 1 image in work has 25 s to end", "copied           1 image"])?;
    ensure!(ran.stdout == "Finished, 0 sync tasks failed, 0 tasks generate failed\n", "{}", ran.stdout);
    let manifest = |registry: &EmbeddedRegistry| registry.store().manifest("app", "large");
    ensure!(manifest(&world.target) == manifest(&world.source));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_rules_that_were_not_listed_yet_are_named_to_be_tried_again() -> Result<()> {
    let source = EmbeddedRegistry::builder().start().await?;
    let target = EmbeddedRegistry::builder().start().await?;
    let image = |repository: &str, number| {
        let layers = [sample::layer(number, 1000)];
        sample::image(source.store(), repository, Some("v1"), Flavour::Oci, &layers, "amd64")
    };
    image("app", 1);
    image("ready", 2);
    let signed = image("lib/a", 3);
    let signature = sample::referrer(source.store(), "lib/a", &signed, "test/signature", &["signed".into()]);
    let lists = ["/v2/app/tags/list", "/v2/_catalog"];
    for path in lists {
        source.misbehave(Fault { when: Match::path(path), times: Times::Always, effect: Effect::Hang });
    }
    let (from, to, workplace) = (source.host(), target.host(), Workplace::new()?);
    let hosts = format!(r#""{from}": {{"insecure": true}}, "{to}": {{"insecure": true}}"#);
    let rules = format!(
        r#""{from}/app": "{to}/named/app", "{from}/lib/**": "{to}/lib", "{from}/ready:v1": "{to}/ready""#
    );
    workplace.write("c.json", &format!(r#"{{"auth": {{{hosts}}}, "images": {{{rules}}}}}"#))?;
    let command = "--config c.json --output-failed-images failed.yaml";
    let child = start(&workplace, command)?;
    let is_asked = |path: &&str| source.requests().iter().any(|request| request.path.contains(*path));
    until(|| lists.iter().all(is_asked) && target.store().manifest("ready", "v1").is_some()).await?;
    signal(&child, "-INT")?;
    end(child).await?.expect_code(130)?.says(&["not listed       2 rules"])?;
    let failed = workplace.read("failed.yaml")?;
    let wanted = format!("{from}/app:\n- {to}/named/app\n'{from}/lib/**':\n- {to}/lib\n");
    ensure!(failed == wanted, "{failed}\ninstead of\n{wanted}");

    source.behave();
    workplace.run(&format!("{command} --retry-failed failed.yaml"))?.expect_code(0)?;
    for (repository, reference) in [("named/app", "v1"), ("lib/a", "v1"), ("lib/a", &signature.digest)] {
        ensure!(target.store().manifest(repository, reference).is_some(), "{repository} {reference}");
    }
    ensure!(workplace.read("failed.yaml")? == "{}\n");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_stopped_run_and_the_retry_that_did_the_rest_have_succeeded_together() -> Result<()> {
    let source = EmbeddedRegistry::builder().start().await?;
    let target = EmbeddedRegistry::builder().start().await?;
    for (number, repository) in (1..).zip(["app", "ready", "lib/a", "one"]) {
        for tag in ["v1", "v2"] {
            let layers = [sample::layer(number, 1000)];
            sample::image(source.store(), repository, Some(tag), Flavour::Oci, &layers, "amd64");
        }
    }
    let lists = ["/v2/app/tags/list", "/v2/_catalog"];
    for path in lists {
        source.misbehave(Fault { when: Match::path(path), times: Times::Always, effect: Effect::Hang });
    }
    let (from, to, workplace) = (source.host(), target.host(), Workplace::new()?);
    workplace.write(
        "c.yaml",
        &format!(
            "auth: {{{from}: {{insecure: true}}, {to}: {{insecure: true}}}}\nsync:\n\
             - {{name: app, from: {from}/app, to: [{to}/app, {to}/more], tags: {{latest: 1}}}}\n\
             - {{name: libs, from: {from}/lib/**, to: {to}/lib}}\n- {{from: '{from}/ready:v1,v2', to: {to}/ready}}\n"
        ),
    )?;
    let command = "sync --config c.yaml --no-state --output-failed-images failed.yaml";
    let child = start(&workplace, &format!("{command} --report first.json"))?;
    let is_asked = |path: &&str| source.requests().iter().any(|request| request.path.contains(*path));
    let is_ready = || ["v1", "v2"].iter().all(|tag| target.store().manifest("ready", tag).is_some());
    until(|| lists.iter().all(is_asked) && is_ready()).await?;
    signal(&child, "-INT")?;
    end(child).await?.expect_code(130)?;
    let first: Value = serde_json::from_str(&workplace.read("first.json")?)?;
    let unlisted = json!([
        {"rule": "app", "source": format!("{from}/app")},
        {"rule": "libs", "source": format!("{from}/lib/**")},
    ]);
    ensure!(first["unlistedRules"] == unlisted && first["totals"]["unlistedRules"] == 2, "{first:#}");
    let schema: Value = serde_json::from_str(&workplace.run("schema report")?.stdout)?;
    conforms(&schema, &first)?;
    let told = workplace.run("explain lib/a:v1 --report first.json --config c.yaml")?.expect_code(0)?;
    let libs = "rule libs was not listed to its end: the run was stopped before";
    ensure!(told.stdout.contains(libs), "{}", told.all());
    ensure!(!told.stdout.contains("was not there when"), "{}", told.all());

    source.behave();
    // What is taken out of the list is not done.
    workplace.write("app.yaml", &format!("{from}/app: {to}/more\n'{from}/lib/**': {to}/lib\n"))?;
    workplace.run(&format!("{command} --retry-failed app.yaml --report part.json"))?.expect_code(0)?;
    let merged = workplace.run("report merge first.json part.json")?.expect_code(130)?;
    let merged: Value = serde_json::from_str(&merged.stdout)?;
    ensure!(merged["unlistedRules"] == json!([unlisted[0]]), "{merged:#}");
    ensure!(merged["totals"]["unlistedRules"] == 1, "{merged:#}");

    let rest = format!("{from}/app:\n- {to}/app\n- {to}/more\n'{from}/lib/**':\n- {to}/lib\n");
    workplace.write("failed.yaml", &rest)?;
    workplace.run(&format!("{command} --retry-failed failed.yaml --report rest.json"))?.expect_code(0)?;
    let merged = workplace.run("report merge rest.json first.json")?.expect_code(0)?;
    let merged: Value = serde_json::from_str(&merged.stdout)?;
    ensure!(merged["unlistedRules"] == json!([]) && merged["totals"]["unlistedRules"] == 0, "{merged:#}");
    let stands = ["copied", "unchanged"].iter().filter_map(|key| merged["totals"][*key].as_u64());
    ensure!(stands.sum::<u64>() == 6, "{}", merged["totals"]);
    conforms(&schema, &merged)
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_a_sync_rule_that_was_stopped_is_tried_again_with_its_selection_and_policy() -> Result<()> {
    let source = EmbeddedRegistry::builder().start().await?;
    let target = EmbeddedRegistry::builder().start().await?;
    let image = |registry: &EmbeddedRegistry, repository: &str, tag: &str, number| {
        let layers = [sample::layer(number, 1000)];
        sample::image(registry.store(), repository, Some(tag), Flavour::Oci, &layers, "amd64")
    };
    for (number, (repository, tag)) in
        (1..).zip([("lib/a", "v1"), ("lib/a", "w1"), ("lib/b", "v1"), ("lib/c", "v1")])
    {
        image(&source, repository, tag, number);
    }
    image(&target, "mirror/a", "v1", 9);
    let theirs = target.store().manifest("mirror/a", "v1").context("their image")?;
    let list = "/v2/lib/a/tags/list";
    source.misbehave(Fault { when: Match::path(list), times: Times::Always, effect: Effect::Hang });
    let (from, to, workplace) = (source.host(), target.host(), Workplace::new()?);
    let rules = format!(
        "auth: {{{from}: {{insecure: true}}, {to}: {{insecure: true}}}}\nsync:\n- from: {from}/lib/**\n  \
         to: {to}/mirror\n  repositories: {{exclude: [lib/c]}}\n  tags: {{include: ['v*']}}\n  onConflict: keep\n"
    );
    workplace.write("c.yaml", &rules)?;
    let command = "sync --config c.yaml --output-failed-images failed.yaml";
    let child = start(&workplace, command)?;
    until(|| source.requests().iter().any(|request| request.path.contains(list))).await?;
    signal(&child, "-INT")?;
    end(child).await?.expect_code(130)?.says(&["not listed       1 rule"])?;
    let failed = workplace.read("failed.yaml")?;
    ensure!(failed == format!("'{from}/lib/**':\n- {to}/mirror\n"), "{failed}");

    source.behave();
    workplace.run(&format!("{command} --retry-failed failed.yaml"))?.expect_code(0)?;
    let store = target.store();
    ensure!(store.manifest("mirror/b", "v1").is_some());
    ensure!(store.manifest("mirror/a", "w1").is_none(), "`include` leaves it out");
    ensure!(store.manifest("mirror/c", "v1").is_none(), "`exclude` leaves it out");
    ensure!(store.manifest("mirror/a", "v1") == Some(theirs), "`onConflict: keep`");
    Ok(())
}

#[tokio::test]
async fn a_transfer_that_takes_longer_leaves_no_upload_at_the_registry() -> Result<()> {
    let world = World::start(Effect::StallBodyAfter(5 << 20)).await?;
    let ran = world.interrupt("-TERM", "--drain 1 --no-state").await?.expect_code(143)?;
    let ran = ran.says(&["stopping: 1 image in work has 1 s to end", "not done         1 image"])?;
    let stopped = "Stopped, 0 sync tasks failed, 0 tasks generate failed, 1 sync tasks not done\n";
    ensure!(ran.stdout == stopped, "{}", ran.stdout);
    ensure!(world.target.store().open_uploads() == 0, "{:#?}", world.target.requests());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c12_a_stopped_run_counts_what_it_sent() -> Result<()> {
    let world = World::start(Effect::StallBodyAfter(9 << 20)).await?;
    world.interrupt("-TERM", "--drain 1 --report report.json").await?.expect_code(143)?;
    let report: serde_json::Value = serde_json::from_str(&world.workplace.read("report.json")?)?;
    let (image, total) =
        (report["images"][0]["bytesMoved"].as_u64(), report["totals"]["bytesMoved"].as_u64());
    ensure!(report["images"][0]["outcome"] == "notDone", "{report}");
    ensure!(image == total && total.is_some_and(|total| total > 1 << 20), "{report}");
    world.source.behave();
    world.workplace.run("--auth auth.json --images images.json --report report.json")?.expect_code(0)?;
    let report: serde_json::Value = serde_json::from_str(&world.workplace.read("report.json")?)?;
    let of = |key: &str| {
        let (image, total) = (report["images"][0][key].as_u64(), report["totals"][key].as_u64());
        ensure!(image == total, "{key} in {report}");
        total.context("no sum")
    };
    let (moved, present) = (of("bytesMoved")?, of("bytesPresent")?);
    ensure!(moved < 13 << 20 && present > 7 << 20, "what the target had is not sent again: {report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_remembered_is_left_for_the_next_run_to_go_on_with() -> Result<()> {
    let world = World::start(Effect::StallBodyAfter(9 << 20)).await?;
    let ran = world.interrupt("-TERM", "--drain 1").await?.expect_code(143)?;
    ensure!(world.target.store().open_uploads() == 1, "it is there for the next run");
    // The amount is all that moved, or what the target has: some MiB may have been in transit.
    ran.says(&["next       the same command goes on: ", " sent again"])?;
    let deletes = world.target.requests().iter().any(|request| request.is_upload_step(&Method::DELETE));
    ensure!(!deletes, "whoever asks how much is there takes nothing away");
    world.source.behave();
    world.target.clear_requests();
    world.source.clear_requests();
    let ran = world.workplace.run("--auth auth.json --images images.json")?.expect_code(0)?;
    ran.says(&["copied           1 image"])?;
    let sent: u64 = world.target.requests().iter().map(|request| request.received_bytes).sum();
    let read: u64 = world.source.requests().iter().map(|request| request.sent_bytes).sum();
    ensure!(sent < 13 << 20, "{sent} of 20 MiB were sent again");
    ensure!(read < 21 << 20, "{read} bytes were read, though all before the last 8 MiB was hashed");
    let manifest = |registry: &EmbeddedRegistry| registry.store().manifest("app", "large");
    ensure!(manifest(&world.target) == manifest(&world.source));
    Ok(())
}

/// Another client writes to an open upload session.
fn spoil(target: &EmbeddedRegistry) -> Result<()> {
    let requests = target.requests();
    let upload = requests.iter().find(|request| request.is_upload_step(&Method::PATCH));
    let upload = upload.context("no upload is open")?;
    let query = upload.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    let mut connection = TcpStream::connect(target.address())?;
    let head = format!(
        "PATCH {}{query} HTTP/1.1\r\nHost: r\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n",
        upload.path
    );
    connection.write_all(head.as_bytes())?;
    connection.write_all(&[0; 1000])?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_spoilt_in_between_is_sent_anew() -> Result<()> {
    let world = World::start(Effect::StallBodyAfter(9 << 20)).await?;
    world.interrupt("-TERM", "--drain 1").await?.expect_code(143)?;
    spoil(&world.target)?;
    world.source.behave();
    world.workplace.run("--auth auth.json --images images.json --retries 0")?.expect_code(0)?;
    let manifest = |registry: &EmbeddedRegistry| registry.store().manifest("app", "large");
    ensure!(manifest(&world.target) == manifest(&world.source));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_down_does_not_cost_what_was_left() -> Result<()> {
    let world = World::start(Effect::StallBodyAfter(9 << 20)).await?;
    world.interrupt("-TERM", "--drain 1").await?.expect_code(143)?;
    world.source.behave();
    let effect = Effect::Status { code: 503, body: String::new(), headers: Vec::new() };
    world.source.misbehave(Fault { when: Match::get("/blobs/"), times: Times::Always, effect });
    world.workplace.run("--auth auth.json --images images.json --retries 0")?.expect_code(3)?;
    ensure!(world.target.store().open_uploads() == 1, "it is still there");
    world.source.behave();
    world.target.clear_requests();
    world.workplace.run("--auth auth.json --images images.json")?.expect_code(0)?;
    let sent: u64 = world.target.requests().iter().map(|request| request.received_bytes).sum();
    ensure!(sent < 13 << 20, "{sent} of 20 MiB were sent again");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_run_at_once() -> Result<()> {
    // A host that accepts connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0")?;
    silent.set_nonblocking(true)?;
    let mut connections = Vec::new();
    let host = silent.local_addr()?.to_string();
    let workplace = Workplace::new()?;
    workplace.write("auth.json", &format!(r#"{{"{host}": {{"insecure": true}}}}"#))?;
    workplace.write("images.json", &format!(r#"{{"{host}/a/app:v1": "{host}/b/app"}}"#))?;
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut child = start(&workplace, "--auth auth.json --images images.json --drain 3600")?;
        until(|| silent.accept().map(|connection| connections.push(connection)).is_ok()).await?;
        signal(&child, name)?;
        let mut stderr = BufReader::new(child.stderr.take().context("its stderr is piped")?);
        let mut said = String::new();
        tokio::task::block_in_place(|| stderr.read_line(&mut said))?;
        ensure!(said.contains("stopping: 1 image in work has 3600 s to end; once more"), "{said}");
        // Within 100 ms it would count as the same signal.
        tokio::time::sleep(Duration::from_millis(200)).await;
        signal(&child, name)?;
        let ran = end(child).await?.expect_code(code)?;
        tokio::task::block_in_place(|| stderr.read_to_string(&mut said))?;
        ensure!(ran.stdout.is_empty() && said.lines().count() == 1, "{said}{}", ran.stdout);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_a_closed_session_drains_as_sigterm_does() -> Result<()> {
    let world = World::start(Effect::Trickle { bytes: 1 << 20, pause: Duration::from_millis(100) }).await?;
    let ran = world.interrupt("-HUP", "--report report.json").await?.expect_code(143)?;
    ran.says(&["stopping: 1 image in work has 25 s to end", "copied           1 image"])?;
    ensure!(world.workplace.path().join("report.json").exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_nohup_goes_on() -> Result<()> {
    let world = World::start(Effect::Trickle { bytes: 1 << 20, pause: Duration::from_millis(50) }).await?;
    let inner = world.workplace.command("--auth auth.json --images images.json");
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg("trap '' HUP; exec \"$0\" \"$@\"").arg(inner.get_program()).args(inner.get_args());
    command.current_dir(world.workplace.path()).env("HOME", world.workplace.path());
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    until(|| world.target.requests().iter().any(|request| request.received_bytes > 0)).await?;
    signal(&child, "-HUP")?;
    end(child).await?.expect_code(0)?.says(&["copied           1 image"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_a_question_is_answered_and_ends_nothing() -> Result<()> {
    let world = World::start(Effect::Trickle { bytes: 1 << 20, pause: Duration::from_millis(100) }).await?;
    let ran = world.interrupt("-USR1", "").await?.expect_code(0)?;
    let image = format!("\n  {}/app:large -> {}/app:large: ", world.source.host(), world.target.host());
    ran.says(&["status after ", "0 of 1 image done", "1 in work", &image, "copied           1 image"])?;
    Ok(())
}

/// A full pipe. It stays unread while the reader is kept.
fn full_pipe() -> Result<(std::io::PipeReader, std::io::PipeWriter)> {
    let (reader, mut writer) = std::io::pipe()?;
    writer.write_all(&vec![b'x'; 64 << 10])?;
    Ok((reader, writer))
}

#[tokio::test(flavor = "multi_thread")]
async fn s5_output_that_nobody_reads_holds_up_neither_the_copy_nor_the_end() -> Result<()> {
    let world = World::start(Effect::Trickle { bytes: 1 << 20, pause: Duration::from_millis(1) }).await?;
    for number in 0..200_u8 {
        let layers = [sample::layer(u64::from(number) + 10, 100)];
        sample::image(
            world.source.store(),
            "app",
            Some(&format!("v{number}")),
            Flavour::Oci,
            &layers,
            "amd64",
        );
    }
    let (from, to) = (world.source.host(), world.target.host());
    world.workplace.write("images.json", &format!(r#"{{"{from}/app": "{to}/app"}}"#))?;
    let (reader, writer) = full_pipe()?;
    let mut command = world.workplace.command("--auth auth.json --images images.json --report report.json");
    let mut child = command.stdout(writer.try_clone()?).stderr(writer).spawn()?;
    let ended = tokio::task::spawn_blocking(move || child.wait());
    let status = tokio::time::timeout(PATIENCE, ended).await.context("the run hangs")???;
    ensure!(status.code() == Some(0), "{status}");
    ensure!(world.target.store().tags("app").len() == 201);
    ensure!(world.workplace.path().join("report.json").exists());
    drop(reader);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn s5_signals_count_while_nobody_reads() -> Result<()> {
    let world = World::start(Effect::StallBodyAfter(5 << 20)).await?;
    for signals in [1, 2] {
        let (reader, writer) = full_pipe()?;
        let drain = if signals == 1 { "--drain 1" } else { "--drain 3600" };
        let mut command =
            world.workplace.command(&format!("--auth auth.json --images images.json --no-state {drain}"));
        let mut child = command.stdout(writer.try_clone()?).stderr(writer).spawn()?;
        world.target.clear_requests();
        until(|| world.target.requests().iter().any(|request| request.received_bytes > 0)).await?;
        for _ in 0..signals {
            signal(&child, "-TERM")?;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let ended = tokio::task::spawn_blocking(move || child.wait());
        let status = tokio::time::timeout(PATIENCE, ended).await.context("the run hangs")???;
        ensure!(status.code() == Some(143), "{status}");
        drop(reader);
    }
    Ok(())
}

/// A report that does not fit into a pipe waits for its reader, but after a signal only for a limited time. The other file is written
/// before.
#[tokio::test(flavor = "multi_thread")]
async fn s4_a_signal_ends_the_wait_for_a_report_that_nobody_reads() -> Result<()> {
    let world = World::start(Effect::Hang).await?;
    for number in 0..1000 {
        let manifest = br#"{"schemaVersion":2,"manifests":[]}"#.to_vec();
        let media_type = "application/vnd.oci.image.index.v1+json";
        world.source.store().put_manifest("many", &format!("v{number}"), media_type, manifest);
    }
    let (from, to) = (world.source.host(), world.target.host());
    let arguments = format!("copy {from}/many {to}/many --auth auth.json --json --report report.json");
    let (reader, writer) = full_pipe()?;
    let mut child = world.workplace.command(&arguments).stdout(writer).stderr(Stdio::null()).spawn()?;
    until(|| world.workplace.path().join("report.json").exists()).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    ensure!(child.try_wait()?.is_none(), "it did not wait");
    signal(&child, "-TERM")?;
    let ended = tokio::task::spawn_blocking(move || child.wait());
    let status = tokio::time::timeout(PATIENCE, ended).await.context("it waits for ever")???;
    ensure!(status.code() == Some(143), "{status}");
    let report: serde_json::Value = serde_json::from_str(&world.workplace.read("report.json")?)?;
    ensure!(report["totals"]["copied"] == 1000, "{}", report["totals"]);
    drop(reader);
    Ok(())
}

/// Results are read slowly, as in a pager, and SIGUSR1 comes in between: both signals are still handled.
#[tokio::test(flavor = "multi_thread")]
async fn s4_a_question_while_results_are_read_slowly_makes_nobody_deaf() -> Result<()> {
    let world = World::start(Effect::Hang).await?;
    for number in 0..1500 {
        let manifest = br#"{"schemaVersion":2,"manifests":[]}"#.to_vec();
        let media_type = "application/vnd.oci.image.index.v1+json";
        world.source.store().put_manifest("many", &format!("v{number}"), media_type, manifest);
    }
    let (from, to) = (world.source.host(), world.target.host());
    let (mut reader, writer) = std::io::pipe()?;
    let arguments = format!("copy {from}/many {to}/many --auth auth.json --json");
    let mut command = world.workplace.command(&arguments);
    // Both streams are one pipe, as with a pager: the status comes after all results.
    let mut child = command.stdout(writer.try_clone()?).stderr(writer).spawn()?;
    drop(command);
    let taken = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = taken.clone();
    let reading = std::thread::spawn(move || {
        while reader.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let pieces = || taken.load(std::sync::atomic::Ordering::Relaxed);
    until(|| pieces() > 0).await?;
    signal(&child, "-USR1")?;
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        signal(&child, "-INT")?;
    }
    let before = pieces();
    let ended = tokio::task::block_in_place(|| child.wait())?;
    ensure!(ended.code() == Some(130), "{ended}");
    let behind = pieces() - before;
    ensure!(behind < 10, "{behind} of more than 100 pieces were waited for");
    reading.join().map_err(|_| anyhow::anyhow!("the reader has panicked"))?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_check_tells_what_it_found_when_it_is_stopped() -> Result<()> {
    let world = World::start(Effect::Hang).await?;
    world.target.misbehave(Fault { when: Match::path("/v2/"), times: Times::Always, effect: Effect::Hang });
    let child = start(&world.workplace, "check --auth auth.json --images images.json")?;
    until(|| !world.target.requests().is_empty()).await?;
    signal(&child, "-HUP")?;
    let ran = end(child).await?.expect_code(143)?;
    ensure!(ran.stdout.contains("stopped by a signal"), "{}", ran.stdout);
    Ok(())
}

/// Waits for a line on stderr with this text, and returns it.
async fn line_with(child: &mut Child, text: &'static str) -> Result<String> {
    let stderr = child.stderr.take().context("stderr")?;
    let line = tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(stderr).lines().map_while(std::result::Result::ok);
        lines.find(|line| line.contains(text))
    });
    tokio::time::timeout(PATIENCE, line).await.context("nothing is said")??.context("it never says that")
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_check_says_at_which_registry_it_is() -> Result<()> {
    let world = World::start(Effect::Hang).await?;
    world.target.misbehave(Fault { when: Match::path("/v2/"), times: Times::Always, effect: Effect::Hang });
    let mut child = start(&world.workplace, "check --auth auth.json --images images.json")?;
    until(|| !world.target.requests().is_empty()).await?;
    signal(&child, "-USR1")?;
    let line = line_with(&mut child, "status after ").await?;
    ensure!(line.contains(" of 2 registries looked at, in work: "), "{line}");
    ensure!(line.contains(&world.target.host()), "{line}");
    signal(&child, "-HUP")?;
    end(child).await?.expect_code(143)?;
    Ok(())
}

/// Sends SIGUSR1 until the answer has this text; returns that line.
async fn asked_until(child: &mut Child, text: &str) -> Result<String> {
    let stderr = child.stderr.take().context("stderr")?;
    let (told, mut lines) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(std::result::Result::ok) {
            let _ = told.send(line);
        }
    });
    let found = async {
        loop {
            signal(child, "-USR1")?;
            let line = lines.recv().await.context("it never says that")?;
            if line.contains(text) {
                return Ok(line);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PATIENCE, found).await.context("it does not say that")?
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_whoever_asks_learns_which_host_does_not_answer() -> Result<()> {
    let world = World::start(Effect::Hang).await?;
    let (from, to) = (world.source.host(), world.target.host());
    let rules = format!(
        "auth:\n  {from}: {{insecure: true}}\n  {to}: {{insecure: true}}\nsync:\n\
         - {{from: {from}/app, to: {to}/app, prune: {{}}}}\n"
    );
    world.workplace.write("c.yaml", &rules)?;
    world.source.misbehave(Fault {
        when: Match::path("/tags/list"),
        times: Times::Always,
        effect: Effect::Hang,
    });
    for verb in ["plan", "prune"] {
        world.source.clear_requests();
        let mut child = start(&world.workplace, &format!("{verb} --config c.yaml --no-state"))?;
        until(|| !world.source.requests().is_empty()).await?;
        let line = asked_until(&mut child, &format!("; {from} has not answered for ")).await?;
        ensure!(line.contains("status after ") && !line.contains(&to), "{verb}: {line}");
        signal(&child, "-INT")?;
        signal(&child, "-KILL")?;
        child.wait()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_prune_says_how_much_is_deleted() -> Result<()> {
    let world = World::start(Effect::Hang).await?;
    let (from, to) = (world.source.host(), world.target.host());
    for (number, tag) in [(1, "large"), (2, "old"), (3, "older")] {
        let layers = [sample::layer(number, 1000)];
        sample::image(world.target.store(), "app", Some(tag), Flavour::Oci, &layers, "amd64");
    }
    let rules = format!(
        "auth:\n  {from}: {{insecure: true}}\n  {to}: {{insecure: true}}\nsync:\n\
         - {{from: {from}/app, to: {to}/app, prune: {{grace: 0s, maxDelete: 100%}}}}\n"
    );
    world.workplace.write("c.yaml", &rules)?;
    world.target.misbehave(Fault {
        when: Match::new(Method::DELETE, "/manifests/"),
        times: Times::Always,
        effect: Effect::Hang,
    });
    let mut child = start(&world.workplace, "prune --config c.yaml --apply --no-state")?;
    until(|| world.target.requests().iter().any(|request| request.method == Method::DELETE)).await?;
    signal(&child, "-USR1")?;
    let line = line_with(&mut child, "status after ").await?;
    ensure!(line.ends_with(": 0 of 2 deleted"), "{line}");
    signal(&child, "-INT")?;
    signal(&child, "-KILL")?;
    child.wait()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_a_signal_after_the_copy_leaves_time_for_the_files() -> Result<()> {
    let world = World::start(Effect::Trickle { bytes: 5 << 20, pause: Duration::from_millis(1) }).await?;
    let pipe = world.workplace.path().join("pipe");
    ensure!(Command::new("mkfifo").arg(&pipe).status()?.success());
    let files = "--output-success-images copied.yaml --report pipe";
    let child = start(&world.workplace, &format!("--auth auth.json --images images.json {files}"))?;
    // This file is written right before the report, whose reader is not waited for yet.
    until(|| world.workplace.path().join("copied.yaml").exists()).await?;
    signal(&child, "-TERM")?;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let report = Command::new("timeout").arg("20").arg("cat").arg(&pipe).output()?;
    let ran = end(child).await?.expect_code(143)?;
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).with_context(|| ran.all())?;
    ensure!(report["images"][0]["outcome"] == "copied", "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn s5_results_wait_for_whoever_reads_them() -> Result<()> {
    let workplace = Workplace::new()?;
    let rules: Vec<_> =
        (0..3000).map(|n| format!(r#""q.example/a/image-{n}": "r.example/b/image-{n}""#)).collect();
    workplace.write("images.json", &format!("{{{}}}", rules.join(", ")))?;
    let mut child = start(&workplace, "expand --images images.json")?;
    // Longer than the limit for stderr.
    tokio::time::sleep(Duration::from_secs(7)).await;
    ensure!(child.try_wait()?.is_none(), "it did not wait");
    let ran = end(child).await?.expect_code(0)?;
    ensure!(ran.stdout.contains("/image-2999"), "{} bytes", ran.stdout.len());
    // SIGINT and SIGTERM end it like any program.
    let mut child = start(&workplace, "expand --images images.json")?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    signal(&child, "-TERM")?;
    ensure!(tokio::task::block_in_place(|| child.wait())?.code().is_none());
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full")?;
    let lost =
        workplace.command("expand --images images.json").stdout(full).stderr(Stdio::piped()).output()?;
    Ran::of(lost)?.expect_code(1)?.says(&["stdout cannot be written: "])?;
    Ok(())
}
