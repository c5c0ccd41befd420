//! Numbers and truths as Go's flags have them.

/// The two of them that people write.
pub(super) const TRUTHS: [&str; 2] = ["true", "false"];

/// Go's spellings of truth.
pub(super) fn truth(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err("it must be true or false".to_owned()),
    }
}

pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    match integer(text)? {
        number if number < 1 => Err("it must be 1 or more".to_owned()),
        number => usize::try_from(number).map_err(|_| "it is too large".to_owned()),
    }
}

/// How often something is tried again.
pub(super) fn retries(text: &str) -> Result<u32, String> {
    match integer(text)? {
        number if number < 0 => Err("it must be 0 or more; 0 tries nothing again".to_owned()),
        number => u32::try_from(number).map_err(|_| "it is too large".to_owned()),
    }
}

/// Go's forms: `10`, `-1`, `0x2`, `0b11`, `0o17`, `017`, `1_000`.
fn integer(text: &str) -> Result<i64, String> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &lower[..]),
    };
    let well_formed = digits.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'_');
    let number = i64::from_str_radix(&digits.replace('_', ""), radix).ok().filter(|_| well_formed);
    let number = number.ok_or_else(|| "it is not a number".to_owned())?;
    Ok(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (text, number) in [
            ("10", 10),
            ("0x2", 2),
            ("0b11", 3),
            ("0o17", 15),
            ("017", 15),
            ("1_000", 1000),
            ("-1", -1),
            ("0", 0),
        ] {
            assert_eq!(integer(text), Ok(number), "{text}");
        }
        for text in ["", "abc", "1.5", "0x", "--1", "0x+1"] {
            assert!(integer(text).is_err(), "{text}");
        }
    }

    #[test]
    fn c19_fewer_retries_than_none_are_refused() {
        assert_eq!((retries("0"), retries("0x2")), (Ok(0), Ok(2)));
        assert!(retries("-1").unwrap_err().contains("0 or more"));
    }
}
