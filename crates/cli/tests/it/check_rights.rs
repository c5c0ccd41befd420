//! `image-syncer check` with refused logins, missing permissions, and missing objects on the other side.

use anyhow::Result;
use testkit::seed::{Flavour, Image, layer};
use testkit::{AcrInstance, HarborBench};

use crate::check_bench::{CheckBench, Checked, FIXED, KEY, SERVICE, entry};

fn instance() -> AcrInstance {
    AcrInstance::new("cri-test", "test").namespace("image-syncer", "true")
}

/// A bench whose API knows this instance and an access key.
async fn keyed(instance: AcrInstance, actions: &[&'static str]) -> Result<CheckBench> {
    let mut bench = CheckBench::with(instance, SERVICE, actions).await?;
    bench.set_key(KEY.0, KEY.1);
    bench.harbor.registry().forget_requests();
    Ok(bench)
}

fn check_journey(bench: &CheckBench) -> Result<Checked> {
    bench.check(&[bench.harbor_entry(), bench.acr_entry("")], &[bench.rule()])
}

#[tokio::test]
async fn case_05_a_wrong_password_at_the_source() -> Result<()> {
    let bench = keyed(instance(), &["pull", "push"]).await?;
    let host = bench.harbor.host();
    let wrong = entry(&host, HarborBench::ROBOT.0, "not-the-secret");
    let checked = bench.check(&[wrong, bench.acr_entry("")], &[bench.rule()])?;
    let start = format!("problem  {host}: login: the token server http://{host}/service/token");
    let texts = ["refuses `robot$library+mirror` (auth entry `", "401", "robots expire"];
    checked.line(&start, &texts)?.one_problem(4)?.0.hides(&["not-the-secret"])?;
    Ok(())
}

#[tokio::test]
async fn case_06_a_wrong_password_at_the_target() -> Result<()> {
    let bench = keyed(instance(), &[]).await?;
    let checked =
        bench.check(&[bench.harbor_entry(), bench.fixed_entry("not-the-password")], &[bench.rule()])?;
    let start = format!("problem  {}: login: the token server {}", bench.acr.host(), bench.tokens.realm());
    let texts = ["refuses `mirror@account`", "not the console's"];
    checked.line(&start, &texts)?.one_problem(4)?.0.hides(&["not-the-password"])?;
    Ok(())
}

#[tokio::test]
async fn case_06_a_key_whose_secret_is_wrong() -> Result<()> {
    let mut bench = keyed(instance(), &["pull", "push"]).await?;
    bench.set_key(KEY.0, "another-secret");
    let start = format!("problem  {}: login: the access key's secret is wrong", bench.acr.host());
    let texts = ["(environment (ALIBABA_CLOUD_ACCESS_KEY_ID))", "SignatureDoesNotMatch", "RequestId"];
    check_journey(&bench)?.line(&start, &texts)?.one_problem(4)?.0.hides(&["another-secret"])?;
    Ok(())
}

#[tokio::test]
async fn case_06_a_key_that_does_not_exist() -> Result<()> {
    let mut bench = keyed(instance(), &["pull", "push"]).await?;
    bench.set_key("LTAI-unknown", KEY.1);
    let start = format!("problem  {}: login: Alibaba Cloud does not know the access key", bench.acr.host());
    check_journey(&bench)?
        .line(&start, &["InvalidAccessKeyId.NotFound", "do: check the access key's id"])?
        .one_problem(4)?;
    Ok(())
}

#[tokio::test]
async fn case_07_a_target_that_may_only_be_read() -> Result<()> {
    let bench = keyed(instance(), &["pull"]).await?;
    let start = format!(
        "problem  {}/image-syncer/app: push: the login gets a token, but not the right to push",
        bench.acr.host()
    );
    check_journey(&bench)?
        .line(&start, &["401", "give the RAM user the right to push", "acr policy"])?
        .one_problem(4)?;
    Ok(())
}

#[tokio::test]
async fn case_08_a_namespace_that_is_missing_is_named_by_the_api() -> Result<()> {
    let bench = keyed(AcrInstance::new("cri-test", "test"), &["pull", "push"]).await?;
    let start = format!(
        "problem  {}/image-syncer/app: namespace: the instance has no namespace `image-syncer`",
        bench.acr.host()
    );
    check_journey(&bench)?.line(&start, &["NAMESPACE_NOT_EXIST", "\"create\": true"])?.one_problem(1)?;
    Ok(())
}

#[tokio::test]
async fn case_08_without_the_api_all_four_causes_are_named() -> Result<()> {
    let bench = keyed(instance(), &[]).await?;
    let rule = format!(r#""{}/library/app": "{}/elsewhere/app""#, bench.harbor.host(), bench.acr.host());
    let checked = bench.check(&[bench.harbor_entry(), bench.fixed_entry(FIXED.1)], &[rule])?;
    let start = format!(
        "problem  {}/elsewhere/app: push: the login gets a token, but not the right to push",
        bench.acr.host()
    );
    let texts = [
        "one of four: the namespace `elsewhere` is missing",
        "does not create repositories by itself",
        "the RAM user has no right to push",
        "another registry than this one of the Enterprise Edition",
        "\"provider\": \"acr\"",
    ];
    checked.line(&start, &texts)?.one_problem(4)?;
    Ok(())
}

#[tokio::test]
async fn case_09_a_namespace_that_creates_nothing_by_itself() -> Result<()> {
    let off = AcrInstance::new("cri-test", "test").namespace("image-syncer", "false");
    let bench = keyed(off.clone(), &["pull", "push"]).await?;
    let start =
        format!("problem  {}/image-syncer/app: namespace: the repository is not there", bench.acr.host());
    check_journey(&bench)?
        .line(&start, &["`image-syncer` does not create repositories by itself", "AutoCreateRepo is false"])?
        .one_problem(1)?;
    let there = off.repository("image-syncer", "app", Vec::new());
    let bench = keyed(there, &["pull", "push"]).await?;
    check_journey(&bench)?.0.expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn case_10_the_seeds_own_slip() -> Result<()> {
    let bench = keyed(instance(), &["pull"]).await?;
    let enterprise = "ruohe-test-registry.cn-shanghai.cr.aliyuncs.com";
    let rule = format!(r#""{}/library/app": """#, bench.harbor.host());
    let entries = [bench.harbor_entry(), entry(enterprise, "mirror@account", "secret")].join(", ");
    bench.workplace.write("c.json", &format!(r#"{{"auth": {{{entries}}}, "images": {{{rule}}}}}"#))?;
    // The names alone show the problem, without a request.
    let ran = bench
        .workplace
        .run("check --config c.json --registry registry.cn-beijing.aliyuncs.com --namespace image-syncer")?;
    let start = "problem  registry.cn-beijing.aliyuncs.com: edition: the target `registry.cn-beijing.aliyuncs.com` (Personal Edition) has no login";
    Checked(ran)
        .line(
            start,
            &[
                "`auth` has one for `ruohe-test-registry.cn-shanghai.cr.aliyuncs.com` (Enterprise Edition)",
                "--registry",
            ],
        )?
        .one_problem(1)?;
    Ok(())
}

#[tokio::test]
async fn case_10_a_personal_registry_with_an_enterprise_login() -> Result<()> {
    let mut bench =
        CheckBench::with(instance(), "registry.aliyuncs.com:cn-beijing:26842", &["pull", "push"]).await?;
    bench.set_key(KEY.0, KEY.1);
    bench.harbor.registry().forget_requests();
    let entries = [bench.harbor_entry(), bench.acr_entry(r#", "instanceId": "cri-test""#)];
    let start = format!("problem  {}: edition: it is a Personal Edition registry", bench.acr.host());
    bench
        .check(&entries, &[bench.rule()])?
        .line(&start, &["Enterprise Edition instance cri-test", "26842", "NAME-registry.REGION"])?
        .one_problem(1)?;
    Ok(())
}

#[tokio::test]
async fn case_12_a_project_that_the_source_has_not() -> Result<()> {
    let bench = keyed(instance(), &["pull", "push"]).await?;
    let (harbor, acr) = (bench.harbor.host(), bench.acr.host());
    let entries = [bench.harbor_entry(), bench.acr_entry("")];
    let rule = format!(r#""{harbor}/libary/app": "{acr}/image-syncer/app""#);
    bench
        .check(&entries, &[rule])?
        .line(
            &format!("problem  {harbor}/libary/app: tags: Harbor has no project `libary`"),
            &["that this login may see"],
        )?
        .one_problem(1)?;
    let pattern = format!(r#""{harbor}/libary/**": "{acr}/image-syncer""#);
    bench
        .check(&entries, &[pattern])?
        .line(
            &format!("problem  {harbor}/libary/**: repositories: its repositories cannot be listed"),
            &["libary"],
        )?
        .one_problem(1)?;
    Ok(())
}

#[tokio::test]
async fn case_12_a_repository_that_the_source_has_not() -> Result<()> {
    let bench = keyed(instance(), &["pull", "push"]).await?;
    let (harbor, acr) = (bench.harbor.host(), bench.acr.host());
    let rule = format!(r#""{harbor}/library/ap": "{acr}/image-syncer/app""#);
    bench
        .check(&[bench.harbor_entry(), bench.acr_entry("")], &[rule])?
        .line(
            &format!("problem  {harbor}/library/ap: tags: its tags cannot be listed"),
            &["NAME_UNKNOWN", "check the repository's name"],
        )?
        .one_problem(1)?;
    Ok(())
}

#[tokio::test]
async fn case_13_a_quota_that_is_full() -> Result<()> {
    let mut full = instance().repository("other", "app", Vec::new());
    full.repository_quota = 1;
    let bench = keyed(full, &["pull", "push"]).await?;
    let start = format!(
        "problem  {}/image-syncer/app: quota: the repository is not there, and the instance's quota is full",
        bench.acr.host()
    );
    check_journey(&bench)?
        .line(&start, &["1 of 1 repositories are used", "have the quota raised"])?
        .one_problem(1)?;
    Ok(())
}

#[tokio::test]
async fn case_16_a_harbor_that_is_read_only() -> Result<()> {
    let bench = keyed(instance(), &["pull"]).await?;
    let target = HarborBench::start().await?;
    target.make_read_only();
    let (user, password) = HarborBench::ROBOT;
    let entries = [bench.harbor_entry(), entry(&target.host(), user, password)];
    let rule = format!(r#""{}/library/app": "{}/library/app""#, bench.harbor.host(), target.host());
    let start = format!("problem  {}: push: Harbor is in read-only mode", target.host());
    bench
        .check(&entries, std::slice::from_ref(&rule))?
        .line(&start, &["read_only is true", "garbage collection"])?
        .one_problem(1)?;
    let writes = target.requests().into_iter().filter(|line| line.starts_with("POST ")).count();
    anyhow::ensure!(writes == 0, "no upload is tried at a registry that takes none");
    target.make_writable();
    bench.check(&entries, &[rule])?.0.expect_code(0)?;
    crate::check_bench::assert_nothing_left(target.registry())
}

#[tokio::test]
async fn a_project_that_the_target_has_not() -> Result<()> {
    let bench = keyed(instance(), &["pull"]).await?;
    let target = HarborBench::start().await?;
    target.add_proxy_project("cache");
    let (user, password) = HarborBench::ADMINISTRATOR;
    let entries = [bench.harbor_entry(), entry(&target.host(), user, password)];
    let (harbor, host) = (bench.harbor.host(), target.host());
    for (project, words) in
        [("mirror", "Harbor has no project `mirror`"), ("cache", "`cache` is a cache of another registry")]
    {
        let rule = format!(r#""{harbor}/library/app": "{host}/{project}/app""#);
        let start = format!("problem  {host}/{project}/app: namespace:");
        bench.check(&entries, &[rule])?.line(&start, &[words])?.one_problem(1)?;
    }
    Ok(())
}

#[tokio::test]
async fn attestations_are_told_before_a_personal_edition_refuses_them() -> Result<()> {
    let bench = CheckBench::with(instance(), "registry.aliyuncs.com:cn-beijing:26842", &["pull"]).await?;
    let pusher = bench.harbor.pusher();
    let image = Image::new(Flavour::Oci).layer(layer(2, 1000));
    let amd64 = pusher.image("library/app", None, &image).await?;
    let attestation = Image::new(Flavour::Oci).layer(layer(3, 1000)).platform("unknown/unknown");
    let attestation = pusher.image("library/app", None, &attestation).await?;
    pusher.index("library/app", "v2", &[amd64, attestation]).await?;
    bench.harbor.registry().forget_requests();
    let checked = bench.check(&[bench.harbor_entry(), bench.fixed_entry(FIXED.1)], &[bench.rule()])?;
    let start =
        format!("warning  {}/library/app: content: `v2`: an index with attestations", bench.harbor.host());
    checked.line(&start, &["MANIFEST_INVALID", "--arch amd64,arm64"])?.0.expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn a_bad_config_ends_with_its_own_status() -> Result<()> {
    let bench = keyed(instance(), &["pull"]).await?;
    bench.workplace.write("c.json", r#"{"auth": {}, "images": {"a": 5}}"#)?;
    let ran = bench.workplace.run("check --config c.json")?.expect_code(2)?;
    anyhow::ensure!(ran.stdout.is_empty() && ran.stderr.contains("c.json"), "{}", ran.all());
    Ok(())
}
