//! One image with large layers: measures only the cost of transferring bytes.

use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::store::Store;
use super::{Corpus, Repository};
use crate::{digest_of, seed};

/// The size of a written piece, in bytes.
const PIECE: usize = 4 << 20;

const REPOSITORY: &str = "bench/layer";
const TAG: &str = "v1";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

impl Corpus {
    /// Writes an image with a layer of this size into a docker-registry's folder.
    pub fn write_large_layer(bytes: u64, data: &Path) -> Result<Self> {
        Self::write_large_layers(1, bytes, data)
    }

    /// Writes an image with this many layers of this size into a docker-registry's folder.
    pub fn write_large_layers(layers: u64, bytes: u64, data: &Path) -> Result<Self> {
        let store = Store::new(data);
        let written = (1..=layers).map(|seed| write_layer(&store, seed, bytes, data));
        let layers: Vec<String> = written.collect::<Result<_>>()?;
        let config = json!({
            "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": layers},
        });
        let config = config.to_string();
        let config_digest = digest_of(config.as_bytes());
        store.put(&config_digest, config.as_bytes())?;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": config_digest, "size": config.len()},
            "layers": layers.iter().map(|layer| json!({"mediaType": LAYER, "digest": layer, "size": bytes}))
                .collect::<Vec<_>>(),
        });
        let manifest = manifest.to_string();
        let digest = digest_of(manifest.as_bytes());
        store.put(&digest, manifest.as_bytes())?;
        store.link_manifest(REPOSITORY, &digest)?;
        store.link_tag(REPOSITORY, TAG, &digest)?;
        let mut made = Repository { name: REPOSITORY.to_owned(), ..Repository::default() };
        let layers = layers.into_iter().map(|layer| (layer, bytes));
        for (blob, size) in layers.chain([(config_digest, config.len() as u64)]) {
            store.link_blob(REPOSITORY, &blob)?;
            made.blobs.insert(blob, size);
        }
        made.manifests.insert(digest.clone(), manifest.len() as u64);
        made.tags.insert(TAG.to_owned(), digest);
        Ok(Self { repositories: vec![made] })
    }
}

/// Repeats one piece of bytes: no program on the way compresses or deduplicates it.
fn write_layer(store: &Store, seed: u64, bytes: u64, data: &Path) -> Result<String> {
    let (piece, mut hash) = (seed::layer(seed, PIECE), Sha256::new());
    let unnamed = data.join("unnamed-layer");
    let mut file = std::fs::File::create(&unnamed)?;
    let mut left = bytes;
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        file.write_all(&piece[..length])?;
        hash.update(&piece[..length]);
        left -= length as u64;
    }
    let digest = format!("sha256:{}", hex::encode(hash.finalize()));
    store.take(&digest, &unnamed)?;
    Ok(digest)
}
