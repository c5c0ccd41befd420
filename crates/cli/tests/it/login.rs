//! The error for a login that a registry refuses, and whether its advice helps.

use anyhow::{Result, ensure};
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Access, EmbeddedRegistry, Grant, TokenAccess, User};

use crate::process::{Ran, Workplace};

const SECRET: &str = "right-secret";
const WRONG: &str = "wrong-secret";
const RIGHT_LOGIN: &str = r#""username": "u", "password": "right-secret""#;

/// A source that serves its image to one user only, and an open target.
struct Bench {
    source: EmbeddedRegistry,
    target: EmbeddedRegistry,
    workplace: Workplace,
}

/// The ways in which registries ask for a login.
fn ways() -> [Access; 2] {
    let user = || User::new("u", SECRET, vec![Grant::push("*")]);
    let token = TokenAccess::harbor(vec![user()]);
    [Access::Basic(vec![user()]), Access::Token(token)]
}

impl Bench {
    async fn start(access: Access) -> Result<Self> {
        let source = EmbeddedRegistry::builder().access(access).start().await?;
        let target = EmbeddedRegistry::builder().start().await?;
        sample::image(
            source.store(),
            "team/app",
            Some("v1"),
            Flavour::Oci,
            &[sample::layer(1, 100)],
            "amd64",
        );
        let bench = Self { source, target, workplace: Workplace::new()? };
        std::fs::create_dir(bench.workplace.path().join(".docker"))?;
        Ok(bench)
    }

    /// Writes a config: the auth entry of the source is in its third line.
    fn configure(&self, entry: Option<&str>) -> Result<()> {
        let (from, to) = (self.source.host(), self.target.host());
        let entry = entry.map(|entry| format!("\"{from}\": {{{entry}, \"insecure\": true}},"));
        let text = format!(
            "{{\"auth\": {{\n\n{}\n\"{to}\": {{\"insecure\": true}}}},\n\"images\": {{\"{from}/team/app:v1\": \"{to}/team/app\"}}}}",
            entry.unwrap_or_default()
        );
        self.workplace.write("c.json", &text)?;
        Ok(())
    }

