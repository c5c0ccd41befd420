//! `inspect`, `digest`, `tags` and `repos`: their output, and how few requests they make.

use anyhow::{Context as _, Result, ensure};
use embedded_registry::sample::{self, Flavour, Sample};
use embedded_registry::{Access, Effect, EmbeddedRegistry, Fault, Grant, LoggedRequest, Match, Times, User};
use http::Method;
use serde_json::{Value, json};
use testkit::HarborBench;
use testkit::seed::{Flavour as SeedFlavour, Image, layer};

use crate::process::{Ran, Workplace};

struct Bench {
    registry: EmbeddedRegistry,
    workplace: Workplace,
}

impl Bench {
    async fn start() -> Result<Self> {
        Self::with(embedded_registry::preset::zot()).await
    }

    async fn with(builder: embedded_registry::Builder) -> Result<Self> {
        Ok(Self { registry: builder.start().await?, workplace: Workplace::new()? })
    }

    fn image(&self, repository: &str, tag: Option<&str>, layers: &[u64], architecture: &str) -> Sample {
        let layers: Vec<_> = layers.iter().map(|number| sample::layer(*number, 10_000)).collect();
        sample::image(self.registry.store(), repository, tag, Flavour::Oci, &layers, architecture)
    }

    /// Two platforms that share a layer, and a missing manifest.
    fn index(&self) -> Sample {
        let store = self.registry.store();
        let amd64 = self.image("a/app", None, &[1, 2], "amd64");
        let arm64 = self.image("a/app", None, &[1, 3], "arm64");
        let gone = self.image("a/app", None, &[4], "s390x");
        store.remove_manifest("a/app", &gone.digest);
        sample::index(store, "a/app", Some("v1"), Flavour::Oci, &[amd64, arm64, gone])
    }

    /// Runs with the registry's host for `HOST`, and forgets earlier requests.
    fn run(&self, arguments: &str) -> Result<Ran> {
        let host = self.registry.host();
        self.registry.clear_requests();
        self.workplace.run(&format!("{} --plain-http {host}", arguments.replace("HOST", &host)))
    }

    /// The requests, without the first one that finds the scheme and the login challenge.
    fn requests(&self) -> Vec<LoggedRequest> {
        let (pings, requests): (Vec<_>, Vec<_>) =
            self.registry.requests().into_iter().partition(LoggedRequest::is_ping);
        assert!(pings.len() <= 1, "{pings:?}");
        requests
    }

