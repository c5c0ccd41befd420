//! The message of a run in three parts, with variable texts replaced by names.

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::process::{Ran, Workplace};

/// The hosts' names on the page.
pub(crate) const SOURCE: &str = "harbor.example.com";
pub(crate) const TARGET: &str = "registry.example.cn";

/// A message with its parts.
pub(crate) struct Shown {
    pub(crate) code: i32,
    pub(crate) what: String,
    pub(crate) why: String,
    pub(crate) next: String,
    /// As printed.
    pub(crate) text: String,
    pub(crate) stderr: String,
}

/// Texts, and their names on the page.
pub(crate) type Names<'a> = &'a [(String, &'a str)];

impl Shown {
    /// The only failure of a run that wrote the report `r.json`.
    pub(crate) fn failure(ran: &Ran, workplace: &Workplace, names: Names<'_>) -> Result<Self> {
        let report: Value = serde_json::from_str(&workplace.read("r.json")?).context(ran.all())?;
        let failed =
            report["images"].as_array().into_iter().flatten().find(|image| image["error"].is_object());
        let failed = failed.unwrap_or(&report["failedRules"][0]);
        let error = &failed["error"];
        let part = |name: &str| named(error[name].as_str().unwrap_or_default(), names);
        let what = format!("{} {}: {}", part("side"), part("host"), part("operation"));
        let (why, next) = (part("message"), part("hint"));
        let stderr = named(&ran.stderr, names);
        // At the end all three parts are on consecutive lines.
        let lines: Vec<&str> = stderr.lines().collect();
        let is_block = |lines: &&[&str]| lines[0].starts_with("failed ") && lines[1].starts_with("  why:   ");
        let block = lines.windows(3).find(is_block).with_context(|| stderr.clone())?;
        let text = block.join("\n");
        for told in [&why, &next] {
            anyhow::ensure!(text.contains(told.as_str()), "the end does not say {told}:\n{stderr}");
        }
        Ok(Self { code: ran.code, what, why, next, text, stderr: ran.stderr.clone() })
    }

    /// The first error, or else the first warning, of a command line or config: one sentence has what and why, and the advice is below it
    /// or after a colon.
    pub(crate) fn error(ran: &Ran, names: Names<'_>) -> Result<Self> {
        Self::written(ran.code, &ran.stderr, names)
    }

    /// The same for a process whose stderr went to a file.
    pub(crate) fn written(code: i32, stderr: &str, names: Names<'_>) -> Result<Self> {
        let stderr = named(stderr, names);
        let lines: Vec<&str> = stderr.lines().collect();
        let begin = |mark: &str| lines.iter().position(|line| line.starts_with(mark));
        let first = begin("error: ").or_else(|| begin("warning: ")).context(stderr.clone())?;
        let more = lines[first + 1..].iter().take_while(|line| line.starts_with("  ")).count();
        let text = lines[first..=first + more].join("\n");
        let sentence =
            lines[first].split_once(": ").map_or(lines[first], |(_, sentence)| sentence).to_owned();
        let help = lines[first..=first + more].iter().find_map(|line| line.strip_prefix("  help: "));
        let next = help.map_or_else(|| sentence.clone(), str::to_owned);
        Ok(Self { code, what: sentence.clone(), why: sentence, next, text, stderr })
    }
}

impl Shown {
    /// A single line with everything; the advice follows `do:`, if there is one.
    pub(crate) fn line(line: &str, code: i32, names: Names<'_>) -> Self {
        let text = named(line, names);
        let next = text.split_once("; do: ").map_or(&*text, |(_, next)| next).to_owned();
        Self { code, what: text.clone(), why: text.clone(), next, stderr: text.clone(), text }
    }
}

/// Texts that vary between runs and machines, and their replacements.
const OTHERS: [(&str, &str); 13] = [
    ("request id [a-z]+-[0-9]+", "request id 4711"),
    ("blob sha256:[0-9a-f]{12}", "blob sha256:098bff4f420e"),
    ("session-[0-9]+", "session-1"),
    ("/run/containers/[0-9]+/", "/run/containers/1000/"),
    (
        r"verification time [0-9]+ (.*)\([0-9]+ seconds ago\)",
        "verification time 1795986024 $1(186526824 seconds ago)",
    ),
    // Runs, the first digits of configs' hashes, and folders of the test.
    ("away since [0-9]{2}:[0-9]{2}", "away since 23:59"),
    (r"run [0-9]{8}T[0-9]{6}Z-[0-9]+", "run 20261130T120000Z-4711"),
    (
        r"config \(sha256:[0-9a-f]{12}\) than this worker has \(sha256:[0-9a-f]{12}\)",
        "config (sha256:098bff4f420e) than this worker has (sha256:ba9876543210)",
    ),
    (r"(_INBOX_[a-z0-9]+)[.][A-Za-z0-9]{22}[.]", "$1.N6vWpQ2mVbX0bB3sT7c1Ra."),
    (r"coordinator-[A-Za-z0-9_-]+-[0-9]+", "coordinator-host-4711"),
    (r"_INBOX_check-[^.]*", "_INBOX_check-host-4711"),
    (r"streams are kept in /[^ ;:]*", "streams are kept in /tmp/nats/jetstream"),
    ("cannot be resolved: [^;\n]*", "cannot be resolved: the DNS server 10.0.0.53 knows no such name"),
];

fn named(text: &str, names: Names<'_>) -> String {
    let told = names.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    OTHERS.iter().fold(told, |text, (pattern, instead)| {
        regex::Regex::new(pattern).expect("it is tried").replace_all(&text, *instead).into_owned()
    })
}
