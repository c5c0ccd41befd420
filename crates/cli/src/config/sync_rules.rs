//! `defaults` and `sync`: the complete form of rules. Every mistake in them is an error before any request.

mod amount;
mod compile;
mod from;
mod read;
mod rule;
mod setting;
mod slips;
mod tags;
mod text;
mod word;

pub(crate) use amount::MaxDelete as WrittenMaxDelete;
pub(crate) use from::{SourceSlip, parse_from};
pub(crate) use read::read;
pub(crate) use rule::{
    Attestations as WrittenAttestations, IndexForm as WrittenIndex, Key, OnConflict as WrittenOnConflict,
    Policies, SyncRule, rule_schema,
};
pub(crate) use setting::Setting;

#[cfg(test)]
mod tests;
