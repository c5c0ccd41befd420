//! `image-syncer acr policy` and `image-syncer acr token`.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use testkit::Skopeo;
use testkit::seed::{Flavour, Image, layer};

use crate::acr_world::{Acr, INSTANCE, KEY, workplace};
use crate::process::Workplace;

#[test]
fn the_policy_is_all_that_stands_on_stdout() -> Result<()> {
    let workplace = Workplace::new()?;
    let ran = workplace.run(
        "acr policy --instance cri-abc --namespace mirror --region cn-shanghai --account 1234567890123456",
    )?;
    let ran = ran.expect_code(0)?;
    ensure!(ran.stderr.is_empty(), "{}", ran.stderr);
    let policy: Value = serde_json::from_str(&ran.stdout)?;
    let pushes = &policy["Statement"][0];
    ensure!(
        pushes["Resource"] == json!(["acs:cr:cn-shanghai:1234567890123456:repository/cri-abc/mirror/*"]),
        "{pushes}"
    );
    ensure!(!ran.stdout.contains("CreateNamespace"), "no more than is needed");
    let ran =
        workplace.run("acr policy --instance=cri-abc --namespace=mirror --with-setup")?.expect_code(0)?;
    ensure!(ran.stdout.contains("cr:CreateNamespace") && ran.stdout.contains("acs:cr:*:*:instance/cri-abc"));
    Ok(())
}

#[test]
fn wrong_words_for_the_policy_say_what_to_write() -> Result<()> {
    let workplace = Workplace::new()?;
    for (words, said) in [
        ("--namespace mirror", "--instance"),
        ("--instance my-registry --namespace mirror", "such as `cri-xkx6vujuhay0test`"),
        ("--instance cri-a --namespace Mirror", "lower-case"),
        ("--instance cri-a --namespace mirror --region Shanghai", "such as `cn-shanghai`"),
    ] {
        let ran = workplace.run(&format!("acr policy {words}"))?.expect_code(2)?.says(&[said])?;
        ensure!(ran.stdout.is_empty(), "{}", ran.stdout);
    }
    Ok(())
}

#[tokio::test]
async fn the_printed_login_opens_the_registry_for_other_tools() -> Result<()> {
    let acr = Acr::start().await?;
    let image = Image::new(Flavour::Oci).layer(layer(1, 100));
    acr.pusher().image("mirror/app", "v1", &image).await?;
    let workplace = workplace()?;
    workplace.write("c.json", &format!(r#"{{"auth": {{{}}}}}"#, acr.entry("")))?;
    let ran = workplace.run(&format!("acr token {} --config c.json", acr.host()))?.expect_code(0)?;
    let password = ran.stdout.trim_end().to_owned();
    ensure!(acr.api.secrets().contains(&password), "the password and nothing else");
    let ran = ran.says(&["access key: environment", "user cr_temp_user, valid until 20", "(60 min)"])?;
    ensure!(!ran.stderr.contains(&password) && !ran.all().contains(KEY.1), "a secret on stderr");
    let login = Some(("cr_temp_user", password.as_str()));
    ensure!(Skopeo::list_tags(&acr.host(), "mirror/app", login).await? == ["v1"], "skopeo logs in with it");
    let user = format!("acr token {} --user --instance {INSTANCE} --endpoint {}", acr.host(), acr.api.url());
    let ran = workplace.run(&user)?.expect_code(0)?;
    ensure!(ran.stdout == "cr_temp_user\n", "{}", ran.stdout);
    Ok(())
}

/// `interface.md`: `--insecure HOST` means the same for every verb that asks a registry.
#[tokio::test]
async fn a_registry_is_reached_as_the_flags_say() -> Result<()> {
    let acr = Acr::start().await?;
    let workplace = workplace()?;
    let command = format!("acr token {} --endpoint {}", acr.host(), acr.api.url());
    ensure!(workplace.run(&command)?.code != 0, "TLS is spoken where nothing else is said");
    let ran = workplace.run(&format!("{command} --insecure {}", acr.host()))?.expect_code(0)?;
    ensure!(acr.api.secrets().contains(&ran.stdout.trim_end().to_owned()), "{}", ran.stderr);
    Ok(())
}

#[tokio::test]
async fn a_login_that_cannot_be_had_says_why_and_what_to_do() -> Result<()> {
    let acr = Acr::start().await?;
    let command = format!("acr token {} --instance {INSTANCE} --endpoint {}", acr.host(), acr.api.url());
    let mut nobody = Workplace::new()?;
    nobody.variable("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
    nobody.run(&command)?.expect_code(4)?.says(&["no access key", "set ALIBABA_CLOUD_ACCESS_KEY_ID"])?;
    let mut wrong = Workplace::new()?;
    wrong.variable("ALIBABA_CLOUD_ACCESS_KEY_ID", KEY.0);
    wrong.variable("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "wrong-hunter3");
    let said = ["SignatureDoesNotMatch", "RequestId REQUEST-", "next: check the access key's secret"];
    let ran = wrong.run(&command)?.expect_code(4)?.says(&said)?.hides(&["wrong-hunter3"])?;
    ensure!(ran.stdout.is_empty(), "nothing for the pipe: {}", ran.stdout);
    acr.api.deny("GetAuthorizationToken");
    workplace()?.run(&command)?.expect_code(4)?.says(&["NoPermission", "RequestId", "acr policy"])?;
    let no_entry = workplace()?;
    no_entry.write("c.json", r#"{"auth": {"r.io": {}}}"#)?;
    let command = format!("acr token {} --config c.json", acr.host());
    no_entry.run(&command)?.expect_code(2)?.says(&["has no entry for"])?;
    Ok(())
}
