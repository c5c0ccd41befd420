//! Parses an answer that refuses a request: the specification's error document, else the beginning of the body.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method};
use oci::foreign_text::{clean, clean_to};
use serde::Deserialize;

use super::body::read_to_limit;
use super::request_id::request_id;
use super::web_page::{MOST_OF_PAGE, is_web_page};
use crate::client::Answered;
use crate::error::{Refusal, RegistryMessage};
use crate::face::Face;
use crate::{Error, RedactedUrl};

/// The most bytes that are read of an answer that only explains a refusal.
pub(crate) const MOST_BYTES: u64 = 64 << 10;
/// The most bytes of an undecodable body that are kept.
const MOST_SHOWN: usize = 300;
/// The most entries of an error document that are kept.
const MOST_ENTRIES: usize = 20;
/// The longest `Retry-After` that is obeyed.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    errors: Vec<Entry>,
    // Token servers answer like OAuth2, others with a single message.
    #[serde(default)]
    details: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    code: serde_json::Value,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    detail: serde_json::Value,
}

/// The error for an answer.
pub(crate) async fn refusal(method: &Method, response: reqwest::Response) -> Error {
    let url = RedactedUrl::from(response.url());
    let (status, answered) = (response.status(), Answered::of(&response));
    let headers = response.headers().clone();
    // A body that cannot be read must not hide the status.
    let body = read_to_limit(method, response, MOST_BYTES).await.unwrap_or_default();
    let refusal = Refusal::of_body(method, url, status, &headers, &body);
    Error::Refused(Box::new(Refusal { answered, ..refusal }))
}

impl Refusal {
    /// The refusal in an answer whose body was read.
    pub(crate) fn of_body(
        method: &Method,
        url: RedactedUrl,
        status: http::StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Self {
        let errors = messages(body);
        Self {
            method: method.clone(),
            url,
            status,
            body: if errors.is_empty() { shown(body) } else { None },
            errors,
            face: Face::of(status, headers),
            request_id: request_id(headers),
            retry_after: retry_after(headers, SystemTime::now()),
            answered: Answered::default(),
        }
    }
}

fn messages(body: &[u8]) -> Vec<RegistryMessage> {
    let Ok(document) = serde_json::from_slice::<Document>(body) else { return Vec::new() };
    let entries = document.errors.into_iter().take(MOST_ENTRIES).map(|entry| RegistryMessage {
        code: match entry.code {
            serde_json::Value::String(code) => one_line(&code),
            serde_json::Value::Null => String::new(),
            other => one_line(&other.to_string()),
        },
        message: with_system_error(entry.message.as_deref().map(one_line).unwrap_or_default(), &entry.detail),
    });
    let single = document.details.or(document.message).as_deref().map(one_line);
    entries.chain(single.map(|message| RegistryMessage { code: String::new(), message })).collect()
}

/// Docker's registry reports a disk error as an unknown error, with the system's error number in the detail: 28 is a full disk
/// (<https://github.com/distribution/distribution/blob/v2.8.2/registry/storage/driver/storagedriver.go>, `Error`).
fn with_system_error(message: String, detail: &serde_json::Value) -> String {
    match detail.pointer("/Enclosed/Err").and_then(serde_json::Value::as_u64) {
        Some(28) => format!("{message} (its storage: error 28, no space left on device)"),
        Some(number) => format!("{message} (its storage: error {number} of the system)"),
        None => message,
    }
}

/// A registry's text for display: on one line, cleaned.
fn one_line(text: &str) -> String {
    clean(&folded(text)).into_owned()
}

/// Joins the lines of web pages and indented documents into one.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shown(body: &[u8]) -> Option<String> {
    let line = folded(&String::from_utf8_lossy(body));
    let most = if is_web_page(line.as_bytes()) { MOST_OF_PAGE } else { MOST_SHOWN };
    (!line.is_empty()).then(|| clean_to(&line, most).into_owned())
}

