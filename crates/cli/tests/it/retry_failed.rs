//! Failures are retried: exactly those, by the rules of the config.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, Match, Times};

use crate::process::Workplace;

/// A source with a named image and a project, with three faults: `lib/b:v2`, the list of `lib/c`, and `app:v1`.
struct World {
    source: EmbeddedRegistry,
    target: EmbeddedRegistry,
    workplace: Workplace,
    /// The referrers of the source's images.
    referrers: HashMap<String, String>,
}

const COMMAND: &str = "--config c.json --retries 0 --namespace mirror --output-failed-images failed.yaml";

impl World {
    async fn start() -> Result<Self> {
        let source = EmbeddedRegistry::builder().start().await?;
        let target = EmbeddedRegistry::builder().start().await?;
        let mut referrers = HashMap::new();
        for (number, (repository, tag)) in
            [("app", "v1"), ("lib/a", "v1"), ("lib/b", "v1"), ("lib/b", "v2"), ("lib/c", "v1")]
                .into_iter()
                .enumerate()
        {
            let layers = [sample::layer(number as u64 + 1, 1000)];
            let image = sample::image(source.store(), repository, Some(tag), Flavour::Oci, &layers, "amd64");
            let blobs = [sample::layer(50, 10)];
            let referrer =
                sample::referrer(source.store(), repository, &image, "application/x-signature", &blobs);
            referrers.insert(format!("{repository}:{tag}"), referrer.digest);
        }
        let broken = ["/v2/app/manifests/v1", "/v2/lib/b/manifests/v2", "/v2/lib/c/tags/list"];
        for path in broken {
            let effect = Effect::refuse(403, "DENIED", "not now");
            source.misbehave(Fault { when: Match::path(path), times: Times::Always, effect });
        }
        let workplace = Workplace::new()?;
        let (from, to) = (source.host(), target.host());
        let hosts = format!(r#""{from}": {{"insecure": true}}, "{to}": {{"insecure": true}}"#);
        let rules = format!(r#""{from}/app:v1": "{to}/named/app", "{from}/lib/**": """#);
        workplace.write("c.json", &format!(r#"{{"auth": {{{hosts}}}, "images": {{{rules}}}}}"#))?;
        let world = Self { source, target, workplace, referrers };
        world.workplace.run(&world.command(""))?.expect_code(1)?;
        world.source.behave();
        world.source.clear_requests();
        Ok(world)
    }

    fn command(&self, more: &str) -> String {
        format!("{COMMAND} --registry {} {more}", self.target.host())
    }

    /// Whether a repository of the target has the referrer of a source's image.
    fn has_referrer(&self, repository: &str, image: &str) -> bool {
        self.target.store().manifest(repository, &self.referrers[image]).is_some()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_what_failed_is_named_with_the_repositories_that_were_meant() -> Result<()> {
    let world = World::start().await?;
    let (from, to) = (world.source.host(), world.target.host());
    let failed = world.workplace.read("failed.yaml")?;
    let wanted = format!(
        "{from}/app:v1:\n- {to}/named/app:v1\n{from}/lib/b:v2:\n- {to}/mirror/b:v2\n{from}/lib/c:\n- {to}/mirror/c\n"
    );
    ensure!(failed == wanted, "{failed}\ninstead of\n{wanted}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_exactly_that_is_tried_again_with_logins_and_policies_of_its_rules() -> Result<()> {
    let world = World::start().await?;
    let again = world.command("--retry-failed failed.yaml");
    world.workplace.run(&again)?.expect_code(0)?.says(&["copied           3 images"])?;
    for (repository, tag) in [("named/app", "v1"), ("mirror/b", "v2"), ("mirror/c", "v1")] {
        ensure!(world.target.store().manifest(repository, tag).is_some(), "{repository}:{tag}");
    }
    ensure!(world.has_referrer("mirror/b", "lib/b:v2"), "a pattern's images bring their referrers");
    ensure!(world.has_referrer("mirror/c", "lib/c:v1"));
    ensure!(!world.has_referrer("named/app", "app:v1"), "a named image does not");
    let asked = world.source.requests();
    let others = asked.iter().filter(|request| {
        ["/v2/lib/a/", "/manifests/v1", "/v2/lib/b/tags", "/v2/_catalog"]
            .iter()
            .any(|part| request.path.contains(part))
            && !request.path.contains("/lib/c/")
            && !request.path.contains("/app/")
    });
    ensure!(others.count() == 0, "{asked:#?}");
    ensure!(world.workplace.read("failed.yaml")? == "{}\n");
    // Nothing is left, which is no error.
    let nothing = world.workplace.run(&again)?.expect_code(0)?;
    nothing.says(&["failed.yaml names no images: there is nothing to try again"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_a_dry_run_leaves_the_lists_alone() -> Result<()> {
    let world = World::start().await?;
    let failed = world.workplace.read("failed.yaml")?;
    world.workplace.write("copied.yaml", "an older list")?;
    let dry = "--retry-failed failed.yaml --dry-run --output-success-images copied.yaml --report r.json";
    world.workplace.run(&world.command(dry))?.expect_code(0)?;
    ensure!(world.workplace.read("failed.yaml")? == failed && failed.len() > 3, "{failed}");
    ensure!(world.workplace.read("copied.yaml")? == "an older list");
    ensure!(world.workplace.read("r.json")?.contains("wouldCopy"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_a_list_without_a_name_is_refused_and_what_is_odd_about_one_is_told() -> Result<()> {
    let world = World::start().await?;
    for command in ["--config c.json --retry-failed=", "sync --config c.json --retry-failed="] {
        world.workplace.run(command)?.expect_code(2)?.says(&["the name of the file is empty"])?;
    }
    ensure!(world.source.requests().is_empty());
    let (from, to) = (world.source.host(), world.target.host());
    let twice = format!("{from}/app:v1: {to}/named/app:v0\n{from}/app:v1: {to}/named/app:v1\n");
    world.workplace.write("twice.yaml", &twice)?;
    let ran = world.workplace.run(&world.command("--retry-failed twice.yaml"))?.expect_code(0)?;
    ran.says(&["warning: twice.yaml", "copied           1 image"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_a_list_of_nothing_is_no_mistake_as_an_images_file() -> Result<()> {
    let world = World::start().await?;
    for (name, text) in [("none.json", "{}\n"), ("none.yaml", "{}\n")] {
        world.workplace.write(name, text)?;
        let ran = world.workplace.run(&format!("--images {name}"))?.expect_code(0)?;
        ran.says(&[&format!("{name} holds no rules: nothing is copied")])?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_it_stays_an_images_file_and_foreign_lines_are_told() -> Result<()> {
    let world = World::start().await?;
    let (from, to) = (world.source.host(), world.target.host());
    let hosts = format!(r#"{{"{from}": {{"insecure": true}}, "{to}": {{"insecure": true}}}}"#);
    world.workplace.write("auth.json", &hosts)?;
    let ran = world.workplace.run("--auth auth.json --images failed.yaml")?.expect_code(0)?;
    ran.says(&["copied           3 images"])?;
    world.workplace.write("other.json", &format!(r#"{{"{from}/lib/a:v1": "{to}/elsewhere/a:v1"}}"#))?;
    let ran = world.workplace.run(&world.command("--retry-failed other.json"))?.expect_code(0)?;
    ran.says(&["no rule of the config copies", "elsewhere/a", "copied           1 image"])?;
    Ok(())
}
