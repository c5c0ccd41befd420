//! Checks names at targets against the images at the source.

use std::collections::HashSet;

use oci::{Reference, TagOrDigest};

use crate::config::image_text::{ImageText, Which, parse, split_target};
use crate::config::rule_error::RuleError;

/// A digest in all targets selects the image, if the source gives a tag or the same digest.
pub(super) fn pinned_by_targets(which: Which, targets: &[String]) -> Which {
    let Which::These(images) = &which else { return which };
    let [image] = &images[..] else { return which };
    let mut pins = targets.iter().map(|text| match parse(text).map(|target| target.which) {
        Ok(Which::Pinned(tag, digest)) => Some((tag, digest)),
        _ => None,
    });
    let Some(Some((_, digest))) = pins.next() else { return which };
    if !pins.all(|pin| pin.is_some_and(|(_, other)| other == digest)) {
        return which;
    }
    match image {
        TagOrDigest::Tag(tag) => Which::Pinned(tag.clone(), digest),
        TagOrDigest::Digest(_) => which,
    }
}

/// Whether a repository has a placeholder such as `{path}`, which no name can contain.
pub(super) fn has_placeholder(text: &str) -> bool {
    let (repository, _) = split_target(text);
    repository.split_once('{').is_some_and(|(_, rest)| rest.contains('}'))
}

/// Whether the name is longer than the specification recommends.
pub(super) fn is_long(target: &ImageText) -> bool {
    let (registry, repository) = (target.registry.clone(), target.repository.clone());
    Reference { registry, repository, tag: None, digest: None }.is_longer_than_advised()
}

/// Checks names at the target against images at the source, if the config names both.
pub(super) fn check_names(
    source_text: &str,
    source: &ImageText,
    text: &str,
    target: &ImageText,
) -> Result<(), RuleError> {
    let (source_text, text) = (source_text.to_owned(), text.to_owned());
    if matches!(target.which, Which::Templated(_)) {
        return check_template(source_text, source, text, target);
    }
    let Some(names) = written_names(&target.which) else { return Ok(()) };
    let mut seen = HashSet::new();
    if let Some(name) = names.iter().find(|name| !seen.insert(*name)) {
        return Err(RuleError::NameTwice { source_text, text, name: name.clone() });
    }
    let Some(images) = written_names(&source.which) else { return Ok(()) };
    if images.len() != names.len() {
        return Err(RuleError::Count { source_text, text, images: images.len(), names: names.len() });
    }
    match (&images[..], &names[..]) {
        ([TagOrDigest::Digest(image)], [TagOrDigest::Digest(name)]) if image != name => {
            Err(RuleError::OtherDigest { source_text, wanted: name.clone() })
        }
        _ => Ok(()),
    }
}

/// A template needs tags, and a target other than the source.
fn check_template(
    source_text: String,
    source: &ImageText,
    text: String,
    target: &ImageText,
) -> Result<(), RuleError> {
    let images = if let Which::These(images) = &source.which { &images[..] } else { &[] };
    if images.iter().any(|image| matches!(image, TagOrDigest::Digest(_))) {
        return Err(RuleError::TemplateWithoutTag { source_text, text });
    }
    let is_same = (&source.registry, &source.repository) == (&target.registry, &target.repository);
    if is_same && written_names(&source.which).is_none() {
        return Err(RuleError::TemplateIntoSource { source_text, text });
    }
    Ok(())
}

/// The images that a text names; for `tag@digest`, the digest.
fn written_names(which: &Which) -> Option<Vec<TagOrDigest>> {
    match which {
        Which::These(images) => Some(images.clone()),
        Which::Pinned(_, digest) => Some(vec![TagOrDigest::Digest(digest.clone())]),
        Which::Unsaid | Which::Matching(_) | Which::Templated(_) => None,
    }
}
