//! Reports of real runs: as JSON with its schema, as Markdown, as annotations, as text, and merged.

use anyhow::{Context as _, Result, ensure};
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, Match, Times};
use serde_json::Value;

use crate::json_schema::conforms;
use crate::process::{Ran, Workplace};

const REFUSED: &str = "requested access is denied: 100% <script>alert(1)</script>";

/// Three repositories with three images each; the target rejects those of one, and the source lacks blobs of another one.
struct Bench {
    source: EmbeddedRegistry,
    target: EmbeddedRegistry,
    workplace: Workplace,
}

impl Bench {
    async fn start() -> Result<Self> {
        let (source, target) =
            (EmbeddedRegistry::builder().start().await?, EmbeddedRegistry::builder().start().await?);
        for (number, repository) in (0_u64..).zip(["a/good", "a/denied", "b/broken"]) {
            for tag in 0..3 {
                let layers = [sample::layer(number * 10 + tag, 40_000)];
                let name = format!("v{tag}");
                sample::image(source.store(), repository, Some(&name), Flavour::Oci, &layers, "amd64");
            }
        }
        let always = |when, effect| Fault { when, times: Times::Always, effect };
        target.misbehave(always(
            Match::put("/mirror/denied/manifests/"),
            Effect::refuse(403, "DENIED", REFUSED),
        ));
        let unknown = Effect::refuse(404, "BLOB_UNKNOWN", "blob unknown to registry");
        source.misbehave(always(Match::get("/b/broken/blobs/"), unknown));
        let bench = Self { source, target, workplace: Workplace::new()? };
        bench.config("all.yaml", &["a", "b"])?;
        Ok(bench)
    }

    fn config(&self, name: &str, folders: &[&str]) -> Result<()> {
        let (from, to) = (self.source.host(), self.target.host());
        let rules = folders
            .iter()
            .map(|folder| format!("  - {{name: {folder}, from: {from}/{folder}/**, to: {to}/mirror}}\n"));
        let text = format!(
            "auth:\n  {from}: {{insecure: true}}\n  {to}: {{insecure: true}}\nsync:\n{}",
            rules.collect::<String>()
        );
        self.workplace.write(name, &text).map(|_| ())
    }

    fn run(&self, arguments: &str) -> Result<Ran> {
        self.workplace.run(arguments)
    }

    fn json(&self, name: &str) -> Result<Value> {
        Ok(serde_json::from_str(&self.workplace.read(name)?)?)
    }

    fn schema(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.run("schema report")?.expect_code(0)?.stdout)?)
    }
}

