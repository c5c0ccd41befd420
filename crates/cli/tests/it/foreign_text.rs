//! S3: terminal, log and report escape control characters of registries, files and arguments.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

use anyhow::{Result, ensure};
use oci::foreign_text::is_plain;

use crate::process::{Ran, Workplace};

/// Sets a colour, forges a line, changes the text direction, rings the bell.
const EVIL: &str = "\u{1b}[31mevil\nFORGED: all is well\r\u{202e}\u{9b}2J\u{7}";

/// A registry with hostile answers; returns its host.
fn hostile_registry() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let host = listener.local_addr()?.to_string();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // A client that leaves is no error.
            std::thread::spawn(move || answer(client));
        }
    });
    Ok(host)
}

fn answer(client: TcpStream) -> std::io::Result<()> {
    let (mut reader, mut head) = (BufReader::new(client.try_clone()?), String::new());
    while reader.read_line(&mut head)? > 2 {}
    let path = head.split_whitespace().nth(1).unwrap_or_default();
    let json = |value: serde_json::Value| value.to_string();
    let manifest = "application/vnd.oci.image.manifest.v1+json";
    let megabyte = "m".repeat(1 << 20);
    let (status, content_type, body) = if path.contains("/b/") {
        ("404 Not Found", "application/json", r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#.to_owned())
    } else if path.contains("/message/") {
        let error = serde_json::json!({"code": format!("DENIED{EVIL}"), "message": format!("{EVIL}{}", "x".repeat(40_000))});
        ("400 Bad Request", "application/json", json(serde_json::json!({"errors": [error]})))
    } else if path.contains("/page/") {
        ("418 I'm a teapot", "text/html", format!("<html><title>{EVIL}</title></html>"))
    } else if path.contains("/tags/list") {
        let tags = ["v1", &format!("v2{EVIL}"), &megabyte];
        ("200 OK", "application/json", json(serde_json::json!({"tags": tags})))
    } else if path.contains("/type/") {
        let body =
            serde_json::json!({"schemaVersion": 2, "mediaType": format!("application/{EVIL}{megabyte}")});
        ("200 OK", manifest, json(body))
    } else if path.contains("/manifests/") {
        let layer = serde_json::json!({"digest": format!("sha256:{EVIL}{megabyte}"), "size": 1});
        ("200 OK", manifest, json(serde_json::json!({"schemaVersion": 2, "layers": [layer]})))
    } else {
        ("200 OK", "application/json", "{}".to_owned())
    };
    let mut client = client;
    write!(
        client,
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n",
        body.len()
    )?;
    let strange = "gpj.\u{202e}exe";
    write!(client, "Warning: 299 - \"{strange}\"\r\nX-Request-Id: {strange}{}\r\n", "i".repeat(4000))?;
    write!(client, "Connection: close\r\n\r\n{}", if head.starts_with("HEAD") { "" } else { &body })
}

/// Fails unless all characters are printable and no line is longer than this.
fn assert_tame(what: &str, text: &str) -> Result<()> {
    for line in text.split('\n') {
        ensure!(line.chars().all(is_plain), "{what} has {line:?}");
        ensure!(!line.starts_with("FORGED"), "{what} has a forged line");
        ensure!(line.len() < 20_000, "{what} has a line of {} bytes", line.len());
    }
    Ok(())
}

fn assert_all_tame(ran: &Ran) -> Result<()> {
    assert_tame("stdout", &ran.stdout)?;
    assert_tame("stderr", &ran.stderr)
}

#[test]
fn s3_a_registry_that_says_evil_things_is_shown_and_not_obeyed() -> Result<()> {
    let (host, workplace) = (hostile_registry()?, Workplace::new()?);
    workplace.write("auth.json", &format!(r#"{{"{host}": {{"insecure": true}}}}"#))?;
    workplace.write(
        "images.json",
        &format!(
            r#"{{"{host}/a/message:v1": "{host}/b/b", "{host}/a/page:v1": "{host}/b/c",
                "{host}/a/type:v1": "{host}/b/d", "{host}/a/digest:v1": "{host}/b/e", "{host}/a/tags": "{host}/b/f"}}"#
        ),
    )?;
    for (format, command) in [("text", ""), ("json", "--log-format json"), ("check", "check")] {
        let verb = if command == "check" { "check" } else { "" };
        let flags = if command == "check" { "" } else { "--retries 0 --log log --report report.json" };
        let ran = workplace.run(&format!(
            "{verb} --auth auth.json --images images.json {flags} {}",
            command.trim_start_matches("check")
        ))?;
        assert_all_tame(&ran)?;
        if command == "check" {
            continue;
        }
        ran.says(&[
            r"DENIED\u{1b}[31mevil FORGED: all is well \u{202e}\u{9b}2J\u{7}",
            r"(web page: \u{1b}[31mevil FORGED",
            r"application/\u{1b}[31mevil\nFORGED",
            r"sha256:\u{1b}[31mevil\nFORGED",
            r"lists the tag `v2\u{1b}[31mevil\nFORGED",
            r"warns: gpj.\u{202e}exe",
            r"request id gpj.\u{202e}exeiii",
            " bytes)",
        ])?;
        let (log, report) = (workplace.read("log")?, workplace.read("report.json")?);
        assert_tame("the log", &log)?;
        assert_tame("the report", &report)?;
        let begins = if format == "json" { "{\"" } else { "time=\"" };
        ensure!(log.lines().all(|line| line.starts_with(begins)), "a line of another form: {log}");
        ensure!(log.contains("evil"), "{log}");
        std::fs::remove_file(workplace.path().join("log"))?;
    }
    Ok(())
}

#[test]
fn s3_arguments_and_files_cannot_write_lines_of_their_own() -> Result<()> {
    let workplace = Workplace::new()?;
    let evil = EVIL.trim_start_matches('\u{1b}');
    let run = |arguments: &[&str]| -> Result<Ran> {
        let mut command = workplace.command("");
        Ran::of(command.args(arguments).output()?)
    };
    workplace.write(
        "evil.json",
        &serde_json::json!({"images": {format!("q.io/{EVIL}:v1"): "r.io/a"}}).to_string(),
    )?;
    workplace.write("yaml.yaml", "auth:\n  \"q.io\u{7}\": {\"user\u{202e}name\": x, password: y}\nimages:\n  q.invalid/a/b:v1: r.io/\u{1b}[31ma:v1\n")?;
    workplace.write("broken.json", &format!("{{\"images\": {{\"{EVIL}"))?;
    for arguments in [
        &[&*format!("--{evil}")] as &[&str],
        &[&format!("--proc={EVIL}")],
        &["--proc", EVIL],
        &["--config", EVIL],
        &["copy", EVIL, "r.io/a"],
        &["copy", "r.io/a/b", EVIL],
        &["copy", "r.io/a/b", &format!("r.io/{}", "a".repeat(100_000))],
        &["--config", "evil.json"],
        &["--config", "yaml.yaml"],
        &["expand", "--config", "yaml.yaml"],
        &["--config", "broken.json"],
        &["check", "--config", "evil.json"],
        &["check", "--json", "--config", "evil.json"],
        &["acr", "token", EVIL],
        &[EVIL],
    ] {
        let ran = run(arguments)?;
        assert_all_tame(&ran)?;
        ensure!(ran.code != 0, "{arguments:?} is taken");
    }
    Ok(())
}
