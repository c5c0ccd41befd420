//! TLS with a private authority, and the destinations of logins.

use anyhow::{Result, ensure};
use testkit::seed::Pusher;
use testkit::{CertificateAuthority, DockerRegistry, TlsFront, TokenServer, TokenUser};

use crate::process::Workplace;
use crate::world::{assert_same, seed};

async fn seeded() -> Result<(DockerRegistry, DockerRegistry)> {
    let (source, target) = (DockerRegistry::open().await?, DockerRegistry::open().await?);
    seed(&Pusher::new(source.host()), "a/app").await?;
    Ok((source, target))
}

fn write_config(workplace: &Workplace, source: &str, target: &str, auth: &str) -> Result<()> {
    let images = format!(r#"{{"{source}/a/app": "{target}/a/app"}}"#);
    workplace.write("c.json", &format!(r#"{{"auth": {{{auth}}}, "images": {images}}}"#))?;
    Ok(())
}

#[tokio::test]
async fn tls_of_an_own_authority_over_http2() -> Result<()> {
    let (source, target) = seeded().await?;
    let authority = CertificateAuthority::generate()?;
    let (front, back) = (
        TlsFront::start(&authority, source.host()).await?,
        TlsFront::start(&authority, target.host()).await?,
    );
    let mut workplace = Workplace::new()?;
    write_config(&workplace, &front.host(), &back.host(), "")?;

    let refused = workplace.run("--config c.json --retries 0")?.expect_code(3)?;
    refused.says(&["no authority that is trusted here", "SSL_CERT_FILE"])?;
    ensure!(Pusher::new(target.host()).tags("a/app").await?.is_empty(), "nothing was copied");

    workplace.variable("SSL_CERT_FILE", &authority.ca_file().display().to_string());
    workplace.run("--config c.json")?.expect_code(0)?;
    let (from, to) = (Pusher::new(source.host()), Pusher::new(target.host()));
    assert_same(&from, "a/app", &to, &target.host(), "a/app", None).await?;
    let accesses = [front.accesses(), back.accesses()].concat();
    let (large, small): (Vec<_>, Vec<_>) = accesses.iter().partition(|access| access.protocol == "HTTP/1.1");
    ensure!(
        large.iter().all(|access| access.path.contains("/blobs/")) && small.len() > large.len(),
        "HTTP/2 is used where it is offered, but for large bodies: {large:?}"
    );
    ensure!(
        accesses.iter().all(|access| access.user_agent.starts_with("image-syncer/")),
        "the tool names itself"
    );
    Ok(())
}

#[tokio::test]
async fn insecure_takes_any_certificate_but_stays_with_tls() -> Result<()> {
    let (source, target) = seeded().await?;
    let authority = CertificateAuthority::generate()?;
    let expired = authority.issue_expired(&["127.0.0.1"])?;
    let front = TlsFront::builder(&authority, source.host()).certificate(expired).start().await?;
    let workplace = Workplace::new()?;
    let auth =
        [front.host(), target.host()].map(|host| format!(r#""{host}": {{"insecure": true}}"#)).join(",");
    write_config(&workplace, &front.host(), &target.host(), &auth)?;
    workplace.run("--config c.json")?.expect_code(0)?;
    ensure!(!front.accesses().is_empty(), "the front was asked over TLS");
    let (from, to) = (Pusher::new(source.host()), Pusher::new(target.host()));
    assert_same(&from, "a/app", &to, &target.host(), "a/app", None).await
}

#[tokio::test]
async fn b20_harbor_behind_tls_with_its_token_server_under_the_same_host() -> Result<()> {
    let user = TokenUser::new("robot$a+mirror", "harbor-secret").grant("a/*", &["pull"]);
    let tokens = TokenServer::harbor(vec![user]).await?;
    let (source, target) = (DockerRegistry::token(&tokens).await?, DockerRegistry::open().await?);
    let from = Pusher::new(source.host()).token(&tokens);
    seed(&from, "a/app").await?;
    let authority = CertificateAuthority::generate()?;
    let front = TlsFront::builder(&authority, source.host()).token_server(&tokens).start().await?;
    let mut workplace = Workplace::new()?;
    workplace.variable("SSL_CERT_FILE", &authority.ca_file().display().to_string());
    let auth = format!(
        r#""{}": {{"username": "robot$a+mirror", "password": "harbor-secret"}}, "{}": {{"insecure": true}}"#,
        front.host(),
        target.host(),
    );
    write_config(&workplace, &front.host(), &target.host(), &auth)?;
    workplace.run("--config c.json")?.expect_code(0)?.hides(&["harbor-secret"])?;
    assert_same(&from, "a/app", &Pusher::new(target.host()), &target.host(), "a/app", None).await?;
    ensure!(tokens.requests() == 1, "one token serves the repository: {:?}", tokens.request_lines());
    Ok(())
}

#[tokio::test]
async fn a_realm_on_another_host_without_tls_does_not_get_the_login() -> Result<()> {
    // The registry is asked by name, and its token server answers by address: another host, without encryption.
    let user = TokenUser::new("user", "user-secret").grant("a/*", &["pull"]);
    let tokens = TokenServer::harbor(vec![user]).await?;
    let (source, target) = (DockerRegistry::token(&tokens).await?, DockerRegistry::open().await?);
    let workplace = Workplace::new()?;
    let by_name = source.host().replace("127.0.0.1", "localhost");
    let auth = format!(
        r#""{by_name}": {{"username": "user", "password": "user-secret", "insecure": true}}, "{}": {{"insecure": true}}"#,
        target.host(),
    );
    write_config(&workplace, &by_name, &target.host(), &auth)?;
    let ran = workplace.run("--config c.json")?.expect_code(4)?.hides(&["user-secret"])?;
    ran.says(&["wants the credentials sent to", "another host and not encrypted"])?;
    ensure!(tokens.requests() == 0, "the login went to {:?}", tokens.request_lines());
    Ok(())
}

/// A registry with a password, and a rule that reads it without a login in `auth`.
async fn with_local_login(write: impl Fn(&mut Workplace, &str) -> Result<()>) -> Result<crate::process::Ran> {
    let (source, target) =
        (DockerRegistry::htpasswd("user", "local-secret").await?, DockerRegistry::open().await?);
    seed(&Pusher::new(source.host()).basic("user", "local-secret"), "a/app").await?;
    let mut workplace = Workplace::new()?;
    let auth =
        [source.host(), target.host()].map(|host| format!(r#""{host}": {{"insecure": true}}"#)).join(",");
    write_config(&workplace, &source.host(), &target.host(), &auth)?;
    write(&mut workplace, &source.host())?;
    workplace.run("--config c.json --retries 0")?.hides(&["local-secret"])
}

#[tokio::test]
async fn what_docker_login_left_is_used_where_auth_has_no_login() -> Result<()> {
    let ran = with_local_login(|workplace, host| {
        std::fs::create_dir(workplace.path().join(".docker"))?;
        // user:local-secret
        let login = format!(r#"{{"auths": {{"{host}": {{"auth": "dXNlcjpsb2NhbC1zZWNyZXQ="}}}}}}"#);
        workplace.write(".docker/config.json", &login).map(drop)
    });
    ran.await?.expect_code(0)?;
    let nobody = with_local_login(|_, _| Ok(())).await?.expect_code(4)?;
    nobody.says(&["UNAUTHORIZED"])?;
    Ok(())
}

#[tokio::test]
async fn a_credential_helper_is_asked_by_its_protocol() -> Result<()> {
    let helper = |script: &'static str| {
        with_local_login(move |workplace, host| {
            use std::os::unix::fs::PermissionsExt as _;

            let program = workplace.write("docker-credential-test", script)?;
            std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755))?;
            let path = format!("{}:/usr/bin:/bin", workplace.path().display());
            workplace.variable("PATH", &path);
            workplace.variable("REGISTRY_AUTH_FILE", "helpers.json");
            workplace.write("helpers.json", &format!(r#"{{"credHelpers": {{"{host}": "test"}}}}"#)).map(drop)
        })
    };
    let answers = "#!/bin/sh\nread server\necho '{\"ServerURL\":\"'$server'\",\"Username\":\"user\",\"Secret\":\"local-secret\"}'\n";
    helper(answers).await?.expect_code(0)?;
    let knows_nothing = "#!/bin/sh\necho 'credentials not found in native keychain'\nexit 1\n";
    helper(knows_nothing).await?.expect_code(4)?.says(&["UNAUTHORIZED"])?;
    // A failing helper's message may contain its secret: the hint tells how to see it instead.
    let breaks = "#!/bin/sh\necho 'cannot use local-secret' >&2\nexit 1\n";
    helper(breaks).await?.expect_code(4)?.says(&["docker-credential-test get` shows why"])?;
    Ok(())
}

#[tokio::test]
async fn an_authority_in_certs_d_is_trusted_for_its_registry_and_its_token_server() -> Result<()> {
    let tokens =
        TokenServer::harbor(vec![TokenUser::new("user", "user-secret").grant("a/*", &["pull"])]).await?;
    let (source, target) = (DockerRegistry::token(&tokens).await?, DockerRegistry::open().await?);
    seed(&Pusher::new(source.host()).token(&tokens), "a/app").await?;
    let authority = CertificateAuthority::generate()?;
    let front = TlsFront::builder(&authority, source.host()).token_server(&tokens).start().await?;
    let workplace = Workplace::new()?;
    let login = format!(r#""{}": {{"username": "user", "password": "user-secret"}}"#, front.host());
    write_config(
        &workplace,
        &front.host(),
        &target.host(),
        &format!(r#"{login}, "{}": {{"insecure": true}}"#, target.host()),
    )?;
    workplace.run("--config c.json -r 0")?.expect_code(3)?.says(&["certificate is not accepted"])?;
    let folder = format!(".config/containers/certs.d/{}", front.host());
    std::fs::create_dir_all(workplace.path().join(&folder))?;
    workplace.write(&format!("{folder}/ca.crt"), authority.ca_pem())?;
    workplace.run("--config c.json")?.expect_code(0)?;
    workplace.write(&format!("{folder}/client.cert"), "x")?;
    workplace.run("--config c.json -r 0")?.says(&["client.key is missing"])?;
    Ok(())
}

/// A proxy that connects every tunnel to `upstream`; returns its address and its requests.
fn tunnel_proxy(upstream: String) -> Result<(String, std::sync::mpsc::Receiver<String>)> {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::{TcpListener, TcpStream};

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let (asked, questions) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let (asked, upstream) = (asked.clone(), upstream.clone());
            std::thread::spawn(move || -> std::io::Result<()> {
                let mut head = BufReader::new(client.try_clone()?);
                let mut line = String::new();
                while head.read_line(&mut line)? > 2 {
                    let _ = asked.send(std::mem::take(&mut line));
                }
                let server = TcpStream::connect(upstream)?;
                (&client).write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
                let (mut there, mut back) = (server.try_clone()?, client.try_clone()?);
                std::thread::spawn(move || std::io::copy(&mut head, &mut there));
                std::io::copy(&mut &server, &mut back).map(drop)
            });
        }
    });
    Ok((address, questions))
}

#[tokio::test]
async fn a_proxy_of_the_environment_leads_to_the_registry_and_loopback_goes_without() -> Result<()> {
    let (source, target) = seeded().await?;
    let authority = CertificateAuthority::generate()?;
    let certificate = authority.issue(&["registry.invalid"])?;
    let front = TlsFront::builder(&authority, source.host()).certificate(certificate).start().await?;
    let (proxy, questions) = tunnel_proxy(front.host())?;
    let mut workplace = Workplace::new()?;
    workplace.variable("SSL_CERT_FILE", &authority.ca_file().display().to_string());
    workplace.variable("HTTPS_PROXY", &format!("http://user:proxy-secret@{proxy}"));
    let auth = format!(r#""{}": {{"insecure": true}}"#, target.host());
    write_config(&workplace, "registry.invalid", &target.host(), &auth)?;
    workplace.run("--config c.json")?.expect_code(0)?.hides(&["proxy-secret"])?;
    let (from, to) = (Pusher::new(source.host()), Pusher::new(target.host()));
    assert_same(&from, "a/app", &to, &target.host(), "a/app", None).await?;
    let asked: Vec<_> = questions.try_iter().collect();
    ensure!(asked.iter().any(|line| line.starts_with("CONNECT registry.invalid:443")), "{asked:?}");
    ensure!(
        !asked.iter().any(|line| line.contains("127.0.0.1")),
        "loopback went through the proxy: {asked:?}"
    );
    workplace.variable("NO_PROXY", ".invalid");
    workplace.run("--config c.json -r 0")?.expect_code(3)?.says(&["cannot be resolved"])?;
    Ok(())
}

#[tokio::test]
async fn c83_an_entry_names_its_authority_and_its_client_certificate_beside_the_config() -> Result<()> {
    let (source, target) = seeded().await?;
    let (authority, clients) = (CertificateAuthority::generate()?, CertificateAuthority::generate()?);
    let front = TlsFront::builder(&authority, source.host()).client_authority(&clients).start().await?;
    let workplace = Workplace::new()?;
    let configure = |keys: &str| {
        let auth = format!(r#""{}": {{{keys}}}, "{}": {{"plainHttp": true}}"#, front.host(), target.host());
        write_config(&workplace, &front.host(), &target.host(), &auth)
    };
    configure(r#""ca": "ca.crt""#)?;
    workplace.run("--config c.json -r 0")?.expect_code(2)?.says(&[
        "c.json:1:",
        "`ca`",
        "ca.crt cannot be read",
    ])?;
    workplace.write("ca.crt", authority.ca_pem())?;
    workplace
        .run("--config c.json -r 0")?
        .expect_code(3)?
        .says(&["wants a client certificate", "`clientCert`"])?;
    let identity = clients.issue_client("mirror")?;
    workplace.write("client.crt", &identity.certificate_pem)?;
    workplace.write("client.key", &identity.key_pem)?;
    configure(r#""ca": "ca.crt", "clientCert": "client.crt", "clientKey": "client.key""#)?;
    workplace.run("--config c.json")?.expect_code(0)?;
    let (from, to) = (Pusher::new(source.host()), Pusher::new(target.host()));
    assert_same(&from, "a/app", &to, &target.host(), "a/app", None).await
}

#[tokio::test]
async fn c83_the_systems_authorities_may_be_a_folder() -> Result<()> {
    let (source, target) = seeded().await?;
    let authority = CertificateAuthority::generate()?;
    let front = TlsFront::start(&authority, source.host()).await?;
    let mut workplace = Workplace::new()?;
    let auth = format!(r#""{}": {{"plainHttp": true}}"#, target.host());
    write_config(&workplace, &front.host(), &target.host(), &auth)?;
    workplace.variable("SSL_CERT_DIR", &authority.ca_folder().display().to_string());
    workplace.run("--config c.json")?.expect_code(0)?;
    Ok(())
}

/// A registry with TLS that redirects reads of blobs, and only those, to `storage`.
async fn sending_readers_to(
    storage: &str,
    source: &str,
    authority: &CertificateAuthority,
) -> Result<TlsFront> {
    TlsFront::builder(authority, source).blobs_from(storage).start().await
}

#[tokio::test]
async fn p25_the_hint_about_a_registrys_storage_is_true() -> Result<()> {
    let (source, _) = seeded().await?;
    let authority = CertificateAuthority::generate()?;
    let storage = TlsFront::start(&authority, source.host()).await?;
    for (storage, words, wrong, right) in [
        (
            format!("https://{}", storage.host()),
            "no authority that is trusted here",
            r#""ca": "front.crt""#,
            r#""ca": "both""#,
        ),
        (format!("http://{}", source.host()), "it leaves TLS", r#""ca": "front.crt""#, r#""insecure": true"#),
    ] {
        let (own, target) = (CertificateAuthority::generate()?, DockerRegistry::open().await?);
        let front = sending_readers_to(&storage, &source.host(), &own).await?;
        let workplace = Workplace::new()?;
        workplace.write("front.crt", own.ca_pem())?;
        std::fs::create_dir(workplace.path().join("both"))?;
        workplace.write("both/front.crt", own.ca_pem())?;
        workplace.write("both/storage.crt", authority.ca_pem())?;
        let configure = |keys: &str| {
            let auth =
                format!(r#""{}": {{{keys}}}, "{}": {{"plainHttp": true}}"#, front.host(), target.host());
            write_config(&workplace, &front.host(), &target.host(), &auth)
        };
        configure(wrong)?;
        let key = right.split(':').next().unwrap_or_default().trim_matches('"');
        workplace.run("--config c.json -r 0")?.expect_code(3)?.says(&[words, key, &front.host()])?;
        let checked = workplace.run("check --config c.json")?.expect_code(1)?;
        ensure!(checked.stdout.contains(words) && checked.stdout.contains(key), "{}", checked.stdout);
        configure(right)?;
        workplace.run("check --config c.json")?.expect_code(0)?;
        workplace.run("--config c.json -r 0")?.expect_code(0)?;
        let (from, to) = (Pusher::new(source.host()), Pusher::new(target.host()));
        assert_same(&from, "a/app", &to, &target.host(), "a/app", None).await?;
    }
    Ok(())
}

#[tokio::test]
async fn p3_the_hint_to_name_the_servers_own_certificate_is_true() -> Result<()> {
    let (source, target) = seeded().await?;
    let authority = CertificateAuthority::generate()?;
    let own = CertificateAuthority::self_signed_authority(&["127.0.0.1"])?;
    let pem = own.certificate_pem.clone();
    let front = TlsFront::builder(&authority, source.host()).certificate(own).start().await?;
    let mut workplace = Workplace::new()?;
    workplace.write("server.crt", &pem)?;
    let target_entry = format!(r#""{}": {{"plainHttp": true}}"#, target.host());
    write_config(&workplace, &front.host(), &target.host(), &target_entry)?;
    workplace.run("--config c.json -r 0")?.expect_code(3)?.says(&["`ca`", "SSL_CERT_FILE"])?;
    let named = format!(r#""{}": {{"ca": "server.crt"}}, {target_entry}"#, front.host());
    write_config(&workplace, &front.host(), &target.host(), &named)?;
    workplace.run("--config c.json -r 0")?.expect_code(0)?;
    write_config(&workplace, &front.host(), &target.host(), &target_entry)?;
    let file = workplace.path().join("server.crt").display().to_string();
    workplace.variable("SSL_CERT_FILE", &file);
    workplace.run("--config c.json --force -r 0")?.expect_code(0)?;
    Ok(())
}
