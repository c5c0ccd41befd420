//! A line for each request, for whoever looks for a fault between here and a registry.

use registry::Exchange;

use super::line::{About, Entry};
use crate::args::LogLevel;

/// What was asked and how it went. An [`Exchange`] has no secrets.
pub(super) fn entry(exchange: &Exchange) -> Entry {
    let Exchange { registry, method, url, status, waited, reading, bytes_sent, bytes_read, request_id } =
        exchange;
    let status = status.map(|status| status.as_u16().to_string());
    let answer = status.as_deref().unwrap_or("no answer");
    let more = [
        ("method", Some(method.to_string())),
        ("url", Some(url.to_string())),
        ("status", status.clone()),
        ("ms", Some(waited.as_millis().to_string())),
        ("readMs", Some(reading.as_millis().to_string()).filter(|_| *bytes_read > 0)),
        ("bytesSent", Some(bytes_sent.to_string())),
        ("bytesRead", Some(bytes_read.to_string())),
    ];
    let about = About {
        registry: registry.as_ref().map(ToString::to_string),
        request_id: request_id.clone(),
        more: more.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        ..About::default()
    };
    Entry { about, ..Entry::new(LogLevel::Debug, format!("{method} {url}: {answer}")) }
}
