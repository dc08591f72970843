//! `sed`.
//!
//! POSIX.1-2017 `sed` with GNU 4.9's `-E`, `-i`, `s///I`, `addr,+n`, `first~step` and one-line `a`, `i`, `c`.
//!
//! **Left out**: `l`, `r`, `w`, `e`, and the order of `a` among reads.

use super::super::process::Process;
use super::super::regex::{Case, Groups, Regex, Syntax};
use super::flags::{Flags, lines, text, texts};

/// The most commands one input line may run: a loop without end is stopped.
const MAX_STEPS: usize = 100_000;

enum Address {
    Line(usize),
    Last,
    Step(usize, usize),
    Matches(Option<Regex>),
    /// So many lines after the first address.
    Plus(usize),
}

struct Command {
    first: Option<Address>,
    second: Option<Address>,
    is_negated: bool,
    action: Action,
}

enum Action {
    Substitute(Box<Substitution>),
    Translate(Vec<char>, Vec<char>),
    Delete,
    DeleteFirst,
    Print,
    PrintFirst,
    Next,
    Append,
    Quit(u8),
    Text(char, String),
    Number,
    Hold(char),
    Label(String),
    Jump(char, String),
    Open(usize),
    Close,
}

struct Substitution {
    pattern: Option<Regex>,
    with: Vec<Piece>,
    is_global: bool,
    nth: usize,
    prints: bool,
}

enum Piece {
    Text(String),
    Group(usize),
    Case(char),
}

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
    let mut script: Vec<String> = flags
        .given
        .iter()
        .filter(|it| it.0 == 'e')
        .map(|it| it.1.clone())
        .collect();
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

struct Reader {
    chars: Vec<char>,
    at: usize,
    syntax: Syntax,
}

type Fault = (usize, String);

