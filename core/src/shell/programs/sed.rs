//! `sed`.
//!
//! POSIX.1-2017 `sed` with GNU 4.9's `-E`, `-i`, `s///I`, `addr,+n`, `first~step` and one-line `a`, `i`, `c`.
//!
//! **Left out**: `l`, `r`, `w`, `e`, and the order of `a` among reads.

use super::super::process::Process;
use super::super::regex::{Groups, Regex, Syntax};
use super::flags::{Flags, lines, text, texts};
use super::sed_read::{Action, Address, Command, Piece, Reader, Substitution};

/// The most commands one input line may run: a loop without end is stopped.
const MAX_STEPS: usize = 100_000;

pub(super) async fn sed(process: Process) -> u8 {
    let long = [
        ("quiet", 'n'),
        ("silent", 'n'),
        ("expression", 'e'),
        ("regexp-extended", 'E'),
        ("in-place", 'i'),
    ];
    let flags = match Flags::read(&process, "ne:Erf:isuz", &long, 1) {
        Ok(it) => it,
        Err(code) => return code,
    };
    let mut operands = flags.operands.clone();
    let mut script: Vec<String> = flags.values('e').map(str::to_owned).collect();
    if let Some(file) = flags.value('f') {
        script.extend(text(&process, file).await);
    }
    if script.is_empty() {
        if operands.is_empty() {
            process.complain(
                "Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...\n",
            );
            return 1;
        }
        script.push(operands.remove(0));
    }
    let syntax = if flags.has('E') || flags.has('r') {
        Syntax::Extended
    } else {
        Syntax::Basic
    };
    let commands = match Reader::new(&script.join("\n"), syntax).commands() {
        Ok(it) => it,
        Err((at, why)) => {
            process.complain(&format!("sed: -e expression #1, char {at}: {why}\n"));
            return 1;
        }
    };
    let is_quiet = flags.has('n');
    if flags.has('i') {
        let mut code = 0;
        for file in &operands {
            match text(&process, file).await {
                Some(text) => {
                    let (out, ended) = edit(&commands, &text, is_quiet);
                    process.write_file(file, &out);
                    code = code.max(ended);
                }
                None => code = 2,
            }
        }
        return code;
    }
    let (found, code) = texts(&process, &operands).await;
    let whole: String = found.into_iter().map(|it| it.1).collect();
    let (out, ended) = edit(&commands, &whole, is_quiet);
    process.print(&out);
    if code > 0 { 2 } else { ended }
}

/// The state of an edit.
struct Edit<'a> {
    lines: Vec<&'a str>,
    next: usize,
    space: String,
    hold: String,
    out: String,
    after: String,
    is_quiet: bool,
    /// Where each range stands: the line it ends at.
    ranges: Vec<Option<usize>>,
    last_regex: Option<&'a Regex>,
    substituted: bool,
}

fn edit(commands: &[Command], text: &str, is_quiet: bool) -> (String, u8) {
    let mut edit = Edit {
        lines: lines(text).collect(),
        next: 0,
        space: String::new(),
        hold: String::new(),
        out: String::new(),
        after: String::new(),
        is_quiet,
        ranges: commands.iter().map(|_| None).collect(),
        last_regex: None,
        substituted: false,
    };
    let mut code = 0;
    let mut keeps = false;
    while keeps || edit.next < edit.lines.len() {
        if !keeps {
            edit.space = edit.lines[edit.next].to_owned();
            edit.next += 1;
        }
        keeps = false;
        match edit.cycle(commands) {
            End::Normal => edit.end_cycle(true),
            End::Deleted => edit.end_cycle(false),
            End::Again => {
                edit.end_cycle(false);
                keeps = true;
            }
            End::Quit(it, prints) => {
                edit.end_cycle(prints);
                code = it;
                break;
            }
        }
        if edit.out.len() > super::super::streams::MAX_OUTPUT {
            break;
        }
    }
    // Without an end on the last line there is none in the output.
    if !text.ends_with('\n')
        && !text.is_empty()
        && edit.next == edit.lines.len()
        && edit.out.ends_with('\n')
    {
        edit.out.pop();
    }
    (edit.out, code)
}

