//! A registry with almost no cost: it sends prepared bytes and discards what it gets, so that a benchmark measures
//! the client.
//!
//! Uploads are counted and not hashed; manifests are kept, and checked afterwards. Each connection has a thread.

mod connection;
mod content;
mod message;
mod shared;

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Result;

pub use content::NullContent;

use self::shared::Shared;

use crate::corpus::{Corpus, Verified};

/// A running registry; its port closes on drop.
pub struct NullRegistry {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl NullRegistry {
    /// Serves `content` on a free port of 127.0.0.1.
    pub fn start(content: NullContent) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(content));
        let served = shared.clone();
        std::thread::Builder::new()
            .name("null-registry".to_owned())
            .spawn(move || accept(&listener, &served))?;
        Ok(Self { address, shared })
    }

    /// `127.0.0.1:port`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// How many requests it got so far.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// How many bytes of bodies it has sent.
    pub fn bytes_given(&self) -> u64 {
        self.shared.bytes_given.load(Ordering::Relaxed)
    }

    /// How many bytes of bodies it has received.
    pub fn bytes_taken(&self) -> u64 {
        self.shared.bytes_taken.load(Ordering::Relaxed)
    }

    /// Checks how much of a corpus it has: tags by digest, manifests by their bytes, blobs by their size.
    pub fn verify(&self, corpus: &Corpus) -> Verified {
        self.shared.content().verify(corpus)
    }
}

impl Drop for NullRegistry {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // The accepting thread checks the flag at the next connection.
        let _ = TcpStream::connect(self.address).and_then(|mut stream| stream.flush());
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.is_over.load(Ordering::Relaxed) {
            return;
        }
        let (Ok(stream), shared) = (stream, shared.clone()) else { continue };
        // A client may break off: that is no error here.
        std::thread::spawn(move || drop(connection::serve(&stream, &shared)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(request: reqwest::RequestBuilder) -> (u16, String, Vec<u8>) {
        let answer = request.send().await.unwrap();
        let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), location.unwrap_or_default(), answer.bytes().await.unwrap().to_vec())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_gives_what_was_prepared_and_knows_what_it_swallowed() {
        let (content, corpus) = NullContent::large_layers(2, 10_000_000);
        let source = NullRegistry::start(content).unwrap();
        let target = NullRegistry::start(NullContent::default()).unwrap();
        let client = reqwest::Client::new();
        let repository = &corpus.repositories[0];
        let at = |registry: &NullRegistry, path: &str| {
            format!("http://{}/v2/{}/{path}", registry.host(), repository.name)
        };
        for (digest, size) in &repository.blobs {
            let (status, _, bytes) = ask(client.get(at(&source, &format!("blobs/{digest}")))).await;
            assert_eq!((status, bytes.len() as u64, crate::digest_of(&bytes)), (200, *size, digest.clone()));
            let range = client.get(at(&source, &format!("blobs/{digest}"))).header("range", "bytes=3-9");
            assert_eq!(ask(range).await, (206, String::new(), bytes[3..10.min(bytes.len())].to_vec()));
            let (status, session, _) = ask(client.post(at(&target, "blobs/uploads/"))).await;
            assert_eq!(status, 202);
            let session = format!("http://{}{session}", target.host());
            let (status, session, _) = ask(client.patch(&session).body(bytes)).await;
            assert_eq!(status, 202);
            let session = format!("http://{}{session}", target.host());
            assert_eq!(ask(client.put(format!("{session}?digest={digest}"))).await.0, 201);
        }
        assert!(!target.verify(&corpus).is_complete(), "the manifest is missing");
        let (tag, _) = repository.tags.first_key_value().unwrap();
        let (status, _, manifest) = ask(client.get(at(&source, &format!("manifests/{tag}")))).await;
        assert_eq!(status, 200);
        assert_eq!(ask(client.put(at(&target, &format!("manifests/{tag}"))).body(manifest)).await.0, 201);
        assert!(target.verify(&corpus).is_complete(), "{:?}", target.verify(&corpus));
        assert_eq!(ask(client.head(at(&target, "manifests/other"))).await.0, 404);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn lists_come_in_pages() {
        let (content, corpus) = NullContent::tiny_images(3, 25);
        let registry = NullRegistry::start(content).unwrap();
        let (mut path, mut tags) = ("/v2/bench/app00001/tags/list?n=10".to_owned(), 0);
        loop {
            let answer = reqwest::get(format!("http://{}{path}", registry.host())).await.unwrap();
            let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
            let page: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
            tags += page["tags"].as_array().unwrap().len();
            let Some(link) = link else { break };
            link.trim_start_matches('<').split('>').next().unwrap().clone_into(&mut path);
        }
        assert_eq!(tags, 25);
        let (_, _, catalog) =
            ask(reqwest::Client::new().get(format!("http://{}/v2/_catalog", registry.host()))).await;
        let catalog: serde_json::Value = serde_json::from_slice(&catalog).unwrap();
        assert_eq!(catalog["repositories"].as_array().unwrap().len(), 3);
        assert!(registry.verify(&corpus).is_complete());
    }
}