/// Both forms of `Retry-After`: seconds, or a date. A date is compared with the answer's own `Date`, because our clock
/// may be minutes off.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = text.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let date = headers.get(http::header::DATE).and_then(|date| date.to_str().ok());
        let answered = date.and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or(now);
        httpdate::parse_http_date(text).ok()?.duration_since(answered).unwrap_or_default()
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_of_dockers_registry_is_named() {
        let body =
            br#"{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":{"DriverName":"filesystem",
            "Enclosed":{"Op":"write","Path":"/var/lib/registry/x","Err":28}}}]}"#;
        let messages = messages(body);
        assert_eq!(messages[0].message, "unknown error (its storage: error 28, no space left on device)");
    }

    #[test]
    fn c64_error_documents_of_every_shape() {
        let read = |body: &str| messages(body.as_bytes());
        let one = |code: &str, message: &str| {
            vec![RegistryMessage { code: code.to_owned(), message: message.to_owned() }]
        };
        assert_eq!(
            read(r#"{"errors":[{"code":"DENIED","message":"no","detail":[1]}]}"#),
            one("DENIED", "no")
        );
        assert_eq!(read(r#"{"errors":[{"code":404}]}"#), one("404", ""));
        assert_eq!(
            read(r#"{"details":"incorrect username or password"}"#),
            one("", "incorrect username or password")
        );
        assert_eq!(read("<html>"), []);
        assert_eq!(read(""), []);
        assert_eq!(shown(b"<html>\n\t<b>\x1bnginx</b>"), Some(r"<html> <b>\u{1b}nginx</b>".to_owned()));
        assert_eq!(shown(b""), None);
        assert!(shown("é".repeat(1000).as_bytes()).unwrap().ends_with("é… (2000 bytes)"));
    }

    #[test]
    fn of_a_page_for_people_a_refusal_shows_what_it_is_about() {
        let head = "<meta name=x>".repeat(100);
        let nginx = "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n<hr><center>nginx";
        let url = url::Url::parse("https://r.io/v2/").unwrap();
        for (status, page, told) in [
            (413, nginx.to_owned(), "413 Payload Too Large (web page: Request Entity Too Large)"),
            (502, "<html><title>502 Bad Gateway</title>".to_owned(), "502 Bad Gateway (web page)"),
            (
                403,
                format!("<!DOCTYPE html><html>{head}<title>Blocked by ACME</title>"),
                "403 Forbidden (web page: Blocked by ACME)",
            ),
            (403, "<html>".to_owned() + &"x".repeat(9000), "403 Forbidden (web page)"),
            (500, "plain words".to_owned(), "500 Internal Server Error (plain words)"),
        ] {
            let status = http::StatusCode::from_u16(status).unwrap();
            let refusal =
                Refusal::of_body(&Method::PUT, (&url).into(), status, &HeaderMap::new(), page.as_bytes());
            assert_eq!(refusal.to_string(), format!("PUT https://r.io/v2/: {told}"));
            assert_eq!(refusal.is_web_page(), page.starts_with('<'));
        }
    }

    #[test]
    fn of_an_answer_without_a_body_the_headers_tell_whether_it_is_a_page() {
        let url = url::Url::parse("https://r.io/v2/").unwrap();
        let version = ("docker-distribution-api-version", "registry/2.0");
        for (method, headers, is_page) in [
            (Method::HEAD, vec![("content-type", "text/html; charset=utf-8")], true),
            (Method::HEAD, vec![("content-type", "text/html"), version], false),
            (Method::HEAD, vec![("content-type", "application/json")], false),
            (Method::HEAD, vec![], false),
            // Of any other method the body itself tells.
            (Method::GET, vec![("content-type", "text/html")], false),
        ] {
            let pairs = headers.iter().map(|(name, value)| {
                (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
            });
            let (status, headers) = (http::StatusCode::FORBIDDEN, pairs.collect());
            let refusal = Refusal::of_body(&method, (&url).into(), status, &headers, b"");
            assert_eq!(refusal.is_web_page(), is_page, "{method} {headers:?}");
            assert_eq!(refusal.words().is_some(), is_page);
        }
    }

    #[test]
    fn p14_a_date_to_wait_for_is_read_by_the_servers_clock() {
        let read = |date: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::RETRY_AFTER, "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
            headers.insert(http::header::DATE, date.parse().unwrap());
            // Our clock is ten minutes behind.
            retry_after(&headers, SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 605))
        };
        assert_eq!(read("Sun, 06 Nov 1994 08:49:32 GMT"), Some(Duration::from_secs(5)));
        assert_eq!(read("Sun, 06 Nov 1994 08:50:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("now"), Some(Duration::from_secs(605)));
    }

    #[test]
    fn c66_retry_after_in_both_forms() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers, SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 10))
        };
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(10)));
        assert_eq!(read("999999999"), Some(LONGEST_WAIT));
        assert_eq!(read("soon"), None);
    }
}
