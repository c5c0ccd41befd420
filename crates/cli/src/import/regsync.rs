//! regsync.yml: <https://regclient.org/usage/regsync/>. regsync ignores unknown keys; the import does, too, and reports them.

mod creds;
mod entry;
mod no_equal;
mod tags;
mod template;

use super::Draft;
use super::fields::{FILE, Fields, Slip};
use super::note::Notes;
use crate::config::Node;
use entry::Defaults;
use no_equal::NO_EQUAL;

/// Keys that only `defaults` has.
const OF_DEFAULTS: [(&str, &str); 7] = [
    ("parallel", "how much is copied at once is a flag here: `--proc`"),
    ("blobLimit", "blobs of every size are copied"),
    ("cacheCount", "nothing is cached that needs a size"),
    ("cacheTime", "nothing is cached that needs a time"),
    ("userAgent", "this program says who it is"),
    ("skipDockerConfig", "where `auth` has no login, the one that `docker login` left is used"),
    ("requestTimeout", "requests that get no answer end by themselves"),
];

pub(super) fn import(root: &Node) -> Result<Draft, Slip> {
    let mut file = Fields::of(FILE, root)?;
    let mut draft = Draft::default();
    if let Some(version) = file.number("version")?
        && version > 1
    {
        return Err(Slip::new(root.line, format!("`version` is {version}, but regsync's files have 1")));
    }
    for creds in file.maps("creds", "creds entry")? {
        creds::read(creds, &mut draft)?;
    }
    let defaults = read_defaults(&mut file, &mut draft.notes)?;
    if file.node("sync").is_none() {
        let problem = "the file has no `sync`, which regsync has as a list of `source`, `target` and `type`";
        return Err(Slip::new(root.line, problem));
    }
    for entry in file.maps("sync", "sync entry")? {
        entry::read(entry, &defaults, &mut draft)?;
    }
    leave_out_extensions(file, &mut draft.notes);
    Ok(draft)
}

fn read_defaults(file: &mut Fields<'_>, notes: &mut Notes) -> Result<Defaults, Slip> {
    let Some(mut fields) = file.map("defaults")? else { return Ok(Defaults::default()) };
    let defaults = entry::read_shared(&mut fields, &Defaults::default(), notes)?;
    fields.leave_out(notes, &NO_EQUAL);
    fields.leave_out(notes, &OF_DEFAULTS);
    fields.finish(notes);
    Ok(defaults)
}

/// Keys with `x-` hold the file's own anchors.
fn leave_out_extensions(file: Fields<'_>, notes: &mut Notes) {
    let mut told = Notes::default();
    file.finish(&mut told);
    for note in told.sorted() {
        if !note.what.starts_with("`x-") {
            notes.left_out(note.line.unwrap_or_default(), note.what, note.why);
        }
    }
}
