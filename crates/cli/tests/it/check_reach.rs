//! `image-syncer check` with registries that are unreachable, or are not registries: each problem has its own words.

use anyhow::Result;
use testkit::seed::{Flavour, Image, Pusher, layer};
use testkit::{AcrInstance, CertificateAuthority, DockerRegistry, TlsFront};

use crate::check_bench::{CheckBench, KEY, Listener, check, closed_port};
use crate::process::Workplace;

fn rule(source: &str, target: &str) -> String {
    format!(r#""{source}/library/app": "{target}/mirror/app""#)
}

fn insecure(host: &str) -> String {
    format!(r#""{host}": {{"insecure": true}}"#)
}

/// A source without problems.
async fn source() -> Result<DockerRegistry> {
    let source = DockerRegistry::open().await?;
    let image = Image::new(Flavour::Docker).layer(layer(1, 1000));
    Pusher::new(source.host()).image("library/app", "v1", &image).await?;
    Ok(source)
}

#[tokio::test]
async fn case_01_a_name_that_nobody_knows() -> Result<()> {
    let source = source().await?;
    // Names under `invalid` never resolve, RFC 6761.
    let rules = [rule(&source.host(), "harbor.invalid")];
    let checked = check(&Workplace::new()?, &[insecure(&source.host())], &rules)?;
    checked
        .line(
            "problem  harbor.invalid: name: the host name cannot be resolved",
            &["; why: ", "; do: check its spelling"],
        )?
        .one_problem(1)?
        .0
        .stdout
        .contains("1 repository was not looked at")
        .then_some(())
        .ok_or_else(|| anyhow::anyhow!("what was left out is told"))
}

#[tokio::test]
async fn case_02_a_port_that_is_closed() -> Result<()> {
    let (source, closed) = (source().await?, closed_port()?);
    let checked = check(&Workplace::new()?, &[insecure(&source.host())], &[rule(&source.host(), &closed)])?;
    checked
        .line(
            &format!("problem  {closed}: port: nothing can be reached on port"),
            &["refused", "do: check that"],
        )?
        .one_problem(1)?;
    Ok(())
}

#[tokio::test]
async fn case_03_a_whitelist_that_is_closed() -> Result<()> {
    let (source, closed) = (source().await?, Listener::resetting()?);
    for entries in [vec![insecure(&source.host())], vec![insecure(&source.host()), insecure(&closed.host)]] {
        let checked = check(&Workplace::new()?, &entries, &[rule(&source.host(), &closed.host)])?;
        checked
            .line(
                &format!("problem  {}: whitelist: the connection is accepted and closed", closed.host),
                &["as where a whitelist is closed", "; do: "],
            )?
            .one_problem(1)?;
    }
    Ok(())
}

#[tokio::test]
async fn case_03_the_clouds_api_tells_whom_the_whitelist_lets_in() -> Result<()> {
    let (mut bench, closed) = (CheckBench::start().await?, Listener::resetting()?);
    bench.set_key(KEY.0, KEY.1);
    let api = bench.api.url();
    let entry =
        format!(r#""{}": {{"provider": "acr", "endpoint": "{api}", "instanceId": "cri-test"}}"#, closed.host);
    let place = &closed.host;
    bench.harbor.registry().forget_requests();
    bench
        .check(&[bench.harbor_entry(), entry], &[rule(&bench.harbor.host(), place)])?
        .line(
            &format!("problem  {place}: whitelist:"),
            &["enable the instance's Internet access", "-vpc endpoint"],
        )?
        .line(
            &format!("problem  {place}: whitelist: the instance's whitelist lets nobody in"),
            &["AclEntries 127.0.0.1/32"],
        )?
        .0
        .expect_code(1)?;
    Ok(())
}

#[tokio::test]
async fn case_04_a_certificate_that_nobody_vouches_for() -> Result<()> {
    let (source, target) = (source().await?, DockerRegistry::open().await?);
    let authority = CertificateAuthority::generate()?;
    let front = TlsFront::start(&authority, target.host()).await?;
    let (entries, rules) = ([insecure(&source.host())], [rule(&source.host(), &front.host())]);
    let mut workplace = Workplace::new()?;
    let place = format!("problem  {}: tls: its certificate is not accepted", front.host());
    check(&workplace, &entries, &rules)?
        .line(&place, &["no authority that is trusted here", "SSL_CERT_FILE"])?
        .one_problem(1)?;
    workplace.variable("SSL_CERT_FILE", &authority.ca_file().display().to_string());
    check(&workplace, &entries, &rules)?
        .line(&format!("ok       {}: tls: speaks TLS that is accepted", front.host()), &[])?
        .0
        .expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn case_11_a_clock_that_is_wrong() -> Result<()> {
    let source = source().await?;
    let skewed = Listener::answering(
        "HTTP/1.1 200 OK\r\nDocker-Distribution-Api-Version: registry/2.0\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
            .to_owned(),
    )?;
    let entries = [insecure(&source.host()), insecure(&skewed.host)];
    check(&Workplace::new()?, &entries, &[rule(&source.host(), &skewed.host)])?
        .line(
            &format!("problem  {}: clock: this machine's clock is", skewed.host),
            &["hours ahead of", "NTP"],
        )?
        .one_problem(1)?;
    Ok(())
}

#[tokio::test]
async fn case_11_the_clouds_clock_counts_too() -> Result<()> {
    let mut bench = CheckBench::start().await?;
    bench.set_key(KEY.0, KEY.1);
    bench.api.set_clock_ahead(3600);
    bench.harbor.registry().forget_requests();
    let checked = bench.check(&[bench.harbor_entry(), bench.acr_entry("")], &[bench.rule()])?;
    let place = format!("problem  {}: clock: this machine's clock is not Alibaba Cloud's", bench.acr.host());
    checked.line(&place, &["InvalidTimeStamp", "RequestId"])?.one_problem(1)?;
    Ok(())
}

#[tokio::test]
async fn case_14_a_web_site_is_no_registry() -> Result<()> {
    let source = source().await?;
    let site = Listener::answering(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\nConnection: close\r\n\r\n<html></html>"
            .to_owned(),
    )?;
    let entries = [insecure(&source.host()), insecure(&site.host)];
    check(&Workplace::new()?, &entries, &[rule(&source.host(), &site.host)])?
        .line(
            &format!("problem  {}: answer: it is no registry", site.host),
            &["web page", "console beside the registry"],
        )?
        .one_problem(1)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn case_15_a_blob_store_that_is_not_reached() -> Result<()> {
    let (store, target) = (closed_port()?, DockerRegistry::open().await?);
    let source = embedded_registry::EmbeddedRegistry::builder()
        .blob_redirect(format!("http://{store}"))
        .start()
        .await?;
    let image = Image::new(Flavour::Oci).layer(layer(1, 1000));
    Pusher::new(source.host()).image("library/app", "v1", &image).await?;
    let entries = [insecure(&source.host()), insecure(&target.host())];
    check(&Workplace::new()?, &entries, &[rule(&source.host(), &target.host())])?
        .line(
            &format!(
                "problem  {}/library/app: blobs: the registry sends readers of blobs to {store}",
                source.host()
            ),
            &["no connection", "whitelists of the registry do not cover its blob store"],
        )?
        .one_problem(1)?;
    Ok(())
}

#[tokio::test]
async fn a_blob_store_that_answers_is_named() -> Result<()> {
    let target = DockerRegistry::open().await?;
    let source = DockerRegistry::builder().redirect_blobs().start().await?;
    let image = Image::new(Flavour::Docker).layer(layer(1, 1000));
    Pusher::new(source.host()).image("library/app", "v1", &image).await?;
    let entries = [insecure(&source.host()), insecure(&target.host())];
    check(&Workplace::new()?, &entries, &[rule(&source.host(), &target.host())])?
        .line(&format!("ok       {}/library/app: blobs: blobs come from", source.host()), &["which answers"])?
        .0
        .expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn an_instance_is_asked_for_its_whitelist_only_by_who_has_a_key() -> Result<()> {
    let instance = AcrInstance::new("cri-test", "test");
    let bench = CheckBench::with(instance, crate::check_bench::SERVICE, &["pull"]).await?;
    let closed = Listener::resetting()?;
    bench.harbor.registry().forget_requests();
    bench.check(&[bench.harbor_entry()], &[rule(&bench.harbor.host(), &closed.host)])?.one_problem(1)?;
    anyhow::ensure!(bench.api.requests().is_empty(), "nobody asks the API without a key");
    Ok(())
}