impl Reader {
    fn new(script: &str, syntax: Syntax) -> Reader {
        Reader {
            chars: script.chars().collect(),
            at: 0,
            syntax,
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn fault<T>(&self, why: &str) -> Result<T, Fault> {
        Err((self.at, why.to_owned()))
    }

    fn skip(&mut self, these: &str) {
        while self.peek().is_some_and(|it| these.contains(it)) {
            self.at += 1;
        }
    }

    fn commands(mut self) -> Result<Vec<Command>, Fault> {
        let mut commands: Vec<Command> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        loop {
            self.skip(" \t\n;");
            if self.peek() == Some('#') {
                while self.peek().is_some_and(|it| it != '\n') {
                    self.at += 1;
                }
                continue;
            }
            if self.peek().is_none() {
                break;
            }
            let first = self.address()?;
            self.skip(" \t");
            let mut second = None;
            if first.is_some() && self.peek() == Some(',') {
                self.at += 1;
                self.skip(" \t");
                second = self.address()?;
                if second.is_none() {
                    return self.fault("unexpected `,'");
                }
            }
            self.skip(" \t");
            let mut is_negated = false;
            while self.peek() == Some('!') {
                is_negated = true;
                self.at += 1;
                self.skip(" \t");
            }
            let action = self.action()?;
            match &action {
                Action::Open(_) => open.push(commands.len()),
                Action::Close => match open.pop() {
                    Some(from) => commands[from].action = Action::Open(commands.len()),
                    None => return self.fault("unexpected `}'"),
                },
                _ => {}
            }
            commands.push(Command {
                first,
                second,
                is_negated,
                action,
            });
        }
        if !open.is_empty() {
            self.at = 0;
            return self.fault("unmatched `{'");
        }
        Ok(commands)
    }

    fn number(&mut self) -> Option<usize> {
        let digits: String = self.chars[self.at..]
            .iter()
            .take_while(|it| it.is_ascii_digit())
            .collect();
        self.at += digits.len();
        digits.parse().ok()
    }

    fn address(&mut self) -> Result<Option<Address>, Fault> {
        match self.peek() {
            Some('$') => {
                self.at += 1;
                Ok(Some(Address::Last))
            }
            Some('+') => {
                self.at += 1;
                Ok(self.number().map(Address::Plus))
            }
            Some(it) if it.is_ascii_digit() => {
                let Some(line) = self.number() else {
                    return self.fault("invalid usage of line address");
                };
                if self.peek() == Some('~') {
                    self.at += 1;
                    let step = self.number().unwrap_or(0);
                    return Ok(Some(Address::Step(line, step)));
                }
                Ok(Some(Address::Line(line)))
            }
            Some('/' | '\\') => {
                if self.peek() == Some('\\') {
                    self.at += 1;
                }
                let Some(end) = self.peek() else {
                    return self.fault("unexpected end of expression");
                };
                self.at += 1;
                let text = self.until(end, Text::Pattern)?;
                let mut case = Case::Sensitive;
                if self.peek() == Some('I') {
                    self.at += 1;
                    case = Case::Ignored;
                }
                self.regex(&text, case).map(|it| Some(Address::Matches(it)))
            }
            _ => Ok(None),
        }
    }

    /// An empty expression means the last one used.
    fn regex(&self, text: &str, case: Case) -> Result<Option<Regex>, Fault> {
        if text.is_empty() {
            return Ok(None);
        }
        Regex::new(text, self.syntax, case)
            .map(Some)
            .map_err(|it| (self.at, it))
    }

    /// The text up to an unescaped end.
    fn until(&mut self, end: char, kind: Text) -> Result<String, Fault> {
        let mut text = String::new();
        let mut in_brackets = false;
        loop {
            let Some(it) = self.peek() else {
                return self.fault(if kind == Text::Pattern {
                    "unterminated address regex"
                } else {
                    "unterminated `s' command"
                });
            };
            self.at += 1;
            match it {
                '\\' => {
                    let Some(next) = self.peek() else {
                        return self.fault("unterminated `s' command");
                    };
                    self.at += 1;
                    match next {
                        it if it == end => text.push(it),
                        'n' if kind == Text::Pattern => text.push('\n'),
                        it => {
                            text.push('\\');
                            text.push(it);
                        }
                    }
                    continue;
                }
                '[' if kind == Text::Pattern && !in_brackets => {
                    in_brackets = true;
                    text.push(it);
                    if self.peek() == Some('^') {
                        text.push('^');
                        self.at += 1;
                    }
                    if self.peek() == Some(']') {
                        text.push(']');
                        self.at += 1;
                    }
                    continue;
                }
                ']' => in_brackets = false,
                it if it == end && !in_brackets => return Ok(text),
                _ => {}
            }
            text.push(it);
        }
    }

    fn action(&mut self) -> Result<Action, Fault> {
        let Some(it) = self.peek() else {
            return self.fault("missing command");
        };
        self.at += 1;
        let action = match it {
            's' => self.substitution()?,
            'y' => {
                let Some(end) = self.peek() else {
                    return self.fault("unterminated `y' command");
                };
                self.at += 1;
                let from: Vec<char> = self.until(end, Text::Replacement)?.chars().collect();
                let to: Vec<char> = self.until(end, Text::Replacement)?.chars().collect();
                if from.len() != to.len() {
                    return self.fault("strings for `y' command are different lengths");
                }
                Action::Translate(from, to)
            }
            'd' => Action::Delete,
            'D' => Action::DeleteFirst,
            'p' => Action::Print,
            'P' => Action::PrintFirst,
            'n' => Action::Next,
            'N' => Action::Append,
            '=' => Action::Number,
            'h' | 'H' | 'g' | 'G' | 'x' => Action::Hold(it),
            'q' | 'Q' => {
                self.skip(" \t");
                let code = self.number().unwrap_or(0);
                return Ok(if it == 'q' {
                    Action::Quit(code as u8)
                } else {
                    Action::Jump('Q', code.to_string())
                });
            }
            '{' => return Ok(Action::Open(0)),
            '}' => Action::Close,
            'a' | 'i' | 'c' => return Ok(Action::Text(it, self.rest_of_line())),
            ':' => return Ok(Action::Label(self.label())),
            'b' | 't' | 'T' => Action::Jump(it, self.label()),
            other => return self.fault(&format!("unknown command: `{other}'")),
        };
        self.skip(" \t");
        match self.peek() {
            None | Some('\n' | ';' | '}' | '#') => Ok(action),
            Some(_) if it == '}' => Ok(action),
            Some(_) => {
                self.at += 1;
                self.fault("extra characters after command")
            }
        }
    }

    fn label(&mut self) -> String {
        self.skip(" \t");
        let rest = self.chars[self.at..].iter();
        let label: String = rest
            .take_while(|it| !matches!(it, '\n' | ';' | '}'))
            .collect();
        self.at += label.chars().count();
        label.trim().to_owned()
    }

    fn rest_of_line(&mut self) -> String {
        self.skip(" \t");
        if self.peek() == Some('\\') {
            self.at += 1;
            self.skip(" \t");
            if self.peek() == Some('\n') {
                self.at += 1;
            }
        }
        let mut text = String::new();
        while let Some(it) = self.peek().filter(|it| *it != '\n') {
            self.at += 1;
            if it == '\\' {
                text.extend(self.peek());
                self.at += 1;
            } else {
                text.push(it);
            }
        }
        text
    }

    fn substitution(&mut self) -> Result<Action, Fault> {
        let Some(end) = self.peek().filter(|it| *it != '\n' && *it != '\\') else {
            return self.fault("unterminated `s' command");
        };
        self.at += 1;
        let pattern = self.until(end, Text::Pattern)?;
        let with = self.until(end, Text::Replacement)?;
        let mut made = Substitution {
            pattern: None,
            with: pieces(&with),
            is_global: false,
            nth: 1,
            prints: false,
        };
        let mut case = Case::Sensitive;
        loop {
            match self.peek() {
                Some('g') => made.is_global = true,
                Some('p') => made.prints = true,
                Some('i' | 'I') => case = Case::Ignored,
                Some('m' | 'M' | 'e') => {}
                Some(it) if it.is_ascii_digit() => {
                    made.nth = self.number().unwrap_or(1).max(1);
                    continue;
                }
                _ => break,
            }
            self.at += 1;
        }
        made.pattern = self.regex(&pattern, case)?;
        let n_groups = made.pattern.as_ref().map_or(10, Regex::n_groups);
        let beyond = made.with.iter().find_map(|it| match it {
            Piece::Group(group) if *group >= n_groups => Some(*group),
            _ => None,
        });
        match beyond {
            Some(group) => self.fault(&format!("invalid reference \\{group} on `s' command's RHS")),
            None => Ok(Action::Substitute(Box::new(made))),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    Pattern,
    Replacement,
}

fn pieces(with: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut chars = with.chars();
    while let Some(it) = chars.next() {
        let piece = match it {
            '&' => Piece::Group(0),
            '\\' => match chars.next() {
                Some(it @ '0'..='9') => Piece::Group(it.to_digit(10).map_or(0, |it| it as usize)),
                Some(it @ ('U' | 'L' | 'E' | 'u' | 'l')) => Piece::Case(it),
                Some('n') => {
                    text.push('\n');
                    continue;
                }
                Some('t') => {
                    text.push('\t');
                    continue;
                }
                Some(it) => {
                    text.push(it);
                    continue;
                }
                None => continue,
            },
            it => {
                text.push(it);
                continue;
            }
        };
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        pieces.push(piece);
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    pieces
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
