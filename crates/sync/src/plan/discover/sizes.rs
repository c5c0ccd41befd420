//! The sizes of images, which a survey records.

use std::sync::Arc;

use super::Discovery;
use crate::endpoint::listing::BulkListing;
use crate::endpoint::{Answer, EndpointError, Source};
use crate::plan::survey::Survey;
use crate::{Operation, RuleFailure};

impl Discovery<'_> {
    /// In a survey, reads the sizes ahead of whatever else uses the same list: where it only saves requests, a failure
    /// is not reported.
    pub(super) async fn read_sizes_ahead(&self) {
        if let Some(survey) = &self.run.survey
            && self.rule.selection.named().is_none()
        {
            self.sizes(survey).await;
        }
    }

    /// The listing with the sizes of the source's images, if the source tells them. The survey records a failure.
    pub(super) async fn sizes(&self, survey: &Survey) -> Option<Arc<BulkListing>> {
        let read = async {
            let error = |cause: EndpointError| self.error(Operation::ReadSizes, cause.into());
            let mut from = self.rule.source.clone();
            let ask = (&mut from, (|from| from.sizes()) as AskForSizes);
            match self.run.retrying_list(&self.source, ask, error).await {
                Ok(sizes) => sizes,
                Err(error) => {
                    survey.lacks(RuleFailure { rule: self.index, source: self.source.clone(), error });
                    None
                }
            }
        };
        self.sizes.get_or_init(|| read).await.clone()
    }
}

type AskForSizes = for<'a> fn(&'a mut Arc<dyn Source>) -> Answer<'a, Option<Arc<BulkListing>>>;
