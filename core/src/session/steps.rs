//! Where in a walk one goes next: by hand, by itself, in the story or in the machine.
//!
//! **Left out**: questions, which may hold a packet back.

use crate::view::{Break, Emphasis, Hop, Layer, Options};

/// Where one stands in a walk, and how one looks at it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stand<'a> {
    pub(super) hops: &'a [Hop],
    pub(super) options: Options,
    pub(super) position: usize,
}

impl Stand<'_> {
    /// The last hop.
    pub(super) const fn last(&self) -> usize {
        self.hops.len().saturating_sub(1)
    }

    /// Whether there is nothing behind this.
    pub(super) const fn is_at_end(&self) -> bool {
        self.position + 1 >= self.hops.len()
    }

    /// Where going on leads: in the story, past what only the machine does.
    pub(super) fn next_stop(&self) -> usize {
        (self.position + 1..self.hops.len())
            .find(|it| self.is_told(*it))
            .unwrap_or(self.last())
    }

    pub(super) fn previous_stop(&self) -> usize {
        (0..self.position.min(self.hops.len()))
            .rev()
            .find(|it| self.is_told(*it))
            .unwrap_or(0)
    }

    fn is_told(&self, idx: usize) -> bool {
        self.options.layer == Layer::Machine || self.hops[idx].is_story
    }

    /// The next hop where something is decided or ends.
    pub(super) fn next_decision(&self) -> usize {
        (self.position + 1..self.hops.len())
            .find(|it| self.hops[*it].emphasis != Emphasis::Passing)
            .unwrap_or(self.last())
    }

    /// The first hop up to another one where playing is to stop.
    pub(super) fn first_break(&self, to: usize) -> Option<usize> {
        (self.position + 1..=to).find(|it| self.breaks_at(*it))
    }

    fn breaks_at(&self, idx: usize) -> bool {
        let (Some(hop), Some(before)) = (
            self.hops.get(idx),
            idx.checked_sub(1).and_then(|it| self.hops.get(it)),
        ) else {
            return false;
        };
        let breaks = |it: Break| self.options.breaks[it as usize];
        let is_node = hop.host.starts_with("node/");
        breaks(Break::Rewrite) && !hop.changes.is_empty()
            || breaks(Break::Failure) && hop.failure.is_some()
            || breaks(Break::Node) && is_node && hop.host != before.host
    }

    /// What is decided where one stands.
    pub(super) fn emphasis(&self) -> Option<Emphasis> {
        self.hops.get(self.position).map(|it| it.emphasis)
    }
}
