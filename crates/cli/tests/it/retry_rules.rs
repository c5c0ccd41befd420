//! What failed is tried again as its rules say: all that cover it, with what a list of images cannot express.

use anyhow::{Context as _, Result, ensure};
use embedded_registry::sample::{self, Flavour, Sample};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, Match, Times};
use serde_json::Value;

use crate::json_schema::conforms;
use crate::process::{Ran, Workplace};

struct Bench {
    source: EmbeddedRegistry,
    target: EmbeddedRegistry,
    workplace: Workplace,
}

const SYNC: &str = "sync --config c.yaml --retries 0";

impl Bench {
    /// `rules` has FROM and TO for the two registries.
    async fn start(rules: &str) -> Result<Self> {
        let source = EmbeddedRegistry::builder().start().await?;
        let target = EmbeddedRegistry::builder().start().await?;
        let bench = Self { source, target, workplace: Workplace::new()? };
        bench.write(
            "c.yaml",
            &format!("auth: {{FROM: {{insecure: true}}, TO: {{insecure: true}}}}\n{rules}"),
        )?;
        Ok(bench)
    }

    fn named(&self, text: &str) -> String {
        text.replace("FROM", &self.source.host()).replace("TO", &self.target.host())
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        self.workplace.write(name, &self.named(text)).map(|_| ())
    }

    /// An image at the source, of its own.
    fn image(&self, repository: &str, tag: &str) -> Sample {
        image(&self.source, repository, tag, &format!("{repository}:{tag}"))
    }

    /// Somebody else's image at the target.
    fn other(&self, repository: &str, tag: &str) -> Sample {
        image(&self.target, repository, tag, "other")
    }

    /// A run in which the source refuses this path, and its list of failures.
    fn fail(&self, path: &str) -> Result<String> {
        let effect = Effect::refuse(403, "DENIED", "not now");
        self.source.misbehave(Fault { when: Match::path(path), times: Times::Always, effect });
        let ran = self.workplace.run(&format!("{SYNC} --output-failed-images failed.yaml"))?;
        self.source.behave();
        self.workplace.read("failed.yaml").with_context(|| ran.all())
    }

    fn retry(&self, name: &str) -> Result<Ran> {
        self.workplace.run(&format!("{SYNC} --retry-failed {name}"))?.expect_code(0)
    }

    /// Whether the target has something under this tag or digest.
    fn has(&self, repository: &str, reference: &str) -> bool {
        self.target.store().manifest(repository, reference).is_some()
    }

    /// Whether the target has this image under this tag.
    fn is_at(&self, repository: &str, tag: &str, image: &Sample) -> bool {
        self.target.store().manifest(repository, tag).is_some_and(|there| there.digest == image.digest)
    }
}

