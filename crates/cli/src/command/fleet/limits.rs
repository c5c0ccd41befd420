//! Applies the limits that all workers share to this process: bandwidth, quotas of clouds' APIs, pauses that registries ask for.

use std::sync::Arc;
use std::time::Duration;

use ::fleet::{HeardPause, LiveWorkers, SharedLimits};
use ::sync::{Bandwidth, Engine};
use registry::{PauseObserver, Transport};

/// The limits of a worker.
pub(in crate::command) struct Limits {
    engine: Engine,
    /// The limit of all workers of this config together.
    bandwidth: Option<Bandwidth>,
    transport: Transport,
}

impl Limits {
    pub(in crate::command) fn new(
        engine: &Engine,
        bandwidth: Option<Bandwidth>,
        transport: Transport,
    ) -> Self {
        Self { engine: engine.clone(), bandwidth, transport }
    }
}

impl SharedLimits for Limits {
    fn divide(&self, workers: LiveWorkers) {
        self.transport.share_among(workers.all);
        self.engine.limit(self.bandwidth.map(|all| part(all, workers.of_config)));
    }

    fn hold_back(&self, host: &str, wait: Duration) {
        self.transport.hold_back(host, wait);
    }

    fn tell_pauses(&self, heard: HeardPause) {
        self.transport.tell_pauses(Arc::new(Told(heard)));
    }
}

/// A part of less than a byte a second would never end, so then each worker gets the whole bandwidth.
fn part(all: Bandwidth, workers: usize) -> Bandwidth {
    let workers = u64::try_from(workers).unwrap_or(u64::MAX).max(1);
    Bandwidth::of(all.bytes_a_second() / workers, Duration::from_secs(1)).unwrap_or(all)
}

struct Told(HeardPause);

impl PauseObserver for Told {
    fn paused(&self, host: &str, wait: Duration) {
        (self.0)(host, wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_worker_has_its_part() {
        let all: Bandwidth = "50MB/s".parse().unwrap();
        for (workers, bytes) in [(0, 50_000_000), (1, 50_000_000), (4, 12_500_000), (3, 16_666_666)] {
            assert_eq!(part(all, workers).bytes_a_second(), bytes, "{workers}");
        }
    }
}
