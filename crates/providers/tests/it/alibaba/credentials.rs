//! Every source of access keys, each proved by a call that the API accepts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use providers::alibaba::{
    AccessKeySource as _, CredentialChain, CredentialOrigin, Endpoints, ErrorKind, OpenApi,
};
use testkit::{AcrApi, MetadataVersion};

use super::{SECRET, endpoint, endpoints, http, lookup, server};

const ROLE: &str = "acs:ram::1234:role/sync";

fn chain(server: &AcrApi, variables: &[(&str, &str)]) -> Arc<CredentialChain> {
    Arc::new(CredentialChain::new(http(), lookup(variables), endpoints(server)))
}

/// Makes a signed call with the chain's key; returns the origin and the id that signed.
async fn used(server: &AcrApi, variables: &[(&str, &str)]) -> (CredentialOrigin, String) {
    let chain = chain(server, variables);
    let api = OpenApi::new(http(), endpoint(server), Arc::clone(&chain) as _);
    api.rpc("ListInstance", &[]).await.unwrap();
    let signer = server.requests().last().unwrap().access_key_id.clone();
    (chain.origin().await.unwrap(), signer)
}

/// Advances the clock, for caches.
async fn wait(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

/// A folder and a file in it.
fn file(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[tokio::test]
async fn environment_with_and_without_a_token() {
    let server = server().await;
    let mut variables =
        vec![("ALIBABA_CLOUD_ACCESS_KEY_ID", "testid"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", SECRET)];
    assert_eq!(used(&server, &variables).await, (CredentialOrigin::Environment, "testid".to_owned()));
    server.add_temporary_key("STS.given", "s", "tok/en+1==");
    variables = vec![
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "STS.given"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "s"),
        ("ALIBABA_CLOUD_SECURITY_TOKEN", "tok/en+1=="),
    ];
    assert_eq!(used(&server, &variables).await.1, "STS.given");
    assert_eq!(server.calls("/latest/api/token"), 0, "the metadata server is not asked");
}

#[tokio::test]
async fn oidc_tokens_are_read_each_time() {
    let server = server().await;
    server.add_role(ROLE);
    server.accept_oidc_token("first.oidc.token");
    let (_folder, path) = file("token", "first.oidc.token\n");
    let variables = [
        ("ALIBABA_CLOUD_ROLE_ARN", ROLE),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1234:oidc-provider/ack"),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", path.to_str().unwrap()),
    ];
    let (origin, signer) = used(&server, &variables).await;
    assert!(origin.to_string().contains(ROLE) && signer.starts_with("STS."), "{origin} {signer}");

    server.set_key_lifetime(Duration::from_secs(170));
    let chain = chain(&server, &variables);
    let first = chain.access_key().await.unwrap();
    server.accept_oidc_token("second.oidc.token");
    std::fs::write(&path, "second.oidc.token").unwrap();
    assert_eq!(chain.access_key().await.unwrap().id(), first.id(), "also a short life is used");
    wait(140).await;
    let second = chain.access_key().await.unwrap();
    assert_ne!(first.id(), second.id(), "with a fifth of its life left a key is renewed");
    assert_eq!(server.calls("AssumeRoleWithOIDC"), 3);

    std::fs::write(&path, "third.oidc.token").unwrap();
    wait(140).await;
    let third = chain.access_key().await.unwrap();
    assert_eq!(second.id(), third.id(), "a renewal that fails leaves the key its life");
    wait(40).await;
    let error = chain.access_key().await.unwrap_err().to_string();
    assert!(error.contains("OIDCToken.Invalid") && error.contains("REQUEST-"), "{error}");
    assert!(!error.contains("third.oidc.token"), "{error}");
}

#[tokio::test]
async fn a_key_with_enough_life_left_is_kept() {
    let server = server().await;
    server.set_key_lifetime(Duration::from_secs(240));
    let chain = chain(&server, &[("ALIBABA_CLOUD_CREDENTIALS_URI", &server.credentials_uri())]);
    let first = chain.access_key().await.unwrap();
    assert_eq!(first.id(), chain.access_key().await.unwrap().id());
    assert_eq!(chain.origin().await, Some(CredentialOrigin::CredentialsUri));
    assert_eq!(server.calls("/credentials"), 1);
    for secret in server.secrets() {
        assert!(!format!("{first:?}").contains(&secret));
    }
}

#[tokio::test]
async fn profiles_of_the_cli_in_every_mode() {
    let server = server().await;
    server.add_role(ROLE);
    server.add_role("acs:ram::1234:role/second");
    server.set_ecs_role("ecs-role", MetadataVersion::Two);
    server.accept_oidc_token("oidc");
    server.add_temporary_key("STS.given", "s", "t");
    let (_token_folder, token) = file("token", "oidc");
    let text = format!(
        r#"{{"current": "ak", "profiles": [
            {{"name": "ak", "mode": "AK", "access_key_id": "testid", "access_key_secret": "{SECRET}", "region_id": "cn-shanghai"}},
            {{"name": "sts", "mode": "StsToken", "access_key_id": "STS.given", "access_key_secret": "s", "sts_token": "t"}},
            {{"name": "role", "mode": "RamRoleArn", "access_key_id": "testid", "access_key_secret": "{SECRET}", "ram_role_arn": "{ROLE}", "ram_session_name": "n", "expired_seconds": 900}},
            {{"name": "chain", "mode": "ChainableRamRoleArn", "source_profile": "role", "ram_role_arn": "acs:ram::1234:role/second"}},
            {{"name": "ecs", "mode": "EcsRamRole", "ram_role_name": "ecs-role"}},
            {{"name": "oidc", "mode": "OIDC", "ram_role_arn": "{ROLE}", "oidc_provider_arn": "p", "oidc_token_file": "{}"}},
            {{"name": "circle", "mode": "ChainableRamRoleArn", "source_profile": "circle", "ram_role_arn": "{ROLE}"}},
            {{"name": "empty", "mode": "AK"}},
            {{"name": "browser", "mode": "CloudSSO"}}]}}"#,
        token.display()
    );
    let (_folder, path) = file("config.json", &text);
    let path = path.to_str().unwrap();
    for (profile, signer) in [
        ("", "testid"),
        ("sts", "STS.given"),
        ("role", "STS."),
        ("chain", "STS."),
        ("ecs", "STS."),
        ("oidc", "STS."),
    ] {
        let variables = [("ALIBABA_CLOUD_CONFIG_FILE", path), ("ALIBABA_CLOUD_PROFILE", profile)];
        let (origin, used) = used(&server, &variables).await;
        assert!(used.starts_with(signer), "{profile}: {used}");
        let name = if profile.is_empty() { "ak" } else { profile };
        assert!(origin.to_string().contains(&format!("`{name}`")), "{origin}");
    }
    let role = server.requests().into_iter().find(|request| request.action == "AssumeRole").unwrap();
    assert_eq!(role.parameter("RoleSessionName"), Some("n"));
    assert_eq!(role.parameter("DurationSeconds"), Some("900"));
    let fails = |profile: &'static str| {
        let chain = chain(
            &server,
            &[
                ("ALIBABA_CLOUD_CONFIG_FILE", path),
                ("ALIBABA_CLOUD_PROFILE", profile),
                ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true"),
            ],
        );
        async move { chain.access_key().await.unwrap_err().to_string() }
    };
    assert!(fails("circle").await.contains("circle"));
    assert!(fails("empty").await.contains("profile `empty` has no access key"));
    assert!(fails("browser").await.contains("CloudSSO, which is not supported"));
    assert!(fails("other").await.contains("no profile `other`"));
}

