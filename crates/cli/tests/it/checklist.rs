//! The commands of docs/migration-checklist.md in order, on real registries.

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::world::{ACR, SECRETS, World, assert_same};

fn commands(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.strip_prefix("$ image-syncer ")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checklist_leads_to_a_target_that_is_signed_off() -> Result<()> {
    let world = World::start().await?;
    let (from, to) = (world.source.host(), world.target.host());
    let rules = format!(r#"{{"{from}/library/nginx": "{to}/image-syncer/nginx"}}"#);
    world.workplace.write("harbor-to-acr.json", &world.config(&rules, crate::world::HARBOR.1))?;
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/migration-checklist.md");
    let commands = commands(&std::fs::read_to_string(page)?);
    ensure!(commands.len() == 8, "{commands:?}");
    for command in &commands {
        let command = command.replace("harbor.example.com:32080", &from);
        let ran = world.workplace.run(&command)?.expect_code(0)?.hides(&SECRETS)?;
        match command.split(' ').next() {
            Some("plan") if command.contains("--out") => {
                ensure!(ran.stdout.contains("plan: 6 new"), "{}", ran.stdout);
            }
            Some("plan") => ensure!(ran.stdout.contains("plan: 6 unchanged"), "{}", ran.stdout),
            Some("sync") => ensure!(ran.stdout.is_empty() && ran.stderr.is_empty(), "{}", ran.stderr),
            _ => {}
        }
    }
    let read = |name: &str| -> Result<Value> { Ok(serde_json::from_str(&world.workplace.read(name)?)?) };
    let (planned, applied, verified) = (read("plan.json")?, read("applied.json")?, read("verified.json")?);
    ensure!(planned["totals"]["bytes"] == applied["totals"]["bytesMoved"], "{planned:#}\n{applied:#}");
    ensure!(applied["totals"]["copied"] == planned["totals"]["create"], "{applied:#}");
    ensure!(verified["outcome"] == "whole" && verified["totals"]["whole"] == 6, "{verified:#}");
    let pushers = (world.source_pusher(), world.target_pusher());
    assert_same(&pushers.0, "library/nginx", &pushers.1, &to, "image-syncer/nginx", Some(ACR)).await
}
