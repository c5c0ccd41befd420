//! The images for which this run has brought all referrers, with those of the manifests below them: tags of one index
//! share that.

use oci::{Digest, RepositoryName};

use super::looked::Answers;
use crate::endpoint::StoreId;

/// By target repository, image, and what the rule wants.
pub(crate) type Brought = Answers<(StoreId, RepositoryName, Digest, Digest), ()>;
