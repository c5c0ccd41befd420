//! Why a name has no address.

use std::net::IpAddr;

/// Why a name has no address: the last DNS server's answer, or that none answered.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unresolved {
    /// The name does not exist.
    #[error("the DNS server {server} knows no such name")]
    Unknown {
        /// The DNS server.
        server: IpAddr,
    },
    /// The name exists, but has no address.
    #[error("the DNS server {server} knows the name, but no address of it")]
    NoAddress {
        /// The DNS server.
        server: IpAddr,
    },
    /// The server refuses or fails.
    #[error("the DNS server {server} answers {code}")]
    Refused {
        /// The DNS server.
        server: IpAddr,
        /// `SERVFAIL` and its like.
        code: &'static str,
    },
    /// The answer is not valid DNS.
    #[error("the DNS server {server} gives an answer that cannot be read")]
    Unreadable {
        /// The DNS server.
        server: IpAddr,
    },
    /// No answer came.
    #[error("the DNS server {server} does not answer")]
    Silent {
        /// The DNS server.
        server: IpAddr,
    },
    /// The file names no DNS server, and this machine runs none.
    #[error("{file} names no DNS server, and none answers on this machine")]
    NoServer {
        /// The file that should name one.
        file: String,
    },
    /// The name is not a valid host name.
    #[error("it is no name of a host")]
    NoName,
}
