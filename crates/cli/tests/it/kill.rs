//! `kill -9` at random moments of a run: the target is never wrong, and the next run continues.

use std::collections::HashSet;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use embedded_registry::EmbeddedRegistry;
use testkit::seed::{Flavour, Image, Pusher, layer};
use testkit::{Dice, DockerRegistry, Exchange, FaultProxy, compare};

use crate::process::Workplace;

/// The number in `scripts/test`; `cargo xtask torture` sets `IMAGE_SYNCER_KILLS` to more.
const KILLS: u64 = 5;
/// After this many kills, the test continues with an empty target.
const KILLS_A_TARGET: u64 = 5;
const PROC: u64 = 4;
const LAYER_BYTES: usize = 40 << 20;

/// Further bytes that may be sent again: small blobs that were finished too shortly before a kill to be in the state file, at most all of
/// them.
const JUST_BROUGHT: u64 = 5 << 20;

/// The target registry.
enum Target {
    /// It keeps a broken upload, but clients cannot resume it: the offset is signed into the location, and the only location that it
    /// returns has the offset at the beginning of the request
    /// (<https://github.com/distribution/distribution/blob/v2.8.2/registry/handlers/blobupload.go#L315>).
    Docker(Box<DockerRegistry>),
    Embedded(EmbeddedRegistry),
}

impl Target {
    fn host(&self) -> String {
        match self {
            Self::Docker(registry) => registry.host(),
            Self::Embedded(registry) => registry.host(),
        }
    }

    /// The bytes that a kill may cost for each blob in transfer: DESIGN.md, promise 6.
    fn most_sent_again(&self) -> u64 {
        match self {
            Self::Docker(_) => LAYER_BYTES as u64,
            Self::Embedded(_) => 16 << 20,
        }
    }
}

/// A source with large layers, a target, and a proxy in front of it that counts.
struct World {
    source: DockerRegistry,
    target: Target,
    proxy: FaultProxy,
    workplace: Workplace,
}

