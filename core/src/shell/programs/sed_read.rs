//! Reads the language of `sed`.
//!
//! POSIX.1-2017 `sed`; faults are worded as GNU sed 4.9 words them.
//!
//! **Left out**: `l`, `r`, `w`, `e`.

use super::super::regex::{Case, Regex, Syntax};

pub(super) enum Address {
    Line(usize),
    Last,
    Step(usize, usize),
    Matches(Option<Regex>),
    /// So many lines after the first address.
    Plus(usize),
}

pub(super) struct Command {
    pub(super) first: Option<Address>,
    pub(super) second: Option<Address>,
    pub(super) is_negated: bool,
    pub(super) action: Action,
}

pub(super) enum Action {
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

pub(super) struct Substitution {
    pub(super) pattern: Option<Regex>,
    pub(super) with: Vec<Piece>,
    pub(super) is_global: bool,
    pub(super) nth: usize,
    pub(super) prints: bool,
}

pub(super) enum Piece {
    Text(String),
    Group(usize),
    Case(char),
}

pub(super) struct Reader {
    chars: Vec<char>,
    at: usize,
    syntax: Syntax,
}

/// Where, and why.
pub(super) type Fault = (usize, String);

impl Reader {
    pub(super) fn new(script: &str, syntax: Syntax) -> Reader {
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

    pub(super) fn commands(mut self) -> Result<Vec<Command>, Fault> {
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
