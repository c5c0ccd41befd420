//! Limits how fast bodies are read, all together.

use std::num::NonZeroU64;
use std::str::FromStr;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::lock::lock;

/// Unused bandwidth of this period may be used later: timers fire late.
const CREDIT: Duration = Duration::from_millis(20);

/// Bytes per second. Parses `50MB/s`, `500 KiB/s`, `1GiB`: decimal and binary units, the `/s` is optional.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bandwidth(NonZeroU64);

/// A text that is no bandwidth.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no bandwidth: write a number and a unit, such as 50MB/s, 500KiB/s or 1.5GB/s")]
pub struct BandwidthError {
    /// The text.
    pub text: String,
}

impl Bandwidth {
    /// The bandwidth of a transfer of `bytes` in `took`. `None` if it is less than a byte per second.
    pub fn of(bytes: u64, took: Duration) -> Option<Self> {
        let milliseconds = took.as_millis().max(1);
        let a_second = u64::try_from(u128::from(bytes) * 1000 / milliseconds).ok()?;
        NonZeroU64::new(a_second).map(Self)
    }

    /// Bytes per second.
    pub fn bytes_a_second(self) -> u64 {
        self.0.get()
    }

    /// How long a transfer of `bytes` takes.
    pub fn time_for(self, bytes: u64) -> Duration {
        let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(self.0.get());
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }
}

impl FromStr for Bandwidth {
    type Err = BandwidthError;

    fn from_str(text: &str) -> Result<Self, BandwidthError> {
        read(text.trim())
            .and_then(NonZeroU64::new)
            .map(Self)
            .ok_or_else(|| BandwidthError { text: text.to_owned() })
    }
}

/// A number with up to nine decimals, and a unit.
fn read(text: &str) -> Option<u64> {
    let text = text.strip_suffix("/s").unwrap_or(text);
    let end = text.find(|character: char| !character.is_ascii_digit() && character != '.')?;
    let (number, unit) = text.split_at(end);
    let unit: u128 = match unit.trim() {
        "B" => 1,
        "kB" | "KB" => 1000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        _ => return None,
    };
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    if decimals.is_empty() || decimals.len() > 9 {
        return None;
    }
    let scale = 10_u128.pow(u32::try_from(decimals.len()).ok()?);
    let number = whole.parse::<u64>().ok().map(u128::from)? * scale + decimals.parse::<u128>().ok()?;
    u64::try_from(number.checked_mul(unit)? / scale).ok()
}

/// Delays reads to keep a bandwidth. Without a bandwidth it does not delay.
pub(crate) struct Pace {
    bandwidth: Mutex<Option<Bandwidth>>,
    /// When the bandwidth has caught up with all bytes so far.
    paid: Mutex<Option<Instant>>,
}

impl Pace {
    pub(crate) fn new(bandwidth: Option<Bandwidth>) -> Self {
        Self { bandwidth: Mutex::new(bandwidth), paid: Mutex::default() }
    }

    /// Sets the bandwidth from now on.
    pub(crate) fn set(&self, bandwidth: Option<Bandwidth>) {
        *lock(&self.bandwidth) = bandwidth;
    }

    /// Returns when this many more bytes may be read. Callers are served in the order of their calls.
    pub(crate) async fn pass(&self, bytes: usize) {
        let Some(bandwidth) = *lock(&self.bandwidth) else { return };
        let until = {
            let mut paid = lock(&self.paid);
            let now = Instant::now();
            let earliest = paid.map_or(now, |paid| paid.max(now.checked_sub(CREDIT).unwrap_or(now)));
            *paid.insert(earliest + bandwidth.time_for(bytes as u64))
        };
        tokio::time::sleep_until(until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bandwidths_are_read_in_decimal_and_binary_units() {
        for (text, bytes) in [
            ("50MB/s", 50_000_000),
            ("50 MB/s", 50_000_000),
            ("1B", 1),
            ("2kB/s", 2000),
            ("2KB/s", 2000),
            ("2KiB/s", 2048),
            ("1.5MiB/s", 3 << 19),
            ("0.001GB/s", 1_000_000),
            ("1GiB", 1 << 30),
        ] {
            assert_eq!(text.parse().map(|read: Bandwidth| read.0.get()), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "50",
            "MB/s",
            "0MB/s",
            "0.1B",
            "50Mb/s",
            "50MB/h",
            "-1MB/s",
            "1e3MB/s",
            "1.MB",
            ".5MB",
            "1.2.3MB",
            "99999999999999GB",
        ] {
            let error = text.parse::<Bandwidth>().expect_err(text).to_string();
            assert!(error.contains("50MB/s"), "{error}");
        }
    }

    async fn pieces(pace: &Pace, number: u32, bytes: usize) {
        for _ in 0..number {
            pace.pass(bytes).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn law_all_bodies_together_keep_to_the_bandwidth_in_every_second() {
        let pace = Pace::new(Some("50MB/s".parse().unwrap()));
        let started = Instant::now();
        tokio::join!(pieces(&pace, 1000, 100_000), pieces(&pace, 2000, 20_000), pieces(&pace, 100, 600_000));
        let (took, due) = (started.elapsed(), Duration::from_secs(4));
        assert!(took >= due && took < due + Duration::from_millis(10), "{took:?}");
        // A pause allows no burst afterwards.
        tokio::time::sleep(Duration::from_secs(60)).await;
        let started = Instant::now();
        pieces(&pace, 500, 100_000).await;
        assert!(started.elapsed() >= Duration::from_millis(980), "{:?}", started.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_bandwidth_nothing_waits() {
        let (pace, started) = (Pace::new(None), Instant::now());
        pieces(&pace, 1000, 1 << 30).await;
        assert_eq!(started.elapsed(), Duration::ZERO);
    }
}
