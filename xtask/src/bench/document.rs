//! docs/benchmarks.md, generated from results only.

use super::goal::judge;
use super::result::{CorpusFacts, Results};
use super::table;

/// The whole document.
pub(super) fn text(results: &Results, note: &str) -> String {
    let (figures, goals, corpora) = (table::text(results), goals(results), corpora(&results.corpora));
    let machine = &results.machine;
    let note = if note.is_empty() { String::new() } else { format!("**{note}**\n\n") };
    let programs = results.programs.join("\n* ");
    let not_found = match &results.not_found[..] {
        [] => String::new(),
        names => format!("\nNot installed, so not measured: {}.\n", names.join(", ")),
    };
    format!(
        "# Benchmarks\n\n\
         This file is made by the command below; don't edit it.\n\n\
         ```\n{}\n```\n\n\
         It starts two real registries (`docker-registry`, plain http on 127.0.0.1, stores in {}), fills one, and lets \
         each program copy everything to the other. Programs take turns; figures are medians. The machine is shared by \
         the program and both registries: {} with {} cores, {} GiB, Linux {}.\n\n\
         {note}{figures}\n\
         * **÷ skopeo**: wall time by that of `skopeo sync --all`.\n\
         * **÷ floor**: requests at both registries, of all kinds, by the fewest that plain OCI allows (below).\n\
         * **read**: bytes of bodies that the source answered.\n\
         * **right**: tags, manifests and blobs at the target, of those that should be there; small content is hashed, of \
         large blobs one in sixteen. The worst run counts. What other programs leave out is what they don't copy by \
         themselves, not an error.\n\
         * **busy**: the processor time of the program and of both registries, by what all processors could give. Near 100 % \
         nothing but fewer requests or bytes, or cheaper ones, makes a run shorter: whoever waits waits for the registries.\n\
         * Processor time and memory are those that the kernel tells of the program and its children.\n\n\
         ## Goals\n\n{goals}\n\
         ## Corpora\n\n{corpora}\n\
         Half of the layers come from base images that all repositories share; a fifth of the images are indexes of two \
         platforms, a fifth are signed, a fifth have a bill of materials; half of the repositories use Docker's media types. \
         The fewest requests: GET, POST and PUT for each distinct blob, one mount for each further repository that has it, \
         GET and PUT for each manifest, a HEAD and two lists of tags for each repository; when nothing has changed, two HEADs \
         for each tag and a list for each repository; for `verify`, a question for each manifest and blob of the target, a HEAD for \
         each tag of the source and a list for each of its repositories.\n\n\
         ## Programs\n\n* {programs}\n{not_found}",
        results.command, machine.stores, machine.processor, machine.cores, machine.memory_gib, machine.kernel
    )
}

fn goals(results: &Results) -> String {
    let rows = judge(results).into_iter().map(|goal| {
        [goal.what, goal.limit, goal.measured, if goal.reached { "yes" } else { "**no**" }.to_owned()]
    });
    table::markdown(&["goal", "limit", "measured", "reached"], rows.collect())
}

fn corpora(corpora: &[CorpusFacts]) -> String {
    let headings = [
        "corpus",
        "repositories",
        "tags",
        "manifests",
        "blobs of repositories",
        "distinct",
        "MiB",
        "floor cold",
        "floor unchanged",
    ];
    let rows = corpora.iter().map(|facts| {
        [
            facts.name.clone(),
            facts.repositories.to_string(),
            facts.tags.to_string(),
            facts.manifests.to_string(),
            facts.repository_blobs.to_string(),
            facts.distinct_blobs.to_string(),
            (facts.distinct_bytes >> 20).to_string(),
            facts.cold_floor.to_string(),
            facts.unchanged_floor.to_string(),
        ]
    });
    table::markdown(&headings, rows.collect())
}

#[cfg(test)]
mod tests {
    use super::super::result::tests::results;
    use super::*;

    #[test]
    fn the_document_has_the_command_the_figures_and_the_goals() {
        let results = results(&[("big cold", "ours", &[1.0]), ("big cold", "crane", &[4.0])]);
        let text = text(&results, "Measured in a hurry.");
        assert!(text.contains("```\ncargo xtask bench\n```"));
        assert!(text.contains("| big cold | ours  |"), "{text}");
        assert!(text.contains("wall time by that of ocync (from crane's)"));
        assert!(text.contains("**Measured in a hurry.**"));
    }
}
