//! Real registries for end-to-end tests: Debian's `docker-registry`, a token server like Harbor's or ACR's, nginx
//! with TLS in front, a proxy that injects faults, `nats-server`, and `skopeo` as the independent judge.
//!
//! Each value ends what it started, and removes its folders, when it is dropped.

mod access_log;
mod acr_api;
mod certificate;
pub mod compare;
mod content;
pub mod corpus;
mod dns_server;
mod docker_registry;
mod fault_proxy;
mod harbor_api;
mod line;
mod nats_server;
mod nginx;
mod nkey;
mod null_registry;
mod process;
pub mod seed;
mod server_thread;
mod skopeo;
mod tls_front;
mod token_server;

pub use access_log::Access;
pub use acr_api::{AcrApi, AcrInstance, AcrRepository, ApiRequest, MetadataVersion};
pub use certificate::{CertificateAuthority, IssuedCertificate};
pub use dns_server::{DnsAnswer, DnsQuestion, DnsServer};
pub use docker_registry::{DockerRegistry, DockerRegistryBuilder};
pub use fault_proxy::{Dice, Exchange, Fault, FaultProxy, Planned, Random, RetryAfter, Wanted};
pub use harbor_api::{CannedAnswer, HarborBench, HarborBenchBuilder};
pub use line::{Line, LineBuilder};
pub use nats_server::NatsServer;
pub use nkey::{NatsOperator, Nkey};
pub use null_registry::{NullContent, NullRegistry};
pub use skopeo::Skopeo;
pub use tls_front::{TlsFront, TlsFrontBuilder};
pub use token_server::{TokenServer, TokenUser};

use sha2::{Digest as _, Sha256};

/// The `sha256:…` digest of some bytes.
pub fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}
