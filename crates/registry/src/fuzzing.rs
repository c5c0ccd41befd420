//! Every parser of untrusted text, for the fuzz targets in `fuzz/`. Not part of the public interface.

mod name_list;
mod schema1;

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use oci::foreign_text::{LIMIT, clean, is_plain};
use oci::{Descriptor, Digest, MediaType, RawManifest, Reference, referrers_tag};
use serde_json::{Map, Value};

use crate::auth::scope::Scopes;
use crate::auth::{challenge as challenges, login_file, token};
use crate::http::{link_header, notice, range};

pub use name_list::{catalog_page, tag_page};
pub use schema1::payload as schema1_payload;

/// `WWW-Authenticate`.
pub fn challenge(text: &str) {
    let _ = challenges::parse(text);
}

/// `Link`.
pub fn link(text: &str) {
    let _ = link_header::next_in(text);
}

/// `Content-Range` of downloads and `Range` of uploads.
pub fn content_range(text: &str) {
    if let Some(range) = range::content_range(text) {
        assert!(range.total.is_none_or(|total| range.first < total));
    }
    let received = range::received(text, 3, 1000);
    assert!(received.is_none_or(|count| (3..=1000).contains(&count)));
}

/// A parsed text is printed and parsed again with the same result.
pub fn reference(text: &str) {
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text);
        let _ = referrers_tag(&digest);
    }
    if let Ok(reference) = text.parse::<Reference>() {
        assert_eq!(reference.to_string().parse::<Reference>().as_ref(), Ok(&reference));
    }
}

/// A manifest of any kind; each edit of a readable manifest is readable again.
pub fn manifest(bytes: &[u8]) {
    for media_type in [MediaType::OCI_INDEX, MediaType::DOCKER_SCHEMA1_SIGNED, MediaType::new("text/plain")] {
        let read = RawManifest::from_answer(&media_type, Bytes::copy_from_slice(bytes), None);
        let Ok(manifest) = read else { continue };
        let _ = (manifest.links(), manifest.subject());
        let child = Descriptor::new(None, manifest.digest().clone(), Some(1));
        for edited in [manifest.with_children(|_| false), manifest.with_child(&child)].into_iter().flatten() {
            assert!(edited.links().is_ok());
        }
    }
}

/// Any text, and a `Warning` header, as they are shown.
pub fn foreign_text(text: &str) {
    let shown = clean(text);
    assert!(shown.len() <= LIMIT && shown.chars().all(is_plain));
    assert_eq!(clean(&shown), shown);
    assert!(notice::texts(text).iter().all(|warning| warning.chars().all(is_plain)));
}

/// Docker's and containers' login files.
pub fn auth_file(bytes: &[u8]) {
    for name in ["config.json", ".dockercfg"] {
        login_file::probe(Path::new(name), bytes, "r.io/team/app");
    }
}

/// A token server's answer: the token in it is sent to the registry, and never shown.
pub fn token_answer(bytes: &[u8]) {
    let asked = Instant::now();
    let Ok((token, refresh)) = token::read(bytes, &Scopes::parse("repository:team/app:pull"), asked) else {
        return;
    };
    assert!(token.header.is_sensitive());
    // A token may be too long to be shared, but an opaque one serves the scopes that it was requested for.
    assert!(!token.is_opaque() || token.serves(&token.asked));
    if let Ok(document) = serde_json::from_slice::<Map<String, Value>>(bytes) {
        let text = |key: &str| document.get(key)?.as_str().filter(|text| !text.is_empty());
        let told = text("token").or_else(|| text("access_token")).expect("a token is made of nothing");
        let sent = format!("Bearer {told}");
        assert!(token.header == sent || token.header == "Bearer invalid", "another token than was given");
        assert_eq!(refresh.is_some(), text("refresh_token").is_some());
    }
}
