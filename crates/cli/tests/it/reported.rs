//! Problems that users reported of other tools, and the messages for them here.

use anyhow::{Result, ensure};
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Catalog, Effect, EmbeddedRegistry, Fault, LoggedRequest, Match, Times};

use crate::process::{Ran, Workplace};

struct Bench {
    source: EmbeddedRegistry,
    target: EmbeddedRegistry,
    workplace: Workplace,
}

impl Bench {
    async fn start() -> Result<Self> {
        let source = EmbeddedRegistry::builder().start().await?;
        Self::from(source).await
    }

    async fn from(source: EmbeddedRegistry) -> Result<Self> {
        let target = EmbeddedRegistry::builder().start().await?;
        Ok(Self { source, target, workplace: Workplace::new()? })
    }

    fn image(&self, repository: &str, flavour: Flavour) -> sample::Sample {
        sample::image(
            self.source.store(),
            repository,
            Some("v1"),
            flavour,
            &[sample::layer(1, 1000)],
            "amd64",
        )
    }

    /// Runs with a config of one rule between the two registries.
    fn run(&self, arguments: &str, from: &str, to: &str) -> Result<Ran> {
        let (source, target) = (self.source.host(), self.target.host());
        let config = format!(
            r#"{{"auth": {{"{source}": {{"insecure": true}}, "{target}": {{"insecure": true}}}}, "images": {{"{source}/{from}": "{target}/{to}"}}}}"#
        );
        self.workplace.write("c.json", &config)?;
        self.workplace.run(&format!("{arguments} --config c.json"))
    }
}

