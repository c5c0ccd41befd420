//! The binary's dependencies in machine-readable form: `CycloneDX` 1.5 (<https://cyclonedx.org/docs/1.5/json/>).

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::dependencies::{Dependencies, Dependency};
use super::workspace::Workspace;

/// The document. It has no serial number: those are random, but two runs must give the same bytes.
pub(crate) fn document(workspace: &Workspace, dependencies: &Dependencies) -> Result<Vec<u8>> {
    let all = &dependencies.0;
    let root =
        all.values().find(|one| one.name == "image-syncer").context("image-syncer is no part of itself")?;
    let parts = all.values().filter(|one| one.key() != root.key()).map(component);
    let needs = all.values().map(|one| json!({"ref": one.key(), "dependsOn": one.needs})).collect::<Vec<_>>();
    let mut main = component(root);
    main["type"] = json!("application");
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"timestamp": workspace.time()?, "component": main},
        "components": parts.collect::<Vec<_>>(),
        "dependencies": needs,
    });
    Ok((serde_json::to_string_pretty(&document)? + "\n").into_bytes())
}

fn component(one: &Dependency) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": one.key(),
        "name": one.name,
        "version": one.version,
        "licenses": [{"expression": one.licence}],
    });
    if !one.is_own {
        component["purl"] = json!(format!("pkg:cargo/{}", one.key()));
    }
    if let Some(checksum) = &one.checksum {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    component
}
