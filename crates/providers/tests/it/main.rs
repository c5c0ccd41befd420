//! What clouds offer, asked from copies of their services on 127.0.0.1.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

mod alibaba;
