//! Mistakes in config files: each is reported with its place and advice, before any request.

use std::io::Write as _;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};

use crate::process::{Ran, Workplace};

/// The flag of a file, its text, and the expected error. The run ends with 2.
fn refused(cases: &[(&str, &str, &str, &[&str])]) -> Result<()> {
    let workplace = Workplace::new()?;
    workplace.write("images.yaml", "r.io/a: t.io/a\n")?;
    for (flag, file, text, says) in cases {
        workplace.write(file, text)?;
        let ran = workplace.run(&format!("{flag} {file}"))?.expect_code(2)?.says(says)?;
        ensure!(ran.stdout.is_empty() && !ran.stderr.contains("hunter2"), "{}", ran.all());
    }
    Ok(())
}

#[test]
fn c4_files_without_rules_and_those_of_other_programs_are_refused() -> Result<()> {
    const HINT: &str = r#"write "images": {"SOURCE": "TARGET"}"#;
    const IMPORT: &str = "`image-syncer import a.yaml` makes a config of it";
    refused(&[
        (
            "--config",
            "a.yaml",
            "version: 1\nsync:\n- {source: a, target: b, type: image}\n",
            &["regsync", IMPORT],
        ),
        ("--config", "a.yaml", "quay.io:\n  images: {coreos/etcd: [v1]}\n", &["skopeo sync", IMPORT]),
        ("--images", "a.yaml", "quay.io:\n  images: {coreos/etcd: [v1]}\n", &["skopeo sync"]),
        ("--config", "a.yaml", "tasks:\n- {name: a, mappings: []}\n", &["dregsy", IMPORT]),
        (
            "--config",
            "a.yaml",
            "registries: {a: {url: b}}\nmappings:\n- {from: a, to: b}\n",
            &["ocync", IMPORT],
        ),
        (
            "--config",
            "a.yaml",
            "apiVersion: mirror.openshift.io/v2alpha1\nkind: ImageSetConfiguration\n",
            &["oc-mirror"],
        ),
        ("--config", "a.yaml", "apiVersion: content.hauler.cattle.io/v1\nkind: Images\n", &["hauler", HINT]),
        (
            "--images images.yaml --auth",
            "a.json",
            r#"{"auths": {"r.io": {"auth": "x"}}}"#,
            &["docker's login file"],
        ),
        ("--config", "a.json", "{}", &["a.json: the file has no rules: `images` is missing", HINT]),
        ("--config", "a.json", "null", &["the file has no rules"]),
        ("--config", "a.yaml", "images:\n", &["`images` has no rules"]),
        ("--config", "a.yaml", "images: {}\n", &["`images` has no rules"]),
        ("--config", "a.yaml", "auth: {r.io: {insecure: true}}\n", &["`images` is missing", "it has `auth`"]),
        ("--images", "a.json", "null", &["the file has no rules"]),
        (
            "--config",
            "a.yaml",
            "# auth:\n\n  # images:\n",
            &["a.yaml: the file has nothing but comments", "take the `#` away from what is to count"],
        ),
        ("--config", "a.yaml", "\n", &["the file is empty"]),
        ("--config", "a.json", " \n", &["a.json: the file is empty"]),
    ])
}

