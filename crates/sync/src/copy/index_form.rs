//! The forms in which an index can be stored at a target that does not get all its children.

use std::collections::HashSet;

use oci::{Descriptor, Digest, Links, ManifestError, MediaType, RawManifest};

use crate::{AttestationPolicy, IndexPolicy, LeftOut, Policy, SOURCE_DIGEST};

/// A manifest in the form in which a target gets it. Manifests other than indexes have one form.
#[derive(Clone, Debug)]
pub(super) struct Form {
    whole: RawManifest,
    at_source: Digest,
    policy: IndexPolicy,
    /// Children for platforms that are not wanted.
    unwanted: HashSet<Digest>,
    /// Attestations that the target refuses.
    refused: HashSet<Digest>,
    names: Names,
    manifest: RawManifest,
}

/// The forms that a rule allows.
pub(super) struct Forms {
    /// The form to try first.
    pub(super) first: Form,
    others: Vec<Form>,
}

impl Forms {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Form> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Puts the form with this digest first, if there is one.
    pub(super) fn beginning_with(mut self, digest: Option<&Digest>) -> Self {
        if let Some(form) = self.others.iter_mut().find(|form| Some(form.digest()) == digest) {
            std::mem::swap(&mut self.first, form);
        }
        self
    }
}

/// Whether an index keeps the entries of unwanted children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    All,
    Wanted,
}

impl Form {
    /// The form as it is at the source: `whole`, which has the digest `at_source` there.
    pub(super) fn verbatim(
        whole: RawManifest,
        at_source: Digest,
        unwanted: HashSet<Digest>,
        policy: &Policy,
    ) -> Self {
        let (manifest, policy, refused) = (whole.clone(), policy.index, HashSet::new());
        Self { whole, at_source, policy, unwanted, refused, names: Names::All, manifest }
    }

    /// All forms in which it may be stored at a target. If the rule leaves the form open, `rewrites` puts the
    /// rewritten one first.
    pub(super) fn all(self, policy: &Policy, rewrites: bool) -> Result<Forms, ManifestError> {
        let is_cut = !self.unwanted.is_empty();
        let (first, mut others) = match policy.index {
            IndexPolicy::Rewrite | IndexPolicy::Cut if is_cut => (self.without_names()?, vec![]),
            IndexPolicy::Auto if is_cut && rewrites => (self.without_names()?, vec![self]),
            IndexPolicy::Auto if is_cut => (self.clone(), vec![self.without_names()?]),
            _ => (self, vec![]),
        };
        let attestations = first.droppable(policy);
        if !attestations.is_empty() {
            others.push(first.without(&attestations)?);
        }
        Ok(Forms { first, others })
    }

    /// The same form without the entries of unwanted children.
    pub(super) fn without_names(&self) -> Result<Self, ManifestError> {
        Self { names: Names::Wanted, ..self.clone() }.written()
    }

    /// The same form without these attestations. Since its digest changes anyway, it drops the entries of unwanted
    /// children, too, unless the rule asks for a sparse index.
    pub(super) fn without(&self, attestations: &HashSet<Digest>) -> Result<Self, ManifestError> {
        let names = if self.policy == IndexPolicy::Sparse { self.names } else { Names::Wanted };
        let refused = &self.refused | attestations;
        Self { refused, names, ..self.clone() }.written()
    }

    fn written(self) -> Result<Self, ManifestError> {
        let removed = match self.names {
            Names::All => self.refused.clone(),
            Names::Wanted => &self.refused | &self.unwanted,
        };
        if removed.is_empty() {
            return Ok(Self { manifest: self.whole.clone(), ..self });
        }
        let cut = self.whole.with_children(|child| !removed.contains(child))?;
        let is_marked = self.policy != IndexPolicy::Cut && *cut.media_type() == MediaType::OCI_INDEX;
        // If `annotations` is no map, the index goes unmarked: the mark is only informative.
        let marked = is_marked.then(|| cut.with_annotation(SOURCE_DIGEST, &self.at_source.to_string()));
        let manifest = marked.and_then(Result::ok).unwrap_or(cut);
        Ok(Self { manifest, ..self })
    }

