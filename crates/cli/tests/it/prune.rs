//! `image-syncer prune`: its output, deletions, refusals, and exit statuses.

use anyhow::{Context as _, Result, ensure};
use embedded_registry::{Builder, EmbeddedRegistry, preset};
use serde_json::Value;
use testkit::seed::{Flavour, Image, Pusher, layer};

use crate::process::{Ran, Workplace};

struct World {
    source: EmbeddedRegistry,
    target: EmbeddedRegistry,
    workplace: Workplace,
}

impl World {
    /// The source has `v1` to `v3`; the target has them, and `old`, too.
    async fn start(target: Builder, prune: &str) -> Result<Self> {
        let source = EmbeddedRegistry::builder().start().await?;
        let target = target.start().await?;
        for number in 0..4 {
            let image = Image::new(Flavour::Oci).layer(layer(number, 100));
            let tag = if number == 0 { "old".to_owned() } else { format!("v{number}") };
            if number > 0 {
                Pusher::new(source.host()).image("a/app", tag.as_str(), &image).await?;
            }
            Pusher::new(target.host()).image("b/app", tag.as_str(), &image).await?;
        }
        let workplace = Workplace::new()?;
        let (here, there) = (source.host(), target.host());
        let config = format!(
            "auth:\n  {here}: {{insecure: true}}\n  {there}: {{insecure: true}}\nsync:\n\
             - {{name: apps, from: {here}/a/app, to: {there}/b/app, {prune}}}\n"
        );
        workplace.write("c.yaml", &config)?;
        Ok(Self { source, target, workplace })
    }

    fn prune(&self, more: &str) -> Result<Ran> {
        self.workplace.run(&format!("prune --config c.yaml {more}"))
    }

    fn tags(&self) -> Vec<String> {
        self.target.store().tags("b/app")
    }
}

const FREE: &str = "prune: {grace: 0s}";

