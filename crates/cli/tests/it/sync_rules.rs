//! `defaults` and `sync` of a config: their meaning without a network, errors, and a run.

use anyhow::{Result, ensure};
use serde_json::json;
use testkit::DockerRegistry;
use testkit::seed::{Flavour, Image, Pusher, layer};

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
        "  repositories: not library/tmp/**",
        "  referrers: none",
        "  -> t.example.com/mirror (login `t.example.com/mirror`, ",
        "  -> u.example.com/all/{path:_}:{tag}-mirror (no login): each at a place of its own",
        "harbor.example.com/(team/(.+)-v([0-9]+))/ (login `harbor.example.com`, ",
        "  referrers: none",
        "  -> t.example.com/mirror/$2/$1 (login `t.example.com/mirror`, ",
        "one: quay.io/coreos/etcd (no login): v3.5.0, v3.5.1",
        "  referrers: none",
        "  -> t.example.com/mirror/etcd (login `t.example.com/mirror`, ",
    ];
    ensure!(lines.len() == expected.len(), "{}", ran.stdout);
    for (line, expected) in lines.iter().zip(expected) {
        ensure!(line.starts_with(expected), "{line}\n{expected}");
    }
    ensure!(lines[12].ends_with(": each as {tag}-x"), "{}", lines[12]);
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
            rule("auths: {r.io: {username: u, password: hunter2}}"),
            &[
                "c.yaml:4:1: `auths` means nothing: write `auth`",
                "^",
                "what docker login left is used anyway",
            ],
        ),
        (
            rule("- from: r.io/a\n  to: [t.io/a, mirror/x]"),
            &[
                "c.yaml:5:16: the target `mirror/x` names no registry",
                "`docker.io/mirror/x`",
                "`HOST/mirror/x`",
            ],
        ),
        (rule("- from: r.io/**\n  to: '{path}'"), &["c.yaml:5:7: the target `{path}` names no registry"]),
        (rule("- from: r.io/**\n  to: t.io/{repo:_}"), &["c.yaml:5:7: ", "did you mean `{repository:_}`?"]),
        (rule("- from: r.io/**\n  to: t.io/{pth}"), &["c.yaml:5:7: ", "did you mean `{path}`?"]),
        (rule("- from: r.io/a\n  to: t.io/a:{tags}-x"), &["c.yaml:5:7: ", "did you mean `{tag}`?"]),
        (
            rule("- from: r.io/a\n  to: t.example.com"),
            &["c.yaml:5:7: the target `t.example.com` names no repository"],
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
        (
            "auth: {r.io: {insecure: true}}\nsync:\n- source: r.io/a\n  target: t.io/a\n".to_owned(),
            &["c.yaml:3:3: `source`", "did you mean `from`?", "c.yaml:4:3: `target`", "did you mean `to`?"],
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

#[tokio::test(flavor = "multi_thread")]
async fn two_rules_with_other_images_for_one_tag_fail_and_leave_it_alone() -> Result<()> {
    let (source, target) = (DockerRegistry::open().await?, DockerRegistry::open().await?);
    let pusher = Pusher::new(source.host());
    for (repository, number) in [("team/a", 1), ("team/b", 2)] {
        let image = Image::new(Flavour::Oci).layer(layer(number, 100));
        pusher.image(repository, "latest", &image).await?;
        pusher.image(repository, format!("only-{number}").as_str(), &image).await?;
    }
    let (from, to) = (source.host(), target.host());
    let config = format!(
        "auth:\n  {from}: {{plainHttp: true}}\n  {to}: {{plainHttp: true}}\nsync:\n\
         - {{name: a, from: {from}/team/a, to: {to}/app}}\n- {{name: b, from: {from}/team/b, to: {to}/app}}\n"
    );
    let workplace = Workplace::new()?;
    workplace.write("image-syncer.yaml", &config)?;
    let told = format!("{to}/app:latest (from {from}/team/a:latest and {from}/team/b:latest)");
    let ran = workplace.run("sync")?.expect_code(1)?;
    ran.says(&[&told, "tags or patterns that do not overlap"])?;
    let there = Pusher::new(to.as_str());
    let mut tags = there.tags("app").await?;
    tags.sort();
    ensure!(tags == ["only-1", "only-2"], "{tags:?}");
    // Alone, each rule is valid.
    workplace.run("sync --only b")?.expect_code(0)?;
    ensure!(there.digest("app", "latest").await? == pusher.digest("team/b", "latest").await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_rule_is_carried_out_by_its_name() -> Result<()> {
    let (source, target) = (DockerRegistry::open().await?, DockerRegistry::open().await?);
    let image = Image::new(Flavour::Oci).layer(layer(1, 100));
    Pusher::new(source.host()).image("app", "v1", &image).await?;
    let (from, to) = (source.host(), target.host());
    let config = format!(
        "auth:\n  {from}: {{plainHttp: true}}\n  {to}: {{plainHttp: true}}\n  other.invalid: {{plainHttp: true}}\n\
         images:\n  other.invalid/images: {to}/images\nsync:\n- {{name: apps, from: {from}/app, to: {to}/app}}\n\
         - {{name: others, from: other.invalid/x, to: {to}/x}}\n- {{from: other.invalid/y, to: {to}/y}}\n"
    );
    let workplace = Workplace::new()?;
    workplace.write("c.yaml", &config)?;
    let ran = workplace.run("sync --config c.yaml --only apps --json")?.expect_code(0)?;
    let report: serde_json::Value = serde_json::from_str(&ran.stdout)?;
    ensure!(report["images"].as_array().map(Vec::len) == Some(1) && report["images"][0]["rule"] == "apps");
    ensure!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    for (name, says) in
        [("app", "did you mean `apps`?"), ("nothing-like-it", "those that have names: apps, others")]
    {
        let told = format!("--only: no rule of `sync` has the name `{name}`");
        workplace
            .run(&format!("sync --config c.yaml --only {name}"))?
            .expect_code(2)?
            .says(&[&told, says])?;
    }
    let expanded = workplace.run("expand --config c.yaml --only others")?.expect_code(0)?;
    ensure!(expanded.stdout.starts_with("others: other.invalid/x ") && expanded.stdout.lines().count() == 2);
    let checked = workplace.run("check --config c.yaml --only apps")?.expect_code(0)?;
    ensure!(
        checked.stdout.contains(&format!("{from}/app (rule \"apps\"): pull: `v1` can be read")),
        "{}",
        checked.stdout
    );
    ensure!(!checked.stdout.contains("other.invalid"), "{}", checked.stdout);
    let checked = workplace.run("check --config c.yaml --only apps --json")?.expect_code(0)?;
    let checked: serde_json::Value = serde_json::from_str(&checked.stdout)?;
    let of_rule = |finding: &&serde_json::Value| finding["rule"] == "apps" && finding["step"] == "push";
    ensure!(checked["findings"].as_array().is_some_and(|all| all.iter().filter(of_rule).count() == 1));
    workplace.write("i.yaml", "images: {r.io/a: t.io/a}\n")?;
    workplace.run("sync --config i.yaml --only r.io/a")?.expect_code(2)?.says(&["`- name: NAME`"])?;
    workplace
        .run("sync --config c.yaml --only apps --retry-failed f.yaml")?
        .expect_code(2)?
        .says(&["--only and --retry-failed cannot be used together"])?;
    for verb in ["sync", "verify", "plan"] {
        let ran = workplace.run(&format!("{verb} --config c.yaml --shard 1/2 --retry-failed f.yaml"))?;
        ran.expect_code(2)?
            .says(&["--retry-failed and --shard cannot be used together", "leave --shard out"])?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_that_matches_no_repository_is_told_with_its_rule_and_fails_below_at_least() -> Result<()> {
    let (source, target) = (DockerRegistry::open().await?, DockerRegistry::open().await?);
    let image = Image::new(Flavour::Oci).layer(layer(1, 100));
    Pusher::new(source.host()).image("library/app", "v1", &image).await?;
    let (from, to) = (source.host(), target.host());
    let config = |rest: &str| {
        format!(
            "auth:\n  {from}: {{plainHttp: true}}\n  {to}: {{plainHttp: true}}\n\
             sync:\n- {{name: apps, from: {from}/libary/**, to: {to}/m{rest}}}\n"
        )
    };
    let workplace = Workplace::new()?;
    workplace.write("image-syncer.yaml", &config(""))?;
    let told = format!(
        "warning {from}/libary/** (rule \"apps\"): no repository matches: 1 repository is listed: `library/app`; \
         did you mean `{from}/library/**`?"
    );
    let ran = workplace.run("sync --log log")?.expect_code(0)?.says(&[&told])?;
    ensure!(ran.stderr.matches("warning").count() == 1, "{}", ran.stderr);
    ensure!(workplace.read("log")?.contains("(rule \\\"apps\\\"): no repository matches"));
    workplace.write("image-syncer.yaml", &config(", tags: {atLeast: 1}"))?;
    let failed = format!(
        "failed {from}/libary/** (rule \"apps\"): source {from}: listing repositories: no tags are there"
    );
    let ran = workplace.run("sync")?.expect_code(3)?.says(&[&told, &failed])?;
    let told = ran.stderr.matches("`atLeast` asks for 1").count();
    ensure!(told == 2, "when it happens, and with what to do at the end:\n{}", ran.stderr);
    Ok(())
}

#[test]
fn expand_needs_none_of_what_logins_are_kept_in() -> Result<()> {
    let workplace = Workplace::new()?;
    let config = "auth:\n  r.io: {username: u, passwordEnv: NO_SUCH}\n  t.io: {username: u, passwordFile: nowhere}\n\
                  sync:\n- {from: r.io/a, to: t.io/a}\n";
    workplace.write("image-syncer.yaml", config)?;
    let ran = workplace.run("expand")?.expect_code(0)?;
    let ran =
        ran.says(&["has the passwordEnv `NO_SUCH`, but that variable is not set", "passwordFile `nowhere`"])?;
    ensure!(ran.stderr.matches("warning").count() == 2, "{}", ran.stderr);
    let source =
        "r.io/a (login `r.io`, auth entry in image-syncer.yaml:2, from $NO_SUCH, which is not set): all tags";
    ensure!(ran.stdout.starts_with(source), "{}", ran.stdout);
    ensure!(
        ran.stdout.contains(
            "(login `t.io`, auth entry in image-syncer.yaml:3, from the file nowhere, which cannot be used)"
        ),
        "{}",
        ran.stdout
    );
    workplace.run("sync")?.expect_code(2)?.says(&["has the passwordEnv `NO_SUCH`"])?;
    Ok(())
}

const POLICIES: &str = r#"
defaults: {platforms: [linux/amd64, linux/arm64/v8]}
sync:
  - name: usual
    from: q.io/a:v1
    to: t.io/a
    platforms: [linux/amd64]
  - name: unusual
    from: q.io/team/**
    repositories: {include: ["team/app-*", "/-v2$/"], exclude: ["team/tmp/**"]}
    to: t.io/team
    referrers: {types: ["application/spdx+json", "application/vnd.cyclonedx*"], exclude: [application/vnd.cyclonedx+xml]}
    onConflict: keep
images:
  q.io/old: t.io/old
"#;

#[test]
fn expand_shows_how_rules_copy_and_how_flags_narrow_it() -> Result<()> {
    let workplace = Workplace::new()?;
    workplace.write("image-syncer.yaml", POLICIES)?;
    let lines = |flags: &str| -> Result<Vec<String>> {
        let ran = workplace.run(&format!("expand {flags}"))?.expect_code(0)?;
        Ok(ran.stdout.lines().map(str::to_owned).collect())
    };
    let usual = [
        "q.io/old (no login): all tags",
        "  -> t.io/old (no login): the same names",
        "usual: q.io/a (no login): v1",
        "  platforms: linux/amd64",
        "  -> t.io/a (no login): the same names",
        "unusual: q.io/team/** (no login): every repository that matches",
        "  repositories: team/app-*, /-v2$/; not team/tmp/**",
        "  platforms: linux/amd64, linux/arm64/v8",
        "  referrers: application/spdx+json, application/vnd.cyclonedx*, but not application/vnd.cyclonedx+xml",
        "  where the target has another image: that stays",
        "  -> t.io/team (no login): each at a place of its own",
    ];
    let shown = lines("")?;
    ensure!(shown == usual, "{shown:#?}");
    let narrowed = lines("--referrers=false --platform linux/amd64 --os linux")?;
    ensure!(narrowed[1] == "  platforms: linux/amd64, linux", "{narrowed:#?}");
    ensure!(
        narrowed.contains(&"  platforms: linux/amd64, of these only linux/amd64, linux".to_owned()),
        "{narrowed:#?}"
    );
    ensure!(narrowed.iter().filter(|line| *line == "  referrers: none").count() == 2, "{narrowed:#?}");
    let none = workplace.run("expand --platform linux/s390x")?.expect_code(0)?;
    none.says(&[
        "no platform is left of the rule \"usual\": it wants linux/amd64, of these only linux/s390x",
    ])?;
    ensure!(lines("--referrers")?[1] == "  referrers: all");
    let json = workplace.run("expand --json")?.expect_code(0)?;
    let shown: serde_json::Value = serde_json::from_str(&json.stdout)?;
    ensure!(
        (&shown[1]["index"], &shown[1]["attestations"]) == (&json!("auto"), &json!("keep")),
        "{}",
        json.stdout
    );
    let keys = ["repositories", "tags", "platforms", "referrers", "onConflict"];
    let of = |rule: usize| keys.map(|key| shown[rule][key].clone());
    ensure!(of(0) == [json!(null), json!("all tags"), json!(null), json!(false), json!("overwrite")]);
    ensure!(of(1) == [json!(null), json!("v1"), json!("linux/amd64"), json!(true), json!("overwrite")]);
    let repositories = json!({"include": [["team/app-*", "/-v2$/"]], "exclude": ["team/tmp/**"]});
    let referrers = json!({
        "types": ["application/spdx+json", "application/vnd.cyclonedx*"],
        "exclude": ["application/vnd.cyclonedx+xml"],
    });
    let platforms = json!("linux/amd64, linux/arm64/v8");
    ensure!(
        of(2) == [repositories, json!("all tags"), platforms, referrers, json!("keep")],
        "{}",
        json.stdout
    );
    Ok(())
}

#[test]
fn names_that_two_rules_write_are_told_before_any_request() -> Result<()> {
    let workplace = Workplace::new()?;
    let digest = format!("sha256:{}", "1".repeat(64));
    for (first, second, collides) in [
        ("q.io/a:v1,v2", "r.io/b:v2", true),
        ("q.io/a:v1", "r.io/b:v2", false),
        ("q.io/a:v1", "q.io/a:v1", false),
        (&format!("q.io/a:v1@{digest}"), &format!("r.io/b:v1@{digest}"), false),
        (&format!("q.io/a:v2@{digest}"), "r.io/b:v2", true),
    ] {
        let text = format!(
            "sync:\n- {{name: one, from: '{first}', to: t.io/x}}\n- from: '{second}'\n  to: [t.io/x]\n"
        );
        workplace.write("c.yaml", &text)?;
        let ran = workplace.run("expand --config c.yaml")?.expect_code(if collides { 2 } else { 0 })?;
        if collides {
            ran.says(&[
                "c.yaml:4:8: t.io/x:v2 would come from both q.io/a",
                "(rule \"one\", line 2) and r.io/b:v2 (rule for `r.io/b:v2`)",
            ])?;
        }
    }
    // In `images`, the later rule wins.
    workplace.write("c.yaml", "images: {q.io/a:v1: t.io/x, r.io/b:v1: t.io/x}\n")?;
    workplace.run("expand --config c.yaml")?.expect_code(0)?;
    Ok(())
}

#[test]
fn the_schema_is_printed_and_names_what_is_there() -> Result<()> {
    let workplace = Workplace::new()?;
    let ran = workplace.run("schema config")?.expect_code(0)?;
    let schema: serde_json::Value = serde_json::from_str(&ran.stdout)?;
    ensure!(schema["properties"]["sync"]["items"]["properties"]["tags"]["properties"]["minAge"].is_object());
    workplace.run("schema nothing")?.expect_code(2)?.says(&["knows no `nothing`", "write config, plan,"])?;
    workplace.run("schema confg")?.expect_code(2)?.says(&["did you mean `config`?"])?;
    workplace.run("schema")?.expect_code(2)?;
    Ok(())
}
