//! `verify` between real registries: blobs lost in their storage are found, reported, and repaired if the registry allows it.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testkit::seed::{Flavour, Image, Pusher, Seeded, layer};
use testkit::{DockerRegistry, Skopeo, digest_of};

use crate::process::{Ran, Workplace};

/// Two registries; the second has a copy of three tags of the first.
struct Copied {
    source: DockerRegistry,
    target: DockerRegistry,
    workplace: Workplace,
}

fn image(number: u64) -> Image {
    Image::new(Flavour::Oci).layer(layer(1, 40_000)).layer(layer(number, 3_000))
}

impl Copied {
    async fn start() -> Result<Self> {
        let (source, target) = (DockerRegistry::open().await?, DockerRegistry::open().await?);
        let pusher = Pusher::new(source.host());
        for (tag, number) in [("v1", 10), ("v2", 11)] {
            pusher.image("a/app", tag, &image(number)).await?;
        }
        let amd64 = pusher.image("a/app", None, &image(12)).await?;
        let arm64 = pusher.image("a/app", None, &image(13).platform("linux/arm64/v8")).await?;
        let index: Seeded = pusher.index("a/app", "all", &[amd64, arm64]).await?;
        pusher.signature("a/app", &index.digest).await?;
        let workplace = Workplace::new()?;
        let (here, there) = (source.host(), target.host());
        let auth = json!({ here.as_str(): { "insecure": true }, there.as_str(): { "insecure": true } });
        let sync =
            json!([{ "name": "apps", "from": format!("{here}/a/app"), "to": format!("{there}/b/app") }]);
        workplace.write("image-syncer.yaml", &json!({ "auth": auth, "sync": sync }).to_string())?;
        workplace.run("sync")?.expect_code(0)?;
        Ok(Self { source, target, workplace })
    }

    fn verify(&self, flags: &str, code: i32) -> Result<(Ran, Value)> {
        let ran = self.workplace.run(&format!("verify --json {flags}"))?.expect_code(code)?;
        let document = serde_json::from_str(&ran.stdout).with_context(|| ran.all())?;
        Ok((ran, document))
    }
}

/// Tag, result, and the digest, kind and state of each problem.
fn found(document: &Value) -> Vec<(String, String, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let image = |image: &Value| {
        let tag = text(&image["target"]).rsplit(':').next().unwrap_or_default().to_owned();
        let problem = |problem: &Value| ["state", "kind", "digest"].map(|key| text(&problem[key])).join(" ");
        let problems = image["problems"].as_array().into_iter().flatten().map(problem).collect();
        (tag, text(&image["outcome"]), problems)
    };
    document["images"].as_array().into_iter().flatten().map(image).collect()
}

#[tokio::test]
async fn k3_a_blob_deleted_at_the_target_is_found_and_repaired() -> Result<()> {
    let copied = Copied::start().await?;
    let (_, document) = copied.verify("", 0)?;
    ensure!(document["schema"] == "image-syncer/verify/1" && document["outcome"] == "whole", "{document:#}");
    ensure!(document["totals"]["whole"] == 4 && document["totals"]["bytesMoved"] == 0, "{document:#}");

    let shared = digest_of(&layer(1, 40_000));
    std::fs::remove_file(copied.target.blob_file(&shared))?;
    ensure!(copied.workplace.run("sync")?.expect_code(0)?.stderr.contains("unchanged        4"), "as ever");
    let (_, document) = copied.verify("--report kept.json", 1)?;
    let lost = vec![format!("missing blob {shared}")];
    let expected = ["all", "v1", "v2"].map(|tag| (tag.to_owned(), "incomplete".to_owned(), lost.clone()));
    let mut suffering = found(&document);
    suffering.retain(|(_, outcome, _)| outcome != "whole");
    ensure!(suffering == expected, "{document:#}");
    let kept: Value = serde_json::from_str(&copied.workplace.read("kept.json")?)?;
    ensure!(kept["images"] == document["images"], "the same is kept");

    copied.target.forget_requests();
    let ran = copied.workplace.run("verify --repair")?.expect_code(0)?;
    ensure!(ran.stdout.lines().filter(|line| line.starts_with("repaired   ")).count() == 3, "{}", ran.all());
    let ran = ran.says(&[
        "whole            4 images",
        "repaired         3 images of these",
        "moved      39.1 KiB",
    ])?;
    let sent: Vec<_> = copied.target.requests().into_iter().filter(|line| line.starts_with("PUT ")).collect();
    ensure!(sent.len() == 1 && sent[0].contains("/uploads/"), "{sent:?}\n{}", ran.all());
    for tag in ["v1", "v2", "all"] {
        Skopeo::image_is_complete(&copied.target.host(), "b/app", tag, None).await?;
    }
    copied.verify("--deep", 0)?;
    Ok(())
}

