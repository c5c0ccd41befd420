//! Shared by the verbs that look: registries with the logins of a copy, retries as in a copy, and error reports.

mod failed;

use std::future::Future;

use ::sync::endpoint::EndpointError;
use ::sync::{Backoff, Error, Operation, Side};
use endpoints::RegistryEndpoint;
use oci::Reference;

use super::logins::{oddities, registries};
use super::notes::notes;
use super::refuse::refuse;
use crate::args::LookArgs;
use crate::config::{ConfigError, NamedImage, SharedRegistries};
use crate::output::warn;

pub(super) use failed::{tell, unnamed};

/// Registries, and the settings for asking them.
pub(super) struct Look {
    pub(super) registries: SharedRegistries,
    retries: u32,
}

impl Look {
    /// Creates it with the logins of the flags.
    ///
    /// # Errors
    /// A file cannot be used.
    pub(super) fn new(args: &LookArgs) -> Result<Self, Vec<ConfigError>> {
        let (registries, warnings) = registries(&args.login)?;
        for warning in warnings {
            warn(&warning);
        }
        Ok(Self { registries, retries: args.retries.retries })
    }

    /// Like `new`, with the named image. The error is the exit status if either cannot be used.
    pub(super) fn at(image: &str, args: &LookArgs) -> Result<(Self, NamedImage), u8> {
        let image = NamedImage::parse(image).map_err(|error| unnamed(&error))?;
        let look = Self::new(args).map_err(|errors| refuse(&errors))?;
        Ok((look, image))
    }

    /// The repository of a name. Warns about flags for other registries.
    pub(super) fn repository(&self, place: &Reference) -> RegistryEndpoint {
        let repository = self.registries.lock().source(&place.registry, &place.repository);
        self.tell_oddities();
        repository
    }

    /// Warns about logins and flags. Call it when the registry has been used.
    pub(super) fn tell_oddities(&self) {
        for oddity in oddities(&self.registries) {
            warn(&oddity);
        }
    }

    /// Asks until there is an answer, or retrying is pointless.
    pub(super) async fn ask<T, F>(
        &self,
        place: &str,
        operation: Operation,
        mut question: impl FnMut() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, EndpointError>>,
    {
        let mut patience = self.patience();
        loop {
            match question().await {
                Ok(answer) => return Ok(answer),
                Err(cause) => patience.wait(error(place, operation.clone(), cause)).await?,
            }
        }
    }

    /// The retries for a caller that reads page by page.
    pub(super) fn patience(&self) -> Patience {
        Patience(Backoff::new(self.retries))
    }

    /// Reports what registries said beside their answers.
    pub(super) fn tell_notes(&self) {
        let (registries, more) = {
            let known = self.registries.lock();
            (known.all(), known.notes())
        };
        notes(&registries).iter().chain(&more).for_each(|note| warn(note));
    }
}

/// The remaining retries of a question.
pub(super) struct Patience(Backoff);

impl Patience {
    /// Waits before the next try.
    ///
    /// # Errors
    /// The failure, if retrying is pointless or the tries are used up.
    pub(super) async fn wait(&mut self, error: Error) -> Result<(), Error> {
        match self.0.next(&error) {
            Some(wait) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
            None => Err(error),
        }
    }
}

/// The error of a failed read.
pub(super) fn error(place: &str, operation: Operation, cause: EndpointError) -> Error {
    Error { side: Side::Source, place: place.to_owned(), operation, cause: cause.into() }
}
