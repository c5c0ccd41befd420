//! Projects, repositories, tags and artifacts of Harbor 2.

use providers::harbor::{Creation, ProjectKind, Visibility};
use testkit::HarborBench;
use testkit::seed::{Flavour, Image, layer};

use crate::harbor_support::{administrator, all, connect, project, tag_pages, texts};

#[tokio::test]
async fn a_hundred_and_thirty_repositories_take_two_requests() {
    let bench = HarborBench::start().await.unwrap();
    let expected: Vec<_> = (0..130).map(|number| format!("library/app-{number:03}")).collect();
    bench.seed_repositories(&expected).await.unwrap();
    let harbor = administrator(&bench).await;
    let library = project(&harbor, "library").await;
    let (names, sizes) = all(harbor.repositories(&library)).await;
    assert_eq!((texts(&names), sizes), (expected.iter().map(String::as_str).collect(), vec![100, 30]));
    let expected = [
        "GET /api/v2.0/projects/library 200",
        "GET /api/v2.0/projects/library/repositories?page=1&page_size=100 200",
        "GET /api/v2.0/projects/library/repositories?page=2&page_size=100 200",
    ];
    assert_eq!(bench.requests(), expected);
}

#[tokio::test]
async fn every_project_gives_its_repositories_and_their_tags() {
    let bench = HarborBench::start().await.unwrap();
    let seeded = bench.seed_small(130).await.unwrap();
    let harbor = administrator(&bench).await;
    let (mut found, mut tag_count) = (Vec::new(), 0);
    let mut projects = harbor.projects();
    while let Some(page) = projects.next().await.unwrap() {
        for project in page {
            found.extend(all(harbor.repositories(&project)).await.0);
        }
    }
    assert_eq!(bench.requests().len(), 1 + 3, "one page of projects, one of repositories in each");
    found.sort();
    assert_eq!(texts(&found), seeded);
    bench.forget_requests();
    for repository in &found {
        for (tag, listed) in tag_pages(&harbor, repository.as_str()).await.unwrap().concat() {
            let digest = bench.pusher().digest(repository.as_str(), tag.as_str()).await.unwrap();
            assert_eq!(digest.unwrap(), listed.to_string());
            tag_count += 1;
        }
    }
    assert_eq!((tag_count, bench.requests_under("/api/").len()), (130 + 13, 130));
}

#[tokio::test]
async fn a_name_of_digits_is_a_name() {
    let bench = HarborBench::start().await.unwrap();
    // The id of `library` is 1, too.
    bench.add_project("1");
    bench.pusher().image("1/app", "v1", &Image::new(Flavour::Oci)).await.unwrap();
    let harbor = administrator(&bench).await;
    let digits = project(&harbor, "1").await;
    assert_eq!((digits.name.as_str(), digits.id), ("1", 2));
    assert_eq!(texts(&all(harbor.repositories(&digits)).await.0), ["1/app"]);
    let pages = tag_pages(&harbor, "1/app").await.unwrap();
    assert_eq!(pages[0][0].0.as_str(), "v1");
}

#[tokio::test]
async fn projects_are_found_by_their_exact_name() {
    let bench = HarborBench::start().await.unwrap();
    for number in 0..120 {
        bench.add_project(&format!("team-{number:03}"));
    }
    bench.add_project("team-00");
    let harbor = administrator(&bench).await;
    assert_eq!(project(&harbor, "team-00").await.name.as_str(), "team-00");
    assert_eq!(harbor.project(&"team".parse().unwrap()).await.unwrap(), None);
    bench.forget_requests();
    let (mut pages, mut sizes) = (harbor.projects(), Vec::new());
    while let Some(page) = pages.next().await.unwrap() {
        sizes.push(page.len());
    }
    assert_eq!((sizes, bench.requests().len()), (vec![100, 22], 2));
}

#[tokio::test]
async fn projects_are_created_once() {
    let bench = HarborBench::start().await.unwrap();
    let harbor = administrator(&bench).await;
    let create = async |name: &str, visibility| {
        harbor.create_project(&name.parse().unwrap(), visibility).await.unwrap()
    };
    assert_eq!(create("mirror", Visibility::Private).await, Creation::Created);
    assert_eq!(create("mirror", Visibility::Private).await, Creation::AlreadyThere);
    assert_eq!(create("open", Visibility::Public).await, Creation::Created);
    assert_eq!(project(&harbor, "mirror").await.visibility, Visibility::Private);
    assert_eq!(project(&harbor, "open").await.visibility, Visibility::Public);
    let robot = connect(&bench, Some(HarborBench::ROBOT)).await.unwrap();
    let refused = robot.create_project(&"other".parse().unwrap(), Visibility::Private).await.unwrap_err();
    let refusal = refused.refusal().unwrap();
    assert_eq!((refusal.status.as_u16(), refusal.errors[0].code.as_str()), (403, "FORBIDDEN"));
    assert_eq!(refusal.request_id.as_deref(), Some("bench-request"));
    assert!(!refused.is_retryable());
}