#[tokio::test]
async fn what_a_registry_keeps_damaged_is_found_and_told() -> Result<()> {
    let copied = Copied::start().await?;
    let (short, altered) = (digest_of(&layer(10, 3_000)), digest_of(&layer(11, 3_000)));
    let file = copied.target.blob_file(&short);
    let whole = std::fs::read(&file)?;
    std::fs::write(&file, &whole[..1_000])?;
    let file = copied.target.blob_file(&altered);
    let mut other = std::fs::read(&file)?;
    other[7] ^= 1;
    std::fs::write(&file, &other)?;

    let ran = copied.workplace.run("verify")?.expect_code(1)?;
    let there = copied.target.host();
    let expected = format!("incomplete {there}/b/app:v1\n  wrong      blob {short}: the descriptor of ");
    ensure!(ran.stdout.starts_with(&expected) && ran.stdout.lines().count() == 2, "{}", ran.all());
    let (_, document) = copied.verify("--deep", 1)?;
    let mut suffering = found(&document);
    suffering.retain(|(_, outcome, _)| outcome != "whole");
    let wrong = |tag: &str, digest: &str| {
        (tag.to_owned(), "incomplete".to_owned(), vec![format!("wrong blob {digest}")])
    };
    ensure!(suffering == [wrong("v1", &short), wrong("v2", &altered)], "{document:#}");
    ensure!(
        document["deep"] == true && document["totals"]["bytesRead"].as_u64() > Some(40_000),
        "{document:#}"
    );

    // This registry never replaces the content of a digest.
    let (_, document) = copied.verify("--deep --repair", 1)?;
    ensure!(document["totals"]["repaired"] == 0 && document["totals"]["different"] == 2, "{document:#}");
    let told = document["images"].to_string();
    ensure!(told.matches("the registry keeps the bytes that it has").count() == 2, "{document:#}");
    for digest in [&short, &altered] {
        std::fs::remove_file(copied.target.blob_file(digest))?;
    }
    let (_, document) = copied.verify("--deep --repair", 0)?;
    ensure!(document["totals"]["repaired"] == 2 && document["outcome"] == "whole", "{document:#}");
    Ok(())
}

#[tokio::test]
async fn tags_that_are_gone_or_moved_and_manifests_that_are_lost_are_told_apart() -> Result<()> {
    let copied = Copied::start().await?;
    let (from, to) = (Pusher::new(copied.source.host()), Pusher::new(copied.target.host()));
    let (v1, v2) = (from.digest("a/app", "v1").await?, from.digest("a/app", "v2").await?);
    let (v1, v2) = (v1.unwrap_or_default(), v2.unwrap_or_default());
    let all = from.digest("a/app", "all").await?.unwrap_or_default();
    let (media_type, bytes) = to.manifest("b/app", &v1).await?.unwrap_or_default();
    to.push_manifest("b/app", "v2", &media_type, bytes).await?;
    std::fs::remove_file(copied.target.blob_file(&all))?;
    let (_, document) = copied.verify("--only apps", 1)?;
    let mut suffering = found(&document);
    suffering.retain(|(_, outcome, _)| outcome != "whole");
    let expected =
        [("all", "missing", format!("missing tag {all}")), ("v2", "different", format!("wrong tag {v2}"))];
    let expected =
        expected.map(|(tag, outcome, problem)| (tag.to_owned(), outcome.to_owned(), vec![problem]));
    ensure!(suffering == expected, "{document:#}");
    let moved =
        document["images"].as_array().into_iter().flatten().find(|image| image["outcome"] == "different");
    let why = moved.map(|image| image["problems"][0]["why"].clone());
    let says = format!("the target has {v1}, and should have {v2}");
    ensure!(why == Some(json!(says)), "{document:#}");
    let ran = copied.workplace.run("verify")?.expect_code(1)?;
    ensure!(ran.stdout.contains(&format!("\n  wrong      tag v2: {says}\n")), "{}", ran.all());
    let (_, document) = copied.verify("--repair", 0)?;
    ensure!(document["totals"]["repaired"] == 2 && document["totals"]["bytesMoved"] == 0, "{document:#}");
    ensure!(to.digest("b/app", "v2").await? == Some(v2));
    Ok(())
}

