//! `Content-Range` of partial downloads and `Range` of uploads. Spec: RFC 9110 section 14.4, distribution-spec end-13.

/// The bytes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContentRange {
    /// Position of the first byte, from 0.
    pub(crate) first: u64,
    /// Length of the whole, if the server states it.
    pub(crate) total: Option<u64>,
}

/// Reads `bytes 5-9/10`; the total may be `*`.
pub(crate) fn content_range(text: &str) -> Option<ContentRange> {
    let (unit, rest) = text.trim().split_once([' ', '='])?;
    let (range, total) = rest.trim().split_once('/')?;
    let (first, last) = bounds(range)?;
    let total = match total.trim() {
        "*" => None,
        total => Some(number(total)?),
    };
    let fits = unit.eq_ignore_ascii_case("bytes") && total.is_none_or(|total| last < total);
    fits.then_some(ContentRange { first, total })
}

/// Parses `bytes */10`, the answer to a range beyond the end.
pub(crate) fn whole_length(text: &str) -> Option<u64> {
    let (unit, rest) = text.trim().split_once([' ', '='])?;
    let (range, total) = rest.trim().split_once('/')?;
    let is_none = unit.eq_ignore_ascii_case("bytes") && range.trim() == "*";
    is_none.then(|| number(total.trim())).flatten()
}

/// How many bytes a registry has of an upload, from its `Range: 0-<last>`, if from `least` to `most` are possible.
///
/// `None` for impossible values: some registries report the last chunk instead of the whole
/// (<https://github.com/regclient/regclient/issues/627>). `0-0` is one byte or none; if it is taken for none, one byte is sent twice.
pub(crate) fn received(text: &str, least: u64, most: u64) -> Option<u64> {
    let text = text.trim();
    let text = text.strip_prefix("bytes=").or_else(|| text.strip_prefix("bytes ")).unwrap_or(text);
    let (first, end) = bounds(text)?;
    let count = if end == 0 && least == 0 { 0 } else { end.checked_add(1)? };
    (first == 0 && (least..=most).contains(&count)).then_some(count)
}

fn bounds(text: &str) -> Option<(u64, u64)> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (number(first.trim())?, number(last.trim())?);
    (first <= last).then_some((first, last))
}

/// Digits only: Rust's own parser takes a sign, too.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn c23_content_range() {
        let read = |text| content_range(text).map(|range| (range.first, range.total));
        assert_eq!(read("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(read("Bytes 5-9/*"), Some((5, None)));
        for wrong in
            ["bytes 9-5/10", "bytes 5-10/10", "bytes */10", "items 5-9/10", "bytes 5-9", "bytes +5-9/10", ""]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_range_behind_the_end_tells_where_that_is() {
        assert_eq!(whole_length("bytes */10"), Some(10));
        assert_eq!(whole_length("Bytes */0"), Some(0));
        for wrong in ["bytes 5-9/10", "bytes */*", "items */10", "bytes */", "*/10", ""] {
            assert_eq!(whole_length(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn c38_an_upload_range_is_inclusive_and_not_believed_when_it_cannot_be() {
        assert_eq!(received("0-9", 0, 10), Some(10));
        assert_eq!(received("bytes=0-9", 0, 10), Some(10));
        assert_eq!(received("0-0", 0, 10), Some(0), "nothing or one byte");
        assert_eq!(received("0-10", 0, 10), None, "more than was sent");
        assert_eq!(received("0-4", 8, 16), None, "less than was confirmed: the last chunk's range");
        assert_eq!(received("8-15", 8, 16), None, "the last chunk's range");
        assert_eq!(received("0-18446744073709551615", 0, u64::MAX), None);
        assert_eq!(received("nonsense", 0, 10), None);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(text in "\\PC{0,40}", least in any::<u64>(), more in any::<u64>()) {
            let _ = content_range(&text);
            if let Some(count) = received(&text, least, least.saturating_add(more)) {
                prop_assert!(count >= least && count <= least.saturating_add(more));
            }
        }

        #[test]
        fn what_servers_write_is_read(first in 0..u64::MAX / 2, length in 1..u64::MAX / 4) {
            let last = first + length - 1;
            let text = format!("bytes {first}-{last}/{}", last + 1);
            prop_assert_eq!(content_range(&text), Some(ContentRange { first, total: Some(last + 1) }));
        }
    }
}
