//! Connections by their numbers.
//!
//! Numbers are given in turn, so a connection stands at its number, counted from the oldest one that is still there.
//!
//! **Left out**: closing the gaps that lie between an old connection and a young one.

use super::{Connection, ConnectionId};
use std::collections::VecDeque;

/// Connections by their numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbered {
    /// The number of the first one.
    first: u32,
    kept: VecDeque<Option<Box<Connection>>>,
}

impl Numbered {
    /// The connection of this number.
    pub(super) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.kept.get(self.place(id)?)?.as_deref()
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let place = self.place(id)?;
        self.kept.get_mut(place)?.as_deref_mut()
    }

    /// All connections by their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.kept.iter().flatten().map(|it| &**it)
    }

    /// Adds a connection, or puts it in the place of the one with its number.
    pub(super) fn insert(&mut self, connection: Box<Connection>) {
        let id = connection.id;
        if self.kept.is_empty() {
            self.first = id.0;
        }
        // One that was begun earlier may be confirmed later.
        while id.0 < self.first {
            self.kept.push_front(None);
            self.first -= 1;
        }
        let place = (id.0 - self.first) as usize;
        while self.kept.len() <= place {
            self.kept.push_back(None);
        }
        self.kept[place] = Some(connection);
    }

    /// Takes a connection out.
    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Box<Connection>> {
        let place = self.place(id)?;
        let removed = self.kept.get_mut(place)?.take();
        while let Some(None) = self.kept.front() {
            self.kept.pop_front();
            self.first += 1;
        }
        removed
    }

    fn place(&self, id: ConnectionId) -> Option<usize> {
        Some(id.0.checked_sub(self.first)? as usize)
    }
}