#[tokio::test]
async fn images_are_looked_at_by_themselves_without_any_source() -> Result<()> {
    let copied = Copied::start().await?;
    let there = copied.target.host();
    copied.source.forget_requests();
    for target in [format!("{there}/b/app"), format!("{there}/b/app:v1,v2"), format!("{there}/b/**")] {
        let (_, document) = copied.verify(&target, 0)?;
        ensure!(document["against"] == "itself" && document["images"][0]["source"].is_null(), "{document:#}");
        let images = if target.contains(":v1") { 2 } else { 4 };
        ensure!(document["totals"]["whole"] == images, "{target}: {document:#}");
    }
    ensure!(copied.source.requests().is_empty(), "nothing is asked there");
    let shared = digest_of(&layer(1, 40_000));
    std::fs::remove_file(copied.target.blob_file(&shared))?;
    let (_, document) = copied.verify(&format!("{there}/b/**"), 1)?;
    ensure!(document["totals"]["different"] == 3 && document["totals"]["whole"] == 1, "{document:#}");
    let gone = copied.workplace.run(&format!("verify {there}/b/app:v9"))?.expect_code(1)?;
    ensure!(gone.stdout == format!("missing    {there}/b/app:v9\n  missing    tag\n"), "{}", gone.all());
    let none = copied.workplace.run(&format!("verify {there}/b/app:/^x/"))?.expect_code(1)?;
    let none = none.says(&["nothing was looked at, because no image matches"])?;
    ensure!(!none.all().contains("source"), "there is none: {}", none.all());
    // The messages do not call names rules.
    let odd = copied.workplace.run(&format!("verify {there}/b/app:v9 {there}/b/App"))?.expect_code(1)?;
    ensure!(!odd.all().contains("rule"), "there is none: {}", odd.all());
    odd.says(&[&format!("`{there}/b/App` cannot be used: "), "refused          1 name: see above"])?;
    let none = copied.workplace.run(&format!("verify {there}/b/nowhere"))?.expect_code(1)?;
    ensure!(!none.all().contains("source"), "there is none: {}", none.all());
    none.says(&["target", "check the repository's name, and whether this login may see it"])?;
    Ok(())
}

#[tokio::test]
async fn a_sample_and_a_dead_registry() -> Result<()> {
    let mut copied = Copied::start().await?;
    let (_, document) = copied.verify("--sample 0.0001%", 0)?;
    ensure!(document["totals"]["whole"] == 1 && document["totals"]["notInSample"] == 3, "{document:#}");
    ensure!(document["sample"] == "0.0001%" && document["images"].as_array().map(Vec::len) == Some(1));
    copied.target.stop();
    let (ran, document) = copied.verify("--retries 0", 3)?;
    ensure!(document["outcome"] == "different" && document["totals"]["whole"] == 0, "{document:#}");
    ensure!(found(&document).iter().all(|(_, outcome, _)| outcome == "unreadable"), "{}", ran.all());
    Ok(())
}

#[test]
fn flags_that_mean_nothing_here_are_refused() -> Result<()> {
    let workplace = Workplace::new()?;
    for (flags, says) in [
        ("--force", "`verify` does not take --force"),
        ("--dry-run", "`verify` does not take --dry-run"),
        ("--output-failed-images f", "`--report FILE` names all images"),
        ("r.io/a --repair", "there is no source to repair from"),
        ("r.io/a --only apps", "`TARGET...` and `--only` exclude each other"),
        ("--sample 5", "write a share of more than 0%"),
    ] {
        workplace.run(&format!("verify {flags}"))?.expect_code(2)?.says(&[says])?;
    }
    let schema = workplace.run("schema verify")?.expect_code(0)?;
    let schema: Value = serde_json::from_str(&schema.stdout)?;
    ensure!(schema["properties"]["schema"]["const"] == "image-syncer/verify/1");
    Ok(())
}

