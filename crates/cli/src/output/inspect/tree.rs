//! An image for people.

use std::collections::HashMap;

use oci::Digest;

use super::inspected::{Blob, Inspected, Manifest, Referrer, Standing};
use crate::output::remainder;
use crate::output::size::size;

/// The most places to list that share a layer.
const PLACES_NAMED: usize = 3;

/// The lines. The caller cleans them of control characters.
pub(crate) fn lines(image: &Inspected) -> Vec<String> {
    let mut lines = head(image);
    if image.manifests.is_empty() {
        section(&mut lines, "layers", image.layers.iter().map(|layer| format!("  {}", blob(layer))));
    } else {
        let users = users(&image.manifests);
        lines.push("manifests".to_owned());
        image.manifests.iter().for_each(|child| manifest(&mut lines, child, &users, "  "));
    }
    section(&mut lines, "referrers", image.referrers.iter().flatten().map(referrer));
    section(
        &mut lines,
        "annotations",
        image.annotations.iter().map(|(key, text)| format!("  {key}: {text}")),
    );
    lines
}

fn head(image: &Inspected) -> Vec<String> {
    let row = |label: &str, text: String| format!("  {label:<10} {text}");
    let mut lines = vec![image.reference.clone(), row("digest", image.digest.to_string())];
    lines.push(row("type", format!("{}, {}", image.media_type, size(Some(image.size)))));
    let rows = [
        ("artifact", image.artifact_type.as_ref().map(ToString::to_string)),
        ("created", image.created.clone()),
        ("refers to", image.subject.as_ref().map(ToString::to_string)),
        ("platforms", listed(&image.platforms)),
        ("tags", image.tags.as_deref().and_then(listed)),
    ];
    lines.extend(rows.into_iter().filter_map(|(label, text)| Some(row(label, text?))));
    let layers = image.layers.len();
    let plural = if layers == 1 { "" } else { "s" };
    lines.push(row("size", format!("{}, {layers} layer{plural}", size(image.total_size))));
    if let Some(config) = &image.config {
        lines.push(row("config", blob(&config.blob)));
    }
    lines
}

fn listed(texts: &[String]) -> Option<String> {
    (!texts.is_empty()).then(|| texts.join(", "))
}

fn section(lines: &mut Vec<String>, title: &str, rows: impl Iterator<Item = String>) {
    let mut rows = rows.peekable();
    if rows.peek().is_some() {
        lines.push(title.to_owned());
        lines.extend(rows);
    }
}

/// The manifests that use each layer.
type Users<'a> = HashMap<&'a Digest, Vec<&'a Manifest>>;

fn users(manifests: &[Manifest]) -> Users<'_> {
    let mut users = Users::new();
    let mut left: Vec<_> = manifests.iter().rev().collect();
    while let Some(child) = left.pop() {
        child.layers.iter().for_each(|layer| users.entry(&layer.digest).or_default().push(child));
        left.extend(child.manifests.iter().rev());
    }
    users
}

fn manifest(lines: &mut Vec<String>, child: &Manifest, users: &Users<'_>, indent: &str) {
    let amount = match child.standing {
        Standing::There => size(child.total_size),
        Standing::Missing => "is not in this repository".to_owned(),
        Standing::Unread => "could not be read".to_owned(),
    };
    lines.push(format!("{indent}{}  {}  {amount}", name(child), child.digest));
    for layer in &child.layers {
        let others =
            users.get(&layer.digest).into_iter().flatten().filter(|user| user.digest != child.digest);
        let others: Vec<_> = others.map(|user| name(user)).collect();
        lines.push(format!("{indent}  {}{}", blob(layer), shared(&others)));
    }
    let indent = format!("{indent}  ");
    child.manifests.iter().for_each(|below| manifest(lines, below, users, &indent));
}

