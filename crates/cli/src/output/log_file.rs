//! The log file: one line for each thing that happens, in the form of the Go tool's last releases.

use std::fs::{File, OpenOptions};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use oci::foreign_text::clean;
use sync::{BlobOutcome, Event, Observer, Outcome, RunId, SkipReason, Stamp};

use super::nothing::{no_repository, nothing_selected};
use super::output_file::is_stdout;
use super::rule_names::RuleNames;
use super::stream::{Notice, Stream};
use super::verdict_words::verdict_words;
use super::{foreign, size, stopping};
use crate::args::LogFormat;
use crate::diagnostic;

/// So long the end waits for a log that takes nothing, such as a pipe that nobody reads.
const PATIENCE: Duration = Duration::from_secs(5);

/// Adds to a file.
pub(crate) struct LogFile {
    stream: Stream,
    format: LogFormat,
    run: RunId,
    names: RuleNames,
}

impl LogFile {
    /// Opens the file; missing folders are not made, and what is in it stays. `on_error` hears of the first line that
    /// cannot be written: a full disk must not end a copy, but neither is the log lost without a word.
    pub(crate) fn open(
        path: &Path,
        format: LogFormat,
        run: RunId,
        on_error: impl Fn(&std::io::Error) + Send + 'static,
    ) -> std::io::Result<Self> {
        let file = if is_stdout(path) {
            File::from(std::io::stdout().as_fd().try_clone_to_owned()?)
        } else {
            // A pipe that nobody reads is an error instead of a wait.
            OpenOptions::new().append(true).create(true).custom_flags(libc::O_NONBLOCK).open(path)?
        };
        let left_out: Notice = match format {
            LogFormat::Text => |count| left_out(LogFormat::Text, count),
            LogFormat::Json => |count| left_out(LogFormat::Json, count),
        };
        Ok(Self {
            stream: Stream::new(file, Box::new(on_error)).noting(left_out),
            format,
            run,
            names: RuleNames::default(),
        })
    }

    /// The same with the names of the run's rules.
    pub(crate) fn naming(self, names: RuleNames) -> Self {
        Self { names, ..self }
    }

    /// Adds a line.
    pub(crate) fn write(&self, level: &str, message: &str) {
        self.add(SystemTime::now(), level, message);
    }

    fn add(&self, at: SystemTime, level: &str, message: &str) {
        let line = line(self.format, at, level, message, Some(&self.run));
        if level == "error" {
            // What failed is never left out.
            self.stream.text(line);
        } else {
            self.stream.line(line.trim_end_matches('\n'));
        }
    }

    /// Waits until all lines are in the file.
    pub(crate) fn finish(&self) {
        self.stream.flush(PATIENCE);
    }
}

fn left_out(format: LogFormat, count: usize) -> String {
    let message = format!("{count} lines are left out here: nobody read them");
    line(format, SystemTime::now(), "warning", &message, None).trim_end_matches('\n').to_owned()
}

/// `time="2006-01-02 15:04:05" level=info msg="…" run=…`, local time: where many runs write to one file, their lines are told
/// apart by the last field.
fn line(format: LogFormat, at: SystemTime, level: &str, message: &str, run: Option<&RunId>) -> String {
    // One thing that happened is one line, whatever its texts hold.
    let at = jiff::Zoned::try_from(at).unwrap_or_else(|_| jiff::Zoned::now());
    let time = at.strftime("%Y-%m-%d %H:%M:%S").to_string();
    if format == LogFormat::Json {
        let mut entry = serde_json::json!({"level": level, "msg": message, "time": time});
        if let Some(run) = run {
            entry["run"] = run.as_str().into();
        }
        return foreign::json(&entry.to_string()) + "\n";
    }
    let mut quoted = String::with_capacity(message.len());
    for character in message.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            other => quoted.push(other),
        }
    }
    let run = run.map(|run| format!(" run={run}")).unwrap_or_default();
    format!("time=\"{time}\" level={level} msg=\"{}\"{run}\n", foreign::line(&quoted))
}

