//! Finds the endpoints for the names in a plan, with this config's logins.

use std::collections::HashMap;
use std::sync::Arc;

use oci::{Reference, ReferenceError};
#[cfg(feature = "fleet")]
use sync::{Assignment, BoundAssignment};
use sync::{BoundTask, Source, Target, Task};

use super::resolved::SharedRegistries;

/// Binds tasks to endpoints. Tasks of one repository share an endpoint.
pub(crate) struct Binder<'a> {
    registries: &'a SharedRegistries,
    sources: HashMap<Arc<str>, Arc<dyn Source>>,
    targets: HashMap<Arc<str>, Arc<dyn Target>>,
}

impl<'a> Binder<'a> {
    pub(crate) fn new(registries: &'a SharedRegistries) -> Self {
        Self { registries, sources: HashMap::new(), targets: HashMap::new() }
    }

    /// The task with its endpoints.
    ///
    /// # Errors
    /// A name in it is not a repository.
    pub(crate) fn bind(&mut self, task: Task) -> Result<BoundTask, ReferenceError> {
        let (source, target) = (self.source(&task.image.source)?, self.target(&task.image.target)?);
        Ok(BoundTask { task, source, target })
    }

    /// The assignment with its endpoints.
    ///
    /// # Errors
    /// A name in it is not a repository.
    #[cfg(feature = "fleet")]
    pub(crate) fn bind_assignment(
        &mut self,
        assignment: Assignment,
    ) -> Result<BoundAssignment, ReferenceError> {
        let first = assignment.images.first().ok_or(ReferenceError::Empty)?;
        let source = self.source(&first.source)?;
        let targets =
            assignment.images.iter().map(|image| self.target(&image.target)).collect::<Result<_, _>>()?;
        Ok(BoundAssignment { assignment, source, targets })
    }

    fn source(&mut self, name: &Arc<str>) -> Result<Arc<dyn Source>, ReferenceError> {
        if let Some(source) = self.sources.get(name) {
            return Ok(source.clone());
        }
        let place: Reference = name.parse()?;
        let source: Arc<dyn Source> =
            Arc::new(self.registries.lock().source(&place.registry, &place.repository));
        self.sources.insert(name.clone(), source.clone());
        Ok(source)
    }

    fn target(&mut self, name: &Arc<str>) -> Result<Arc<dyn Target>, ReferenceError> {
        if let Some(target) = self.targets.get(name) {
            return Ok(target.clone());
        }
        let place: Reference = name.parse()?;
        let target: Arc<dyn Target> =
            Arc::new(self.registries.lock().target(&place.registry, &place.repository));
        self.targets.insert(name.clone(), target.clone());
        Ok(target)
    }
}
