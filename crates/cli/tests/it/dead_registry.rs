//! An unreachable registry: reported once, without effect on others.

use anyhow::{Result, ensure};
use testkit::DockerRegistry;
use testkit::seed::{Flavour, Image, Pusher, layer};

use crate::process::Workplace;

const IMAGES: usize = 40;

#[tokio::test]
async fn a_dead_target_is_told_once_and_the_other_gets_everything() -> Result<()> {
    let (source, good) = (DockerRegistry::open().await?, DockerRegistry::open().await?);
    let mut dead = DockerRegistry::open().await?;
    dead.stop();
    let image = Image::new(Flavour::Oci).layer(layer(1, 1000));
    for number in 0..IMAGES {
        Pusher::new(source.host()).image("a/app", format!("v{number}").as_str(), &image).await?;
    }
    let (here, there, nowhere) = (source.host(), good.host(), dead.host());
    let auth = [&here, &there, &nowhere].map(|host| format!(r#""{host}": {{"insecure": true}}"#)).join(",");
    let images = format!(r#"{{"{here}/a/app": ["{nowhere}/x/app", "{there}/x/app"]}}"#);
    let workplace = Workplace::new()?;
    workplace.write("c.json", &format!(r#"{{"auth": {{{auth}}}, "images": {images}}}"#))?;

    let ran = workplace.run("--config c.json --proc 1 --retries 1")?.expect_code(1)?;
    let ran = ran.says(&[
        "the registry does not answer: it could not be reached 5 times in a row; last: ",
        "Connection refused",
        "more images for the same reason",
        "listens on that port",
    ])?;
    ensure!(
        ran.stderr.matches("  why:   ").count() == 1,
        "what was tried, and what was not, failed for one reason:\n{}",
        ran.stderr
    );
    ensure!(Pusher::new(there).tags("x/app").await?.len() == IMAGES);
    Ok(())
}
