//! How names are found for libraries that ask glibc: NATS's client does, all else asks `resolver`.

/// Has glibc look into `/etc/hosts` and ask DNS, whatever `nsswitch.conf` says: both are in the static binary. For other sources it
/// would load this machine's libraries, which were made for another glibc, and crash in them.
#[cfg(all(target_os = "linux", target_env = "gnu", target_feature = "crt-static"))]
#[expect(unsafe_code, reason = "no crate offers this call")]
pub(crate) fn load_nothing() {
    unsafe extern "C" {
        // nss.h: "Overwrite service selection for database"
        fn __nss_configure_lookup(database: *const libc::c_char, sources: *const libc::c_char)
        -> libc::c_int;
    }
    // SAFETY: both are texts that end in a zero and live as long as the program, and no other thread runs yet.
    unsafe {
        __nss_configure_lookup(c"hosts".as_ptr(), c"files dns".as_ptr());
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu", target_feature = "crt-static")))]
pub(crate) fn load_nothing() {}
