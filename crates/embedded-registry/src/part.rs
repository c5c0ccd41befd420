//! Answers with a blob, or with the requested part of it.

use bytes::Bytes;
use http::StatusCode;

use crate::answer::Answer;
use crate::builder::blob::Ranges;
use crate::range::{self, Wanted};

/// The answer to a read with this `Range` header. The bytes are shared, never copied.
pub(crate) fn part(bytes: &Bytes, header: Option<&str>, ranges: Ranges) -> Answer {
    let length = bytes.len();
    let header = header.filter(|_| ranges != Ranges::Ignored);
    match range::wanted(header, length) {
        Wanted::Whole => Answer::new(StatusCode::OK).body(bytes.clone()),
        Wanted::Part(start, end) if ranges != Ranges::Refused => {
            let (start, end) = if ranges == Ranges::Wrong { (0, end - start) } else { (start, end) };
            Answer::new(StatusCode::PARTIAL_CONTENT)
                .header("content-range", format!("bytes {start}-{}/{length}", end - 1))
                .body(bytes.slice(start..end))
        }
        Wanted::Part(..) | Wanted::Outside => Answer::new(StatusCode::RANGE_NOT_SATISFIABLE)
            .header("content-range", format!("bytes */{length}")),
    }
}
