//! The errors that new users meet first: the real binary produces each of them, in three parts (what failed, why, what to do), and
//! `docs/messages.md` documents it with its cause.

mod config;
mod fleet;
mod nats_trouble;
mod page;
mod registry;
mod shown;
mod typed;

use anyhow::{Result, ensure};
use futures_util::future::BoxFuture;

use shown::Shown;

/// One message.
pub(crate) struct Message {
    /// The page's heading: what the user sees.
    pub(crate) title: &'static str,
    /// The cause, for the page.
    pub(crate) cause: &'static str,
    /// The advice, for the page.
    pub(crate) what_to_do: &'static str,
    /// What failed: image or file, side, host. `source` and `target` stand for the hosts, as in [`Shown`].
    pub(crate) what: &'static [&'static str],
    /// In the other side's own words if it has any, with the status.
    pub(crate) why: &'static [&'static str],
    /// Advice that is right for this cause.
    pub(crate) next: &'static [&'static str],
    pub(crate) code: i32,
    pub(crate) show: fn() -> BoxFuture<'static, Result<Shown>>,
}

/// All messages, by group.
fn groups() -> [(&'static str, &'static [Message]); 5] {
    [
        ("What is typed", typed::MESSAGES),
        ("The config", config::MESSAGES),
        ("Registries, and the way to them", registry::MESSAGES),
        ("More than one machine", fleet::MESSAGES),
        ("More than one machine: NATS in the middle of a run", nats_trouble::MESSAGES),
    ]
}

/// The missing parts of a message.
fn lacks(message: &Message, shown: &Shown) -> Vec<String> {
    let parts = [
        ("what", message.what, &shown.what),
        ("why", message.why, &shown.why),
        ("next", message.next, &shown.next),
    ];
    let mut lacks = Vec::new();
    for (part, wanted, told) in parts {
        if wanted.is_empty() || told.is_empty() {
            lacks.push(format!("{part} is empty: {told}"));
        }
        for text in wanted.iter().filter(|text| !told.contains(**text)) {
            lacks.push(format!("{part} does not say {text:?}: {told}"));
        }
    }
    if shown.code != message.code {
        lacks.push(format!("ended with {} instead of {}", shown.code, message.code));
    }
    lacks
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_messages_say_what_and_why_and_what_to_do() -> Result<()> {
    let (mut lacking, mut all) = (Vec::new(), Vec::new());
    for (heading, messages) in groups() {
        let mut group = Vec::new();
        for message in messages {
            let shown = (message.show)().await.map_err(|error| error.context(message.title))?;
            let lacks = lacks(message, &shown);
            if !lacks.is_empty() {
                lacking.push(format!("{}:\n  {}\n{}", message.title, lacks.join("\n  "), shown.stderr));
            }
            group.push((message, shown));
        }
        all.push((heading, group));
    }
    let count: usize = all.iter().map(|(_, group)| group.len()).sum();
    ensure!(count >= 30, "{count}");
    ensure!(lacking.is_empty(), "{}", lacking.join("\n"));
    page::compare(&all)
}
