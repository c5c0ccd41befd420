//! Finds the images of a report that a text refers to. Pure.

use std::collections::BTreeSet;

use oci::Reference;

use crate::nearest::changes;
use crate::output::ImageRecord;

/// The most names to suggest when no single image matches.
const NAMES_TOLD: usize = 10;
/// The most images kept that only end with the text. With more, the text is ambiguous anyway.
const MOST_ENDING: usize = 256;
/// Names with at most this many changed letters are suggested.
const NEAR: usize = 3;

/// Searches images one by one.
pub(super) struct Search {
    text: String,
    /// The text as a full reference, with defaults such as Docker Hub.
    whole: Option<String>,
    exact: Vec<ImageRecord>,
    ending: Vec<ImageRecord>,
    ending_names: BTreeSet<String>,
    near: BTreeSet<(usize, String)>,
    /// Full names for the text, from repositories of the report with the same ending.
    completed: BTreeSet<String>,
}

/// The result of a search.
pub(super) enum Found {
    /// The image, once for each of its targets.
    These(Vec<ImageRecord>),
    /// Several images whose names end with the text.
    Several(Vec<String>),
    /// No image: similar names, and the full names that the text would have in repositories of the report.
    Near { names: Vec<String>, completed: Vec<String> },
}

impl Search {
    pub(super) fn new(text: &str) -> Self {
        let whole = text.parse::<Reference>().ok().map(|reference| reference.to_string());
        let (exact, ending, ending_names, near, completed) = Default::default();
        Self { text: text.to_owned(), whole, exact, ending, ending_names, near, completed }
    }

    pub(super) fn look(&mut self, image: ImageRecord) {
        let names = [&image.source, &image.target];
        if names.iter().any(|name| **name == self.text || Some(*name) == self.whole.as_ref()) {
            self.exact.push(image);
            return;
        }
        let ending = names.iter().find(|name| self.ends(name)).map(|name| (*name).clone());
        if let Some(name) = ending {
            if self.ending.len() < MOST_ENDING {
                self.ending_names.insert(name);
                self.ending.push(image);
            }
            return;
        }
        for name in names {
            if self.completed.len() < NAMES_TOLD {
                let repository = split(name).map(|(repository, _)| repository);
                self.completed.extend(repository.and_then(|repository| completed(&self.text, repository)));
            }
            if let Some(distance) = self.distance(name) {
                self.near.insert((distance, name.clone()));
            }
        }
        while self.near.len() > NAMES_TOLD {
            self.near.pop_last();
        }
    }

    pub(super) fn found(self) -> Found {
        if !self.exact.is_empty() {
            return Found::These(self.exact);
        }
        match self.ending_names.len() {
            0 => Found::Near {
                names: self.near.into_iter().map(|(_, name)| name).collect(),
                completed: self.completed.into_iter().collect(),
            },
            1 => Found::These(self.ending),
            _ => Found::Several(self.ending_names.into_iter().take(NAMES_TOLD).collect()),
        }
    }

    /// Whether a name ends with the text, at the start of a component, tag or digest.
    fn ends(&self, name: &str) -> bool {
        let rest = name.strip_suffix(self.text.as_str());
        let is_whole =
            |rest: &str| rest.is_empty() || rest.ends_with('/') || self.text.starts_with([':', '@', '/']);
        !self.text.is_empty() && rest.is_some_and(is_whole)
    }

    /// The distance of a name from the text; `None` if it is too far. If the text is a repository alone, its images have the distance 0.
    fn distance(&self, name: &str) -> Option<usize> {
        let is_behind = |front: &str| {
            let rest = name.strip_prefix(front).or_else(|| Some(name.split_once(&format!("/{front}"))?.1));
            rest.is_some_and(|rest| rest.starts_with([':', '@']))
        };
        if is_behind(&self.text) {
            return Some(0);
        }
        let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
        let (wanted, own) = (last(&self.text), last(name));
        if wanted.len().abs_diff(own.len()) > NEAR {
            return None;
        }
        let distance = changes(&wanted, &own);
        (distance <= NEAR && distance * 2 <= wanted.chars().count()).then_some(distance + 1)
    }
}

