//! Keys without an equivalent in our rules.

const NO_SCHEDULE: &str = "this program runs once and ends: let cron or a timer start `image-syncer sync`";
const NO_RATE_LIMIT: &str = "nothing waits for a quota to fill up; a registry that answers 429 is asked less, and its Retry-After is obeyed";
const NO_BACKUP: &str = "what a tag pointed at before is not kept under another name";
const NO_HOOKS: &str = "nothing is run around a copy; regsync reads these and runs none, either";
const NO_MEDIA_TYPES: &str = "every kind of manifest is copied: regsync passes over those that are not in the list, and this program does not";

/// Keys of entries and `defaults` without an equivalent.
pub(super) const NO_EQUAL: [(&str, &str); 8] = [
    ("backup", NO_BACKUP),
    ("interval", NO_SCHEDULE),
    ("schedule", NO_SCHEDULE),
    ("ratelimit", NO_RATE_LIMIT),
    ("mediaTypes", NO_MEDIA_TYPES),
    ("hooks", NO_HOOKS),
    ("forceRecursive", "what is whole at the target is not sent again"),
    (
        "includeExternal",
        "layers that lie elsewhere are brought along where they can be read, and told where they cannot",
    ),
];
