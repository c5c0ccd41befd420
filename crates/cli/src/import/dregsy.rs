//! dregsy's config: <https://github.com/xelalexv/dregsy#configuration>

mod location;
mod path;
mod tags;

use super::Draft;
use super::fields::{FILE, Fields, Slip};
use super::note::Notes;
use super::rule::{Index, Platforms, Referrers, Rule};
use crate::args::platform::platform;
use crate::config::Node;

const NO_RELAY: &str = "images go from registry to registry without another program";

pub(super) fn import(root: &Node) -> Result<Draft, Slip> {
    let mut file = Fields::of(FILE, root)?;
    let mut draft = Draft::default();
    if file.node("tasks").is_none() {
        let problem =
            "the file has no `tasks`, which dregsy has as a list of `source`, `target` and `mappings`";
        return Err(Slip::new(root.line, problem));
    }
    let has_lister = file.node("lister").map(|node| node.line);
    for task in file.maps("tasks", "task")? {
        read_task(task, &mut draft)?;
    }
    let notes = &mut draft.notes;
    if let Some(line) = has_lister {
        let why = "every repository that the registry lists counts; dregsy takes the first 100 where `maxItems` does not say otherwise";
        notes.changed(line, "`lister` of the file", why);
    }
    file.leave_out(
        notes,
        &[
            ("relay", NO_RELAY),
            ("docker", NO_RELAY),
            ("dockerhost", NO_RELAY),
            ("api-version", NO_RELAY),
            ("watch", "this program runs once and reads its config then"),
        ],
    );
    if let Some(mut skopeo) = file.map("skopeo")? {
        let folders = "certificates in /etc/containers/certs.d and /etc/docker/certs.d count as they do for skopeo; for another folder write `ca: FOLDER/HOST` for each registry";
        skopeo.leave_out(notes, &[("binary", NO_RELAY), ("mode", NO_RELAY), ("certs-dir", folders)]);
        skopeo.finish(notes);
    }
    file.finish(notes);
    if notes.has_any_for_all() {
        draft.comments.push(
            "dregsy without `platform` copies one platform of each image alone; for that, write".to_owned(),
        );
        draft.comments.push("platforms: [linux/amd64]".to_owned());
    }
    Ok(draft)
}

fn read_task(mut task: Fields<'_>, draft: &mut Draft) -> Result<(), Slip> {
    let name = task.text("name")?.map(|name| name.text);
    if let Some(name) = name {
        task.what = format!("task `{name}`");
    }
    let (source, target) = (location(&mut task, "source", draft)?, location(&mut task, "target", draft)?);
    for mapping in task.maps("mappings", &format!("{}, mapping", task.what))? {
        read_mapping(mapping, name, &source, &target, draft)?;
    }
    task.leave_out(
        &mut draft.notes,
        &[
            ("interval", "this program runs once and ends: let cron or a timer start `image-syncer sync`"),
            ("verbose", "that is a flag here: `-v`"),
        ],
    );
    task.finish(&mut draft.notes);
    Ok(())
}

/// The registry of a task's `source` or `target`.
fn location(task: &mut Fields<'_>, key: &'static str, draft: &mut Draft) -> Result<String, Slip> {
    let location = task.map(key)?;
    let location = location.ok_or_else(|| Slip::new(task.line, format!("{} has no `{key}`", task.what)))?;
    location::read(location, draft)
}

fn read_mapping(
    mut mapping: Fields<'_>,
    task: Option<&str>,
    source: &str,
    target: &str,
    draft: &mut Draft,
) -> Result<(), Slip> {
    let (from, to) = (mapping.needed("from")?, mapping.text("to")?);
    let what = format!("{} (`{}`)", mapping.what, from.text);
    let tags = mapping.texts("tags")?;
    let platforms = platforms(&mut mapping, &mut draft.notes)?;
    let rules = path::rule(source, target, from, to, &mut draft.notes).and_then(|rule| {
        let platforms = platforms?;
        let rules = tags::rules(&rule, &tags, &what, from.line, &mut draft.notes)?;
        Ok(rules.into_iter().map(move |rule| Rule { platforms: platforms.clone(), ..rule }))
    });
    match rules {
        Ok(rules) => {
            for mut rule in rules {
                if rule.tags.is_all() && rule.from.rsplit('/').next().is_some_and(|name| !name.contains(':'))
                {
                    draft.notes.changed(from.line, format!("tags of signatures in {what}"), SIGNATURES);
                } else {
                    rule.referrers = Some(Referrers::None);
                }
                rule.name = task.map(|task| draft.unique_name(task));
                draft.add(from.line, &what, rule);
            }
        }
        Err(why) => draft.notes.left_out(from.line, &what, why),
    }
    mapping.leave_out(
        &mut draft.notes,
        &[
            ("digests", "no release of dregsy reads it: write digests among the tags"),
            ("preserve-digests", "digests are always kept"),
        ],
    );
    mapping.finish(&mut draft.notes);
    Ok(())
}

const SIGNATURES: &str = "signatures under cosign's tags go along with their image, and so do other referrers of it, which dregsy leaves (`referrers: false` leaves both)";

/// The inner error says why the mapping is not converted.
fn platforms(mapping: &mut Fields<'_>, notes: &mut Notes) -> Result<Result<Option<Platforms>, String>, Slip> {
    let what = format!("`platform` of {}", mapping.what);
    let Some(one) = mapping.text("platform")? else {
        notes.changed_for_all(
            "platforms",
            "where a mapping has no `platform`, dregsy copies the image of the platform that its relay runs on, by itself; these rules copy every platform. Write `platforms` where one is meant",
        );
        return Ok(Ok(None));
    };
    if one.text == "all" {
        return Ok(Ok(None));
    }
    if let Err(reason) = platform(one.text) {
        return Ok(Err(format!("its platform cannot be taken: {reason}")));
    }
    notes.changed(one.line, what, "dregsy puts the image of the platform itself under the tag; here it is the index, of which only that platform is copied, so the digest is another one");
    Ok(Ok(Some(Platforms { only: vec![one.text.to_owned()], index: Index::Auto })))
}
