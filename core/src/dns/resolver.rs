//! What a look-up came to: questions, answers, addresses.
//!
//! **Left out**: the way of the packets, which `sim` walks.

use super::message::{Answer, RecordType};
use crate::ip::IpAddr;
use serde::Serialize;

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Query {
    /// The full name asked for.
    pub name: String,
    /// The type asked for.
    #[serde(rename = "type")]
    pub kind: RecordType,
    /// The answer.
    #[serde(flatten)]
    pub answer: Answer,
}

/// What a look-up came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resolution {
    /// Every question, in order.
    pub queries: Vec<Query>,
    /// The addresses; none if there is no such name.
    pub addresses: Vec<IpAddr>,
}