    pub(super) fn manifest(&self) -> &RawManifest {
        &self.manifest
    }

    pub(super) fn digest(&self) -> &Digest {
        self.manifest.digest()
    }

    pub(super) fn at_source(&self) -> &Digest {
        &self.at_source
    }

    /// Whether it has entries for children that are not copied.
    pub(super) fn is_sparse(&self) -> bool {
        self.names == Names::All && !self.unwanted.is_empty()
    }

    /// Whether entries were removed from it.
    pub(super) fn is_rewritten(&self) -> bool {
        !self.refused.is_empty() || (self.names == Names::Wanted && !self.unwanted.is_empty())
    }

    /// Whether all children are copied.
    pub(super) fn is_whole(&self) -> bool {
        self.unwanted.is_empty() && self.refused.is_empty()
    }

    /// Whether the target's answer decides which form it gets.
    pub(super) fn is_open(&self, policy: &Policy) -> bool {
        let is_tried = policy.index == IndexPolicy::Auto && self.is_sparse();
        is_tried || !self.droppable(policy).is_empty()
    }

    /// Children that are not copied.
    pub(super) fn absent(&self) -> HashSet<Digest> {
        &self.unwanted | &self.refused
    }

    pub(super) fn left_out(&self) -> LeftOut {
        LeftOut { platforms: self.unwanted.len(), attestations: self.refused.len() }
    }

    /// What the target needs before this manifest. A manifest that cannot be parsed was refused before.
    pub(super) fn links(&self) -> Links {
        let mut links = self.manifest.links().unwrap_or_default();
        links.manifests.retain(|child| !self.unwanted.contains(&child.digest));
        links
    }

    /// Its wanted children that are attestations.
    pub(super) fn attestations(&self) -> Vec<Descriptor> {
        let mut children = self.links().manifests;
        children.retain(Descriptor::is_attestation);
        children
    }

    /// The attestations that the rule allows to be left out. A rule that keeps all attestations does not parse the
    /// manifest.
    pub(super) fn droppable(&self, policy: &Policy) -> HashSet<Digest> {
        match policy.attestations {
            AttestationPolicy::Keep => HashSet::new(),
            AttestationPolicy::Drop => self.attestations().into_iter().map(|child| child.digest).collect(),
        }
    }
}

