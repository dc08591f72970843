//! A walk in forms that other tools read: markdown, a mermaid sequence, a capture file.
//!
//! Each is computed from the one walk and its hops, as the page's picture is. The figure of a step
//! (SVG) is drawn by the page's own components and therefore lives in `web`.
//!
//! **Left out**: reading any of these forms back.

mod bytes;
mod capture;
mod markdown;
mod mermaid;
mod pcapng;

pub use bytes::packet_bytes;
pub use capture::{Captured, Direction, captured};
pub use markdown::{Depth, markdown};
pub use mermaid::mermaid;
pub use pcapng::pcapng;

use crate::sim::Walk;
use crate::view::{EndingView, Hop};

/// One way a request can go, told.
#[derive(Clone, Debug)]
pub struct ToldWay<'a> {
    /// How likely it is, in words: `1 in 2`.
    pub odds: String,
    /// The walk.
    pub walk: &'a Walk,
    /// Its hops.
    pub hops: Vec<Hop>,
    /// Its end.
    pub ending: EndingView,
}

/// The request as one writes it: `from pod/default/client to http://api`.
fn request_line(walk: &Walk) -> String {
    let to = &walk.request.to;
    let whom = match (&to.url, to.port) {
        (Some(url), _) => url.clone(),
        (None, Some(port)) => format!("{}:{port}/{}", to.name, to.protocol),
        (None, None) => format!("{} ({})", to.name, to.protocol),
    };
    format!("from {} to {whom}", walk.from)
}
