//! Verbs without files, and the output files of a run.

use anyhow::{Context as _, Result, ensure};
use testkit::DockerRegistry;
use testkit::seed::Pusher;

use crate::process::Workplace;
use crate::world::{assert_same, seed};

struct Two {
    source: DockerRegistry,
    target: DockerRegistry,
    workplace: Workplace,
}

impl Two {
    async fn start() -> Result<Self> {
        let (source, target) = (DockerRegistry::open().await?, DockerRegistry::open().await?);
        seed(&Pusher::new(source.host()), "a/app").await?;
        let workplace = Workplace::new()?;
        let auth =
            [source.host(), target.host()].map(|host| format!(r#""{host}": {{"insecure": true}}"#)).join(",");
        workplace.write("auth.json", &format!("{{{auth}}}"))?;
        Ok(Self { source, target, workplace })
    }

    fn rules(&self, images: &str) -> Result<()> {
        let images = images.replace("SOURCE", &self.source.host()).replace("TARGET", &self.target.host());
        self.workplace.write("images.json", &images)?;
        Ok(())
    }
}

#[tokio::test]
async fn copy_needs_no_rule_file() -> Result<()> {
    let two = Two::start().await?;
    let (here, there) = (two.source.host(), two.target.host());
    two.workplace
        .run(&format!("copy --auth auth.json {here}/a/app {there}/x/app {there}/y/app"))?
        .expect_code(0)?;
    let (from, to) = (Pusher::new(here.clone()), Pusher::new(there.clone()));
    for repository in ["x/app", "y/app"] {
        assert_same(&from, "a/app", &to, &there, repository, None).await?;
    }
    two.workplace
        .run(&format!("copy --auth auth.json {here}/a/app:1.24 {there}/z/app:renamed"))?
        .expect_code(0)?;
    ensure!(to.tags("z/app").await? == ["renamed"]);
    two.workplace.run("copy only-a-source")?.expect_code(2)?.says(&["TARGET"])?;
    two.workplace.run(&format!("copy {here}/A/app {there}/x"))?.expect_code(2)?.says(&["upper-case"])?;
    Ok(())
}

#[tokio::test]
async fn expand_shows_rules_and_logins_without_asking_anybody() -> Result<()> {
    let workplace = Workplace::new()?;
    let config = r#"{"auth": {"q.invalid": {"username": "u", "password": "hidden"}, "q.invalid/a": {"insecure": true}},
        "images": {"q.invalid/a/b:v1,v2": "r.invalid/b", "q.invalid/c/d": ["r.invalid/d", "r.invalid/e:/^v/"]}}"#;
    workplace.write("c.json", config)?;
    let ran = workplace.run("expand --config c.json")?.expect_code(0)?.hides(&["hidden"])?;
    for line in [
        "q.invalid/a/b (login `q.invalid/a`, auth entry in c.json:1, which has no user): v1, v2",
        "  -> r.invalid/b (no login): the same names",
        "q.invalid/c/d (login `q.invalid`, auth entry in c.json:1): all tags",
        "  -> r.invalid/e (no login): the same names, where they match /^v/",
    ] {
        ensure!(ran.stdout.lines().any(|printed| printed == line), "{line:?} is not in\n{}", ran.stdout);
    }
    let ran = workplace.run("expand --config c.json --json")?.expect_code(0)?;
    let json: serde_json::Value = serde_json::from_str(&ran.stdout)?;
    ensure!(json[0]["targets"][0]["target"] == "r.invalid/b" && json[0]["login"] == "q.invalid/a", "{json}");
    Ok(())
}

#[tokio::test]
async fn a_dry_run_tells_what_would_be_copied_and_moves_nothing() -> Result<()> {
    let two = Two::start().await?;
    two.rules(r#"{"SOURCE/a/app:1.24": "TARGET/a/app"}"#)?;
    two.workplace.run("--auth auth.json --images images.json")?.expect_code(0)?;
    two.rules(r#"{"SOURCE/a/app": "TARGET/a/app"}"#)?;
    let ran = two.workplace.run("--auth auth.json --images images.json --dry-run")?.expect_code(0)?;
    ran.says(&["would copy", "5 images", "unchanged        1 image", "a/app:1.27"])?;
    ensure!(Pusher::new(two.target.host()).tags("a/app").await? == ["1.24"]);
    Ok(())
}

#[tokio::test]
async fn success_failure_and_report_files() -> Result<()> {
    let two = Two::start().await?;
    let (here, there) = (two.source.host(), two.target.host());
    two.rules(r#"{"SOURCE/a/app:1.24,absent": ["TARGET/x/app", "TARGET/w/app"], "SOURCE/none/none:/v/": "TARGET/y/app"}"#)?;
    let command = "--auth auth.json --images images.json --output-success-images done.yaml --output-failed-images failed.yaml --report report.json";
    two.workplace.run(command)?.expect_code(1)?;
    let done = two.workplace.read("done.yaml")?;
    let lines: Vec<_> = done.lines().collect();
    ensure!(lines[0] == format!("{here}/a/app:1.24:") && lines.len() == 3, "{done}");
    ensure!(lines[1..].contains(&format!("- {there}/x/app:1.24").as_str()), "{done}");
    let failed = two.workplace.read("failed.yaml")?;
    ensure!(failed.contains(&format!("{here}/a/app:absent")) && failed.contains(":/v/"), "{failed}");
    let report: serde_json::Value = serde_json::from_str(&two.workplace.read("report.json")?)?;
    ensure!(report["totals"]["copied"] == 2 && report["totals"]["failed"] == 2, "{report}");
    let images = report["images"].as_array().context("images")?;
    let copied = images.iter().find(|image| image["outcome"] == "copied").context("a copied image")?;
    ensure!(copied["digest"].as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{copied}");
    let failed_image = images.iter().find(|image| image["outcome"] == "failed").context("a failed image")?;
    ensure!(
        failed_image["error"]["side"] == "source" && failed_image["error"]["hint"].is_string(),
        "{failed_image}"
    );

    // The file of failures can be run as it is; unchanged images are not listed as copied.
    let again =
        "--auth auth.json --images failed.yaml --output-success-images done.json --output-images-format=json";
    let ran = two.workplace.run(again)?.expect_code(3)?;
    ran.says(&["manifest unknown", "NAME_UNKNOWN"])?;
    ensure!(two.workplace.read("done.json")? == "{}\n");
    Ok(())
}

#[tokio::test]
async fn b10_platform_filters_force_json_log_and_records() -> Result<()> {
    let two = Two::start().await?;
    two.rules(r#"{"SOURCE/a/app:1.27": "TARGET/a/app"}"#)?;
    let base = "--auth auth.json --images images.json --arch amd64,s390x --os linux";
    let ran = two
        .workplace
        .run(&format!("{base} -v --log log --log-format json --records records"))?
        .expect_code(0)?;
    ran.says(&["without one manifest for another platform", "--records is not needed"])?;
    ensure!(!two.workplace.path().join("records").exists(), "no records file is made");
    for line in two.workplace.read("log")?.lines() {
        let line: serde_json::Value = serde_json::from_str(line)?;
        ensure!(line["level"].is_string() && line["msg"].is_string() && line["time"].is_string(), "{line}");
    }
    two.target.forget_requests();
    two.workplace.run(base)?.expect_code(0)?.says(&["unchanged        1 image"])?;
    two.workplace.run(&format!("{base} --force"))?.expect_code(0)?.says(&["copied           1 image"])?;
    let requests = two.target.requests();
    let puts = requests.iter().filter(|line| line.starts_with("PUT "));
    ensure!(
        puts.clone().count() == 2 && puts.clone().all(|line| line.contains("/manifests/")),
        "{requests:?}"
    );
    Ok(())
}
