//! One signed call, sent once: with ACS3, or with the older signature if a gateway does not know ACS3.

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use registry::HostRequest;
use serde_json::Value;

use super::access_key::AccessKey;
use super::endpoint::Endpoint;
use super::error::{Error, Refusal};
use super::http::Http;
use super::signature::legacy::{RoaSignable, rpc_signature};
use super::signature::{Signable, canonical_query, percent_encode, sha256_hex};

/// The longest text of the API that an error keeps, in characters.
const LONGEST_MESSAGE: usize = 300;
const JSON: &str = "application/json";
/// The media type of forms.
pub(super) const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// A call of one of Alibaba Cloud's two kinds of API. None has a secret in its parameters.
pub(super) struct Call<'a> {
    pub(super) action: &'a str,
    pub(super) version: &'a str,
    pub(super) style: Style<'a>,
}

/// How a call passes its parameters.
pub(super) enum Style<'a> {
    /// By parameters of a POST to `/`.
    Rpc(Vec<(&'a str, &'a str)>),
    /// By the path of a GET.
    Roa(&'a str),
}

/// The address, key and client for calls.
pub(super) struct Caller<'a> {
    pub(super) http: &'a Http,
    pub(super) endpoint: &'a Endpoint,
    pub(super) key: &'a AccessKey,
}

impl Caller<'_> {
    /// Sends `call` and returns the answer if it is a success.
    pub(super) async fn send(&self, call: &Call<'_>) -> Result<Value, Error> {
        match self.judge(call, self.acs3(call)).await {
            Err(error) if error.is_unknown_signature() => self.judge(call, self.legacy(call)).await,
            answered => answered,
        }
    }

    async fn judge(&self, call: &Call<'_>, request: HostRequest) -> Result<Value, Error> {
        let host = self.endpoint.authority();
        let answer = self.http.ask(&request, call.action, &host).await?;
        let secrets = [self.key.secret(), self.key.security_token().unwrap_or_default()];
        judge(call.action, &host, (answer.status, &answer.body), &secrets)
    }

    fn acs3(&self, call: &Call<'_>) -> HostRequest {
        let (method, path, query): (Method, &str, &[(&str, &str)]) = match &call.style {
            Style::Rpc(parameters) => (Method::POST, "/", parameters),
            Style::Roa(path) => (Method::GET, path, &[]),
        };
        let (host, date, nonce, payload_hash) = (self.endpoint.authority(), now(), nonce(), sha256_hex(b""));
        let mut headers: Vec<(&'static str, &str)> = vec![
            ("host", host.as_str()),
            ("x-acs-action", call.action),
            ("x-acs-version", call.version),
            ("x-acs-date", &date),
            ("x-acs-signature-nonce", &nonce),
            ("x-acs-content-sha256", &payload_hash),
        ];
        if let Some(token) = self.key.security_token() {
            headers.extend([("x-acs-accesskey-id", self.key.id()), ("x-acs-security-token", token)]);
        }
        let signable =
            Signable { method: method.as_str(), path, query, headers: &headers, payload_hash: &payload_hash };
        let authorization = signable.authorization(self.key.id(), self.key.secret());
        let query = canonical_query(query);
        let url =
            self.endpoint.url(&if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") });
        let mut request =
            HostRequest::new(method, url).header(ACCEPT, HeaderValue::from_static(JSON)).body("");
        for (name, value) in headers.into_iter().filter(|(name, _)| *name != "host") {
            request = request.header(HeaderName::from_static(name), sensitive(value));
        }
        request.header(AUTHORIZATION, sensitive(&authorization))
    }

    fn legacy(&self, call: &Call<'_>) -> HostRequest {
        match &call.style {
            Style::Rpc(parameters) => self.legacy_rpc(call, parameters),
            Style::Roa(path) => self.legacy_roa(call, path),
        }
    }

    /// All parameters go in the form, so that the security token is in no URL.
    fn legacy_rpc(&self, call: &Call<'_>, parameters: &[(&str, &str)]) -> HostRequest {
        let (date, nonce) = (now(), nonce());
        let mut all = vec![
            ("Format", "JSON"),
            ("Version", call.version),
            ("AccessKeyId", self.key.id()),
            ("SignatureMethod", "HMAC-SHA1"),
            ("Timestamp", &date),
            ("SignatureVersion", "1.0"),
            ("SignatureNonce", &nonce),
            ("Action", call.action),
        ];
        all.extend_from_slice(parameters);
        all.extend(self.key.security_token().map(|token| ("SecurityToken", token)));
        let signature = rpc_signature("POST", &all, self.key.secret());
        let form = format!("{}&Signature={}", canonical_query(&all), percent_encode(&signature));
        HostRequest::new(Method::POST, self.endpoint.url("/")).header(CONTENT_TYPE, FORM).body(form)
    }

    fn legacy_roa(&self, call: &Call<'_>, path: &str) -> HostRequest {
        let date = Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let nonce = nonce();
        let mut headers: Vec<(&'static str, &str)> = vec![
            ("x-acs-signature-method", "HMAC-SHA1"),
            ("x-acs-signature-version", "1.0"),
            ("x-acs-signature-nonce", nonce.as_str()),
            ("x-acs-version", call.version),
        ];
        headers.extend(self.key.security_token().map(|token| ("x-acs-security-token", token)));
        let signable = RoaSignable {
            method: "GET",
            accept: JSON,
            content_md5: "",
            content_type: "",
            date: &date,
            headers: &headers,
            path,
        };
        let authorization = format!("acs {}:{}", self.key.id(), signable.signature(self.key.secret()));
        let mut request = HostRequest::new(Method::GET, self.endpoint.url(path))
            .header(ACCEPT, HeaderValue::from_static(JSON));
        for (name, value) in headers {
            request = request.header(HeaderName::from_static(name), sensitive(value));
        }
        request.header(DATE, plain(&date)).header(AUTHORIZATION, sensitive(&authorization))
    }
}

