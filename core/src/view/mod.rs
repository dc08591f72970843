//! Plain data for shells, words included: what to draw and what to say.
//!
//! A view is computed from a world, a walk and a position; it decides nothing and remembers
//! nothing. Each part stands behind a pointer of its own, so that an unchanged panel is not drawn
//! again. Everything the map shows is also said in the hops' text.
//!
//! **Left out**: languages other than English.

mod doctor;
mod drawing;
mod editor;
mod hop;
mod ipvs;
mod kept;
mod ledger;
mod lesson;
mod line_uses;
mod live;
mod map;
mod options;
mod outcome;
mod question;
mod reading;
mod rules;
mod seats;
mod suggestion;
mod terminal;
mod text;
mod time;
mod traffic;
mod trail;

pub use doctor::{DoctorView, FindingView, PlayView, RemedyView, doctor};
pub use editor::{ComplaintView, EditorView, LineMark};
pub use hop::{
    Change, ConnectionView, Emphasis, Hop, HopDetail, LegName, ListenView, PacketView, QueryView,
    RouteView, WalkView, hops, request_line,
};
pub use kept::Word;
pub use ledger::{
    Leaf, LeafView, LineChange, Met, RulesetLine, RulesetView, leaf, mode_names, ruleset,
};
pub use lesson::{
    Block, Chosen, Experiment, GoalView, HintView, LessonPage, LessonQuestion, LessonView, Next,
    OptionView, PageMark, PrintedLine, Span, Task, blocks, goal_view, goals_told,
};
pub use line_uses::{LineUse, line_uses};
pub use live::{LiveStep, live_ending, live_steps, live_text, rules_changed};
pub use map::{
    Anchor, Balancer, Layout, MapView, NodeRoom, PodRoom, Point, Rect, ShelfLine, Station,
    VipGhost, Wire, map, map_seated,
};
pub use options::{Break, Layer, Options};
pub use outcome::{EndingView, OutcomeView, ending, odds, outcome_list};
pub use question::{Answer, QuestionView};
pub use rules::{ChainView, RuleStatus, RuleView, SourceView, WordRole, WordView, chains};
pub use seats::Seating;
pub use suggestion::{Said, Suggestion, Suggestions, said, suggestions};
pub use terminal::{
    CandidateView, CompletionView, PrintedKind, PrintedView, TerminalEntry, TerminalState,
    TerminalView,
};
pub use text::{explanation, summary};
pub use time::{Act, ClusterEvent, ClusterEventKind, Moment, TimeView};
pub use traffic::{Share, TrafficView, TrafficWay};

// Nouns from below that views are made of, so that a shell needs nothing but this module.
pub use crate::doctor::Severity as FindingSeverity;
pub use crate::lesson::LessonProgress;
pub use crate::net::HeaderField;
pub use crate::netfilter::Hook;
pub use crate::sim::Verdict;

use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// All that is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// How one wants to look and to be asked.
    pub options: Options,
    /// Time: the cluster's, and what was done.
    pub time: Rc<TimeView>,
    /// The question that is open.
    pub question: Rc<Option<QuestionView>>,
    /// Many requests, if they were made.
    pub traffic: Rc<Option<TrafficView>>,
    /// The terminal.
    pub terminal: Rc<TerminalView>,
    /// The request, as written.
    pub request: Rc<RequestView>,
    /// What a person should be told once about this world.
    pub notices: Rc<Vec<String>>,
    /// Whether the picture is older than the text, because the text cannot be read.
    pub is_stale: bool,
}

/// Where in the walk, and whether it moves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestView {
    /// In which cluster: `nftables mode, Kubernetes 1.36`.
    pub cluster: String,
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

impl View {
    /// A view of nothing.
    #[must_use]
    pub fn empty() -> View {
        View {
            map: Rc::default(),
            walk: Rc::new(WalkView::nothing(String::new())),
            outcomes: Rc::default(),
            editor: Rc::default(),
            playback: Playback {
                position: 0,
                n_hops: 0,
                is_playing: false,
                speed: 1.0,
                move_ms: 0,
            },
            options: Options::default(),
            time: Rc::default(),
            question: Rc::default(),
            traffic: Rc::default(),
            terminal: Rc::default(),
            request: Rc::default(),
            notices: Rc::default(),
            is_stale: false,
        }
    }

    /// Whether nothing is to be drawn anew: every part is one and the same.
    #[must_use]
    pub fn is_same(&self, other: &View) -> bool {
        let View {
            map,
            walk,
            outcomes,
            editor,
            playback,
            options,
            time,
            question,
            traffic,
            terminal,
            request,
            notices,
            is_stale,
        } = self;
        Rc::ptr_eq(map, &other.map)
            && Rc::ptr_eq(walk, &other.walk)
            && Rc::ptr_eq(outcomes, &other.outcomes)
            && Rc::ptr_eq(editor, &other.editor)
            && Rc::ptr_eq(time, &other.time)
            && Rc::ptr_eq(question, &other.question)
            && Rc::ptr_eq(traffic, &other.traffic)
            && Rc::ptr_eq(terminal, &other.terminal)
            && Rc::ptr_eq(request, &other.request)
            && Rc::ptr_eq(notices, &other.notices)
            && *playback == other.playback
            && *options == other.options
            && *is_stale == other.is_stale
    }

    /// The same view, with the pointers of an earlier one wherever a part has not changed.
    #[must_use]
    pub fn sharing_with(self, before: &View) -> View {
        View {
            map: shared(self.map, &before.map),
            walk: shared(self.walk, &before.walk),
            outcomes: shared(self.outcomes, &before.outcomes),
            editor: shared(self.editor, &before.editor),
            request: shared(self.request, &before.request),
            notices: shared(self.notices, &before.notices),
            time: shared(self.time, &before.time),
            question: shared(self.question, &before.question),
            traffic: shared(self.traffic, &before.traffic),
            terminal: shared(self.terminal, &before.terminal),
            options: self.options,
            playback: self.playback,
            is_stale: self.is_stale,
        }
    }
}

fn shared<T: PartialEq>(now: Rc<T>, before: &Rc<T>) -> Rc<T> {
    if Rc::ptr_eq(&now, before) || now == *before {
        before.clone()
    } else {
        now
    }
}
