//! `image-syncer digest REF`: the digest of a reference, by one HEAD.

use ::sync::{Cause, Error, Operation, Side, Source as _};

use super::look::{Look, tell};
use crate::args::DigestArgs;
use crate::exit_code;
use crate::output::print;

/// Prints the digest; returns the exit status.
pub(crate) async fn run(args: &DigestArgs) -> u8 {
    let (look, image) = match Look::at(&args.image, &args.look) {
        Ok(look) => look,
        Err(code) => return code,
    };
    let repository = look.repository(&image.place);
    let operation = Operation::Resolve(image.by.clone());
    let found = look.ask(repository.name(), operation.clone(), || repository.resolve(&image.by)).await;
    look.tell_notes();
    match found {
        Ok(Some(digest)) => {
            print(&digest.to_string());
            exit_code::DONE
        }
        Ok(None) => {
            // A HEAD answer has no body: only a GET shows whether a registry or a web site says that the image is missing.
            let asked =
                look.ask(repository.name(), operation.clone(), || repository.manifest(&image.by)).await;
            if let Err(error) = asked
                && is_of_a_web_page(&error)
            {
                return tell(&error);
            }
            let (side, place) = (Side::Source, repository.name().to_owned());
            tell(&Error { side, place, operation, cause: Cause::Missing })
        }
        Err(error) => tell(&error),
    }
}

fn is_of_a_web_page(error: &Error) -> bool {
    let Cause::Endpoint(cause) = &error.cause else { return false };
    matches!(cause.inner(), Some(registry::Error::Refused(refusal)) if refusal.is_web_page())
}
