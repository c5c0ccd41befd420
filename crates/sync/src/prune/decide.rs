//! Decides what to delete in a target repository, without requests.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use oci::TagOrDigest;

use super::candidate::{Candidate, Fate, Standing, Untagging};
use super::contents::Contents;
use super::gone::{GoneSince, Grace};
use super::guards::Guards;
use super::judge::Judge;
use super::order::put_in_order;
use super::suspects::{Claim, Suspects};
use crate::rule::referrer_tag::belongs_to_another;

/// A target repository, and what all rules say about it.
pub(super) struct Scene<'a> {
    pub(super) name: Arc<str>,
    pub(super) contents: &'a Contents,
    pub(super) untagging: Untagging,
    /// The references that rules write there.
    pub(super) selected: &'a HashSet<TagOrDigest>,
    pub(super) claims: &'a [Claim<'a>],
    pub(super) suspects: &'a Suspects,
}

/// The decision about a repository.
#[derive(Debug, Default)]
pub(super) struct Decided {
    /// In the order of their deletion.
    pub(super) candidates: Vec<Candidate>,
    /// How much would be deleted, if that is more than allowed.
    pub(super) too_much: Option<String>,
}

/// How long an image must have been missing: the maximum of all rules.
pub(super) fn grace(claims: &[Claim<'_>]) -> Duration {
    claims.iter().filter_map(|claim| claim.guards).map(|guards| guards.grace).max().unwrap_or_default()
}

/// Decides about one repository.
pub(super) fn decide(scene: &Scene<'_>, gone: &GoneSince, now: SystemTime) -> Decided {
    let tags = scene.contents.tags().filter(|(tag, _)| !belongs_to_another(tag)).count();
    let guards = scene.claims.iter().filter_map(|claim| claim.guards);
    let Some(guards) = guards.reduce(|one, other| one.strictest(other, tags)) else {
        return Decided::default();
    };
    let (contents, suspects) = (scene.contents, scene.suspects);
    let grace = Grace { gone, now, lasts: guards.grace };
    let judge =
        Judge { name: &scene.name, contents, selected: scene.selected, untagging: scene.untagging, grace };
    let mut candidates = judge.images(&suspects.images);
    let images = candidates.len();
    candidates.extend(judge.followers(&suspects.followers, &candidates));
    judge.hold(&mut candidates);
    // Only images count, not the signatures behind them.
    let too_much = too_much(scene, guards, tags, &candidates[..images]);
    candidates.extend(judge.referrers(&candidates));
    candidates.extend(judge.stay(&suspects.left_out, &Standing::AtSource));
    candidates.extend(judge.stay(&suspects.of_others, &Standing::OfAnother));
    put_in_order(&mut candidates, contents);
    Decided { candidates, too_much }
}

/// The reason for a refusal if too many images would be deleted. Includes those that go only if the registry deletes
/// tags alone, because they may go.
fn too_much(scene: &Scene<'_>, guards: Guards, tags: usize, images: &[Candidate]) -> Option<String> {
    let count = |fate| images.iter().filter(|image| image.fate() == fate).count();
    let (sure, alone) = (count(Fate::Goes), count(Fate::GoesAlone));
    let most = guards.max_delete.of(tags);
    let more = match alone {
        0 => String::new(),
        _ => format!(", and {alone} more if this registry takes a tag away without its image"),
    };
    (sure + alone > most).then(|| {
        format!(
            "{sure} of the {tags} tags of {} would go{more}, and `maxDelete: {}` lets {most} go in one run",
            scene.name, guards.max_delete
        )
    })
}

#[cfg(test)]
mod tests;
