//! HTTP as registries speak it: one client for all hosts, redirects under our own rules, bodies with
//! limits, URLs without secrets.

pub(crate) mod answer_count;
pub(crate) mod body;
pub(crate) mod destination;
pub(crate) mod exchange;
pub(crate) mod failure;
pub(crate) mod guard;
pub(crate) mod host_certificates;
pub(crate) mod host_client;
pub(crate) mod large_reads;
pub(crate) mod limit;
pub(crate) mod link_header;
pub(crate) mod location;
pub(crate) mod network;
pub(crate) mod no_proxy;
pub(crate) mod notice;
pub(crate) mod origin;
pub(crate) mod pause;
pub(crate) mod proxy;
pub(crate) mod range;
pub(crate) mod redact;
pub(crate) mod redirect;
pub(crate) mod refusal;
pub(crate) mod request_id;
pub(crate) mod resend;
pub(crate) mod route;
pub(crate) mod sharers;
pub(crate) mod stall;
pub(crate) mod streamed_body;
pub(crate) mod taken;
pub(crate) mod tls;
pub(crate) mod traffic;
pub(crate) mod transport;
pub(crate) mod walk;
pub(crate) mod web_page;
pub(crate) mod window;