/// A name that distinguishes it from its siblings.
fn name(child: &Manifest) -> String {
    match (&child.platform, &child.os_version) {
        _ if child.is_attestation => "attestation".to_owned(),
        (Some(platform), Some(version)) => format!("{platform} ({version})"),
        (Some(platform), None) => platform.clone(),
        (None, _) if !child.manifests.is_empty() => "index".to_owned(),
        (None, _) => child.media_type.as_ref().map_or_else(|| "manifest".to_owned(), ToString::to_string),
    }
}

fn shared(others: &[String]) -> String {
    match others.len() {
        0 => String::new(),
        _ => format!(", also in {}", remainder::list(others, PLACES_NAMED)),
    }
}

fn blob(blob: &Blob) -> String {
    format!("{}  {}", blob.digest, size(blob.size))
}

fn referrer(referrer: &Referrer) -> String {
    let kind = kind(referrer);
    let own = referrer.artifact_type.as_ref().map(ToString::to_string);
    let own = own.filter(|own| *own != kind).map(|own| format!("  {own}")).unwrap_or_default();
    let amount = referrer.size.map(|bytes| format!("  {}", size(Some(bytes)))).unwrap_or_default();
    let tag = referrer.tag.as_ref().map(|tag| format!("  under the tag {tag}")).unwrap_or_default();
    format!("  {kind}  {}{amount}{own}{tag}", referrer.digest)
}

/// The kind of well-known referrers, or else the type. A sigstore bundle has the kind of its content in an annotation:
/// <https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md>
fn kind(referrer: &Referrer) -> String {
    let own = referrer.artifact_type.as_ref().map(ToString::to_string).unwrap_or_default();
    let content = referrer.annotations.get("dev.sigstore.bundle.content").map(String::as_str);
    let word = match own.as_str() {
        _ if referrer.tag.is_some() => of_tag(referrer.tag.as_deref().unwrap_or_default()),
        "application/vnd.cncf.notary.signature" | "application/vnd.dev.cosign.artifact.sig.v1+json" => {
            "signature"
        }
        bundle if bundle.starts_with("application/vnd.dev.sigstore.bundle") => match content {
            Some("message-signature") => "signature",
            Some("dsse-envelope") => "attestation",
            _ => "signature or attestation",
        },
        "application/vnd.in-toto+json" => "attestation",
        sbom if sbom.contains("spdx") || sbom.contains("cyclonedx") => "SBOM",
        "" => "artifact",
        other => other,
    };
    word.to_owned()
}

/// The ending of cosign's tags gives the kind.
fn of_tag(tag: &str) -> &'static str {
    match tag.rsplit_once('.') {
        Some((_, "att")) => "attestation",
        Some((_, "sbom")) => "SBOM",
        _ => "signature",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn referrers_are_called_what_people_look_for() {
        let kind_of = |own: &str, content: Option<&str>| {
            let annotations =
                content.map(|content| ("dev.sigstore.bundle.content".to_owned(), content.to_owned()));
            kind(&Referrer {
                digest: Digest::sha256(b"x"),
                artifact_type: serde_json::from_value(own.into()).ok(),
                size: None,
                tag: None,
                annotations: annotations.into_iter().collect::<BTreeMap<_, _>>(),
            })
        };
        let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
        assert_eq!(kind_of(bundle, Some("message-signature")), "signature");
        assert_eq!(kind_of(bundle, Some("dsse-envelope")), "attestation");
        assert_eq!(kind_of(bundle, None), "signature or attestation");
        assert_eq!(
            ["sig", "att", "sbom"].map(|end| of_tag(&format!("sha256-00.{end}"))),
            ["signature", "attestation", "SBOM"]
        );
        assert_eq!(kind_of("application/spdx+json", None), "SBOM");
        assert_eq!(kind_of("application/vnd.acme.scan", None), "application/vnd.acme.scan");
    }

    #[test]
    fn a_layer_names_few_others_that_have_it() {
        let others = |count: usize| (0..count).map(|number| format!("os/{number}")).collect::<Vec<_>>();
        assert_eq!(shared(&others(0)), "");
        assert_eq!(shared(&others(2)), ", also in os/0, os/1");
        assert_eq!(shared(&others(5)), ", also in os/0, os/1, os/2 and 2 more");
    }
}
