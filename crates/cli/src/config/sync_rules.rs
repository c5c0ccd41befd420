//! `defaults` and `sync`: rules that say all there is to say. Every slip in them is an error before any request.

mod amount;
mod check;
mod from;
mod not_yet;
mod read;
mod rule;
mod setting;
mod slips;
mod tags;
mod text;
mod word;

pub(crate) use from::{SourceSlip, parse_from};
pub(crate) use not_yet::not_yet;
pub(crate) use read::read;
pub(crate) use rule::{Policies, SyncRule, WrittenReferrers, rule_schema};
pub(crate) use setting::Setting;

#[cfg(test)]
mod tests;