#[test]
fn c23_rules_that_stand_in_the_wrong_place_are_refused() -> Result<()> {
    refused(&[
        (
            "--config",
            "a.yaml",
            "images:\nquay.io/a/b: r.io/c\n",
            &["a.yaml:2:1:", "beside `images`", "two blanks"],
        ),
        (
            "--config",
            "a.yaml",
            "images:\n\u{a0}\u{a0}quay.io/a/b: r.io/c\n",
            &["a.yaml:2:1:", "U+00A0 (no-break space)", "ordinary blanks"],
        ),
        (
            "--config",
            "a.yaml",
            "images:\n  q.io/a: r.io/a\n\u{3000}quay.io/a/b: r.io/c\n",
            &["a.yaml:3:1:", "U+3000 (ideographic space)"],
        ),
        (
            "--config",
            "a.yaml",
            "images:\n  quay.io/a/b:\u{a0}r.io/c\n",
            &["a.yaml:2:", "U+00A0", "write an ordinary blank"],
        ),
        ("--config", "a.yaml", "images:\n  quay.io/a/b\u{3000}: r.io/c\n", &["a.yaml:2:", "U+3000"]),
        ("--config", "a.yaml", "quay.io/a/b: r.io/c\n", &["rules alone", "--images FILE"]),
        ("--config", "a.json", r#"{"quay.io/a/b": ["r.io/c"]}"#, &["rules alone", "--images FILE"]),
        ("--config", "a.yaml", "r.io: {username: u, password: hunter2}\n", &["logins alone", "--auth FILE"]),
        (
            "--config",
            "a.yaml",
            "rules:\n  quay.io/a/b: r.io/c\n",
            &["a.yaml:1:1:", "`rules` means nothing", "write `images`"],
        ),
        (
            "--config",
            "a.yaml",
            "images:\n  quay.io/a/b:r.io/c\n",
            &["a.yaml:2:", "a blank stands behind the colon"],
        ),
        (
            "--images",
            "a.yaml",
            "auth: {r.io: {username: u}}\nimages: {r.io/a: t.io/a}\n",
            &["a.yaml:1:1:", "--config FILE"],
        ),
    ])
}

#[test]
fn c24_c14_broken_files_are_shown_at_the_place_with_what_to_write() -> Result<()> {
    let long = format!("images:\n  q.io/a: x\n  q.io/b:{}v2: r.io/x\n", "v1,".repeat(400));
    refused(&[
        (
            "--config",
            "a.json",
            "{\"images\": {\n  // mine\n  \"a/b\": \"c/d\"}}",
            &["a.json:2:3:", "no comments", "2 |   // mine\n    |   ^", "help: "],
        ),
        (
            "--config",
            "a.json",
            "{\"images\": {\"a/b\": \"c/d\"，\"e/f\": \"g/h\"}}",
            &["a.json:1:25:", "U+FF0C (full-width comma)", "write ,"],
        ),
        (
            "--config",
            "a.json",
            "{\"images\": {\"a/b\": \"c/d\",\n}}",
            &["a.json:1:25:", "this comma", "remove the comma"],
        ),
        (
            "--config",
            "a.json",
            "{\"images\": {\n\"a/b\": \"\\ud800\"}}",
            &["a.json:2:9:", "half of a character"],
        ),
        (
            "--config",
            "a.yaml",
            "images:\n  a/b: c/d\n  e/f g/h\n",
            &["a.yaml:3:3:", "3 |   e/f g/h", "KEY: VALUE"],
        ),
        (
            "--config",
            "a.yaml",
            "auth:\n  r.io:\n    username: u\n    password hunter2\n",
            &["a.yaml:4:5:", "password …"],
        ),
        (
            "--config",
            "a.json",
            "{\"auth\": {\"r.io\": {\"password\": \"hunter2\" \"insecure\": true}}}",
            &["a.json:1:41:", "cannot be read"],
        ),
        ("--config", "a.yaml", &long, &["a.yaml:3:3:", "1209 characters", "write `? KEY`"]),
        (
            "--images images.yaml --auth",
            "a.yaml",
            "auth:\n  r.io: {username: u, password: hunter2}\n",
            &["a.yaml:1:1:", "without `auth` around", "remove this line"],
        ),
        ("--config", "a.yaml", "images:\n  oci:/srv/a: r.io/a\n", &["a.yaml:2:", "a later release"]),
        ("--config", "a.yaml", "images:\n  q.io/a: oci-archive:a.tar\n", &["a.yaml:2:", "a later release"]),
        (
            "--config",
            "a.yaml",
            "images:\n  \"!q.io/a\": r.io/a\n",
            &["a.yaml:2:", "no rule takes away", "remove the rule"],
        ),
        (
            "--config",
            "a.yaml",
            "images:\n  q.io/a: r.io/{name}\n",
            &["a.yaml:2:", "placeholder", "a pattern in the source"],
        ),
    ])
}

#[test]
fn c20_what_is_written_twice_is_told_with_both_lines() -> Result<()> {
    let workplace = Workplace::new()?;
    let text =
        "images:\n  q.io/a: r.io/a\n  q.io/b: r.io/b\n  q.io/a: r.io/c\n---\nimages:\n  q.io/x: r.io/x\n";
    workplace.write("c.yaml", text)?;
    let ran = workplace.run("expand --config c.yaml")?.expect_code(0)?;
    ran.says(&[
        "c.yaml:2: `q.io/a` stands here and again in line 4: only the last one counts",
        "c.yaml:6: a second YAML document begins here and is ignored: only the one from line 1",
    ])?;
    workplace.write("c.json", "{\"images\": {\"q.io/a\": \"r.io/a\",\n\"q.io/a\": \"r.io/b\"}}\n{}")?;
    let ran = workplace.run("expand --config c.json")?.expect_code(0)?;
    ran.says(&["c.json:1: `q.io/a` stands here and again in line 2", "c.json:3: a second JSON value"])?;
    Ok(())
}

#[test]
fn c21_files_are_taken_as_the_go_tool_took_them() -> Result<()> {
    let workplace = Workplace::new()?;
    let yaml = "images:\n  q.io/a/b:1:\n  q.io/镜:\tr.io/c\n".replace("镜", "c");
    let expanded = |workplace: &Workplace, file: &str| -> Result<String> {
        let line = format!("expand --config {file} --registry t.io --namespace ns");
        Ok(workplace.run(&line)?.expect_code(0)?.stdout)
    };
    workplace.write("c.yaml", &yaml)?;
    let plain = expanded(&workplace, "c.yaml")?;
    ensure!(plain.contains("-> t.io/ns/b ") && plain.contains("-> r.io/c "), "{plain}");
    let wide: Vec<u8> = format!("\u{feff}{yaml}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(workplace.path().join("wide.yaml"), wide)?;
    ensure!(expanded(&workplace, "wide.yaml")? == plain);
    workplace.write("mark.json", "\u{feff}{\"images\": {\"q.io/a/b\": null}}")?;
    ensure!(expanded(&workplace, "mark.json")?.contains("-> t.io/ns/b "));
    workplace
        .run("--config c.yaml")?
        .expect_code(2)?
        .says(&["c.yaml:2: the target of `q.io/a/b:1` is empty"])?;
    Ok(())
}

#[test]
fn c22_c15_what_is_wrong_with_a_login_is_told_before_any_request() -> Result<()> {
    let mut workplace = Workplace::new()?;
    workplace.write("images.yaml", "q.io/a: r.io/a\n")?;
    workplace.write(
        "auth.yaml",
        "r.io: {username: u, password: !hunter2 }\nq.io: {username: robot$lib+x, password: p}\n",
    )?;
    let ran = workplace.run("expand --auth auth.yaml --images images.yaml")?.expect_code(0)?;
    ran.hides(&["hunter2"])?.says(&[
        "auth.yaml:1: the auth entry `r.io` has the user `u` but no password",
        "auth.yaml:2: the auth entry `q.io` has a username that refers to $lib",
        "\"disableExpandEnv\": true",
    ])?;
    let config =
        |password: &str| format!("auth:\n  r.io: {{username: u, {password}}}\nimages:\n  q.io/a: r.io/a\n");
    workplace.write("c.yaml", &config("password: '${HARBOR_PASSWORD}'"))?;
    let ran = workplace.run("expand --config c.yaml")?.expect_code(0)?;
    ran.says(&["c.yaml:2: the auth entry `r.io`", "write \"passwordEnv\": \"HARBOR_PASSWORD\""])?;
    workplace.write("c.yaml", &config("passwordEnv: HARBOR_PASSWORD"))?;
    workplace.run("check --config c.yaml")?.expect_code(2)?.says(&["not set or empty"])?;
    workplace.run("expand --config c.yaml")?.expect_code(0)?.says(&["not set or empty"])?;
    workplace.variable("HARBOR_PASSWORD", "hunter2");
    let ran = workplace.run("expand --config c.yaml")?.expect_code(0)?.hides(&["hunter2"])?;
    ensure!(
        ran.stderr.is_empty() && ran.stdout.contains("r.io/a (login `r.io`, auth entry in c.yaml:2)"),
        "{}",
        ran.all()
    );
    Ok(())
}

#[test]
fn c9_where_logins_come_from_is_told_as_it_is() -> Result<()> {
    let workplace = Workplace::new()?;
    workplace.write("images.yaml", "q.io/a: r.io/a\n")?;
    let none = workplace.run("expand --images images.yaml")?.expect_code(0)?;
    none.says(&["--images is given without --auth, and docker login left nothing for these registries"])?;
    std::fs::create_dir(workplace.path().join(".docker"))?;
    workplace.write(".docker/config.json", r#"{"auths": {"r.io": {"username": "u", "password": "p"}}}"#)?;
    let some = workplace.run("expand --images images.yaml")?.expect_code(0)?;
    some.says(&[
        "--images is given without --auth: the login for `r.io` comes from ",
        ".docker/config.json; other",
    ])?;
    Ok(())
}

#[test]
fn c11_expand_shows_the_logins_of_patterns() -> Result<()> {
    let workplace = Workplace::new()?;
    std::fs::create_dir(workplace.path().join(".docker"))?;
    workplace.write(".docker/config.json", r#"{"auths": {"t.io": {"username": "u", "password": "p"}}}"#)?;
    let auth = "auth:\n  h.io: {username: all, password: p}\n  h.io/team: {username: team, password: p}\n";
    workplace
        .write("c.yaml", &format!("{auth}images:\n  h.io/team/**: [t.io/mirror, 'u.io/x/{{path:_}}']\n"))?;
    let ran = workplace.run("expand --config c.yaml")?.expect_code(0)?;
    for line in [
        "h.io/team/** (login `h.io/team`, auth entry in c.yaml:3): every repository that matches".to_owned(),
        format!(
            "  -> t.io/mirror (login `{}/.docker/config.json`, login file): each",
            workplace.path().display()
        ),
        "  -> u.io/x/{path:_} (no login): each".to_owned(),
    ] {
        ensure!(ran.stdout.contains(&line), "{line:?} is not in\n{}", ran.stdout);
    }
    let ran = workplace.run("expand --config c.yaml --json")?.expect_code(0)?;
    let json: serde_json::Value = serde_json::from_str(&ran.stdout)?;
    ensure!(json[0]["login"] == "h.io/team" && json[0]["targets"][0]["loginPlace"] == "login file", "{json}");
    ensure!(json[0]["targets"][1]["login"].is_null(), "{json}");
    Ok(())
}

#[test]
fn a_config_comes_from_standard_input_too() -> Result<()> {
    let workplace = Workplace::new()?;
    let run = |arguments: &str, text: &str| -> Result<Ran> {
        let mut command = workplace.command(arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        child.stdin.take().context("no stdin")?.write_all(text.as_bytes())?;
        Ran::of(child.wait_with_output()?)
    };
    for text in ["images: {q.io/a: r.io/a}", r#"{"images": {"q.io/a": "r.io/a"}}"#] {
        ensure!(run("expand --config -", text)?.expect_code(0)?.stdout.contains("-> r.io/a "));
    }
    run("--config -", "images: [")?.expect_code(2)?.says(&["standard input:1:"])?;
    run("--auth - --images -", "")?.expect_code(2)?.says(&["cannot both be read from standard input"])?;
    Ok(())
}

#[test]
fn c24_an_entry_that_is_wrong_is_told_without_its_secrets() -> Result<()> {
    let workplace = Workplace::new()?;
    let images = "images: {r.io/a: s.io/a}";
    for entry in [
        r#"{proxy: "htps://user:hunter2@p.io:3128"}"#,
        r#"{username: u, pass: hunter2, insecure: "maybe"}"#,
        "{username: u, password: hunter2, plainHttp: 7}",
    ] {
        workplace.write("c.yaml", &format!("auth:\n  r.io: {entry}\n{images}\n"))?;
        workplace.write("a.yaml", &format!("r.io: {entry}\n"))?;
        workplace.write("i.yaml", "r.io/a: s.io/a\n")?;
        for arguments in ["--config c.yaml", "--auth a.yaml --images i.yaml"] {
            let ran = workplace.run(&format!("expand {arguments}"))?.expect_code(2)?;
            ran.says(&["the auth entry `r.io`"])?.hides(&["hunter2"])?;
        }
    }
    Ok(())
}
