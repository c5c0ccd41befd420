//! What goes wrong between a Harbor and an Alibaba Cloud registry, and what is said.
