//! Formats a line of the log like logrus, in text or JSON, with the subject in separate fields.

use std::fmt::Write as _;
use std::time::SystemTime;

use sync::RunId;

use super::super::foreign;
use crate::args::{LogFormat, LogLevel};

/// An event for the log.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) level: LogLevel,
    pub(super) message: String,
    pub(super) about: About,
}

/// The subject of an event, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct About {
    pub(super) rule: Option<String>,
    /// The image's name at the source.
    pub(super) image: Option<String>,
    /// The image's name at the target.
    pub(super) target: Option<String>,
    pub(super) registry: Option<String>,
    pub(super) request_id: Option<String>,
    /// Further fields of some kinds of lines.
    pub(super) more: Vec<(&'static str, Field)>,
}

/// The value of a field. A name or an id that looks like a number stays a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Text(String),
    Number(u64),
}

impl Entry {
    pub(super) fn new(level: LogLevel, message: impl Into<String>) -> Self {
        Self { level, message: message.into(), about: About::default() }
    }

    /// The line with its newline. `run` is omitted for lines outside of a run.
    pub(super) fn line(&self, format: LogFormat, at: SystemTime, run: Option<&RunId>) -> String {
        // Local time with its offset, so that logs of several machines can be compared.
        let at = jiff::Zoned::try_from(at).unwrap_or_else(|_| jiff::Zoned::now());
        let time = at.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string();
        let run = run.map(|run| run.as_str().to_owned());
        let text = |text: Option<String>| text.map(Field::Text);
        let About { rule, image, target, registry, request_id, more } = self.about.clone();
        let fields = [
            ("run", text(run)),
            ("rule", text(rule)),
            ("image", text(image)),
            ("target", text(target)),
            ("registry", text(registry)),
            ("requestId", text(request_id)),
        ];
        let more = more.into_iter().map(|(name, value)| (name, Some(value)));
        let fields = fields.into_iter().chain(more).filter_map(|(name, value)| Some((name, value?)));
        match format {
            LogFormat::Json => self.json(&time, fields),
            LogFormat::Text => self.text(&time, fields),
        }
    }

    fn json(&self, time: &str, fields: impl Iterator<Item = (&'static str, Field)>) -> String {
        let level = self.level.name();
        let mut entry = serde_json::json!({"level": level, "msg": self.message, "time": time});
        for (name, value) in fields {
            entry[name] = match value {
                Field::Text(text) => text.into(),
                Field::Number(number) => number.into(),
            };
        }
        foreign::json(&entry.to_string()) + "\n"
    }

    /// `time="…" level=info msg="…" run=… rule="…"`: one event is one line, whatever its texts contain.
    fn text(&self, time: &str, fields: impl Iterator<Item = (&'static str, Field)>) -> String {
        let level = self.level.name();
        let mut line = format!("time=\"{time}\" level={level} msg=\"{}\"", quoted(&self.message));
        for (name, value) in fields {
            let value = match value {
                Field::Text(text) => text,
                Field::Number(number) => number.to_string(),
            };
            if value.is_empty() || value.contains([' ', '"', '=', '\\']) || value.contains(char::is_control) {
                let _ = write!(line, " {name}=\"{}\"", quoted(&value));
            } else {
                let _ = write!(line, " {name}={value}");
            }
        }
        foreign::line(&line) + "\n"
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            other => quoted.push(other),
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let about = About {
            rule: Some("all apps".to_owned()),
            registry: Some("r.io:5000".to_owned()),
            request_id: Some("a\"b\n".to_owned()),
            more: vec![("status", Field::Number(404)), ("method", Field::Text("7".to_owned()))],
            ..About::default()
        };
        Entry { about, ..Entry::new(LogLevel::Warn, "say \"hi\"\n\\") }
    }

    #[test]
    fn lines_are_json_if_so_asked() {
        let line = entry().line(LogFormat::Json, SystemTime::now(), Some(&RunId::new("r-1")));
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((line.matches('\n').count(), &read["msg"]), (1, &"say \"hi\"\n\\".into()));
        let shown =
            ["level", "run", "rule", "registry", "requestId"].map(|name| read[name].as_str().unwrap());
        assert_eq!(shown, ["warning", "r-1", "all apps", "r.io:5000", "a\"b\n"]);
        assert_eq!((&read["status"], &read["method"]), (&404.into(), &"7".into()));
        assert!(read.get("image").is_none(), "{line}");
    }

    /// Log indexes fix the type of a field once.
    #[test]
    fn texts_that_look_like_numbers_stay_texts() {
        for id in ["00042", "+5", "2024", "1e3"] {
            let own = || Some(id.to_owned());
            let about = About { rule: own(), request_id: own(), ..About::default() };
            let entry = Entry { about, ..Entry::new(LogLevel::Warn, "x") };
            let line = entry.line(LogFormat::Json, SystemTime::now(), Some(&RunId::new(id)));
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(
                (&read["requestId"], &read["rule"], &read["run"]),
                (&id.into(), &id.into(), &id.into())
            );
        }
    }

    #[test]
    fn lines_are_logrus_text() {
        let line = entry().line(LogFormat::Text, SystemTime::now(), Some(&RunId::new("r-1")));
        let end = "level=warning msg=\"say \\\"hi\\\"\\n\\\\\" run=r-1 rule=\"all apps\" registry=r.io:5000 requestId=\"a\\\"b\\n\" status=404 method=7\n";
        assert!(line.starts_with("time=\"20") && line.ends_with(end), "{line}");
    }

    #[test]
    fn times_have_their_zone() {
        let line = entry().line(LogFormat::Text, SystemTime::UNIX_EPOCH, None);
        let time = line.split('"').nth(1).unwrap();
        assert_eq!(time.parse::<jiff::Timestamp>().unwrap(), jiff::Timestamp::UNIX_EPOCH, "{time}");
    }
}