#[tokio::test]
async fn the_clis_file_is_found_at_home_unless_switched_off() {
    let server = server().await;
    let text = format!(
        r#"{{"current": "default", "profiles": [{{"name": "default", "mode": "AK", "access_key_id": "testid", "access_key_secret": "{SECRET}"}}]}}"#
    );
    let (folder, path) = file(".aliyun/config.json", &text);
    let home = folder.path().to_str().unwrap();
    let expected = CredentialOrigin::CliProfile { path, profile: "default".to_owned() };
    assert_eq!(used(&server, &[("HOME", home)]).await.0, expected);
    let off = [
        ("HOME", home),
        ("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "true"),
        ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true"),
    ];
    let error = chain(&server, &off).access_key().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoKey);
    assert!(!error.to_string().contains(SECRET));
}

#[tokio::test]
async fn sections_of_the_ini_file() {
    let server = server().await;
    server.add_role(ROLE);
    server.set_ecs_role("ecs-role", MetadataVersion::Two);
    let text = format!(
        "[default]\ntype = access_key\naccess_key_id = testid\naccess_key_secret = {SECRET}\n\n[role]\ntype = ram_role_arn\n\
         access_key_id = testid\naccess_key_secret = {SECRET}\nrole_arn = {ROLE}\nrole_session_name = n\n\n\
         [ecs]\ntype = ecs_ram_role\nrole_name = ecs-role\n\n[broken]\ntype = access_key\naccess_key_id = testid\n"
    );
    let (_folder, path) = file("credentials", &text);
    let path = path.to_str().unwrap();
    for (section, signer) in [("", "testid"), ("role", "STS."), ("ecs", "STS.")] {
        let variables = [("ALIBABA_CLOUD_CREDENTIALS_FILE", path), ("ALIBABA_CLOUD_PROFILE", section)];
        let (origin, used) = used(&server, &variables).await;
        assert!(used.starts_with(signer), "{section}: {used}");
        assert!(matches!(origin, CredentialOrigin::CredentialsFile { .. }));
    }
    let variables = [("ALIBABA_CLOUD_CREDENTIALS_FILE", path), ("ALIBABA_CLOUD_PROFILE", "broken")];
    let error = chain(&server, &variables).access_key().await.unwrap_err().to_string();
    assert!(
        error.contains("section `broken`") && error.contains("`access_key_secret` is missing"),
        "{error}"
    );
}

