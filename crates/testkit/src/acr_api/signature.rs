//! Checks signatures as Alibaba Cloud's documentation describes: ACS3, and the two older ones.

use std::collections::HashMap;

use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA256};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::call::Call;
use super::office::{Refused, State};

/// The maximum clock difference, in seconds.
const SKEW: i64 = 15 * 60;

/// The known access keys.
#[derive(Default)]
pub(super) struct Keys(HashMap<String, Key>);

#[derive(Clone)]
struct Key {
    secret: String,
    /// The token of a temporary key, and its expiry.
    token: Option<(String, Timestamp)>,
}

/// The signature data of a request.
struct Claim<'a> {
    access_key_id: &'a str,
    token: &'a str,
    nonce: &'a str,
    time: Option<Timestamp>,
    signature: &'a str,
}

impl Keys {
    pub(super) fn add(&mut self, id: &str, secret: &str, token: Option<(String, Timestamp)>) {
        self.0.insert(id.to_owned(), Key { secret: secret.to_owned(), token });
    }
}

/// Checks the signature; returns the access key id.
pub(super) fn check(state: &mut State, call: &Call<'_>) -> Result<String, Refused> {
    let authorization = call.header("authorization").unwrap_or_default();
    if let Some(rest) = authorization.strip_prefix("ACS3-HMAC-SHA256 ") {
        if state.refuses_acs3 {
            return Err(Refused::new(400, "UnsupportedSignatureMethod", "this gateway is old"));
        }
        return check_acs3(state, call, rest);
    }
    if let Some((id, signature)) = authorization.strip_prefix("acs ").and_then(|rest| rest.split_once(':')) {
        return check_classic(state, call, id, signature);
    }
    if !call.parameter("Signature").is_empty() {
        return check_parameters(state, call);
    }
    Err(Refused::new(400, "MissingAccessKeyId", "AccessKeyId is mandatory for this action."))
}

fn check_acs3(state: &mut State, call: &Call<'_>, rest: &str) -> Result<String, Refused> {
    let field = |name: &str| {
        let mut fields = rest.split(',').filter_map(|field| field.split_once('='));
        fields.find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    };
    let signed: Vec<&str> = field("SignedHeaders").split(';').collect();
    let incomplete = |what: &str| Refused::new(400, "IncompleteSignature", what.to_owned());
    for name in call.head.headers.keys().map(http::HeaderName::as_str) {
        let must = name == "host" || name == "content-type" || name.starts_with("x-acs-");
        if must && !signed.contains(&name) {
            return Err(incomplete(&format!("{name} is not signed")));
        }
    }
    let payload_hash = hex::encode(Sha256::digest(call.body));
    if call.header("x-acs-content-sha256") != Some(&payload_hash) {
        return Err(incomplete("the body has another hash"));
    }
    let mut sorted = signed.clone();
    sorted.sort_unstable();
    if signed != sorted || !signed.contains(&"host") {
        return Err(incomplete("the signed headers are not sorted, or lack the host"));
    }
    let claim = Claim {
        access_key_id: field("Credential"),
        token: call.header("x-acs-security-token").unwrap_or_default(),
        nonce: call.header("x-acs-signature-nonce").unwrap_or_default(),
        time: call.header("x-acs-date").and_then(|date| date.parse().ok()),
        signature: field("Signature"),
    };
    let mut lines = vec![call.head.method.to_string(), call.path().to_owned(), encoded(&call.query)];
    for name in &signed {
        lines.push(format!("{name}:{}", call.header(name).unwrap_or_default().trim()));
    }
    lines.extend([String::new(), signed.join(";"), payload_hash]);
    let canonical = lines.join("\n");
    let text = format!("ACS3-HMAC-SHA256\n{}", hex::encode(Sha256::digest(canonical.as_bytes())));
    claim.judge(state, &canonical, |secret| {
        hex::encode(hmac::sign(&hmac::Key::new(HMAC_SHA256, secret.as_bytes()), text.as_bytes()))
    })
}

