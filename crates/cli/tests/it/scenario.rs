//! The seed scenario, word for word, and the same between registries with other logins.

use anyhow::{Result, ensure};
use testkit::seed::Pusher;
use testkit::{DockerRegistry, Skopeo};

use crate::process::Workplace;
use crate::world::{ACR, SECRETS, World, assert_same, seed};

#[tokio::test]
async fn b26_the_seeds_command_copies_every_tag_and_then_nothing() -> Result<()> {
    let world = World::start().await?;
    let images = format!(r#"{{"{}/library/nginx": ""}}"#, world.source.host());
    world.workplace.write("harbor-to-acr.json", &world.config(&images, crate::world::HARBOR.1))?;
    let ran = world.workplace.run(&world.command())?.expect_code(0)?.hides(&SECRETS)?;
    ensure!(ran.stdout == "Finished, 0 sync tasks failed, 0 tasks generate failed\n", "{}", ran.stdout);
    let target_host = world.target.host();
    let (source, target) = (world.source_pusher(), world.target_pusher());
    assert_same(&source, "library/nginx", &target, &target_host, "image-syncer/nginx", Some(ACR)).await?;
    Skopeo::image_is_complete(&target_host, "image-syncer/nginx", "1.27", Some(ACR)).await?;
    let log = world.workplace.read("log")?;
    ensure!(!log.contains("Failed to log"), "b12: nothing failed");
    ensure!(log.contains("level=info msg=\"Synchronization successfully from"), "{log}");
    ensure!(log.contains("Finished, 0 sync tasks failed, 0 tasks generate failed"), "{log}");
    ensure!(SECRETS.iter().all(|secret| !log.contains(secret)), "a secret is in the log");

    world.forget_requests();
    let ran = world.workplace.run(&world.command())?.expect_code(0)?;
    ensure!(ran.stderr.contains("unchanged        6 images"), "{}", ran.stderr);
    let requests = [world.source.requests(), world.target.requests()].concat();
    let moved = |line: &&String| {
        // A registry that identifies as Harbor is asked for Harbor's own lists, which a plain registry does not have.
        let is_look =
            line.starts_with("HEAD ") || line.starts_with("GET /v2/ ") || line.starts_with("GET /api/");
        !is_look && !line.contains("/tags/list")
    };
    let moved: Vec<_> = requests.iter().filter(moved).collect();
    ensure!(moved.is_empty(), "the second run did more than look: {moved:?}");
    ensure!(requests.iter().filter(|line| line.starts_with("HEAD ")).count() == 12, "{requests:?}");
    Ok(())
}

#[tokio::test]
async fn open_and_htpasswd_registries_by_auth_and_images_files_in_yaml() -> Result<()> {
    let (source, target) =
        (DockerRegistry::open().await?, DockerRegistry::htpasswd("user", "pass-word").await?);
    let (source_pusher, target_pusher) =
        (Pusher::new(source.host()), Pusher::new(target.host()).basic("user", "pass-word"));
    seed(&source_pusher, "a/app").await?;
    let mut workplace = Workplace::new()?;
    workplace.variable("SECRET", "pass-word");
    workplace.variable("TEAM", "team");
    let auth = format!(
        "{}:\n  insecure: yes\n{}:\n  username: user\n  password: ${{SECRET}}\n  insecure: true\n",
        source.host(),
        target.host(),
    );
    workplace.write("auth.yaml", &auth)?;
    workplace.write("images.yaml", &format!("{}/a/app: {}/$TEAM/app\n", source.host(), target.host()))?;
    workplace.run("--auth auth.yaml --images images.yaml")?.expect_code(0)?.hides(&["pass-word"])?;
    let login = Some(("user", "pass-word"));
    assert_same(&source_pusher, "a/app", &target_pusher, &target.host(), "team/app", login).await
}

#[tokio::test]
async fn tags_lists_patterns_digests_and_several_targets() -> Result<()> {
    let (source, target) = (DockerRegistry::open().await?, DockerRegistry::open().await?);
    let (from, to) = (Pusher::new(source.host()), Pusher::new(target.host()));
    seed(&from, "a/app").await?;
    let digest = from.digest("a/app", "1.26").await?.unwrap_or_default();
    let (here, there) = (source.host(), target.host());
    let workplace = Workplace::new()?;
    workplace.write(
        "auth.json",
        &format!(r#"{{"{here}": {{"insecure": true}}, "{there}": {{"insecure": true}}}}"#),
    )?;
    let images = format!(
        r#"{{"{here}/a/app:1.24": "{there}/one/app",
            "{here}/a/app:1.24,1.25": ["{there}/list/app", "{there}/renamed/app:x,y"],
            "{here}/a/app:/^1\\.2[67]$/": "{there}/pattern/app",
            "{here}/a/app@{digest}": "{there}/digest/app:by-digest"}}"#
    );
    workplace.write("images.json", &images)?;
    workplace.run("--auth=auth.json --images=images.json")?.expect_code(0)?;
    for (repository, tags) in [
        ("one/app", &["1.24"][..]),
        ("list/app", &["1.24", "1.25"]),
        ("renamed/app", &["x", "y"]),
        ("pattern/app", &["1.26", "1.27"]),
        ("digest/app", &["by-digest"]),
    ] {
        let mut found = to.tags(repository).await?;
        found.sort();
        ensure!(found == tags, "{repository}: {found:?}");
        for tag in tags {
            Skopeo::image_is_complete(&there, repository, tag, None).await?;
        }
    }
    ensure!(
        to.digest("renamed/app", "y").await? == from.digest("a/app", "1.25").await?,
        "paired by position"
    );
    ensure!(to.digest("digest/app", "by-digest").await? == Some(digest), "a digest gets a tag");
    Ok(())
}

