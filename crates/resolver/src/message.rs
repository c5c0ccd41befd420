//! Questions and answers in wire format (RFC 1035, section 4).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const HEADER: usize = 12;
const INTERNET: u16 = 1;
/// Asks the server to query other servers.
const RECURSION_DESIRED: u16 = 0x0100;
const IS_ANSWER: u16 = 0x8000;
const IS_TRUNCATED: u16 = 0x0200;

/// The address family of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    fn number(self) -> u16 {
        match self {
            Self::V4 => 1,
            Self::V6 => 28,
        }
    }
}

/// A question in wire format.
pub(crate) struct Query {
    pub(crate) bytes: Vec<u8>,
    family: Family,
}

/// The result in an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The addresses; none if the name has none of this family.
    Addresses(Vec<IpAddr>),
    /// The name does not exist.
    Unknown,
    /// The server refused or failed.
    Refused(&'static str),
    /// The answer is too long for UDP.
    Truncated,
}

/// Why bytes are no answer to this question.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// They answer another question, or were forged by guessing.
    Stranger,
    /// They answer this question, but are truncated or inconsistent.
    Broken,
}

impl Query {
    /// `None` if `name` cannot be a host name.
    pub(crate) fn new(name: &str, family: Family, id: u16) -> Option<Self> {
        let mut bytes = Vec::with_capacity(HEADER + name.len() + 6);
        for word in [id, RECURSION_DESIRED, 1, 0, 0, 0] {
            bytes.extend(word.to_be_bytes());
        }
        for label in name.split('.') {
            let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
            bytes.push(length);
            bytes.extend(label.bytes());
        }
        bytes.push(0);
        if bytes.len() - HEADER > 255 || !name.is_ascii() {
            return None;
        }
        bytes.extend(family.number().to_be_bytes());
        bytes.extend(INTERNET.to_be_bytes());
        Some(Self { bytes, family })
    }

    /// Parses the answer to this question.
    pub(crate) fn read(&self, answer: &[u8]) -> Result<Answer, Unfit> {
        let flags = number(answer, 2).ok_or(Unfit::Stranger)?;
        if answer.get(..2) != self.bytes.get(..2) || flags & IS_ANSWER == 0 {
            return Err(Unfit::Stranger);
        }
        match flags & 0x0f {
            0 | 3 => {}
            code => return Ok(Answer::Refused(code_name(code))),
        }
        // The answer repeats the question, but perhaps in other case.
        let asked = &self.bytes[HEADER..];
        let repeated = answer.get(HEADER..self.bytes.len()).ok_or(Unfit::Stranger)?;
        if number(answer, 4) != Some(1) || !repeated.eq_ignore_ascii_case(asked) {
            return Err(Unfit::Stranger);
        }
        if flags & IS_TRUNCATED != 0 {
            return Ok(Answer::Truncated);
        }
        if flags & 0x0f == 3 {
            return Ok(Answer::Unknown);
        }
        self.addresses(answer).map(Answer::Addresses).ok_or(Unfit::Broken)
    }

    /// The addresses in the answer's records. Other records (the aliases on the way) are skipped: the server has followed
    /// them.
    fn addresses(&self, answer: &[u8]) -> Option<Vec<IpAddr>> {
        let mut at = self.bytes.len();
        let mut found = Vec::new();
        for _ in 0..number(answer, 6)? {
            at = name_end(answer, at)?;
            let (family, class, length) =
                (number(answer, at)?, number(answer, at + 2)?, number(answer, at + 8)?);
            let data = answer.get(at + 10..at + 10 + usize::from(length))?;
            if family == self.family.number() && class == INTERNET {
                found.push(address(self.family, data)?);
            }
            at += 10 + usize::from(length);
        }
        Some(found)
    }
}

fn address(family: Family, data: &[u8]) -> Option<IpAddr> {
    match family {
        Family::V4 => <[u8; 4]>::try_from(data).ok().map(|bytes| Ipv4Addr::from(bytes).into()),
        Family::V6 => <[u8; 16]>::try_from(data).ok().map(|bytes| Ipv6Addr::from(bytes).into()),
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([two[0], two[1]]))
}

/// The end of the name that begins at `at`: after its last label, or after the first pointer to another name.
fn name_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=63 => at += 1 + usize::from(length),
            0xc0.. => return Some(at + 2),
            _ => return None,
        }
    }
}

fn code_name(code: u16) -> &'static str {
    match code {
        1 => "FORMERR",
        2 => "SERVFAIL",
        4 => "NOTIMP",
        5 => "REFUSED",
        _ => "an error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A_RECORD: [u8; 16] = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 1];
    const ALIAS: [u8; 15] = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 3, 1, b'b', 0];

    fn query() -> Query {
        Query::new("a.io", Family::V4, 0x0107).unwrap()
    }

    fn answer(flags: u16, records: &[&[u8]]) -> Vec<u8> {
        let mut bytes = query().bytes;
        bytes[2..4].copy_from_slice(&flags.to_be_bytes());
        bytes[7] = u8::try_from(records.len()).unwrap();
        for record in records {
            bytes.extend(*record);
        }
        bytes
    }

    #[test]
    fn a_question_is_what_the_standard_says() {
        let expected = b"\x01\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x02io\x00\x00\x01\x00\x01";
        assert_eq!(query().bytes, expected);
    }

    #[test]
    fn what_is_no_name_is_not_asked_for() {
        let too_long = ["label-of-31-letters-abcdefghijk"; 9].join(".");
        for name in ["", ".", "a..b", "a.", &"x".repeat(64), "ä.io", &too_long] {
            assert!(Query::new(name, Family::V6, 1).is_none(), "{name}");
        }
        assert!(Query::new(&"x".repeat(63), Family::V6, 1).is_some());
    }

    #[test]
    fn addresses_are_found_behind_aliases() {
        let read = query().read(&answer(0x8180, &[&ALIAS, &A_RECORD]));
        assert_eq!(read, Ok(Answer::Addresses(vec!["10.0.0.1".parse().unwrap()])));
        assert_eq!(query().read(&answer(0x8180, &[])), Ok(Answer::Addresses(vec![])));
    }

    #[test]
    fn answers_that_are_none_say_why() {
        assert_eq!(query().read(&answer(0x8183, &[])), Ok(Answer::Unknown));
        assert_eq!(query().read(&answer(0x8182, &[])), Ok(Answer::Refused("SERVFAIL")));
        assert_eq!(query().read(&answer(0x8380, &[])), Ok(Answer::Truncated));
    }

    #[test]
    fn strangers_are_not_believed() {
        let good = answer(0x8180, &[&A_RECORD]);
        for (at, value) in [(0, 9), (1, 9), (2, 1), (5, 2), (13, b'b'), (19, 28)] {
            let mut other = good.clone();
            other[at] = value;
            assert_eq!(query().read(&other), Err(Unfit::Stranger), "{at}");
        }
        let mut louder = good.clone();
        louder[13] = b'A';
        assert!(query().read(&louder).is_ok(), "letters are alike");
    }

    #[test]
    fn what_breaks_off_is_refused_wherever_it_does() {
        let good = answer(0x8180, &[&ALIAS, &A_RECORD]);
        for length in 0..good.len() {
            assert!(query().read(&good[..length]).is_err(), "{length}");
        }
    }
}