/// How a cycle ends.
enum End {
    Normal,
    Deleted,
    Again,
    Quit(u8, bool),
}

impl<'a> Edit<'a> {
    fn end_cycle(&mut self, prints: bool) {
        if prints && !self.is_quiet {
            self.out.push_str(&self.space);
            self.out.push('\n');
        }
        self.out.push_str(&std::mem::take(&mut self.after));
    }

    fn holds(&mut self, address: &'a Address, first: usize) -> bool {
        match address {
            Address::Line(it) => self.next == *it,
            Address::Last => self.next == self.lines.len(),
            Address::Step(from, 0) => self.next == *from,
            Address::Step(from, step) => {
                self.next >= *from && (self.next - from).is_multiple_of(*step)
            }
            Address::Matches(regex) => {
                let regex = regex.as_ref().or(self.last_regex);
                self.last_regex = regex;
                let chars: Vec<char> = self.space.chars().collect();
                regex.is_some_and(|it| it.is_match(&chars))
            }
            Address::Plus(it) => self.next == first + it,
        }
    }

    fn selects(&mut self, command: &'a Command, idx: usize) -> bool {
        let selected = match (&command.first, &command.second) {
            (None, _) => true,
            (Some(first), None) => self.holds(first, 0),
            (Some(first), Some(second)) => match self.ranges[idx] {
                Some(began) => {
                    let ends = match second {
                        Address::Line(it) => self.next >= *it,
                        other => self.holds(other, began),
                    };
                    let is_past = matches!(second, Address::Line(it) if self.next > *it);
                    if ends {
                        self.ranges[idx] = None;
                    }
                    !is_past
                }
                None => {
                    let begins = self.holds(first, 0);
                    let is_one = match second {
                        Address::Line(it) => *it <= self.next,
                        Address::Plus(it) => *it == 0,
                        Address::Last => self.next == self.lines.len(),
                        _ => false,
                    };
                    if begins && !is_one {
                        self.ranges[idx] = Some(self.next);
                    }
                    begins
                }
            },
        };
        selected != command.is_negated
    }

    fn cycle(&mut self, commands: &'a [Command]) -> End {
        let mut at = 0;
        self.substituted = false;
        for _ in 0..MAX_STEPS {
            let Some(command) = commands.get(at) else {
                return End::Normal;
            };
            let is_selected = self.selects(command, at);
            at += 1;
            if !is_selected {
                if let Action::Open(end) = command.action {
                    at = end + 1;
                }
                continue;
            }
            match &command.action {
                Action::Open(_) | Action::Close | Action::Label(_) => {}
                Action::Jump('Q', code) => return End::Quit(code.parse().unwrap_or(0), false),
                Action::Jump(kind, label) => {
                    let jumps = match kind {
                        'b' => true,
                        't' => std::mem::take(&mut self.substituted),
                        _ => !std::mem::take(&mut self.substituted),
                    };
                    if jumps {
                        at = if label.is_empty() {
                            commands.len()
                        } else {
                            label_place(commands, label)
                        };
                    }
                }
                action => {
                    if let Some(end) = self.act(action) {
                        return end;
                    }
                }
            }
        }
        End::Quit(1, true)
    }

