//! The state file: useful if it is right, harmless if it is wrong, damaged, or missing.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use embedded_registry::EmbeddedRegistry;
use testkit::seed::{Flavour, Image, Pusher, layer};
use testkit::{Dice, compare};

use crate::process::{Ran, Workplace};

const LARGE: usize = 17 << 20;

struct World {
    source: EmbeddedRegistry,
    target: EmbeddedRegistry,
    workplace: Workplace,
}

impl World {
    async fn start() -> Result<Self> {
        let source = EmbeddedRegistry::builder().start().await?;
        let target = EmbeddedRegistry::builder().start().await?;
        let pusher = Pusher::new(source.host());
        for number in 0..3 {
            let image = Image::new(Flavour::Oci).layer(layer(1, 20_000)).layer(layer(10 + number, 5_000));
            pusher.image("a/app", format!("v{number}").as_str(), &image).await?;
        }
        pusher.image("a/app", "large", &Image::new(Flavour::Oci).layer(layer(20, LARGE))).await?;
        let workplace = Workplace::new()?;
        let (here, there) = (source.host(), target.host());
        let auth = format!(r#"{{"{here}": {{"insecure": true}}, "{there}": {{"insecure": true}}}}"#);
        workplace.write("auth.json", &auth)?;
        workplace.write("images.json", &format!(r#"{{"{here}/a/app": "{there}/a/app"}}"#))?;
        Ok(Self { source, target, workplace })
    }

    fn run(&self, more: &str) -> Result<Ran> {
        self.workplace.run(&format!("--auth auth.json --images images.json {more}"))
    }

    async fn assert_same(&self) -> Result<()> {
        let (source, target) = (Pusher::new(self.source.host()), Pusher::new(self.target.host()));
        let differences = compare::repositories(&source, "a/app", &target, "a/app").await?;
        ensure!(differences.is_empty(), "{differences:?}");
        Ok(())
    }

    /// The digests of the blobs that were sent to the target since the last call.
    fn sent(&self) -> BTreeSet<String> {
        let requests = self.target.requests();
        let puts = requests.iter().filter(|request| request.method == "PUT");
        let digests =
            puts.filter_map(|put| put.query.as_deref()?.split_once("digest=").map(|(_, digest)| digest));
        let sent = digests.map(|digest| digest.replace("%3A", ":")).collect();
        self.target.clear_requests();
        sent
    }

    /// Removes the tags and manifests of the target, and keeps its blobs.
    fn forget_images(&self) {
        for tag in self.target.store().tags("a/app") {
            let digest = self.target.store().manifest("a/app", &tag).map(|manifest| manifest.digest);
            self.target.store().remove_manifest("a/app", &tag);
            digest.map(|digest| self.target.store().remove_manifest("a/app", &digest));
        }
    }

    fn default_state(&self) -> PathBuf {
        self.workplace.path().join(".local/state/image-syncer/state.redb")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_that_a_run_brought_before_any_tag_are_not_sent_again() -> Result<()> {
    let world = World::start().await?;
    world.run("")?.expect_code(0)?;
    let needed = world.sent();
    ensure!(!needed.is_empty());
    world.forget_images();
    world.run("")?.expect_code(0)?;
    ensure!(world.sent().is_empty(), "all blobs are there, and the state says so");
    world.assert_same().await?;
    // Without the state, the same run sends everything: an empty tag list counts as an empty repository.
    world.forget_images();
    world.run("--no-state")?.expect_code(0)?;
    ensure!(world.sent() == needed);
    let mode = std::fs::metadata(world.default_state())?.permissions().mode();
    ensure!(mode & 0o777 == 0o600, "{mode:o}: what is in it lets others write to uploads");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_known_in_another_repository_are_mounted_by_a_later_run() -> Result<()> {
    let world = World::start().await?;
    world.run("")?.expect_code(0)?;
    world.sent();
    let (here, there) = (world.source.host(), world.target.host());
    world.workplace.write("images.json", &format!(r#"{{"{here}/a/app": "{there}/b/app"}}"#))?;
    world.run("")?.expect_code(0)?;
    ensure!(world.sent().is_empty(), "they are in a/app");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_image_of_chosen_platforms_costs_two_questions() -> Result<()> {
    let world = World::start().await?;
    let pusher = Pusher::new(world.source.host());
    let mut children = Vec::new();
    for (number, platform) in (100..).zip(["linux/amd64", "linux/arm64/v8"]) {
        let image = Image::new(Flavour::Oci).layer(layer(number, 500)).platform(platform);
        children.push(pusher.image("a/app", None, &image).await?);
    }
    pusher.index("a/app", "index", &children).await?;
    let (here, there) = (world.source.host(), world.target.host());
    world.workplace.write("images.json", &format!(r#"{{"{here}/a/app:index": "{there}/b/app"}}"#))?;
    let asked = |registry: &EmbeddedRegistry| {
        let requests = registry.requests();
        let manifests = requests.iter().filter(|request| request.path.contains("/manifests/"));
        let lines: Vec<_> = manifests.map(|request| request.method.to_string()).collect();
        registry.clear_requests();
        lines
    };
    world.run("--arch amd64")?.expect_code(0)?.says(&["copied           1 image"])?;
    asked(&world.source);
    asked(&world.target);
    world.run("--arch amd64")?.expect_code(0)?.says(&["unchanged        1 image"])?;
    ensure!((asked(&world.source), asked(&world.target)) == (vec!["HEAD".into()], vec!["HEAD".into()]));
    world.run("--arch amd64 --no-state")?.expect_code(0)?.says(&["unchanged        1 image"])?;
    ensure!(asked(&world.source).contains(&"GET".to_owned()), "without it only the manifest tells");
    world.run("--arch arm64")?.expect_code(0)?.says(&["copied           1 image"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_is_wrong_costs_questions_and_nothing_else() -> Result<()> {
    let world = World::start().await?;
    world.run("")?.expect_code(0)?;
    let needed = world.sent();
    world.forget_images();
    for digest in &needed {
        ensure!(world.target.store().remove_blob("a/app", digest));
    }
    world.run("--retries 0")?.expect_code(0)?;
    ensure!(world.sent() == needed, "everything is gone, and is sent");
    world.assert_same().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_is_moved_aside_or_read_but_never_in_the_way() -> Result<()> {
    let world = World::start().await?;
    world.run("")?.expect_code(0)?;
    let sound = std::fs::read(world.default_state())?;
    let mut dice = Dice::new(1);
    let mut damaged = vec![b"not a database at all".to_vec(), vec![0; 100_000]];
    damaged.extend([1, 512, 4096, sound.len() / 2].map(|length| sound[..length].to_vec()));
    for _ in 0..20 {
        let mut bytes = sound.clone();
        for _ in 0..=dice.below(30) {
            let place = usize::try_from(dice.below(bytes.len() as u64))?;
            bytes[place] ^= 1 << dice.below(8);
        }
        damaged.push(bytes);
    }
    let mut aside = 0;
    for (number, bytes) in damaged.iter().enumerate() {
        std::fs::write(world.default_state(), bytes)?;
        world.forget_images();
        let ran = world.run("--retries 0")?.expect_code(0)?;
        let ran = ran.hides(&["panicked", "RUST_BACKTRACE"])?;
        aside += usize::from(ran.stderr.contains("was damaged: it is"));
        world.assert_same().await?;
        // Whatever was wrong with it, it is valid now.
        let again = world.run("")?.expect_code(0)?;
        again.hides(&["damaged", "is not used"]).with_context(|| number.to_string())?;
    }
    ensure!(aside > 5, "{aside} of {} were found to be damaged", damaged.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_on_one_state_do_not_hurt_each_other() -> Result<()> {
    let world = World::start().await?;
    let mut first = world.workplace.command("--auth auth.json --images images.json --bandwidth 4MB/s");
    let mut first = first.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    while world.target.store().open_uploads() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let looked = world.run("--dry-run")?.expect_code(0)?;
    ensure!(
        looked.stderr.matches("is not used: another run is using it. This run goes without").count() == 1
    );
    world.run("")?.expect_code(0)?.says(&["is not used: another run is using it"])?;
    ensure!(first.wait()?.success());
    world.assert_same().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_cannot_be_written_is_a_warning() -> Result<()> {
    let world = World::start().await?;
    let ran = world.run("--state auth.json/state.redb")?.expect_code(0)?;
    ran.says(&["warning", "auth.json/state.redb is not used", "--no-state"])?;
    world.assert_same().await?;
    ensure!(!world.default_state().exists());
    world.run("--dry-run")?.expect_code(0)?.hides(&["is not used"])?;
    ensure!(!world.default_state().exists(), "who only looks remembers nothing");
    world.run("")?.expect_code(0)?;
    let written = std::fs::read(world.default_state())?;
    world.run("--dry-run")?.expect_code(0)?.hides(&["is not used"])?;
    ensure!(std::fs::read(world.default_state())? == written, "and changes nothing of it");
    Ok(())
}