#[tokio::test]
async fn proxy_caches_are_told_apart() {
    let bench = HarborBench::start().await.unwrap();
    bench.add_proxy_project("hub");
    let harbor = administrator(&bench).await;
    let page = harbor.projects().next().await.unwrap().unwrap();
    let own: Vec<_> = page.iter().filter(|project| project.kind == ProjectKind::Own).collect();
    assert_eq!((page.len(), own.len()), (2, 1));
    let hub = project(&harbor, "hub").await;
    assert_eq!(hub.kind, ProjectKind::ProxyCache { registry_id: 1 });
}

#[tokio::test]
async fn nested_names_have_artifacts_with_accessories() {
    let bench = HarborBench::start().await.unwrap();
    let pusher = bench.pusher();
    let image = |number| Image::new(Flavour::Oci).layer(layer(number, 100));
    let child = pusher.image("library/a/b/c", None, &image(1)).await.unwrap();
    let index = pusher.index("library/a/b/c", "v1", std::slice::from_ref(&child)).await.unwrap();
    pusher.signature("library/a/b/c", &index.digest).await.unwrap();
    pusher.artifact("library/a/b/c", None, "application/spdx+json", Some(&child)).await.unwrap();

    let harbor = administrator(&bench).await;
    let repository = "library/a/b/c".parse().unwrap();
    let mut pages = harbor.artifacts(&repository);
    let artifacts = pages.next().await.unwrap().unwrap();
    assert!(pages.next().await.unwrap().is_none());
    assert_eq!(artifacts.len(), 1, "neither children nor signatures are artifacts of their own");
    assert_eq!(artifacts[0].digest.to_string(), index.digest);
    assert_eq!(artifacts[0].accessories, 1);
    let listed = "GET /api/v2.0/projects/library/repositories/a%252Fb%252Fc/artifacts?with_tag=true\
        &with_accessory=true&with_label=false&q=tags%3D*&page=1&page_size=100 200";
    assert_eq!(bench.requests(), [listed]);

    let none = tag_pages(&harbor, "library/not/there").await.unwrap();
    assert_eq!(none, [[]], "Harbor lists nothing for what is not there");
}

#[tokio::test]
async fn many_tags_come_page_by_page() {
    let bench = HarborBench::start().await.unwrap();
    let pusher = bench.pusher();
    let image = pusher.image("library/app", "v0", &Image::new(Flavour::Oci)).await.unwrap();
    let (media_type, bytes) = pusher.manifest("library/app", "v0").await.unwrap().unwrap();
    let mut manifest: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    for number in 1..101 {
        let tag = format!("v{number}");
        manifest["annotations"]["tag"] = tag.clone().into();
        let digest =
            pusher.push_manifest("library/app", &tag, &media_type, manifest.to_string()).await.unwrap();
        assert_ne!(digest, image.digest);
    }
    let harbor = administrator(&bench).await;
    let pages = tag_pages(&harbor, "library/app").await.unwrap();
    let mut tags: Vec<_> = pages.concat().into_iter().map(|(tag, _)| tag.as_str().to_owned()).collect();
    tags.sort();
    let mut expected: Vec<_> = (0..101).map(|number| format!("v{number}")).collect();
    expected.sort();
    assert_eq!((tags, bench.requests().len()), (expected, 2));
}

#[tokio::test]
async fn p13_a_repository_that_is_deleted_while_pages_are_read_hides_no_other() {
    let bench = HarborBench::start().await.unwrap();
    let mut expected: Vec<_> = (0..230).map(|number| format!("library/app-{number:03}")).collect();
    bench.seed_repositories(&expected).await.unwrap();
    bench.let_vanish("library/app-007");
    let harbor = administrator(&bench).await;
    let library = project(&harbor, "library").await;
    bench.forget_requests();
    let (names, _) = all(harbor.repositories(&library)).await;
    let mut listed = texts(&names);
    listed.sort_unstable();
    assert_eq!(listed, expected, "the one at the edge of the pages, too");
    assert_eq!(bench.requests().len(), 2 + 3, "read again from the beginning, once: {:?}", bench.requests());
    expected.remove(7);
    assert_eq!(texts(&all(harbor.repositories(&library)).await.0), expected);
}