fn fault(when: Match, times: Times, effect: Effect) -> Fault {
    Fault { when, times, effect }
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_harbor_before_2_8_is_a_source_like_any_other() -> Result<()> {
    let bench = Bench::start().await?;
    bench.image("library/a", Flavour::Oci);
    bench.image("library/b", Flavour::Docker);
    let no_challenge = Effect::Status { code: 401, body: String::new(), headers: Vec::new() };
    bench.source.misbehave(fault(Match::get("/referrers/"), Times::Always, no_challenge));
    for _ in 0..2 {
        bench.run("--retries 0", "library/**", "mirror")?.expect_code(0)?;
    }
    bench.run("check", "library/**", "mirror")?.expect_code(0)?;
    ensure!(bench.target.store().repositories().len() == 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn p29_a_part_that_the_target_misses_is_no_missing_project() -> Result<()> {
    let bench = Bench::start().await?;
    let image = bench.image("app", Flavour::Oci);
    let words = format!("artifact app@{} not found", image.digest);
    let refusal = Effect::refuse(404, "NOT_FOUND", &words);
    bench.target.misbehave(fault(Match::put("/manifests/"), Times::Always, refusal));
    let ran = bench.run("--retries 0", "app", "app")?.expect_code(3)?;
    let ran = ran.says(&["lacks a part of the image", "run the same command again"])?;
    ensure!(!ran.stderr.contains("create the project"), "{}", ran.stderr);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn p30_a_registry_that_lists_nothing_does_so_to_everybody() -> Result<()> {
    for (code, told) in [(404, "lists its repositories to nobody"), (401, "to this login")] {
        let source = EmbeddedRegistry::builder().catalog(Catalog::Refused(code)).start().await?;
        let bench = Bench::from(source).await?;
        bench.image("library/a", Flavour::Oci);
        let ran = bench.run("--retries 0", "library/**", "mirror")?;
        let ran = ran.says(&[told, "name them one by one"])?;
        ensure!(!ran.stderr.contains("project or namespace"), "{}", ran.stderr);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn p30_docker_types_that_zot_refuses_are_named_with_its_setting() -> Result<()> {
    let bench = Bench::start().await?;
    bench.image("app", Flavour::Docker);
    let refusal = Effect::refuse(415, "MANIFEST_INVALID", "manifest invalid");
    bench.target.misbehave(fault(Match::put("/manifests/"), Times::Always, refusal));
    let ran = bench.run("--retries 0", "app", "app")?.expect_code(3)?;
    ran.says(&["application/vnd.docker.distribution.manifest.v2+json", "415", "docker2s2"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn p30_check_says_what_it_leaves() -> Result<()> {
    let bench = Bench::start().await?;
    bench.image("app", Flavour::Oci);
    // Like zot, which creates a repository with the first upload.
    bench.target.store().create_repository("app");
    let unknown = Effect::refuse(404, "NAME_UNKNOWN", "no such repository");
    bench.target.misbehave(fault(Match::get("/app/tags/list"), Times::First(1), unknown));
    let ran = bench.run("check", "app", "app")?.expect_code(0)?;
    ensure!(ran.all().contains("made an empty repository"), "{}", ran.all());
    let uploads =
        bench.target.requests().iter().filter(|request| LoggedRequest::is_upload_start(request)).count();
    ensure!(uploads == 1);
    let ran = bench.run("check", "app", "app")?.expect_code(0)?;
    ensure!(!ran.all().contains("made an empty repository"), "it was there before: {}", ran.all());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn p28_a_target_without_attestations_says_so_and_the_hint_is_true() -> Result<()> {
    let bench = Bench::start().await?;
    let store = bench.source.store();
    let amd64 = sample::image(store, "library/app", None, Flavour::Oci, &[sample::layer(1, 1000)], "amd64");
    let attestation =
        sample::image(store, "library/app", None, Flavour::Oci, &[sample::layer(2, 10)], "unknown");
    let entry = |image: &sample::Sample, os: &str, architecture: &str| {
        format!(
            r#"{{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "{}", "size": {}, "platform": {{"os": "{os}", "architecture": "{architecture}"}}}}"#,
            image.digest, image.size
        )
    };
    let children = [entry(&amd64, "linux", "amd64"), entry(&attestation, "unknown", "unknown")].join(",");
    let index = format!(r#"{{"schemaVersion": 2, "manifests": [{children}]}}"#);
    store.put_manifest("library/app", "v1", "application/vnd.oci.image.index.v1+json", index);
    let body = r#"{"errors":[{"code":"DENIED","message":"unknown manifest class for application/vnd.in-toto+json"}]}"#;
    let effect = Effect::Status { code: 403, body: body.to_owned(), headers: Vec::new() };
    let when = Match::put(&format!("/manifests/{}", attestation.digest));
    bench.target.misbehave(fault(when, Times::Always, effect));
    let ran = bench.run("--retries 0", "library/app:v1", "mirror/app")?;
    let ran = ran.says(&[
        "unknown manifest class",
        "takes no attestations",
        "`attestations: drop`",
        "--arch amd64,arm64",
    ])?;
    ran.hides(&["check the auth entry"])?;
    bench.run("--arch amd64,arm64", "library/app:v1", "mirror/app")?.expect_code(0)?;
    ensure!(bench.target.store().manifest("mirror/app", "v1").is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c17_a_list_that_is_asked_for_again_is_told_like_any_retry() -> Result<()> {
    let unavailable = || Effect::Status { code: 503, body: "in maintenance".into(), headers: Vec::new() };
    for (list, rule, place) in
        [("/tags/list", "library/app", "/library/app"), ("/_catalog", "library/**", "")]
    {
        for quiet in ["", "-q "] {
            let bench = Bench::start().await?;
            bench.image("library/app", Flavour::Oci);
            bench.source.misbehave(fault(Match::get(list), Times::First(1), unavailable()));
            let ran = bench.run(&format!("--log run.log {quiet}--retries 1"), rule, "mirror")?;
            let name = format!("{}{place}: ", bench.source.host());
            let told = ran.stderr.lines().find(|line| line.starts_with("again "));
            let is_told = told.is_some_and(|line| line.contains(&name) && line.contains("503"));
            ensure!(is_told == quiet.is_empty(), "{}", ran.stderr);
            let log = bench.workplace.read("run.log")?;
            let is_logged = log.lines().any(|line| line.contains("Retry ") && line.contains(&name));
            ensure!(is_logged, "{log}");
            ensure!(ran.code == 0, "{}", ran.stderr);
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn k2_check_sees_what_lies_beyond_the_first_page_and_two_repositories_in_one_place() -> Result<()> {
    let source = EmbeddedRegistry::builder().catalog_page_size(3).start().await?;
    let bench = Bench::from(source).await?;
    for name in ["a/1", "a/2", "a/3", "a/4", "b/one", "c/one"] {
        bench.image(name, Flavour::Oci);
    }
    let ran = bench.run("check", "b/*", "mirror")?.expect_code(0)?;
    ensure!(ran.all().contains("matching: 1; `b/one` is looked at"), "{}", ran.all());
    let ran = bench.run("check", "*/one", "mirror/{name}")?;
    ensure!(ran.all().contains("one place at the target"), "{}", ran.all());
    bench.run("--retries 0", "*/one", "mirror/{name}")?.says(&["one"])?;
    ensure!(bench.target.store().repositories().is_empty(), "the copy finds the same");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_404_that_is_not_the_registrys_is_no_repository_without_tags() -> Result<()> {
    for body in ["", "404 page not found", "<html><title>404 Not Found</title></html>"] {
        let bench = Bench::start().await?;
        bench.image("library/app", Flavour::Oci);
        let lost = Effect::Status { code: 404, body: body.to_owned(), headers: Vec::new() };
        bench.source.misbehave(fault(Match::get("/tags/list"), Times::First(2), lost));
        let ran = bench.run("--retries 0", "library/**", "mirror")?;
        ensure!(ran.code != 0, "{}", ran.all());
        let ran = ran.says(&["404 Not Found", "run the same command again later"])?;
        ensure!(!ran.all().contains("no tags of it"), "{}", ran.all());
        bench.run("--retries 1", "library/**", "mirror")?.expect_code(0)?;
        ensure!(bench.target.store().repositories().len() == 1, "{body}");
    }
    let bench = Bench::start().await?;
    bench.image("library/app", Flavour::Oci);
    let unknown = Effect::refuse(404, "NAME_UNKNOWN", "repository name not known to registry");
    bench.source.misbehave(fault(Match::get("/tags/list"), Times::Always, unknown));
    let ran = bench.run("--retries 0", "library/**", "mirror")?.expect_code(0)?;
    ensure!(ran.all().contains("no tags of it"), "{}", ran.all());
    Ok(())
}
