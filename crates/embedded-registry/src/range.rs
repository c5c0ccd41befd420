//! Ranges of bytes: those that a client requests, and those of an upload's chunks.

/// The bytes that a `Range` header requests.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it. Also for a header that is not understood, as RFC 9110 demands: several ranges, other units.
    Whole,
    /// From the first byte to just before the second.
    Part(usize, usize),
    /// Bytes beyond the end.
    Outside,
}

/// Reads `bytes=2-5`, `bytes=2-` or `bytes=-3` against a body of `length` bytes.
pub(crate) fn wanted(header: Option<&str>, length: usize) -> Wanted {
    let Some((first, last)) =
        header.and_then(|header| header.strip_prefix("bytes=")).and_then(|range| range.split_once('-'))
    else {
        return Wanted::Whole;
    };
    let (start, end) = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last.saturating_add(1).min(length)),
        (Ok(first), Err(_)) if last.is_empty() => (first, length),
        (Err(_), Ok(suffix)) if first.is_empty() => (length.saturating_sub(suffix), length),
        _ => return Wanted::Whole,
    };
    if start < end { Wanted::Part(start, end) } else { Wanted::Outside }
}

/// Parses the `Content-Range` of a chunk, `2-5`, into its first byte and its length. Unlike HTTP's,
/// it has no unit before and no size after it.
pub(crate) fn chunk(header: &str) -> Option<(usize, usize)> {
    let (first, last) = header.split_once('-')?;
    let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
    (first <= last).then(|| (first, last - first + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_body() {
        assert_eq!(wanted(Some("bytes=2-5"), 10), Wanted::Part(2, 6));
        assert_eq!(wanted(Some("bytes=2-"), 10), Wanted::Part(2, 10));
        assert_eq!(wanted(Some("bytes=-3"), 10), Wanted::Part(7, 10));
        assert_eq!(wanted(Some("bytes=8-99"), 10), Wanted::Part(8, 10));
        assert_eq!(wanted(Some("bytes=10-"), 10), Wanted::Outside);
        assert_eq!(wanted(Some("bytes=-0"), 10), Wanted::Outside);
        for whole in ["bytes=5-2", "bytes=1-2,4-5", "pages=1-2", "bytes=-"] {
            assert_eq!(wanted(Some(whole), 10), Wanted::Whole, "{whole}");
        }
        assert_eq!(wanted(None, 10), Wanted::Whole);
    }

    #[test]
    fn chunks_have_no_unit() {
        assert_eq!(chunk("0-0"), Some((0, 1)));
        assert_eq!(chunk("4-9"), Some((4, 6)));
        assert_eq!(chunk("bytes 0-3/4"), None);
        assert_eq!(chunk("9-4"), None);
    }
}
