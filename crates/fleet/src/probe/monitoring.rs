//! Asks a server's monitoring port, if it has one: <https://docs.nats.io/running-a-nats-service/nats_admin/monitoring>.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use async_nats::datetime;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The port in the documentation and in the Helm chart.
const PORT: u16 = 8222;
const PATIENCE: Duration = Duration::from_secs(1);
/// The answer has about 600 bytes.
const LARGEST: u64 = 64 << 10;

/// The server's time beside this machine's, and the folder in which it keeps streams.
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

/// The answer of the monitoring port, if it is that of the server with this id.
pub(super) async fn ask(host: &str, id: &str) -> Option<Told> {
    let answer = tokio::time::timeout(PATIENCE, answer(host)).await.ok()?.ok()?;
    read(&answer, id, SystemTime::now())
}

/// The whole answer, head and body.
async fn answer(host: &str) -> std::io::Result<Vec<u8>> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut stream = TcpStream::connect((host, PORT)).await?;
    // HTTP/1.0 has no keep-alive, so the body ends where the connection ends.
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
