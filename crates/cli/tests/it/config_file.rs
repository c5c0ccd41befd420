//! Unusable files and flags: reported with file and line before any request.

use anyhow::{Result, ensure};

use crate::process::Workplace;

#[test]
fn b14_broken_files_are_told_with_their_line_and_without_the_usage() -> Result<()> {
    let workplace = Workplace::new()?;
    workplace.write("broken.json", "{\n  \"images\": {\n    \"a\": \"b\",\n  }\n}")?;
    workplace.write("broken.yaml", "images:\n  - [a\n")?;
    workplace.write("shape.json", "{\"images\":\n [1, 2]}")?;
    workplace.write("rules.yaml", "images:\n  r.io/a/b: 5\n")?;
    for (file, says) in [
        ("broken.json", "broken.json:3:13: this is not valid JSON: this comma has nothing behind it"),
        ("broken.yaml", "this is not valid YAML"),
        ("shape.json", "shape.json:2: `images` is a list, but must be a map"),
        ("rules.yaml", "rules.yaml:2: the target of `r.io/a/b` is the number 5"),
        ("absent.json", "absent.json: the file does not exist"),
    ] {
        let ran = workplace.run(&format!("--config {file}"))?.expect_code(2)?.says(&[says])?;
        ensure!(ran.stdout.is_empty(), "{}", ran.stdout);
        ensure!(!ran.stderr.contains("Usage"), "b14: {}", ran.stderr);
    }
    Ok(())
}

/// A registry that refuses connections, so that a run ends soon.
const DEAD: &str = r#"{"images": {"127.0.0.1:1/a:v1": "127.0.0.1:1/b"}}"#;

#[test]
fn every_bad_rule_is_told_and_an_empty_target_stops_everything() -> Result<()> {
    let workplace = Workplace::new()?;
    let bad = "{\"images\": {\n\"r.io/A/b\": \"t.io/x\",\n\"r.io/a:/[/\": \"t.io/x\"";
    workplace.write("bad.json", &format!("{bad}}}}}"))?;
    workplace.run("--config bad.json")?.expect_code(2)?.says(&[
        "bad.json:2:",
        "upper-case",
        "bad.json:3:",
        "tag pattern `[`",
    ])?;
    let good = "\"no-such-host.invalid/a:v1\": \"t.invalid/a\"";
    workplace.write("empty.json", &format!("{bad},\n{good},\n\"r.io/a\": \"\"}}}}"))?;
    let ran = workplace.run("--config empty.json")?.expect_code(2)?;
    ran.says(&["empty.json:2:", "empty.json:3:", "empty.json:5:", "--registry and --namespace"])?;
    Ok(())
}

#[tokio::test]
async fn a_bad_rule_leaves_the_others_alone() -> Result<()> {
    let (source, target) = (testkit::DockerRegistry::open().await?, testkit::DockerRegistry::open().await?);
    crate::world::seed(&testkit::seed::Pusher::new(source.host()), "a/app").await?;
    let workplace = Workplace::new()?;
    let auth = [source.host(), target.host()].map(|host| format!("  {host}:\n    insecure: true\n")).concat();
    let rules = format!("  {}/a/app:1.24: {}/x\n  r.io/A/b: t.io/x\n", source.host(), target.host());
    workplace.write("c.yaml", &format!("auth:\n{auth}images:\n{rules}"))?;
    let ran = workplace.run("--config c.yaml --output-failed-images failed.yaml")?.expect_code(1)?;
    ensure!(ran.stdout == "Finished, 0 sync tasks failed, 1 tasks generate failed\n", "{}", ran.stdout);
    ran.says(&["c.yaml:8:", "upper-case", "copied           1 image", "refused          1 rule"])?;
    ensure!(workplace.read("failed.yaml")? == "r.io/A/b:\n- t.io/x\n");
    Ok(())
}

#[test]
fn no_files_are_an_error() -> Result<()> {
    let workplace = Workplace::new()?;
    workplace.run("")?.expect_code(2)?.says(&["neither --config nor --images", "--help"])?;
    for verb in ["check", "expand", "sync"] {
        let ran = workplace.run(verb)?.expect_code(2)?;
        ran.says(&[
            "`./image-syncer.yaml`",
            "is not there",
            &format!("`image-syncer {verb} --config FILE`"),
        ])?;
    }
    Ok(())
}

#[test]
fn flags() -> Result<()> {
    let workplace = Workplace::new()?;
    workplace.write("dead.json", DEAD)?;
    workplace
        .run("--config dead.json -r 0 --log /no/such/folder/log")?
        .expect_code(3)?
        .says(&["Failed to log to file"])?;
    workplace.run("--proc 0 --config dead.json")?.expect_code(2)?.says(&["it must be 1 or more"])?;
    workplace.run("--no-such-flag")?.expect_code(2)?.says(&["--no-such-flag"])?;
    let help = workplace.run("--help")?.expect_code(0)?;
    ensure!(help.stdout.contains("How a rule of `images` reads") && help.stderr.is_empty());
    let version = workplace.run("--version")?.expect_code(0)?;
    ensure!(version.stdout.starts_with("image-syncer "), "{}", version.stdout);
    Ok(())
}

#[test]
fn a_login_that_no_rule_uses_and_a_target_without_one_are_told_together() -> Result<()> {
    let workplace = Workplace::new()?;
    let config = r#"{"auth": {"ruohe-registry.cn-shanghai.aliyuncs.invalid": {"username": "u", "password": "secret"}},
        "images": {"no-such-host.invalid/a/b:v1": ""}}"#;
    workplace.write("c.json", config)?;
    let ran = workplace
        .run("--config c.json --registry=registry.cn-beijing.aliyuncs.invalid --namespace=x -r 0")?;
    let ran = ran.expect_code(3)?.hides(&["secret"])?;
    ran.says(&[
        "`registry.cn-beijing.aliyuncs.invalid` is written to without a login: `auth` in c.json has no entry for",
        "has no entry for `registry.cn-beijing.aliyuncs.invalid`, and docker login left none; did you mean",
        "did you mean `ruohe-registry.cn-shanghai.aliyuncs.invalid`?",
    ])?;
    Ok(())
}

#[test]
fn files_are_found_and_preferred_as_the_go_releases_did() -> Result<()> {
    let workplace = Workplace::new()?;
    workplace.write("rules", "images: {r.io/a: t.io/a}\n")?;
    workplace.run("expand --config rules")?.expect_code(0)?;
    let both =
        workplace.run("expand --config rules --auth absent.json --images absent.json")?.expect_code(0)?;
    both.says(&["--auth and --images are ignored"])?;
    workplace.run("--auth rules")?.expect_code(2)?.says(&["neither --config nor --images"])?;
    workplace.write("images.json", r#"{"r.io/a": "t.io/a"}"#)?;
    workplace.run("expand --images images.json")?.expect_code(0)?.says(&["without --auth"])?;
    workplace.write("CASE.yaml", "IMAGES: {r.io/a: t.io/a}\n")?;
    workplace
        .run("--config CASE.yaml")?
        .expect_code(2)?
        .says(&["`IMAGES` means nothing", "write `images`"])?;
    workplace.write("case.json", r#"{"IMAGES": {"r.io/A/b": "t.io/x"}} trailing"#)?;
    workplace.run("--config case.json")?.expect_code(2)?.says(&["upper-case"])?;
    workplace.write("image-syncer.json", "null")?;
    workplace.run("")?.expect_code(2)?.says(&["image-syncer.json: the file has no rules"])?;
    Ok(())
}
