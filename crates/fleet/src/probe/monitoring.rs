//! What a server tells on its monitoring port, where it has one: <https://docs.nats.io/running-a-nats-service/nats_admin/monitoring>.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use async_nats::datetime;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// As its documentation and its chart have it.
const PORT: u16 = 8222;
const PATIENCE: Duration = Duration::from_secs(1);
/// The answer has about 600 bytes.
const LARGEST: u64 = 64 << 10;

/// Its time beside ours, and where it keeps streams.
#[derive(Default, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) now: Option<(SystemTime, SystemTime)>,
    pub(super) store: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Answer {
    server_id: String,
    now: String,
    #[serde(default)]
    config: Config,
}

#[derive(Default, Deserialize)]
struct Config {
    store_dir: Option<PathBuf>,
}

/// Asks, if the server of this id is the one that answers there.
pub(super) async fn ask(host: &str, id: &str) -> Option<Told> {
    let answer = tokio::time::timeout(PATIENCE, answer(host)).await.ok()?.ok()?;
    read(&answer, id, SystemTime::now())
}

/// All that is answered, head and body.
async fn answer(host: &str) -> std::io::Result<Vec<u8>> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut stream = TcpStream::connect((host, PORT)).await?;
    // Without a version of keep-alive, the end of the body is the end of the connection.
    stream.write_all(format!("GET /jsz HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LARGEST).read_to_end(&mut answer).await?;
    Ok(answer)
}

fn read(answer: &[u8], id: &str, ours: SystemTime) -> Option<Told> {
    let body = answer.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let answer: Answer = serde_json::from_slice(&answer[body..]).ok()?;
    if answer.server_id != id {
        return None;
    }
    let now = datetime::parse_rfc3339(&answer.now).ok().map(|now| (now.into(), ours));
    Some(Told { now, store: answer.config.store_dir })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_itself_is_believed_and_no_other() {
        let answer = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"server_id\": \"NA\",
            \"now\": \"1970-01-01T00:01:40.5Z\", \"config\": {\"max_memory\": 1, \"store_dir\": \"/var/lib/nats/jetstream\"}}";
        let ours = SystemTime::UNIX_EPOCH;
        let told = read(answer, "NA", ours).unwrap();
        assert_eq!(told.store, Some("/var/lib/nats/jetstream".into()));
        assert_eq!(told.now, Some((SystemTime::UNIX_EPOCH + Duration::from_millis(100_500), ours)));
        assert_eq!(read(answer, "NB", ours), None);
        assert_eq!(read(b"HTTP/1.0 404 Not Found\r\n\r\n404 page not found\n", "NA", ours), None);
        assert_eq!(read(b"", "NA", ours), None);
    }
}
