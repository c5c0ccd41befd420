//! A registry, and a client that follows no redirects.

use bytes::Bytes;
use embedded_registry::{Builder, EmbeddedRegistry};
use http::{HeaderMap, Method, StatusCode};
use reqwest::RequestBuilder;
use serde_json::Value;

pub(crate) struct Bench {
    pub(crate) server: EmbeddedRegistry,
    client: reqwest::Client,
}

/// An answer, read whole.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Bench {
    pub(crate) async fn open() -> Self {
        Self::start(EmbeddedRegistry::builder()).await
    }

    pub(crate) async fn start(builder: Builder) -> Self {
        let none = reqwest::redirect::Policy::none();
        let client = reqwest::Client::builder().no_proxy().redirect(none).build().unwrap();
        Self { server: builder.start().await.unwrap(), client }
    }

    pub(crate) fn request(&self, method: Method, address: &str) -> RequestBuilder {
        let address = match address.strip_prefix('/') {
            Some(path) => format!("http://{}/{path}", self.server.host()),
            None => address.to_owned(),
        };
        self.client.request(method, address)
    }

    pub(crate) async fn ask(&self, method: Method, address: &str) -> Reply {
        send(self.request(method, address)).await
    }

    pub(crate) async fn get(&self, address: &str) -> Reply {
        self.ask(Method::GET, address).await
    }

    pub(crate) async fn put(
        &self,
        address: &str,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> Reply {
        send(self.request(Method::PUT, address).header("content-type", content_type).body(body)).await
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Reply { status, headers, body: response.bytes().await.unwrap() }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The status with the code of the first error.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let code = self.json().pointer("/errors/0/code").unwrap().as_str().unwrap().to_owned();
        (self.status.as_u16(), code)
    }
}
