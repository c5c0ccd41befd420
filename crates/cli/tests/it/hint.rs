//! The report of many failed images, and whether its advice helps.

use anyhow::{Result, ensure};
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, Match, Times};

use crate::process::Workplace;

struct Pair {
    source: EmbeddedRegistry,
    target: EmbeddedRegistry,
    workplace: Workplace,
}

impl Pair {
    async fn start(images: usize) -> Result<Self> {
        let source = EmbeddedRegistry::builder().start().await?;
        let target = EmbeddedRegistry::builder().start().await?;
        for number in 0..images {
            let (repository, layer) = (format!("team/app{number}"), sample::layer(number as u64, 100));
            sample::image(source.store(), &repository, Some("v1"), Flavour::Oci, &[layer], "amd64");
        }
        let workplace = Workplace::new()?;
        let (here, there) = (source.host(), target.host());
        workplace.write(
            "c.json",
            &format!(
                r#"{{"auth": {{"{here}": {{"insecure": true}}, "{there}": {{"insecure": true}}}},
                    "images": {{"{here}/**": "{there}/mirror/{{path}}"}}}}"#
            ),
        )?;
        Ok(Self { source, target, workplace })
    }
}

fn always(when: Match, effect: Effect) -> Fault {
    Fault { when, times: Times::Always, effect }
}

#[tokio::test(flavor = "multi_thread")]
async fn c7_many_refusals_for_one_reason_are_told_once_and_the_table_comes_last() -> Result<()> {
    let pair = Pair::start(40).await?;
    for number in 0..40 {
        let message = format!("requested access to team/app{number} is denied");
        pair.target.misbehave(always(
            Match::put(&format!("/app{number}/manifests/")),
            Effect::refuse(403, "DENIED", &message),
        ));
    }
    let ran = pair.workplace.run("--config c.json --no-state")?.expect_code(4)?;
    let ran = ran.says(&["failed          40 images", "also:  39 more images for the same reason"])?;
    let told = ran.stderr.lines().filter(|line| line.starts_with("  why:")).count();
    ensure!(told == 1, "{told} reasons:\n{}", ran.stderr);
    let also = ran.stderr.lines().find(|line| line.starts_with("  also:")).unwrap_or_default();
    ensure!(also.matches(" -> ").count() == 2 && also.contains("and 37 more: --report lists all"), "{also}");
    let after = ran.stderr.split("  also:").nth(1).unwrap_or_default();
    ensure!(after.contains("copied") && after.contains("moved"), "the table is not last:\n{}", ran.stderr);
    Ok(())
}

