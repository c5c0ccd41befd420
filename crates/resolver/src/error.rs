//! Why a name has no address.

use std::net::IpAddr;

/// Why a name has no address: what the last DNS server said, or that none did.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unresolved {
    /// DNS knows no such name.
    #[error("the DNS server {server} knows no such name")]
    Unknown {
        /// Who says so.
        server: IpAddr,
    },
    /// The name is known, but stands for no host.
    #[error("the DNS server {server} knows the name, but no address of it")]
    NoAddress {
        /// Who says so.
        server: IpAddr,
    },
    /// The server does not answer the question.
    #[error("the DNS server {server} answers {code}")]
    Refused {
        /// Who says so.
        server: IpAddr,
        /// `SERVFAIL` and its like.
        code: &'static str,
    },
    /// What came is no DNS.
    #[error("the DNS server {server} gives an answer that cannot be read")]
    Unreadable {
        /// Who gave it.
        server: IpAddr,
    },
    /// Nothing came.
    #[error("the DNS server {server} does not answer")]
    Silent {
        /// Who was asked.
        server: IpAddr,
    },
    /// Nobody says whom to ask, and this machine has no server of its own.
    #[error("{file} names no DNS server, and none answers on this machine")]
    NoServer {
        /// What should name one.
        file: String,
    },
    /// It can be no name of a host.
    #[error("it is no name of a host")]
    NoName,
}
