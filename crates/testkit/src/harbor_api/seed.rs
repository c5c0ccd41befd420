//! Creates many small repositories quickly.

use anyhow::Result;
use tokio::task::JoinSet;

use super::HarborBench;
use crate::seed::{Flavour, Image, Pusher, layer};

/// The projects of [`HarborBench::seed_small`]: an ordinary one, one whose name looks like an id, and one that only
/// administrators see.
const PROJECTS: [&str; 3] = ["library", "2026", "team-a"];
/// How many pushers run in parallel.
const PUSHERS: usize = 8;

impl HarborBench {
    /// Pushes `count` repositories as [`HarborBench::seed_repositories`] does, distributed over the projects
    /// `library`, `2026` and `team-a`; every fifth has a nested name. Returns their names, sorted.
    pub async fn seed_small(&self, count: usize) -> Result<Vec<String>> {
        let name = |number: usize| {
            let folder = if number.is_multiple_of(5) { "a/b/" } else { "" };
            format!("{}/{folder}app-{number:03}", PROJECTS[number % PROJECTS.len()])
        };
        let mut names: Vec<_> = (0..count).map(name).collect();
        self.seed_repositories(&names).await?;
        names.sort();
        Ok(names)
    }

    /// Pushes one small image into each repository, with the tag `v1`, and in every tenth also with `latest`. Adds
    /// missing projects.
    ///
    /// All images share a layer, but each has its own digest.
    pub async fn seed_repositories(&self, names: &[String]) -> Result<()> {
        for name in names {
            self.add_project(name.split('/').next().unwrap_or_default());
        }
        let Some(first) = names.first() else { return Ok(()) };
        // The others mount the layer, so it has to exist before.
        seed(&self.pusher(), first, 0, None).await?;
        let mut tasks = JoinSet::new();
        for start in 1..=PUSHERS {
            let (pusher, first) = (self.pusher(), first.clone());
            let own: Vec<_> = names.iter().cloned().enumerate().skip(start).step_by(PUSHERS).collect();
            tasks.spawn(async move {
                for (number, name) in own {
                    seed(&pusher, &name, number, Some(&first)).await?;
                }
                Ok::<_, anyhow::Error>(())
            });
        }
        while let Some(seeded) = tasks.join_next().await {
            seeded??;
        }
        Ok(())
    }
}

async fn seed(pusher: &Pusher, name: &str, number: usize, layer_from: Option<&str>) -> Result<()> {
    // The variant makes configs, and so digests, differ.
    let image = Image::new(Flavour::Oci).layer(layer(1, 512)).platform(&format!("linux/arm64/v{number}"));
    let seeded = pusher.small_image(name, "v1", &image, layer_from).await?;
    if number.is_multiple_of(10) {
        let (media_type, bytes) = pusher.manifest(name, &seeded.digest).await?.unwrap_or_default();
        pusher.push_manifest(name, "latest", &media_type, bytes).await?;
    }
    Ok(())
}
