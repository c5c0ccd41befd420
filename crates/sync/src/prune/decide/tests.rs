//! The guards, one by one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use oci::{Algorithm, Digest, Tag, TagOrDigest, referrers_tag};

use super::*;
use crate::plan::extra::Extra;
use crate::plan::listings::SourceTags;
use crate::prune::guards::MaxDelete;

fn tag(name: &str) -> Tag {
    name.parse().unwrap()
}

fn digest(name: &str) -> Digest {
    Digest::sha256(name.as_bytes())
}

/// Tags with the names of their manifests.
fn contents(tags: &[(&str, &str)]) -> Contents {
    let mut contents = Contents::default();
    for (name, manifest) in tags {
        contents.point(tag(name), digest(manifest));
        contents.read(&digest(manifest), Vec::new(), None);
    }
    contents
}

fn extra(images: &[&str], followers: &[&str], at_source: &[&str]) -> Extra {
    let tags = |names: &[&str]| names.iter().map(|name| tag(name)).collect();
    Extra { images: tags(images), followers: tags(followers), at_source: tags(at_source) }
}

const FREE: Guards = Guards { max_delete: MaxDelete::Percent(100), grace: Duration::ZERO };

fn claim(guards: Option<Guards>, extra: &Extra) -> Claim<'_> {
    Claim { guards, source: Arc::from("s.io/a"), tags: SourceTags::Some, extra }
}

