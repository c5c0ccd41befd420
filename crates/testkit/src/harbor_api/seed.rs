//! Many small repositories in little time.

use anyhow::Result;
use tokio::task::JoinSet;

use super::HarborBench;
use crate::seed::{Flavour, Image, Pusher, layer};

/// The projects of [`HarborBench::seed_small`]: an ordinary one, one whose name looks like an id, and one that
/// only administrators see.
const PROJECTS: [&str; 3] = ["library", "2026", "team-a"];

impl HarborBench {
    /// Pushes `count` repositories of one small image each, under the tags `v1` and (every tenth) `latest`,
    /// over the projects `library`, `2026` and `team-a`; every fifth has a nested name. Gives their names, sorted.
    ///
    /// All images share a layer, but each has a digest of its own.
    pub async fn seed_small(&self, count: usize) -> Result<Vec<String>> {
        for project in PROJECTS {
            self.add_project(project);
        }
        let mut tasks = JoinSet::new();
        for (place, project) in PROJECTS.into_iter().enumerate() {
            let (pusher, numbers) = (self.pusher(), (place..count).step_by(PROJECTS.len()));
            tasks.spawn(async move { seed_project(&pusher, project, numbers.collect()).await });
        }
        let mut names = Vec::new();
        while let Some(seeded) = tasks.join_next().await {
            names.extend(seeded??);
        }
        names.sort();
        Ok(names)
    }
}

async fn seed_project(pusher: &Pusher, project: &str, numbers: Vec<usize>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for number in numbers {
        let name = if number % 5 == 0 {
            format!("{project}/a/b/app-{number:03}")
        } else {
            format!("{project}/app-{number:03}")
        };
        // The variant makes configs, and so digests, differ.
        let image = Image::new(Flavour::Oci).layer(layer(1, 512)).platform(&format!("linux/arm64/v{number}"));
        // The layer is in the first repository when the second mounts it.
        let shared_from = names.first().map(String::as_str);
        let seeded = pusher.small_image(&name, "v1", &image, shared_from).await?;
        if number % 10 == 0 {
            let (media_type, bytes) = pusher.manifest(&name, &seeded.digest).await?.unwrap_or_default();
            pusher.push_manifest(&name, "latest", &media_type, bytes).await?;
        }
        names.push(name);
    }
    Ok(names)
}
