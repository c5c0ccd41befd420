//! Failures are reported in the registry's own words, with a next step; the other images are still copied.

use anyhow::{Result, ensure};
use testkit::seed::Pusher;
use testkit::{DockerRegistry, HarborBench};

use crate::acr_world::{configure, harbor_entry};
use crate::process::Workplace;
use crate::world::{HARBOR, SECRETS, World};

#[tokio::test]
async fn a_wrong_password() -> Result<()> {
    let world = World::start().await?;
    let images = format!(r#"{{"{}/library/nginx": ""}}"#, world.source.host());
    world.workplace.write("harbor-to-acr.json", &world.config(&images, "wrong-secret"))?;
    let ran = world.workplace.run(&world.command())?.expect_code(4)?;
    let ran = ran.hides(&SECRETS)?.hides(&["wrong-secret"])?;
    let host = world.source.host();
    ran.says(&[
        "401 Unauthorized",
        &format!("check user and password of `{}` (auth entry `{host}`, ./harbor-to-acr.json:1)", HARBOR.0),
    ])?;
    ensure!(!world.workplace.read("log")?.contains("wrong-secret"), "a secret is in the log");
    Ok(())
}

#[tokio::test]
async fn a_namespace_that_may_not_be_pushed_and_an_absent_tag_beside_a_good_image() -> Result<()> {
    let world = World::start().await?;
    let (here, there) = (world.source.host(), world.target.host());
    let images = format!(
        r#"{{"{here}/library/nginx:1.24": "{there}/image-syncer/good",
            "{here}/library/nginx:1.25": "{there}/other-namespace/nginx",
            "{here}/library/nginx:absent": "{there}/image-syncer/nginx"}}"#
    );
    world.workplace.write("harbor-to-acr.json", &world.config(&images, HARBOR.1))?;
    let ran = world.workplace.run(&world.command())?.expect_code(1)?.hides(&SECRETS)?;
    ran.says(&[
        "copied           1 image",
        "failed           2 images",
        "other-namespace/nginx",
        "401 Unauthorized (UNAUTHORIZED: authentication required)",
        "that the namespace or project exists",
        "manifest unknown",
        "check repository and tag;",
    ])?;
    let target = world.target_pusher();
    ensure!(target.tags("image-syncer/good").await? == ["1.24"]);
    ensure!(target.tags("other-namespace/nginx").await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn an_unknown_host_and_a_closed_port() -> Result<()> {
    let mut world = World::start().await?;
    let closed = world.target.host();
    world.target.stop();
    let images = format!(
        r#"{{"no-such-host.invalid/a/b:v1": "{}/image-syncer/x", "{}/library/nginx:1.24": "{closed}/image-syncer/y"}}"#,
        world.source.host(),
        world.source.host(),
    );
    world.workplace.write("c.json", &world.config(&images, HARBOR.1))?;
    let ran = world.workplace.run("--config c.json --retries 0")?.expect_code(3)?.hides(&SECRETS)?;
    ran.says(&["failed           2 images", &format!("check that `{closed}` listens on that port")])?;
    let images = r#"{"no-such-host.invalid/a/b": "x.invalid/y"}"#;
    world.workplace.write("c.json", &world.config(images, HARBOR.1))?;
    let ran = world.workplace.run("--config c.json --retries 0")?.expect_code(3)?;
    ran.says(&["the host name cannot be resolved", "check the spelling of `no-such-host.invalid`"])?;
    Ok(())
}

#[tokio::test]
async fn b13_a_source_that_lost_a_layer_leaves_no_incomplete_tag() -> Result<()> {
    let world = World::start().await?;
    let source = world.source_pusher();
    let manifest =
        source.manifest("library/nginx", "1.25").await?.map(|(_, bytes)| bytes).unwrap_or_default();
    let text = String::from_utf8(manifest.to_vec())?;
    let lost = text.split('"').rfind(|part| part.starts_with("sha256:")).unwrap_or_default().to_owned();
    std::fs::remove_file(world.source.blob_file(&lost))?;
    let images = format!(r#"{{"{}/library/nginx:1.24,1.25": ""}}"#, world.source.host());
    world.workplace.write("harbor-to-acr.json", &world.config(&images, HARBOR.1))?;
    let command = world.command().replace("--retries=10", "--retries=0");
    let ran = world.workplace.run(&command)?.expect_code(1)?;
    ran.says(&["copied           1 image", &format!("reading blob {}", &lost[..19]), "the source lacks"])?;
    ensure!(world.target_pusher().tags("image-syncer/nginx").await? == ["1.24"]);
    Ok(())
}

#[tokio::test]
async fn corrupt_bytes_at_the_source_are_never_committed() -> Result<()> {
    let world = World::start().await?;
    let large = testkit::digest_of(&testkit::seed::layer(20, 17 << 20));
    let file = world.source.blob_file(&large);
    let mut bytes = std::fs::read(&file)?;
    bytes[1000] ^= 1;
    std::fs::write(&file, bytes)?;
    let images = format!(r#"{{"{}/library/nginx:large": ""}}"#, world.source.host());
    world.workplace.write("harbor-to-acr.json", &world.config(&images, HARBOR.1))?;
    let command = world.command().replace("--retries=10", "--retries=1");
    let ran = world.workplace.run(&command)?.expect_code(3)?;
    ran.says(&["hashes to", "the source's storage is damaged"])?;
    let target: Pusher = world.target_pusher();
    ensure!(target.tags("image-syncer/nginx").await?.is_empty());
    ensure!(!target.has_blob("image-syncer/nginx", &large).await?);
    Ok(())
}

/// Robots of a project can have the right to list its repositories without the right to look at the project
/// (<https://github.com/goharbor/harbor/issues/14640>).
#[tokio::test]
async fn p27_a_robot_that_may_list_but_not_look_at_the_project_lists() -> Result<()> {
    let harbor = HarborBench::start().await?;
    let repositories = ["library/a", "library/b"].map(str::to_owned);
    harbor.seed_repositories(&repositories).await?;
    harbor.hide_project("library");
    let target = DockerRegistry::open().await?;
    let workplace = Workplace::new()?;
    let entries =
        [harbor_entry(&harbor, HarborBench::ROBOT), format!(r#""{}": {{"insecure": true}}"#, target.host())];
    configure(
        &workplace,
        &entries,
        &format!("{}/library/**", harbor.host()),
        &format!("{}/m", target.host()),
    )?;
    workplace.run("--config c.json")?.expect_code(0)?.says(&["copied           3 images"])?;

    harbor.hide_repositories("library");
    let ran = workplace.run("--config c.json --retries 0")?.expect_code(4)?;
    ran.says(&[
        "neither the right \"Read Project\" nor \"List Repository\" in Harbor's project `library`",
        &format!(
            "give `{}` (auth entry `{}`, c.json:1) the right to list",
            HarborBench::ROBOT.0,
            harbor.host()
        ),
    ])?;
    // The right that the error names is sufficient.
    harbor.show_repositories("library");
    workplace.run("--config c.json --retries 0")?.expect_code(0)?;
    Ok(())
}