/// The key under which the state records the result for an image. If the target's answers decide the form, the key
/// names the target.
pub(super) fn remembered_as(policy: &Policy, target: &str) -> String {
    let platforms = &policy.platforms;
    let form = match policy.index {
        IndexPolicy::Auto | IndexPolicy::Rewrite => "rewrite",
        IndexPolicy::Sparse => "sparse",
        IndexPolicy::Cut => "",
    };
    match (policy.attestations, form) {
        (AttestationPolicy::Keep, "") => format!("{platforms:?}"),
        (AttestationPolicy::Keep, form) => format!("{platforms:?} {form}"),
        (AttestationPolicy::Drop, form) => format!("{platforms:?} {form} as {target} takes it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PlatformFilter;

    fn child(name: &str, rest: &str) -> String {
        format!(r#"{{ "digest":"{}",  "size": 1{rest}}}"#, Digest::sha256(name.as_bytes()))
    }

    fn digests(names: &[&str]) -> HashSet<Digest> {
        names.iter().map(|name| Digest::sha256(name.as_bytes())).collect()
    }

    fn index(media_type: &MediaType) -> RawManifest {
        let mark = r#","annotations":{"vnd.docker.reference.type":"attestation-manifest"}"#;
        let children = [child("a", ""), child("b", ""), child("att", mark)].join(", ");
        let text = format!(r#"{{"manifests": [{children}], "x": 1.0}}"#);
        RawManifest::from_answer(media_type, text.into(), None).unwrap()
    }

    fn forms(policy: &Policy, unwanted: &[&str], refuses_sparse: bool) -> Vec<Form> {
        let whole = index(&MediaType::OCI_INDEX);
        let at_source = whole.digest().clone();
        let forms = Form::verbatim(whole, at_source, digests(unwanted), policy).all(policy, refuses_sparse);
        forms.unwrap().iter().cloned().collect()
    }

    fn kinds(forms: &[Form]) -> Vec<(bool, LeftOut)> {
        forms.iter().map(|form| (form.is_sparse(), form.left_out())).collect()
    }

    #[test]
    fn which_forms_are_right_and_which_comes_first() {
        use IndexPolicy::{Auto, Cut, Rewrite, Sparse};

        let out = |platforms, attestations| LeftOut { platforms, attestations };
        for (index, refuses_sparse, expected) in [
            (Auto, false, vec![true, false]),
            (Auto, true, vec![false, true]),
            (Sparse, true, vec![true]),
            (Rewrite, false, vec![false]),
            (Cut, false, vec![false]),
        ] {
            let policy = Policy { index, ..Policy::default() };
            let found: Vec<_> =
                kinds(&forms(&policy, &["b"], refuses_sparse)).iter().map(|kind| kind.0).collect();
            assert_eq!(found, expected, "{index:?}");
            assert_eq!(kinds(&forms(&policy, &[], refuses_sparse)), [(false, out(0, 0))], "{index:?}");
        }
        let drop = |index| Policy { index, attestations: AttestationPolicy::Drop, ..Policy::default() };
        assert_eq!(kinds(&forms(&drop(Auto), &[], false)), [(false, out(0, 0)), (false, out(0, 1))]);
        let all = [(true, out(1, 0)), (false, out(1, 0)), (false, out(1, 1))];
        assert_eq!(kinds(&forms(&drop(Auto), &["b"], false)), all);
        assert_eq!(kinds(&forms(&drop(Sparse), &["b"], false)), [(true, out(1, 0)), (true, out(1, 1))]);
        let left = forms(&drop(Auto), &["att"], false);
        assert!(left.iter().all(|form| form.attestations().is_empty()), "those are left out anyway");
    }

    #[test]
    fn descriptors_that_stay_keep_their_bytes_and_the_source_is_named() {
        let policy = Policy { index: IndexPolicy::Rewrite, ..Policy::default() };
        let [form] = &forms(&policy, &["b"], false)[..] else { panic!("one form") };
        let whole = index(&MediaType::OCI_INDEX);
        let text = std::str::from_utf8(whole.bytes()).unwrap();
        let expected = text.replace(&format!("{}, ", child("b", "")), "").replace("}, {", "},{");
        let mark = format!(r#","annotations":{{"{SOURCE_DIGEST}":"{}"}}}}"#, whole.digest());
        let marked = expected.strip_suffix('}').unwrap().to_owned() + &mark;
        assert_eq!(form.manifest().bytes(), &marked);
        assert_eq!(form.links().manifests.len(), 2);

        let cut = Policy { index: IndexPolicy::Cut, ..Policy::default() };
        assert_eq!(forms(&cut, &["b"], false)[0].manifest().bytes(), &expected);
        let list = index(&MediaType::DOCKER_LIST);
        let at_source = list.digest().clone();
        let docker = Form::verbatim(list, at_source, digests(&["b"]), &policy).without_names().unwrap();
        assert_eq!(docker.manifest().bytes(), &expected, "Docker's lists have no annotations");
    }

    #[test]
    fn what_is_remembered_depends_on_what_decides_it() {
        let cut = Policy { index: IndexPolicy::Cut, ..Policy::default() };
        assert_eq!(remembered_as(&cut, "r.io/a"), format!("{:?}", PlatformFilter::default()), "as ever");
        let auto = Policy::default();
        assert_eq!(remembered_as(&auto, "r.io/a"), remembered_as(&auto, "r.io/b"));
        let drop = Policy { attestations: AttestationPolicy::Drop, ..Policy::default() };
        assert_ne!(remembered_as(&drop, "r.io/a"), remembered_as(&drop, "r.io/b"));
        assert_ne!(remembered_as(&auto, "r.io/a"), remembered_as(&cut, "r.io/a"));
    }
}
