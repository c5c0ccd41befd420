//! The plan as a document, for `apply` and other programs: step by step, so that a million of them take no memory.

use std::cell::Cell;
use std::io::{BufWriter, Write};

use serde::ser::{Error as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

use super::head::{Head, Selection};
use super::recorder::Plan;
use super::totals::Totals;
use crate::done::Done;
use crate::output::foreign::PlainJson;
use crate::output::report_json::{Alike, alike, time};

/// What the document says that it is.
pub(crate) const SCHEMA: &str = "image-syncer/plan/1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema: &'static str,
    version: &'static str,
    created_at: String,
    config_digest: Option<&'a oci::Digest>,
    rules: Vec<Rule<'a>>,
    steps: Steps<'a>,
    /// What only targets have.
    extra: Extras<'a>,
    /// Known once the steps are written.
    totals: &'a Cell<Totals>,
    /// Why some images or rules are not in it.
    failures: Vec<Alike>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    #[serde(flatten)]
    head: &'a Head,
    selection: Selection,
}

/// Written one by one as they are read.
struct Steps<'a> {
    plan: &'a Plan,
    totals: &'a Cell<Totals>,
}

impl Serialize for Steps<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (mut steps, mut totals) = (serializer.serialize_seq(None)?, Totals::default());
        for weighed in self.plan.steps().map_err(S::Error::custom)? {
            let weighed = weighed.map_err(S::Error::custom)?;
            totals.add(&weighed);
            steps.serialize_element(&weighed.step)?;
        }
        self.totals.set(totals);
        steps.end()
    }
}

/// Written one by one as they are read.
struct Extras<'a>(&'a Plan);

impl Serialize for Extras<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut extras = serializer.serialize_seq(None)?;
        for extra in self.0.extras().map_err(S::Error::custom)? {
            extras.serialize_element(&extra.map_err(S::Error::custom)?)?;
        }
        extras.end()
    }
}

/// Writes the document, with a line end.
pub(crate) fn write(plan: &Plan, done: &Done, writer: &mut dyn Write) -> std::io::Result<()> {
    let totals = Cell::default();
    let rules = plan.heads.iter().zip(&plan.selections);
    let document = Document {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        created_at: time(done.run.started),
        config_digest: plan.config_digest.as_ref(),
        rules: rules.map(|(head, selection)| Rule { head, selection: *selection }).collect(),
        steps: Steps { plan, totals: &totals },
        extra: Extras(plan),
        totals: &totals,
        failures: alike(&done.failures),
    };
    let mut writer = BufWriter::new(PlainJson(writer));
    serde_json::to_writer_pretty(&mut writer, &document)?;
    writeln!(writer)?;
    writer.flush()
}
