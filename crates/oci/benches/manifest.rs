//! Measures reading a manifest: once for each image, and once more for its references.

use bytes::Bytes;
use divan::{Bencher, black_box};
use oci::{Digest, MediaType, RawManifest};

fn main() {
    divan::main();
}

fn image(layers: usize) -> Bytes {
    let descriptor = |number: usize, media_type: &str| {
        let digest = Digest::sha256(&number.to_le_bytes());
        format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{number}}}"#)
    };
    let entries: Vec<String> = (1..=layers)
        .map(|number| descriptor(number, "application/vnd.oci.image.layer.v1.tar+gzip"))
        .collect();
    let config = descriptor(0, "application/vnd.oci.image.config.v1+json");
    let media_type = MediaType::OCI_MANIFEST;
    let layers = entries.join(",");
    format!(r#"{{"schemaVersion":2,"mediaType":"{media_type}","config":{config},"layers":[{layers}]}}"#)
        .into()
}

/// Reads a registry's answer: media type and digest.
#[divan::bench(args = [1, 10, 100])]
fn take(bencher: Bencher<'_, '_>, layers: usize) {
    let bytes = image(layers);
    bencher
        .bench_local(|| RawManifest::from_answer(&MediaType::OCI_MANIFEST, black_box(bytes.clone()), None));
}

/// Reads the manifest's references.
#[divan::bench(args = [1, 10, 100])]
fn links(bencher: Bencher<'_, '_>, layers: usize) {
    let manifest = RawManifest::from_answer(&MediaType::OCI_MANIFEST, image(layers), None);
    let manifest = manifest.expect("the manifest is right");
    bencher.bench_local(|| black_box(&manifest).links());
}