    fn act(&mut self, action: &'a Action) -> Option<End> {
        // A table: one arm for each command of the language.
        match action {
            Action::Substitute(it) => self.substitute(it),
            Action::Translate(from, to) => {
                let change = |it: char| {
                    from.iter()
                        .position(|other| *other == it)
                        .map_or(it, |place| to[place])
                };
                self.space = self.space.chars().map(change).collect();
            }
            Action::Delete => return Some(End::Deleted),
            Action::DeleteFirst => match self.space.find('\n') {
                Some(end) => {
                    self.space.drain(..=end);
                    return Some(End::Again);
                }
                None => return Some(End::Deleted),
            },
            Action::Print => {
                self.out.push_str(&self.space);
                self.out.push('\n');
            }
            Action::PrintFirst => {
                self.out
                    .push_str(self.space.split('\n').next().unwrap_or_default());
                self.out.push('\n');
            }
            Action::Next => {
                if self.next == self.lines.len() {
                    return Some(End::Quit(0, true));
                }
                self.end_cycle(true);
                self.space = self.lines[self.next].to_owned();
                self.next += 1;
            }
            Action::Append => {
                if self.next == self.lines.len() {
                    return Some(End::Quit(0, true));
                }
                self.space.push('\n');
                self.space.push_str(self.lines[self.next]);
                self.next += 1;
            }
            Action::Quit(code) => return Some(End::Quit(*code, true)),
            Action::Text('a', text) => self.after.push_str(&format!("{text}\n")),
            Action::Text('i', text) => self.out.push_str(&format!("{text}\n")),
            Action::Text(_, text) => {
                self.out.push_str(&format!("{text}\n"));
                return Some(End::Deleted);
            }
            Action::Number => self.out.push_str(&format!("{}\n", self.next)),
            Action::Hold(kind) => match kind {
                'h' => self.hold.clone_from(&self.space),
                'H' => self.hold.push_str(&format!("\n{}", self.space)),
                'g' => self.space.clone_from(&self.hold),
                'G' => self.space.push_str(&format!("\n{}", self.hold)),
                _ => std::mem::swap(&mut self.hold, &mut self.space),
            },
            _ => {}
        }
        None
    }

    fn substitute(&mut self, it: &'a Substitution) {
        let Some(regex) = it.pattern.as_ref().or(self.last_regex) else {
            return;
        };
        self.last_regex = Some(regex);
        let chars: Vec<char> = self.space.chars().collect();
        let (mut out, mut from, mut n, mut changed) = (String::new(), 0, 0, false);
        let mut last_end = None;
        while from <= chars.len() {
            let Some(groups) = regex.find(&chars, from) else {
                break;
            };
            let Some((at, end)) = groups[0] else {
                break;
            };
            out.extend(&chars[from..at]);
            // No empty match directly after a match.
            let counts = !(at == end && last_end == Some(at));
            n += usize::from(counts);
            if counts && n >= it.nth && (it.is_global || n == it.nth) {
                out.push_str(&filled(&it.with, &chars, &groups));
                changed = true;
            } else {
                out.extend(&chars[at..end]);
            }
            last_end = Some(end);
            from = end;
            if at == end {
                out.extend(chars.get(at));
                from += 1;
            }
            if changed && !it.is_global {
                break;
            }
        }
        out.extend(chars.get(from..).unwrap_or_default());
        if changed {
            self.space = out;
            self.substituted = true;
            if it.prints {
                self.out.push_str(&self.space);
                self.out.push('\n');
            }
        }
    }
}

fn label_place(commands: &[Command], label: &str) -> usize {
    let is_it = |it: &Command| matches!(&it.action, Action::Label(name) if name == label);
    commands.iter().position(is_it).unwrap_or(commands.len())
}

fn filled(with: &[Piece], chars: &[char], groups: &Groups) -> String {
    let mut out = String::new();
    let (mut lasting, mut once) = ('E', None);
    for piece in with {
        let text: String = match piece {
            Piece::Text(text) => text.clone(),
            Piece::Group(number) => match groups.get(*number).copied().flatten() {
                Some((from, to)) => chars[from..to].iter().collect(),
                None => String::new(),
            },
            Piece::Case(it @ ('u' | 'l')) => {
                once = Some(*it);
                continue;
            }
            Piece::Case(it) => {
                lasting = *it;
                continue;
            }
        };
        let mut text = match lasting {
            'U' => text.to_uppercase(),
            'L' => text.to_lowercase(),
            _ => text,
        };
        if let Some(first) = text.chars().next()
            && let Some(kind) = once.take()
        {
            let rest = &text[first.len_utf8()..];
            let first: String = if kind == 'u' {
                first.to_uppercase().collect()
            } else {
                first.to_lowercase().collect()
            };
            text = format!("{first}{rest}");
        }
        out.push_str(&text);
    }
    out
}
