//! A world in time: a start, what happened since, and where one stands in it.
//!
//! A timeline holds no pictures of the past but a few checkpoints: any moment is made again from the start by the
//! same events, to the byte. Stepping back is undoing; something new that happens in the past begins another future,
//! and the one that was is kept.
//!
//! **Left out**: merging futures.

use super::cluster::Cluster;
use super::link::{self, LinkError};
use super::start::{Start, Started};
use crate::api::Status;
use crate::controllers::Fault;
use crate::store::api::{Answer, Request};
use crate::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A checkpoint is kept for so many events.
const CHECKPOINT_EVERY: usize = 8;

/// The most events of a timeline.
pub const MAX_EVENTS: usize = 10_000;

/// The longest time that passes in one event: a day.
pub const MAX_PASS: Duration = Duration::from_secs(86_400);

/// Something that happens to a world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Happening {
    /// A request to the API server.
    Request(Box<Request>),
    /// Something goes wrong, or right again.
    Fault(Fault),
    /// Time passes.
    Pass(Duration),
    /// Time passes until nothing is on its way any more, at most for so long.
    Settle(Duration),
    /// One thing after another, done and undone as one: what a line of a shell did.
    Several(Vec<Happening>),
}

impl Happening {
    /// How many single things happen.
    #[must_use]
    pub fn n_single(&self) -> usize {
        match self {
            Happening::Several(events) => events.iter().map(Happening::n_single).sum(),
            _ => 1,
        }
    }
}

/// A world in time.
#[derive(Clone, Debug)]
pub struct Timeline {
    start: Start,
    begun: Arc<Started>,
    events: Vec<Happening>,
    position: usize,
    now: Arc<Cluster>,
    checkpoints: BTreeMap<usize, Arc<Cluster>>,
    abandoned: Vec<Abandoned>,
    /// Whether the last thing that happened is that somebody waits.
    is_waiting: bool,
}

/// A future that was left when something else happened before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Abandoned {
    /// After how many events it parts from the timeline.
    pub at: usize,
    /// What happened in it.
    pub events: Vec<Happening>,
}

/// What a link holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The start.
    pub start: Start,
    /// What happened since.
    #[serde(default)]
    pub events: Vec<Happening>,
    /// After how many of the events one stands.
    pub position: usize,
}

/// What the one who made something happen is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// Nothing: it happened.
    Nothing,
    /// The API server's answer.
    Answer(Box<Result<Answer, Status>>),
}

impl Cluster {
    /// Undergoes an event.
    pub fn undergo(&mut self, event: &Happening) -> Told {
        match event {
            Happening::Request(request) => {
                return Told::Answer(Box::new(self.request(request)));
            }
            Happening::Fault(fault) => self.suffer(fault.clone()),
            Happening::Pass(length) => {
                self.advance(self.clock().now + (*length).min(MAX_PASS));
            }
            Happening::Settle(limit) => {
                self.settle((*limit).min(MAX_PASS));
            }
            Happening::Several(events) => {
                for event in events {
                    self.undergo(event);
                }
            }
        }
        Told::Nothing
    }

    /// Asks the API server for something; controllers hear of it at the next `advance`.
    ///
    /// # Errors
    /// What the server answers instead.
    pub fn request(&mut self, request: &Request) -> Result<Answer, Status> {
        let clock = self.clock();
        self.store_mut().request(request, &clock)
    }
}

/// Why nothing can happen any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a world remembers {MAX_EVENTS} events, and these have happened: begin another from here")]
pub struct TooManyEvents;

impl Timeline {
    /// A world at its start.
    #[must_use]
    pub fn new(start: Start) -> Timeline {
        let begun = start.begin();
        Timeline::begun_as(start, begun)
    }

    /// A world at its start, which was begun already.
    #[must_use]
    pub fn begun_as(start: Start, begun: Started) -> Timeline {
        let begun = Arc::new(begun);
        let now = begun.cluster.clone();
        Timeline {
            start,
            begun,
            events: Vec::new(),
            position: 0,
            checkpoints: BTreeMap::from([(0, now.clone())]),
            now,
            abandoned: Vec::new(),
            is_waiting: false,
        }
    }

