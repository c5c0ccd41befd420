//! `image-syncer acr setup`: what it prints, what it does, and what it never does.

use anyhow::{Context as _, Result, ensure};
use testkit::AcrInstance;

use crate::acr_world::{Acr, INSTANCE, KEY, workplace};
use crate::process::{Ran, Workplace};

struct Setup {
    acr: Acr,
    workplace: Workplace,
}

impl Setup {
    async fn start() -> Result<Self> {
        let (acr, workplace) = (Acr::start().await?, workplace()?);
        workplace.write("c.json", &format!(r#"{{"auth": {{{}}}}}"#, acr.entry("")))?;
        Ok(Self { acr, workplace })
    }

    fn run(&self, flags: &str) -> Result<Ran> {
        let host = self.acr.host();
        self.workplace.run(&format!("acr setup {host} --config c.json --namespace mirror {flags}"))
    }

    fn instance(&self) -> Result<AcrInstance> {
        self.acr.api.instance(INSTANCE).context("the instance is there")
    }

    fn writes(&self) -> usize {
        let reads = ["Get", "List"];
        let calls = self.acr.api.requests();
        calls.iter().filter(|call| !reads.iter().any(|read| call.action.starts_with(read))).count()
    }
}

#[tokio::test]
async fn a_plan_changes_nothing_and_apply_does_it_once() -> Result<()> {
    let setup = Setup::start().await?;
    let ran = setup.run("--allow 203.0.113.7")?.expect_code(0)?;
    for line in [
        "instance   `cri-test` (my) is running",
        "namespace  `mirror` is missing: to be created",
        "whitelist  203.0.113.7/32 is missing: to be added",
        "nothing was changed: run the same with --apply",
    ] {
        ensure!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    ensure!(setup.writes() == 0, "{:?}", setup.acr.api.requests());
    let ran = setup.run("--allow 203.0.113.7 --apply")?.expect_code(0)?.hides(&[KEY.1])?;
    ensure!(ran.stdout.contains("`mirror` was created") && ran.stdout.contains("203.0.113.7/32 was added"));
    let instance = setup.instance()?;
    let namespace = &instance.namespaces["mirror"];
    ensure!(
        namespace["AutoCreateRepo"] == "true" && namespace["DefaultRepoType"] == "PRIVATE",
        "{namespace:?}"
    );
    let entries: Vec<_> = instance.acl.iter().map(|(entry, _)| entry.as_str()).collect();
    ensure!(entries == ["127.0.0.1/32", "203.0.113.7/32"], "one more, none less: {entries:?}");
    ensure!(setup.writes() == 2, "{:?}", setup.acr.api.requests());
    let ran = setup.run("--allow 203.0.113.7 --apply")?.expect_code(0)?;
    ensure!(ran.stdout.ends_with("nothing is to do\n"), "{}", ran.stdout);
    ensure!(setup.writes() == 2, "the second run only looks");
    Ok(())
}

#[tokio::test]
async fn the_world_is_never_let_in() -> Result<()> {
    let setup = Setup::start().await?;
    for range in ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/7"] {
        let ran = setup.run(&format!("--apply --allow {range}"))?.expect_code(2)?;
        ran.says(&["open the registry to the world", "203.0.113.7/32"])?;
    }
    setup.run("--apply --allow 203.0.113.7/24")?.expect_code(2)?.says(&["write 203.0.113.0/24"])?;
    setup.run("--apply --allow everybody")?.expect_code(2)?.says(&["write an address or a range"])?;
    ensure!(setup.acr.calls() == 0, "nobody was asked");
    setup.run("--allow 192.168.1.1")?.expect_code(0)?.says(&["private addresses"])?;
    Ok(())
}

#[tokio::test]
async fn refusals_say_code_request_and_what_to_do() -> Result<()> {
    let setup = Setup::start().await?;
    setup.acr.api.deny("CreateNamespace");
    let said = ["CreateNamespace", "403 NoPermission", "RequestId REQUEST-", "acr policy", "--with-setup"];
    setup.run("--apply --allow 203.0.113.7")?.expect_code(4)?.says(&said)?;
    ensure!(setup.instance()?.acl.len() == 1, "nothing after the failure");
    let elsewhere =
        format!("acr setup {} --config c.json --namespace mirror --instance cri-other", setup.acr.host());
    let ran = setup.workplace.run(&elsewhere)?.expect_code(1)?;
    ensure!(ran.stdout.contains("`cri-other` is not in this account and region"), "{}", ran.stdout);
    Ok(())
}

#[tokio::test]
async fn what_only_a_person_may_do_is_told() -> Result<()> {
    let setup = Setup::start().await?;
    setup.acr.api.add_instance(AcrInstance::new("cri-two", "two").namespace("mirror", "false"));
    let ran = setup.run("--apply --instance cri-two")?.expect_code(1)?;
    ensure!(
        ran.stdout.contains("\"create\": true") && ran.stdout.contains("only you can do"),
        "{}",
        ran.stdout
    );
    ensure!(setup.writes() == 0, "a namespace that is there is left as it is");
    Ok(())
}
