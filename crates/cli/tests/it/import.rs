//! `image-syncer import`: whole files of other tools with every key, the resulting configs, and the notes.

use std::io::Write as _;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};

use crate::process::{Ran, Workplace};

/// A file, its flags, the expected config, and the expected notes.
const WHOLE: [(&str, &str, &str, &str, &str); 6] = [
    (
        "regsync.yaml",
        "",
        include_str!("../data/import/regsync.yaml"),
        include_str!("../data/import/regsync.out.yaml"),
        include_str!("../data/import/regsync.notes"),
    ),
    (
        "skopeo.yaml",
        "--to r.example.com/mirror",
        include_str!("../data/import/skopeo.yaml"),
        include_str!("../data/import/skopeo.out.yaml"),
        include_str!("../data/import/skopeo.notes"),
    ),
    (
        "skopeo.yaml",
        "--to r.example.com/mirror --scoped --all",
        include_str!("../data/import/skopeo.yaml"),
        include_str!("../data/import/skopeo-scoped.out.yaml"),
        include_str!("../data/import/skopeo-scoped.notes"),
    ),
    (
        "dregsy.yaml",
        "",
        include_str!("../data/import/dregsy.yaml"),
        include_str!("../data/import/dregsy.out.yaml"),
        include_str!("../data/import/dregsy.notes"),
    ),
    (
        "ocync.yaml",
        "",
        include_str!("../data/import/ocync.yaml"),
        include_str!("../data/import/ocync.out.yaml"),
        include_str!("../data/import/ocync.notes"),
    ),
    (
        "harbor.json",
        "--harbor harbor.example.com",
        include_str!("../data/import/harbor.json"),
        include_str!("../data/import/harbor.out.yaml"),
        include_str!("../data/import/harbor.notes"),
    ),
];

#[test]
fn whole_files_of_each_tool() -> Result<()> {
    let workplace = Workplace::new()?;
    for (file, flags, text, printed, told) in WHOLE {
        workplace.write(file, text)?;
        let ran = workplace.run(&format!("import {file} {flags}"))?.expect_code(0)?;
        ensure!(ran.stdout == printed, "{file} {flags} prints\n{}", ran.stdout);
        ensure!(ran.stderr == told, "{file} {flags} tells\n{}", ran.stderr);
        ensure!(!ran.stderr.contains("-secret"), "a secret is told");
    }
    Ok(())
}

#[test]
fn the_tool_shows_or_is_named_and_stdin_is_read() -> Result<()> {
    let workplace = Workplace::new()?;
    let (file, _, text, printed, _) = WHOLE[0];
    workplace.write(file, text)?;
    let ran = workplace.run(&format!("import --from regsync {file}"))?.expect_code(0)?;
    ensure!(ran.stdout == printed, "{}", ran.all());
    let mut child = workplace
        .command("import - --from regsync")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("no stdin")?.write_all(text.as_bytes())?;
    let ran = Ran::of(child.wait_with_output()?)?.expect_code(0)?;
    ensure!(ran.stdout == printed, "{}", ran.all());
    ran.says(&["  standard input:6: `r.example.com`"])?;
    Ok(())
}

#[test]
fn what_cannot_be_read_says_what_it_looks_like_and_what_to_write() -> Result<()> {
    let workplace = Workplace::new()?;
    let skopeo = "quay.io:\n  credentials: {username: u, password: hunter2}\n  images: {coreos/etcd: [v1]}\n";
    for (flags, text, says) in [
        (
            "--from regsync",
            skopeo,
            &["no file for regsync: it looks like one for skopeo sync", "write `--from skopeo`"][..],
        ),
        ("", skopeo, &["does not say where images go: write `--to HOST/PREFIX`"]),
        ("--to mirror", skopeo, &["--to: `mirror` is no place for images"]),
        ("--to r.io/m --harbor h.io", skopeo, &["--harbor is for Harbor's policies"]),
        ("", "images: {a.io/b: c.io/d}\n", &["none of the tools", "write `--from TOOL`"]),
        (
            "",
            "apiVersion: mirror.openshift.io/v2alpha1\nkind: ImageSetConfiguration\n",
            &["for oc-mirror, of which no rules are made"],
        ),
        ("--from skopeo --to r.io/m", "- a\n", &["a.yaml:1: the file is a list, but must be a map"]),
        ("--from ocync", "a: 1\n", &["the file has no `mappings`"]),
        (
            "--to r.io",
            "tasks: [{source: {registry: a.io}, target: {registry: b.io}}]\n",
            &["--to, --scoped and --all", "leave them out"],
        ),
        (
            "",
            "tasks: [{source: {registry: a.io}, target: {registry: b.io}}]\n",
            &["no rule could be made of it"],
        ),
        (
            "",
            "[{\"name\": \"p\", \"src_registry\": null, \"dest_registry\": {\"id\": 1, \"url\": \"https://b.io\"}}]",
            &["write `--harbor HOST`"],
        ),
        ("", "sync: [\n", &["this is not valid YAML"]),
        ("--from wget", skopeo, &["`wget` is no value of `--from`"]),
    ] {
        workplace.write("a.yaml", text)?;
        let ran = workplace.run(&format!("import a.yaml {flags}"))?.expect_code(2)?.says(says)?;
        ensure!(ran.stdout.is_empty() && !ran.stderr.contains("hunter2"), "{}", ran.all());
    }
    workplace.run("import missing.yaml")?.expect_code(2)?.says(&["missing.yaml"])?;
    workplace.run("import")?.expect_code(2)?;
    Ok(())
}