/// Judges an answer. Some refusals come with status 200 and `IsSuccess: false`.
pub(super) fn judge(
    action: &str,
    host: &str,
    (status, body): (StatusCode, &[u8]),
    secrets: &[&str],
) -> Result<Value, Error> {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let succeeded = status.is_success();
    match json {
        Some(json) if succeeded && !is_false(&json["IsSuccess"]) => Ok(json),
        None if succeeded => Err(Error::answer(action, host, "it is not JSON")),
        json => Err(Error::Refused(Box::new(refusal(
            action,
            host,
            status.as_u16(),
            &json.unwrap_or_default(),
            secrets,
        )))),
    }
}

fn refusal(action: &str, host: &str, status: u16, json: &Value, secrets: &[&str]) -> Refusal {
    // The two kinds of API spell the names differently.
    let text = |names: [&str; 2]| {
        names.iter().find_map(|name| match &json[*name] {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    };
    Refusal {
        action: action.to_owned(),
        host: host.to_owned(),
        status,
        code: text(["Code", "code"]).unwrap_or_default(),
        message: presentable(&text(["Message", "message"]).unwrap_or_default(), secrets),
        request_id: text(["RequestId", "requestId"]),
    }
}

/// A message in one line, without secrets, and without the signed text, which the API appends for a wrong signature:
/// "…our calculation. server string to sign is:…".
fn presentable(message: &str, secrets: &[&str]) -> String {
    let mut message = match message.split_once(". server ") {
        Some((said, _)) => format!("{said}."),
        None => message.to_owned(),
    };
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        message = message.replace(secret, "***").replace(&percent_encode(secret), "***");
    }
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn is_false(value: &Value) -> bool {
    value == false || value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("false"))
}

/// The time in the format of signatures.
pub(super) fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn nonce() -> String {
    let mut bytes = [0; 16];
    // Without randomness TLS would not work, either.
    SystemRandom::new().fill(&mut bytes).expect("the system gives randomness");
    hex::encode(bytes)
}

/// A header's value that must not be printed.
pub(super) fn sensitive(text: &str) -> HeaderValue {
    let mut value = plain(text);
    value.set_sensitive(true);
    value
}

fn plain(text: &str) -> HeaderValue {
    // The API would refuse a text that is no valid header value anyway.
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("invalid"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, body: &str) -> Result<Value, Error> {
        let answer = (StatusCode::from_u16(status).unwrap(), body.as_bytes());
        judge("GetNamespace", "cr.example", answer, &["hunter2", "tok/en+1=="])
    }

    #[test]
    fn success_needs_the_status_and_the_word() {
        assert_eq!(judged(200, r#"{"IsSuccess":true,"Code":"success","A":1}"#).unwrap()["A"], 1);
        assert_eq!(judged(200, r#"{"data":{}}"#).unwrap()["data"], serde_json::json!({}));
        let error =
            judged(200, r#"{"IsSuccess":false,"Code":"NAMESPACE_NOT_EXIST","RequestId":"R"}"#).unwrap_err();
        assert_eq!(error.code(), Some("NAMESPACE_NOT_EXIST"));
        assert!(error.to_string().ends_with("(RequestId R)"), "{error}");
        let error =
            judged(404, r#"{"code":"USER_NOT_EXIST","message":"user is not exist.","requestId":"r"}"#);
        assert_eq!(
            error.unwrap_err().to_string(),
            "GetNamespace: cr.example answers 404 USER_NOT_EXIST: user is not exist. (RequestId r)"
        );
        assert!(matches!(judged(200, "<html>").unwrap_err(), Error::Answer { .. }));
        assert_eq!(judged(502, "<html>").unwrap_err().to_string(), "GetNamespace: cr.example answers 502");
    }

    #[test]
    fn messages_lose_secrets_and_line_ends() {
        let said = "x-acs-security-token:tok/en+1==\nhunter2 tok%2Fen%2B1%3D%3D";
        assert_eq!(presentable(said, &["hunter2", "tok/en+1==", ""]), "x-acs-security-token:*** *** ***");
        assert_eq!(presentable("It is wrong. server string to sign is:GET", &[]), "It is wrong.");
        assert_eq!(presentable(&"ä".repeat(400), &[]).chars().count(), LONGEST_MESSAGE + 1);
    }
}
