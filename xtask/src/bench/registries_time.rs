//! The processor time of the registries: on a machine that they share with the program, no
//! program can be faster than that.

use anyhow::{Context as _, Result};
use testkit::DockerRegistry;

use super::result::float;

/// The unit of times in `/proc/<id>/stat`, in seconds: Linux uses hundredths on all of today's systems (`getconf CLK_TCK`).
const TICK: f64 = 0.01;

/// The processor time of these registries so far, in seconds.
pub(super) fn so_far(registries: [&DockerRegistry; 2]) -> Result<f64> {
    registries.into_iter().map(one).sum()
}

fn one(registry: &DockerRegistry) -> Result<f64> {
    let id = registry.process_id().context("the registry does not run")?;
    let text = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    ticks(&text).map(|ticks| float(ticks) * TICK).context("the kernel tells no times")
}

/// User and system time are the 14th and 15th field; the name before them, in brackets, may contain blanks.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(11).map_while(|field| field.parse::<u64>().ok());
    Some(times.next()? + times.next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_does_not_move_the_fields() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194304 100 0 0 0 250 31 0 0 20 0 9 0 1 2 3";
        assert_eq!(ticks(stat), Some(281));
        assert_eq!(ticks("7 (a"), None);
    }
}