    fn asked(&self) -> Vec<String> {
        let requests = self.requests();
        let mut asked: Vec<_> =
            requests.iter().map(|request| format!("{} {}", request.method, request.path)).collect();
        asked.sort();
        asked
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_costs_one_head() -> Result<()> {
    let bench = Bench::start().await?;
    let image = bench.image("a/app", Some("latest"), &[1], "amd64");
    for reference in ["HOST/a/app", "HOST/a/app:latest", &format!("HOST/a/app@{}", image.digest)] {
        let ran = bench.run(&format!("digest {reference}"))?.expect_code(0)?;
        ensure!(ran.stdout == format!("{}\n", image.digest) && ran.stderr.is_empty(), "{}", ran.all());
        let requests = bench.requests();
        ensure!(requests.len() == 1 && requests[0].is_manifest(&Method::HEAD), "{:?}", bench.asked());
    }
    let ran = bench.run("digest HOST/a/app:v9")?.expect_code(1)?;
    ensure!(ran.stdout.is_empty());
    ran.says(&["looking up v9 failed: it is not there", "help: check repository and tag"])?;
    bench
        .run("digest HOST/a/app --insecure other.invalid")?
        .expect_code(0)?
        .says(&["nothing uses the registry `other.invalid`, which is named by --insecure"])?;
    bench.run("digest oci:x")?.expect_code(2)?.says(&["kept for a later release"])?;
    ensure!(bench.asked().is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_costs_its_manifest_config_and_referrers() -> Result<()> {
    let bench = Bench::start().await?;
    let image = bench.image("a/app", Some("v1"), &[1, 2], "amd64");
    let store = bench.registry.store();
    let sbom = sample::referrer(store, "a/app", &image, "application/spdx+json", &["{}".into()]);
    let ran = bench.run("inspect HOST/a/app:v1 --json")?.expect_code(0)?;
    let told: Value = serde_json::from_str(&ran.stdout)?;
    ensure!(told["schema"] == "image-syncer/inspect/1" && told["digest"] == image.digest, "{told:#}");
    ensure!(told["reference"] == format!("{}/a/app:v1", bench.registry.host()), "{told:#}");
    ensure!(told["platforms"] == json!(["linux/amd64"]) && told["size"] == image.size, "{told:#}");
    ensure!(told["layers"].as_array().map(Vec::len) == Some(2) && told["manifests"] == json!([]), "{told:#}");
    let config = told["config"]["size"].as_u64().context("a config")?;
    ensure!(told["totalSize"] == 20_000 + config, "{told:#}");
    ensure!(told["config"]["content"]["architecture"] == "amd64", "{told:#}");
    ensure!(told["referrers"][0]["digest"] == sbom.digest, "{told:#}");
    ensure!(told["referrers"][0]["artifactType"] == "application/spdx+json", "{told:#}");
    ensure!(told["tags"] == Value::Null, "{told:#}");
    let requests = bench.requests();
    let count = |is: &dyn Fn(&LoggedRequest) -> bool| requests.iter().filter(|one| is(one)).count();
    ensure!(count(&|one| one.is_manifest(&Method::GET)) == 1, "{:?}", bench.asked());
    ensure!(count(&|one| one.is_blob(&Method::GET)) == 1, "{:?}", bench.asked());
    ensure!(count(&|one| one.is_referrer_list()) == 1, "{:?}", bench.asked());
    // cosign's tags for a signature, attestations and an SBOM.
    ensure!(count(&|one| one.is_manifest(&Method::HEAD)) == 3 && requests.len() == 6, "{:?}", bench.asked());

    let signature = sample::signature(store, "a/app", &image.digest);
    let stored = store.manifest("a/app", &signature.digest).context("the signature")?;
    for end in ["att", "sbom"] {
        let tag = format!("{}.{end}", image.digest.replace(':', "-"));
        store.put_manifest("a/app", &tag, &stored.media_type, stored.bytes.clone());
    }
    let text = bench.run("inspect HOST/a/app:v1")?.expect_code(0)?.stdout;
    for line in [
        "  platforms  linux/amd64\n",
        "  SBOM  ",
        &format!("  signature  {}", signature.digest),
        &format!("  attestation  {}", signature.digest),
        &format!("  SBOM  {}", signature.digest),
        "layers\n",
    ] {
        ensure!(text.contains(line), "{line}\n{text}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_index_each_manifest_is_read_once_and_shared_layers_are_counted_once() -> Result<()> {
    let bench = Bench::start().await?;
    let index = bench.index();
    let ran = bench.run("inspect HOST/a/app:v1 --json")?.expect_code(0)?;
    let told: Value = serde_json::from_str(&ran.stdout)?;
    ensure!(told["digest"] == index.digest && told["config"] == Value::Null, "{told:#}");
    ensure!(told["platforms"] == json!(["linux/amd64", "linux/arm64", "linux/s390x"]), "{told:#}");
    let standings: Vec<_> =
        told["manifests"].as_array().into_iter().flatten().map(|one| &one["standing"]).collect();
    ensure!(standings == ["there", "there", "missing"], "{told:#}");
    ensure!(told["layers"].as_array().map(Vec::len) == Some(3), "{told:#}");
    let configs = [0, 1].map(|child| told["manifests"][child]["config"]["size"].as_u64().unwrap_or_default());
    ensure!(told["totalSize"] == 30_000 + configs.iter().sum::<u64>(), "{told:#}");
    let requests = bench.requests();
    let manifests = requests.iter().filter(|one| one.is_manifest(&Method::GET)).count();
    // The index, its three manifests, and the referrers tag.
    ensure!(manifests <= 5, "{:?}", bench.asked());
    ensure!(
        requests.iter().filter(|one| one.is_blob(&Method::GET)).count() == 1,
        "one config: {:?}",
        bench.asked()
    );
    let text = bench.run("inspect HOST/a/app:v1")?.expect_code(0)?.stdout;
    for line in [
        "  linux/amd64  sha256:",
        ", also in linux/arm64\n",
        "  linux/s390x  ",
        "  is not in this repository\n",
    ] {
        ensure!(text.contains(line), "{line}\n{text}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_is_the_manifest_and_nothing_else() -> Result<()> {
    let bench = Bench::start().await?;
    bench.index();
    let stored = bench.registry.store().manifest("a/app", "v1").context("v1")?;
    let ran = bench.run("inspect HOST/a/app:v1 --raw")?.expect_code(0)?;
    ensure!(ran.stdout.as_bytes() == stored.bytes && bench.requests().len() == 1, "{:?}", bench.asked());
    bench.run("inspect HOST/a/app:v1 --raw --json")?.expect_code(2)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_beside_the_manifest_is_told_and_fails() -> Result<()> {
    let bench = Bench::start().await?;
    let image = bench.image("a/app", Some("v1"), &[1], "amd64");
    let manifest: Value =
        serde_json::from_slice(&bench.registry.store().manifest("a/app", "v1").context("v1")?.bytes)?;
    let config = manifest["config"]["digest"].as_str().context("a config")?.to_owned();
    bench.registry.store().remove_blob("a/app", &config);
    let ran = bench.run("inspect HOST/a/app:v1 --json")?.expect_code(1)?;
    let told: Value = serde_json::from_str(&ran.stdout)?;
    ensure!(told["digest"] == image.digest && told["config"]["content"] == Value::Null, "{told:#}");
    ran.says(&["reading blob", "help: "])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_names_too_much_is_read_in_part_and_that_is_told() -> Result<()> {
    let bench = Bench::start().await?;
    let store = bench.registry.store();
    let index_type = "application/vnd.oci.image.index.v1+json";
    let index = |children: &[Value], tag: Option<&str>| -> Value {
        let text = json!({"schemaVersion": 2, "mediaType": index_type, "manifests": children}).to_string();
        let digest = testkit::digest_of(text.as_bytes());
        let size = text.len();
        store.put_manifest("a/app", tag.unwrap_or(&digest), index_type, text);
        json!({"mediaType": index_type, "digest": digest, "size": size})
    };
    let named = |number: usize| {
        let digest = testkit::digest_of(number.to_string().as_bytes());
        json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 100})
    };
    let below: Vec<_> = (0..40)
        .map(|part| index(&(0..40).map(|number| named(part * 40 + number)).collect::<Vec<_>>(), None))
        .collect();
    index(&below, Some("v1"));
    let ran = bench.run("inspect HOST/a/app:v1")?.expect_code(1)?;
    ensure!(ran.stderr.contains("of its manifests were left out"), "{}", ran.stderr);
    let reads = bench.requests().iter().filter(|one| one.is_manifest(&Method::GET)).count();
    // Plus the index itself and the referrers tag.
    ensure!((1_000..=1_002).contains(&reads), "{reads}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_is_given_nothing_that_it_obeys() -> Result<()> {
    let bench = Bench::start().await?;
    let manifest = "{\"schemaVersion\": 2, \"manifests\": [], \"annotations\": {\"a\": \"b\u{202e}c\"}}";
    bench.registry.store().put_manifest("a/app", "v1", "application/vnd.oci.image.index.v1+json", manifest);
    let host = bench.registry.host();
    let inspect = format!("inspect {host}/a/app:v1 --raw --plain-http {host}");
    let piped = bench.workplace.run(&inspect)?.expect_code(0)?;
    ensure!(piped.stdout == manifest, "{}", piped.all());
    let command = format!("{} {inspect}", env!("CARGO_BIN_EXE_image-syncer"));
    let mut on_terminal = std::process::Command::new("script");
    on_terminal.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
    let shown =
        on_terminal.current_dir(bench.workplace.path()).env("HOME", bench.workplace.path()).output()?;
    let shown = String::from_utf8(shown.stdout)?;
    ensure!(shown.contains("\"annotations\"") && !shown.contains('\u{202e}'), "{shown}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_text_in_an_image_is_not_obeyed() -> Result<()> {
    let bench = Bench::start().await?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [],
        "annotations": {"a\u{1b}[2J": "b\nHOST\u{202e}"},
    });
    bench.registry.store().put_manifest(
        "a/app",
        "v1",
        "application/vnd.oci.image.index.v1+json",
        manifest.to_string(),
    );
    for form in ["", "--json"] {
        let ran = bench.run(&format!("inspect HOST/a/app:v1 {form}"))?.expect_code(0)?;
        ensure!(!ran.stdout.contains(['\u{1b}', '\u{202e}']), "{}", ran.stdout);
        ensure!(ran.stdout.contains("HOST"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_narrowed_as_rules_are() -> Result<()> {
    let bench = Bench::with(embedded_registry::preset::zot().tag_page_size(2)).await?;
    let tags = ["1.0", "1.1", "1.2", "1.2-rc1", "latest"];
    for tag in tags {
        bench.image("a/app", Some(tag), &[1], "amd64");
    }
    let listed = |arguments: &str| -> Result<Vec<String>> {
        let ran = bench.run(&format!("tags HOST/a/app {arguments}"))?.expect_code(0)?;
        Ok(ran.stdout.lines().map(str::to_owned).collect())
    };
    ensure!(listed("")? == tags);
    ensure!(bench.requests().iter().all(LoggedRequest::is_tag_list));
    ensure!(listed("--semver >=1.1")? == ["1.1", "1.2"]);
    ensure!(listed("--latest 1")? == ["1.2"]);
    ensure!(listed("--include 1.* --exclude *-rc*")? == ["1.0", "1.1", "1.2"]);
    bench.run("tags HOST/a/app --include none")?.expect_code(0)?.says(&["selected 0 of 5 tags"])?;
    bench.run("tags HOST/a/app:v1")?.expect_code(2)?.says(&["name its repository alone"])?;
    bench.run("tags HOST/a/none")?.expect_code(1)?.says(&["listing tags failed", "help: "])?;
    let ran = bench.run("tags HOST/a/app --dates")?.expect_code(1)?;
    ensure!(ran.stdout.is_empty(), "{}", ran.all());
    ran.says(&["does not tell when tags were pushed", "Harbor does"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_are_those_below_a_path_and_without_the_host() -> Result<()> {
    let bench = Bench::start().await?;
    for repository in ["a/app", "a/lib/core", "ab/app"] {
        bench.image(repository, Some("v1"), &[1], "amd64");
    }
    let listed = |arguments: &str| -> Result<String> {
        Ok(bench.run(&format!("repos {arguments}"))?.expect_code(0)?.stdout)
    };
    ensure!(listed("HOST")? == "a/app\na/lib/core\nab/app\n");
    ensure!(listed("HOST/a/")? == "a/app\na/lib/core\n");
    ensure!(listed("HOST/a --exclude-repository a/lib/**")? == "a/app\n");
    bench.run("repos HOST/a/**")?.expect_code(2)?.says(&["--include-repository"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_is_status_4() -> Result<()> {
    let user = User::new("me", "right-secret", vec![Grant::pull("a/app")]);
    let bench = Bench::with(EmbeddedRegistry::builder().access(Access::Basic(vec![user]))).await?;
    bench.image("a/app", Some("v1"), &[1], "amd64");
    let host = bench.registry.host();
    let config = |password: &str| {
        format!(
            r#"{{"auth": {{"{host}": {{"username": "me", "password": "{password}", "insecure": true}}}}}}"#
        )
    };
    bench.workplace.write("wrong.json", &config("wrong-secret"))?;
    // The default config is read without a flag.
    bench.workplace.write("image-syncer.yaml", &config("right-secret"))?;
    for verb in ["digest HOST/a/app:v1", "inspect HOST/a/app:v1", "tags HOST/a/app"] {
        let verb = verb.replace("HOST", &host);
        let ran = bench.workplace.run(&format!("{verb} --config wrong.json"))?.expect_code(4)?;
        ensure!(ran.stdout.is_empty(), "{}", ran.all());
        ran.says(&["help: check user and password"])?.hides(&["wrong-secret"])?;
        bench.workplace.run(&verb)?.expect_code(0)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn passing_trouble_is_asked_again() -> Result<()> {
    let bench = Bench::start().await?;
    let image = bench.image("a/app", Some("v1"), &[1], "amd64");
    let unavailable = Fault {
        when: Match::head("manifests"),
        times: Times::First(1),
        effect: Effect::refuse(503, "UNAVAILABLE", "later"),
    };
    bench.registry.misbehave(unavailable.clone());
    ensure!(bench.run("digest HOST/a/app:v1")?.expect_code(0)?.stdout == format!("{}\n", image.digest));
    ensure!(bench.requests().len() == 2, "{:?}", bench.asked());
    bench.registry.misbehave(unavailable);
    bench.run("digest HOST/a/app:v1 --retries 0")?.expect_code(1)?.says(&["503"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_that_are_not_there_and_a_web_page_in_their_place_are_told() -> Result<()> {
    let bench = Bench::start().await?;
    bench.image("a/app", Some("v1"), &[1], "amd64");
    let ran = bench.run("repos HOST/nope")?.expect_code(0)?;
    ensure!(ran.stdout.is_empty());
    ran.says(&["no repository that was asked for lies below", "/nope`"])?;
    let page = Effect::html(404);
    bench.registry.misbehave(Fault { when: Match::path("/v2/"), times: Times::Always, effect: page });
    for verb in ["repos HOST", "inspect HOST/a/app:v1", "digest HOST/a/app:v1"] {
        bench.run(verb)?.expect_code(1)?.says(&["answers with a web page"])?;
    }
    bench.run("tags HOST/a/app")?.expect_code(1)?.says(&["a 404 without a registry's error document"])?;
    let host = bench.registry.host();
    bench.run(&format!("tags {host}"))?.expect_code(2)?.says(&["is a registry without a repository"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn harbor_tells_dates_tags_of_a_digest_and_repositories() -> Result<()> {
    let harbor = HarborBench::start().await?;
    let image = Image::new(SeedFlavour::Oci).layer(layer(1, 500));
    harbor.pusher().image("library/app", "v1", &image).await?;
    harbor.pusher().image("library/app", "v2", &image).await?;
    let workplace = Workplace::new()?;
    let (host, (user, password)) = (harbor.host(), HarborBench::ADMINISTRATOR);
    workplace.write(
        "c.json",
        &format!(r#"{{"auth": {{"{host}": {{"username": "{user}", "password": "{password}", "insecure": true}}}}}}"#),
    )?;
    let run = |arguments: &str| workplace.run(&format!("{arguments} --config c.json"));
    ensure!(run(&format!("repos {host}/library"))?.expect_code(0)?.stdout == "library/app\n");
    let dated = run(&format!("tags {host}/library/app --dates"))?.expect_code(0)?.stdout;
    for (line, tag) in dated.lines().zip(["v1", "v2"]) {
        let (own, date) = line.split_once('\t').context("a tabulator")?;
        ensure!(own == tag && date.parse::<jiff::Timestamp>().is_ok(), "{dated}");
    }
    ensure!(dated.lines().count() == 2, "{dated}");
    let told = run(&format!("inspect {host}/library/app:v1 --json --tags"))?.expect_code(0)?.stdout;
    let told: Value = serde_json::from_str(&told)?;
    ensure!(told["tags"].as_array().is_some_and(|tags| tags.contains(&json!("v1"))), "{told:#}");
    Ok(())
}

#[test]
fn the_schema_of_inspect_is_there() -> Result<()> {
    let schema = Workplace::new()?.run("schema inspect")?.expect_code(0)?.stdout;
    let schema: Value = serde_json::from_str(&schema)?;
    ensure!(schema["properties"]["schema"]["const"] == "image-syncer/inspect/1", "{schema:#}");
    Ok(())
}

#[test]
fn help_says_what_the_verb_does() -> Result<()> {
    let workplace = Workplace::new()?;
    for (verb, does) in [
        ("inspect", "Shows what an image is made of"),
        ("digest", "Prints an image's digest"),
        ("tags", "Prints a repository's tags"),
        ("repos", "Prints the repositories"),
        ("explain", "Says why an image was copied"),
    ] {
        let help = workplace.run(&format!("{verb} --help"))?.expect_code(0)?.stdout;
        ensure!(help.contains(does), "{verb}: {help}");
    }
    Ok(())
}
