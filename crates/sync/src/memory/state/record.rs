//! The format of the state's records. A record may be damaged, or of another version: then it counts as missing.

use oci::{Digest, HashState, HashTrail, RepositoryName, Tag};

use crate::endpoint::{SavedUpload, StoreId};
use secrecy::{ExposeSecret as _, SecretString};

use super::trail::new_trail;

/// The version of an upload's record.
const VERSION: u8 = 1;
/// Registries delete unfinished uploads after a week or less.
const UPLOAD_DAYS: u32 = 7;
/// Separates the parts of a key: no name contains it.
const END: u8 = 0;

/// An unfinished upload, and recent hash states of its blob.
#[derive(Clone, Debug)]
pub(crate) struct LeftUpload {
    /// In days since 1970.
    pub(crate) day: u32,
    pub(crate) saved: SavedUpload,
    /// The registry may have fewer bytes than were hashed last.
    pub(crate) trail: HashTrail,
}

impl LeftUpload {
    /// Whether registries have deleted it by now.
    pub(super) fn is_old(&self, today: u32) -> bool {
        today.saturating_sub(self.day) > UPLOAD_DAYS
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut record = vec![VERSION];
        record.extend(self.day.to_le_bytes());
        record.extend(self.saved.smallest_chunk.to_le_bytes());
        let location = self.saved.place.expose_secret().as_bytes();
        for part in std::iter::once(location).chain(self.trail.states().iter().map(HashState::as_bytes)) {
            record.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
            record.extend(part);
        }
        record
    }

    pub(super) fn decode(record: &[u8]) -> Option<Self> {
        let mut left = record;
        if take::<1>(&mut left)? != [VERSION] {
            return None;
        }
        let day = u32::from_le_bytes(take(&mut left)?);
        let smallest_chunk = u64::from_le_bytes(take(&mut left)?);
        let location = String::from_utf8(part(&mut left)?.to_vec()).ok()?;
        let mut trail = new_trail();
        while !left.is_empty() {
            trail.note(HashState::from_bytes(part(&mut left)?)?);
        }
        Some(Self { day, saved: SavedUpload { place: SecretString::from(location), smallest_chunk }, trail })
    }
}

/// What is left of an image after a platform filter; also, which children of an index a repository has.
pub(super) struct Cut {
    /// In days since 1970.
    pub(super) day: u32,
    pub(super) digest: Digest,
}

impl Cut {
    pub(super) fn encode(&self) -> Vec<u8> {
        [&self.day.to_le_bytes()[..], self.digest.to_string().as_bytes()].concat()
    }

    pub(super) fn decode(record: &[u8]) -> Option<Self> {
        let mut left = record;
        let day = u32::from_le_bytes(take(&mut left)?);
        Some(Self { day, digest: std::str::from_utf8(left).ok()?.parse().ok()? })
    }
}

/// When an image was first seen at a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FirstSeen {
    /// When it was last seen, in days since 1970.
    pub(super) day: u32,
    /// In seconds since 1970.
    pub(super) first: u64,
}

impl FirstSeen {
    pub(super) fn encode(self) -> Vec<u8> {
        [&self.day.to_le_bytes()[..], &self.first.to_le_bytes()].concat()
    }

    pub(super) fn decode(record: &[u8]) -> Option<Self> {
        let mut left = record;
        let (day, first) = (u32::from_le_bytes(take(&mut left)?), u64::from_le_bytes(take(&mut left)?));
        left.is_empty().then_some(Self { day, first })
    }
}

fn take<const N: usize>(left: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = left.split_first_chunk()?;
    *left = rest;
    Some(*taken)
}

/// A length, and that many bytes.
fn part<'a>(left: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(u32::from_le_bytes(take(left)?)).ok()?;
    let (taken, rest) = left.split_at_checked(length)?;
    *left = rest;
    Some(taken)
}

/// The key of the upload of a blob.
pub(super) fn upload_key(registry: &StoreId, repository: &RepositoryName, blob: &Digest) -> Vec<u8> {
    joined(&[registry.as_str(), repository.as_str(), &blob.to_string()])
}

/// The prefix of the keys of all repositories of a registry that have a blob.
pub(super) fn blob_prefix(registry: &StoreId, blob: &Digest) -> Vec<u8> {
    joined(&[registry.as_str(), &blob.to_string(), ""])
}

/// The key for a blob in a repository.
pub(super) fn blob_key(registry: &StoreId, blob: &Digest, repository: &RepositoryName) -> Vec<u8> {
    joined(&[registry.as_str(), &blob.to_string(), repository.as_str()])
}

/// The key for what is left of an image. Each filter and form has its own key.
pub(super) fn cut_key(whole: &Digest, wanted: &str) -> Vec<u8> {
    joined(&[&whole.to_string(), wanted])
}

/// The prefix of the keys of all indexes of a repository.
pub(super) fn children_prefix(registry: &StoreId, repository: &RepositoryName) -> Vec<u8> {
    joined(&[registry.as_str(), repository.as_str(), ""])
}

/// The key for the children of an index in a repository.
pub(super) fn children_key(registry: &StoreId, repository: &RepositoryName, index: &Digest) -> Vec<u8> {
    joined(&[registry.as_str(), repository.as_str(), &index.to_string()])
}

