//! A line for each request, for debugging the path to a registry.

use std::time::Duration;

use registry::Exchange;
use sync::{Targets, WorkedOn};

use super::super::rule_names::RuleNames;

use super::line::{About, Entry, Field};
use crate::args::LogLevel;

/// The request and its result. An [`Exchange`] has no secrets.
pub(super) fn entry(exchange: &Exchange, names: &RuleNames) -> Entry {
    let Exchange {
        registry,
        method,
        url,
        status,
        waited,
        reading,
        bytes_sent,
        bytes_read,
        request_id,
        purpose,
    } = exchange;
    let image = purpose.as_ref().and_then(|purpose| purpose.downcast_ref::<WorkedOn>());
    let status = status.map(|status| status.as_u16());
    let answer = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let milliseconds = |time: &Duration| Field::Number(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let more = [
        ("method", Some(Field::Text(method.to_string()))),
        ("url", Some(Field::Text(url.to_string()))),
        ("status", status.map(|status| Field::Number(status.into()))),
        ("ms", Some(milliseconds(waited))),
        ("readMs", Some(milliseconds(reading)).filter(|_| *bytes_read > 0)),
        ("bytesSent", Some(Field::Number(*bytes_sent))),
        ("bytesRead", Some(Field::Number(*bytes_read))),
    ];
    let about = About {
        rule: image.and_then(|of| names.label(of.rule)).map(str::to_owned),
        image: image.map(|of| of.image.source_name()),
        target: image.filter(|of| of.targets == Targets::One).map(|of| of.image.target_name()),
        registry: registry.as_ref().map(ToString::to_string),
        request_id: request_id.clone(),
        more: more.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
    };
    Entry { about, ..Entry::new(LogLevel::Debug, format!("{method} {url}: {answer}")) }
}
