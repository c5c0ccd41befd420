//! Name resolution for libraries that call glibc: NATS's client does, everything else uses `resolver`.

/// Makes glibc use `/etc/hosts` and DNS whatever `nsswitch.conf` says: the static binary contains both. For other sources glibc would load
/// this machine's libraries, which were built for another glibc, and crash.
#[cfg(all(target_os = "linux", target_env = "gnu", target_feature = "crt-static"))]
#[expect(unsafe_code, reason = "no crate offers this call")]
pub(crate) fn load_nothing() {
    unsafe extern "C" {
        // nss.h: "Overwrite service selection for database"
        fn __nss_configure_lookup(database: *const libc::c_char, sources: *const libc::c_char)
        -> libc::c_int;
    }
    // SAFETY: both are static, zero-terminated texts, and no other thread runs yet.
    unsafe {
        __nss_configure_lookup(c"hosts".as_ptr(), c"files dns".as_ptr());
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu", target_feature = "crt-static")))]
pub(crate) fn load_nothing() {}