/// The key for what refers to the manifests below an image in a repository, as a rule wants it.
pub(super) fn brought_key(
    registry: &StoreId,
    repository: &RepositoryName,
    image: &Digest,
    way: &Digest,
) -> Vec<u8> {
    joined(&[registry.as_str(), repository.as_str(), &image.to_string(), &way.to_string()])
}

/// The key for an image that is no index, wherever it is.
pub(super) fn plain_key(image: &Digest) -> Vec<u8> {
    joined(&[&image.to_string()])
}

/// The key for when an image was first seen in a source's repository.
pub(super) fn first_seen_key(registry: &StoreId, repository: &str, image: &Digest) -> Vec<u8> {
    joined(&[registry.as_str(), repository, &image.to_string()])
}

/// The prefix of the keys of all tags of a target's repository.
pub(super) fn gone_prefix(registry: &StoreId, repository: &RepositoryName) -> Vec<u8> {
    joined(&[registry.as_str(), repository.as_str(), ""])
}

/// The key for since when a tag has been missing at its source.
pub(super) fn gone_key(
    registry: &StoreId,
    repository: &RepositoryName,
    tag: &Tag,
    digest: &Digest,
) -> Vec<u8> {
    joined(&[registry.as_str(), repository.as_str(), tag.as_str(), &digest.to_string()])
}

/// The repository in a key with this prefix.
pub(super) fn repository_of(key: &[u8], prefix: &[u8]) -> Option<RepositoryName> {
    std::str::from_utf8(key.strip_prefix(prefix)?).ok()?.parse().ok()
}

fn joined(parts: &[&str]) -> Vec<u8> {
    parts.join(&*char::from(END).to_string()).into_bytes()
}

/// For the fuzzer: a decoded record encodes to the same bytes, except for hash states that no trail would keep.
#[doc(hidden)]
pub fn fuzz_record(record: &[u8]) {
    if let Some(upload) = LeftUpload::decode(record) {
        let written = upload.encode();
        assert!(written == record || written.len() < record.len());
        assert_eq!(LeftUpload::decode(&written).map(|again| again.encode()), Some(written));
    }
    if let Some(seen) = FirstSeen::decode(record) {
        assert_eq!(seen.encode(), record);
    }
    if let Some(cut) = Cut::decode(record) {
        assert_eq!(cut.encode(), record);
    }
}

#[cfg(test)]
mod tests {
    use oci::Verifier;

    use super::*;

    fn upload() -> LeftUpload {
        let mut verifier = Verifier::new(Digest::sha256(b""), None);
        let mut trail = new_trail();
        for _ in [10, 20] {
            verifier.update(&[7; 10]).unwrap();
            trail.note(verifier.state());
        }
        let saved =
            SavedUpload { place: "https://r.io/v2/a/blobs/uploads/1?_state=x".into(), smallest_chunk: 5 };
        LeftUpload { day: 20_000, saved, trail }
    }

    #[test]
    fn what_is_written_is_read() {
        let read = LeftUpload::decode(&upload().encode()).unwrap();
        assert_eq!((read.day, read.saved.smallest_chunk), (20_000, 5));
        assert_eq!(read.saved.place.expose_secret(), upload().saved.place.expose_secret());
        assert_eq!(read.trail, upload().trail);
        assert!(!format!("{read:?}").contains("_state"), "the location is a secret");
    }

    #[test]
    fn states_of_an_earlier_reading_are_not_read() {
        let (mut record, first) = (upload().encode(), upload().trail.states()[0].clone());
        record.extend(u32::try_from(first.as_bytes().len()).unwrap().to_le_bytes());
        record.extend(first.as_bytes());
        // Earlier versions wrote 10, 20, 10 if the blob was read again from its beginning.
        assert_eq!(LeftUpload::decode(&record).unwrap().trail.states(), [first]);
    }

    #[test]
    fn what_is_left_of_an_image_depends_on_image_and_platforms() {
        let digest = Digest::sha256(b"cut");
        let read = Cut::decode(&Cut { day: 7, digest: digest.clone() }.encode()).unwrap();
        assert_eq!((read.day, read.digest), (7, digest));
        assert!(Cut::decode(b"abc").is_none() && Cut::decode(b"abcdsha256:1").is_none());
        let key = |image: &[u8], arch: &str| cut_key(&Digest::sha256(image), arch);
        assert_ne!(key(b"a", "arm64"), key(b"b", "arm64"));
        assert_ne!(key(b"a", "arm64"), key(b"a", "amd64"));
    }

    #[test]
    fn damaged_records_are_no_records() {
        let record = upload().encode();
        for length in 0..record.len() {
            if let Some(read) = LeftUpload::decode(&record[..length]) {
                // Only whole states may be missing.
                assert!(read.trail.states().len() < 2, "{length}");
            }
        }
        let mut other = record;
        other[0] = VERSION + 1;
        assert!(LeftUpload::decode(&other).is_none());
    }

    #[test]
    fn a_repository_is_found_by_registry_and_blob() {
        let (registry, repository) = (StoreId::new("r.io"), "a/app".parse().unwrap());
        let (blob, prefix) = (Digest::sha256(b"x"), blob_prefix(&registry, &Digest::sha256(b"x")));
        let key = blob_key(&registry, &blob, &repository);
        assert!(key.starts_with(&prefix));
        assert_eq!(repository_of(&key, &prefix), Some(repository));
    }
}
