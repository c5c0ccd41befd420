//! Patterns whose sources break off in the middle of a list: nothing counts as gone, or as complete.

use anyhow::{Result, ensure};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, Match, Times};
use testkit::seed::{Flavour, Image, Pusher, layer};

use crate::process::Workplace;

#[tokio::test(flavor = "multi_thread")]
async fn a_later_page_that_is_not_there_fails_the_repository_of_a_pattern() -> Result<()> {
    let source = EmbeddedRegistry::builder().tag_page_size(2).start().await?;
    let target = EmbeddedRegistry::builder().start().await?;
    let (here, there) = (source.host(), target.host());
    for (number, tag) in (0..).zip(["a", "b", "c", "d"]) {
        let image = Image::new(Flavour::Oci).layer(layer(number, 100));
        for (host, repository) in [(&here, "p/app"), (&there, "m/app")] {
            Pusher::new(host.clone()).image(repository, tag, &image).await?;
        }
    }
    let workplace = Workplace::new()?;
    let config = format!(
        "auth:\n  {here}: {{insecure: true}}\n  {there}: {{insecure: true}}\nsync:\n\
         - {{from: {here}/p/**, to: \"{there}/m/{{name}}\", prune: {{grace: 0s, maxDelete: 100%}}}}\n"
    );
    workplace.write("c.yaml", &config)?;
    workplace.run("verify --config c.yaml")?.expect_code(0)?;
    let effect = Effect::Status { code: 404, body: String::new(), headers: Vec::new() };
    let when = Match::get("/tags/list?last=");
    source.misbehave(Fault { when, times: Times::Always, effect });
    for verb in ["sync", "verify", "prune", "prune --apply", "plan"] {
        let ran = workplace.run(&format!("{verb} --config c.yaml"))?;
        ensure!(ran.code != 0, "{verb}: {}", ran.all());
        ensure!(ran.stderr.contains("next page that is not there: 404"), "{verb}: {}", ran.all());
        ensure!(!ran.all().contains("no tags of it"), "{verb}: {}", ran.all());
    }
    ensure!(target.store().tags("m/app").len() == 4);
    Ok(())
}

/// The source has `v1`; the target has `old-0` to `old-9`, too.
async fn with_ten_old() -> Result<(EmbeddedRegistry, EmbeddedRegistry, Workplace)> {
    let (source, target) =
        (EmbeddedRegistry::builder().start().await?, EmbeddedRegistry::builder().start().await?);
    let (here, there) = (source.host(), target.host());
    for number in 0..11 {
        let image = Image::new(Flavour::Oci).layer(layer(number, 100));
        if number == 10 {
            Pusher::new(here.clone()).image("a/app", "v1", &image).await?;
        }
        let tag = if number == 10 { "v1".to_owned() } else { format!("old-{number}") };
        Pusher::new(there.clone()).image("b/app", tag.as_str(), &image).await?;
    }
    let workplace = Workplace::new()?;
    let config = format!(
        "auth:\n  {here}: {{insecure: true}}\n  {there}: {{insecure: true}}\nsync:\n\
         - {{from: {here}/a/app, to: {there}/b/app, prune: {{grace: 0s, maxDelete: 100%}}}}\n"
    );
    workplace.write("c.yaml", &config)?;
    Ok((source, target, workplace))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_for_one_reason_is_told_once_and_kept_in_the_undo_list() -> Result<()> {
    let (_source, target, workplace) = with_ten_old().await?;
    let effect = Effect::Status { code: 403, body: "no".to_owned(), headers: Vec::new() };
    let when = Match::new(http::Method::DELETE, "");
    target.misbehave(Fault { when, times: Times::First(9), effect });
    let command = "prune --config c.yaml --apply --undo-list undo.txt -r 0";
    let ran = workplace.run(command)?.expect_code(1)?;
    let kept = ran.stdout.lines().filter(|line| line.starts_with("kept ")).count();
    ensure!(kept == 9, "{}", ran.all());
    let errors: Vec<_> = ran.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    ensure!(errors.len() == 1 && errors[0].contains("and 8 more tags for the same reason"), "{}", ran.all());
    let first = workplace.read("undo.txt")?;
    ensure!(first.lines().count() == 10, "{first}");
    workplace.run(command)?.expect_code(0)?;
    let second = workplace.read("undo.txt")?;
    ensure!(second.starts_with(&first) && second.lines().count() == 19, "{second}");
    workplace.run(command)?.expect_code(0)?;
    ensure!(workplace.read("undo.txt")? == second, "a run that deletes nothing leaves it alone");
    ensure!(target.store().tags("b/app") == ["v1"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_refuses_is_named_with_what_helps() -> Result<()> {
    let (source, target, workplace) = with_ten_old().await?;
    let effect = Effect::Status { code: 401, body: String::new(), headers: Vec::new() };
    target.misbehave(Fault { when: Match::get("/tags/list"), times: Times::Always, effect });
    let ran = workplace.run("prune --config c.yaml -r 0")?.expect_code(4)?;
    let line = ran.stderr.lines().find(|line| line.starts_with("error: nothing is deleted: "));
    ensure!(
        line.is_some_and(|line| line.contains(&target.host()) && !line.contains(&source.host())),
        "{}",
        ran.all()
    );
    ensure!(ran.stderr.contains("\n  help: "), "{}", ran.all());
    // An unreachable registry.
    let config = workplace.read("c.yaml")?.replace(&target.host(), "127.0.0.1:1");
    workplace.write("d.yaml", &config)?;
    let ran = workplace.run("prune --config d.yaml -r 0")?.expect_code(1)?;
    ensure!(ran.stderr.contains("\n  help: ") && ran.stderr.contains("127.0.0.1:1"), "{}", ran.all());
    // The failed manifest request of one tag keeps its whole repository, and the document has the reason, too.
    let (_source, target, workplace) = with_ten_old().await?;
    let effect = Effect::Status { code: 412, body: String::new(), headers: Vec::new() };
    target.misbehave(Fault { when: Match::get("/manifests/v1"), times: Times::Always, effect });
    let ran = workplace.run("prune --config c.yaml --apply --json -r 0")?.expect_code(1)?;
    let document: serde_json::Value = serde_json::from_str(&ran.stdout)?;
    ensure!(document["refused"].is_null() && document["deleted"] == serde_json::json!([]), "{document}");
    let unread = &document["unread"][0];
    ensure!(unread["repository"].as_str().is_some_and(|name| name.ends_with("/b/app")), "{document}");
    ensure!(unread["reason"].as_str().is_some_and(|why| why.contains("412")), "{document}");
    ensure!(ran.stderr.contains("nothing is deleted in "), "{}", ran.all());
    Ok(())
}
