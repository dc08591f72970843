//! What can be kept of a session, or given to others: the way to where it stands, as a link, and the walk in other forms.
//!
//! A link holds events: what was typed, what happened to the cluster, what was asked, which way and hop is shown, and how. A new
//! session that undergoes them shows the same. It comes from strangers, so it may hold one text and one request, and nothing that
//! goes on by itself.
//!
//! **Left out**: pictures, which a shell draws; what was undone; what the terminal printed; many requests at once; the place that a room has on the map because
//! of who was there before; a question that is open.

use super::{Event, Session};
use crate::export::{self, Depth, ToldWay};
use crate::sim::{LinkError, decode_link, encode_link};
use crate::view::{Break, ending, hops, odds};

/// The most events that are read from a link: each may be a day of a cluster.
const MAX_EVENTS: usize = 2_000;

/// A form of a walk that other tools read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Every way, hop by hop, as markdown.
    Markdown,
    /// Every way as a sequence diagram.
    Mermaid,
    /// The packets of the way shown, as a capture file.
    Capture,
}

impl Form {
    /// All of them.
    pub const ALL: [Form; 3] = [Form::Markdown, Form::Mermaid, Form::Capture];

    /// How its files' names end.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Form::Markdown => "md",
            Form::Mermaid => "mmd",
            Form::Capture => "pcapng",
        }
    }

    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Form::Markdown => "text/markdown",
            Form::Mermaid => "text/plain",
            Form::Capture => "application/x-pcapng",
        }
    }
}

impl Session {
    /// Events that bring a new session to where this one stands.
    #[must_use]
    pub fn way_here(&self) -> Vec<Event> {
        let mut events = vec![Event::Edited(self.text.clone())];
        let happened = self.scene.timeline.events().iter();
        let happened = happened.zip(&self.scene.history.deeds);
        events.extend(happened.map(|it| Event::Happened(Box::new(it.0.clone()), it.1.clone())));
        events.extend([
            Event::Asked {
                from: self.from.clone(),
                to: self.to.clone(),
            },
            Event::WayChosen(self.shown()),
            Event::SpeedSet(self.speed),
            Event::LayerSet(self.options.layer),
        ]);
        let breaks = Break::ALL.into_iter();
        let set = breaks.filter(|it| self.options.breaks[*it as usize]);
        events.extend(set.map(Event::BreakSet));
        events.push(Event::Jump(self.position));
        events.push(Event::PredictSet(self.options.predicts));
        events
    }

    /// The way here as a link.
    #[must_use]
    pub fn link(&self) -> String {
        encode_link(&self.way_here())
    }

    /// The walk in another form. `None` if there is none.
    #[must_use]
    pub fn exported(&self, form: Form) -> Option<Vec<u8>> {
        let walk = self.walk()?;
        Some(match form {
            Form::Markdown => export::markdown(&self.told_ways(), Depth::Rules).into_bytes(),
            Form::Mermaid => export::mermaid(&self.told_ways()).into_bytes(),
            Form::Capture => export::pcapng(walk, &self.scene.world.cluster.clock()),
        })
    }

    fn told_ways(&self) -> Vec<ToldWay<'_>> {
        let scene = &self.scene;
        let mut told = Vec::new();
        for way in scene.outcomes.iter().flat_map(|it| &it.ways.branches) {
            told.push(ToldWay {
                odds: odds(way.probability),
                hops: hops(&scene.world, &scene.manifest, &self.view.map, &way.result),
                ending: ending(&way.result.ending),
                walk: &way.result,
            });
        }
        told
    }
}

/// The events of a link.
///
/// # Errors
/// When it is none, or damaged, or holds what no link of ours holds.
pub fn read_link(link: &str) -> Result<Vec<Event>, LinkError> {
    let events: Vec<Event> = decode_link(link)?;
    let n_single = |it: &Event| match it {
        Event::Happened(event, _) => event.n_single(),
        _ => 1,
    };
    let is_sound = events.iter().map(n_single).sum::<usize>() <= MAX_EVENTS
        && events.iter().enumerate().all(|(idx, event)| {
            let kind = std::mem::discriminant(event);
            let is_again = events[..idx]
                .iter()
                .any(|it| std::mem::discriminant(it) == kind);
            match event {
                Event::Play
                | Event::Elapsed(_)
                | Event::Opened(_)
                | Event::LineTyped(_)
                | Event::LineGoesOn
                | Event::LineInterrupted
                | Event::InputEnded
                | Event::TabPressed(_)
                | Event::Lesson(_) => false,
                Event::Happened(..) | Event::BreakSet(_) => true,
                _ => !is_again,
            }
        });
    if !is_sound {
        return Err(LinkError::Damaged {
            what: "it holds what no link holds".to_owned(),
        });
    }
    Ok(events)
}
