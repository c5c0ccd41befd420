//! Patterns whose sources break off in the middle of a list: nothing is taken to be gone, or whole.

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