fn image(at: &EmbeddedRegistry, repository: &str, tag: &str, content: &str) -> Sample {
    let layers = [content.to_owned().into()];
    sample::image(at.store(), repository, Some(tag), Flavour::Oci, &layers, "amd64")
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_a_sync_rule_about_many_repositories_is_tried_again_as_it_is() -> Result<()> {
    let bench = Bench::start(
        "sync:\n- from: FROM/lib/**\n  to: [TO/mirror, TO/more]\n  repositories: {exclude: [lib/secret]}\n  \
         tags: {include: ['v*']}\n  onConflict: keep\n- from: FROM/(team/(.+))/\n  to: TO/team/$1\n  \
         tags: {include: ['v*']}\n",
    )
    .await?;
    for (repository, tag) in [
        ("lib/a", "v1"),
        ("lib/a", "w1"),
        ("lib/kept", "v1"),
        ("lib/secret", "v1"),
        ("team/b", "v1"),
        ("team/b", "w1"),
    ] {
        bench.image(repository, tag);
    }
    let theirs = bench.other("mirror/kept", "v1");
    let failed = bench.fail("/v2/_catalog")?;
    let wanted =
        bench.named("'FROM/(team/(.+))/':\n- 'TO/team/$1'\n'FROM/lib/**':\n- TO/mirror\n- TO/more\n");
    ensure!(failed == wanted, "{failed}\ninstead of\n{wanted}");

    // Only the targets that the list names.
    bench.write("cut.yaml", "'FROM/lib/**': TO/mirror\n")?;
    bench.retry("cut.yaml")?;
    ensure!(bench.has("mirror/a", "v1") && !bench.has("more/a", "v1") && !bench.has("team/b", "v1"));
    bench.retry("failed.yaml")?;
    ensure!(bench.has("more/a", "v1") && bench.has("more/kept", "v1") && bench.has("team/b", "v1"));
    for repository in ["mirror/a", "more/a", "team/b"] {
        ensure!(!bench.has(repository, "w1"), "{repository} has a tag that its rule does not select");
    }
    ensure!(!bench.has("mirror/secret", "v1") && !bench.has("more/secret", "v1"), "it is excluded");
    ensure!(bench.is_at("mirror/kept", "v1", &theirs), "`onConflict: keep`");

    bench.write("foreign.yaml", "'FROM/team/**': TO/elsewhere\n")?;
    let told =
        "no rule of the config copies FROM/team/** to TO/elsewhere: it is tried again as a rule of its own";
    bench.retry("foreign.yaml")?.says(&[&bench.named(told)])?;
    ensure!(bench.has("elsewhere/b", "w1"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_a_pattern_of_images_with_the_same_texts_is_tried_again_too() -> Result<()> {
    let bench = Bench::start(
        "images: {'FROM/lib/**': TO/mirror}\nsync:\n- {from: FROM/lib/**, to: TO/mirror, tags: {include: ['v*']}}\n",
    )
    .await?;
    bench.image("lib/a", "v1");
    bench.image("lib/a", "w1");
    bench.fail("/v2/_catalog")?;
    bench.retry("failed.yaml")?;
    ensure!(bench.has("mirror/a", "v1") && bench.has("mirror/a", "w1"), "either rule's");
    Ok(())
}

/// The images of a report: the name at the target, and the rule.
fn rules_of(report: &Value) -> Vec<(String, String)> {
    let images = report["images"].as_array().into_iter().flatten();
    let name = |target: &str| target.split_once('/').map(|(_, name)| name.to_owned()).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or("null").to_owned();
    images.map(|image| (name(&text(&image["target"])), text(&image["rule"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_what_is_tried_again_keeps_the_name_of_its_rule() -> Result<()> {
    let bench = Bench::start(
        "images: {'FROM/old/**': TO/old}\nsync:\n- {name: apps, from: FROM/lib/**, to: TO/mirror}\n\
         - {name: tags, from: 'FROM/app:v1,v2', to: TO/app}\n- {name: one, from: FROM/one:v1, to: TO/one}\n",
    )
    .await?;
    for (repository, tag) in
        [("old/a", "v1"), ("lib/a", "v1"), ("lib/b", "v1"), ("app", "v1"), ("app", "v2"), ("one", "v1")]
    {
        bench.image(repository, tag);
    }
    for path in ["/old/a/manifests/v1", "/lib/a/tags", "/lib/b/manifests/v1", "/app/manifests/v2", "/v2/one/"]
    {
        let effect = Effect::refuse(403, "DENIED", "not now");
        bench.source.misbehave(Fault { when: Match::path(path), times: Times::Always, effect });
    }
    let files = "--output-failed-images failed.yaml --report old.json";
    bench.workplace.run(&format!("{SYNC} {files}"))?.expect_code(1)?;
    let again = "--retry-failed failed.yaml --report new.json";
    let stuck = bench.workplace.run(&format!("{SYNC} {again}"))?.expect_code(4)?;
    stuck.says(&["/lib/a (rule \"apps\"): listing tags"])?;
    let report = |name: &str| -> Result<Value> { Ok(serde_json::from_str(&bench.workplace.read(name)?)?) };
    let stuck = report("new.json")?;
    ensure!(stuck["failedRules"][0]["rule"] == "apps", "{stuck:#}");
    bench.source.behave();
    bench.workplace.run(&format!("{SYNC} {again}"))?.expect_code(0)?;

    let (old, new) = (report("old.json")?, report("new.json")?);
    let names = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(target, rule)| ((*target).to_owned(), bench.named(rule))).collect()
    };
    let wanted = [
        ("app:v2", "tags"),
        ("mirror/a:v1", "apps"),
        ("mirror/b:v1", "apps"),
        ("old/a:v1", "FROM/old/**"),
        ("one:v1", "one"),
    ];
    let sorted = |mut rules: Vec<(String, String)>| {
        rules.sort();
        rules
    };
    ensure!(sorted(rules_of(&new)) == names(&wanted), "{new:#}");
    ensure!(rules_of(&new).iter().all(|image| image.0 == "mirror/a:v1" || rules_of(&old).contains(image)));
    // A rule of which all is tried again is that rule; of the others, these are parts.
    let rules = new["rules"].as_array().context("rules")?;
    let text = |value: &Value| value.as_str().unwrap_or("null").to_owned();
    let rules = rules.iter().map(|rule| ["name", "source", "partOf"].map(|key| text(&rule[key])));
    let rules: std::collections::BTreeSet<_> = rules.collect();
    let wanted = [
        ["null", "FROM/app:v2", "tags"],
        ["null", "FROM/lib/a", "apps"],
        ["null", "FROM/lib/b:v1", "apps"],
        ["null", "FROM/old/a:v1", "FROM/old/**"],
        ["one", "FROM/one:v1", "null"],
    ];
    ensure!(rules == wanted.map(|rule| rule.map(|text| bench.named(text))).into(), "{rules:?}");
    let schema = bench.workplace.run("schema report")?.expect_code(0)?.stdout;
    conforms(&serde_json::from_str(&schema)?, &new)?;

    // The config that explains the first report explains this one.
    let config = bench.workplace.read("c.yaml")?;
    bench.workplace.write("image-syncer.yaml", &config)?;
    let told = bench.workplace.run("explain mirror/b:v1 --report new.json")?.expect_code(0)?;
    ensure!(told.stdout.contains("rule      apps\n  selected  all tags"), "{}", told.all());
    ensure!(!told.stderr.contains("none of the rules of this report"), "{}", told.all());
    // So does the report of a plan of what failed.
    let plan = "plan --config c.yaml --retry-failed failed.yaml --out p.json --no-state";
    bench.workplace.run(plan)?.expect_code(0)?;
    let schema = bench.workplace.run("schema plan")?.expect_code(0)?.stdout;
    conforms(&serde_json::from_str(&schema)?, &report("p.json")?)?;
    bench.workplace.run("apply p.json --config c.yaml --report new.json")?.expect_code(0)?;
    let applied = report("new.json")?;
    ensure!(sorted(rules_of(&applied)) == sorted(rules_of(&new)), "{applied:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_what_several_rules_want_of_an_image_is_what_a_retry_brings() -> Result<()> {
    let bench = Bench::start("images: {'FROM/lib/app:v1': TO/lib/app, 'FROM/lib/**': TO/lib}\n").await?;
    let signed = bench.image("lib/app", "v1");
    let signature =
        sample::referrer(bench.source.store(), "lib/app", &signed, "test/signature", &["signed".into()]);
    let failed = bench.fail("/v2/lib/app/manifests/v1")?;
    ensure!(failed == bench.named("FROM/lib/app:v1:\n- TO/lib/app:v1\n"), "{failed}");
    bench.retry("failed.yaml")?;
    ensure!(bench.has("lib/app", "v1"));
    ensure!(bench.has("lib/app", &signature.digest), "the pattern wants its signature");

    let bench = Bench::start(
        "sync:\n- {from: FROM/app:v1, to: TO/app, platforms: [linux/amd64]}\n\
         - {from: FROM/app, to: TO/app, platforms: [linux/arm64]}\n",
    )
    .await?;
    let store = bench.source.store();
    let child = |architecture: &str| {
        let layers = [architecture.to_owned().into()];
        sample::image(store, "app", None, Flavour::Oci, &layers, architecture)
    };
    let children = ["amd64", "arm64", "s390x"].map(child);
    sample::index(store, "app", Some("v1"), Flavour::Oci, &children);
    let failed = bench.fail("/v2/app/manifests/v1")?;
    ensure!(failed == bench.named("FROM/app:v1:\n- TO/app:v1\n"), "{failed}");
    bench.retry("failed.yaml")?;
    let there = children.map(|child| bench.has("app", &child.digest));
    ensure!(there == [true, true, false], "each rule's platform, and no other: {there:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_what_the_target_has_is_the_decision_of_the_rule_that_gives_the_name() -> Result<()> {
    let bench = Bench::start(
        "sync:\n- {from: FROM/app:v1, to: TO/app, onConflict: keep}\n- {from: FROM/app, to: 'TO/app:{tag}-mirror'}\n",
    )
    .await?;
    let ours = bench.image("app", "v1");
    let theirs = bench.other("app", "v1");
    bench.other("app", "v1-mirror");
    let failed = bench.fail("/v2/app/manifests/v1")?;
    ensure!(failed == bench.named("FROM/app:v1:\n- TO/app:v1\n- TO/app:v1-mirror\n"), "{failed}");
    bench.retry("failed.yaml")?;
    ensure!(bench.is_at("app", "v1", &theirs), "`onConflict: keep`");
    ensure!(bench.is_at("app", "v1-mirror", &ours), "this is another rule's name");

    // The second rule has not selected 1.0, so it decides nothing about it.
    let bench = Bench::start(
        "images: {'FROM/app:1.0': TO/app}\nsync:\n- {from: FROM/app, to: TO/app, tags: {latest: 1}, onConflict: keep}\n",
    )
    .await?;
    let ours = bench.image("app", "1.0");
    bench.image("app", "2.0");
    bench.other("app", "1.0");
    let failed = bench.fail("/v2/app/manifests/1.0")?;
    ensure!(failed == bench.named("FROM/app:1.0:\n- TO/app:1.0\n"), "{failed}");
    bench.retry("failed.yaml")?;
    ensure!(bench.is_at("app", "1.0", &ours));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_a_list_that_several_rules_select_from_is_tried_again_for_each() -> Result<()> {
    let bench = Bench::start(
        "sync:\n- {from: FROM/app, to: TO/app, tags: {include: ['1*']}, onConflict: keep}\n\
         - {from: FROM/app, to: TO/app, tags: {include: ['2*']}}\n",
    )
    .await?;
    for tag in ["1.0", "1.1", "2.0", "3.0"] {
        bench.image("app", tag);
    }
    let theirs = bench.other("app", "1.1");
    let failed = bench.fail("/v2/app/tags/list")?;
    ensure!(failed == bench.named("FROM/app:\n- TO/app\n"), "{failed}");
    bench.retry("failed.yaml")?;
    let there = ["1.0", "2.0", "3.0"].map(|tag| bench.has("app", tag));
    ensure!(there == [true, true, false], "{there:?}");
    ensure!(bench.is_at("app", "1.1", &theirs), "`onConflict: keep`");
    Ok(())
}
