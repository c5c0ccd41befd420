//! The older signatures with HMAC-SHA1: version 1 for RPC calls, and the classic one for ROA calls. Pure.
//!
//! They are used only if a gateway says that it does not know ACS3.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{canonical_query, percent_encode};

/// The `Signature` parameter of an RPC call. `parameters` are all the others, of query and form alike.
pub(in super::super) fn rpc_signature(method: &str, parameters: &[(&str, &str)], secret: &str) -> String {
    // The key ends in `&`; that of the ROA signature does not.
    sign(&format!("{secret}&"), &rpc_text(method, parameters))
}

fn rpc_text(method: &str, parameters: &[(&str, &str)]) -> String {
    format!("{method}&%2F&{}", percent_encode(&canonical_query(parameters)))
}

/// The parts of a request that a classic ROA signature covers.
pub(in super::super) struct RoaSignable<'a> {
    pub(in super::super) method: &'a str,
    pub(in super::super) accept: &'a str,
    pub(in super::super) content_md5: &'a str,
    pub(in super::super) content_type: &'a str,
    /// As in RFC 1123, in GMT.
    pub(in super::super) date: &'a str,
    /// The headers `x-acs-…`, names in lower case.
    pub(in super::super) headers: &'a [(&'a str, &'a str)],
    /// The path, with `?` and the sorted query if there is one.
    pub(in super::super) path: &'a str,
}

impl RoaSignable<'_> {
    /// The part of `Authorization: acs <id>:<signature>` after the colon.
    pub(in super::super) fn signature(&self, secret: &str) -> String {
        let Self { method, accept, content_md5, content_type, date, path, .. } = self;
        let mut headers = self.headers.to_vec();
        headers.sort_unstable();
        let headers: String = headers.iter().flat_map(|(name, value)| [name, ":", value, "\n"]).collect();
        sign(secret, &format!("{method}\n{accept}\n{content_md5}\n{content_type}\n{date}\n{headers}{path}"))
    }
}

fn sign(key: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentations_example_of_an_rpc_call() {
        let parameters = [
            ("Timestamp", "2016-02-23T12:46:24Z"),
            ("Format", "XML"),
            ("AccessKeyId", "testid"),
            ("Action", "DescribeRegions"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"),
            ("Version", "2014-05-26"),
            ("SignatureVersion", "1.0"),
        ];
        let expected = "GET&%2F&AccessKeyId%3Dtestid%26Action%3DDescribeRegions%26Format%3DXML%26SignatureMethod%3DHMAC-SHA1%26SignatureNonce%3D3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf%26SignatureVersion%3D1.0%26Timestamp%3D2016-02-23T12%253A46%253A24Z%26Version%3D2014-05-26";
        assert_eq!(rpc_text("GET", &parameters), expected);
        assert_eq!(rpc_signature("GET", &parameters, "testsecret"), "OLeaidS1JvxuMvnyHOwuJ+uX5qY=");
    }

    #[test]
    fn the_vectors_of_the_vendors_libraries() {
        let mut parameters = vec![
            ("Version", ""),
            ("Action", ""),
            ("AccessKeyId", "accessKeyId"),
            ("Format", "JSON"),
            ("Timestamp", "mock date"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("SignatureType", ""),
            ("SignatureNonce", "MOCK_UUID"),
            ("RegionId", "regionId"),
        ];
        let sign = |parameters: &[(&str, &str)]| rpc_signature("GET", parameters, "accessKeySecret");
        assert_eq!(sign(&parameters), "7loPmFjvDnzOVnQeQNj85S6nFGY=");
        parameters.push(("SecurityToken", "accessKeyStsToken"));
        assert_eq!(sign(&parameters), "5Nxdcler+ihqWqv0Hr2On4PsBf4=");
        let small = rpc_signature("", &[("test", "ok")], "accessKeySecret");
        assert_eq!(small, "jHx/oHoHNrbVfhncHEvPdHXZwHU=");
    }

    #[test]
    fn a_login_by_get_by_post_and_with_a_security_token() {
        let mut parameters = vec![
            ("Action", "GetAuthorizationToken"),
            ("Version", "2018-12-01"),
            ("Format", "JSON"),
            ("AccessKeyId", "testid"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("SignatureNonce", "15215528852396"),
            ("Timestamp", "2024-01-02T03:04:05Z"),
            ("InstanceId", "cri-xkx6vujuhay0test"),
            ("RegionId", "cn-shanghai"),
        ];
        assert_eq!(rpc_signature("GET", &parameters, "testsecret"), "eVDpCC1EIPPTFVDCeKo2QwdRZ7E=");
        assert_eq!(rpc_signature("POST", &parameters, "testsecret"), "ywKnWUWkvBognBRQHhRPtw43Znc=");
        parameters.push(("SecurityToken", "tok/en+1=="));
        assert_eq!(rpc_signature("GET", &parameters, "testsecret"), "xOPoK1nSNFu+l8sIuzPHmCGZs7k=");
    }

    #[test]
    fn the_vendors_vector_of_a_roa_call() {
        let request = RoaSignable {
            method: "GET",
            accept: "application/json",
            content_md5: "1B2M2Y8AsgTpgAmY7PhCfg==",
            content_type: "application/octet-stream",
            date: "mock date",
            headers: &[
                ("x-acs-version", ""),
                ("x-acs-credentials-provider", "static_ak"),
                ("x-acs-signature-method", "HMAC-SHA1"),
                ("x-acs-signature-version", "1.0"),
            ],
            path: "/users/:user",
        };
        assert_eq!(request.signature("accessKeySecret"), "PPPSwv0LPoLvg6rGxp7dd4uPESo=");
    }
}
