//! Damages the bytes of one message on their way.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::tcp::OwnedWriteHalf;

/// What to do at which byte, counted from the beginning of the head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Damage {
    /// The message ends before this byte.
    pub(super) cut: Option<u64>,
    /// There is a pause before this byte.
    pub(super) stall: Option<(u64, Duration)>,
    /// This byte is changed.
    pub(super) flip: Option<u64>,
}

/// Writes a message with its damage.
pub(super) struct Damaged<'a> {
    to: &'a mut OwnedWriteHalf,
    damage: Damage,
    position: u64,
}

impl<'a> Damaged<'a> {
    pub(super) fn new(to: &'a mut OwnedWriteHalf, damage: Damage) -> Self {
        Self { to, damage, position: 0 }
    }

    /// An error means that the message is over: cut, or broken by the peer.
    pub(super) async fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        loop {
            if self.damage.cut == Some(self.position) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            if let Some((_, pause)) = self.damage.stall.take_if(|(at, _)| *at == self.position) {
                tokio::time::sleep(pause).await;
            }
            if bytes.is_empty() {
                return Ok(());
            }
            let whole = self.damage.piece(self.position, bytes.len());
            let (piece, rest) = bytes.split_at(whole);
            match self.damage.flip.and_then(|flip| flip.checked_sub(self.position)) {
                Some(at) if at < piece.len() as u64 => {
                    let mut piece = piece.to_vec();
                    piece[usize::try_from(at).unwrap_or(0)] ^= 1;
                    self.to.write_all(&piece).await?;
                }
                _ => self.to.write_all(piece).await?,
            }
            self.position += whole as u64;
            bytes = rest;
        }
    }
}

impl Damage {
    /// How many of `length` bytes to write before the next event.
    fn piece(&self, position: u64, length: usize) -> usize {
        let events = [self.cut, self.stall.map(|(at, _)| at)];
        let next = events.into_iter().flatten().filter_map(|at| at.checked_sub(position)).min();
        next.map_or(length, |next| usize::try_from(next).unwrap_or(usize::MAX).min(length))
    }
}