#[tokio::test]
async fn the_instances_role_with_and_without_sessions() {
    let server = server().await;
    server.set_ecs_role("ecs-role", MetadataVersion::Two);
    let (origin, signer) = used(&server, &[]).await;
    assert_eq!(origin, CredentialOrigin::EcsRole { role: "ecs-role".to_owned() });
    assert!(signer.starts_with("STS."));
    let named = used(&server, &[("ALIBABA_CLOUD_ECS_METADATA", "ecs-role")]).await.0;
    assert_eq!(named, origin);
    assert_eq!(
        server.calls("/latest/meta-data/ram/security-credentials/"),
        1,
        "a named role is not looked up"
    );

    server.set_ecs_role("ecs-role", MetadataVersion::One);
    assert_eq!(used(&server, &[]).await.0, origin);
    let only_two = [("ALIBABA_CLOUD_IMDSV1_DISABLED", "true")];
    let error = chain(&server, &only_two).access_key().await.unwrap_err().to_string();
    assert!(error.contains("ALIBABA_CLOUD_IMDSV1_DISABLED"), "{error}");
    let off = [("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")];
    let asked = server.requests().len();
    let error = chain(&server, &off).access_key().await.unwrap_err().to_string();
    assert!(error.contains("ALIBABA_CLOUD_ECS_METADATA_DISABLED"), "{error}");
    assert_eq!(server.requests().len(), asked);
}

#[tokio::test]
async fn without_any_source_each_says_what_it_lacks() {
    let server = server().await;
    // The server is no metadata server: it answers 404.
    let error = chain(&server, &[]).access_key().await.unwrap_err().to_string();
    for part in [
        "environment: ALIBABA_CLOUD_ACCESS_KEY_ID is not set",
        "OIDC role: not set: ALIBABA_CLOUD_ROLE_ARN, ",
        "aliyun CLI profile: there is no home folder",
        "credentials file: there is no home folder",
        "credentials URI: ALIBABA_CLOUD_CREDENTIALS_URI is not set",
        "ECS instance role: the instance has no role",
    ] {
        assert!(error.contains(part), "{part} is missing in {error}");
    }
}

#[tokio::test]
async fn no_metadata_server_is_no_error_of_its_own() {
    let nobody = {
        let server = server().await;
        endpoint(&server)
    };
    let asked = Endpoints { sts: None, metadata: Some(nobody) };
    let error = CredentialChain::new(http(), lookup(&[]), asked).access_key().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoKey);
    assert!(error.to_string().contains("no metadata server answers at 127.0.0.1:"), "{error}");
}

#[tokio::test]
async fn a_configured_source_that_fails_is_told_and_not_passed_over() {
    let server = server().await;
    server.set_ecs_role("ecs-role", MetadataVersion::Two);
    let variables = [
        ("ALIBABA_CLOUD_ROLE_ARN", ROLE),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "p"),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/nowhere/token"),
    ];
    let error = chain(&server, &variables).access_key().await.unwrap_err().to_string();
    assert!(error.contains("/nowhere/token"), "{error}");
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_role_for_a_key_renewed_and_refused() {
    let server = server().await;
    server.add_role(ROLE);
    server.set_key_lifetime(Duration::from_secs(100));
    let text = |arn| {
        format!(
            r#"{{"current": "role", "profiles": [{{"name": "role", "mode": "RamRoleArn", "access_key_id": "testid", "access_key_secret": "{SECRET}", "ram_role_arn": "{arn}"}}]}}"#
        )
    };
    let (_folder, known) = file("config.json", &text(ROLE));
    let (_other, unknown) = file("config.json", &text("acs:ram::1:role/other"));
    let role =
        |path: &std::path::Path| chain(&server, &[("ALIBABA_CLOUD_CONFIG_FILE", path.to_str().unwrap())]);
    let assumed = role(&known);
    let first = assumed.access_key().await.unwrap();
    assert_eq!(first.id(), assumed.access_key().await.unwrap().id());
    wait(81).await;
    assert_ne!(first.id(), assumed.access_key().await.unwrap().id());
    let signers: Vec<_> = server.requests().into_iter().map(|request| request.access_key_id).collect();
    assert_eq!(signers, ["testid", "testid"]);
    let error = role(&unknown).access_key().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::NotFound, Some("EntityNotExist.Role")));
    let refused = role(&unknown);
    let before = server.calls("AssumeRole");
    for _ in 0..3 {
        refused.access_key().await.unwrap_err();
    }
    assert_eq!(server.calls("AssumeRole") - before, 1, "who waits for somebody else's failure gets it");
}