const RUN: &str = "--no-state --retries 0 --config";

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_as_its_schema_says_and_its_sums_agree() -> Result<()> {
    let bench = Bench::start().await?;
    let files = "--report r.json --report page.html --report=again.json";
    bench.run(&format!("sync {RUN} all.yaml {files}"))?.expect_code(1)?;
    let report = bench.json("r.json")?;
    conforms(&bench.schema()?, &report)?;
    let totals = &report["totals"];
    ensure!(totals["copied"] == 3 && totals["failed"] == 6, "{totals}");
    let sum = |list: &str, key: &str| -> u64 {
        report[list].as_array().into_iter().flatten().filter_map(|entry| entry[key].as_u64()).sum()
    };
    ensure!(sum("images", "bytesMoved") == totals["bytesMoved"].as_u64().context("bytes")?);
    ensure!(sum("registries", "requests") == totals["requests"].as_u64().context("requests")?);
    ensure!(
        sum("timeline", "bytes") == sum("images", "bytesMoved"),
        "the curve has every byte: {}",
        report["timeline"]
    );
    ensure!(sum("timeline", "images") == 9 && sum("failures", "count") == 6, "{report:#}");
    for group in report["failures"].as_array().context("failures")? {
        let alike = report["images"].as_array().into_iter().flatten();
        let alike = alike.filter(|image| image["error"]["cause"] == group["cause"]).count();
        ensure!(
            alike as u64 == group["count"] && group["hint"].as_str().is_some_and(|hint| !hint.is_empty()),
            "{group}"
        );
    }
    let page = bench.workplace.read("page.html")?;
    ensure!(page.contains("6 of 9 images failed.") && !page.contains("<script>alert"), "{page}");
    ensure!(bench.json("again.json")?["totals"] == report["totals"], "each --report is written");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_of_shards_become_what_one_run_had_reported() -> Result<()> {
    let bench = Bench::start().await?;
    bench.config("a.yaml", &["a"])?;
    bench.config("b.yaml", &["b"])?;
    bench.run(&format!("sync {RUN} a.yaml --report a.json"))?.expect_code(1)?;
    bench.run(&format!("sync {RUN} b.yaml --report b.json"))?.expect_code(3)?;
    // A single run with an empty target.
    let one = Bench::start().await?;
    one.run(&format!("sync {RUN} all.yaml --report all.json"))?.expect_code(1)?;
    let over = bench.run("report merge b.json a.json -o a.json")?.expect_code(2)?;
    over.says(&["--out: a.json is what FILE names, and would be lost: name another file"])?;
    let merged = bench.run("report merge b.json a.json -o m.json --out m.html")?.expect_code(1)?;
    ensure!(merged.stdout.is_empty() && bench.workplace.read("m.html")?.contains("6 of 9 images failed."));
    let (merged, whole) = (bench.json("m.json")?, one.json("all.json")?);
    conforms(&bench.schema()?, &merged)?;
    for key in
        ["copied", "unchanged", "skipped", "failed", "notDone", "bytesMoved", "bytesPresent", "referrersLeft"]
    {
        ensure!(
            merged["totals"][key] == whole["totals"][key],
            "{key}: {} {}",
            merged["totals"],
            whole["totals"]
        );
    }
    ensure!(
        merged["exitCode"] == whole["exitCode"]
            && merged["parts"].as_array().is_some_and(|parts| parts.len() == 2)
    );
    let counts = |report: &Value| {
        let groups = report["failures"].as_array().into_iter().flatten();
        let mut counts: Vec<_> =
            groups.map(|group| (group["kind"].to_string(), group["count"].as_u64())).collect();
        counts.sort();
        counts
    };
    ensure!(counts(&merged) == counts(&whole), "{} {}", merged["failures"], whole["failures"]);
    let bytes = |report: &Value| {
        report["timeline"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|point| point["bytes"].as_u64())
            .sum::<u64>()
    };
    ensure!(bytes(&merged) == bytes(&whole));

    // Merged reports can be merged again, also with a report of a retry; stdout is the document.
    bench.target.behave();
    bench.run(&format!("sync {RUN} a.yaml --report again.json"))?.expect_code(0)?;
    let ran = bench.run("report merge m.json again.json")?.expect_code(1)?;
    let again: Value = serde_json::from_str(&ran.stdout)?;
    ensure!(again["totals"]["copied"] == 6 && again["totals"]["failed"] == 3, "{}", again["totals"]);
    ensure!(again["parts"].as_array().is_some_and(|parts| parts.len() == 3), "{}", again["parts"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_run_and_the_retry_that_mended_its_rules_have_succeeded_together() -> Result<()> {
    let bench = Bench::start().await?;
    bench.config("a.yaml", &["a"])?;
    bench.target.behave();
    for (path, again) in [("/v2/a/good/tags/list", "--retry-failed failed.yaml"), ("/v2/_catalog", "")] {
        let effect = Effect::refuse(403, "DENIED", REFUSED);
        bench.source.misbehave(Fault { when: Match::path(path), times: Times::Always, effect });
        let files = "--output-failed-images failed.yaml --report first.json";
        let first = bench.run(&format!("sync {RUN} a.yaml {files}"))?;
        ensure!(first.code != 0, "{path}: {}", first.all());
        bench.source.behave();
        bench.run(&format!("sync {RUN} a.yaml {again} --report again.json"))?.expect_code(0)?;
        let merged = bench.run("report merge again.json first.json")?.expect_code(0)?;
        let merged: Value = serde_json::from_str(&merged.stdout)?;
        ensure!(merged["failedRules"].as_array().is_some_and(Vec::is_empty), "{path}: {merged:#}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_shown_on_the_terminal_and_as_a_page() -> Result<()> {
    let bench = Bench::start().await?;
    bench.run(&format!("sync {RUN} all.yaml --report r.json"))?.expect_code(1)?;
    let ran = bench.run("report show r.json")?.expect_code(0)?;
    for line in
        ["6 of 9 images failed.", "exit status 1", "  copied       3 images", "  failed       6 images"]
    {
        ensure!(ran.stdout.lines().any(|shown| shown == line), "{line}: {}", ran.stdout);
    }
    ensure!(ran.stdout.contains("  next:  ") && ran.stdout.contains("mirror/denied:v"), "{}", ran.stdout);
    ensure!(bench.run("report show r.json --html -")?.expect_code(0)?.stdout.starts_with("<!doctype html>"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_failed_is_no_rule_without_images() -> Result<()> {
    let bench = Bench::start().await?;
    bench.target.behave();
    bench.config("a.yaml", &["a"])?;
    let refused = Effect::refuse(403, "DENIED", REFUSED);
    let when = Match::path("/v2/a/denied/tags/list");
    bench.source.misbehave(Fault { when, times: Times::Always, effect: refused });
    let files = "--report r.json --report r.html --summary-markdown s.md";
    let ran = bench.run(&format!("sync {RUN} a.yaml {files}"))?.expect_code(1)?;
    let ran = ran.says(&["copied           3 images", "failed           1 list: see above\n"])?;
    ensure!(!ran.stderr.contains("no images"), "{}", ran.stderr);
    let report = bench.json("r.json")?;
    conforms(&bench.schema()?, &report)?;
    ensure!(report["totals"]["failedRules"] == 1 && report["totals"]["failed"] == 0, "{}", report["totals"]);
    let (page, summary) = (bench.workplace.read("r.html")?, bench.workplace.read("s.md")?);
    ensure!(page.contains(">1 list failed.</h1>") && page.contains("</i>list failed</span>"), "{page}");
    ensure!(summary.contains(": 1 list failed\n"), "{summary}");
    ensure!(summary.contains("| failed | list failed |"), "{summary}");
    // An older release's report has no such count.
    bench
        .workplace
        .write("old.json", &bench.workplace.read("r.json")?.replace("\"failedRules\":1", "\"x\":1"))?;
    for file in ["r.json", "old.json"] {
        let shown = bench.run(&format!("report show {file}"))?.expect_code(0)?.stdout;
        ensure!(
            shown.starts_with("1 list failed.\n") && shown.contains("\n  list failed  1\n"),
            "{file}: {shown}"
        );
    }
    let merged = bench.run("report merge old.json")?.expect_code(1)?;
    let merged: Value = serde_json::from_str(&merged.stdout)?;
    ensure!(merged["totals"]["failedRules"] == 1, "{}", merged["totals"]);
    // Of a whole rule it is a list, too. The sentence for scripts stays.
    let whole = Effect::refuse(403, "DENIED", REFUSED);
    bench.source.misbehave(Fault { when: Match::path("/v2/_catalog"), times: Times::Always, effect: whole });
    let ran = bench.run(&format!("sync {RUN} a.yaml"))?;
    ensure!(ran.code != 0 && ran.stderr.contains("  failed           1 list: see above\n"), "{}", ran.stderr);
    let old = bench.run(&format!("{RUN} a.yaml"))?;
    ensure!(old.stdout == "Finished, 0 sync tasks failed, 1 tasks generate failed\n", "{}", old.stdout);
    Ok(())
}

#[test]
fn what_is_no_report_is_told_with_its_file_and_place() -> Result<()> {
    let workplace = Workplace::new()?;
    workplace.write("plan.json", r#"{"schema": "image-syncer/plan/1"}"#)?;
    workplace.write("later.json", r#"{"schema": "image-syncer/report/2", "images": []}"#)?;
    workplace.write("cut.json", r#"{"schema": "image-syncer/report/1", "images": ["#)?;
    workplace.write("odd.json", "{\"schema\": \"image-syncer/report/1\",\n\"images\": [{\"source\": 1}]}")?;
    workplace.write("good.json", r#"{"schema": "image-syncer/report/1", "images": []}"#)?;
    for (file, told) in [
        ("none.json", "none.json: it cannot be read"),
        ("plan.json", "its schema is image-syncer/plan/1"),
        ("later.json", "its schema is image-syncer/report/2"),
        ("cut.json", "it is no whole JSON document"),
        ("odd.json", "odd.json:2: invalid type: integer `1`"),
    ] {
        for command in ["show", "merge good.json"] {
            workplace.run(&format!("report {command} {file}"))?.expect_code(2)?.says(&[told, file])?;
        }
    }
    workplace
        .run("report merge plan.json cut.json -o m.json")?
        .expect_code(2)?
        .says(&["plan.json", "cut.json"])?;
    ensure!(!workplace.path().join("m.json").exists(), "nothing is written then");
    workplace
        .run("report merge good.json -o none/m.json")?
        .expect_code(2)?
        .says(&["none/m.json", "cannot be written"])?;
    workplace.run("report merge - -")?.expect_code(2)?.says(&["stdin is named twice"])?;
    workplace.run("report")?.expect_code(2)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn github_gets_a_summary_and_an_annotation_for_each_cause() -> Result<()> {
    let mut bench = Bench::start().await?;
    bench.workplace.write("summary.md", "before\n")?;
    let quiet = bench.run(&format!("sync {RUN} all.yaml --summary-markdown summary.md"))?.expect_code(1)?;
    ensure!(!quiet.stderr.contains("::error"), "only there: {}", quiet.stderr);
    bench.workplace.variable("GITHUB_ACTIONS", "true");
    let ran = bench.run(&format!("sync {RUN} all.yaml --summary-markdown summary.md"))?.expect_code(1)?;
    let commands: Vec<_> = ran.stderr.lines().filter(|line| line.starts_with("::")).collect();
    ensure!(
        commands.len() == 2 && commands.iter().all(|line| line.starts_with("::error title=3 failed%3A ")),
        "{commands:?}"
    );
    ensure!(
        commands.iter().any(|line| line.contains("100%25 <script>") && line.contains("%0ANext: ")),
        "{commands:?}"
    );
    // The table comes last.
    let (last, table) = (ran.stderr.rfind("::error"), ran.stderr.find("\n  copied  "));
    ensure!(last < table && table.is_some(), "{}", ran.stderr);
    let summary = bench.workplace.read("summary.md")?;
    ensure!(
        summary.starts_with("before\n") && summary.matches("### ❌ image-syncer sync").count() == 2,
        "{summary}"
    );
    ensure!(
        summary.contains("100\\% &lt;script&gt;alert\\(1\\)") && !summary.contains("<script"),
        "{summary}"
    );
    ensure!(summary.matches("6 images not at the target").count() == 2, "{summary}");
    Ok(())
}

#[test]
fn verify_has_no_page() -> Result<()> {
    let workplace = Workplace::new()?;
    workplace.write("c.yaml", "sync:\n  - {from: q.invalid/a, to: r.invalid/a}\n")?;
    let ran =
        workplace.run("verify --config c.yaml --report v.html --summary-markdown s.md")?.expect_code(2)?;
    ran.says(&["`verify` writes JSON, no page", "--summary-markdown"])?;
    Ok(())
}
