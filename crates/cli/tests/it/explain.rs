//! `explain`: why an image was copied, skipped or failed, from the report of a run and its config.

use anyhow::{Context as _, Result, ensure};
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, Match, Times};

use crate::process::{Ran, Workplace};

struct Bench {
    source: EmbeddedRegistry,
    target: EmbeddedRegistry,
    workplace: Workplace,
}

const RULES: &str = "sync:
- name: apps
  from: SOURCE/a/**
  to: TARGET/b
  tags: {include: ['v*', stable], exclude: ['*-rc'], pins: [pinned]}
- name: newest
  from: SOURCE/c/lib
  to: TARGET/c
  tags: {latest: 1}
- name: lost
  from: SOURCE/none/there
  to: TARGET/d
";

impl Bench {
    /// Creates a bench after a run with a report.
    async fn after_a_run() -> Result<Self> {
        let (source, target) =
            (EmbeddedRegistry::builder().start().await?, EmbeddedRegistry::builder().start().await?);
        let bench = Self { source, target, workplace: Workplace::new()? };
        let (from, to) = (bench.source.host(), bench.target.host());
        let auth = format!(
            "auth:\n  {from}: {{insecure: true}}\n  {to}: {{insecure: true, username: me, password: top-secret}}\n"
        );
        let rules = RULES.replace("SOURCE", &from).replace("TARGET", &to);
        bench.workplace.write("image-syncer.yaml", &(auth + &rules))?;
        for (repository, tag) in [
            ("a/app", "v1"),
            ("a/app", "v2-rc"),
            ("a/app", "pinned"),
            ("a/app", "vbroken"),
            ("a/web", "v1"),
            ("a/web", "pinned"),
            ("c/lib", "1.0"),
            ("c/lib", "1.1"),
        ] {
            let layers = [sample::layer(u64::from(tag == "vbroken") + 1, 5_000)];
            sample::image(bench.source.store(), repository, Some(tag), Flavour::Oci, &layers, "amd64");
        }
        let broken = sample::layer(2, 5_000);
        bench.source.store().remove_blob("a/app", &oci::Digest::sha256(&broken).to_string());
        bench.run("sync --report r.json --no-state --retries 0")?.expect_code(1)?;
        Ok(bench)
    }

    fn run(&self, arguments: &str) -> Result<Ran> {
        let arguments =
            arguments.replace("SOURCE", &self.source.host()).replace("TARGET", &self.target.host());
        self.workplace.run(&arguments)
    }

    fn explain(&self, image: &str, status: i32) -> Result<Ran> {
        self.run(&format!("explain {image} --report r.json"))?.expect_code(status)?.hides(&["top-secret"])
    }
}

fn has(ran: &Ran, lines: &[&str]) -> Result<()> {
    for line in lines {
        ensure!(ran.stdout.contains(line), "{line:?} is missing:\n{}", ran.all());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_of_the_report_is_explained_without_asking_anybody() -> Result<()> {
    let bench = Bench::after_a_run().await?;
    bench.source.clear_requests();
    let from = bench.source.host();
    let copied = bench.explain("SOURCE/a/app:v1", 0)?;
    has(
        &copied,
        &[
            "/a/app:v1 -> ",
            "outcome   copied: the target did not have this image under this name",
            "rule      apps",
            "selected  tags with ",
            "digest    sha256:",
            "bytes     ",
            &format!("source    {from}: "),
            "requests in the whole run",
            "(auth entry in image-syncer.yaml",
            "in the run of `sync`",
        ],
    )?;
    has(&bench.explain("TARGET/b/app:v1", 0)?, &["outcome   copied"])?;
    has(&bench.explain("app:pinned", 0)?, &["selected  it stands in `pins`"])?;
    let failed = bench.explain("app:vbroken", 0)?;
    has(&failed, &["outcome   failed", "error     source ", "reading blob", "next      the source lacks"])
        .or_else(|_| has(&failed, &["outcome   failed", "error     source ", "next      "]))?;
    ensure!(bench.source.requests().is_empty(), "{:?}", bench.source.requests());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_in_the_report_is_explained_by_its_rule() -> Result<()> {
    let bench = Bench::after_a_run().await?;
    let left_out = bench.explain("SOURCE/a/app:v2-rc", 0)?;
    has(
        &left_out,
        &[
            "is not in the report",
            "rule apps: leaves it out by its name (exclude: `*-rc` in `exclude` fits it)",
        ],
    )?;
    has(
        &bench.explain("a/app:v2-rc", 0)?,
        &["/a/app:v2-rc is not in the report", "rule apps: leaves it out"],
    )?;
    has(&bench.explain("SOURCE/a/app:main", 0)?, &["(include: no pattern of `include` fits it)"])?;
    has(
        &bench.explain("SOURCE/c/lib:1.0", 0)?,
        &["rule newest: selects its name", "and left it out: ", "newest of"],
    )?;
    has(
        &bench.explain("TARGET/c:1.0", 0)?,
        &["rule newest, which would copy ", "/c/lib:1.0 there: selects its name", "and left it out: "],
    )?;
    let never = bench.explain("SOURCE/c/lib:0.9", 0)?;
    has(&never, &["rule newest: selects its name", "it was not there when the run listed it"])?;
    ensure!(!never.stdout.contains("what is newer"), "{}", never.stdout);
    let report: serde_json::Value = serde_json::from_str(&bench.workplace.read("r.json")?)?;
    let selections: Vec<_> = report["rules"].as_array().into_iter().flatten().collect();
    ensure!(selections.len() == 3 && selections[1]["name"] == "newest", "{report:#}");
    let newest = &selections[1]["selection"];
    ensure!(newest["listed"] == 2 && newest["older"] == 1 && newest["selected"] == 1, "{report:#}");
    ensure!(report["leftOut"][0]["tag"] == "1.0" && report["leftOutMore"] == 0, "{report:#}");
    let lost = bench.explain("SOURCE/none/there:v1", 0)?;
    has(
        &lost,
        &[
            "rule lost brought no images of ",
            "error     source ",
            "listing tags",
            "next      check the repository's name",
        ],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_failed_is_told_by_the_end_of_a_name_too() -> Result<()> {
    let bench = Bench::after_a_run().await?;
    let refuse = |path: &str| {
        let effect = Effect::refuse(403, "DENIED", "not now");
        bench.source.misbehave(Fault { when: Match::path(path), times: Times::Always, effect });
    };
    refuse("/v2/a/web/tags/list");
    bench.run("sync --report r.json --no-state --retries 0")?.expect_code(1)?;
    let (from, to) = (bench.source.host(), bench.target.host());
    let list =
        format!("rule apps brought no images of {from}/a/web\n  error     source {from}: listing tags: ");
    for name in ["SOURCE/a/web:v1", "SOURCE/a/web", "a/web:v1", "a/web", "web:v1", "web"] {
        let told = bench.explain(name, 0)?;
        has(&told, &[&list, "not now"])?;
        ensure!(told.stdout.matches("brought no images").count() == 1, "{}", told.stdout);
        ensure!(!told.stdout.contains("was not there"), "the list was not read: {}", told.stdout);
    }
    has(&bench.explain("web:v1-rc", 0)?, &[&list, "rule apps: leaves it out by its name"])?;
    let there = |tag: &str| {
        format!("rule apps, which would copy {from}/a/web{tag} there, brought no images of {from}/a/web")
    };
    for (name, tag) in [("TARGET/b/web:v1", ":v1"), ("TARGET/b/web", ""), ("b/web:v1", ":v1"), ("b/web", "")]
    {
        let told = bench.explain(name, 0)?;
        has(&told, &[&format!("{to}/b/web{tag} is not in the report"), &there(tag), "not now"])?;
    }
    let other = bench.explain("app:v1", 0)?;
    has(&other, &["outcome   unchanged"])?;
    ensure!(!other.stdout.contains("brought no images"), "{}", other.stdout);

    refuse("/v2/_catalog");
    bench.run("sync --report r.json --no-state --retries 0")?.expect_code(1)?;
    std::fs::remove_file(bench.workplace.path().join("image-syncer.yaml"))?;
    let all = format!("rule apps brought no images of {from}/a/**\n");
    for name in ["SOURCE/a/new/web:v1", "a/web:v1", "web"] {
        has(&bench.explain(name, 0)?, &[&all, "listing repositories", "not now"])?;
    }
    // `c/lib` was copied; a repository of that name below `a` was not listed.
    has(
        &bench.explain("lib:1.1", 0)?,
        &["outcome   unchanged", "may have such an image, too:\n  rule apps "],
    )?;
    bench.explain(&format!("{to}/x/web:v1"), 1)?.says(&["name the config, too"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_image_names_others_and_what_is_no_report_is_refused() -> Result<()> {
    let bench = Bench::after_a_run().await?;
    bench.explain(":v1", 1)?.says(&[
        "several images have names that end with `:v1`",
        "/a/app:v1",
        "/a/web:v1",
    ])?;
    bench.explain("r.io/x/ap:v1", 1)?.says(&["is not in the report", "names like it: ", "/a/app:v1"])?;
    bench.run("explain x --report none.json")?.expect_code(2)?.says(&["none.json: it cannot be read"])?;
    bench.workplace.write("plan.json", r#"{"schema": "image-syncer/plan/1"}"#)?;
    bench
        .run("explain x --report plan.json")?
        .expect_code(2)?
        .says(&["a report's is image-syncer/report/1"])?;
    bench.run("explain x")?.expect_code(2)?.says(&["lacks --report FILE"])?;
    // Without a config, only the report is used.
    std::fs::remove_file(bench.workplace.path().join("image-syncer.yaml"))?;
    let told = bench.explain("app:v1", 0)?;
    has(&told, &["outcome   copied", "rule      apps"])?;
    ensure!(!told.stdout.contains("selected"), "{}", told.stdout);
    bench.explain("r.io/other:v9", 1)?.says(&["name the config, too"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_apply_refused_or_never_had_is_not_explained_by_lists() -> Result<()> {
    let bench = Bench::after_a_run().await?;
    let config = bench.workplace.read("image-syncer.yaml")?;
    let lib = config.replace("  tags: {latest: 1}", "  tags: {latest: 1, pins: ['9.9']}");
    bench.workplace.write("image-syncer.yaml", &lib)?;
    bench.run("plan --no-state --retries 0 --out p.json")?;
    bench.run("apply p.json --no-state --report r.json --retries 0")?;
    let failed = bench.explain("SOURCE/none/there:v1 --config image-syncer.yaml", 0)?;
    ensure!(!failed.stdout.contains("when the run listed it"), "{}", failed.all());
    let refused = bench.explain("SOURCE/c/lib:9.9 --config image-syncer.yaml", 0)?;
    has(&refused, &["refused", "is not brought: when the plan was made, the source did not have"])?;
    ensure!(!refused.stdout.contains("selects"), "{}", refused.all());
    let older = bench.explain("SOURCE/c/lib:1.0 --config image-syncer.yaml", 0)?;
    has(&older, &["is not in the report", "the plan that was applied has no step for it"])?;
    ensure!(!older.stdout.contains("narrowed"), "{}", older.all());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_was_moved_is_told_with_what_it_pointed_to_before() -> Result<()> {
    let bench = Bench::after_a_run().await?;
    let before = bench.target.store().manifest("b/app", "v1").context("it was copied")?.digest;
    sample::image(bench.source.store(), "a/app", Some("v1"), Flavour::Oci, &[sample::layer(9, 500)], "amd64");
    let ran = bench.run("sync -v --report r.json --no-state --retries 0")?.expect_code(1)?;
    let ran = ran.says(&[
        &format!("; the tag pointed to {before} before)"),
        "replaced         1 image of these: its tag pointed to another one",
    ])?;
    ensure!(ran.stderr.matches("the tag pointed to").count() == 1, "{}", ran.all());
    has(
        &bench.explain("TARGET/b/app:v1", 0)?,
        &[&format!("outcome   copied: the tag pointed to {before} before")],
    )?;
    has(&bench.explain("TARGET/b/app:pinned", 0)?, &["outcome   unchanged"])?;
    let report: serde_json::Value = serde_json::from_str(&bench.workplace.read("r.json")?)?;
    let moved: Vec<_> = report["images"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|image| image["replacedDigest"].is_string())
        .collect();
    ensure!(moved.len() == 1 && moved[0]["replacedDigest"] == before, "{report:#}");
    ensure!(report["config"] == "image-syncer.yaml", "{report:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_of_other_rules_explains_nothing() -> Result<()> {
    let bench = Bench::after_a_run().await?;
    let config = bench.workplace.read("image-syncer.yaml")?;
    let rules = ["name: apps", "name: newest", "name: lost"];
    let other = rules.iter().fold(config, |config, name| config.replace(name, &format!("{name}-of-others")));
    bench.workplace.write("image-syncer.yaml", &other)?;
    let told = bench.explain("TARGET/b/app:v1", 0)?;
    has(&told, &["outcome   copied", "rule      apps"])?;
    ensure!(!told.stdout.contains("selected") && !told.stdout.contains("login"), "{}", told.stdout);
    told.says(&[
        "image-syncer.yaml has none of the rules of this report (it was made with image-syncer.yaml), and is left aside",
    ])?;
    let named = bench.explain("TARGET/b/app:v1 --config image-syncer.yaml", 0)?;
    has(&named, &["the config has no such rule about this repository any more"])?;
    named.says(&["what it says of rules and logins may not be what the run did"])?;
    Ok(())
}
