//! The report of many failed images, and whether its advice helps.

use anyhow::{Result, ensure};
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, Match, Times};

use crate::process::Workplace;

struct Pair {
    source: EmbeddedRegistry,
    target: EmbeddedRegistry,
    workplace: Workplace,
}

impl Pair {
    async fn start(images: usize) -> Result<Self> {
        let source = EmbeddedRegistry::builder().start().await?;
        let target = EmbeddedRegistry::builder().start().await?;
        for number in 0..images {
            let (repository, layer) = (format!("team/app{number}"), sample::layer(number as u64, 100));
            sample::image(source.store(), &repository, Some("v1"), Flavour::Oci, &[layer], "amd64");
        }
        let workplace = Workplace::new()?;
        let (here, there) = (source.host(), target.host());
        workplace.write(
            "c.json",
            &format!(
                r#"{{"auth": {{"{here}": {{"insecure": true}}, "{there}": {{"insecure": true}}}},
                    "images": {{"{here}/**": "{there}/mirror/{{path}}"}}}}"#
            ),
        )?;
        Ok(Self { source, target, workplace })
    }
}

fn always(when: Match, effect: Effect) -> Fault {
    Fault { when, times: Times::Always, effect }
}

#[tokio::test(flavor = "multi_thread")]
async fn c7_many_refusals_for_one_reason_are_told_once_and_the_table_comes_last() -> Result<()> {
    let pair = Pair::start(40).await?;
    for number in 0..40 {
        let message = format!("requested access to team/app{number} is denied");
        pair.target.misbehave(always(
            Match::put(&format!("/app{number}/manifests/")),
            Effect::refuse(403, "DENIED", &message),
        ));
    }
    let ran = pair.workplace.run("--config c.json --no-state")?.expect_code(4)?;
    let ran = ran.says(&["failed          40 images", "also:  39 more images for the same reason"])?;
    let told = ran.stderr.lines().filter(|line| line.starts_with("  why:")).count();
    ensure!(told == 1, "{told} reasons:\n{}", ran.stderr);
    let also = ran.stderr.lines().find(|line| line.starts_with("  also:")).unwrap_or_default();
    ensure!(also.matches(" -> ").count() == 2 && also.contains("and 37 more: --report lists all"), "{also}");
    let after = ran.stderr.split("  also:").nth(1).unwrap_or_default();
    ensure!(after.contains("copied") && after.contains("moved"), "the table is not last:\n{}", ran.stderr);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_in_place_of_an_answer_is_told_as_one() -> Result<()> {
    let pair = Pair::start(1).await?;
    let page = || Effect::Status {
        code: 200,
        body: "<!DOCTYPE html><title>Sign in</title>".to_owned(),
        headers: vec![("content-type", "text/html".to_owned())],
    };
    for path in ["/manifests/v1", "/tags/list", "/_catalog"] {
        pair.source.behave();
        pair.source.misbehave(always(Match::get(path), page()));
        pair.source.misbehave(always(Match::head(path), page()));
        let ran = pair.workplace.run("--config c.json --no-state --retries 0")?;
        ran.says(&[
            "the answer is a web page",
            "answers with a web page, as proxies, firewalls and web sites do",
        ])?;
    }
    Ok(())
}
