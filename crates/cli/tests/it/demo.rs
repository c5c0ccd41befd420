//! `image-syncer demo` runs the whole job and leaves nothing behind.

use anyhow::{Result, ensure};

use crate::process::Workplace;

#[test]
fn the_demo_copies_verifies_and_copies_nothing_again() -> Result<()> {
    let workplace = Workplace::new()?;
    let ran = workplace.run("demo")?.expect_code(0)?;
    let ran = ran.hides(&["demo-harbor-password", "demo-acr-password"])?;
    for text in ["6 tags, 8 manifests", "byte for byte the same", "no blob and no manifest was sent or read"]
    {
        ensure!(ran.stdout.contains(text), "{}", ran.stdout);
    }
    ensure!(std::fs::read_dir(workplace.path())?.next().is_none(), "something was left behind");
    Ok(())
}