fn check_parameters(state: &mut State, call: &Call<'_>) -> Result<String, Refused> {
    let all = call.query.iter().chain(&call.form).filter(|(name, _)| name != "Signature");
    let all: Vec<(String, String)> = all.cloned().collect();
    let text = format!("{}&%2F&{}", call.head.method, encode(&encoded(&all)));
    let claim = Claim {
        access_key_id: call.parameter("AccessKeyId"),
        token: call.parameter("SecurityToken"),
        nonce: call.parameter("SignatureNonce"),
        time: call.parameter("Timestamp").parse().ok(),
        signature: call.parameter("Signature"),
    };
    claim.judge(state, &text, |secret| sha1(&format!("{secret}&"), &text))
}

fn check_classic(state: &mut State, call: &Call<'_>, id: &str, signature: &str) -> Result<String, Refused> {
    let header = |name: &str| call.header(name).unwrap_or_default();
    let mut lines =
        ["accept", "content-md5", "content-type", "date"].map(|name| header(name).to_owned()).to_vec();
    lines.insert(0, call.head.method.to_string());
    let names = call.head.headers.keys().map(http::HeaderName::as_str);
    let mut names: Vec<&str> = names.filter(|name| name.starts_with("x-acs-")).collect();
    names.sort_unstable();
    lines.extend(names.iter().map(|name| format!("{name}:{}", header(name))));
    lines.push(call.head.uri.to_string());
    let text = lines.join("\n");
    let date = jiff::fmt::strtime::parse("%a, %d %b %Y %H:%M:%S GMT", header("date"));
    let date =
        date.and_then(|date| date.to_datetime()).and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC));
    let claim = Claim {
        access_key_id: id,
        token: header("x-acs-security-token"),
        nonce: header("x-acs-signature-nonce"),
        time: date.ok().map(|date| date.timestamp()),
        signature,
    };
    claim.judge(state, &text, |secret| sha1(secret, &text))
}

impl Claim<'_> {
    /// `signed` is the signed text; the answer to a wrong signature contains it, as Alibaba Cloud's does.
    fn judge(
        &self,
        state: &mut State,
        signed: &str,
        sign: impl Fn(&str) -> String,
    ) -> Result<String, Refused> {
        let now = state.now();
        let Some(key) = state.keys.0.get(self.access_key_id).cloned() else {
            return Err(Refused::new(
                404,
                "InvalidAccessKeyId.NotFound",
                "Specified access key is not found.",
            ));
        };
        let skew = self.time.map_or(i64::MAX, |time| time.duration_since(now).as_secs().abs());
        if skew > SKEW {
            let message = "Specified time stamp or date value is expired.";
            return Err(Refused::new(400, "InvalidTimeStamp.Expired", message));
        }
        match key.token {
            Some((_, end)) if end <= now => {
                return Err(Refused::new(400, "InvalidSecurityToken.Expired", "SecurityToken is expired."));
            }
            Some((token, _)) if token != self.token => {
                return Err(Refused::new(400, "InvalidSecurityToken.Malformed", "SecurityToken is wrong."));
            }
            _ => {}
        }
        if sign(&key.secret) != self.signature {
            let message =
                format!("The signature does not conform to standards. server canonicalized: {signed}");
            return Err(Refused::new(400, "SignatureDoesNotMatch", message));
        }
        if self.nonce.is_empty() || !state.nonces.insert(self.nonce.to_owned()) {
            return Err(Refused::new(
                400,
                "SignatureNonceUsed",
                "Specified signature nonce was used already.",
            ));
        }
        Ok(self.access_key_id.to_owned())
    }
}

fn sha1(key: &str, text: &str) -> String {
    let key = hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

fn encoded(pairs: &[(String, String)]) -> String {
    let mut sorted = pairs.to_vec();
    sorted.sort();
    sorted
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

fn encode(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
