//! Refusals are told apart by their text.

use super::*;

fn refused(method: http::Method, status: u16, code: &str, message: &str) -> Error {
    Error::Refused(Box::new(Refusal {
        method,
        url: RedactedUrl::unreadable(),
        status: http::StatusCode::from_u16(status).unwrap(),
        errors: vec![RegistryMessage { code: code.to_owned(), message: message.to_owned() }],
        body: None,
        face: crate::Face::Unclear,
        request_id: None,
        retry_after: None,
        answered: crate::Answered::default(),
    }))
}

#[test]
fn c54_immutable_tags_are_recognised_in_every_registrys_words() {
    let put = |status, code, message| refused(http::Method::PUT, status, code, message).is_immutable_tag();
    assert!(put(412, "PRECONDITION", "Failed to process request due to 'a/b:v1' configured as immutable."));
    assert!(put(
        400,
        "TAG_INVALID",
        "The image tag 'v1' already exists in the 'a' repository and cannot be overwritten because the repository is immutable."
    ));
    assert!(put(
        400,
        "MANIFEST_INVALID",
        "cannot update tag v1. The repository has enabled tag immutability"
    ));
    assert!(put(400, "ImageTagAlreadyExistsException", ""));
    assert!(!put(412, "PROJECTPOLICYVIOLATION", "the image has vulnerabilities"));
    assert!(!put(500, "UNKNOWN", "immutable"));
    assert!(!refused(http::Method::GET, 412, "PRECONDITION", "immutable").is_immutable_tag());
}

#[test]
fn c53_missing_content_is_told_apart_from_other_refusals() {
    let misses = |code| refused(http::Method::PUT, 404, code, "").misses_content();
    assert!(misses("MANIFEST_BLOB_UNKNOWN") && misses("BLOB_UNKNOWN") && misses("MANIFEST_UNKNOWN"));
    assert!(!misses("MANIFEST_INVALID") && !misses("NAME_UNKNOWN"));
}

#[test]
fn p29_harbors_words_tell_a_missing_part_from_a_missing_project() {
    let misses = |method, message: &str| refused(method, 404, "NOT_FOUND", message).misses_content();
    let digest = Digest::sha256(b"");
    assert!(misses(http::Method::PUT, &format!("artifact library/app@{digest} not found")));
    assert!(misses(http::Method::PUT, &format!("blob {digest} not found")));
    assert!(!misses(http::Method::PUT, "project library not found"));
    assert!(!misses(http::Method::PUT, "repository library/app not found"));
    assert!(!misses(http::Method::GET, &format!("artifact library/app@{digest} not found")));
}

#[test]
fn p7_a_conflict_of_writes_is_passing_but_for_immutable_tags() {
    let retried = |method, message| refused(method, 409, "CONFLICT", message).is_retryable();
    assert!(retried(http::Method::PUT, "another upload is in progress"));
    assert!(retried(http::Method::POST, "") && retried(http::Method::PATCH, ""));
    assert!(!retried(http::Method::PUT, "the tag is immutable"));
    assert!(!retried(http::Method::GET, "") && !retried(http::Method::HEAD, ""));
}

#[test]
fn c09_too_large_is_permanent() {
    let error = refused(http::Method::PUT, 413, "", "");
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::TooLarge, false));
}
