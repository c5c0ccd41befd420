#![doc = include_str!("checklist.md")]

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fs;
    use std::path::Path;

    const TABLE: &str = include_str!("checklist.md");
    const LAST: usize = 92;

    /// Number, tests, and the note for rows without tests.
    fn rows() -> Vec<(String, Vec<String>, String)> {
        let rows = TABLE.lines().filter(|line| line.starts_with("| C"));
        rows.map(|row| {
            let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
            let [number, _, tests, note] = cells[..] else { panic!("four columns: {row}") };
            let tests = tests.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            (number.to_owned(), tests, note.to_owned())
        })
        .collect()
    }

    /// The names of all functions below a folder.
    fn functions(folder: &Path, found: &mut HashSet<String>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                functions(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let after_fn = text.split("fn ").skip(1);
                found.extend(after_fn.filter_map(|rest| rest.split('(').next()).map(str::to_owned));
            }
        }
    }

    #[test]
    fn the_checklist_is_complete() {
        let numbers: Vec<_> = rows().into_iter().map(|(number, ..)| number).collect();
        let expected: Vec<_> = (1..=LAST).map(|number| format!("C{number:02}")).collect();
        assert_eq!(numbers, expected);
        for (number, tests, note) in rows() {
            assert!(!tests.is_empty() || note.len() > 10, "{number} has neither a test nor a reason");
        }
    }

    #[test]
    fn the_checklists_tests_exist() {
        let mut found = HashSet::new();
        functions(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut found);
        let missing = rows().into_iter().flat_map(|(_, tests, _)| tests).filter(|test| !found.contains(test));
        assert_eq!(missing.collect::<Vec<_>>(), [""; 0]);
    }
}
