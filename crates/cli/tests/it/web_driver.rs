//! A headless Chromium, driven by chromedriver: <https://www.w3.org/TR/webdriver2/>. Debian has both.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

/// One window. Its processes end when it is dropped.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    profile: tempfile::TempDir,
}

impl Browser {
    /// Fails if Chromium or its driver is missing: `scripts/test` installs both.
    pub(crate) fn start() -> Result<Self> {
        let profile = tempfile::tempdir()?;
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut driver =
            command.spawn().context("chromedriver is missing: apt-get install chromium-driver")?;
        let stdout = BufReader::new(driver.stdout.take().context("stdout")?);
        let port = stdout.lines().map_while(Result::ok).find_map(|line| {
            line.rsplit_once("started successfully on port ")?.1.trim_end_matches('.').parse().ok()
        });
        let port = port.context("chromedriver does not say its port")?;
        let mut browser = Self { driver, port, session: String::new(), profile };
        let folder = browser.profile.path().display();
        // For root, as in containers, there is no sandbox; and /dev/shm is small there.
        let arguments = json!([
            "--headless",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--window-size=1200,900",
            format!("--user-data-dir={folder}"),
        ]);
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"},
        }}});
        let session =
            browser.ask("POST", "", &wanted).context("chromium does not start: apt-get install chromium")?;
        session["sessionId"].as_str().context("session")?.clone_into(&mut browser.session);
        Ok(browser)
    }

    pub(crate) fn open(&self, page: &Path) -> Result<()> {
        self.ask("POST", "/url", &json!({"url": format!("file://{}", page.display())})).map(|_| ())
    }

    /// The value that a script in the page returns.
    pub(crate) fn run(&self, script: &str) -> Result<Value> {
        self.ask("POST", "/execute/sync", &json!({"script": script, "args": []}))
            .with_context(|| script.to_owned())
    }

    /// The value that a script passes to its last argument, a callback.
    pub(crate) fn wait_for(&self, script: &str) -> Result<Value> {
        self.ask("POST", "/execute/async", &json!({"script": script, "args": []}))
            .with_context(|| script.to_owned())
    }

    /// Types into the element of a selector.
    pub(crate) fn write(&self, selector: &str, text: &str) -> Result<()> {
        let found = self.ask("POST", "/element", &json!({"using": "css selector", "value": selector}))?;
        let element =
            found.as_object().and_then(|found| found.values().next()?.as_str()).context("element")?;
        self.ask("POST", &format!("/element/{element}/value"), &json!({"text": text})).map(|_| ())
    }

    /// One of Chromium's own commands: <https://chromedevtools.github.io/devtools-protocol/>.
    pub(crate) fn command(&self, name: &str, parameters: &Value) -> Result<Value> {
        self.ask("POST", "/goog/cdp/execute", &json!({"cmd": name, "params": parameters}))
    }

    /// All addresses that a page has requested so far, its own first.
    pub(crate) fn requested_by(&self, page: &str) -> Result<Vec<String>> {
        let entries = self.ask("POST", "/se/log", &json!({"type": "performance"}))?;
        let mut addresses = Vec::new();
        for entry in entries.as_array().context("log")? {
            let entry: Value = serde_json::from_str(entry["message"].as_str().context("message")?)?;
            let is_request = entry["message"]["method"] == "Network.requestWillBeSent";
            // The browser's own pages make requests, too.
            if is_request && entry["message"]["params"]["documentURL"] == page {
                let address = &entry["message"]["params"]["request"]["url"];
                addresses.push(address.as_str().context("url")?.to_owned());
            }
        }
        Ok(addresses)
    }

    /// The console's errors and warnings, including violations of the page's policy.
    pub(crate) fn complaints(&self) -> Result<Vec<String>> {
        let entries = self.ask("POST", "/se/log", &json!({"type": "browser"}))?;
        Ok(entries.as_array().context("log")?.iter().map(|entry| entry["message"].to_string()).collect())
    }

    /// Minimal: one connection for each request.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let path = match self.session.as_str() {
            "" => "/session".to_owned(),
            session => format!("/session/{session}{path}"),
        };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        let body = body.to_string();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.port,
            body.len()
        )?;
        let mut answer = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0_u64);
        while answer.read_line(&mut line)? > 2 {
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
            line.clear();
        }
        let mut text = String::new();
        answer.take(length).read_to_string(&mut text)?;
        let answer: Value = serde_json::from_str(&text).with_context(|| text.clone())?;
        if let Some(error) = answer["value"]["error"].as_str() {
            bail!("{error}: {}", answer["value"]["message"]);
        }
        ensure!(answer.get("value").is_some(), "{text}");
        Ok(answer["value"].clone())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            // Deleting the session ends the browser.
            let _ = self.ask("DELETE", "", &json!({}));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
