//! The thread that writes the state: many changes with one commit, so that no transfer waits for a disk.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use redb::Database;
use tokio::sync::oneshot;

use super::store::{BLOBS, BROUGHT, CHILDREN, CUTS, FIRST_SEEN, GONE, SPARSE_REFUSALS, SPEED, UPLOADS};
use crate::lock::lock;

/// How long changes are collected that no task waits for: losing them in a kill costs a few requests.
const GATHERING: Duration = Duration::from_millis(200);

/// A change of the state.
pub(super) enum Change {
    Upload(Vec<u8>, Vec<u8>),
    NoUpload(Vec<u8>),
    Blob(Vec<u8>, u32),
    NoBlob(Vec<u8>),
    Cut(Vec<u8>, Vec<u8>),
    Children(Vec<u8>, Vec<u8>),
    NoChildren(Vec<u8>),
    RefusesSparse(String, u32),
    FirstSeen(Vec<u8>, Vec<u8>),
    Gone(Vec<u8>, Vec<u8>),
    NotGone(Vec<u8>),
    Brought(Vec<u8>, u32),
    Speed(u64, u64),
}

/// A change, and the sender to notify when it is on disk.
type Order = (Change, Option<oneshot::Sender<()>>);

/// Writes until it is dropped, then writes the rest.
pub(super) struct Writer {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
    failure: Arc<Mutex<Option<redb::Error>>>,
}

impl Writer {
    /// Writes nothing.
    pub(super) fn none() -> Self {
        Self { orders: None, thread: None, failure: Arc::default() }
    }

    pub(super) fn start(database: Arc<Database>) -> std::io::Result<Self> {
        let (orders, receiver) = channel();
        let failure = Arc::new(Mutex::default());
        let failed = failure.clone();
        let write = move || {
            if let Err(error) = write_all(&database, &receiver) {
                *lock(&failed) = Some(error);
            }
        };
        let thread = std::thread::Builder::new().name("state".to_owned()).spawn(write)?;
        Ok(Self { orders: Some(orders), thread: Some(thread), failure })
    }

    /// Queues a change. Does nothing after a write error.
    pub(super) fn write(&self, change: Change) {
        self.order(change, None);
    }

    /// Writes a change at once; the receiver is notified when it is on disk, or closed after an error.
    pub(super) fn write_now(&self, change: Change) -> oneshot::Receiver<()> {
        let (written, waiting) = oneshot::channel();
        self.order(change, Some(written));
        waiting
    }

    fn order(&self, change: Change, written: Option<oneshot::Sender<()>>) {
        if let Some(orders) = &self.orders {
            let _ = orders.send((change, written));
        }
    }

    /// Writes what is left; returns the error, if any.
    pub(super) fn end(&mut self) -> Option<redb::Error> {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        lock(&self.failure).take()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.end();
    }
}

fn write_all(database: &Database, orders: &Receiver<Order>) -> Result<(), redb::Error> {
    while let Ok(first) = orders.recv() {
        let gathered = gather(first, orders);
        let writing = database.begin_write()?;
        {
            let (mut uploads, mut blobs) = (writing.open_table(UPLOADS)?, writing.open_table(BLOBS)?);
            let (mut cuts, mut children) = (writing.open_table(CUTS)?, writing.open_table(CHILDREN)?);
            let (mut refusals, mut seen) =
                (writing.open_table(SPARSE_REFUSALS)?, writing.open_table(FIRST_SEEN)?);
            let (mut gone, mut speed) = (writing.open_table(GONE)?, writing.open_table(SPEED)?);
            let mut brought = writing.open_table(BROUGHT)?;
            for (change, _) in &gathered {
                match change {
                    Change::Upload(key, record) => drop(uploads.insert(key.as_slice(), record.as_slice())?),
                    Change::NoUpload(key) => drop(uploads.remove(key.as_slice())?),
                    Change::Blob(key, day) => drop(blobs.insert(key.as_slice(), day)?),
                    Change::NoBlob(key) => drop(blobs.remove(key.as_slice())?),
                    Change::Gone(key, record) => drop(gone.insert(key.as_slice(), record.as_slice())?),
                    Change::NotGone(key) => drop(gone.remove(key.as_slice())?),
                    Change::Brought(key, day) => drop(brought.insert(key.as_slice(), day)?),
                    Change::Speed(bytes, took) => drop(speed.insert("last", (*bytes, *took))?),
                    Change::FirstSeen(key, record) => drop(seen.insert(key.as_slice(), record.as_slice())?),
                    Change::Cut(key, record) => drop(cuts.insert(key.as_slice(), record.as_slice())?),
                    Change::Children(key, record) => {
                        drop(children.insert(key.as_slice(), record.as_slice())?);
                    }
                    Change::NoChildren(key) => drop(children.remove(key.as_slice())?),
                    Change::RefusesSparse(registry, day) => drop(refusals.insert(registry.as_str(), day)?),
                }
            }
        }
        writing.commit()?;
        for (_, written) in gathered {
            let _ = written.map(|written| written.send(()));
        }
    }
    Ok(())
}

/// Collects changes until a task waits for one, or until the time is over.
fn gather(first: Order, orders: &Receiver<Order>) -> Vec<Order> {
    let end = Instant::now() + GATHERING;
    let mut is_urgent = first.1.is_some();
    let mut gathered = vec![first];
    loop {
        let left = if is_urgent { Duration::ZERO } else { end.saturating_duration_since(Instant::now()) };
        match orders.recv_timeout(left) {
            Ok(order) => {
                is_urgent |= order.1.is_some();
                gathered.push(order);
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return gathered,
        }
    }
}
