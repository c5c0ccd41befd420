//! The modules of a crate, and which file defines what a path names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::source::{Import, Source};

/// How many re-exports are followed for one name.
const MOST_STEPS: usize = 16;

/// One file needs what another defines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Need {
    pub file: PathBuf,
    pub line: usize,
    pub name: String,
    pub defined_in: PathBuf,
}

struct Module {
    file: PathBuf,
    source: Source,
}

/// A crate's modules by their paths; the root's is empty.
#[derive(Default)]
pub(super) struct Modules(BTreeMap<Vec<String>, Module>);

/// What a path names.
enum Named {
    Module(Vec<String>),
    /// An item of the module in this file.
    Item(PathBuf),
}

impl Modules {
    /// Reads the crate whose root is `root`; `read` gives a file's text, or nothing where there is none.
    pub(super) fn read(root: &Path, read: &impl Fn(&Path) -> Option<String>) -> Result<Self> {
        let mut modules = Self::default();
        let folder = root.parent().unwrap_or(Path::new("")).to_owned();
        modules.add(Vec::new(), root.to_owned(), &folder, read)?;
        Ok(modules)
    }

    fn add(
        &mut self,
        path: Vec<String>,
        file: PathBuf,
        folder: &Path,
        read: &impl Fn(&Path) -> Option<String>,
    ) -> Result<()> {
        let text = read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        let source = Source::parse(&text).with_context(|| file.display().to_string())?;
        for name in &source.modules {
            let file = folder.join(format!("{name}.rs"));
            self.add([&path[..], std::slice::from_ref(name)].concat(), file, &folder.join(name), read)?;
        }
        self.0.insert(path, Module { file, source });
        Ok(())
    }

    /// Which file needs which others.
    pub(super) fn needs(&self) -> BTreeSet<Need> {
        let mut needs = BTreeSet::new();
        for (at, Module { file, source }) in &self.0 {
            // A re-export alone is no need: who names the item by it needs the file that defines it.
            let imports = source.imports.iter().filter(|it| !it.reexport || source.names.contains(&it.name));
            let imports = imports.map(|import| (&import.path, import.line, import.name == "*"));
            let paths = source.paths.iter().map(|named| (&named.path, named.line, false));
            for (path, line, is_glob) in imports.chain(paths) {
                let defined_in = match self.resolve(at, path, 0) {
                    Some(Named::Item(file)) => file,
                    Some(Named::Module(module)) if is_glob => self.0[&module].file.clone(),
                    _ => continue,
                };
                if defined_in != *file {
                    needs.insert(Need { file: file.clone(), line, name: path.join("::"), defined_in });
                }
            }
        }
        needs
    }

    /// What `path` names in the module `from`: nothing where it begins in another crate or in a type of the file itself.
    fn resolve(&self, from: &[String], path: &[String], steps: usize) -> Option<Named> {
        let mut at = from.to_vec();
        let mut rest = path;
        let mut is_here = false;
        while let Some((first, more)) = rest.split_first() {
            match first.as_str() {
                "crate" => at.clear(),
                "self" => {}
                "super" => drop(at.pop()),
                _ => break,
            }
            is_here = true;
            rest = more;
        }
        for (index, name) in rest.iter().enumerate() {
            match self.look_up(&at, name, index + 1 == rest.len(), steps) {
                Some(Named::Module(module)) => at = module,
                Some(item) => return Some(item),
                None if is_here || index > 0 => return Some(Named::Item(self.0.get(&at)?.file.clone())),
                None => return None,
            }
        }
        Some(Named::Module(at))
    }

    /// What `name` is in `module`, as far as it is a module or imported there.
    fn look_up(&self, module: &[String], name: &String, is_last: bool, steps: usize) -> Option<Named> {
        let child = [module, std::slice::from_ref(name)].concat();
        let is_child = self.0.contains_key(&child);
        if is_child && !is_last {
            return Some(Named::Module(child));
        }
        // A function may be called like the module it comes from.
        let imported = self.imported(module, name, steps);
        imported.or_else(|| is_child.then_some(Named::Module(child)))
    }

    fn imported(&self, module: &[String], name: &String, steps: usize) -> Option<Named> {
        if steps == MOST_STEPS {
            return None;
        }
        let imports = &self.0.get(module)?.source.imports;
        let named = imports.iter().filter(|import| import.name == *name);
        named
            .filter(|import| !is_itself(import))
            .find_map(|import| self.resolve(module, &import.path, steps + 1))
    }
}

/// `use name;`: a crate, which is looked for under its own name no further.
fn is_itself(import: &Import) -> bool {
    import.path.len() == 1 && import.path[0] == import.name
}
