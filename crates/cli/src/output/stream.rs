//! A stream with a thread of its own that writes: nobody who has something to say waits for whoever reads it.
//!
//! A pipe that nobody reads is full after 64 KiB, a terminal that was stopped with Ctrl-S at once; a write then waits
//! for ever, and a run that waits with it copies nothing and obeys no signal.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::canvas::{Canvas, Change, Picture};

/// What waits at most, in bytes: as much as a reader may be behind before lines are left out.
const MOST_WAITING: usize = 4 << 20;
/// What waits of a text that is handed in piece by piece, in bytes.
const MOST_OF_A_TEXT: usize = 256 << 10;
/// Pipes take so much in one piece, so what is read shows soon.
const PIECE: usize = 4096;
/// Whoever waits looks so often how long he still may.
const LOOK: Duration = Duration::from_millis(200);
/// A pipe that somebody else has made non-blocking is asked again so often.
const AGAIN: Duration = Duration::from_millis(10);

/// Told of the first write that fails.
pub(super) type OnError = Box<dyn Fn(&std::io::Error) + Send>;

/// So much is written at once, where it waits.
const BATCH: usize = 64 << 10;

/// How wide a terminal is, in columns.
pub(super) type Columns = fn() -> usize;

/// The line that says how many lines are left out, without its end.
pub(super) type Notice = fn(usize) -> String;

/// Where texts are handed in.
pub(crate) struct Stream(Arc<Shared>, Notice);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Vec<u8>>,
    waiting_bytes: usize,
    /// What is to become of the picture: the last word counts.
    change: Option<Change>,
    /// Somebody else wrote to the terminal.
    is_left: bool,
    /// Lines that were left out since the last one that was taken.
    left_out: usize,
    is_writing: bool,
    /// Pieces that were written: what grows is not stuck.
    written: u64,
    /// Nothing was taken the last time that somebody waited, nor since.
    is_stuck: bool,
    /// A write failed: the rest is thrown away.
    error: Option<ErrorKind>,
}

impl State {
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.change.is_none() && !self.is_writing
    }

    fn push(&mut self, text: Vec<u8>) {
        self.waiting_bytes += text.len();
        self.waiting.push_back(text);
    }
}

/// How much of what was handed in has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    All,
    /// Whoever read has gone.
    Gone,
    /// A write failed.
    Failed(ErrorKind),
    /// Nobody reads.
    Stuck,
}

impl Stream {
    /// Begins to write to `file`, which may block.
    pub(super) fn new(file: File, on_error: OnError) -> Self {
        Self::with_columns(file, on_error, || 80)
    }

    /// The same for a terminal that is so wide, below whose lines a picture may stand.
    pub(super) fn with_columns(file: File, on_error: OnError, columns: Columns) -> Self {
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let writer = Writer { shared: shared.clone(), file, on_error, canvas: Canvas::default(), columns };
        // Without a thread there is no output, and the run goes on.
        if std::thread::Builder::new().name("output".to_owned()).spawn(move || writer.run()).is_err() {
            shared.lock().error = Some(ErrorKind::OutOfMemory);
        }
        Self(shared, |count| format!("[{count} lines are left out here: nobody read them]"))
    }

    /// Tells of lines that are left out in another form.
    pub(super) fn noting(self, notice: Notice) -> Self {
        Self(self.0, notice)
    }

    /// Hands a line in, without its end. It is left out where too much waits already.
    pub(crate) fn line(&self, line: &str) {
        let mut state = self.0.lock();
        if state.waiting_bytes + line.len() > MOST_WAITING {
            state.left_out += 1;
            return;
        }
        self.tell_left_out(&mut state);
        state.push(format!("{line}\n").into_bytes());
        drop(state);
        self.0.changed.notify_all();
    }

    /// Hands a text in that is never left out.
    pub(crate) fn text(&self, text: String) {
        let mut state = self.0.lock();
        self.tell_left_out(&mut state);
        state.push(text.into_bytes());
        drop(state);
        self.0.changed.notify_all();
    }

    /// Has a picture stand below all lines, in place of the one that does.
    pub(super) fn draw(&self, picture: Picture) {
        self.change(|state| state.change = Some(Change::Draw(picture)));
    }

    /// Takes the picture away.
    pub(super) fn take_away(&self) {
        self.change(|state| state.change = Some(Change::TakeAway));
    }

