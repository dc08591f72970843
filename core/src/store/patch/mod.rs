//! Patches: how one document changes another, and how a change between documents is written down.
//!
//! Imitates what the API server of Kubernetes 1.36 does with the four kinds of `PATCH` bodies
//! (`k8s.io/apiserver/pkg/endpoints/handlers/patch.go`), and how kubectl makes such bodies.
//!
//! **Left out**: the limits on the size of a body, which are the front door's business; what is beyond [`MAX_DEPTH`] and
//! [`MAX_ITEMS`] is refused in words of our own.

pub mod apply;
mod json;
mod merge;
mod strategic;
mod strategic_diff;

pub use json::{MAX_OPERATIONS, json_patch};
pub use merge::{merge_patch, merge_patch_between, three_way_merge_patch};
pub use strategic::strategic_merge_patch;
pub use strategic_diff::{three_way_strategic_patch, two_way_strategic_patch};

use serde_json::Value;

/// Documents and patches that are nested deeper are refused.
pub const MAX_DEPTH: usize = 200;

/// Documents and patches with a longer list are refused: lists are merged by looking through them.
pub const MAX_ITEMS: usize = 10_000;
const UNBOUNDED: &str = "a document is nested too deep or has too long a list";

/// Why a patch was not applied, by the answer it gets from the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// 400, reason `BadRequest`: the patch cannot be read.
    #[error("{0}")]
    BadRequest(String),
    /// 422: the patch does not fit the document. The message of the answer is always [`UNPROCESSABLE`]; this text is
    /// its one cause.
    #[error("{0}")]
    Unprocessable(String),
    /// 500: the server had not expected it.
    #[error("{0}")]
    Internal(String),
    /// 413, reason `RequestEntityTooLarge`.
    #[error("{0}")]
    TooLarge(String),
}

/// The message of the answer to a patch that does not fit.
pub const UNPROCESSABLE: &str = "the server rejected our request due to an error in our request";

/// Whether a document is nested no deeper and has no longer lists than we follow.
fn is_bounded(value: &Value) -> bool {
    fn within(value: &Value, left: usize) -> bool {
        match value {
            Value::Array(items) => {
                left > 0 && items.len() <= MAX_ITEMS && items.iter().all(|it| within(it, left - 1))
            }
            Value::Object(map) => left > 0 && map.values().all(|it| within(it, left - 1)),
            _ => true,
        }
    }
    within(value, MAX_DEPTH)
}

fn refuse_unbounded(documents: &[&Value]) -> Result<(), PatchError> {
    if documents.iter().all(|it| is_bounded(it)) {
        return Ok(());
    }
    Err(PatchError::TooLarge(UNBOUNDED.to_owned()))
}

#[cfg(test)]
mod tests;
