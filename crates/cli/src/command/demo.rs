//! `image-syncer demo`: the seed scenario with two registries inside this process, run by the regular code.

mod registries;
mod verify;

use std::path::Path;

use clap::Parser as _;
use serde_json::json;
use tempfile::TempDir;

use self::registries::Registries;
use crate::args::{DemoArgs, OldArgs};
use crate::exit_code;
use crate::output::{print_verbatim, say};

/// Shows a migration; returns the exit status.
pub(crate) async fn run(_: &DemoArgs) -> u8 {
    match Box::pin(show()).await {
        Ok(()) => exit_code::DONE,
        Err(problem) => {
            say(&format!("error: the demo does not work here: {problem}"));
            exit_code::ALL_FAILED
        }
    }
}

async fn show() -> Result<(), String> {
    let registries =
        Registries::start().await.map_err(|error| format!("no port of 127.0.0.1 can be used: {error}"))?;
    let folder = TempDir::with_prefix("image-syncer-demo-")
        .map_err(|error| format!("no folder for its config: {error}"))?;
    let args = write_config(folder.path(), &registries)
        .map_err(|error| format!("its config cannot be written: {error}"))?;
    introduce(&registries, &args);

    print_verbatim("\n1. The first run copies everything:\n");
    copy(&args).await?;
    let arrived = verify::arrived(&registries)?;
    print_verbatim(&format!(
        "\n2. The target was compared with the source: {} tags, {} manifests and {} blobs, byte for byte the same.",
        arrived.tags, arrived.manifests, arrived.blobs,
    ));
    let first = registries.target.requests();

    print_verbatim("\n3. The second run finds nothing to do:\n");
    registries.source.clear_requests();
    registries.target.clear_requests();
    copy(&args).await?;
    let second = verify::nothing_sent(&registries)?;
    print_verbatim(&format!(
        "\nThe first run asked the target {} times, the second {second} times: no blob and no manifest was sent or read.",
        first.len(),
    ));
    print_verbatim(
        "Both registries and the config are gone now. Your own config looks just like the one above.",
    );
    Ok(())
}

/// Writes the seed's own flags and config, with the hosts of this demo.
fn write_config(folder: &Path, registries: &Registries) -> std::io::Result<OldArgs> {
    let (source, target) = (registries.source.host(), registries.target.host());
    let config = json!({
        "auth": {
            source.as_str(): {"username": registries::SOURCE_USER, "password": registries::SOURCE_PASSWORD, "insecure": true},
            target.as_str(): {"username": registries::TARGET_USER, "password": registries::TARGET_PASSWORD, "insecure": true},
        },
        "images": {format!("{source}/{}", registries::REPOSITORY): "", format!("{source}/library/redis"): ""},
    });
    let path = folder.join("harbor-to-acr.json");
    std::fs::write(&path, format!("{config:#}\n"))?;
    let command = format!(
        "image-syncer --proc=10 --config={} --registry={target} --namespace={} --retries=10 --log={}",
        path.display(),
        registries::NAMESPACE,
        folder.join("log").display(),
    );
    let command = format!("{command} --no-state");
    Ok(OldArgs::parse_from(command.split(' ')))
}

fn introduce(registries: &Registries, args: &OldArgs) {
    let (source, target) = (registries.source.host(), registries.target.host());
    print_verbatim(&format!(
        "A Harbor-like registry with token login listens on {source}, an ACR-like one on {target}."
    ));
    print_verbatim("The config:\n");
    let config = args
        .job
        .config
        .config
        .as_ref()
        .and_then(|path| std::fs::read_to_string(path).ok())
        .unwrap_or_default();
    for line in config.lines() {
        print_verbatim(&format!(
            "    {}",
            line.replace(registries::SOURCE_PASSWORD, "...").replace(registries::TARGET_PASSWORD, "...")
        ));
    }
    print_verbatim("\nThe command:\n");
    print_verbatim(&format!(
        "    image-syncer --proc=10 --config=./harbor-to-acr.json --registry={target} --namespace={} --retries=10 --log=./log",
        registries::NAMESPACE,
    ));
}

async fn copy(args: &OldArgs) -> Result<(), String> {
    match super::sync::run_old(args).await {
        exit_code::DONE => Ok(()),
        code => Err(format!("the run above ended with status {code}")),
    }
}
