//! The container image, as an archive of an OCI layout. No container engine is needed to make it.

mod filesystem;

use anyhow::Result;
use serde_json::{Value, json};

use self::filesystem::{certificates, own_files, zones};
use super::entry::{Entry, gzip, tar};
use super::program::Program;
use super::workspace::Workspace;

/// An unprivileged user, with the id of distroless images.
const USER: &str = "65532:65532";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Bytes below `blobs/` of the layout.
struct Blobs(Vec<Entry>);

impl Blobs {
    fn add(&mut self, media_type: &str, bytes: Vec<u8>) -> Value {
        let digest = testkit::digest_of(&bytes);
        let descriptor = json!({"mediaType": media_type, "digest": digest, "size": bytes.len()});
        self.0.push(Entry::file(format!("blobs/{}", digest.replace(':', "/")), bytes));
        descriptor
    }
}

/// Makes the archive; only the last layer changes with each release.
pub(crate) fn make(workspace: &Workspace, program: &Program, licences: &str) -> Result<Vec<u8>> {
    let mut blobs = Blobs(vec![Entry::folder("blobs"), Entry::folder("blobs/sha256")]);
    let (mut layers, mut contents) = (Vec::new(), Vec::new());
    for entries in [certificates()?, zones()?, own_files(workspace, program, licences)?] {
        let layer = tar(workspace, entries)?;
        contents.push(testkit::digest_of(&layer));
        layers.push(blobs.add(LAYER, gzip(&layer)?));
    }
    let config = blobs.add(CONFIG, config(workspace, &contents)?.to_string().into_bytes());
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers, "annotations": labels(workspace)?});
    let mut manifest = blobs.add(MANIFEST, manifest.to_string().into_bytes());
    manifest["platform"] = json!({"architecture": "amd64", "os": "linux"});
    manifest["annotations"] = json!({"org.opencontainers.image.ref.name": workspace.version});
    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [manifest]});
    let mut entries = blobs.0;
    entries.push(Entry::file("oci-layout", json!({"imageLayoutVersion": "1.0.0"}).to_string()));
    entries.push(Entry::file("index.json", index.to_string()));
    tar(workspace, entries)
}

fn config(workspace: &Workspace, contents: &[String]) -> Result<Value> {
    Ok(json!({
        "created": workspace.time()?,
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "User": USER,
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"],
            // The same as in the Go tool's image since v1.0.4.
            "Entrypoint": ["image-syncer"],
            "Cmd": ["--config", "/etc/image-syncer/image-syncer.json"],
            "WorkingDir": "/bin",
            "Labels": labels(workspace)?,
        },
        "rootfs": {"type": "layers", "diff_ids": contents},
        "history": contents.iter().map(|_| json!({"created": workspace.time().ok(), "created_by": "cargo xtask image"}))
            .collect::<Vec<_>>(),
    }))
}

fn labels(workspace: &Workspace) -> Result<Value> {
    let mut labels = json!({
        "org.opencontainers.image.title": "image-syncer",
        "org.opencontainers.image.description": "Carries container images from registries to registries",
        "org.opencontainers.image.version": workspace.version,
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.created": workspace.time()?,
    });
    if let Some(revision) = &workspace.revision {
        labels["org.opencontainers.image.revision"] = json!(revision);
    }
    Ok(labels)
}