    /// Draws the next picture below what somebody else has written.
    pub(super) fn leave_picture(&self) {
        self.change(|state| state.is_left = true);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock());
        self.0.changed.notify_all();
    }

    /// Hands a piece of a long text in, and waits until little enough of it waits: for as long as something is taken.
    fn piece(&self, text: Vec<u8>, patience: &dyn Fn() -> Duration) -> Flushed {
        let mut state = self.0.lock();
        self.tell_left_out(&mut state);
        state.push(text);
        drop(state);
        self.0.changed.notify_all();
        self.wait(patience, |state| state.waiting_bytes <= MOST_OF_A_TEXT)
    }

    fn tell_left_out(&self, state: &mut State) {
        let left_out = std::mem::take(&mut state.left_out);
        if left_out > 0 {
            state.push(format!("{}\n", (self.1)(left_out)).into_bytes());
        }
    }

    /// Waits until all is written, for as long as something is: `patience` passes without a piece that is taken.
    pub(crate) fn flush(&self, patience: Duration) -> Flushed {
        let mut state = self.0.lock();
        self.tell_left_out(&mut state);
        drop(state);
        self.0.changed.notify_all();
        self.wait(&|| patience, State::is_idle)
    }

    /// `patience` may become less meanwhile.
    fn wait(&self, patience: &dyn Fn() -> Duration, is_done: fn(&State) -> bool) -> Flushed {
        let mut state = self.0.lock();
        let (mut written, mut last) = (state.written, Instant::now());
        loop {
            match state.error {
                Some(ErrorKind::BrokenPipe) => return Flushed::Gone,
                Some(error) => return Flushed::Failed(error),
                None if is_done(&state) => return Flushed::All,
                None if state.written != written => (written, last) = (state.written, Instant::now()),
                None => {}
            }
            let Some(left) = patience().checked_sub(last.elapsed()) else {
                state.is_stuck = true;
                return Flushed::Stuck;
            };
            state =
                self.0.changed.wait_timeout(state, left.min(LOOK)).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether a write failed.
    pub(super) fn has_failed(&self) -> bool {
        self.0.lock().error.is_some()
    }

    /// The same, but never twice for a stream of which nothing is taken.
    pub(crate) fn flush_in_order(&self, patience: Duration) {
        if !self.0.lock().is_stuck {
            self.wait(&|| patience, State::is_idle);
        }
    }
}

/// Writes a long text to a stream without having all of it wait there.
pub(super) struct Pieces<'a> {
    stream: &'a Stream,
    patience: fn() -> Duration,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(stream: &'a Stream, patience: fn() -> Duration) -> BufWriter<Self> {
        BufWriter::with_capacity(PIECE * 4, Self { stream, patience })
    }
}

