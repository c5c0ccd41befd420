//! Tests the kit with the real programs, before tests rely on it.

// clippy does not treat helpers of integration tests as tests.
#![allow(clippy::unwrap_used)]

mod harbor;
mod registry;
mod tls;
mod token;

use testkit::seed::{Flavour, Image, Pusher, Seeded, layer};

/// An index of two platforms with the tag `v1`, and its signature.
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
