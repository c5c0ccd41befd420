//! The modules of a crate, and the file that defines the item of a path.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::source::{Import, Source};

/// The most re-exports that are followed for one name.
const MOST_STEPS: usize = 16;

/// A file's need of an item that another file defines.
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

/// The target of a path.
enum Named {
    Module(Vec<String>),
    /// An item of the module in this file.
    Item(PathBuf),
}

impl Modules {
    /// Reads the crate whose root is `root`; `read` returns a file's text, or `None` if there is no such file.
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

    /// The needs of all files.
    pub(super) fn needs(&self) -> BTreeSet<Need> {
        let mut needs = BTreeSet::new();
        for (at, Module { file, source }) in &self.0 {
            // A re-export alone is no need: a file that names the item through it needs the file that defines it.
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

    /// The target of `path` in the module `from`: `None` if it begins in another crate or in a type of the file itself.
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

    /// The target of `name` in `module`, if it is a module or imported there.
    fn look_up(&self, module: &[String], name: &String, is_last: bool, steps: usize) -> Option<Named> {
        let child = [module, std::slice::from_ref(name)].concat();
        let is_child = self.0.contains_key(&child);
        if is_child && !is_last {
            return Some(Named::Module(child));
        }
        // A function may have the same name as its module.
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

/// `use name;`: a crate, which is not looked up further under its own name.
fn is_itself(import: &Import) -> bool {
    import.path.len() == 1 && import.path[0] == import.name
}
