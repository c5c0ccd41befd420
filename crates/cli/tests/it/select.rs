//! Which tags a run selects: `tags` of rules, and the flags that narrow them.

use anyhow::{Result, ensure};
use testkit::seed::{Flavour, Image, Pusher, layer};
use testkit::{DockerRegistry, HarborBench};

use crate::process::Workplace;

async fn push(pusher: &Pusher, repository: &str, tags: &[&str]) -> Result<()> {
    for (number, tag) in (1..).zip(tags) {
        pusher.image(repository, *tag, &Image::new(Flavour::Oci).layer(layer(number, 100))).await?;
    }
    Ok(())
}

async fn tags(host: &str, repository: &str) -> Result<String> {
    let mut tags = Pusher::new(host).tags(repository).await?;
    tags.sort();
    Ok(tags.join(" "))
}

struct Bench {
    source: DockerRegistry,
    target: DockerRegistry,
    workplace: Workplace,
}

impl Bench {
    async fn start() -> Result<Self> {
        let (source, target) = (DockerRegistry::open().await?, DockerRegistry::open().await?);
        Ok(Self { source, target, workplace: Workplace::new()? })
    }

    /// Writes `image-syncer.yaml` with this text below `auth`.
    fn config(&self, rest: &str) -> Result<()> {
        let (from, to) = (self.source.host(), self.target.host());
        let rest = rest.replace("FROM", &from).replace("TO", &to);
        let config = format!("auth:\n  {from}: {{plainHttp: true}}\n  {to}: {{plainHttp: true}}\n{rest}\n");
        self.workplace.write("image-syncer.yaml", &config)?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_of_a_rule_are_chosen_and_flags_narrow_them() -> Result<()> {
    let bench = Bench::start().await?;
    let all = ["1.0", "1.1", "1.2", "1.3", "1.3-rc1", "1.3-alpine", "latest", "stable"];
    push(&Pusher::new(bench.source.host()), "a/app", &all).await?;
    push(&Pusher::new(bench.source.host()), "a/web", &["1.0"]).await?;
    let workplace = &bench.workplace;
    let rule = |tags: &str, to: &str| format!("sync:\n- {{from: FROM/a/app, to: TO/{to}, tags: {{{tags}}}}}");
    bench.config(&rule("semver: '>=1', variants: [''], latest: 3, pins: [stable]", "one"))?;
    let expanded = workplace.run("expand")?.expect_code(0)?;
    ensure!(
        expanded.stdout.contains("tags with semver >=1; variants none; latest 3; pins stable"),
        "{}",
        expanded.stdout
    );
    let ran = workplace.run("sync -v --latest 2 --exclude 1.3")?.expect_code(0)?;
    ran.says(&[
        "3 of 8 tags: 4 not of the wanted versions, 1 excluded, 1 older than the newest; plus 1 by `pins`",
    ])?;
    ensure!(tags(&bench.target.host(), "one").await? == "1.1 1.2 stable");
    workplace.run("sync --exclude stable")?.expect_code(0)?;
    ensure!(tags(&bench.target.host(), "one").await? == "1.1 1.2 1.3 stable");

    bench.config("images:\n  FROM/a/app: TO/two\n  FROM/a/web:1.0: TO/web\n  FROM/a/**: TO/many")?;
    let flags = "--semver >=1.1,<2 --include 1.* --exclude /alpine|rc/ --exclude-repository a/web";
    workplace.run(&format!("--config image-syncer.yaml {flags}"))?.expect_code(0)?;
    for repository in ["two", "many/app"] {
        ensure!(tags(&bench.target.host(), repository).await? == "1.1 1.2 1.3", "{repository}");
    }
    ensure!(Pusher::new(bench.target.host()).tags("web").await?.is_empty());
    ensure!(Pusher::new(bench.target.host()).tags("many/web").await?.is_empty());

    let copy = format!("copy {}/a/app {}/three", bench.source.host(), bench.target.host());
    let ran = workplace.run(&format!("{copy} --include la*"))?.expect_code(0)?;
    ensure!(
        ran.stdout.starts_with(&format!("{}/three:latest@sha256:", bench.target.host())),
        "{}",
        ran.stdout
    );
    let copy = format!("copy {}/a/app:/^1/ {}/four", bench.source.host(), bench.target.host());
    workplace.run(&format!("{copy} --latest 1"))?.expect_code(0)?;
    ensure!(tags(&bench.target.host(), "four").await? == "1.3 1.3-alpine");
    let copy =
        format!("copy {}/a/app:1.0,1.1,latest {}/five:x,y,z", bench.source.host(), bench.target.host());
    workplace.run(&format!("{copy} --exclude 1.0"))?.expect_code(0)?;
    ensure!(tags(&bench.target.host(), "five").await? == "y z", "names stay with their images");
    workplace.run(&format!("{copy} --include v*"))?.expect_code(1)?;
    let copy =
        format!("copy {}/a/app {}/six --include-repository b/*", bench.source.host(), bench.target.host());
    workplace.run(&copy)?.expect_code(1)?.says(&["leave out the repositories of all rules"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_selection_cannot_have_fails_by_name_and_is_tried_again_with_it() -> Result<()> {
    let bench = Bench::start().await?;
    push(&Pusher::new(bench.source.host()), "a/app", &["v1", "w1", "w2"]).await?;
    let workplace = &bench.workplace;
    let rule = |tags: &str| format!("sync:\n- {{from: FROM/a/app, to: TO/app, tags: {{{tags}}}}}");
    bench.config(&rule("include: ['x*']"))?;
    let ran = workplace.run("sync")?.expect_code(0)?;
    ran.says(&["nothing is selected by the rule (0 of 3 tags: 3 not in `include`)"])?;
    bench.config(&rule("include: ['v*'], pins: [gone]"))?;
    workplace.run("sync")?.expect_code(1)?.says(&["a/app:gone"])?;
    ensure!(tags(&bench.target.host(), "app").await? == "v1");
    let digest = format!("sha256:{}", "0".repeat(64));
    bench.config(&rule(&format!("include: ['v*'], pins: ['{digest}']")))?;
    workplace
        .run("sync")?
        .expect_code(1)?
        .says(&["404 Not Found", "check the digest that the rule, the plan"])?;
    bench.config(&rule("maxAge: 7d"))?;
    workplace
        .run("sync")?
        .expect_code(3)?
        .says(&["the registry tells none", "Alibaba's Enterprise Edition"])?;
    bench.config(&rule("minAge: 7d"))?;
    let ran = workplace.run("sync --no-state")?.expect_code(0)?;
    ran.says(&["3 of its tags are held back", "without a state", "3 too young or of unknown age"])?;
    bench.config(&rule("include: ['w*'], atLeast: 3"))?;
    let ran = workplace.run("sync --output-failed-images failed.yaml")?.expect_code(3)?;
    ran.says(&["2 of 3 listed tags are selected, and `atLeast` asks for 3"])?;
    push(&Pusher::new(bench.source.host()), "a/app", &["w3"]).await?;
    workplace.run("sync --retry-failed failed.yaml")?.expect_code(0)?;
    ensure!(tags(&bench.target.host(), "app").await? == "v1 w1 w2 w3", "what fits `include`, and no more");
    push(&Pusher::new(bench.source.host()), "a/app", &["x1"]).await?;
    workplace.run("sync --retry-failed failed.yaml")?.expect_code(0)?;
    ensure!(tags(&bench.target.host(), "app").await? == "v1 w1 w2 w3");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn harbors_dates_decide_which_tags_are_old_enough_and_which_are_newest() -> Result<()> {
    let (harbor, target) = (HarborBench::start().await?, DockerRegistry::open().await?);
    push(&harbor.pusher(), "library/app", &["old", "middle", "young"]).await?;
    for (tag, time) in [
        ("old", "2020-01-01T00:00:00.000Z"),
        ("middle", "2024-01-01T00:00:00.000Z"),
        // Clocks of registries may be ahead.
        ("young", "2999-01-01T00:00:00.000Z"),
    ] {
        harbor.set_push_time("library/app", tag, time);
    }
    let workplace = Workplace::new()?;
    let (user, password) = HarborBench::ADMINISTRATOR;
    let config = |tags: &str, to: &str| {
        let (from, at) = (harbor.host(), target.host());
        workplace.write(
            "image-syncer.yaml",
            &format!(
                "auth:\n  {from}: {{username: {user}, password: {password}, plainHttp: true}}\n  {at}: {{plainHttp: true}}\n\
                 sync:\n- {{from: {from}/library/**, to: {at}/{to}, tags: {{{tags}}}}}\n"
            ),
        )
    };
    config("minAge: 7d", "aged")?;
    harbor.forget_requests();
    workplace.run("sync -v --no-state")?.expect_code(0)?.says(&["2 of 3 tags: 1 too young"])?;
    ensure!(tags(&target.host(), "aged/app").await? == "middle old");
    let requests = harbor.requests();
    let count = |what: &str| requests.iter().filter(|line| line.contains(what)).count();
    ensure!((count("/artifacts?"), count("/tags/list")) == (1, 1), "{requests:?}");
    ensure!(count("/manifests/young") == 0, "{requests:?}");
    config("latest: {count: 1, by: pushed}", "newest")?;
    workplace.run("sync --no-state")?.expect_code(0)?;
    ensure!(tags(&target.host(), "newest/app").await? == "young");
    config("maxAge: 1d", "fresh")?;
    workplace.run("sync --no-state")?.expect_code(0)?;
    ensure!(tags(&target.host(), "fresh/app").await? == "young");
    Ok(())
}

#[test]
fn flags_that_cannot_be_read_are_refused_with_what_to_write() -> Result<()> {
    let workplace = Workplace::new()?;
    for (flag, says) in [
        ("--include /a(/", "`/a(/` is no regular"),
        ("--exclude [a", "`[a`"),
        ("--semver nonsense", "nonsense"),
        ("--latest 0", "`latest: 0` selects nothing: write how many tags to keep"),
        ("--latest many", "write how many tags to keep, like 5"),
        ("--include-repository Library/*", "`Library/*`"),
        ("--exclude-repository /(/", "`/(/` is no regular"),
    ] {
        for verb in ["sync --config c.yaml", "copy r.invalid/a t.invalid/a", "--config c.yaml"] {
            workplace.run(&format!("{verb} {flag}"))?.expect_code(2)?.says(&[says])?;
        }
    }
    Ok(())
}
