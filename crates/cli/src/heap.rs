//! How the system's allocator keeps its memory.

/// Has glibc serve all threads from one heap. By itself it makes one for each core, up to eight times, and each keeps what it
/// once had: ten layers at once take 30 MiB instead of 36 on two cores, and no longer
/// (<https://sourceware.org/glibc/manual/latest/html_node/Malloc-Tunable-Parameters.html>). Pieces of blobs are large and few, so
/// threads do not wait for each other; small things come from each thread's own store.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "no crate offers this call")]
pub(crate) fn keep_together() {
    // SAFETY: it changes one number of the allocator, and no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn keep_together() {}
