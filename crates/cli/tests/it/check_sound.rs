//! `image-syncer check` without problems: it says so, in a useful order, and leaves nothing behind.

use anyhow::{Result, ensure};
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, Match, Times};
use testkit::AcrInstance;

use crate::check_bench::{CheckBench, FIXED, KEY, check};
use crate::json_schema::conforms;
use crate::process::Workplace;

#[tokio::test]
async fn a_sound_journey_is_all_ok_and_leaves_nothing() -> Result<()> {
    let mut bench = CheckBench::start().await?;
    bench.set_key(KEY.0, KEY.1);
    let (harbor, acr) = (bench.harbor.host(), bench.acr.host());
    bench.harbor.registry().forget_requests();
    let checked = bench.check(&[bench.harbor_entry(), bench.acr_entry("")], &[bench.rule()])?;
    let checked = checked
        .line(
            &format!("ok       {harbor}: login: `robot$library+mirror` (auth entry `{harbor}`, c.json:1)"),
            &["is accepted"],
        )?
        .line(
            &format!("ok       {acr}: edition:"),
            &["Enterprise Edition in cn-shanghai, instance cri-test"],
        )?
        .line(
            &format!("ok       {acr}: login:"),
            &["is accepted, access key: environment (ALIBABA_CLOUD_ACCESS_KEY_ID)"],
        )?
        .line(&format!("ok       {acr}: clock:"), &["agrees"])?
        .line(&format!("ok       {acr}: quota:"), &["0 of 1000 repositories are used"])?
        .line(&format!("ok       {harbor}/library/app: tags:"), &["tags read: 1, selected of these: 1"])?
        .line(&format!("ok       {harbor}/library/app: pull:"), &["`v1` can be read"])?
        .line(&format!("ok       {harbor}/library/app: blobs:"), &["the registry itself"])?
        .line(&format!("ok       {acr}/image-syncer/app: namespace:"), &["creates repositories by itself"])?
        .line(&format!("ok       {acr}/image-syncer/app: push:"), &["begun and cancelled"])?;
    let ran = checked.0.expect_code(0)?;
    ensure!(ran.stdout.trim_end().ends_with("ok, 0 warnings, 0 problems"), "{}", ran.stdout);
    ensure!(ran.stderr.is_empty(), "nothing is said beside: {}", ran.stderr);
    let uploads = bench.acr.requests().into_iter().filter(|line| line.starts_with("POST ")).count();
    ensure!(uploads == 1, "the push was really tried");
    Ok(())
}

#[tokio::test]
async fn who_cannot_cancel_an_upload_begins_none() -> Result<()> {
    let bench = CheckBench::start().await?;
    bench.harbor.registry().forget_requests();
    let checked = bench.check(&[bench.harbor_entry(), bench.fixed_entry(FIXED.1)], &[bench.rule()])?;
    let start = format!("ok       {}/image-syncer/app: push: may be pushed to", bench.acr.host());
    checked.line(&start, &["an upload that does not exist"])?.0.expect_code(0)?;
    let requests = bench.acr.requests();
    let of = |method: &str| requests.iter().filter(|line| line.starts_with(method)).count();
    ensure!((of("POST "), of("PATCH ")) == (0, 1), "{requests:#?}");
    Ok(())
}

