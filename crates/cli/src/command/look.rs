//! What the verbs that look have in common: registries with the logins that a copy would use, questions that are asked again
//! as a copy asks them again, and what is told where one fails.

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

/// Registries, and how they are asked.
pub(super) struct Look {
    pub(super) registries: SharedRegistries,
    retries: u32,
}

impl Look {
    /// With the logins that the flags name.
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

    /// The same with the image that is named, or the exit status where either cannot be used.
    pub(super) fn at(image: &str, args: &LookArgs) -> Result<(Self, NamedImage), u8> {
        let image = NamedImage::parse(image).map_err(|error| unnamed(&error))?;
        let look = Self::new(args).map_err(|errors| refuse(&errors))?;
        Ok((look, image))
    }

    /// The repository of a name. Flags that are about other registries are told.
    pub(super) fn repository(&self, place: &Reference) -> RegistryEndpoint {
        let repository = self.registries.lock().source(&place.registry, &place.repository);
        self.tell_oddities();
        repository
    }

    /// Tells what is odd about logins and flags, once the registry is named.
    pub(super) fn tell_oddities(&self) {
        for oddity in oddities(&self.registries) {
            warn(&oddity);
        }
    }

    /// Asks until there is an answer, or no hope for one.
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

    /// For who asks page by page.
    pub(super) fn patience(&self) -> Patience {
        Patience(Backoff::new(self.retries))
    }

    /// Tells what registries said beside their answers.
    pub(super) fn tell_notes(&self) {
        let (registries, more) = {
            let known = self.registries.lock();
            (known.all(), known.notes())
        };
        notes(&registries).iter().chain(&more).for_each(|note| warn(note));
    }
}

/// How often a question may still be asked again.
pub(super) struct Patience(Backoff);

impl Patience {
    /// Waits before the question is asked again.
    ///
    /// # Errors
    /// The failure, where asking again is in vain or was done often enough.
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

/// What failed at a place that is read.
pub(super) fn error(place: &str, operation: Operation, cause: EndpointError) -> Error {
    Error { side: Side::Source, place: place.to_owned(), operation, cause: cause.into() }
}
