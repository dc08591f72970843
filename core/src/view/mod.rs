//! Plain data for shells, words included: what to draw and what to say.
//!
//! A view is computed from a world, a walk and a position; it decides nothing and remembers
//! nothing. Each part stands behind a pointer of its own, so that an unchanged panel is not drawn
//! again. Everything the map shows is also said in the hops' text.
//!
//! **Left out**: languages other than English.

mod editor;
mod hop;
mod map;
mod outcome;
mod rules;
mod text;

pub use editor::{ComplaintView, EditorView, LineMark};
pub use hop::{
    Change, ConnectionView, Emphasis, Hop, HopDetail, LegName, ListenView, PacketView, QueryView,
    RouteView, WalkView, hops,
};
pub use map::{
    Anchor, Layout, MapView, NodeRoom, Point, PodRoom, Rect, ShelfLine, Station, VipGhost, Wire, map,
};
pub use outcome::{EndingView, OutcomeView, ending, outcome_list};
pub use rules::{ChainView, RuleStatus, RuleView, SourceView, WordRole, WordView, chains};
pub use text::{explanation, text};

use serde::Serialize;
use std::rc::Rc;

/// All that is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct View {
    /// The cluster.
    pub map: Rc<MapView>,
    /// The walk, hop by hop.
    pub walk: Rc<WalkView>,
    /// Every way the request can go.
    pub outcomes: Rc<Vec<OutcomeView>>,
    /// The manifest.
    pub editor: Rc<EditorView>,
    /// Where in the walk, and whether it moves.
    pub playback: Playback,
    /// The request, as written.
    pub request: Rc<RequestView>,
    /// What a person should be told once about this world.
    pub notices: Rc<Vec<String>>,
    /// Whether the picture is older than the text, because the text cannot be read.
    pub is_stale: bool,
}

/// Where in the walk, and whether it moves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Playback {
    /// The hop that is shown, counted from zero.
    pub position: usize,
    /// How many hops there are.
    pub n_hops: usize,
    /// Whether it moves on by itself.
    pub is_playing: bool,
    /// How fast: 1 is a calm reader's pace.
    pub speed: f64,
    /// How long the movement to the shown hop takes.
    pub move_ms: u32,
}

/// The request, as written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RequestView {
    /// From where.
    pub from: String,
    /// To what.
    pub to: String,
    /// Sources there are, for choosing.
    pub sources: Vec<String>,
    /// Destinations worth trying, for choosing.
    pub destinations: Vec<String>,
    /// Why it cannot begin, if so.
    pub error: Option<String>,
}
