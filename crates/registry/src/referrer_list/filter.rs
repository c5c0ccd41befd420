//! Filters referrers.

use std::collections::{BTreeMap, HashSet};

use http::HeaderMap;
use url::form_urlencoded::Serializer;

use oci::{Descriptor, MediaType};

/// The wanted referrers: all by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReferrerFilter {
    /// Of one of these artifact types; of any, if there are none.
    pub artifact_types: Vec<MediaType>,
    /// With all of these annotations.
    pub annotations: BTreeMap<String, String>,
}

impl ReferrerFilter {
    /// All referrers of a manifest.
    pub fn all() -> Self {
        Self::default()
    }

    /// Whether this referrer is wanted.
    pub fn passes(&self, referrer: &Descriptor) -> bool {
        let of_type = |wanted: &MediaType| referrer.artifact_type.as_ref() == Some(wanted);
        let has = |(key, value): (&String, &String)| referrer.annotations.get(key) == Some(value);
        (self.artifact_types.is_empty() || self.artifact_types.iter().any(of_type))
            && self.annotations.iter().all(has)
    }

    /// The wanted referrers, each once.
    pub(super) fn each_once(&self, mut referrers: Vec<Descriptor>) -> Vec<Descriptor> {
        let mut seen = HashSet::new();
        referrers.retain(|referrer| self.passes(referrer) && seen.insert(referrer.digest.clone()));
        referrers
    }

    /// The query parameter: the registry can filter by one type.
    pub(super) fn query(&self) -> String {
        match self.only_type() {
            Some(only) => Serializer::new(String::new()).append_pair("artifactType", only.as_str()).finish(),
            None => String::new(),
        }
    }

    /// If the registry has filtered, entries without a type have the requested one.
    pub(super) fn complete(&self, entries: &mut [Descriptor], headers: &HeaderMap) {
        let applied = headers.get_all("oci-filters-applied").iter().filter_map(|value| value.to_str().ok());
        let mut applied = applied.flat_map(|value| value.split(',')).map(str::trim);
        let Some(only) = self.only_type().filter(|_| applied.any(|filter| filter == "artifactType")) else {
            return;
        };
        for entry in entries {
            entry.artifact_type.get_or_insert_with(|| only.clone());
        }
    }

    fn only_type(&self) -> Option<&MediaType> {
        match self.artifact_types.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci::Digest;

    #[test]
    fn c62_types_and_annotations_choose() {
        let mut referrer = Descriptor::new(None, Digest::sha256(b"x"), None);
        referrer.artifact_type = Some("a/sbom".to_owned().into());
        referrer.annotations.insert("k".to_owned(), "v".to_owned());
        let passes = |types: &[&str], annotations: &[(&str, &str)]| {
            let artifact_types = types.iter().map(|text| (*text).to_owned().into()).collect();
            let annotations = annotations.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            ReferrerFilter { artifact_types, annotations }.passes(&referrer)
        };
        assert!(passes(&[], &[]) && passes(&["a/sig", "a/sbom"], &[("k", "v")]));
        assert!(!passes(&["a/sig"], &[]) && !passes(&[], &[("k", "w")]) && !passes(&[], &[("l", "v")]));
    }

    #[test]
    fn c56_the_registrys_filter_is_believed_only_where_it_says_so() {
        let filter = ReferrerFilter { artifact_types: vec!["a/b+c".to_owned().into()], ..Default::default() };
        assert_eq!(filter.query(), "artifactType=a%2Fb%2Bc");
        let mut entries = [Descriptor::new(None, Digest::sha256(b"x"), None)];
        filter.complete(&mut entries, &HeaderMap::new());
        assert!(!filter.passes(&entries[0]));
        let mut headers = HeaderMap::new();
        headers.insert("oci-filters-applied", "other, artifactType".parse().unwrap());
        filter.complete(&mut entries, &headers);
        assert!(filter.passes(&entries[0]));
    }
}
