//! The cost of the ledger: it is asked for each blob and manifest at each target.

use divan::Bencher;
use divan::counter::ItemsCount;
use oci::{Digest, RepositoryName};
use sync::bench::Ledger;

fn main() {
    divan::main();
}

fn digests(number: u32) -> Vec<Digest> {
    (0..number).map(|number| Digest::sha256(&number.to_le_bytes())).collect()
}

fn name(number: u32) -> RepositoryName {
    format!("bench/app{number}").parse().expect("a name")
}

/// Blobs that no repository has.
#[divan::bench(args = [100, 10_000])]
fn bring(bencher: Bencher<'_, '_>, blobs: u32) {
    let (digests, repository) = (digests(blobs), name(0));
    bencher.counter(ItemsCount::new(blobs)).with_inputs(Ledger::default).bench_local_values(|ledger| {
        for digest in &digests {
            ledger.bring(&repository, digest);
        }
        ledger
    });
}

/// One blob that is brought to many repositories: each claim searches those that have it.
#[divan::bench(args = [10, 100, 1_000])]
fn share(bencher: Bencher<'_, '_>, repositories: u32) {
    let digest = Digest::sha256(b"base");
    let names: Vec<_> = (0..repositories).map(name).collect();
    bencher.counter(ItemsCount::new(repositories)).with_inputs(Ledger::default).bench_local_values(
        |ledger| {
            for repository in &names {
                ledger.bring(repository, &digest);
            }
            ledger
        },
    );
}

/// Blobs that the target is known to have.
#[divan::bench]
fn ask(bencher: Bencher<'_, '_>) {
    let (digests, repository) = (digests(10_000), name(0));
    let ledger = Ledger::default();
    for digest in &digests {
        ledger.bring(&repository, digest);
    }
    bencher.counter(ItemsCount::new(digests.len())).bench_local(|| {
        for digest in &digests {
            ledger.bring(&repository, digest);
        }
    });
}