impl Observer for LogFile {
    fn event(&self, stamp: &Stamp, event: &Event) {
        let (level, message) = match event {
            Event::TagsListed { source, tags, selected, .. } => {
                let selected = selected.map(|selected| format!(", {selected} selected")).unwrap_or_default();
                ("info", format!("Get tags of {source} successfully: {tags} listed{selected}"))
            }
            Event::Selected { rule, source, counts, .. } => {
                ("info", format!("Select tags of {}: {counts}", self.names.at(*rule, source)))
            }
            Event::RepositoriesListed { source, repositories, selected } => {
                ("info", format!("{source}: {repositories} repositories listed, {selected} selected"))
            }
            Event::Note { place, text } => ("warning", format!("{place}: {}", clean(text))),
            Event::InvalidTag { source, tag } => {
                ("warning", format!("{source} lists the invalid tag `{}`", clean(tag)))
            }
            Event::NothingSelected { rule, source, counts } => {
                let place = self.names.at(*rule, source);
                ("warning", format!("{place}: {}", nothing_selected(counts.as_ref())))
            }
            Event::NoRepository { rule, source, listed, names } => {
                let place = self.names.at(*rule, source);
                ("warning", format!("{place}: {}", no_repository(source, *listed, names)))
            }
            Event::RuleFailed(failure) => (
                "error",
                format!(
                    "Failed to executed analyzing image rule for {}: {}",
                    self.names.at(failure.rule, &failure.source),
                    diagnostic::short(&failure.error)
                ),
            ),
            Event::ImagePlanned(image) => {
                let (source, target) = (image.source_name(), image.target_name());
                ("info", format!("Generate a task for {source} to {target}"))
            }
            Event::BlobFinished { image, digest, size: bytes, outcome } => {
                let how = match outcome {
                    BlobOutcome::Copied => "copied",
                    BlobOutcome::Mounted => "mounted from another repository",
                    BlobOutcome::Present => "ignore exist blob",
                    BlobOutcome::LeftOut => "found nowhere, left out",
                };
                let (source, target) = (&image.source, &image.target);
                let bytes = size(*bytes);
                (
                    "info",
                    format!("Finish synchronizing blob {digest}({bytes}) from {source} to {target}: {how}"),
                )
            }
            Event::Retrying { image, error, wait, .. } => {
                let seconds = wait.as_secs_f64();
                ("warning", format!("Retry in {seconds:.1} s {image}: {}", diagnostic::short(error)))
            }
            Event::RetryingList { source, error, wait } => {
                let seconds = wait.as_secs_f64();
                ("warning", format!("Retry in {seconds:.1} s {source}: {}", diagnostic::short(error)))
            }
            Event::Stopping { in_work, waiting, drain } => ("warning", stopping(*in_work, *waiting, *drain)),
            Event::ImageFinished(ended) => image_line(&ended.image, &ended.outcome),
            _ => return,
        };
        self.add(stamp.at, level, &message);
    }
}

fn image_line(image: &sync::Image, outcome: &Outcome) -> (&'static str, String) {
    let (source, target) = (image.source_name(), image.target_name());
    match outcome {
        Outcome::Copied { digest, .. } => {
            ("info", format!("Synchronization successfully from {source} to {target} ({digest})"))
        }
        Outcome::Skipped(SkipReason::NoPlatform) => (
            "info",
            format!(
                "Finish synchronizing from {source} to {target}: skip synchronization because no manifest fits platform filters"
            ),
        ),
        Outcome::Skipped(SkipReason::Kept { .. }) => (
            "warning",
            format!(
                "Finish synchronizing from {source} to {target}: skip synchronization because destination has another image, which the rule keeps"
            ),
        ),
        Outcome::Skipped(SkipReason::NotInSample) => ("info", format!("Not in the sample: {target}")),
        Outcome::Verified(verdict) => {
            let level = if verdict.is_whole() { "info" } else { "error" };
            (level, format!("Verified {target}: {}", verdict_words(verdict)))
        }
        Outcome::Skipped(_) => (
            "info",
            format!(
                "Finish synchronizing from {source} to {target}: skip synchronization because destination image exists"
            ),
        ),
        Outcome::WouldCopy(_) => ("info", format!("Would synchronize from {source} to {target}")),
        Outcome::Failed(error) => (
            "error",
            format!(
                "Failed to executed synchronizing from {source} to {target}: {}",
                diagnostic::short(error)
            ),
        ),
        Outcome::NotDone => ("warning", format!("Not done: synchronizing from {source} to {target}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_json_if_so_asked() {
        let run = RunId::new("r-1");
        let line = line(LogFormat::Json, SystemTime::now(), "error", "say \"hi\"", Some(&run));
        assert!(
            line.starts_with(r#"{"level":"error","msg":"say \"hi\"","run":"r-1","time":"20"#)
                && line.ends_with("\"}\n")
        );
    }

    #[test]
    fn lines_are_logrus_text() {
        let run = RunId::new("r-1");
        let line = line(LogFormat::Text, SystemTime::now(), "info", "say \"hi\"\n\\", Some(&run));
        assert!(
            line.starts_with("time=\"20")
                && line.ends_with("level=info msg=\"say \\\"hi\\\"\\n\\\\\" run=r-1\n"),
            "{line}"
        );
    }

    /// A pipe is full after 64 KiB, and 4 MiB wait at most.
    #[test]
    fn s5_a_log_that_nobody_reads_holds_nobody_up_and_loses_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        // So that the log finds a reader.
        let held = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&pipe).unwrap();
        let log = LogFile::open(&pipe, LogFormat::Text, RunId::new("r"), |_| {}).unwrap();
        for number in 0..60_000 {
            log.write("info", &format!("copied {}", "x".repeat(100)));
            if number % 100 == 0 {
                log.write("error", &format!("failed {number}"));
            }
        }
        log.write("error", "the end");
        // Nobody has read yet.
        let lines = std::io::BufRead::lines(std::io::BufReader::new(File::open(&pipe).unwrap()));
        let lines = lines.map(Result::unwrap).take_while(|line| !line.contains("the end"));
        let (mut failed, mut left_out) = (0, false);
        for line in lines {
            left_out |= line.contains("lines are left out here: nobody read them");
            failed += usize::from(line.contains("level=error msg=\"failed "));
        }
        drop(held);
        assert_eq!(failed, 600);
        assert!(left_out, "or this shows nothing");
    }
}
