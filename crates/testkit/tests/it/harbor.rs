//! The simulated Harbor, as clients and the judge see it.

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use testkit::seed::{Flavour, Image, layer};
use testkit::{CertificateAuthority, HarborBench, Skopeo, TlsFront};

use crate::seed_index;

fn client() -> Client {
    Client::builder().tls_danger_accept_invalid_certs(true).build().unwrap()
}

async fn ask(bench: &HarborBench, method: Method, path: &str, login: Option<(&str, &str)>) -> Response {
    let request = client().request(method, format!("http://{}{path}", bench.host()));
    let request = match login {
        Some((user, password)) => request.basic_auth(user, Some(password)),
        None => request,
    };
    request.send().await.unwrap()
}

async fn get(bench: &HarborBench, path: &str) -> (u16, Value) {
    let response = ask(bench, Method::GET, path, Some(HarborBench::ADMINISTRATOR)).await;
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
}

fn challenge(response: &Response) -> String {
    response.headers()["www-authenticate"].to_str().unwrap().to_owned()
}

/// The status, and the code of the first error.
async fn code(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    (status, body["errors"][0]["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn skopeo_works_with_it_as_with_harbor() {
    let bench = HarborBench::start().await.unwrap();
    seed_index(&bench.pusher(), "library/a/b", Flavour::Oci).await;
    let (user, password) = HarborBench::ROBOT;
    Skopeo::image_is_complete(&bench.host(), "library/a/b", "v1", Some((user, password))).await.unwrap();
    let copy = |target: &str| {
        let (source, target) = (
            format!("docker://{}/library/a/b:v1", bench.host()),
            format!("docker://{}/{target}", bench.host()),
        );
        async move {
            let logins =
                [format!("--src-creds={user}:{password}"), format!("--dest-creds={user}:{password}")];
            let tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
            Skopeo::run(&["copy", "--all", &logins[0], &logins[1], tls[0], tls[1], &source, &target]).await
        }
    };
    copy("library/copied:v1").await.unwrap();
    bench.add_project("team");
    copy("team/copied:v1").await.unwrap_err();
    copy("nowhere/copied:v1").await.unwrap_err();
    Skopeo::inspect_raw(&bench.host(), "library/a/b", "v1", Some((user, "wrong"))).await.unwrap_err();
    assert_eq!(bench.requests(), [""; 0], "skopeo is not counted");
    let (status, artifacts) = get(&bench, "/api/v2.0/projects/library/repositories/copied/artifacts").await;
    assert_eq!((status, artifacts.as_array().unwrap().len()), (200, 3), "what was pushed is listed");
}

#[tokio::test]
async fn tls_goes_in_front_of_it() {
    let authority = CertificateAuthority::generate().unwrap();
    let bench = HarborBench::builder().external_https().start().await.unwrap();
    seed_index(&bench.pusher(), "library/app", Flavour::Docker).await;
    let front = TlsFront::start(&authority, bench.host()).await.unwrap();
    let login = Some(HarborBench::ROBOT);
    Skopeo::image_is_complete(&front.host(), "library/app", "v1", login).await.unwrap();
    let plain = ask(&bench, Method::GET, "/v2/", None).await;
    assert_eq!(
        challenge(&plain),
        format!(r#"Bearer realm="https://{}/service/token",service="harbor-registry""#, bench.host())
    );
}

#[tokio::test]
async fn challenges_are_harbors() {
    let bench = HarborBench::start().await.unwrap();
    seed_index(&bench.pusher(), "library/app", Flavour::Oci).await;
    bench.add_project("team");
    let realm = format!(r#"Bearer realm="http://{}/service/token",service="harbor-registry""#, bench.host());
    let silent = ask(&bench, Method::GET, "/v2/library/app/tags/list", None).await;
    assert_eq!(challenge(&silent), format!(r#"{realm},scope="repository:library/app:pull""#));
    let mount = "/v2/library/b/blobs/uploads/?mount=sha256:1&from=library/app";
    let silent = ask(&bench, Method::POST, mount, None).await;
    let scope = "repository:library/b:pull,push repository:library/app:pull";
    assert_eq!(challenge(&silent), format!(r#"{realm},scope="{scope}""#));

    let robot = Some(HarborBench::ROBOT);
    let basic = ask(&bench, Method::GET, "/v2/library/app/tags/list", robot).await;
    assert_eq!(basic.status(), 200, "Basic is accepted for the protocol, too");
    let wrong = ask(&bench, Method::GET, "/v2/library/app/tags/list", Some(("admin", "wrong"))).await;
    assert_eq!(challenge(&wrong), r#"Basic realm="harbor""#);
    let denied = ask(&bench, Method::POST, "/v2/team/app/blobs/uploads/", robot).await;
    assert_eq!(challenge(&denied), r#"Basic realm="harbor""#);
    let body = denied.text().await.unwrap();
    assert!(body.contains("unauthorized to access repository: team/app, action: push"), "{body}");
    let unknown = ask(&bench, Method::POST, "/v2/nowhere/app/blobs/uploads/", robot).await;
    assert_eq!((unknown.status().as_u16(), challenge(&unknown).as_str()), (401, ""));
    assert_eq!(ask(&bench, Method::GET, "/v2/_catalog", robot).await.status(), 401);
    assert_eq!(get(&bench, "/v2/_catalog").await, (200, json!({"repositories": ["library/app"]})));
}

#[tokio::test]
async fn one_token_holds_for_all_of_a_project() {
    let bench = HarborBench::start().await.unwrap();
    seed_index(&bench.pusher(), "library/one", Flavour::Oci).await;
    seed_index(&bench.pusher(), "library/two", Flavour::Oci).await;
    seed_index(&bench.pusher(), "team/app", Flavour::Oci).await;
    bench.add_project("team");
    let path = "/service/token?service=harbor-registry&scope=repository:library/one:pull";
    let robot = Some(HarborBench::ROBOT);
    let answer: Value = ask(&bench, Method::GET, path, robot).await.text().await.unwrap().parse().unwrap();
    let token = answer["token"].as_str().unwrap().to_owned();
    let status = async |token: &str, repository: &str| {
        let url = format!("http://{}/v2/{repository}/tags/list", bench.host());
        client().get(url).bearer_auth(token).send().await.unwrap().status().as_u16()
    };
    assert_eq!(status(&token, "library/one").await, 200);
    assert_eq!(status(&token, "library/two").await, 200);
    assert_eq!(status(&token, "team/app").await, 401);
    assert_eq!(status(&token[..token.len() - 8], "library/one").await, 401, "signatures are checked");
    assert_eq!(ask(&bench, Method::GET, "/api/v2.0/projects/library", None).await.status(), 401);
}

#[tokio::test]
async fn writes_are_refused_for_harbors_reasons() {
    let bench = HarborBench::start().await.unwrap();
    seed_index(&bench.pusher(), "library/app", Flavour::Oci).await;
    for project in ["full", "hub"] {
        if project == "hub" { bench.add_proxy_project(project) } else { bench.add_project(project) }
    }
    let administrator = Some(HarborBench::ADMINISTRATOR);
    let push = async |path: &str| {
        let (method, path) = path.split_once(' ').unwrap();
        code(ask(&bench, method.parse().unwrap(), path, administrator).await).await
    };
    bench.exhaust_quota("full");
    bench.make_immutable("library/app", "v1");
    bench.forbid_pulls("library/app");
    let denied = (403, "DENIED".to_owned());
    assert_eq!(push("PUT /v2/full/app/manifests/v1").await, denied);
    assert_eq!(push("POST /v2/hub/app/blobs/uploads/").await, denied);
    assert_eq!(push("PUT /v2/library/app/manifests/v1").await, (412, "PRECONDITION".to_owned()));
    assert_ne!(push("PUT /v2/library/app/manifests/v2").await.0, 412, "other tags may be written");
    let pull = push("GET /v2/library/app/manifests/v1").await;
    assert_eq!(pull, (412, "PROJECTPOLICYVIOLATION".to_owned()));
    bench.make_read_only();
    assert_eq!(push("POST /v2/library/app/blobs/uploads/").await, denied);
    bench.make_writable();
    let opened = ask(&bench, Method::POST, "/v2/library/app/blobs/uploads/", administrator).await;
    let location = opened.headers()["location"].to_str().unwrap();
    assert!(location.starts_with(&format!("http://{}/v2/library/app/blobs/uploads/", bench.host())));
}

#[tokio::test]
async fn cookies_are_set_and_not_welcome() {
    let bench = HarborBench::start().await.unwrap();
    let (user, password) = HarborBench::ADMINISTRATOR;
    let url = format!("http://{}/api/v2.0/projects", bench.host());
    let create = client().post(&url).basic_auth(user, Some(password)).body(r#"{"project_name":"new"}"#);
    let refused = create.try_clone().unwrap().header("cookie", "sid=bench-session").send().await.unwrap();
    assert!(refused.headers()["set-cookie"].to_str().unwrap().starts_with("sid="));
    assert_eq!(code(refused).await, (403, "FORBIDDEN".to_owned()));
    assert_eq!(bench.returned_cookies(), 1);
    let created = create.try_clone().unwrap().send().await.unwrap();
    assert_eq!(created.headers()["location"], "/api/v2.0/projects/2");
    assert_eq!(code(create.send().await.unwrap()).await, (409, "CONFLICT".to_owned()));
}

#[tokio::test]
async fn the_api_lists_as_harbor_does() {
    let bench = HarborBench::start().await.unwrap();
    bench.add_project("1");
    bench.add_proxy_project("hub");
    seed_index(&bench.pusher(), "library/a/b", Flavour::Oci).await;
    let image = Image::new(Flavour::Oci).layer(layer(9, 100));
    bench.pusher().image("1/app", "v1", &image).await.unwrap();

    assert_eq!(get(&bench, "/api/version").await, (200, json!({"version": "v2.0"})));
    assert_eq!(get(&bench, "/api/v2.0/projects/1").await.1["name"], "library", "digits are an id");
    assert_eq!(get(&bench, "/api/v2.0/projects/hub").await.1["registry_id"], 1);
    assert_eq!(get(&bench, "/api/v2.0/projects/none").await.0, 404);
    assert_eq!(get(&bench, "/api/v2.0/projects?page_size=101").await.0, 422);
    let repositories = get(&bench, "/api/v2.0/projects/library/repositories").await.1;
    assert_eq!(repositories[0]["name"], "library/a/b");
    let artifacts = "/api/v2.0/projects/library/repositories/a%252Fb/artifacts";
    let listed = get(&bench, &format!("{artifacts}?q=tags%3D*&with_accessory=true")).await.1;
    assert_eq!(listed.as_array().unwrap().len(), 1, "neither children nor signatures: {listed}");
    assert_eq!(listed[0]["tags"][0]["name"], "v1");
    assert_eq!(listed[0]["references"].as_array().unwrap().len(), 2);
    assert_eq!(listed[0]["accessories"][0]["type"], "signature.cosign");
    assert_eq!(get(&bench, artifacts).await.1.as_array().unwrap().len(), 3);
    assert_eq!(get(&bench, &artifacts.replace("%252F", "%2F")).await.0, 404);
    assert_eq!(get(&bench, &format!("{artifacts}/none")).await.0, 404);
}

#[tokio::test]
async fn many_small_repositories_are_seeded() {
    let bench = HarborBench::start().await.unwrap();
    let names = bench.seed_small(130).await.unwrap();
    assert_eq!((names.len(), bench.projects().len()), (130, 3));
    assert!(names.contains(&"library/a/b/app-000".to_owned()), "{names:?}");
    let url = format!("http://{}/api/v2.0/repositories?page_size=100&page=1", bench.host());
    let (user, password) = HarborBench::ADMINISTRATOR;
    let page = client().get(url).basic_auth(user, Some(password)).send().await.unwrap();
    assert_eq!(page.headers()["x-total-count"], "130");
    let link = page.headers()["link"].to_str().unwrap();
    assert_eq!(link, r#"</api/v2.0/repositories?page=2&page_size=100>; rel="next""#);
    let login = Some(HarborBench::ADMINISTRATOR);
    Skopeo::image_is_complete(&bench.host(), "2026/a/b/app-010", "latest", login).await.unwrap();
}
