//! The kit against the real programs, before anything is judged with it.

// clippy takes the helpers of integration tests for no tests.
#![allow(clippy::unwrap_used)]

mod harbor;
mod registry;
mod tls;
mod token;

use testkit::seed::{Flavour, Image, Pusher, Seeded, layer};

/// Two platforms in an index under `v1`, and a signature of it.
async fn seed_index(pusher: &Pusher, repository: &str, flavour: Flavour) -> Seeded {
    let image = |number, platform| {
        Image::new(flavour).layer(layer(1, 5000)).layer(layer(number, 70_000)).platform(platform)
    };
    let amd64 = pusher.image(repository, None, &image(2, "linux/amd64")).await.unwrap();
    let arm64 = pusher.image(repository, None, &image(3, "linux/arm64/v8")).await.unwrap();
    let index = pusher.index(repository, "v1", &[amd64, arm64]).await.unwrap();
    pusher.signature(repository, &index.digest).await.unwrap();
    index
}
