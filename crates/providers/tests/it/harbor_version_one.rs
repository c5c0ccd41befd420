//! Harbor 1.x, which has another API.

use providers::harbor::{ApiVersion, Creation, Visibility};
use testkit::HarborBench;
use testkit::seed::{Flavour, Image};

use crate::harbor_support::{administrator, all, project, tag_pages, texts};

#[tokio::test]
async fn harbor_one_gives_the_same_lists() {
    let bench = HarborBench::builder().version_one().start().await.unwrap();
    bench.add_project("library-two");
    let image = Image::new(Flavour::Docker);
    let seeded = bench.pusher().image("library/a/b", "v1", &image).await.unwrap();
    bench.pusher().image("library/a/b", "v2", &image).await.unwrap();
    let harbor = administrator(&bench).await;
    assert_eq!(harbor.version(), ApiVersion::One);
    let library = project(&harbor, "library").await;
    let names = all(harbor.repositories(&library)).await.0;
    assert_eq!(texts(&names), ["library/a/b"]);
    let pages = tag_pages(&harbor, names[0].as_str()).await.unwrap();
    assert_eq!(pages.len(), 1);
    assert_eq!(pages[0].iter().map(|(tag, _)| tag.as_str()).collect::<Vec<_>>(), ["v1", "v2"]);
    assert!(pages[0].iter().all(|(_, digest)| digest.to_string() == seeded.digest));
    let expected = [
        "GET /api/projects?name=library&page=1&page_size=100 200",
        "GET /api/repositories?project_id=1&page=1&page_size=100 200",
        "GET /api/repositories/library/a/b/tags 200",
    ];
    assert_eq!(bench.requests(), expected);
}

#[tokio::test]
async fn harbor_one_creates_projects() {
    let bench = HarborBench::builder().version_one().start().await.unwrap();
    let harbor = administrator(&bench).await;
    let name = "mirror".parse().unwrap();
    let create = async || harbor.create_project(&name, Visibility::Private).await.unwrap();
    assert_eq!(create().await, Creation::Created);
    assert_eq!(create().await, Creation::AlreadyThere);
    assert!(harbor.project(&name).await.unwrap().is_some());
    assert!(harbor.project(&"library-two".parse().unwrap()).await.unwrap().is_none());
    bench.make_read_only();
    let refused = harbor.create_project(&"other".parse().unwrap(), Visibility::Private).await.unwrap_err();
    let explanation = providers::harbor::refusal::explain(refused.refusal().unwrap()).unwrap();
    assert_eq!(explanation.reason, providers::harbor::refusal::Reason::ReadOnly);
}
