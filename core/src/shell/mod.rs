//! A small shell, as POSIX describes it, over programs that others bring.
//!
//! POSIX.1-2017 "Shell Command Language"; where that leaves a choice, dash 0.5.12. A shell stands in a [`Place`] of a
//! [`System`], which has a virtual clock, files and programs; kubectl and the tools of pods and nodes are such programs.
//! What takes time (`sleep`, a watch, a connection nobody answers) spends virtual time, and background jobs interleave
//! on that clock, the same way every time. The text tools people put into pipes are here too: grep, sed, awk, sort and
//! their like, in the forms GNU and BusyBox share.
//!
//! **Left out**: see each file. Interactive editing of the line is the face's; `fg`, `bg` and signals other than the end
//! of a process; bytes that are no UTF-8; users and permissions.

mod arithmetic;
mod builtins;
mod complete;
mod condition;
mod expand;
mod kernel;
mod parse;
mod pattern;
mod printf;
mod process;
mod programs;
mod redirect;
mod regex;
mod run;
mod scope;
mod session;
mod streams;
mod syntax;
mod system;
mod word;

pub use complete::Completion;
pub use kernel::{Job, Kernel, MAX_COMMANDS, MAX_TIME};
pub use parse::{MAX_TEXT, ParseError, parse};
pub use process::{Process, Running, Signal, absolute};
pub use session::{Finished, Shell, State, run};
pub use streams::{
    Chunk, Handle, Input, MAX_OUTPUT, Output, PipeEnd, Screen, Stream, Streams, pipe,
};
pub use syntax::Script;
pub use system::{Candidate, Place, Program, System};
