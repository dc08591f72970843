//! Many requests: who got how many, and the lines on which to draw them.
//!
//! **Left out**: when each request was made; they are drawn one after the other.

use super::map::Point;
use crate::sim::Verdict;
use serde::{Deserialize, Serialize};

/// Many requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrafficView {
    /// Which traffic of the session this is.
    pub number: u64,
    /// How many requests were made.
    pub n_requests: usize,
    /// Over how many connections.
    pub n_connections: usize,
    /// Who got how many.
    pub shares: Vec<Share>,
    /// The ways of the request.
    pub ways: Vec<TrafficWay>,
    /// The way of each request that is drawn.
    pub sent: Vec<usize>,
}

/// What one receiver got.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Who.
    pub name: String,
    /// How it ended there.
    pub verdict: Verdict,
    /// How many requests.
    pub n_requests: usize,
    /// How likely each new connection was to come here.
    pub probability: f64,
    /// By which ways.
    pub ways: Vec<usize>,
}

/// A way on the map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrafficWay {
    /// The request's line, from who asks to where it ends.
    pub line: Vec<Point>,
    /// Whether somebody answers there.
    pub is_answered: bool,
}
