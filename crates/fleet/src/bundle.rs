//! Makes jobs of images: whole repositories, unless one is too large for one worker.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use sync::{Assignment, Surveyed};

/// A repository with more bytes than this is divided.
const LARGEST_JOB: u64 = 50_000_000_000;
/// Repositories with fewer bytes than this are packed together.
const SMALL: u64 = 200_000_000;
/// The most repositories that are packed together.
const MOST_TOGETHER: usize = 50;
/// With this many jobs workers are evenly busy, however the jobs are packed.
const MANY_JOBS: usize = 256;

/// Images that one worker brings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bundle {
    pub(crate) bytes: u64,
    pub(crate) assignments: Vec<Assignment>,
}

impl Bundle {
    fn images(&self) -> usize {
        self.assignments.iter().map(|assignment| assignment.images.len()).sum()
    }

    fn has_room_for(&self, other: &Self, most_images: usize) -> bool {
        self.images() + other.images() <= most_images && self.bytes + other.bytes <= LARGEST_JOB
    }

    fn add(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.assignments.extend(other.assignments);
    }
}

/// Makes jobs, the largest first, so that no large job is left alone at the end. Images that must stay together, such as one and what
/// another rule makes of it, are in one job. `most_images` is how many images the message with a job's result can tell of.
pub(crate) fn bundles(images: Vec<Surveyed>, most_images: usize) -> Vec<Bundle> {
    let mut repositories: BTreeMap<Arc<str>, Vec<(String, Bundle)>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for Surveyed { mut assignment, place } in images {
        assignment.images.retain(|image| seen.insert(image.target_name()));
        if assignment.images.is_empty() {
            continue;
        }
        let units = repositories.entry(place.repository).or_default();
        let key = place.reference.suffix();
        let unit = Bundle { bytes: place.bytes, assignments: vec![assignment] };
        match units.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => known.add(Bundle { bytes: 0, ..unit }),
            None => units.push((key, unit)),
        }
    }
    let most_together = (repositories.len() / MANY_JOBS).clamp(1, MOST_TOGETHER);
    let (mut jobs, mut small) = (Vec::new(), Vec::new());
    for units in repositories.into_values() {
        let mut parts = divided(units.into_iter().map(|(_, unit)| unit), most_images);
        match parts.pop() {
            Some(only) if parts.is_empty() && only.bytes < SMALL => small.push(only),
            last => jobs.extend(parts.into_iter().chain(last)),
        }
    }
    jobs.extend(packed(small, (most_together, most_images)));
    jobs.sort_by_key(|job| std::cmp::Reverse((job.bytes, job.images())));
    jobs
}

/// Divides a repository, in its own order, into parts that are not too large.
fn divided(units: impl Iterator<Item = Bundle>, most_images: usize) -> Vec<Bundle> {
    let mut parts: Vec<Bundle> = Vec::new();
    for unit in units {
        match parts.last_mut() {
            Some(last) if last.has_room_for(&unit, most_images) => last.add(unit),
            _ => parts.push(unit),
        }
    }
    parts
}

/// Packs small repositories, `most_together` at most.
fn packed(small: Vec<Bundle>, (most_together, most_images): (usize, usize)) -> Vec<Bundle> {
    let mut jobs: Vec<(usize, Bundle)> = Vec::new();
    for bundle in small {
        match jobs.last_mut() {
            Some((number, last))
                if *number < most_together
                    && last.bytes + bundle.bytes < SMALL
                    && last.has_room_for(&bundle, most_images) =>
            {
                *number += 1;
                last.add(bundle);
            }
            _ => jobs.push((1, bundle)),
        }
    }
    jobs.into_iter().map(|(_, job)| job).collect()
}

#[cfg(test)]
mod tests {
    use oci::TagOrDigest;
    use sync::{Image, Policy, Splittable, Wanted, WantedReferrers};

    use super::*;
    use crate::message::MOST_IMAGES;

    fn bundles(images: Vec<Surveyed>) -> Vec<Bundle> {
        super::bundles(images, MOST_IMAGES)
    }

    fn image(repository: &str, tag: &str, bytes: u64) -> Surveyed {
        let reference = TagOrDigest::Tag(tag.parse().unwrap());
        let image = Image {
            source: format!("a.io/{repository}").into(),
            source_reference: reference.clone(),
            target: format!("b.io/{repository}").into(),
            target_reference: reference.clone(),
        };
        let wanted = Wanted { referrers: WantedReferrers::None, policy: Arc::new(Policy::default()) };
        let place = Splittable { repository: image.target.clone(), reference, digest: None, bytes };
        Surveyed { assignment: Assignment { rule: 0, images: vec![image.into()], wanted }, place }
    }

    fn sizes(jobs: &[Bundle]) -> Vec<(u64, usize)> {
        jobs.iter().map(|job| (job.bytes, job.images())).collect()
    }

    #[test]
    fn a_job_is_a_repository_and_the_largest_is_the_first() {
        let giga = 1_000_000_000;
        let images = vec![
            image("b", "v1", giga),
            image("a", "v1", 2 * giga),
            image("b", "v2", 2 * giga),
            image("c", "v1", 0),
            image("a", "v1", 2 * giga),
        ];
        assert_eq!(
            sizes(&bundles(images)),
            [(3 * giga, 2), (2 * giga, 1), (0, 1)],
            "what comes twice counts once"
        );
    }

    #[test]
    fn a_large_repository_is_divided_by_bytes_and_by_tags() {
        let giga = 1_000_000_000;
        let large = (0..5).map(|number| image("a", &format!("v{number}"), 20 * giga)).collect();
        assert_eq!(sizes(&bundles(large)), [(40 * giga, 2), (40 * giga, 2), (20 * giga, 1)]);
        let many = |number| (0..number).map(|number| image("a", &format!("v{number}"), 0)).collect();
        assert_eq!(sizes(&bundles(many(1201))), [(0, 500), (0, 500), (0, 201)]);
        assert_eq!(sizes(&super::bundles(many(5), 2)), [(0, 2), (0, 2), (0, 1)], "small messages");
    }

    #[test]
    fn small_repositories_are_packed_where_there_are_many() {
        let small = |number| (0..number).map(|number| image(&format!("r{number}"), "v1", 1000)).collect();
        assert_eq!(bundles(small(100)).len(), 100);
        let jobs = bundles(small(2560));
        assert_eq!(sizes(&jobs), vec![(10_000, 10); 256]);
    }

    #[test]
    fn what_is_made_of_an_image_is_in_its_job() {
        let leader = image("a", "v1", 0);
        let mut follower = image("other", "v1", 0);
        follower.place = leader.place.clone();
        let jobs = bundles(vec![leader, image("z", "v1", 0), follower]);
        assert_eq!(sizes(&jobs), [(0, 2), (0, 1)]);
    }
}
