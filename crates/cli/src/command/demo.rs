//! Placeholder until the embedded registry is there.
use crate::args::DemoArgs;
pub(crate) async fn run(_: &DemoArgs) -> u8 {
    0
}
