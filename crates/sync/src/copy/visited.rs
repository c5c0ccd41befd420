//! The manifests below one image that a copy has visited, and those of them whose children it does not know yet.

use std::collections::HashSet;

use oci::{Descriptor, Digest};

/// What a copy has visited below its image.
#[derive(Default)]
pub(super) struct Visited {
    /// Each manifest once, in the order of the visits.
    below: Vec<Digest>,
    met: HashSet<Digest>,
    /// Those that may be indexes, with the sizes in their descriptors.
    indexes: Vec<(Digest, Option<u64>)>,
    /// Manifests whose children were visited, too, or that have none.
    done: HashSet<Digest>,
    content: Content,
}

/// How the target came to the content below the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Content {
    /// It had the image's manifest before.
    #[default]
    Found,
    /// This copy brings it, at least in part.
    Brought,
}

impl Visited {
    /// Adds a manifest below the image.
    pub(super) fn meet(&mut self, child: &Descriptor) {
        if !self.met.insert(child.digest.clone()) {
            return;
        }
        self.below.push(child.digest.clone());
        if child.may_be_index() {
            self.indexes.push((child.digest.clone(), child.size));
        }
    }

    /// Adds all children of a manifest, which may be the image itself.
    pub(super) fn meet_children(&mut self, parent: &Digest, children: &[Descriptor]) {
        for child in children {
            self.meet(child);
        }
        self.done.insert(parent.clone());
    }

    /// Whether a manifest's children were visited, or it has none.
    pub(super) fn has_children_of(&self, manifest: &Digest) -> bool {
        self.done.contains(manifest)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.below.is_empty()
    }

    pub(super) fn below(&self) -> Vec<Digest> {
        self.below.clone()
    }

    /// The image and the manifests below it whose children are not known.
    pub(super) fn open(&self, image: &Digest) -> Vec<(Digest, Option<u64>)> {
        let all = std::iter::once((image.clone(), None)).chain(self.indexes.iter().cloned());
        all.filter(|(digest, _)| !self.done.contains(digest)).collect()
    }

    pub(super) fn note_brought(&mut self) {
        self.content = Content::Brought;
    }

    pub(super) fn content(&self) -> Content {
        self.content
    }
}

#[cfg(test)]
mod tests {
    use oci::MediaType;

    use super::*;

    fn child(name: &str, media_type: Option<MediaType>) -> Descriptor {
        Descriptor::new(media_type, Digest::sha256(name.as_bytes()), Some(7))
    }

    #[test]
    fn an_index_is_open_until_its_children_were_visited() {
        let mut visited = Visited::default();
        let image = Digest::sha256(b"image");
        assert_eq!(visited.open(&image), [(image.clone(), None)]);
        let [inner, untold, plain] = [
            child("inner", Some(MediaType::OCI_INDEX)),
            child("untold", None),
            child("plain", Some(MediaType::OCI_MANIFEST)),
        ];
        visited.meet(&inner);
        visited.meet_children(&image, &[inner.clone(), untold.clone(), plain.clone()]);
        assert_eq!(visited.below(), [&inner, &untold, &plain].map(|met| met.digest.clone()));
        let open = [&inner, &untold].map(|index| (index.digest.clone(), Some(7)));
        assert_eq!(visited.open(&image), open);
        visited.meet_children(&untold.digest, &[]);
        visited.meet_children(&inner.digest, &[plain]);
        assert!(visited.open(&image).is_empty());
        assert_eq!(visited.below().len(), 3, "each once");
    }
}
