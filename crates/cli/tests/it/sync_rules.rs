//! `defaults` and `sync` of a config: what they mean without a network, what is refused, and a run.

use anyhow::{Result, ensure};
use testkit::DockerRegistry;
use testkit::seed::Pusher;

use crate::process::Workplace;

const CONFIG: &str = r#"
auth:
  harbor.example.com: {username: robot$a, password: hunter2}
  t.example.com/mirror: {username: u, password: hunter2}
defaults: {referrers: false}
sync:
  - name: apps
    from: harbor.example.com/library/**
    repositories: {exclude: [library/tmp/**]}
    to: [t.example.com/mirror, "u.example.com/all/{path:_}:{tag}-mirror"]
  - from: harbor.example.com/(team/(.+)-v([0-9]+))/
    to: t.example.com/mirror/$2/$1
  - name: one
    from: quay.io/coreos/etcd:v3.5.0,v3.5.1
    to: "t.example.com/mirror/etcd:{tag}-x"
images:
  quay.io/coreos/flannel: u.example.com/flannel
"#;

#[test]
fn expand_shows_the_rules_of_images_and_then_those_of_sync() -> Result<()> {
    let workplace = Workplace::new()?;
    workplace.write("image-syncer.yaml", CONFIG)?;
    let ran = workplace.run("expand")?.expect_code(0)?.hides(&["hunter2"])?;
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let expected = [
        "quay.io/coreos/flannel (no login): all tags",
        "  -> u.example.com/flannel (no login): the same names",
        "apps: harbor.example.com/library/** (login `harbor.example.com`, ",
        "  -> t.example.com/mirror (login `t.example.com/mirror`, ",
        "  -> u.example.com/all/{path:_}:{tag}-mirror (no login): each at a place of its own",
        "harbor.example.com/(team/(.+)-v([0-9]+))/ (login `harbor.example.com`, ",
        "  -> t.example.com/mirror/$2/$1 (login `t.example.com/mirror`, ",
        "one: quay.io/coreos/etcd (no login): v3.5.0, v3.5.1",
        "  -> t.example.com/mirror/etcd (login `t.example.com/mirror`, ",
    ];
    ensure!(lines.len() == expected.len(), "{}", ran.stdout);
    for (line, expected) in lines.iter().zip(expected) {
        ensure!(line.starts_with(expected), "{line}\n{expected}");
    }
    ensure!(lines[8].ends_with(": each as {tag}-x"), "{}", lines[8]);
    let json = workplace.run("expand --json")?.expect_code(0)?;
    let shown: serde_json::Value = serde_json::from_str(&json.stdout)?;
    let names: Vec<_> = shown.as_array().unwrap().iter().map(|rule| rule["name"].clone()).collect();
    ensure!(names == [().into(), "apps".into(), ().into(), serde_json::Value::from("one")], "{names:?}");
    ensure!(
        shown[3]["selection"] == "v3.5.0, v3.5.1" && shown[3]["targets"][0]["names"] == "each as {tag}-x"
    );
    Ok(())
}

#[test]
fn slips_in_sync_rules_end_the_run_before_any_request() -> Result<()> {
    let workplace = Workplace::new()?;
    let rule = |rest: &str| format!("sync:\n- from: no-such-host.invalid/a/**\n  to: t.invalid/a\n{rest}\n");
    for (text, says) in [
        (
            rule("  tagz: {latest: 1}"),
            &["c.yaml:4:3: `tagz` means nothing", "  4 |   tagz: {latest: 1}", "did you mean `tags`?"][..],
        ),
        (
            rule("- from: r.io/a\n  to: t.io/a\n  repositories: {exclude: [x]}"),
            &["c.yaml:6:17: `repositories` chooses among those of a pattern, but `from` names one"],
        ),
        (
            rule("- from: r.io/a:v1\n  to: t.io/a\n  tags: {exclude: [x]}"),
            &["c.yaml:6:9: both `from` and `tags` say which tags are meant"],
        ),
        (
            rule("  tags: {include: ['/a(/']}"),
            &["c.yaml:4:20: `include` cannot be used: `/a(/` is no regular"],
        ),
        (rule("  tags: {latest: 5}"), &["c.yaml:4:9: `tags` is not supported yet"]),
        (rule("  attestations: drop"), &["`attestations: drop` is not supported yet"]),
        (rule("  to: t.invalid/b"), &["c.yaml:4:3: `to` stands twice in one map: here and in line 3"]),
        (
            rule("- from: r.io/(a(/\n  to: t.io/a"),
            &["c.yaml:4:9: `r.io/(a(/` begins a regular expression", "HOST/(regex)/"],
        ),
        (rule("- from: r.io/A\n  to: t.io/a"), &["c.yaml:4:9: the source cannot be used", "upper-case"]),
        (
            rule("- from: r.io/a\n  to: [t.io/a, t.io/$NS/a]"),
            &["c.yaml:5:16: `t.io/$NS/a` has a `$`, but variables are not replaced in `sync`"],
        ),
        (
            rule("- from: r.io/(a/(.*))/\n  to: t.io/$2"),
            &["c.yaml:5:7: ", "`$2` stands for nothing: the source's groups are $1"],
        ),
        (
            rule("- from: r.io/a\n  to: t.io/{path}"),
            &["c.yaml:5:7: ", "only a source with * or ** has something to put there"],
        ),
        (
            rule("- from: r.io/a\n  to: r.io/a:{tag}-x"),
            &["c.yaml:5:7: ", "each run would copy the last one's copies again"],
        ),
        (rule("- from: r.io/a\n  to: t.io/a:{name}-x"), &["c.yaml:5:7: ", "has no `{tag}`"]),
        (rule("- from: oci:/srv/a\n  to: t.io/a"), &["c.yaml:4:9: ", "a later release"]),
        (
            rule("images: {r.io/A: t.io/x}\ndefaults: {tags: 1}"),
            &["c.yaml:5:18: `defaults.tags` must be a map"],
        ),
        (
            "default: {referrers: true}\nsync: [{from: r.io/a, to: t.io/a}]\n".to_owned(),
            &["c.yaml:1:1: `default` means nothing: write `defaults`"],
        ),
        (
            "snyc: [{from: r.io/a, to: t.io/a}]\n".to_owned(),
            &["c.yaml:1:1: `snyc` means nothing: write `sync`"],
        ),
        (
            "Sync: [{from: r.io/a, to: t.io/a}]\n".to_owned(),
            &["c.yaml:1:1: `Sync` means nothing: write `sync`"],
        ),
        ("sync: []\n".to_owned(), &["`sync` has no rules"]),
        (
            "images: {a/b: c/d}\nsync: [{source: a/b, target: c/d, type: image}]\n".to_owned(),
            &["a file for regsync", "`image-syncer import c.yaml`"],
        ),
    ] {
        workplace.write("c.yaml", &text)?;
        for verb in ["expand", "sync", ""] {
            let ran = workplace.run(&format!("{verb} --config c.yaml"))?.expect_code(2)?.says(says)?;
            ensure!(ran.stdout.is_empty() && !ran.stderr.contains("warning"), "{text}: {}", ran.all());
        }
    }
    workplace.write("i.yaml", "sync:\n- {from: r.io/a, to: t.io/a}\n")?;
    workplace.run("--images i.yaml")?.expect_code(2)?.says(&["without `sync`", "write --config FILE"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_rules_are_carried_out_in_both_forms() -> Result<()> {
    let (source, target) = (DockerRegistry::open().await?, DockerRegistry::open().await?);
    for repository in ["team/app-v1", "team/web-v2", "team/old-v3", "other/app-v1", "images/app"] {
        crate::world::seed(&Pusher::new(source.host()), repository).await?;
    }
    let (from, to) = (source.host(), target.host());
    let config = format!(
        "auth:\n  {from}: {{plainHttp: true}}\n  {to}: {{plainHttp: true}}\nsync:\n\
         - {{name: teams, from: '{from}/(team/(.+)-v([0-9]+))/', to: '{to}/v$2/$1:{{tag}}-mirror', repositories: {{exclude: [/old/]}}}}\n\
         images:\n  {from}/images/app:1.24: {to}/app\n"
    );
    let workplace = Workplace::new()?;
    workplace.write("image-syncer.yaml", &config)?;
    let ran = workplace.run("sync --json")?.expect_code(0)?;
    let report: serde_json::Value = serde_json::from_str(&ran.stdout)?;
    let image = |target: &str| {
        let images = report["images"].as_array().unwrap();
        images.iter().find(|image| image["target"] == format!("{to}/{target}").as_str()).cloned()
    };
    ensure!(
        image("app:1.24").is_some_and(|image| image["rule"] == format!("{from}/images/app:1.24").as_str())
    );
    for landed in ["v1/app:1.24-mirror", "v2/web:1.24-mirror"] {
        ensure!(image(landed).is_some_and(|image| image["rule"] == "teams"), "{landed}: {}", ran.stdout);
    }
    ensure!(!ran.stdout.contains("other/app") && !ran.stdout.contains("team/old"), "{}", ran.stdout);
    let again = workplace.run("--config image-syncer.yaml")?.expect_code(0)?;
    again.says(&["copied           0 images"])?;
    Ok(())
}

#[test]
fn the_schema_is_printed_and_names_what_is_there() -> Result<()> {
    let workplace = Workplace::new()?;
    let ran = workplace.run("schema config")?.expect_code(0)?;
    let schema: serde_json::Value = serde_json::from_str(&ran.stdout)?;
    ensure!(schema["properties"]["sync"]["items"]["properties"]["tags"]["properties"]["minAge"].is_object());
    workplace.run("schema plan")?.expect_code(2)?.says(&["not there yet", "those that are there: config"])?;
    workplace.run("schema confg")?.expect_code(2)?.says(&["did you mean `image-syncer schema config`?"])?;
    workplace.run("schema")?.expect_code(2)?;
    Ok(())
}
