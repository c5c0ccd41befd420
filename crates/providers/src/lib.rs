//! What registries and clouds offer beside the distribution protocol: logins, and Alibaba Cloud's API.

pub mod alibaba;
pub mod google;
