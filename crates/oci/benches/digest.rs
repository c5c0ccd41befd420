//! Measures hashing: every copied byte goes through a verifier.

use divan::Bencher;
use divan::counter::BytesCount;
use oci::{Digest, Verifier};

fn main() {
    divan::main();
}

/// Bytes of the blob.
const BLOB: usize = 4 << 20;

/// In pieces as they come from the network.
#[divan::bench(args = [4 << 10, 16 << 10, 64 << 10, 1 << 20])]
fn verify(bencher: Bencher<'_, '_>, piece: usize) {
    let blob = vec![0x5a_u8; BLOB];
    let digest = Digest::sha256(&blob);
    bencher.counter(BytesCount::new(BLOB)).bench_local(|| {
        let mut verifier = Verifier::new(digest.clone(), Some(BLOB as u64));
        for bytes in blob.chunks(piece) {
            verifier.update(bytes).expect("the size is right");
        }
        verifier.finish().expect("the digest is right");
    });
}