/// The output can be read as a config: all its keys and values are valid.
#[test]
fn what_is_printed_is_a_config_of_ours() -> Result<()> {
    let mut workplace = Workplace::new()?;
    for name in ["MIRROR_USER", "HUB_USER", "HUB_PASSWORD"] {
        workplace.variable(name, "x");
    }
    workplace.write("secret", "s")?;
    for (file, _, _, printed, _) in WHOLE {
        // These files do not exist on this machine.
        let lines = printed.lines().filter(|line| !line.starts_with("    ca: "));
        let config = lines.collect::<Vec<_>>().join("\n").replace("/run/secrets/mirror", "secret");
        workplace.write("c.yaml", &config)?;
        let ran = workplace.run("expand --config c.yaml")?;
        let errors: Vec<_> = ran.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        ensure!(errors.is_empty() && ran.code == 0, "{file}:\n{}", ran.all());
    }
    Ok(())
}

#[test]
fn what_is_made_means_what_the_other_tool_meant() -> Result<()> {
    let workplace = Workplace::new()?;
    for (flags, text, means) in [
        (
            "",
            "version: 1\nsync:\n- {source: alpine, target: r.io/m/alpine, type: image}\n- {source: q.io/a, target: r.io/a, type: repository, referrers: true}\n- {source: q.io, target: r.io/q, type: registry, referrers: true}\n",
            &[
                "docker.io/library/alpine (no login): latest",
                "  referrers: none",
                "  -> r.io/m/alpine (no login): latest",
                "q.io/a (no login): all tags",
                "  -> r.io/a (no login): the same names",
                "q.io/** (no login): every repository that matches",
                "  -> r.io/q/{path} (no login): each at a place of its own",
            ][..],
        ),
        (
            "--to r.io/m --all",
            "q.io:\n  credentials: {username: u, password: p}\n  images: {a/b: [v1, v2], c: []}\n",
            &[
                "q.io/a/b (login `q.io`, auth entry in c.yaml:4): v1, v2",
                "  referrers: none",
                "  -> r.io/m/b (no login): the same names",
                "q.io/c (login `q.io`, auth entry in c.yaml:4): all tags",
                "  -> r.io/m/c (no login): the same names",
            ],
        ),
        (
            "",
            "tasks:\n- name: t\n  source: {registry: a.io}\n  target: {registry: b.io}\n  mappings: [{from: x, to: y/x, tags: [v1], platform: all}]\n",
            &["t: a.io/x (no login): v1", "  referrers: none", "  -> b.io/y/x (no login): the same names"],
        ),
        (
            "",
            "registries:\n  src: {url: q.io, auth_type: anonymous}\n  dst: {url: r.io}\ndefaults: {source: src, targets: dst}\nmappings:\n  - from: a/nginx\n    to: m/nginx\n    tags: {glob: \"1.2*\", semver: \">=1.25, <2\", exclude: [\"*-perl\"]}\n",
            &[
                "q.io/a/nginx (no login): tags with include 1.2*; exclude *-perl, /(?i)-(rc|alpha|beta|pre|snapshot|nightly)/; semver >=1.25.0 <2.0.0; prereleases",
                "  -> r.io/m/nginx (no login): the same names",
            ],
        ),
        (
            "--harbor h.io",
            "[{\"name\": \"p\", \"src_registry\": {\"id\": 0}, \"dest_registry\": {\"id\": 1, \"url\": \"https://b.io\"}, \"dest_namespace\": \"n\", \"dest_namespace_replace_count\": 1, \"filters\": [{\"type\": \"name\", \"value\": \"library/**\"}]}]",
            &[
                "p: h.io/library/** (no login): every repository that matches",
                "  -> b.io/n/{repository} (no login): each at a place of its own",
            ],
        ),
    ] {
        workplace.write("a.yaml", text)?;
        let made = workplace.run(&format!("import a.yaml {flags}"))?.expect_code(0)?;
        workplace.write("c.yaml", &made.stdout)?;
        let ran = workplace.run("expand --config c.yaml")?.expect_code(0)?;
        ensure!(ran.stdout.lines().eq(means.iter().copied()), "{}\n{}", made.stdout, ran.all());
    }
    Ok(())
}