impl std::io::Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stream.piece(bytes.to_vec(), &self.patience).result()?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Flushed {
    pub(super) fn result(self) -> std::io::Result<()> {
        match self {
            Self::All => Ok(()),
            Self::Gone => Err(ErrorKind::BrokenPipe.into()),
            Self::Failed(kind) => Err(kind.into()),
            Self::Stuck => Err(std::io::Error::new(ErrorKind::TimedOut, "nobody reads it")),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be written next, when there is something: some texts, and what becomes of the picture.
    fn next(&self) -> Next {
        let mut state = self.lock();
        loop {
            if !state.waiting.is_empty() || state.change.is_some() {
                state.is_writing = true;
                let mut text = state.waiting.pop_front().unwrap_or_default();
                while state.waiting.front().is_some_and(|next| text.len() + next.len() <= BATCH) {
                    text.extend(state.waiting.pop_front().unwrap_or_default());
                }
                // What was said before the end of the picture goes in above it.
                let change = if state.waiting.is_empty() { state.change.take() } else { None };
                return Next { text, change, is_left: std::mem::take(&mut state.is_left) };
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

struct Next {
    text: Vec<u8>,
    change: Option<Change>,
    is_left: bool,
}

struct Writer {
    shared: Arc<Shared>,
    file: File,
    on_error: OnError,
    canvas: Canvas,
    columns: Columns,
}

impl Writer {
    /// Lives as long as the program: nothing waits for it but [`Stream::flush`].
    fn run(mut self) {
        loop {
            let Next { text, change, is_left } = self.shared.next();
            if is_left {
                self.canvas.leave();
            }
            let bytes = self.canvas.compose(&text, change, (self.columns)());
            let result = if self.has_failed() { Ok(()) } else { self.write(&bytes) };
            let mut state = self.shared.lock();
            state.is_writing = false;
            state.waiting_bytes = state.waiting_bytes.saturating_sub(text.len());
            if let Err(error) = result {
                state.error = Some(error.kind());
                drop(state);
                (self.on_error)(&error);
            }
            self.shared.changed.notify_all();
        }
    }

    fn has_failed(&self) -> bool {
        self.shared.lock().error.is_some()
    }

    fn write(&mut self, mut text: &[u8]) -> std::io::Result<()> {
        while !text.is_empty() {
            match self.file.write(&text[..text.len().min(PIECE)]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    text = &text[count..];
                    let mut state = self.shared.lock();
                    (state.written, state.is_stuck) = (state.written + 1, false);
                    drop(state);
                    self.shared.changed.notify_all();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(AGAIN),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::fd::OwnedFd;

    use super::*;

    fn pipe() -> (std::io::PipeReader, Stream) {
        let (reader, writer) = std::io::pipe().unwrap();
        (reader, Stream::new(File::from(OwnedFd::from(writer)), Box::new(|_| {})))
    }

    #[test]
    fn s5_nobody_waits_for_a_reader_and_what_is_left_out_is_told() {
        let (mut reader, stream) = pipe();
        let line = "x".repeat(99);
        for _ in 0..100_000 {
            stream.line(&line);
        }
        stream.text("the end\n".to_owned());
        assert_eq!(stream.flush(Duration::from_millis(50)), Flushed::Stuck);
        assert!(stream.0.lock().waiting_bytes < MOST_WAITING + 1000, "memory is bounded");

        let reading = std::thread::spawn(move || {
            let mut text = vec![0; 5 << 20];
            let mut read = 0;
            while !text[..read].ends_with(b"the end\n") {
                read += reader.read(&mut text[read..]).unwrap();
            }
            text.truncate(read);
            String::from_utf8(text).unwrap()
        });
        assert_eq!(stream.flush(Duration::from_secs(60)), Flushed::All);
        let text = reading.join().unwrap();
        assert!(text.len() > 4_000_000, "{}", text.len());
        assert!(text.contains("lines are left out here: nobody read them]\nthe end\n"));
    }

    #[test]
    fn c6_a_long_text_comes_whole_and_little_of_it_waits() {
        let (reader, stream) = pipe();
        let reading = std::thread::spawn(move || {
            let lines = std::io::BufRead::lines(std::io::BufReader::new(reader)).map(Result::unwrap);
            lines.take_while(|line| line != "end").collect::<Vec<_>>()
        });
        let mut writer = Pieces::new(&stream, || Duration::from_secs(60));
        for number in 0..200_000 {
            writeln!(writer, "line {number}").unwrap();
            assert!(stream.0.lock().waiting_bytes <= MOST_OF_A_TEXT);
        }
        writeln!(writer, "end").unwrap();
        writer.flush().unwrap();
        let lines = reading.join().unwrap();
        assert_eq!((lines.len(), lines.last().unwrap().as_str()), (200_000, "line 199999"));
    }

    #[test]
    fn c6_a_long_text_that_nobody_reads_is_given_up() {
        let (_reader, stream) = pipe();
        let mut writer = Pieces::new(&stream, || Duration::from_millis(20));
        let refused = (0..1_000_000).find_map(|_| writeln!(writer, "a line").err());
        assert_eq!(refused.unwrap().kind(), ErrorKind::TimedOut);
        assert!(stream.0.lock().waiting_bytes < 2 * MOST_OF_A_TEXT);
    }

    #[test]
    fn s5_a_reader_that_has_seen_enough_is_no_failure() {
        let (reader, stream) = pipe();
        drop(reader);
        stream.line("x");
        assert_eq!(stream.flush(Duration::from_secs(60)), Flushed::Gone);
    }

    #[test]
    fn s5_what_is_left_out_is_told_before_a_text_and_at_the_end() {
        for is_text in [true, false] {
            let (reader, stream) = pipe();
            let stream = stream.noting(|count| format!("{{\"left out\": {count}}}"));
            for _ in 0..10_000 {
                stream.line(&"x".repeat(999));
            }
            if is_text {
                stream.text("the end\n".to_owned());
            }
            let reading = std::thread::spawn(move || {
                let lines = std::io::BufRead::lines(std::io::BufReader::new(reader)).map(Result::unwrap);
                let mut rest = lines.skip_while(|line| line.starts_with('x'));
                (rest.next(), if is_text { rest.next() } else { None })
            });
            stream.flush(Duration::from_secs(60));
            let (notice, text) = reading.join().unwrap();
            assert!(notice.is_some_and(|notice| notice.starts_with("{\"left out\": ")));
            assert_eq!(text.is_some(), is_text);
        }
    }

    #[test]
    fn c5_the_first_failure_is_told_once() {
        let told = Arc::new(Mutex::new(0));
        let counted = told.clone();
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let stream = Stream::new(full, Box::new(move |_| *counted.lock().unwrap() += 1));
        for _ in 0..3 {
            stream.line("x");
            assert!(matches!(stream.flush(Duration::from_secs(60)), Flushed::Failed(_)));
        }
        assert_eq!(*told.lock().unwrap(), 1);
    }
}