/// The text, the end of a name, as a full name in `repository`, if that ends with the text's.
pub(super) fn completed(text: &str, repository: &str) -> Option<String> {
    let (own, behind) = split(text).unwrap_or((text, ""));
    let rest = repository.strip_suffix(own)?;
    (rest.ends_with('/') && !own.is_empty()).then(|| format!("{repository}{behind}"))
}

/// Splits off the tag or digest from registry and repository. `None` if there is neither.
pub(super) fn split(name: &str) -> Option<(&str, &str)> {
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    let end = last + name[last..].find([':', '@'])?;
    Some(name.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(source: &str, target: &str) -> ImageRecord {
        let record = serde_json::json!({"source": source, "target": target, "outcome": "copied"});
        serde_json::from_value(record).unwrap()
    }

    fn search(text: &str) -> Found {
        let mut search = Search::new(text);
        for (source, target) in [
            ("docker.io/library/nginx:1.25", "r.cn/m/nginx:1.25"),
            ("docker.io/library/nginx:1.25", "r.us/m/nginx:1.25"),
            ("h.io/apps/my-nginx:1.26", "r.cn/m/my-nginx:1.26"),
            ("h.io/apps/web:v1", "r.cn/m/web:v1"),
            ("h.io/more/web:v2", "r.cn/n/web:v1"),
        ] {
            search.look(image(source, target));
        }
        search.found()
    }

    fn these(text: &str) -> Vec<String> {
        match search(text) {
            Found::These(entries) => entries.into_iter().map(|entry| entry.target).collect(),
            Found::Several(names) => panic!("{text}: several: {names:?}"),
            Found::Near { names, .. } => panic!("{text}: near: {names:?}"),
        }
    }

    #[test]
    fn whole_names_count_first_and_then_unique_ends() {
        assert_eq!(these("nginx:1.25"), ["r.cn/m/nginx:1.25", "r.us/m/nginx:1.25"]);
        assert_eq!(these("r.us/m/nginx:1.25"), ["r.us/m/nginx:1.25"]);
        assert_eq!(these("my-nginx:1.26"), ["r.cn/m/my-nginx:1.26"]);
        assert_eq!(these(":v2"), ["r.cn/n/web:v1"]);
        assert_eq!(these("apps/web:v1"), ["r.cn/m/web:v1"]);
    }

    #[test]
    fn what_is_not_there_or_not_one_names_others() {
        let Found::Several(names) = search("web:v1") else { panic!("one") };
        assert_eq!(names, ["h.io/apps/web:v1", "r.cn/n/web:v1"]);
        for (text, near) in
            [("library/ngnix:1.25", "docker.io/library/nginx:1.25"), ("apps/web", "h.io/apps/web:v1")]
        {
            let Found::Near { names, .. } = search(text) else { panic!("{text}") };
            assert_eq!(names.first().map(String::as_str), Some(near), "{text}: {names:?}");
        }
        let Found::Near { names, .. } = search("inx:1.26") else { panic!("half a word is none") };
        assert!(!names.contains(&"h.io/apps/web:v1".to_owned()), "{names:?}");
        assert!(
            matches!(search("redis:7"), Found::Near { names, completed } if names.is_empty() && completed.is_empty())
        );
    }
    #[test]
    fn a_name_is_completed_by_others_of_its_repository() {
        let Found::Near { completed, .. } = search("apps/web:v3") else { panic!("it is there") };
        assert_eq!(completed, ["h.io/apps/web:v3"]);
        let Found::Near { completed, .. } = search("pps/web:v3") else { panic!("it is there") };
        assert!(completed.is_empty(), "{completed:?}");
        assert_eq!(
            super::completed("web@sha256:a", "h.io:5000/web").as_deref(),
            Some("h.io:5000/web@sha256:a")
        );
    }
}