#[tokio::test]
async fn a_manifest_that_a_registry_keeps_damaged_is_no_copy_and_has_a_remedy() -> Result<()> {
    let copied = Copied::start().await?;
    let v1 = Pusher::new(copied.source.host()).digest("a/app", "v1").await?.unwrap_or_default();
    let file = copied.target.blob_file(&v1);
    let whole = std::fs::read(&file)?;
    for damaged in [&whole[..whole.len() / 2], &[]] {
        std::fs::write(&file, damaged)?;
        for command in ["sync --retries 0", "sync --retries 0 --force"] {
            let ran = copied.workplace.run(command)?;
            ensure!(ran.code == 1, "{command}: {}", ran.all());
            ran.says(&["the registry took sha256:", "and does not give it", "delete that manifest's file"])?;
        }
        let (_, document) = copied.verify("--repair --retries 0", 1)?;
        let image =
            document["images"].as_array().into_iter().flatten().find(|image| image["outcome"] != "whole");
        let why = image.map(|image| image["error"].to_string()).unwrap_or_default();
        ensure!(why.contains("delete the manifest's file in the registry's storage"), "{document:#}");
    }
    std::fs::remove_file(&file)?;
    let (_, document) = copied.verify("--repair", 0)?;
    ensure!(document["outcome"] == "whole" && document["totals"]["repaired"] == 1, "{document:#}");
    Ok(())
}

#[tokio::test]
async fn a_look_at_nothing_is_not_whole_and_each_rule_is_named_with_its_images() -> Result<()> {
    let copied = Copied::start().await?;
    let (_, document) = copied.verify("", 0)?;
    let rule = &document["rules"][0];
    ensure!(
        rule["name"] == "apps" && rule["images"] == 4 && rule["selection"]["listed"] == 4,
        "{document:#}"
    );
    let (ran, document) = copied.verify("--include zzz*", 1)?;
    ran.says(&["nothing was looked at, because no image matches"])?;
    ensure!(document["outcome"] == "empty" && document["rules"][0]["images"] == 0, "{document:#}");
    let schema: Value = serde_json::from_str(&copied.workplace.run("schema verify")?.stdout)?;
    crate::json_schema::conforms(&schema, &document)?;
    for shard in 1..=3 {
        let ran = copied.workplace.run(&format!("verify --shard {shard}/3"))?;
        ensure!(ran.code == 0, "a shard may have nothing: {}", ran.all());
    }
    Ok(())
}

#[tokio::test]
async fn a_lost_list_of_referrers_names_its_image() -> Result<()> {
    let copied = Copied::start().await?;
    let list = |document: &Value| {
        let images = document["images"].as_array().into_iter().flatten();
        images
            .map(|image| image["target"].as_str().unwrap_or_default().to_owned())
            .find(|name| name.contains(":sha256-") && !name.contains(".sig"))
    };
    let pusher = Pusher::new(copied.source.host());
    let all = pusher.digest("a/app", "all").await?.unwrap_or_default();
    let tag = all.replace(':', "-");
    let manifest = pusher.manifest("a/app", "v2").await?.unwrap_or_default();
    pusher.push_manifest("a/app", &tag, &manifest.0, manifest.1).await?;
    let (_, document) = copied.verify("", 1)?;
    let name = list(&document).context("the list")?;
    let image = document["images"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|image| image["target"] == name.as_str())
        .context("it")?;
    let of = format!("{}/b/app:all", copied.target.host());
    ensure!(image["outcome"] == "missing" && image["referrersOf"] == json!([of]), "{document:#}");
    let ran = copied.workplace.run("verify")?;
    ensure!(
        ran.stdout.contains(&format!("  it lists the signatures and other referrers of {of}\n")),
        "{}",
        ran.all()
    );
    Ok(())
}

#[test]
fn help_lists_only_what_verify_takes() -> Result<()> {
    let help = Workplace::new()?.run("verify --help")?.expect_code(0)?.stdout;
    for flag in [
        "--force",
        "--dry-run",
        "--output-success-images",
        "--output-failed-images",
        "--output-images-format",
        "--summary-markdown",
    ] {
        ensure!(!help.lines().any(|line| line.trim_start().starts_with(flag)), "{flag}:\n{help}");
    }
    ensure!(help.contains("--report") && !help.contains(".html"), "{help}");
    Ok(())
}