#[tokio::test]
async fn defaults_from_the_environment_and_flags_that_beat_them() -> Result<()> {
    let (source, target) = (DockerRegistry::open().await?, DockerRegistry::open().await?);
    seed(&Pusher::new(source.host()), "a/b/app").await?;
    let mut workplace = Workplace::new()?;
    let auth =
        [source.host(), target.host()].map(|host| format!(r#""{host}": {{"insecure": true}}"#)).join(",");
    let images = format!(r#"{{"{}/a/b/app:1.24": ""}}"#, source.host());
    workplace.write("c.json", &format!(r#"{{"auth": {{{auth}}}, "images": {images}}}"#))?;
    workplace.variable("DEFAULT_REGISTRY", &target.host());
    workplace.variable("DEFAULT_NAMESPACE", "from-environment");
    workplace.run("--config c.json")?.expect_code(0)?;
    workplace.run("--config c.json --namespace=from-flag")?.expect_code(0)?;
    workplace.run("--config c.json --namespace=")?.expect_code(0)?;
    for repository in ["from-environment/b/app", "from-flag/b/app", "a/b/app"] {
        ensure!(Pusher::new(target.host()).tags(repository).await? == ["1.24"], "{repository}");
    }
    workplace.run("--config c.json --registry=")?.expect_code(2)?.says(&["is empty", "--registry"])?;
    Ok(())
}

#[tokio::test]
async fn blobs_that_the_source_keeps_in_a_storage_service() -> Result<()> {
    let source = DockerRegistry::builder().redirect_blobs().start().await?;
    let target = DockerRegistry::builder().relative_urls().start().await?;
    let (from, to) = (Pusher::new(source.host()), Pusher::new(target.host()));
    seed(&from, "a/app").await?;
    let workplace = Workplace::new()?;
    let auth = format!(
        r#""{}": {{"username": "u", "password": "p", "insecure": true}}, "{}": {{"insecure": true}}"#,
        source.host(),
        target.host(),
    );
    let images = format!(r#"{{"{}/a/app": "{}/a/app"}}"#, source.host(), target.host());
    workplace.write("c.json", &format!(r#"{{"auth": {{{auth}}}, "images": {images}}}"#))?;
    workplace.run("--config c.json")?.expect_code(0)?;
    assert_same(&from, "a/app", &to, &target.host(), "a/app", None).await?;
    ensure!(!source.storage_requests().is_empty(), "the storage was asked");
    Ok(())
}

#[tokio::test]
async fn an_interrupted_run_says_so_and_the_next_one_finishes() -> Result<()> {
    let (source, target) = (DockerRegistry::open().await?, DockerRegistry::open().await?);
    let (from, to) = (Pusher::new(source.host()), Pusher::new(target.host()));
    seed(&from, "a/app").await?;
    // A host that accepts connections and never answers keeps the run going until the signal comes.
    let silent = std::net::TcpListener::bind("127.0.0.1:0")?;
    let silent_host = silent.local_addr()?.to_string();
    let workplace = Workplace::new()?;
    let hosts = [source.host(), target.host(), silent_host.clone()];
    let auth = hosts.map(|host| format!(r#""{host}": {{"insecure": true}}"#)).join(",");
    let rule = format!(r#""{}/a/app": "{}/a/app""#, source.host(), target.host());
    let hangs = format!(r#""{silent_host}/a/app:v1": "{}/b/app""#, target.host());
    workplace.write("both.json", &format!(r#"{{"auth": {{{auth}}}, "images": {{{rule}, {hangs}}}}}"#))?;
    workplace.write("one.json", &format!(r#"{{"auth": {{{auth}}}, "images": {{{rule}}}}}"#))?;
    let mut command = workplace.command("--config both.json --drain 1");
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn()?;
    let process = child.id().to_string();
    let interrupt = tokio::task::spawn_blocking(move || {
        let connection = silent.accept()?;
        std::thread::sleep(std::time::Duration::from_millis(1500));
        let sent = std::process::Command::new("kill").args(["-INT", &process]).status();
        sent.map(|_| (silent, connection))
    });
    let ran = tokio::task::spawn_blocking(move || child.wait_with_output()).await??;
    // The host stayed silent to the end.
    drop(interrupt.await??);
    crate::process::Ran::of(ran)?.expect_code(130)?.says(&["stopping", "not done         1 image"])?;
    workplace.run("--config one.json")?.expect_code(0)?;
    assert_same(&from, "a/app", &to, &target.host(), "a/app", None).await
}
