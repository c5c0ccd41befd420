//! What can go wrong with one request.

use std::time::Duration;

use super::dice::Dice;

/// What happens to one request or its answer. Bytes are counted from the beginning of the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends after so many bytes of the answer; at the latest before its last one.
    CutAnswer(u64),
    /// The connections end after so many bytes of the request; at the latest before its last one.
    CutRequest(u64),
    /// Nothing of the answer comes for so long.
    StallAnswer(Duration),
    /// Half of the answer's body comes, and nothing for so long.
    StallBody(Duration),
    /// So many bytes of the request are taken, and nothing for so long.
    StallRequest(u64, Duration),
    /// The connection is reset, and nothing is asked.
    Reset,
    /// One byte of the answer's body is another, as far into it as this number modulo its length.
    CorruptAnswer(u64),
    /// The answer lacks its last byte, and the connection ends in an orderly way.
    ShortBody,
    /// `Content-Length` says so many bytes more or fewer than come.
    WrongLength(i64),
    /// 429.
    TooManyRequests(RetryAfter),
    /// This status with a registry's error document.
    Refused(u16),
    /// What was asked is done, and the connection ends instead of the answer.
    LostAnswer,
    /// 401 with the challenge that the registry itself has for this.
    Unauthorized,
    /// 307 to the registry itself, on its own port.
    Redirect,
    /// A page for people, with this status.
    Html(u16),
}

/// The two forms of `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// In so many seconds.
    Seconds(u64),
    /// The date in so many seconds.
    Date(u64),
}

/// Longer than any patience in a test.
const FOR_EVER: Duration = Duration::from_secs(60);
/// Longer than a test's patience, where that can be set.
const LONG: Duration = Duration::from_secs(6);

impl Fault {
    /// Nothing more of the answer ever comes.
    pub const HANG: Self = Self::StallAnswer(FOR_EVER);
    /// Half of the answer's body comes, and nothing more.
    pub const HANG_IN_BODY: Self = Self::StallBody(FOR_EVER);

    /// Nothing more of the request is taken after so many bytes.
    pub fn hang_request(bytes: u64) -> Self {
        Self::StallRequest(bytes, FOR_EVER)
    }

    /// Any fault, with any numbers. Waits are short.
    pub(super) fn any(dice: &mut Dice) -> Self {
        match dice.below(22) {
            0 | 1 => Self::CutAnswer(dice.below(100_000)),
            2 => Self::CutAnswer(dice.below(300)),
            3 | 4 => Self::CutRequest(dice.below(6_000_000)),
            5 => Self::CutRequest(dice.below(400)),
            6 => Self::StallAnswer(LONG),
            7 => Self::StallBody(LONG),
            8 => Self::StallRequest(dice.below(4_000_000), LONG),
            9 => Self::StallAnswer(Duration::from_millis(dice.below(300))),
            10 | 11 => Self::Reset,
            12 => Self::CorruptAnswer(dice.below(1 << 40)),
            13 => Self::ShortBody,
            14 => Self::WrongLength(if dice.percent(50) { 1 } else { -1 }),
            15 => Self::TooManyRequests(RetryAfter::Seconds(dice.below(2))),
            16 => Self::TooManyRequests(RetryAfter::Date(1)),
            17 => Self::Refused([500, 502, 503, 504][usize::try_from(dice.below(4)).unwrap_or(0)]),
            18 | 19 => Self::LostAnswer,
            20 => Self::Unauthorized,
            _ => Self::Html([200, 502, 413][usize::try_from(dice.below(3)).unwrap_or(0)]),
        }
    }
}
