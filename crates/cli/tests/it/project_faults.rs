//! Whole projects: logins with missing permissions, colliding targets, missing projects and lists.

use anyhow::{Result, ensure};
use testkit::seed::{Flavour, Image, Pusher, layer};
use testkit::{DockerRegistry, HarborBench, TokenServer, TokenUser};

use crate::acr_world::{Acr, KEY, assert_arrived, configure, harbor_entry, workplace};
use crate::process::Workplace;

fn small(number: u64) -> Image {
    Image::new(Flavour::Oci).layer(layer(number, 64))
}

/// `library/a`, `library/x/b` and `team-a/b`.
async fn harbor() -> Result<HarborBench> {
    let harbor = HarborBench::start().await?;
    harbor.add_project("team-a");
    for (number, repository) in (1..).zip(["library/a", "library/x/b", "team-a/b"]) {
        harbor.pusher().image(repository, "v1", &small(number)).await?;
    }
    Ok(harbor)
}

#[tokio::test]
async fn a_robot_copies_its_project_and_sees_no_other() -> Result<()> {
    let (harbor, acr, workplace) = (harbor().await?, Acr::start().await?, workplace()?);
    // As in the guide.
    let (robot, secret) = HarborBench::ROBOT;
    let login = format!(r#""username": "{robot}", "password": "{secret}", "plainHttp": true"#);
    let entries = [format!(r#""{}": {{{login}}}"#, harbor.host()), acr.entry(r#", "create": true"#)];
    let target = format!("{}/mirror", acr.host());
    configure(&workplace, &entries, &format!("{}/library/**", harbor.host()), &target)?;
    workplace.run("--config c.json --dry-run")?.expect_code(0)?.says(&["would copy       2 images"])?;
    ensure!(acr.api.calls("CreateNamespace") == 0 && acr.pusher().tags("mirror/a").await?.is_empty());
    workplace.run("--config c.json")?.expect_code(0)?.hides(&[HarborBench::ROBOT.1, KEY.1])?;
    let own = ["library/a", "library/x/b"].map(str::to_owned);
    let below = |name: &str| name.replacen("library", "mirror", 1);
    assert_arrived(&harbor.pusher(), &acr.pusher(), &own, below).await?;
    configure(&workplace, &entries, &format!("{}/team-a/**", harbor.host()), &target)?;
    let ran = workplace.run("--config c.json")?.expect_code(4)?;
    ran.says(&["team-a", "next:"])?.hides(&[HarborBench::ROBOT.1])?;
    Ok(())
}

#[tokio::test]
async fn a_wrong_key_is_told_once_and_clearly() -> Result<()> {
    let (harbor, acr) = (harbor().await?, Acr::start().await?);
    let mut workplace = Workplace::new()?;
    workplace.variable("ALIBABA_CLOUD_ACCESS_KEY_ID", KEY.0);
    workplace.variable("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "wrong-hunter3");
    let entries = [harbor_entry(&harbor, HarborBench::ADMINISTRATOR), acr.entry("")];
    configure(&workplace, &entries, &format!("{}/**", harbor.host()), &format!("{}/mirror", acr.host()))?;
    let ran = workplace.run("--config c.json --retries 0")?;
    let ran = ran.expect_code(4)?.hides(&["wrong-hunter3"])?;
    let ran = ran.says(&["SignatureDoesNotMatch", "RequestId REQUEST-", "next:  check the access key"])?;
    ran.says(&["also:  2 more images for the same reason"])?;
    ensure!(acr.api.calls("GetAuthorizationToken") == 1, "what is refused for good is asked once");
    ensure!(
        acr.registry.requests().iter().all(|line| line.starts_with("GET /v2/ ")),
        "nothing was tried without a login"
    );
    Ok(())
}

#[tokio::test]
async fn two_repositories_for_one_target_stop_the_rule_before_anything_moves() -> Result<()> {
    let (harbor, acr, workplace) = (harbor().await?, Acr::start().await?, workplace()?);
    let entries = [harbor_entry(&harbor, HarborBench::ADMINISTRATOR), acr.entry(r#", "create": true"#)];
    let target = format!("{}/mirror/{{name}}", acr.host());
    configure(&workplace, &entries, &format!("{}/**", harbor.host()), &target)?;
    let said = ["library/x/b", "team-a/b", "mirror/b", "{path:_}", "nothing of this rule was copied"];
    workplace.run("--config c.json")?.expect_code(3)?.says(&said)?;
    ensure!(acr.registry.requests().is_empty() && acr.calls() == 0, "nobody was asked at the target");
    let target = format!("{}/mirror/{{path:_}}", acr.host());
    configure(&workplace, &entries, &format!("{}/**", harbor.host()), &target)?;
    workplace.run("--config c.json")?.expect_code(0)?;
    let all = ["library/a", "library/x/b", "team-a/b"].map(str::to_owned);
    let joined = |name: &str| format!("mirror/{}", name.replace('/', "_"));
    assert_arrived(&harbor.pusher(), &acr.pusher(), &all, joined).await?;
    Ok(())
}

#[tokio::test]
async fn a_missing_project_is_made_where_the_target_is_a_harbor() -> Result<()> {
    let (from, to, workplace) = (harbor().await?, HarborBench::start().await?, Workplace::new()?);
    let (user, password) = HarborBench::ADMINISTRATOR;
    let creates = format!(
        r#""{}": {{"username": "{user}", "password": "{password}", "insecure": true, "create": true}}"#,
        to.host()
    );
    let entries = [harbor_entry(&from, HarborBench::ADMINISTRATOR), creates];
    let source = format!("{}/library/**", from.host());
    configure(&workplace, &entries, &source, &format!("{}/fresh/{{repository}}", to.host()))?;
    workplace.run("--config c.json")?.expect_code(0)?;
    ensure!(to.projects() == ["library", "fresh"], "{:?}", to.projects());
    let own = ["library/a", "library/x/b"].map(str::to_owned);
    assert_arrived(&from.pusher(), &to.pusher(), &own, |name| name.replacen("library", "fresh", 1)).await?;
    to.forget_requests();
    workplace.run("--config c.json")?.expect_code(0)?.says(&["unchanged        2 images"])?;
    let writes = to.requests().into_iter().filter(|line| !line.starts_with("GET ")).collect::<Vec<_>>();
    ensure!(writes.is_empty(), "digests come in bulk from both sides: {writes:?}");
    Ok(())
}

#[tokio::test]
async fn a_project_that_a_login_may_not_make_is_asked_for_once() -> Result<()> {
    let (from, to, workplace) = (harbor().await?, HarborBench::start().await?, Workplace::new()?);
    for tag in ["v2", "v3", "v4"] {
        from.pusher().image("library/a", tag, &small(9)).await?;
    }
    let (robot, secret) = HarborBench::ROBOT;
    let creates = format!(
        r#""{}": {{"username": "{robot}", "password": "{secret}", "insecure": true, "create": true}}"#,
        to.host()
    );
    let entries = [harbor_entry(&from, HarborBench::ADMINISTRATOR), creates];
    let source = format!("{}/library/**", from.host());
    configure(&workplace, &entries, &source, &format!("{}/fresh/{{repository}}", to.host()))?;
    let ran = workplace.run("--config c.json --retries 0")?.expect_code(4)?;
    ran.says(&["creating the project or namespace", "next:"])?.hides(&[secret])?;
    let looks = to.requests().into_iter().filter(|line| line.starts_with("GET /api/v2.0/projects/fresh "));
    ensure!(looks.clone().count() == 1, "five images, one question: {:?}", looks.collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn what_a_rule_would_keep_does_not_hinder_a_project_that_has_yet_to_be_made() -> Result<()> {
    let (from, to, workplace) = (harbor().await?, HarborBench::start().await?, Workplace::new()?);
    let (user, password) = HarborBench::ADMINISTRATOR;
    let text = format!(
        "auth:\n  {from}: {{username: {user}, password: {password}, insecure: true}}\n  \
         {to}: {{username: {user}, password: {password}, insecure: true, create: true}}\n\
         sync:\n- from: {from}/library/**\n  to: {to}/fresh\n  onConflict: keep\n",
        from = from.host(),
        to = to.host()
    );
    workplace.write("k.yaml", &text)?;
    workplace.run("sync --config k.yaml --no-state")?.expect_code(0)?.says(&["copied           2 images"])?;
    ensure!(to.projects() == ["library", "fresh"], "{:?}", to.projects());
    Ok(())
}

#[tokio::test]
async fn a_registry_without_another_interface_lists_by_its_catalog() -> Result<()> {
    let (source, acr, workplace) = (DockerRegistry::open().await?, Acr::start().await?, workplace()?);
    let from = Pusher::new(source.host());
    let names = ["a/app", "a/b/c/app"].map(str::to_owned);
    for (number, name) in (1..).zip(&names) {
        from.image(name, "v1", &small(number)).await?;
    }
    from.image("other/app", "v1", &small(9)).await?;
    let open = format!(r#""{}": {{"insecure": true}}"#, source.host());
    let entries = [open, acr.entry(r#", "create": true"#)];
    configure(&workplace, &entries, &format!("{}/a/**", source.host()), &format!("{}/mirror", acr.host()))?;
    workplace.run("--config c.json")?.expect_code(0)?.says(&["copied           2 images"])?;
    assert_arrived(&from, &acr.pusher(), &names, |name| name.replacen('a', "mirror", 1)).await?;
    Ok(())
}

#[tokio::test]
async fn a_catalog_that_is_refused_says_what_to_do() -> Result<()> {
    let user = TokenUser::new("reader", "reader-secret").grant("a/*", &["pull"]);
    let tokens = TokenServer::acr(vec![user], "some-registry").await?;
    let (source, acr, workplace) = (DockerRegistry::token(&tokens).await?, Acr::start().await?, workplace()?);
    let entry = format!(
        r#""{}": {{"username": "reader", "password": "reader-secret", "insecure": true}}"#,
        source.host()
    );
    configure(
        &workplace,
        &[entry, acr.entry("")],
        &format!("{}/a/**", source.host()),
        &format!("{}/mirror", acr.host()),
    )?;
    let ran = workplace.run("--config c.json")?.expect_code(4)?.hides(&["reader-secret"])?;
    ran.says(&["does not list its repositories to this login", "name them one by one"])?;
    ensure!(acr.registry.requests().is_empty(), "the target was not asked");
    Ok(())
}

#[tokio::test]
async fn p24_where_the_api_is_not_there_the_registry_is_asked_and_nothing_is_put_again() -> Result<()> {
    let (harbor, acr, workplace) = (harbor().await?, Acr::start().await?, workplace()?);
    let entries = [harbor_entry(&harbor, HarborBench::ADMINISTRATOR), acr.entry(r#", "create": true"#)];
    let source = format!("{}/library/**", harbor.host());
    configure(&workplace, &entries, &source, &format!("{}/mirror", acr.host()))?;
    workplace.run("--config c.json")?.expect_code(0)?.says(&["copied           2 images"])?;
    for action in ["ListRepository", "GetRepository", "ListRepoTag"] {
        acr.api.fail_next(action, 100, 404, "InvalidAction.NotFound");
    }
    acr.registry.forget_requests();
    let (before, told) = (acr.calls(), "API has no lists of repositories and tags");
    let ran = workplace.run("--config c.json")?.expect_code(0)?.says(&["unchanged        2 images", told])?;
    ensure!(ran.all().matches(told).count() == 1, "told once: {}", ran.all());
    let puts =
        acr.registry.requests().into_iter().filter(|line| line.starts_with("PUT ")).collect::<Vec<_>>();
    ensure!(puts.is_empty(), "{puts:?}");
    ensure!(acr.calls() - before <= 3, "the API is asked no more: {} calls", acr.calls() - before);
    Ok(())
}