#[tokio::test]
async fn json_is_one_document() -> Result<()> {
    let bench = CheckBench::start().await?;
    let (entries, rule) = ([bench.harbor_entry(), bench.fixed_entry(FIXED.1)].join(","), bench.rule());
    bench.workplace.write("c.json", &format!(r#"{{"auth": {{{entries}}}, "images": {{{rule}}}}}"#))?;
    let ran = bench.workplace.run("check --config c.json --json")?.expect_code(0)?;
    let document: serde_json::Value = serde_json::from_str(&ran.stdout)?;
    let schema = bench.workplace.run("schema check")?.expect_code(0)?.stdout;
    conforms(&serde_json::from_str(&schema)?, &document)?;
    ensure!(
        ran.stdout.trim_start().starts_with("{\n  \"schema\": \"image-syncer/check/1\""),
        "{}",
        ran.stdout
    );
    ensure!(document["problems"] == 0 && document["warnings"] == 0, "{document:#}");
    let findings = document["findings"].as_array().cloned().unwrap_or_default();
    ensure!(document["ok"] == findings.len(), "{document:#}");
    let push = findings.iter().find(|finding| finding["step"] == "push");
    ensure!(push.is_some_and(|push| push["level"] == "ok"), "{document:#}");
    Ok(())
}

#[tokio::test]
async fn a_pattern_is_checked_by_its_first_repository() -> Result<()> {
    let mut bench = CheckBench::start().await?;
    bench.set_key(KEY.0, KEY.1);
    let (harbor, acr) = (bench.harbor.host(), bench.acr.host());
    let rule = format!(r#""{harbor}/library/**": "{acr}/image-syncer""#);
    bench.harbor.registry().forget_requests();
    let checked = bench.check(&[bench.harbor_entry(), bench.acr_entry("")], &[rule])?;
    checked
        .line(
            &format!("ok       {harbor}/library/**: repositories:"),
            &["matching: 1; `library/app` is looked at"],
        )?
        .line(&format!("ok       {harbor}/library/app: pull:"), &["`v1`"])?
        .line(&format!("ok       {acr}/image-syncer/app: push:"), &["cancelled"])?
        .0
        .expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn what_the_copy_will_create_is_no_problem() -> Result<()> {
    let instance = AcrInstance::new("cri-test", "test");
    let mut bench = CheckBench::with(instance, crate::check_bench::SERVICE, &["pull", "push"]).await?;
    bench.set_key(KEY.0, KEY.1);
    bench.harbor.registry().forget_requests();
    let entries = [bench.harbor_entry(), bench.acr_entry(r#", "create": true"#)];
    let checked = bench.check(&entries, &[bench.rule()])?;
    let place = format!("ok       {}/image-syncer/app: namespace:", bench.acr.host());
    checked.line(&place, &["`image-syncer` is not there yet: it will be created"])?.0.expect_code(0)?;
    Ok(())
}

/// A source with an image, a target, and the entries and rules for both.
async fn pair() -> Result<(EmbeddedRegistry, EmbeddedRegistry, Vec<String>, Vec<String>)> {
    let (source, target) =
        (EmbeddedRegistry::builder().start().await?, EmbeddedRegistry::builder().start().await?);
    sample::image(source.store(), "a/app", Some("v1"), Flavour::Oci, &[sample::layer(1, 1000)], "amd64");
    let (from, to) = (source.host(), target.host());
    let entries = [&from, &to].map(|host| format!(r#""{host}": {{"insecure": true}}"#));
    let rule = format!(r#""{from}/a/app": "{to}/b/app""#);
    Ok((source, target, entries.into(), vec![rule]))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_to_wait_is_asked_again_and_that_is_told() -> Result<()> {
    let (source, target, entries, rules) = pair().await?;
    for (registry, path) in [(&source, "/tags/list"), (&source, "/manifests/"), (&target, "/uploads/")] {
        let effect = Effect::too_many_requests("1");
        registry.misbehave(Fault { when: Match::path(path), times: Times::First(1), effect });
    }
    let headers = vec![("retry-after", "1".to_owned())];
    let effect = Effect::Status { code: 503, body: String::new(), headers };
    source.misbehave(Fault { when: Match::path("/blobs/"), times: Times::First(1), effect });
    let ran = check(&Workplace::new()?, &entries, &rules)?.0.expect_code(0)?;
    ensure!(ran.stdout.trim_end().ends_with("ok, 0 warnings, 0 problems"), "{}", ran.all());
    for (host, words) in
        [(source.host(), "429 Too Many Requests"), (source.host(), "503"), (target.host(), "429")]
    {
        let fits = |line: &str| line.starts_with("again in ") && line.contains(&host) && line.contains(words);
        ensure!(ran.stderr.lines().any(fits), "{host} {words}: {}", ran.stderr);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_an_hour_is_not_waited_for() -> Result<()> {
    let (source, _target, entries, rules) = pair().await?;
    let effect = Effect::too_many_requests("3600");
    source.misbehave(Fault { when: Match::path("/tags/list"), times: Times::Always, effect });
    let checked = check(&Workplace::new()?, &entries, &rules)?;
    let start = format!("problem  {}/a/app: tags: its tags cannot be listed", source.host());
    checked.line(&start, &["429 Too Many Requests", "wait a while"])?.0.expect_code(1)?;
    Ok(())
}
