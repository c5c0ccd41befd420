//! What clouds offer, asked from copies of their services on 127.0.0.1.

mod alibaba;
