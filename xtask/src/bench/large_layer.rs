//! Large layers: one, ours beside two curls with a pipe between them, which do not hash; and ten at once, for their memory.

use std::ffi::OsString;

use anyhow::{Context as _, Result, ensure};
use testkit::corpus::Corpus;

use super::rig::{Ends, Pair, Rig};
use super::tool::Tool;
use super::{measure, registries_time};

/// The pipe's name in tables.
pub(super) const CURL: &str = "curl | curl";

/// Opens an upload, sends the layer, closes the upload.
const CURLS: &str = r#"set -eu
location() { tr -d '\r' | sed -n 's/^[Ll]ocation: //p'; }
session=$(curl -sSf -X POST -D - -o /dev/null "http://$2/v2/$3/blobs/uploads/" | location)
session=$(curl -sSf "http://$1/v2/$3/blobs/$4" |
    curl -sSf -X PATCH -H 'Content-Type: application/octet-stream' -H 'Expect:' -T - -D - -o /dev/null "$session" | location)
curl -sSf -X PUT -o /dev/null "$session&digest=$4"
"#;

pub(super) fn scenario(bytes: u64) -> String {
    format!("one layer of {} MiB", bytes >> 20)
}

/// The scenario with ten layers in tables.
pub(super) const TEN: &str = "ten layers of 100 MB";

/// Copies all ten layers at once.
pub(super) async fn measure_ten(rig: &mut Rig, bytes: u64) -> Result<()> {
    let source = rig.registry().await?;
    let corpus = Corpus::write_large_layers(10, bytes, source.data_dir())?;
    for _ in 0..rig.runs {
        let target = rig.registry().await?;
        let pair = Pair { corpus: &corpus, source: &source, target: &target };
        let tool = Tool::ours_with(&rig.ours, 10);
        let sample = pair.copy(&tool, Ends::plain(&source.host(), &target.host())).await?;
        rig.note(TEN, &tool.name, None, sample)?;
    }
    Ok(())
}

pub(super) async fn measure(rig: &mut Rig, bytes: u64) -> Result<()> {
    let source = rig.registry().await?;
    let corpus = Corpus::write_large_layer(bytes, source.data_dir())?;
    let repository = corpus.repositories.first().context("no repository")?;
    let layer = repository.blobs.iter().find(|(_, size)| **size == bytes);
    let (digest, _) = layer.context("no layer")?;
    for _ in 0..rig.runs {
        let target = rig.registry().await?;
        let pair = Pair { corpus: &corpus, source: &source, target: &target };
        let sample = pair.copy(&Tool::ours(&rig.ours), Ends::plain(&source.host(), &target.host())).await?;
        rig.note(&scenario(bytes), super::tool::OURS, None, sample)?;
        drop(target);

        let target = rig.registry().await?;
        let pair = Pair { corpus: &corpus, source: &source, target: &target };
        let (from, to) = (source.host(), target.host());
        let words = ["sh", "-c", CURLS, "sh", &from, &to, &repository.name, digest];
        let folder = Rig::folder()?;
        source.forget_requests();
        target.forget_requests();
        let before = registries_time::so_far([&source, &target])?;
        let usage = measure::measure(&words.map(OsString::from), folder.path()).await?;
        ensure!(usage.code == 0, "curl: {}", measure::output_of(folder.path()));
        let registries = registries_time::so_far([&source, &target])? - before;
        let mut sample = pair.sample(usage, registries);
        // The pipe copies only the layer.
        (sample.wanted, sample.faults) = (1, Vec::new());
        ensure!(sample.right == 1, "curl did not bring the layer");
        rig.note(&scenario(bytes), CURL, None, sample)?;
    }
    Ok(())
}
