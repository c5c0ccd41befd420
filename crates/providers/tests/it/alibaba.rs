//! Alibaba Cloud's services, simulated by the testkit.

mod acr;
mod credentials;
mod login;
mod open_api;

use std::collections::HashMap;
use std::sync::Arc;

use providers::alibaba::{AccessKey, Endpoint, Endpoints, Http, Lookup, OpenApi};
use registry::Transport;
use testkit::AcrApi;

const INSTANCE: &str = "cri-test";
const SECRET: &str = "fixed/secret+of=key";

fn http() -> Http {
    Http::new(&Transport::new("image-syncer/test", &[]).unwrap()).unwrap()
}

fn endpoint(server: &AcrApi) -> Endpoint {
    server.url().parse().unwrap()
}

fn key() -> AccessKey {
    AccessKey::new("testid", SECRET.into())
}

/// A server that knows the key `testid`.
async fn server() -> AcrApi {
    let server = AcrApi::start().await.unwrap();
    server.add_key("testid", SECRET);
    server
}

/// The server's API, called with that key.
fn api(server: &AcrApi) -> OpenApi {
    OpenApi::new(http(), endpoint(server), Arc::new(key()))
}

fn lookup(variables: &[(&str, &str)]) -> Lookup {
    let variables: HashMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Arc::new(move |name| variables.get(name).cloned())
}

/// All services at the same server.
fn endpoints(server: &AcrApi) -> Endpoints {
    Endpoints { sts: Some(endpoint(server)), metadata: Some(endpoint(server)) }
}
