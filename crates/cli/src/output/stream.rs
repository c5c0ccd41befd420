//! A stream with its own writer thread, so that no other thread waits for the reader.
//!
//! A pipe without a reader is full after 64 KiB, a terminal stopped with Ctrl-S at once. A write then blocks forever; a run that waited for
//! it would copy nothing and react to no signal.

mod queue;
mod writer;

use std::fs::File;
use std::io::{BufWriter, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use super::canvas::{Canvas, Picture};
use super::number::counted;
use queue::{Limit, Queue, State};
use writer::Writer;

pub(crate) use queue::Flushed;
pub(super) use writer::{OnError, Screen};

/// The most bytes that may be queued. Beyond that, lines are dropped.
const MOST_WAITING: usize = 4 << 20;
/// The most bytes of a streamed text that may be queued.
const MOST_OF_A_TEXT: usize = 256 << 10;
/// The size of the pieces of such a text.
const HANDED_IN: usize = 16 << 10;

/// Makes the line about dropped lines, without its newline.
pub(super) type Notice = fn(usize) -> String;

/// The front end of the queue.
pub(crate) struct Stream(Arc<Queue>, Notice);

impl Stream {
    /// Starts writing to `file`, whose writes may block.
    pub(super) fn new(file: File, on_error: OnError) -> Self {
        Self::on_screen(file, on_error, Screen::NONE)
    }

    /// Like `new`, for a possible terminal with a picture below its lines.
    pub(super) fn on_screen(file: File, on_error: OnError, screen: Screen) -> Self {
        let queue = Arc::new(Queue::default());
        let writer = Writer { queue: queue.clone(), file, on_error, canvas: Canvas::default(), screen };
        // Without a thread there is no output, but the run continues.
        if std::thread::Builder::new().name("output".to_owned()).spawn(move || writer.run()).is_err() {
            queue.texts_written(0, Some(ErrorKind::OutOfMemory));
        }
        Self(queue, |count| format!("[{}]", unread(count)))
    }

    /// Changes the form of the line about dropped lines.
    pub(super) fn noting(self, notice: Notice) -> Self {
        Self(self.0, notice)
    }

    /// Queues a line, given without its newline. It is dropped if the queue is full.
    pub(crate) fn line(&self, line: &str) {
        self.0.change(|state| {
            if state.waiting_bytes + line.len() > MOST_WAITING {
                state.left_out += 1;
                return;
            }
            self.tell_left_out(state);
            state.push(format!("{line}\n").into_bytes());
        });
    }

    /// Queues a text that is never dropped.
    pub(crate) fn text(&self, text: String) {
        self.0.change(|state| {
            self.tell_left_out(state);
            state.push(text.into_bytes());
        });
    }

    /// Draws a picture below all lines, replacing the previous one.
    pub(super) fn draw(&self, picture: Picture) {
        self.0.change(|state| state.draw(picture));
    }

    /// Removes the picture.
    pub(super) fn take_away(&self) {
        self.0.change(State::take_away);
    }

    /// Draws the next picture below another program's output.
    pub(super) fn leave_picture(&self) {
        self.0.change(State::leave);
    }

    /// Queues a piece of a long text, and waits until the queue is short enough, as long as the reader makes progress.
    fn piece(&self, text: Vec<u8>, patience: &dyn Fn() -> Duration) -> Flushed {
        self.0.change(|state| {
            self.tell_left_out(state);
            state.push(text);
        });
        self.0.wait(Limit::WithoutAPiece(patience), |state| state.waiting_bytes <= MOST_OF_A_TEXT)
    }

    fn tell_left_out(&self, state: &mut State) {
        let left_out = std::mem::take(&mut state.left_out);
        if left_out > 0 {
            state.push(format!("{}\n", (self.1)(left_out)).into_bytes());
        }
    }

    /// Waits until everything is written, as long as there is progress: at most `patience` from one written piece to the next. The patience
    /// may shrink meanwhile.
    pub(crate) fn flush(&self, patience: &dyn Fn() -> Duration) -> Flushed {
        self.0.change(|state| self.tell_left_out(state));
        self.0.wait(Limit::WithoutAPiece(patience), State::is_idle)
    }

    /// Waits until everything is written, but no longer than `most`, whatever the progress.
    pub(super) fn flush_within(&self, most: Duration) -> Flushed {
        self.0.wait(Limit::InAll(most), State::is_idle)
    }

    /// Whether a write failed.
    pub(super) fn has_failed(&self) -> bool {
        self.0.has_failed()
    }
}

/// Writes a long text to a stream without queueing all of it.
pub(super) struct Pieces<'a> {
    stream: &'a Stream,
    patience: fn() -> Duration,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(stream: &'a Stream, patience: fn() -> Duration) -> BufWriter<Self> {
        BufWriter::with_capacity(HANDED_IN, Self { stream, patience })
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

/// The text in place of dropped lines.
pub(super) fn unread(count: usize) -> String {
    format!("{} left out here: nobody read them", counted(count as u64, "line is", "lines are"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::fd::OwnedFd;
    use std::sync::Mutex;

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
        assert_eq!(stream.flush(&|| Duration::from_millis(50)), Flushed::Stuck);
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
        assert_eq!(stream.flush(&|| Duration::from_secs(60)), Flushed::All);
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

    /// A slow reader does not delay a caller with a time limit.
    #[test]
    fn s4_who_has_no_time_waits_no_longer_however_much_is_taken() {
        let (mut reader, stream) = pipe();
        let line = "x".repeat(999);
        for _ in 0..2000 {
            stream.line(&line);
        }
        let (first, took_first) = std::sync::mpsc::channel::<()>();
        let is_over = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let ends = is_over.clone();
        let reading = std::thread::spawn(move || {
            let mut pieces = 0;
            while !ends.load(std::sync::atomic::Ordering::Relaxed) {
                pieces += usize::from(reader.read(&mut [0; 4096]).unwrap() > 0);
                let _ = first.send(());
                std::thread::sleep(Duration::from_millis(5));
            }
            pieces
        });
        took_first.recv().unwrap();
        assert_eq!(stream.flush_within(Duration::from_millis(100)), Flushed::Stuck);
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(reading.join().unwrap() > 0, "it was read all the time");
    }

    #[test]
    fn s5_a_reader_that_has_seen_enough_is_no_failure() {
        let (reader, stream) = pipe();
        drop(reader);
        stream.line("x");
        assert_eq!(stream.flush(&|| Duration::from_secs(60)), Flushed::Gone);
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
            stream.flush(&|| Duration::from_secs(60));
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
            assert!(matches!(stream.flush(&|| Duration::from_secs(60)), Flushed::Failed(_)));
        }
        assert_eq!(*told.lock().unwrap(), 1);
    }
}
