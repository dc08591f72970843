//! What a shell process remembers: variables, functions, folder, jobs.
//!
//! **Left out**: arrays, `local` inside `local`'s own kinds, umask and limits.

use super::kernel::Job;
use super::process::Signal;
use super::syntax::Command;
use super::system::Place;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Variable {
    /// What it holds.
    pub value: String,
    /// Whether programs see it.
    pub is_exported: bool,
    /// Whether it may not change any more.
    pub is_fixed: bool,
}

/// What variables held before they were hidden, by name.
pub(super) type Hidden = Vec<(String, Option<Variable>)>;

/// What `set` switches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are switches of set")]
pub(super) struct Options {
    /// `-e`: end when a command fails.
    pub ends_on_failure: bool,
    /// `-u`: a variable that is not set is an error.
    pub needs_set: bool,
    /// `-x`: say what is run.
    pub says_commands: bool,
    /// `-o pipefail`: a pipeline fails when any of its commands does.
    pub counts_all: bool,
    /// `-f`: patterns mean themselves.
    pub keeps_patterns: bool,
}

/// What a shell process remembers.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub(super) place: Place,
    pub(super) variables: RefCell<BTreeMap<String, Variable>>,
    pub(super) functions: RefCell<BTreeMap<String, Rc<Command>>>,
    pub(super) arguments: RefCell<Vec<String>>,
    pub(super) name: RefCell<String>,
    pub(super) folder: RefCell<String>,
    pub(super) status: Cell<u8>,
    /// How the last substitution of a command ended.
    pub(super) substituted: Cell<u8>,
    pub(super) options: Cell<Options>,
    pub(super) jobs: RefCell<Vec<Rc<Job>>>,
    pub(super) last_pid: Cell<Option<u32>>,
    pub(super) pid: u32,
    /// How many constructs and calls are open.
    pub(super) depth: Cell<usize>,
    /// How many conditions are open, in which a failure is no reason to end.
    pub(super) n_conditions: Cell<usize>,
    /// What `local` hides, by open function.
    pub(super) locals: RefCell<Vec<Hidden>>,
    /// Whether `exit` was said.
    pub(super) has_exited: Cell<bool>,
    pub(super) trap: RefCell<Option<String>>,
    pub(super) signal: Signal,
}

impl Scope {
    pub(super) fn value(&self, name: &str) -> Option<String> {
        self.variables.borrow().get(name).map(|it| it.value.clone())
    }

    /// Sets a variable; it stays exported if it was.
    pub(super) fn set(&self, name: &str, value: &str) -> Result<(), String> {
        let mut variables = self.variables.borrow_mut();
        let variable = variables.entry(name.to_owned()).or_default();
        if variable.is_fixed {
            return Err(format!("{name}: is read only"));
        }
        value.clone_into(&mut variable.value);
        Ok(())
    }

    pub(super) fn export(&self, name: &str) {
        let mut variables = self.variables.borrow_mut();
        variables.entry(name.to_owned()).or_default().is_exported = true;
    }

    /// What programs see.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let variables = self.variables.borrow();
        let exported = variables.iter().filter(|it| it.1.is_exported);
        exported
            .map(|(name, it)| (name.clone(), it.value.clone()))
            .collect()
    }
}
