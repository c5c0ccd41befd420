//! The JSON Schema of the document.

use serde_json::{Value, json};

use crate::output::json_schema::{
    described, digest, document, flag, list, map, number, object, or_null, text, text_or_null, with_optional,
    word,
};

/// What `inspect --json` prints.
pub(crate) fn schema() -> Value {
    let size = "Bytes of all blobs, each once; null where a manifest does not tell the size of one";
    let created =
        "When it was built, as it says itself; of an index that does not say it, when its first image was";
    let subject = "The digest that it refers to, where it is a signature or the like";
    let tags = "All tags of this digest; null where --tags was not given, or the registry does not list them";
    let referrers = "What refers to it; null where the registry could not be asked";
    let properties = [
        ("reference", described(text(), "The name that was asked for, with registry and tag")),
        ("digest", digest()),
        ("mediaType", text()),
        ("artifactType", text_or_null()),
        ("size", described(number(), "Bytes of the manifest")),
        ("totalSize", described(or_null(number()), size)),
        ("created", described(text_or_null(), created)),
        ("platforms", list(&text())),
        ("manifests", list(&of("manifest"))),
        ("layers", described(list(&of("blob")), "Of all manifests, each once")),
        ("config", or_null(config())),
        ("annotations", map()),
        ("subject", described(or_null(digest()), subject)),
        ("referrers", described(or_null(list(&referrer())), referrers)),
        ("tags", described(or_null(list(&text())), tags)),
    ];
    let mut schema = document("inspect", "What one image is made of.", &properties);
    schema["$defs"] = json!({ "blob": blob(), "manifest": manifest() });
    schema
}

/// A reference to one of the schema's definitions.
fn of(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn of_blob() -> [(&'static str, Value); 3] {
    [("digest", digest()), ("mediaType", text_or_null()), ("size", or_null(number()))]
}

fn blob() -> Value {
    object("A blob", &of_blob())
}

fn config() -> Value {
    let content = ("content", json!({ "description": "What stands in it, where that is JSON" }));
    let properties: Vec<_> = of_blob().into_iter().chain([content]).collect();
    object("The config of an image or artifact", &properties)
}

fn referrer() -> Value {
    let properties = [("digest", digest()), ("artifactType", text_or_null()), ("size", or_null(number()))];
    let referrer = object("Something that refers to the image", &properties);
    let referrer = with_optional(referrer, "annotations", map());
    with_optional(referrer, "tag", described(text(), "Where cosign keeps it under a tag"))
}

fn manifest() -> Value {
    let own = [
        ("platform", text_or_null()),
        ("isAttestation", flag()),
        ("standing", word(&["there", "missing", "unread"])),
        ("totalSize", or_null(number())),
        ("config", or_null(of("blob"))),
        ("layers", list(&of("blob"))),
    ];
    let properties: Vec<_> = of_blob().into_iter().chain(own).collect();
    let manifest = object("A manifest that an index names", &properties);
    let manifest = with_optional(manifest, "osVersion", text());
    with_optional(manifest, "manifests", list(&of("manifest")))
}
