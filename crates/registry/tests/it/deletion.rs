//! Deletion at every registry whose behaviour is known.

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{
    Access as Login, Builder, Grant, ImmutableTags, RefusedBasic, SameDigest, TokenAccess, User, preset,
};
use oci::{Digest, TagOrDigest, WhyKept};
use registry::{Access, Deletion, Repository};

use crate::bench::{Bench, tag};

/// The result, without the registry's text.
#[derive(Debug, PartialEq, Eq)]
enum Became {
    Done,
    NotThere,
    Kept(WhyKept),
}

fn became(deletion: &Deletion) -> Became {
    match deletion {
        Deletion::Done => Became::Done,
        Deletion::NotThere => Became::NotThere,
        Deletion::Kept(why, _) => Became::Kept(*why),
    }
}

async fn bench(builder: Builder) -> (Bench, Repository, Digest) {
    let bench = Bench::start(builder, None).await;
    let (repository, digest) = filled(&bench);
    (bench, repository, digest)
}

fn filled(bench: &Bench) -> (Repository, Digest) {
    let store = bench.server.store();
    let image = sample::image(store, "a/app", Some("v1"), Flavour::Oci, &[sample::layer(1, 9)], "amd64");
    let repository = bench.client.repository(&"a/app".parse().unwrap(), Access::PullPush);
    (repository, image.digest.parse().unwrap())
}

fn harbor() -> Builder {
    preset::harbor().immutable_tags(ImmutableTags::None, SameDigest::Taken)
}

#[tokio::test]
async fn registries_delete_tags_and_manifests_or_say_why_not() {
    use Became::{Done, Kept};
    use WhyKept::{Immutable, NoTagDeletion, Off};

    type Row = (&'static str, fn() -> Builder, Became, Became);
    let rows: [Row; 8] = [
        ("distribution 2, off", preset::distribution_2, Kept(NoTagDeletion), Kept(Off)),
        ("distribution 2", preset::distribution_2_with_delete, Kept(NoTagDeletion), Done),
        ("distribution 3", preset::distribution_3, Done, Done),
        ("Harbor", harbor, Kept(NoTagDeletion), Done),
        ("Harbor, immutable", preset::harbor, Kept(NoTagDeletion), Kept(Immutable)),
        ("Quay", preset::quay, Done, Done),
        ("ECR", preset::ecr, Done, Done),
        ("GHCR", preset::ghcr, Kept(NoTagDeletion), Kept(Off)),
    ];
    for (name, builder, by_tag, by_digest) in rows {
        let (_bench, repository, _) = bench(builder()).await;
        assert_eq!(became(&repository.delete_tag(&"v1".parse().unwrap()).await.unwrap()), by_tag, "{name}");
        let (_bench, repository, digest) = bench(builder()).await;
        assert_eq!(became(&repository.delete_manifest(&digest).await.unwrap()), by_digest, "{name}");
    }
}

#[tokio::test]
async fn azures_api_takes_tags_away() {
    let users = vec![User::new("user", "correct horse", vec![Grant::delete("a/*")])];
    let service = "team.azurecr.io".to_owned();
    let access = TokenAccess { refused_basic: RefusedBasic::Bearer, service, ..TokenAccess::harbor(users) };
    let azure = preset::azure().access(Login::Token(access));
    let bench = Bench::start(azure, Some(("user", "correct horse"))).await;
    let (repository, digest) = filled(&bench);
    let deleted = |tag: &'static str| {
        let repository = repository.clone();
        async move { became(&repository.delete_tag(&tag.parse().unwrap()).await.unwrap()) }
    };
    assert_eq!(deleted("v1").await, Became::Done);
    assert_eq!(repository.resolve(&tag("v1")).await.unwrap(), None);
    assert!(repository.resolve(&TagOrDigest::Digest(digest)).await.unwrap().is_some(), "the image stays");
    assert_eq!(deleted("v1").await, Became::NotThere);
    let asked = bench.server.requests();
    assert!(asked.iter().any(|request| request.path == "/acr/v1/a/app/_tags/v1"), "{asked:?}");
}

#[tokio::test]
async fn what_is_not_there_is_not_there() {
    let (_bench, repository, digest) = bench(preset::distribution_3()).await;
    assert_eq!(became(&repository.delete_manifest(&digest).await.unwrap()), Became::Done);
    assert_eq!(became(&repository.delete_manifest(&digest).await.unwrap()), Became::NotThere);
    assert_eq!(became(&repository.delete_tag(&"v1".parse().unwrap()).await.unwrap()), Became::NotThere);
    assert_eq!(repository.resolve(&tag("v1")).await.unwrap(), None);
}

#[tokio::test]
async fn the_right_to_delete_is_asked_for_when_the_registry_wants_it() {
    let users = |grant| vec![User::new("user", "correct horse", vec![grant])];
    let access = |grant| {
        let access = TokenAccess { refused_basic: RefusedBasic::Bearer, ..TokenAccess::harbor(users(grant)) };
        preset::distribution_3().access(Login::Token(access))
    };
    let bench = Bench::start(access(Grant::delete("a/*")), Some(("user", "correct horse"))).await;
    let (repository, _) = filled(&bench);
    assert!(repository.resolve(&tag("v1")).await.unwrap().is_some());
    assert_eq!(became(&repository.delete_tag(&"v1".parse().unwrap()).await.unwrap()), Became::Done);

    let bench = Bench::start(access(Grant::push("a/*")), Some(("user", "correct horse"))).await;
    let (repository, _) = filled(&bench);
    repository.delete_tag(&"v1".parse().unwrap()).await.unwrap_err();
    assert!(repository.resolve(&tag("v1")).await.unwrap().is_some(), "without that right nothing goes");
}
