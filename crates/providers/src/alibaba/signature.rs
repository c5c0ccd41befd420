//! Signs requests to Alibaba Cloud's `OpenAPI`: ACS3-HMAC-SHA256. Pure.
//!
//! Spec: "V3 request structure and signature" of the Alibaba Cloud SDK reference. All calls are signed this way;
//! [`legacy`] has the older ways for gateways that refuse it.

pub(super) mod legacy;

use aws_lc_rs::hmac;
use sha2::{Digest as _, Sha256};

/// The name of the algorithm, in headers and in the signed text.
pub(super) const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// The parts of a request that are signed.
pub(super) struct Signable<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    /// Names and values as they are, not encoded.
    pub(super) query: &'a [(&'a str, &'a str)],
    /// All headers to sign, with names in lower case: `host`, `content-type` and every `x-acs-…`.
    pub(super) headers: &'a [(&'a str, &'a str)],
    /// The body's SHA-256 in hex.
    pub(super) payload_hash: &'a str,
}

impl Signable<'_> {
    /// The `Authorization` header.
    pub(super) fn authorization(&self, access_key_id: &str, secret: &str) -> String {
        let (signed_headers, signature) = (self.signed_headers(), self.signature(secret));
        format!("{ALGORITHM} Credential={access_key_id},SignedHeaders={signed_headers},Signature={signature}")
    }

    fn signature(&self, secret: &str) -> String {
        let text = format!("{ALGORITHM}\n{}", self.canonical_hash());
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        hex::encode(hmac::sign(&key, text.as_bytes()))
    }

    fn canonical_hash(&self) -> String {
        sha256_hex(self.canonical_request().as_bytes())
    }

    fn canonical_request(&self) -> String {
        let Self { method, path, payload_hash, .. } = self;
        let query = canonical_query(self.query);
        // The last header ends its line, and one more line end makes an empty line.
        let headers: String =
            self.sorted_headers().iter().flat_map(|(name, value)| [name, ":", value.trim(), "\n"]).collect();
        let signed = self.signed_headers();
        format!("{method}\n{path}\n{query}\n{headers}\n{signed}\n{payload_hash}")
    }

    fn signed_headers(&self) -> String {
        self.sorted_headers().iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";")
    }

    fn sorted_headers(&self) -> Vec<(&str, &str)> {
        let mut sorted = self.headers.to_vec();
        sorted.sort_unstable();
        sorted
    }
}

/// Sorted, encoded and joined: `k=v&…`, with `k=` for an empty value. It is also the query to send.
pub(super) fn canonical_query(parameters: &[(&str, &str)]) -> String {
    let mut sorted = parameters.to_vec();
    sorted.sort_unstable();
    let pair = |(name, value): &(&str, &str)| format!("{}={}", percent_encode(name), percent_encode(value));
    sorted.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// RFC 3986: everything but `A-Z a-z 0-9 - _ . ~` becomes `%XX`.
pub(super) fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode_upper([byte]));
        }
    }
    encoded
}

/// The SHA-256 of some bytes, in hex.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "0123456789abcdef0123456789abcdef";

    /// Hash of the canonical request and signature of an RPC call to ACR with `more` headers.
    fn acr(action: &str, query: &[(&str, &str)], more: &[(&str, &str)]) -> (String, String) {
        let payload_hash = sha256_hex(b"");
        let mut headers = vec![
            ("host", "cr.cn-shanghai.aliyuncs.com"),
            ("x-acs-action", action),
            ("x-acs-version", "2018-12-01"),
            ("x-acs-date", "2024-01-02T03:04:05Z"),
            ("x-acs-signature-nonce", NONCE),
            ("x-acs-content-sha256", &payload_hash),
        ];
        headers.extend(more);
        let request =
            Signable { method: "POST", path: "/", query, headers: &headers, payload_hash: &payload_hash };
        (request.canonical_hash(), request.signature("testsecret"))
    }

    #[test]
    fn the_documentations_example() {
        let payload_hash = sha256_hex(b"");
        let request = Signable {
            method: "POST",
            path: "/",
            query: &[
                ("RegionId", "cn-shanghai"),
                ("ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"),
            ],
            headers: &[
                ("x-acs-signature-nonce", "3156853299f313e23d1673dc12e1703d"),
                ("host", "ecs.cn-shanghai.aliyuncs.com"),
                ("x-acs-action", "RunInstances"),
                ("x-acs-version", "2014-05-26"),
                ("x-acs-date", "2023-10-26T10:22:32Z"),
                ("x-acs-content-sha256", &payload_hash),
            ],
            payload_hash: &payload_hash,
        };
        assert_eq!(
            request.canonical_hash(),
            "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259"
        );
        let expected = "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,\
            SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,\
            Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0";
        assert_eq!(request.authorization("YourAccessKeyId", "YourAccessKeySecret"), expected);
    }

    #[test]
    fn a_login_with_and_without_a_security_token() {
        let query = [("InstanceId", "cri-xkx6vujuhay0test")];
        let (hash, signature) = acr("GetAuthorizationToken", &query, &[]);
        assert_eq!(hash, "157deec02526d97dfd3326edb3878a34bd2fedc238431b93f66388df19fb0c8a");
        assert_eq!(signature, "308a39b24bdc6a20ac1a44e9dd5d98fffd6deb156c0ef33cedce09cc160c17ed");
        let token = [("x-acs-accesskey-id", "testid"), ("x-acs-security-token", "tok/en+1==")];
        let (hash, signature) = acr("GetAuthorizationToken", &query, &token);
        assert_eq!(hash, "70225425cb97c72323d8d90c1f8c6aa710306f336978e680f3bc34cab354a15f");
        assert_eq!(signature, "9483a23de905d91a08964d5849dcc639ef0279b4c4fcf895c4503eaac688a6e8");
    }

    #[test]
    fn a_parameter_that_is_json() {
        let query = [
            ("AutoCreateRepo", "true"),
            ("DefaultRepoConfiguration", r#"{"RepoType":"PRIVATE","TagImmutability":false}"#),
            ("DefaultRepoType", "PRIVATE"),
            ("InstanceId", "cri-xkx6vujuhay0test"),
            ("NamespaceName", "image-syncer"),
        ];
        assert_eq!(
            canonical_query(&query),
            "AutoCreateRepo=true&DefaultRepoConfiguration=%7B%22RepoType%22%3A%22PRIVATE%22%2C%22TagImmutability%22%3Afalse%7D&DefaultRepoType=PRIVATE&InstanceId=cri-xkx6vujuhay0test&NamespaceName=image-syncer"
        );
        let (_, signature) = acr("CreateNamespace", &query, &[]);
        assert_eq!(signature, "73e35d7c95d2d3810a07cc0d4099c23d4d2df2a3e5566047931b76efe17c3333");
    }

    #[test]
    fn encoding_is_that_of_rfc_3986() {
        assert_eq!(percent_encode("aZ09-_.~ *+/=&ü"), "aZ09-_.~%20%2A%2B%2F%3D%26%C3%BC");
        assert_eq!(canonical_query(&[("b", ""), ("a", "1")]), "a=1&b=");
    }
}
