//! Where everybody sits on the map, remembered: an edit moves nothing that did not change.
//!
//! Who is there keeps the seat it has; who is new takes the first free one, so that a pod that replaces another
//! takes its place; who is gone leaves its seat free. How many rooms stand beside one another is settled once, and
//! again only when everybody is new.
//!
//! **Left out**: seats in links; a world opened from one sits down afresh.

use super::map::Layout;
use std::collections::{BTreeMap, BTreeSet};

/// The most nodes that stand in a single row or column, before they stand in a grid.
const MAX_IN_LINE: usize = 3;

/// Who sits where, and which nodes' rooms are folded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seating {
    nodes: Seats,
    pods: BTreeMap<String, Seats>,
    shapes: BTreeMap<Layout, usize>,
    folded: BTreeSet<String>,
}

/// Seats in a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Seats(Vec<Option<String>>);

impl Seats {
    /// Whoever is present sits down. True if nobody of them sat here before.
    fn settle(&mut self, present: &[String]) -> bool {
        let is_present: BTreeSet<&String> = present.iter().collect();
        for seat in &mut self.0 {
            if seat.as_ref().is_some_and(|it| !is_present.contains(it)) {
                *seat = None;
            }
        }
        let seated: BTreeSet<String> = self.0.iter().flatten().cloned().collect();
        if seated.is_empty() {
            self.0.clear();
        }
        let mut free = 0;
        for name in present.iter().filter(|it| !seated.contains(*it)) {
            while self.0.get(free).is_some_and(Option::is_some) {
                free += 1;
            }
            match self.0.get_mut(free) {
                Some(seat) => *seat = Some(name.clone()),
                None => self.0.push(Some(name.clone())),
            }
        }
        while matches!(self.0.last(), Some(None)) {
            self.0.pop();
        }
        seated.is_empty()
    }

    /// Who sits where.
    pub(super) fn taken(&self) -> impl Iterator<Item = (usize, &String)> {
        let seats = self.0.iter().enumerate();
        seats.filter_map(|(idx, it)| it.as_ref().map(|it| (idx, it)))
    }

    /// How many seats there are, the free ones between others too.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Seating {
    /// The nodes sit down.
    pub(super) fn settle_nodes(&mut self, present: &[String]) -> &Seats {
        if self.nodes.settle(present) {
            self.shapes.clear();
            self.pods.clear();
        }
        self.folded.retain(|it| present.contains(it));
        &self.nodes
    }

    /// A node's pods sit down.
    pub(super) fn settle_pods(&mut self, node: &str, present: &[String]) -> Seats {
        let seats = self.pods.entry(node.to_owned()).or_default();
        seats.settle(present);
        seats.clone()
    }

    /// How many rooms stand beside one another.
    pub(super) fn n_across(&mut self, layout: Layout) -> usize {
        let n = self.nodes.len().max(1);
        let settled = *self
            .shapes
            .entry(layout)
            .or_insert_with(|| across(n, layout));
        // Nodes that come later stand in rows of their own; only where that would make a tower is all settled anew.
        let now = across(n, layout);
        if now >= 2 * settled || settled < MAX_IN_LINE && n <= MAX_IN_LINE {
            self.shapes.insert(layout, now);
            return now;
        }
        settled
    }

    /// Whether a node's room is folded.
    #[must_use]
    pub fn is_folded(&self, node: &str) -> bool {
        self.folded.contains(node)
    }

    /// Folds a node's room, or unfolds it.
    pub fn fold(&mut self, node: &str) {
        if !self.folded.remove(node) {
            self.folded.insert(node.to_owned());
        }
    }

    /// Folds these and no others.
    pub fn fold_only(&mut self, nodes: impl IntoIterator<Item = String>) {
        self.folded = BTreeSet::new();
        self.folded.extend(nodes);
    }
}

/// The number of columns that makes so many rooms about as wide as a page of that shape.
fn across(n: usize, layout: Layout) -> usize {
    let weight = match layout {
        Layout::Wide if n <= MAX_IN_LINE => return n,
        Layout::Tall if n <= MAX_IN_LINE => return 1,
        Layout::Wide => 5,
        Layout::Tall => 2,
    };
    // The smallest number whose square is at least so many halves of n.
    (1..=n).find(|it| 2 * it * it >= weight * n).unwrap_or(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn sit(seats: &Seats) -> Vec<(usize, &str)> {
        seats.taken().map(|(idx, it)| (idx, it.as_str())).collect()
    }

    #[test]
    fn who_stays_keeps_its_seat_and_who_comes_takes_the_free_one() {
        let mut seats = Seats::default();
        assert!(seats.settle(&names("a b c")));
        assert!(!seats.settle(&names("a c")));
        assert_eq!(sit(&seats), [(0, "a"), (2, "c")]);
        seats.settle(&names("a aa c d"));
        assert_eq!(sit(&seats), [(0, "a"), (1, "aa"), (2, "c"), (3, "d")]);
        assert!(seats.settle(&names("x y")));
        assert_eq!(sit(&seats), [(0, "x"), (1, "y")]);
    }

    #[test]
    fn a_grid_is_settled_once() {
        let mut it = Seating::default();
        let many: Vec<String> = (0..20).map(|it| format!("n{it}")).collect();
        it.settle_nodes(&many);
        assert_eq!(it.n_across(Layout::Wide), 8);
        assert_eq!(it.n_across(Layout::Tall), 5);
        it.settle_nodes(&many[..12]);
        assert_eq!(it.n_across(Layout::Wide), 8);
        it.settle_nodes(&names("a b"));
        assert_eq!(it.n_across(Layout::Wide), 2);
        assert_eq!(it.n_across(Layout::Tall), 1);
        it.settle_nodes(&names("a b c"));
        assert_eq!(it.n_across(Layout::Wide), 3);
        it.settle_nodes(&names("a b c d"));
        assert_eq!(it.n_across(Layout::Wide), 3);
        let mut all = names("a b c d");
        all.extend(many);
        it.settle_nodes(&all);
        assert_eq!(it.n_across(Layout::Wide), 8);
    }
}
