//! A Harbor and an ACR with its API, as in the seed scenario; and servers that are no registries.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use testkit::seed::{Flavour, Image, layer};
use testkit::{AcrApi, AcrInstance, DockerRegistry, HarborBench, TokenServer, TokenUser};

use crate::process::{Ran, Workplace};

pub(crate) const SERVICE: &str = "registry.aliyuncs.com:cn-shanghai:china:cri-test";
pub(crate) const KEY: (&str, &str) = ("LTAI-check", "check-key-secret");
pub(crate) const FIXED: (&str, &str) = ("mirror@account", "acr-fixed-password");

/// A project `library` with one repository at a Harbor, and an instance with the namespace `image-syncer`.
pub(crate) struct CheckBench {
    pub(crate) harbor: HarborBench,
    pub(crate) acr: DockerRegistry,
    pub(crate) tokens: TokenServer,
    pub(crate) api: AcrApi,
    pub(crate) workplace: Workplace,
}

impl CheckBench {
    pub(crate) async fn start() -> Result<Self> {
        let instance = AcrInstance::new("cri-test", "test").namespace("image-syncer", "true");
        Self::with(instance, SERVICE, &["pull", "push", "delete"]).await
    }

    /// Creates a bench whose temporary logins permit `actions`.
    pub(crate) async fn with(instance: AcrInstance, service: &str, actions: &[&'static str]) -> Result<Self> {
        let harbor = HarborBench::start().await?;
        let image = Image::new(Flavour::Docker).layer(layer(1, 1000));
        harbor.pusher().image("library/app", "v1", &image).await?;
        let fixed = TokenUser::new(FIXED.0, FIXED.1).grant("image-syncer/*", &["pull", "push"]);
        let tokens = TokenServer::acr(vec![fixed], service).await?;
        let api = AcrApi::start().await?;
        api.add_key(KEY.0, KEY.1);
        api.add_instance(instance);
        api.hand_out_logins_for(&tokens, actions);
        let mut workplace = Workplace::new()?;
        workplace.variable("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
        let acr = DockerRegistry::token(&tokens).await?;
        Ok(Self { harbor, acr, tokens, api, workplace })
    }

    /// The auth entry of the Harbor's robot.
    pub(crate) fn harbor_entry(&self) -> String {
        let (user, password) = HarborBench::ROBOT;
        entry(&self.harbor.host(), user, password)
    }

    /// The auth entry of the ACR with an access key; `more` are further keys, such as `, "create": true`.
    pub(crate) fn acr_entry(&self, more: &str) -> String {
        format!(
            r#""{}": {{"provider": "acr", "endpoint": "{}", "region": "cn-shanghai", "insecure": true{more}}}"#,
            self.acr.host(),
            self.api.url()
        )
    }

    /// The auth entry of the ACR with a fixed password.
    pub(crate) fn fixed_entry(&self, password: &str) -> String {
        entry(&self.acr.host(), FIXED.0, password)
    }

    /// The rule of the seed scenario.
    pub(crate) fn rule(&self) -> String {
        format!(r#""{}/library/app": "{}/image-syncer/app""#, self.harbor.host(), self.acr.host())
    }

    pub(crate) fn set_key(&mut self, id: &str, secret: &str) {
        self.workplace.variable("ALIBABA_CLOUD_ACCESS_KEY_ID", id);
        self.workplace.variable("ALIBABA_CLOUD_ACCESS_KEY_SECRET", secret);
    }

    /// Checks these entries and rules. Fails if anything is left at the target, or a secret is printed.
    pub(crate) fn check(&self, entries: &[String], rules: &[String]) -> Result<Checked> {
        let checked = check(&self.workplace, entries, rules)?;
        assert_nothing_left(&self.acr)?;
        assert_nothing_left(self.harbor.registry())?;
        ensure!(
            self.api.calls("CreateNamespace") + self.api.calls("CreateRepository") == 0,
            "nothing is created"
        );
        let secrets = self.api.secrets();
        let known = [KEY.1, FIXED.1, HarborBench::ROBOT.1];
        let secrets: Vec<_> = secrets.iter().map(String::as_str).chain(known).collect();
        Ok(Checked(checked.0.hides(&secrets)?))
    }
}

pub(crate) fn entry(host: &str, user: &str, password: &str) -> String {
    format!(r#""{host}": {{"username": "{user}", "password": "{password}", "insecure": true}}"#)
}

/// Writes the config, and runs `check`.
pub(crate) fn check(workplace: &Workplace, entries: &[String], rules: &[String]) -> Result<Checked> {
    let (entries, rules) = (entries.join(", "), rules.join(", "));
    workplace.write("c.json", &format!(r#"{{"auth": {{{entries}}}, "images": {{{rules}}}}}"#))?;
    Ok(Checked(workplace.run("check --config c.json")?))
}

/// The output of a check.
pub(crate) struct Checked(pub(crate) Ran);

impl Checked {
    /// Fails unless one line begins with the first text and contains all others.
    pub(crate) fn line(self, start: &str, texts: &[&str]) -> Result<Self> {
        let fits = |line: &str| line.starts_with(start) && texts.iter().all(|text| line.contains(text));
        ensure!(self.0.stdout.lines().any(fits), "no line {start:?} with {texts:?}:\n{}", self.0.all());
        Ok(self)
    }

    /// Fails unless exactly one problem is reported, with this exit status.
    pub(crate) fn one_problem(self, code: i32) -> Result<Self> {
        let problems = self.0.stdout.lines().filter(|line| line.starts_with("problem")).count();
        ensure!(problems == 1, "{problems} problems instead of one:\n{}", self.0.all());
        Ok(Self(self.0.expect_code(code)?))
    }
}

/// Fails unless every upload session was cancelled, nothing was stored, and no session is left on disk.
pub(crate) fn assert_nothing_left(registry: &DockerRegistry) -> Result<()> {
    let requests = registry.requests();
    let count = |start: &str, end: &str| {
        requests.iter().filter(|line| line.starts_with(start) && line.ends_with(end)).count()
    };
    let stored = count("PUT ", "") + count("PATCH ", " 202");
    ensure!(stored == 0, "something was written: {requests:#?}");
    let (begun, cancelled) = (count("POST ", " 202"), count("DELETE ", " 204"));
    ensure!(begun == cancelled, "{begun} uploads were begun and {cancelled} cancelled: {requests:#?}");
    let mut folders = vec![registry.data_dir().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            // Sessions have this file: distribution leaves empty folders of old sessions behind.
            ensure!(
                entry.file_name() != "startedat",
                "an upload session is left: {}",
                entry.path().display()
            );
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}

/// A server that treats all connections alike; it ends on drop.
pub(crate) struct Listener {
    pub(crate) host: String,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Answers every request with this text.
    pub(crate) fn answering(answer: String) -> Result<Self> {
        Self::start(move |mut stream| {
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut piece) {
                    Ok(0) | Err(_) => return,
                    Ok(length) => request.extend_from_slice(&piece[..length]),
                }
            }
            // A client that hangs up is no error.
            let _ = stream.write_all(answer.as_bytes());
        })
    }

    /// Accepts connections and resets them, like a load balancer with a whitelist.
    pub(crate) fn resetting() -> Result<Self> {
        Self::start(|stream| {
            // Closing a socket with unread data sends a reset.
            let _ = stream.peek(&mut [0]);
        })
    }

    fn start(serve: impl Fn(TcpStream) + Send + 'static) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let host = listener.local_addr()?.to_string();
        let stopped = Arc::new(AtomicBool::new(false));
        let is_stopped = Arc::clone(&stopped);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if is_stopped.load(Ordering::Relaxed) {
                    return;
                }
                let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
                serve(stream);
            }
        });
        Ok(Self { host, stopped, thread: Some(thread) })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the thread. If this fails, the join shows it.
        let _ = TcpStream::connect(&self.host);
        self.thread.take().map(JoinHandle::join);
    }
}

/// A port of this machine without a listener.
pub(crate) fn closed_port() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
    Ok(listener.local_addr()?.to_string())
}
