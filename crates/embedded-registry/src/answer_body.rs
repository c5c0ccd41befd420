//! Sends the body of an answer: whole, or as a fault demands.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::Sleep;

use crate::hang_up::HangUp;

/// How long to wait before cutting a body: the first part is already passed to the connection, which
/// sends it during this wait.
const BEFORE_CUT: Duration = Duration::from_millis(20);

/// How a body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// As it is.
    Whole,
    /// This many bytes, then the connection is closed.
    Cut(usize),
    /// This many bytes, then nothing more, for ever.
    Stall(usize),
    /// Pieces of this many bytes with a pause after each.
    Trickle(usize, Duration),
}

/// Only the header states its length, so that a fault may remove it.
pub(crate) struct AnswerBody {
    steps: VecDeque<Step>,
    waiting: Option<Pin<Box<Sleep>>>,
}

enum Step {
    Send(Bytes),
    Wait(Duration),
    Stall,
    HangUp,
}

impl AnswerBody {
    /// The body, and how many of its bytes are sent.
    pub(crate) fn new(mut bytes: Bytes, delivery: Delivery) -> (Self, usize) {
        let mut steps = VecDeque::new();
        let mut sent_bytes = bytes.len();
        match delivery {
            Delivery::Cut(length) if length < bytes.len() => {
                sent_bytes = length;
                steps.extend([Step::Send(bytes.slice(..length)), Step::Wait(BEFORE_CUT), Step::HangUp]);
            }
            Delivery::Stall(length) if length < bytes.len() => {
                sent_bytes = length;
                steps.extend([Step::Send(bytes.slice(..length)), Step::Stall]);
            }
            Delivery::Trickle(length, pause) => {
                while !bytes.is_empty() {
                    let piece = bytes.split_to(length.clamp(1, bytes.len()));
                    steps.extend([Step::Send(piece), Step::Wait(pause)]);
                }
            }
            _ if bytes.is_empty() => {}
            _ => steps.push_back(Step::Send(bytes)),
        }
        (Self { steps, waiting: None }, sent_bytes)
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = HangUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HangUp>>> {
        loop {
            if let Some(sleep) = &mut self.waiting {
                ready!(sleep.as_mut().poll(context));
                self.waiting = None;
            }
            match self.steps.pop_front() {
                None => return Poll::Ready(None),
                Some(Step::Send(bytes)) if bytes.is_empty() => {}
                Some(Step::Send(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Step::Wait(time)) => self.waiting = Some(Box::pin(tokio::time::sleep(time))),
                // It is never woken: the connection ends with the client or the server.
                Some(Step::Stall) => {
                    self.steps.push_front(Step::Stall);
                    return Poll::Pending;
                }
                Some(Step::HangUp) => return Poll::Ready(Some(Err(HangUp::Close))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty() && self.waiting.is_none()
    }
}