/// Names that come before those of tags that people give.
fn signatures(pair: &Pair, images: usize) {
    for number in 0..images {
        let (repository, layer) = (format!("team/app{number}"), sample::layer(number as u64, 50));
        let hex = oci::Digest::sha256(repository.as_bytes()).hex();
        for tag in [format!("sha256-{hex}.sig"), format!("sha256-{hex}")] {
            let layers = std::slice::from_ref(&layer);
            sample::image(pair.source.store(), &repository, Some(&tag), Flavour::Oci, layers, "amd64");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_a_cause_begin_with_images_that_people_know() -> Result<()> {
    let mut pair = Pair::start(6).await?;
    signatures(&pair, 6);
    pair.workplace.variable("GITHUB_ACTIONS", "true");
    pair.target.misbehave(always(Match::put("/manifests/"), Effect::refuse(403, "DENIED", "no")));
    let ran = pair.workplace.run("--config c.json --no-state --report r.json --report r.html")?;
    let ran = ran.expect_code(4)?;
    let line = |beginning: &str| ran.stderr.lines().find(|line| line.starts_with(beginning));
    let reasons = ran.stderr.split("\n\nfailed ").skip(1);
    let firsts: Vec<_> = reasons.map(|block| block.lines().next().unwrap_or_default()).collect();
    ensure!(firsts.len() == 1 && firsts[0].ends_with("app0:v1"), "{firsts:?}");
    let also = line("  also:  17 more images for the same reason: ").unwrap_or_default();
    ensure!(also.contains("app1:v1, ") && also.contains("app2:v1 and 15 more"), "{}", ran.stderr);
    let annotation = line("::error").unwrap_or_default();
    ensure!(annotation.contains("app0:v1%0A") && annotation.ends_with("app4:v1 and 13 more"), "{annotation}");
    let report: serde_json::Value = serde_json::from_str(&pair.workplace.read("r.json")?)?;
    let mirror = format!("{}/mirror", pair.target.host());
    let first_five: Vec<_> = (0..5).map(|number| format!("{mirror}/team/app{number}:v1")).collect();
    ensure!(report["failures"][0]["examples"] == serde_json::json!(first_five), "{:#}", report["failures"]);
    let page = pair.workplace.read("r.html")?;
    let examples =
        page.split("<ul class=\"examples mono\">").nth(1).and_then(|rest| rest.split("</ul>").next());
    ensure!(
        examples.is_some_and(|list| list.contains("app0:v1") && !list.contains("sha256-")),
        "{examples:?}"
    );
    // A report that is put together of others orders them alike.
    let merged = pair.workplace.run("report merge r.json")?;
    let merged: serde_json::Value = serde_json::from_str(&merged.stdout)?;
    ensure!(merged["failures"] == report["failures"], "{:#}", merged["failures"]);
    Ok(())
}

fn sign_in() -> Effect {
    Effect::Status {
        code: 200,
        body: "<!DOCTYPE html><title>Sign in</title>".to_owned(),
        headers: vec![("content-type", "text/html".to_owned())],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_in_place_of_an_answer_is_told_as_one() -> Result<()> {
    let pair = Pair::start(1).await?;
    for path in ["team/app0/manifests/v1", "team/app0/tags/list", "_catalog"] {
        pair.source.behave();
        pair.source.misbehave(always(Match::path(path), sign_in()));
        let ran = pair.workplace.run("--config c.json --no-state --retries 0")?;
        // The host has answered `/v2/` as a registry.
        let asked = format!("to allow `GET /v2/{path}`\n");
        ran.says(&["the answer is a web page", "something between here and", &asked])?;
    }
    // Nothing but pages: this is no registry.
    pair.source.behave();
    pair.source.misbehave(always(Match::any(), sign_in()));
    let ran = pair.workplace.run("--config c.json --no-state --retries 0")?;
    ran.says(&[
        "the answer is a web page",
        "answers with a web page, as proxies, firewalls and web sites do: check host and port",
    ])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_firewall_stops_in_one_repository_accuses_no_registry() -> Result<()> {
    let pair = Pair::start(2).await?;
    let (source, target) = (pair.source.host(), pair.target.host());
    let blocked = |when| always(when, Effect::html(403));
    let hint = |host: &str, asked: &str| {
        format!(
            "something between here and `{host}` (a proxy, a firewall, a web application firewall) answered this request with a web page, while others reached the registry: ask whoever runs it to allow `{asked}` (request id "
        )
    };
    for (registry, path, host, asked) in [
        (&pair.source, "/team/app0/tags/", &source, "GET /v2/team/app0/tags/list"),
        (&pair.target, "/app0/blobs/uploads/", &target, "POST /v2/mirror/team/app0/blobs/uploads/"),
    ] {
        pair.source.behave();
        pair.target.behave();
        registry.misbehave(blocked(Match::path(path)));
        let ran = pair.workplace.run("--config c.json --no-state --retries 0")?.expect_code(1)?;
        let ran = ran.says(&["403 Forbidden (web page", &hint(host, asked)])?;
        for accused in ["check host and port", "give the login", "no login"] {
            ensure!(!ran.stderr.contains(accused), "{path}: {}", ran.stderr);
        }
    }
    // The answer to HEAD has no body, so that its headers tell.
    pair.source.misbehave(blocked(Match::path("/manifests/")));
    let ran = pair.workplace.run(&format!("digest --plain-http {source} {source}/team/app1:v1"))?;
    ran.says(&["403 Forbidden (web page)", &hint(&source, "HEAD /v2/team/app1/manifests/v1")])?;
    Ok(())
}
