//! Finds the folder in which a server on this machine keeps streams, by the files that the server has open. Only the owner of the server's
//! process can see these.

use std::fs;
use std::path::{Path, PathBuf};

/// The store of the server that listens on this port of this machine, while it has a stream.
pub(super) fn of_listener(port: u16) -> Option<PathBuf> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let tables: Vec<_> = tables.iter().filter_map(|table| fs::read_to_string(table).ok()).collect();
    let sockets: Vec<_> = tables
        .iter()
        .flat_map(|table| listeners(table, port))
        .map(|inode| PathBuf::from(format!("socket:[{inode}]")))
        .collect();
    let mut processes = fs::read_dir("/proc").ok()?.flatten();
    processes.find_map(|process| {
        let open: Vec<_> = fs::read_dir(process.path().join("fd")).ok()?.flatten().collect();
        let open: Vec<_> = open.iter().filter_map(|file| fs::read_link(file.path()).ok()).collect();
        let listens = open.iter().any(|file| sockets.contains(file));
        listens.then(|| open.iter().find_map(|file| store(file)))?
    })
}

/// The inodes of sockets that listen on the port, from a table like `/proc/net/tcp`.
fn listeners(table: &str, port: u16) -> Vec<&str> {
    let port = format!(":{port:04X}");
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    // 0A is the state of a socket that listens.
    let ours = rows.filter(|row| row.len() > 9 && row[1].ends_with(&port) && row[3] == "0A");
    ours.map(|row| row[9]).collect()
}

/// `.../jetstream/ACCOUNT/streams/NAME/msgs/1.blk` is kept in `.../jetstream`.
fn store(file: &Path) -> Option<PathBuf> {
    let mut folders = file.ancestors();
    folders.find(|folder| folder.ends_with("jetstream")).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_has_the_store_open() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:10AE 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7914666 1 0 100 0 0 10 0
   1: 0100007F:10AE 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 7914667 1 0 100 0 0 10 0
   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7914668 1 0 100 0 0 10 0";
        assert_eq!(listeners(table, 4270), ["7914666"]);
        assert!(listeners(table, 443).is_empty());
        let file = Path::new("/var/lib/nats/jetstream/$G/streams/KV_isync_runs/msgs/1.blk");
        assert_eq!(store(file), Some("/var/lib/nats/jetstream".into()));
        assert_eq!(store(Path::new("/var/log/nats.log")), None);
    }
}