    /// The cluster at the moment one stands at.
    #[must_use]
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.now
    }

    /// How it began.
    #[must_use]
    pub fn begun(&self) -> &Started {
        &self.begun
    }

    /// What has happened and may happen again by [`Timeline::redo`].
    #[must_use]
    pub fn events(&self) -> &[Happening] {
        &self.events
    }

    /// After how many of the events one stands.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Futures that were left.
    #[must_use]
    pub fn abandoned(&self) -> &[Abandoned] {
        &self.abandoned
    }

    /// Something happens now. What had been undone becomes an abandoned future.
    ///
    /// # Errors
    /// When too much has happened already.
    pub fn happen(&mut self, event: Happening) -> Result<Told, TooManyEvents> {
        if self.position == MAX_EVENTS {
            return Err(TooManyEvents);
        }
        if self.position < self.events.len() {
            self.abandoned.push(Abandoned {
                at: self.position,
                events: self.events.split_off(self.position),
            });
            self.checkpoints.split_off(&(self.position + 1));
        }
        let mut cluster = Cluster::clone(&self.now);
        let told = cluster.undergo(&event);
        self.events.push(event);
        self.stand_at(self.position + 1, Arc::new(cluster));
        Ok(told)
    }

    /// Time passes while somebody waits for something. Who waits looks up again and again; all of one wait is one event.
    ///
    /// # Errors
    /// When too much has happened already.
    pub fn wait(&mut self, length: Duration) -> Result<(), TooManyEvents> {
        if self.is_waiting
            && let Some(Happening::Pass(waited)) = self.events.last_mut()
            && let both = waited.as_millis().saturating_add(length.as_millis())
            && both <= MAX_PASS.as_millis()
        {
            *waited = Duration::from_millis(both);
            self.checkpoints.remove(&self.position);
            Arc::make_mut(&mut self.now).undergo(&Happening::Pass(length));
            self.stand_at(self.position, self.now.clone());
        } else {
            self.happen(Happening::Pass(length))?;
        }
        self.is_waiting = true;
        Ok(())
    }

    /// What happened after so many events was one thing: it is undone at once. Nothing is changed where one stands before that, or
    /// where there is a future.
    pub fn join(&mut self, from: usize) {
        if self.position != self.events.len() || self.position < from + 2 {
            return;
        }
        let events = self.events.split_off(from);
        self.events.push(Happening::Several(events));
        self.checkpoints.split_off(&(from + 1));
        self.stand_at(from + 1, self.now.clone());
    }

    /// One event back. False at the start.
    pub fn undo(&mut self) -> bool {
        self.position > 0 && self.seek(self.position - 1)
    }

    /// One event on. False at the end.
    pub fn redo(&mut self) -> bool {
        self.position < self.events.len() && self.seek(self.position + 1)
    }

    /// To the moment after so many events. False if there are not so many.
    pub fn seek(&mut self, position: usize) -> bool {
        if position > self.events.len() {
            return false;
        }
        let nearest = self.checkpoints.range(..=position).next_back();
        let (checkpoint, kept) = nearest.expect("the start is a checkpoint");
        let (known, cluster) = if (*checkpoint..=position).contains(&self.position) {
            (self.position, self.now.clone())
        } else {
            (*checkpoint, kept.clone())
        };
        let mut cluster = Cluster::clone(&cluster);
        for (idx, event) in self.events[known..position].iter().enumerate() {
            cluster.undergo(event);
            if (known + idx + 1).is_multiple_of(CHECKPOINT_EVERY) {
                self.checkpoints
                    .insert(known + idx + 1, Arc::new(cluster.clone()));
            }
        }
        self.stand_at(position, Arc::new(cluster));
        true
    }

    /// Another timeline that is the same until now; it has no future yet.
    #[must_use]
    pub fn fork(&self) -> Timeline {
        let mut fork = self.clone();
        fork.events.truncate(self.position);
        fork.checkpoints.split_off(&(self.position + 1));
        fork.abandoned.clear();
        fork
    }

    /// Goes back to where an abandoned future parted and takes it up again; the present one is abandoned instead.
    /// False if there is no such future.
    pub fn take_up(&mut self, idx: usize) -> bool {
        if idx >= self.abandoned.len() {
            return false;
        }
        let future = self.abandoned.remove(idx);
        if !self.seek(future.at) {
            return false;
        }
        let left = self.events.split_off(future.at);
        if !left.is_empty() {
            self.abandoned.push(Abandoned {
                at: future.at,
                events: left,
            });
        }
        self.checkpoints.split_off(&(future.at + 1));
        self.events.extend(future.events);
        true
    }

    /// The timeline as a link; abandoned futures stay behind.
    #[must_use]
    pub fn link(&self) -> String {
        link::encode(&Record {
            start: self.start.clone(),
            events: self.events.clone(),
            position: self.position,
        })
    }

    /// The timeline a link holds.
    ///
    /// # Errors
    /// When it is no link, or damaged.
    pub fn from_link(text: &str) -> Result<Timeline, LinkError> {
        let record: Record = link::decode(text)?;
        let damaged = |what: String| LinkError::Damaged { what };
        if record.events.len() > MAX_EVENTS {
            return Err(damaged(format!("it holds more than {MAX_EVENTS} events")));
        }
        if record.position > record.events.len() {
            return Err(damaged(format!(
                "it stands after event {} of {}",
                record.position,
                record.events.len()
            )));
        }
        let mut timeline = Timeline::new(record.start);
        timeline.events = record.events;
        timeline.seek(record.position);
        Ok(timeline)
    }

    fn stand_at(&mut self, position: usize, cluster: Arc<Cluster>) {
        if position.is_multiple_of(CHECKPOINT_EVERY) {
            self.checkpoints.insert(position, cluster.clone());
        }
        self.position = position;
        self.now = cluster;
        self.is_waiting = false;
    }
}
