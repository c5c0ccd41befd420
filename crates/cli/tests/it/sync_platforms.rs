//! Rules of `sync` that leave out platforms and attestations: the result at the target, and the messages.

use anyhow::{Context as _, Result, ensure};
use embedded_registry::{EmbeddedRegistry, Indexes, preset};
use serde_json::Value;
use testkit::DockerRegistry;
use testkit::seed::{Flavour, Image, Pusher, Seeded, layer};

use crate::process::{Ran, Workplace};

/// Pushes two images and an index of them to `source`.
async fn seed(source: &Pusher) -> Result<(Vec<Seeded>, Seeded)> {
    let mut children = Vec::new();
    for (number, platform) in (1..).zip(["linux/amd64", "linux/arm64/v8"]) {
        let image = Image::new(Flavour::Oci).layer(layer(number, 500)).platform(platform);
        children.push(source.image("a/app", None, &image).await?);
    }
    let index = source.index("a/app", "v1", &children).await?;
    Ok((children, index))
}

/// The config of one rule between two registries.
fn config(from: &str, to: &str, rule: &str) -> String {
    format!(
        "auth:\n  {from}: {{plainHttp: true}}\n  {to}: {{plainHttp: true}}\nsync:\n- {{from: '{from}/a/app', to: '{to}/b/app', {rule}}}\n"
    )
}

fn only_image(ran: &Ran) -> Result<Value> {
    let report: Value = serde_json::from_str(&ran.stdout)?;
    report["images"].as_array().and_then(|images| images.first()).cloned().context("an image")
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_registry_gets_a_rewritten_index_and_the_second_run_does_nothing() -> Result<()> {
    let (source, target) = (DockerRegistry::open().await?, DockerRegistry::open().await?);
    let (_, index) = seed(&Pusher::new(source.host())).await?;
    let workplace = Workplace::new()?;
    let write =
        |rule: &str| workplace.write("image-syncer.yaml", &config(&source.host(), &target.host(), rule));
    write("platforms: {only: [linux/amd64], index: sparse}")?;
    let ran = workplace.run("sync")?.expect_code(3)?;
    ran.says(&["takes no index without all its manifests", "`index: auto`"])?;

    write("platforms: [linux/amd64]")?;
    let ran = workplace.run("sync --json -v")?.expect_code(0)?;
    let ran = ran.says(&["it takes no index without all its manifests", "rewritten"])?;
    let image = only_image(&ran)?;
    ensure!(
        image["sourceDigest"] == index.digest.as_str() && image["digest"] != image["sourceDigest"],
        "{image}"
    );
    ensure!(image["note"] == "without one manifest for another platform", "{image}");
    target.forget_requests();
    workplace.run("sync")?.expect_code(0)?;
    let puts = target.requests().iter().filter(|request| request.starts_with("PUT")).count();
    ensure!(puts == 0, "{:?}", target.requests());

    // Added platforms change the index.
    write("platforms: [linux/amd64, linux/arm64]")?;
    workplace.run("sync")?.expect_code(0)?;
    let there = Pusher::new(target.host()).digest("b/app", "v1").await?;
    ensure!(there.as_deref() == Some(&*index.digest), "nothing is left out, so nothing is rewritten");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_form_rewrites_as_ever_and_says_what_is_left_out() -> Result<()> {
    let source = EmbeddedRegistry::builder().start().await?;
    let target = EmbeddedRegistry::builder().indexes(Indexes::Sparse).start().await?;
    seed(&Pusher::new(source.host())).await?;
    let workplace = Workplace::new()?;
    let (from, to) = (source.host(), target.host());
    let hosts = format!("--plain-http {from} --plain-http {to}");
    let ran = workplace.run(&format!("copy {hosts} -v --arch amd64 {from}/a/app:v1 {to}/b/app"))?;
    ran.expect_code(0)?.says(&["rewritten: ", "without one manifest for another platform"])?;
    let stored = target.store().manifest("b/app", "v1").context("it stands")?;
    let text = String::from_utf8(stored.bytes.to_vec())?;
    ensure!(!text.contains("arm64") && !text.contains("annotations"), "as the Go tool leaves it: {text}");
    workplace.write("image-syncer.yaml", &config(&from, &to, "platforms: [linux/amd64]"))?;
    workplace.run("sync")?.expect_code(0)?;
    let whole = source.store().manifest("a/app", "v1");
    ensure!(
        target.store().manifest("b/app", "v1") == whole,
        "a rule of `sync` keeps the digest where it can"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn p28_a_rule_leaves_out_what_acr_denies() -> Result<()> {
    let source = EmbeddedRegistry::builder().start().await?;
    let target = preset::acr_personal().start().await?;
    let pusher = Pusher::new(source.host());
    let (mut children, _) = seed(&pusher).await?;
    let empty = embedded_registry::sample::artifact(
        source.store(),
        "a/app",
        None,
        "application/vnd.docker.attestation.manifest.v1+json",
        &["{}".into()],
    );
    children.truncate(1);
    let amd64 = format!(
        r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":{},"platform":{{"os":"linux","architecture":"amd64"}}}}"#,
        children[0].digest, children[0].size
    );
    let attestation = empty.descriptor.to_string();
    let attestation = attestation.strip_suffix('}').context("a map")?;
    let marked = format!(
        r#"{attestation},"annotations":{{"vnd.docker.reference.type":"attestation-manifest"}},"platform":{{"os":"unknown","architecture":"unknown"}}}}"#
    );
    let index = format!(r#"{{"schemaVersion": 2, "manifests": [{amd64}, {marked}]}}"#);
    source.store().put_manifest("a/app", "v1", "application/vnd.oci.image.index.v1+json", index);
    let workplace = Workplace::new()?;
    workplace.write("image-syncer.yaml", &config(&source.host(), &target.host(), "attestations: keep"))?;
    let ran = workplace.run("sync --retries 0")?.expect_code(3)?;
    ran.says(&["unknown manifest class", "`attestations: drop`"])?;
    workplace.write("image-syncer.yaml", &config(&source.host(), &target.host(), "attestations: drop"))?;
    let ran = workplace.run("sync --json -v")?.expect_code(0)?;
    let ran =
        ran.says(&["it does not take attestations that are artifacts", "without one refused attestation"])?;
    ensure!(only_image(&ran)?["note"] == "without one refused attestation");
    let stored = target.store().manifest("b/app", "v1").context("it stands")?;
    let text = String::from_utf8(stored.bytes.to_vec())?;
    ensure!(text.contains(&amd64) && !text.contains("unknown"), "{text}");
    target.clear_requests();
    workplace.run("sync")?.expect_code(0)?;
    ensure!(target.requests().iter().all(|request| request.method != "PUT"));
    Ok(())
}
