//! What a shell runs in: a clock, places, files, programs. Those who have a world bring it.
//!
//! **Left out**: users and permissions.

use super::process::{Process, Running};
use crate::time::{Clock, Instant};
use std::rc::Rc;

/// Where a shell stands. Each place has files and programs of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// At the computer of the person who types.
    #[default]
    Workstation,
    /// In a container.
    Pod {
        /// The pod's namespace.
        namespace: Rc<str>,
        /// The pod.
        name: Rc<str>,
        /// The container.
        container: Rc<str>,
    },
    /// On a node.
    Node(Rc<str>),
}

/// What a shell runs in.
pub trait System {
    /// What time it is.
    fn clock(&self) -> Clock;

    /// Lets time pass. Never called with a time that has been.
    fn pass(&self, to: Instant);

    /// The program of this name in a place, if it is not one of the shell's own.
    fn program(&self, place: &Place, name: &str) -> Option<Rc<dyn Program>>;

    /// The names of those programs, in order.
    fn programs(&self, place: &Place) -> Vec<String>;

    /// The text of a file that is there without the shell's doing.
    fn read(&self, place: &Place, path: &str) -> Option<String>;

    /// The paths of all such files.
    fn files(&self, place: &Place) -> Vec<String>;

    /// Writes a file where it stays when the shell ends; false leaves it to the shell's own memory.
    fn write(&self, place: &Place, path: &str, text: &str) -> bool {
        let _ = (place, path, text);
        false
    }

    /// What the environment holds in a place when a shell is opened there.
    fn environment(&self, place: &Place) -> Vec<(String, String)>;
}

/// A program: arguments and streams in, text and an exit code out, some virtual time later.
pub trait Program {
    /// Begins to run it.
    fn run(&self, process: Process) -> Running;

    /// What could stand at the end of these words, the last of which is being typed.
    fn complete(&self, words: &[String]) -> Vec<Candidate> {
        let _ = words;
        Vec::new()
    }
}

/// What a word could become.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The whole word.
    pub word: String,
    /// One line about it.
    pub about: String,
}

impl Place {
    /// The name its computer has.
    #[must_use]
    pub fn host_name(&self) -> &str {
        match self {
            Place::Workstation => "workstation",
            Place::Pod { name, .. } | Place::Node(name) => name,
        }
    }
}