    /// Writes the file of `docker login`.
    fn log_in(&self, password: &str) -> Result<String> {
        let login = format!(r#"{{"username": "u", "password": "{password}"}}"#);
        let text = format!(r#"{{"auths": {{"{}": {login}}}}}"#, self.source.host());
        Ok(self.workplace.write(".docker/config.json", &text)?.display().to_string())
    }

    /// Without an auth entry, the source needs a flag.
    fn run(&self) -> Result<Ran> {
        let command = format!("--config c.json --no-state --retries 0 --insecure {}", self.source.host());
        self.workplace.run(&command)?.hides(&[SECRET, WRONG])
    }

    fn is_refused(&self, texts: &[&str]) -> Result<()> {
        self.run()?.expect_code(4)?.says(&["401"])?.says(texts)?;
        ensure!(self.target.store().manifest("team/app", "v1").is_none());
        Ok(())
    }

    fn is_copied(&self) -> Result<()> {
        self.run()?.expect_code(0)?;
        ensure!(self.target.store().manifest("team/app", "v1").is_some());
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c16_without_any_login_the_hint_says_where_it_was_looked_for() -> Result<()> {
    for access in ways() {
        let bench = Bench::start(access).await?;
        bench.configure(None)?;
        let host = bench.source.host();
        bench.is_refused(&[
            &format!("name user and password in an auth entry for `{host}`, or run `docker login {host}`"),
            &format!("no login was found, for `auth` in c.json has no entry for `{host}`"),
            "DOCKER_AUTH_CONFIG (not set)",
            &format!("{}/.docker/config.json (not there)", bench.workplace.path().display()),
        ])?;
        // Both suggested ways help.
        bench.log_in(SECRET)?;
        bench.is_copied()?;
        std::fs::remove_file(bench.workplace.path().join(".docker/config.json"))?;
        bench.configure(Some(RIGHT_LOGIN))?;
        bench.is_copied()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c16_a_wrong_login_of_dockers_file_is_named_with_the_file() -> Result<()> {
    for access in ways() {
        let mut bench = Bench::start(access).await?;
        bench.configure(None)?;
        let file = bench.log_in(WRONG)?;
        bench.is_refused(&[&format!("check user and password of `u` (login file {file})")])?;
        bench.log_in(SECRET)?;
        bench.is_copied()?;
        let wrong = std::fs::read_to_string(&file)?.replace(SECRET, WRONG);
        let fresh = Bench::start(Access::Open).await?;
        bench.target = fresh.target;
        bench.configure(None)?;
        bench.workplace.variable("DOCKER_AUTH_CONFIG", &wrong);
        bench.is_refused(&["check user and password of `u` (variable DOCKER_AUTH_CONFIG)"])?;
        bench.workplace.variable("DOCKER_AUTH_CONFIG", &wrong.replace(WRONG, SECRET));
        bench.is_copied()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c16_a_wrong_login_of_an_auth_entry_is_named_with_its_line() -> Result<()> {
    for access in ways() {
        let bench = Bench::start(access).await?;
        // A login file with the right password does not help: the entry takes precedence.
        bench.log_in(SECRET)?;
        bench.configure(Some(&RIGHT_LOGIN.replace(SECRET, WRONG)))?;
        let host = bench.source.host();
        bench.is_refused(&[&format!("check user and password of `u` (auth entry `{host}`, c.json:3)")])?;
        bench.configure(Some(RIGHT_LOGIN))?;
        bench.is_copied()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c16_a_user_without_a_password_is_told_as_what_is_missing() -> Result<()> {
    for access in ways() {
        let bench = Bench::start(access).await?;
        let host = bench.source.host();
        bench.configure(Some(r#""username": "u""#))?;
        let words = format!(
            "no login was found, for the auth entry `{host}` (c.json:3) has the user `u` but no password"
        );
        bench.is_refused(&[&words])?;
        bench.configure(Some(RIGHT_LOGIN))?;
        bench.is_copied()?;
    }
    // The same with docker's file.
    let [access, _] = ways();
    let bench = Bench::start(access).await?;
    bench.configure(None)?;
    let file = bench.log_in("")?;
    let key = bench.source.host();
    bench.is_refused(&[&format!("{file} (its entry `{key}` has no user with a password)")])?;
    bench.log_in(SECRET)?;
    bench.is_copied()
}

#[tokio::test(flavor = "multi_thread")]
async fn c16_a_credential_helper_is_named_with_the_file_that_names_it() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    for access in ways() {
        let mut bench = Bench::start(access).await?;
        bench.configure(None)?;
        let path = format!("{}:/usr/bin:/bin", bench.workplace.path().display());
        bench.workplace.variable("PATH", &path);
        let text = format!(r#"{{"credHelpers": {{"{}": "test"}}}}"#, bench.source.host());
        let file = bench.workplace.write(".docker/config.json", &text)?.display().to_string();
        let says = |script: &str| -> Result<()> {
            let program =
                bench.workplace.write("docker-credential-test", &format!("#!/bin/sh\n{script}\n"))?;
            std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755))?;
            Ok(())
        };
        let login = |secret: &str| format!(r#"echo '{{"Username":"u","Secret":"{secret}"}}'"#);
        let named = format!("the login of docker-credential-test (named in the login file {file})");
        says("echo 'credentials not found in native keychain'; exit 1")?;
        bench.is_refused(&["no login was sent", &named])?;
        says(&login(WRONG))?;
        bench.is_refused(&[&format!("check user and password of {named}")])?;
        says("exit 1")?;
        bench.run()?.expect_code(4)?.says(&["see what docker-credential-test says above", &named])?;
        says(&login(SECRET))?;
        bench.is_copied()?;
        // User and password in an entry need no helper.
        says("exit 1")?;
        bench.configure(Some(RIGHT_LOGIN))?;
        bench.is_copied()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c15_what_is_advised_about_a_dollar_in_a_login_helps() -> Result<()> {
    let [access, _] = ways();
    let mut bench = Bench::start(access).await?;
    bench.workplace.variable("APP_PASSWORD", SECRET);
    bench.configure(Some(r#""username": "u", "password": "${APP_PASSWORD}""#))?;
    bench.is_refused(&["write \"passwordEnv\": \"APP_PASSWORD\" to take it from the environment"])?;
    bench.configure(Some(r#""username": "u", "passwordEnv": "APP_PASSWORD""#))?;
    bench.is_copied()?;

    // In an --auth file, variables are replaced, even if a robot's name has a `$`.
    let robot = User::new("robot$lib+x", SECRET, vec![Grant::push("*")]);
    let bench = Bench::start(Access::Basic(vec![robot])).await?;
    let (from, to) = (bench.source.host(), bench.target.host());
    bench.workplace.write("images.json", &format!(r#"{{"{from}/team/app:v1": "{to}/team/app"}}"#))?;
    let run = |more: &str| -> Result<Ran> {
        let entry = format!(r#""username": "robot$lib+x", "password": "{SECRET}", "insecure": true{more}"#);
        let text = format!(r#"{{"{from}": {{{entry}}}, "{to}": {{"insecure": true}}}}"#);
        bench.workplace.write("auth.json", &text)?;
        bench.workplace.run("--auth auth.json --images images.json --no-state --retries 0")?.hides(&[SECRET])
    };
    let refused = run("")?.expect_code(4)?;
    refused.says(&["username that refers to $lib", "write \"disableExpandEnv\": true", "(auth entry `"])?;
    run(r#", "disableExpandEnv": true"#)?.expect_code(0)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c16_a_wrong_password_is_told_as_one_where_repositories_are_listed() -> Result<()> {
    for access in ways() {
        let bench = Bench::start(access).await?;
        bench.configure(Some(&format!(r#""username": "u", "password": "{WRONG}""#)))?;
        let config = bench.workplace.read("c.json")?.replace("/team/app:v1", "/**");
        bench.workplace.write("c.json", &config.replace("/team/app\"", "/copy/{path}\""))?;
        let ran = bench.workplace.run("--config c.json --no-state -r 0")?.expect_code(4)?.hides(&[WRONG])?;
        let ran = ran.says(&["401 Unauthorized", "next:  check user and password of `u` (auth entry `"])?;
        for misleading in ["does not list", "access key"] {
            ensure!(!ran.stderr.contains(misleading), "{}", ran.stderr);
        }
    }
    Ok(())
}
