//! What can go wrong with one request.

use std::time::Duration;

use super::dice::Dice;

/// A fault of one request or its answer. Bytes are counted from the beginning of the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends after this many bytes of the answer; at the latest before the last one.
    CutAnswer(u64),
    /// The connections end after this many bytes of the request; at the latest before the last one.
    CutRequest(u64),
    /// The answer is delayed by this time.
    StallAnswer(Duration),
    /// After half of the answer's body there is a pause.
    StallBody(Duration),
    /// After this many bytes of the request there is a pause in reading it.
    StallRequest(u64, Duration),
    /// The connection is reset, and the registry gets no request.
    Reset,
    /// One byte of the answer's body is changed, at this offset modulo its length.
    CorruptAnswer(u64),
    /// The answer lacks its last byte, and the connection is closed regularly.
    ShortBody,
    /// `Content-Length` is wrong by this many bytes.
    WrongLength(i64),
    /// 429.
    TooManyRequests(RetryAfter),
    /// This status with a registry's error document.
    Refused(u16),
    /// The registry carries out the request, and the connection ends instead of the answer.
    LostAnswer,
    /// 401 with the registry's own challenge for this request.
    Unauthorized,
    /// 307 to the registry itself, on its own port.
    Redirect,
    /// An HTML page with this status.
    Html(u16),
}

/// The two forms of `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// A number of seconds.
    Seconds(u64),
    /// The date that is this many seconds in the future.
    Date(u64),
}

/// Longer than any timeout in a test.
const FOR_EVER: Duration = Duration::from_secs(60);
/// Longer than a test's timeout, if the test sets it.
const LONG: Duration = Duration::from_secs(6);

impl Fault {
    /// The answer never comes.
    pub const HANG: Self = Self::StallAnswer(FOR_EVER);
    /// After half of the answer's body, nothing more comes.
    pub const HANG_IN_BODY: Self = Self::StallBody(FOR_EVER);

    /// After this many bytes of the request, nothing more is read.
    pub fn hang_request(bytes: u64) -> Self {
        Self::StallRequest(bytes, FOR_EVER)
    }

    /// A random fault with random numbers. Waits are short.
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
