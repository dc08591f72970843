//! The text tools that are everywhere a shell is.
//!
//! Each has the flags that GNU's coreutils 9.1, grep 3.8, sed 4.9 and mawk 1.3.4 share with BusyBox 1.36 and that people
//! type. An unknown flag is refused in GNU's words.
//!
//! **Left out**: locales: order is by bytes.

mod awk;
mod files;
mod flags;
mod grep;
mod jobs;
mod lines;
mod sed;
mod sed_read;
mod sort;

use super::process::{Process, Running};
use super::system::Program;
use std::rc::Rc;

/// A program of the shell itself.
struct Own(fn(Process) -> Running);

impl Program for Own {
    fn run(&self, process: Process) -> Running {
        (self.0)(process)
    }
}

/// A line of the table: the name, and the program as a future of its own.
macro_rules! table {
    ($($name:literal => $run:path,)*) => {
        const TABLE: &[(&str, fn(Process) -> Running)] = &[$(($name, |it| Box::pin($run(it)))),*];
    };
}

table! {
    "awk" => awk::awk,
    "base64" => lines::base64,
    "basename" => files::basename,
    "cat" => files::cat,
    "clear" => files::clear,
    "cp" => files::cp,
    "cut" => lines::cut,
    "date" => jobs::date,
    "dirname" => files::dirname,
    "egrep" => grep::grep,
    "env" => jobs::env,
    "fgrep" => grep::grep,
    "grep" => grep::grep,
    "head" => lines::head,
    "hostname" => files::hostname,
    "less" => files::cat,
    "ls" => files::ls,
    "mkdir" => files::mkdir,
    "more" => files::cat,
    "mv" => files::cp,
    "nl" => lines::nl,
    "paste" => lines::paste,
    "printenv" => jobs::printenv,
    "rev" => lines::rev,
    "rm" => files::rm,
    "sed" => sed::sed,
    "seq" => jobs::seq,
    "sh" => jobs::sh,
    "bash" => jobs::sh,
    "sleep" => jobs::sleep,
    "sort" => sort::sort,
    "tac" => lines::tac,
    "tail" => lines::tail,
    "tee" => files::tee,
    "time" => jobs::time,
    "timeout" => jobs::timeout,
    "touch" => files::touch,
    "tr" => lines::tr,
    "uniq" => lines::uniq,
    "watch" => jobs::watch,
    "wc" => lines::wc,
    "xargs" => jobs::xargs,
    "yes" => jobs::yes,
    "column" => lines::column,
}

/// The program of this name.
pub(super) fn program(name: &str) -> Option<Rc<dyn Program>> {
    let (_, run) = TABLE.iter().find(|it| it.0 == name)?;
    Some(Rc::new(Own(*run)))
}

/// The names of all of them.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|it| it.0)
}
