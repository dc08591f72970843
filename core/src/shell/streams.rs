//! Streams between programs: pipes, files, the terminal.
//!
//! As in Linux a reader of a pipe sees its end when nobody can write to it any more, and a writer is killed (SIGPIPE)
//! when nobody can read from it any more. A pipe holds 64 KiB; a writer that goes on for ever is stopped by it.
//!
//! **Left out**: bytes that are no UTF-8: streams are text.

use super::kernel::Kernel;
use super::system::Place;
use crate::time::Instant;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

/// The most bytes that one line may put on a screen, or leave in a pipe or a file.
pub const MAX_OUTPUT: usize = 4 << 20;

/// Which of the two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// A piece of text on the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// When it was written.
    pub at: Instant,
    /// Which output.
    pub stream: Stream,
    /// What.
    pub text: String,
}

/// What a program reads from.
#[derive(Clone, Debug)]
pub struct Input {
    buffer: Rc<RefCell<Buffer>>,
    writers: Weak<()>,
    // Held, not read: it says that somebody can still read.
    _readers: Rc<()>,
}

/// What a program writes to.
#[derive(Clone, Debug)]
pub enum Output {
    /// Nowhere.
    Null,
    /// The other end of a pipe.
    Pipe(PipeEnd),
    /// The end of a file.
    File(Place, String),
    /// The terminal.
    Terminal(Rc<Screen>, Stream),
}

/// The end of a pipe that is written to.
#[derive(Clone, Debug)]
pub struct PipeEnd {
    buffer: Rc<RefCell<Buffer>>,
    readers: Weak<()>,
    // Held, not read: it says that somebody can still write.
    _writers: Rc<()>,
}

#[derive(Debug, Default)]
struct Buffer {
    text: String,
    n_read: usize,
}

/// What is on the terminal and was not fetched yet.
#[derive(Debug, Default)]
pub struct Screen {
    pub(super) chunks: RefCell<Vec<Chunk>>,
    pub(super) n_bytes: Cell<usize>,
}

/// One of a program's numbered streams.
#[derive(Clone, Debug)]
pub enum Handle {
    /// To read from.
    Read(Input),
    /// To write to.
    Write(Output),
}

/// A program's streams by number.
#[derive(Clone, Debug, Default)]
pub struct Streams(pub(super) BTreeMap<u32, Handle>);

/// Why nothing could be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteFault {
    /// Nobody reads.
    Broken,
    /// Too much.
    Full,
}

/// Both ends of a new pipe.
#[must_use]
pub fn pipe() -> (PipeEnd, Input) {
    let buffer = Rc::new(RefCell::new(Buffer::default()));
    let (writers, readers) = (Rc::new(()), Rc::new(()));
    let input = Input {
        buffer: buffer.clone(),
        writers: Rc::downgrade(&writers),
        _readers: readers.clone(),
    };
    let end = PipeEnd {
        buffer,
        readers: Rc::downgrade(&readers),
        _writers: writers,
    };
    (end, input)
}

impl PipeEnd {
    /// Adds text without asking whether there is room.
    pub fn push(&self, text: &str) {
        self.buffer.borrow_mut().text.push_str(text);
    }

    fn is_full(&self) -> bool {
        const PIPE_BYTES: usize = 65_536;
        let buffer = self.buffer.borrow();
        buffer.text.len() - buffer.n_read >= PIPE_BYTES
    }

    fn is_broken(&self) -> bool {
        self.readers.strong_count() == 0
    }
}

impl Input {
    /// An input that holds this text and nothing else.
    #[must_use]
    pub fn of(text: &str) -> Input {
        let (end, input) = pipe();
        end.push(text);
        input
    }

    fn is_at_end(&self) -> bool {
        self.writers.strong_count() == 0
    }

    /// The next line with its end, or the rest; none yet if somebody may still write it.
    pub(super) fn take_line(&self, kernel: &Kernel) -> Option<String> {
        let mut buffer = self.buffer.borrow_mut();
        let rest = &buffer.text[buffer.n_read..];
        let line = match rest.find('\n') {
            Some(end) => rest[..=end].to_owned(),
            None if self.is_at_end() => rest.to_owned(),
            None => return None,
        };
        buffer.advance(line.len());
        kernel.note_progress();
        Some(line)
    }

    /// Everything there is; none yet if nothing is there and somebody may still write.
    pub(super) fn take_some(&self, kernel: &Kernel) -> Option<String> {
        let mut buffer = self.buffer.borrow_mut();
        let rest = buffer.text[buffer.n_read..].to_owned();
        if rest.is_empty() && !self.is_at_end() {
            return None;
        }
        buffer.advance(rest.len());
        kernel.note_progress();
        Some(rest)
    }
}

impl Buffer {
    fn advance(&mut self, n_bytes: usize) {
        self.n_read += n_bytes;
        if self.n_read == self.text.len() {
            self.text.clear();
            self.n_read = 0;
        } else if self.n_read > 65_536 {
            self.text.drain(..self.n_read);
            self.n_read = 0;
        }
    }
}

impl Output {
    pub(super) fn write(&self, kernel: &Kernel, text: &str) -> Result<(), WriteFault> {
        if text.is_empty() {
            return Ok(());
        }
        kernel.note_progress();
        match self {
            Output::Null => Ok(()),
            Output::Pipe(end) if end.is_broken() => Err(WriteFault::Broken),
            Output::Pipe(end) => {
                if end.buffer.borrow().text.len() + text.len() > MAX_OUTPUT {
                    return Err(WriteFault::Full);
                }
                end.push(text);
                Ok(())
            }
            Output::File(place, path) => kernel.append(place, path, text),
            Output::Terminal(screen, stream) => screen.write(kernel.now(), *stream, text),
        }
    }

    /// Whether a writer should wait for the reader.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Output::Pipe(end) if end.is_full() && !end.is_broken())
    }
}

impl Screen {
    fn write(&self, at: Instant, stream: Stream, text: &str) -> Result<(), WriteFault> {
        let n_bytes = self.n_bytes.get() + text.len();
        if n_bytes > MAX_OUTPUT {
            return Err(WriteFault::Full);
        }
        self.n_bytes.set(n_bytes);
        let mut chunks = self.chunks.borrow_mut();
        match chunks.last_mut() {
            Some(last) if last.at == at && last.stream == stream => last.text.push_str(text),
            _ => chunks.push(Chunk {
                at,
                stream,
                text: text.to_owned(),
            }),
        }
        Ok(())
    }
}

impl Streams {
    /// Input, output, errors.
    #[must_use]
    pub fn new(input: Input, out: Output, err: Output) -> Streams {
        let handles = [Handle::Read(input), Handle::Write(out), Handle::Write(err)];
        Streams((0..).zip(handles).collect())
    }

    /// The same with another handle in one place.
    #[must_use]
    pub fn with(&self, number: u32, handle: Handle) -> Streams {
        let mut streams = self.clone();
        streams.0.insert(number, handle);
        streams
    }

    /// What is read from.
    #[must_use]
    pub fn input(&self, number: u32) -> Option<&Input> {
        match self.0.get(&number) {
            Some(Handle::Read(it)) => Some(it),
            _ => None,
        }
    }

    /// What is written to.
    #[must_use]
    pub fn output(&self, number: u32) -> Option<&Output> {
        match self.0.get(&number) {
            Some(Handle::Write(it)) => Some(it),
            _ => None,
        }
    }

    /// Whether this output is a terminal.
    #[must_use]
    pub fn is_terminal(&self, number: u32) -> bool {
        matches!(self.output(number), Some(Output::Terminal(..)))
    }
}