#[tokio::test(flavor = "multi_thread")]
async fn it_shows_and_deletes_only_when_it_is_asked_to() -> Result<()> {
    let world = World::start(EmbeddedRegistry::builder(), FREE).await?;
    let old = world.target.store().manifest("b/app", "old").context("it is there")?.digest;
    let name = format!("{}/b/app:old", world.target.host());
    let shown = world.prune("")?.expect_code(0)?;
    let line = format!("delete {name}@{old}: the source does not have it\n");
    ensure!(shown.stdout == line, "{}", shown.stdout);
    ensure!(
        shown.stderr.contains("1 would be deleted") && shown.stderr.contains("--apply"),
        "{}",
        shown.stderr
    );
    ensure!(world.tags().len() == 4);
    let deleted = world.prune("--apply --undo-list undo.txt")?.expect_code(0)?;
    ensure!(deleted.stdout == format!("deleted {name}@{old}\n"), "{}", deleted.stdout);
    ensure!(world.workplace.read("undo.txt")? == format!("{name} {old}\n"));
    ensure!(world.tags() == ["v1", "v2", "v3"]);
    let nothing = world.prune("--apply -q")?.expect_code(0)?;
    ensure!(nothing.stdout.is_empty() && nothing.stderr.is_empty(), "{}", nothing.stderr);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn its_document_is_what_its_schema_says() -> Result<()> {
    let world = World::start(EmbeddedRegistry::builder(), FREE).await?;
    let shown = world.prune("--json")?.expect_code(0)?.stdout;
    ensure!(shown.starts_with("{\n  \"schema\": "), "the schema is the first key: {shown}");
    let document: Value = serde_json::from_str(&shown)?;
    ensure!(document["schema"] == "image-syncer/prune/1" && document["refused"].is_null(), "{document}");
    let candidate = &document["candidates"][0];
    ensure!(candidate["target"].as_str().is_some_and(|target| target.ends_with("/b/app:old")), "{document}");
    ensure!(candidate["heldBy"] == serde_json::json!([]) && candidate["due"] == true);
    ensure!(document["deleted"] == serde_json::json!([]));
    let deleted: Value = serde_json::from_str(&world.prune("--apply --json")?.expect_code(0)?.stdout)?;
    ensure!(deleted["deleted"][0]["target"] == candidate["target"], "{deleted}");
    let schema: Value = serde_json::from_str(&world.workplace.run("schema prune")?.expect_code(0)?.stdout)?;
    for document in [&document, &deleted] {
        let keys = |value: &Value| value.as_object().map(|keys| keys.keys().cloned().collect::<Vec<_>>());
        ensure!(keys(document) == keys(&schema["properties"]), "{schema}");
        for list in ["candidates", "deleted", "alreadyGone", "notDeleted", "unread"] {
            let entry = &schema["properties"][list]["items"]["properties"];
            ensure!(
                document[list][0].is_null() || keys(&document[list][0]) == keys(entry),
                "{list}: {schema}"
            );
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn guards_keep_it_from_deleting() -> Result<()> {
    // Without the key, no rule deletes.
    let world = World::start(EmbeddedRegistry::builder(), "onConflict: keep").await?;
    let refused = world.prune("--apply")?.expect_code(2)?;
    ensure!(refused.stderr.contains("no rule of the config has the key `prune`"), "{}", refused.stderr);
    // By default, a week must pass.
    let world = World::start(EmbeddedRegistry::builder(), "prune: {}").await?;
    for state in ["--no-state", "--state s.redb", "--state s.redb"] {
        let waits = world.prune(&format!("--apply --json {state}"))?.expect_code(0)?;
        let document: Value = serde_json::from_str(&waits.stdout)?;
        let reason = document["candidates"][0]["reason"].as_str().context("one waits")?.to_owned();
        ensure!(reason.contains("7d") && document["candidates"][0]["due"] == false, "{reason}");
        ensure!(reason.contains("only runs with a state can tell") == (state == "--no-state"), "{reason}");
    }
    let old = world.target.store().manifest("b/app", "old").context("it is there")?.digest;
    let name = format!("{}/b/app:old@{old}", world.target.host());
    let shown = world.prune("--state s.redb")?.expect_code(0)?;
    ensure!(shown.stdout.starts_with(&format!("keep {name}: ")), "{}", shown.stdout);
    ensure!(shown.stderr.contains("nothing would be deleted, 1 would be kept"), "{}", shown.stderr);
    let kept = world.prune("--apply --state s.redb")?.expect_code(0)?;
    ensure!(kept.stdout == shown.stdout.replace("keep ", "kept "), "{}", kept.stdout);
    ensure!(kept.stderr.contains("0 deleted, 1 kept"), "{}", kept.stderr);
    // Deleting too much is refused; the command line can raise the limit.
    let world = World::start(EmbeddedRegistry::builder(), "prune: {grace: 0s, maxDelete: 0}").await?;
    let refused = world.prune("--apply")?.expect_code(1)?;
    ensure!(refused.stderr.contains("nothing is deleted: 1 of the 4 tags"), "{}", refused.stderr);
    ensure!(
        refused.stderr.contains("  help: ") && refused.stderr.contains("--max-delete"),
        "{}",
        refused.stderr
    );
    let line = refused.stdout.trim_end();
    ensure!(line.starts_with("kept ") && line.ends_with("; nothing is deleted in this run"), "{line}");
    ensure!(world.tags().len() == 4);
    world.prune("--apply --max-delete 25%")?.expect_code(0)?;
    ensure!(world.tags().len() == 3);
    // A rule that `--only` leaves out keeps what it selects, and deletes nothing.
    let world = World::start(EmbeddedRegistry::builder(), FREE).await?;
    ensure!(world.prune("--only appz")?.expect_code(2)?.stderr.contains("did you mean `apps`"));
    world.prune("--only apps --apply")?.expect_code(0)?;
    ensure!(world.tags().len() == 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_or_is_empty_deletes_nothing() -> Result<()> {
    let world = World::start(EmbeddedRegistry::builder(), FREE).await?;
    for tag in world.source.store().tags("a/app") {
        world.source.store().remove_manifest("a/app", &tag);
    }
    let refused = world.prune("--apply")?.expect_code(1)?;
    ensure!(refused.stderr.contains("has no tags: an empty source deletes nothing"), "{}", refused.stderr);
    ensure!(!refused.stderr.contains("--max-delete"), "which would not help: {}", refused.stderr);
    let document: Value = serde_json::from_str(&world.prune("--apply --json")?.expect_code(1)?.stdout)?;
    ensure!(document["refused"].as_str().is_some_and(|why| why.contains("has no tags")), "{document}");
    ensure!(world.tags().len() == 4);
    Ok(())
}

/// The dry run does not promise the deletion of a tag that the registry may keep, and the counts after the deletion agree.
#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_goes_only_alone_is_not_promised() -> Result<()> {
    for (target, is_kept) in
        [(preset::distribution_2_with_delete(), true), (EmbeddedRegistry::builder(), false)]
    {
        let world = World::start(target, "prune: {grace: 0s, maxDelete: 100%}").await?;
        let (store, there) = (world.target.store(), world.target.host());
        let v1 = store.manifest("b/app", "v1").context("it is there")?.digest;
        store.tag("b/app", "alias", &v1);
        let shown = world.prune("")?.expect_code(0)?;
        let alias = format!("{there}/b/app:alias@{v1}");
        let lines: Vec<_> = shown.stdout.lines().collect();
        ensure!(
            lines.len() == 2
                && lines[0].starts_with(&format!("delete? {alias}: "))
                && lines[0].contains(&format!("{there}/b/app:v1 needs its image: it goes only if"))
                && lines[1].starts_with(&format!("delete {there}/b/app:old@")),
            "{}",
            shown.stdout
        );
        let says = "1 would be deleted, 1 more might be (if the registry can take away a tag and keep its image), 0 would be kept";
        ensure!(shown.stderr.contains(says), "{}", shown.stderr);
        let document: Value = serde_json::from_str(&world.prune("--json")?.expect_code(0)?.stdout)?;
        let only_alone = [0, 1].map(|number| document["candidates"][number]["onlyAlone"].clone());
        ensure!(only_alone == [Value::Bool(true), Value::Bool(false)], "{document}");
        let done = world.prune("--apply")?.expect_code(0)?;
        let (end, says) =
            if is_kept { ("kept", "1 deleted, 1 kept") } else { ("deleted", "2 deleted, 0 kept") };
        ensure!(done.stdout.contains(&format!("{end} {alias}")), "{}", done.stdout);
        ensure!(done.stderr.contains(says), "{}", done.stderr);
        ensure!(world.tags().contains(&"alias".to_owned()) == is_kept);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_deletion_is_off_that_is_told_once() -> Result<()> {
    let world = World::start(preset::distribution_2(), "prune: {grace: 0s, maxDelete: 100%}").await?;
    world.source.store().remove_manifest("a/app", "v1");
    let off = world.prune("--apply")?.expect_code(1)?;
    let told = off.stderr.matches("deletion is off at this registry").count();
    ensure!(told == 1, "{}", off.stderr);
    ensure!(off.stdout.lines().count() == 2 && off.stdout.starts_with("kept "), "{}", off.stdout);
    ensure!(world.tags().len() == 4);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_deletes_only_where_its_repositories_have_tags() -> Result<()> {
    let world = World::start(EmbeddedRegistry::builder(), FREE).await?;
    let (here, there) = (world.source.host(), world.target.host());
    for (repository, tags) in [("one", &["v1", "old"][..]), ("two", &["v1", "old"]), ("gone", &["v1"])] {
        for (number, tag) in tags.iter().enumerate() {
            let image = Image::new(Flavour::Oci).layer(layer(number as u64, 100));
            Pusher::new(there.clone()).image(&format!("m/{repository}"), *tag, &image).await?;
            if repository != "gone" && *tag == "v1" {
                Pusher::new(here.clone()).image(&format!("p/{repository}"), *tag, &image).await?;
            }
        }
    }
    world.source.store().remove_manifest("p/two", "v1");
    let config = format!(
        "auth:\n  {here}: {{insecure: true}}\n  {there}: {{insecure: true}}\nsync:\n\
         - {{from: {here}/p/**, to: \"{there}/m/{{name}}\", prune: {{grace: 0s, maxDelete: 100%}}}}\n"
    );
    world.workplace.write("c.yaml", &config)?;
    world.prune("--apply")?.expect_code(0)?;
    let left = ["m/one", "m/two", "m/gone"].map(|repository| world.target.store().tags(repository).len());
    ensure!(left == [1, 2, 1], "{left:?}");
    Ok(())
}