impl World {
    async fn start(target: Target) -> Result<Self> {
        let source = DockerRegistry::open().await?;
        let pusher = Pusher::new(source.host());
        let base = layer(1, 3 << 20);
        for number in 0..6 {
            let image = Image::new(Flavour::Oci).layer(base.clone()).layer(layer(10 + number, 200_000));
            pusher.image("app", format!("v{number}").as_str(), &image).await?;
        }
        for number in 0..3 {
            let image =
                Image::new(Flavour::Docker).layer(base.clone()).layer(layer(20 + number, LAYER_BYTES));
            pusher.image("app", format!("large-{number}").as_str(), &image).await?;
        }
        let proxy = FaultProxy::start(target.host()).await?;
        let workplace = Workplace::new()?;
        let (here, there) = (source.host(), proxy.host());
        let auth = format!(r#"{{"{here}": {{"insecure": true}}, "{there}": {{"insecure": true}}}}"#);
        workplace.write("auth.json", &auth)?;
        Ok(Self { source, target, proxy, workplace })
    }

    fn spawn(&self, to: &str) -> Result<Child> {
        let (source, target) = (self.source.host(), self.proxy.host());
        self.workplace.write("images.json", &format!(r#"{{"{source}/app": "{target}/{to}"}}"#))?;
        // With one state for all runs, the next target would mount the blobs of the previous one, and no blob would be in transfer.
        let state = format!("--state {to}.redb");
        let arguments = format!("--auth auth.json --images images.json --proc {PROC} --retries 3 {state}");
        let mut command = self.workplace.command(&arguments);
        Ok(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
    }

    async fn run_to_end(&self, to: &str) -> Result<Duration> {
        let begun = Instant::now();
        let mut child = self.spawn(to)?;
        let status = tokio::task::spawn_blocking(move || child.wait()).await??;
        ensure!(status.success(), "the undisturbed run ended with {status}");
        Ok(begun.elapsed())
    }

    /// Kills a run after a while. Returns whether it was still running.
    async fn kill_after(&self, to: &str, wait: Duration) -> Result<bool> {
        let mut child = self.spawn(to)?;
        tokio::time::sleep(wait).await;
        let under_way = child.try_wait()?.is_none();
        child.kill()?;
        child.wait()?;
        Ok(under_way)
    }

    /// Checks that every tag is complete.
    async fn check(&self, to: &str) -> Result<()> {
        let target = Pusher::new(self.target.host());
        for tag in target.tags(to).await? {
            // The registry lists a tag before it has written the tag's target.
            if target.digest(to, &tag).await?.is_none() {
                continue;
            }
            let missing = compare::missing_content(&target, to, &tag).await?;
            ensure!(missing.is_empty(), "{to}:{tag} is incomplete: {missing:?}");
        }
        Ok(())
    }
}

/// The traffic to the target in one run, or in several.
#[derive(Clone, Copy, Default)]
struct Traffic {
    bytes: u64,
    /// Upload sessions that received bytes and were not closed.
    open: u64,
}

impl Traffic {
    /// Takes the proxy's log.
    fn take(proxy: &FaultProxy) -> Self {
        let exchanges = proxy.exchanges();
        proxy.forget();
        let uploads: Vec<_> = exchanges.iter().filter(|exchange| session(exchange).is_some()).collect();
        let closed = uploads.iter().filter(|upload| upload.method == "PUT" && upload.status == Some(201));
        let closed: HashSet<_> = closed.filter_map(|upload| session(upload)).collect();
        let begun = uploads.iter().filter(|upload| upload.request_bytes > 0);
        let begun: HashSet<_> = begun.filter_map(|upload| session(upload)).collect();
        let bytes = uploads.iter().map(|upload| upload.request_bytes).sum();
        Self { bytes, open: begun.difference(&closed).count() as u64 }
    }

    fn add(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.open += other.open;
    }
}

/// The upload session of a request.
fn session(exchange: &Exchange) -> Option<&str> {
    let (_, session) = exchange.path.split_once("/blobs/uploads/")?;
    session.split('?').next().filter(|session| !session.is_empty())
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_leaves_no_wrong_tag_and_the_next_one_goes_on() -> Result<()> {
    println!("{}", kill_and_check(Target::Docker(DockerRegistry::open().await?.into())).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_costs_little_where_parts_of_uploads_are_kept() -> Result<()> {
    println!("{}", kill_and_check(Target::Embedded(EmbeddedRegistry::builder().start().await?)).await?);
    Ok(())
}

/// Returns the amount as text.
async fn kill_and_check(target: Target) -> Result<String> {
    let (kills, seed) = (number("IMAGE_SYNCER_KILLS", KILLS), number("IMAGE_SYNCER_SEED", 1));
    let world = World::start(target).await?;
    let whole = world.run_to_end("measure").await?;
    let needed = Traffic::take(&world.proxy).bytes;
    let (mut dice, mut killed, mut targets, mut all) = (Dice::new(seed), 0, 0, Traffic::default());
    while killed < kills {
        let to = format!("target-{targets}");
        targets += 1;
        let mut traffic = Traffic::default();
        let mut killed_here = 0;
        for _ in 0..KILLS_A_TARGET.min(kills - killed) {
            let wait = whole.mul_f64(f64::from(u32::try_from(dice.below(900))?) / 1000.0);
            killed_here += u64::from(world.kill_after(&to, wait).await?);
            world.check(&to).await.with_context(|| format!("seed {seed}, killed after {wait:?}"))?;
            traffic.add(Traffic::take(&world.proxy));
        }
        killed += killed_here;
        world.run_to_end(&to).await?;
        let (source, target) = (Pusher::new(world.source.host()), Pusher::new(world.target.host()));
        let differences = compare::repositories(&source, "app", &target, &to).await?;
        ensure!(differences.is_empty(), "seed {seed}: {differences:?}");
        traffic.add(Traffic { open: 0, ..Traffic::take(&world.proxy) });
        traffic.bytes = traffic.bytes.saturating_sub(needed);
        let bound = traffic.open * world.target.most_sent_again() + killed_here * JUST_BROUGHT;
        ensure!(traffic.bytes <= bound, "seed {seed}: {} bytes sent again, {bound} allowed", traffic.bytes);
        all.add(traffic);
    }
    Ok(format!(
        "{killed} kills with {} uploads open: {} MiB sent again beside the {} MiB of each of {targets} targets",
        all.open,
        all.bytes >> 20,
        needed >> 20,
    ))
}