fn judged(contents: &Contents, selected: &[&str], claims: &[Claim<'_>], gone: &GoneSince) -> Decided {
    judged_at(Untagging::Unknown, contents, selected, claims, gone)
}

fn judged_at(
    untagging: Untagging,
    contents: &Contents,
    selected: &[&str],
    claims: &[Claim<'_>],
    gone: &GoneSince,
) -> Decided {
    let name = |name: &&str| match name.parse() {
        Ok(digest) => TagOrDigest::Digest(digest),
        Err(_) => TagOrDigest::Tag(tag(name)),
    };
    let selected: HashSet<TagOrDigest> = selected.iter().map(name).collect();
    let suspects = &Suspects::of(claims, &selected);
    let scene =
        Scene { name: Arc::from("t.io/b"), contents, untagging, selected: &selected, claims, suspects };
    decide(&scene, gone, SystemTime::UNIX_EPOCH + Duration::from_secs(1000))
}

/// Lines `NAME` for a deletion, `NAME <- HOLDER` for a held image, `(NAME)` for what stays.
fn lines(decided: &Decided) -> Vec<String> {
    let line = |candidate: &Candidate| {
        let name = candidate.target().replace("t.io/b", "");
        match (candidate.is_due(), candidate.held_by.first()) {
            (true, None) => name,
            (true, Some(holder)) => format!("{name} <- {}", holder.replace("t.io/b", "")),
            (false, _) => format!("({name})"),
        }
    };
    decided.candidates.iter().map(line).collect()
}

#[test]
fn what_only_the_target_has_goes_and_what_any_rule_brings_stays() {
    let contents = contents(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]);
    let (own, others) = (extra(&["b", "c", "d"], &[], &[]), extra(&["a"], &[], &["d"]));
    let claims = [claim(Some(FREE), &own), claim(None, &others)];
    let decided = judged(&contents, &["a", "c"], &claims, &None);
    assert_eq!((lines(&decided), decided.too_much), (vec![":b".to_owned()], None));
    let decided = judged(&contents, &["a"], &[claim(None, &own)], &None);
    assert!(lines(&decided).is_empty(), "a rule without the key is never pruned");
}

#[test]
fn what_a_rule_without_the_key_would_name_stays_whatever_its_source_has() {
    let contents = contents(&[("a", "1"), ("b", "2"), ("c", "3")]);
    let (own, others) = (extra(&["b", "c"], &[], &[]), extra(&["b"], &[], &[]));
    let decided = judged(&contents, &["a"], &[claim(Some(FREE), &own), claim(None, &others)], &None);
    assert_eq!(lines(&decided), ["(:b)", ":c"]);
    assert_eq!(decided.candidates[0].standing, Standing::OfAnother);
    let decided = judged(&contents, &["a"], &[claim(Some(FREE), &own), claim(Some(FREE), &others)], &None);
    assert_eq!(lines(&decided), [":b", ":c"], "and goes where both delete");
}

#[test]
fn a_rule_that_deletes_nothing_may_wait_for_its_first_image() {
    let contents = contents(&[("a", "1"), ("b", "2")]);
    let (own, none) = (extra(&["b"], &[], &[]), Extra::default());
    let lines_with = |guards| {
        let waiting = Claim { tags: SourceTags::NoImages, ..claim(guards, &none) };
        lines(&judged(&contents, &["a"], &[claim(Some(FREE), &own), waiting], &None))
    };
    assert_eq!(lines_with(None), [":b"]);
    assert!(lines_with(Some(FREE)).is_empty(), "one that deletes may have lost all of them");
}

#[test]
fn a_source_without_tags_lets_nothing_go() {
    let contents = contents(&[("b", "2")]);
    let (own, empty) = (extra(&["b"], &[], &[]), Extra::default());
    let silent = Claim { tags: SourceTags::None, ..claim(None, &empty) };
    assert!(lines(&judged(&contents, &[], &[claim(Some(FREE), &own), silent], &None)).is_empty());
}

#[test]
fn too_much_is_refused_before_anything_goes() {
    let contents = contents(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4"), ("e", "5")]);
    let own = extra(&["b", "c"], &[], &[]);
    for (max_delete, is_refused) in [
        (MaxDelete::Percent(10), true),
        (MaxDelete::Percent(40), false),
        (MaxDelete::Tags(1), true),
        (MaxDelete::Tags(2), false),
    ] {
        let guards = Guards { max_delete, ..FREE };
        let decided = judged(&contents, &["a"], &[claim(Some(guards), &own)], &None);
        assert_eq!(decided.too_much.is_some(), is_refused, "{max_delete}: {decided:?}");
        assert_eq!(decided.candidates.len(), 2);
    }
}

#[test]
fn what_has_not_been_gone_for_long_enough_waits() {
    let contents = contents(&[("a", "1"), ("b", "2")]);
    let own = extra(&["b"], &[], &[]);
    let guards = Guards { grace: Duration::from_secs(100), ..FREE };
    let seen = |digest_of: &str, second| {
        let since = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        Some(HashMap::from([((tag("b"), digest(digest_of)), since)]))
    };
    for (gone, goes) in [
        (None, false),
        (Some(HashMap::new()), false),
        (seen("2", 950), false),
        (seen("2", 900), true),
        (seen("another", 900), false),
        (seen("2", 2000), false),
    ] {
        let decided = judged(&contents, &["a"], &[claim(Some(guards), &own)], &gone);
        assert_eq!(decided.candidates[0].is_due(), goes, "{gone:?}");
    }
}

#[test]
fn other_tags_and_indexes_hold_an_image() {
    let mut contents = contents(&[("a", "1"), ("b", "1"), ("c", "child"), ("i", "index"), ("j", "old")]);
    contents.read(&digest("index"), vec![digest("child")], None);
    contents.read(&digest("old"), vec![digest("child")], None);
    let own = extra(&["b", "c", "j"], &[], &[]);
    let decided = judged(&contents, &["a", "i"], &[claim(Some(FREE), &own)], &None);
    assert_eq!(lines(&decided), [":b <- :a", ":j", ":c <- :i"], "and an index goes before what it names");
    let by_digest = format!("{}", digest("child"));
    let own = extra(&["c", "i", "j"], &[], &[]);
    let decided = judged(&contents, &["a", &by_digest], &[claim(Some(FREE), &own)], &None);
    assert_eq!(lines(&decided)[2], format!(":c <- @{by_digest}"), "what a rule brings by digest stays, too");
}

#[test]
fn what_goes_only_where_a_tag_goes_alone_is_told_apart_and_counts() {
    let contents = contents(&[("a", "1"), ("alias", "1"), ("b", "2")]);
    let own = extra(&["alias", "b"], &[], &[]);
    let one = Guards { max_delete: MaxDelete::Tags(1), ..FREE };
    for (untagging, fates, says) in [
        (
            Untagging::Unknown,
            [Fate::GoesAlone, Fate::Goes],
            "1 of the 3 tags of t.io/b would go, and 1 more if this registry takes a tag away without its image, and",
        ),
        (Untagging::Certain, [Fate::Goes, Fate::Goes], "2 of the 3 tags of t.io/b would go, and"),
    ] {
        let decided = judged_at(untagging, &contents, &["a"], &[claim(Some(one), &own)], &None);
        let told: Vec<_> = decided.candidates.iter().map(Candidate::fate).collect();
        assert_eq!(told, fates);
        assert!(decided.too_much.as_ref().is_some_and(|why| why.starts_with(says)), "{:?}", decided.too_much);
    }
}

#[test]
fn what_fell_out_of_the_latest_stays_and_is_told() {
    let contents = contents(&[("1.0", "1"), ("1.1", "2")]);
    let own = extra(&[], &[], &["1.0", "1.1"]);
    let decided = judged(&contents, &["1.1"], &[claim(Some(FREE), &own)], &None);
    assert_eq!(lines(&decided), ["(:1.0)"]);
    assert_eq!(decided.candidates[0].held_by, ["s.io/a"]);
}

#[test]
fn followers_follow_their_subject() {
    let name = |manifest: &str, what: &str| format!("sha256-{}{what}", digest(manifest).hex());
    let (kept, gone, orphan) = (name("1", ".sig"), name("2", ".sig"), name("nowhere", ".sig"));
    let (sbom, of_sbom, untagged) = (name("1", ".sbom"), name("sbom", ".sig"), name("quiet", ".att"));
    let tags = [
        ("a", "1"),
        ("b", "2"),
        (kept.as_str(), "s1"),
        (&gone, "s2"),
        (&orphan, "s3"),
        (&sbom, "sbom"),
        (&of_sbom, "s4"),
        (&untagged, "s5"),
    ];
    let mut contents = contents(&tags);
    contents.untagged.insert(digest("quiet"));
    let followers = [&*kept, &gone, &orphan, &sbom, &of_sbom, &untagged];
    let own = extra(&["b"], &followers, &[]);
    let decided = judged(&contents, &["a"], &[claim(Some(FREE), &own)], &None);
    let mut expected = vec![format!(":{gone}"), format!(":{orphan}")];
    expected.sort();
    expected.insert(0, ":b".to_owned());
    assert_eq!(
        lines(&decided),
        expected,
        "signatures of what stays, of its SBOM, and of what has no tag stay"
    );
    let guards = Guards { grace: Duration::from_secs(100), ..FREE };
    let decided = judged(&contents, &["a"], &[claim(Some(guards), &own)], &Some(HashMap::new()));
    assert!(decided.candidates.iter().all(|candidate| !candidate.is_due()), "{decided:?}");
}

#[test]
fn referrers_without_a_tag_go_with_their_image() {
    let mut contents = contents(&[("a", "1"), ("b", "2"), ("k", "kept referrer")]);
    contents.referrers.insert(digest("2"), vec![digest("referrer"), digest("kept referrer")]);
    contents.referrers.insert(digest("referrer"), vec![digest("nested")]);
    let own = extra(&["b"], &[], &[]);
    let decided = judged(&contents, &["a", "k"], &[claim(Some(FREE), &own)], &None);
    let names: HashSet<_> = lines(&decided).into_iter().collect();
    let by_digest = |name: &str| format!("@{}", digest(name));
    assert_eq!(names, HashSet::from([":b".to_owned(), by_digest("referrer"), by_digest("nested")]));
    // A referrer that stays needs its subject.
    contents.read(&digest("kept referrer"), Vec::new(), Some(digest("2")));
    let decided = judged(&contents, &["a", "k"], &[claim(Some(FREE), &own)], &None);
    assert_eq!(lines(&decided), [":b <- :k"]);
}

#[test]
fn what_may_have_referrers_stays_with_all_that_it_needs() {
    let mut contents = contents(&[("a", "1"), ("c", "child"), ("i", "index"), ("o", "other")]);
    contents.read(&digest("index"), vec![digest("child")], None);
    contents.unlisted.insert(digest("index"), "503".to_owned());
    let own = extra(&["c", "i", "o"], &[], &[]);
    let decided = judged(&contents, &["a"], &[claim(Some(FREE), &own)], &None);
    let held: Vec<_> = decided.candidates.iter().map(|candidate| candidate.held_by.join(", ")).collect();
    let held = |name: &str| {
        let of = |candidate: &Candidate| candidate.target().ends_with(name);
        &*held[decided.candidates.iter().position(of).unwrap()]
    };
    assert!(held(":i").contains("cannot be listed (503)") && held(":c").contains("503"), "{decided:?}");
    assert_eq!(held(":o"), "");
}

#[test]
fn a_list_of_referrers_whose_tag_has_a_part_of_the_digest_follows_its_image() {
    let (image, other) = (Algorithm::Sha512.digest(b"2"), Algorithm::Sha512.digest(b"nowhere"));
    let [list, of_unknown] = [&image, &other].map(|digest| referrers_tag(digest).to_string());
    let mut contents = contents(&[("a", "1"), ("b", "2"), (&list, "list"), (&of_unknown, "another")]);
    contents.point(tag("b"), image.clone());
    contents.read(&image, Vec::new(), None);
    let own = extra(&["b"], &[&list, &of_unknown], &[]);
    let decided = judged(&contents, &["a"], &[claim(Some(FREE), &own)], &None);
    assert_eq!(lines(&decided), [":b".to_owned(), format!(":{list}")], "what is not known stays");
    let decided = judged(&contents, &["a", "b"], &[claim(Some(FREE), &own)], &None);
    assert!(lines(&decided).is_empty());
}

#[test]
fn the_signature_of_what_a_doomed_referrer_refers_to_stays_with_that() {
    // `sbom` is deleted. Its subject `x` has no tag any more, but still exists.
    let signature = format!("sha256-{}.sig", digest("x").hex());
    let mut contents = contents(&[("a", "1"), ("sbom", "sbom"), (&signature, "s")]);
    contents.read(&digest("sbom"), Vec::new(), Some(digest("x")));
    contents.untagged.insert(digest("x"));
    let own = extra(&["sbom"], &[&signature], &[]);
    let decided = judged(&contents, &["a"], &[claim(Some(FREE), &own)], &None);
    assert_eq!(lines(&decided), [":sbom"]);
    contents.untagged.clear();
    let decided = judged(&contents, &["a"], &[claim(Some(FREE), &own)], &None);
    assert_eq!(lines(&decided), [":sbom".to_owned(), format!(":{signature}")], "and goes where that is gone");
}

#[test]
fn what_is_listed_and_is_no_tag_holds_every_image() {
    let mut contents = contents(&[("a", "1"), ("b", "2")]);
    contents.invalid.insert("-odd".to_owned());
    let own = extra(&["b"], &[], &[]);
    let decided = judged(&contents, &["a"], &[claim(Some(FREE), &own)], &None);
    assert_eq!(lines(&decided), [":b <- perhaps `-odd`, which is listed and is no tag"]);
    assert_eq!(decided.candidates[0].fate(), Fate::GoesAlone, "its tag may go alone");
}

#[test]
fn of_many_tags_that_hold_an_image_five_are_named() {
    let names: Vec<String> = (0..2000).map(|number| format!("t{number:04}")).collect();
    let tags: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let due: Vec<_> = names[..1000].iter().map(String::as_str).collect();
    let own = extra(&due, &[], &[]);
    let decided = judged(&contents(&tags), &[], &[claim(Some(FREE), &own)], &None);
    let held: Vec<_> = decided.candidates.iter().map(|candidate| candidate.held_by.len()).collect();
    assert_eq!(held, vec![5; 1000]);
}
