//! Documents as YAML, as kubectl writes it.
//!
//! `sigs.k8s.io/yaml` 1.4 over its fork of go-yaml v2: which words are quoted and how, where long lines are folded, in which
//! order keys stand.
//!
//! **Left out**: keys of more than 128 characters, which go-yaml marks with `?`.

use crate::yaml;
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// Lines are folded at the first blank beyond this column.
const BEST_WIDTH: usize = 80;

/// A document, with a line break at its end.
#[must_use]
pub fn emit(value: &Value) -> String {
    let mut out = Emitter {
        text: String::new(),
        column: 0,
    };
    match value {
        Value::Object(map) if !map.is_empty() => out.mapping(map, 0, First::OnNewLine),
        Value::Array(items) if !items.is_empty() => out.sequence(items, 0, First::OnNewLine),
        other => out.leaf(other, 0),
    }
    if out.column > 0 {
        out.text.push('\n');
    }
    out.text
}

struct Emitter {
    text: String,
    column: usize,
}

/// Where the first entry of a collection stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    OnNewLine,
    /// Behind the dash of the list it is in.
    Here,
}

impl Emitter {
    fn put(&mut self, text: &str) {
        self.text.push_str(text);
        self.column += text.chars().count();
    }

    fn line(&mut self, indent: usize) {
        if self.column > 0 {
            self.text.push('\n');
        }
        self.column = 0;
        for _ in 0..indent {
            self.put(" ");
        }
    }

    fn mapping(&mut self, map: &Map<String, Value>, indent: usize, mut first: First) {
        let mut keys: Vec<&String> = map.keys().collect();
        keys.sort_by(|a, b| natural_order(a, b));
        for key in keys {
            if first == First::OnNewLine {
                self.line(indent);
            }
            first = First::OnNewLine;
            self.scalar(key, indent, Place::Key);
            self.put(":");
            match &map[key] {
                Value::Object(map) if !map.is_empty() => self.mapping(map, indent + 2, first),
                Value::Array(items) if !items.is_empty() => self.sequence(items, indent, first),
                other => {
                    self.put(" ");
                    self.leaf(other, indent);
                }
            }
        }
    }

    fn sequence(&mut self, items: &[Value], indent: usize, mut first: First) {
        for item in items {
            if first == First::OnNewLine {
                self.line(indent);
            }
            first = First::OnNewLine;
            self.put("- ");
            match item {
                Value::Object(map) if !map.is_empty() => {
                    self.mapping(map, indent + 2, First::Here);
                }
                Value::Array(items) if !items.is_empty() => {
                    self.sequence(items, indent + 2, First::Here);
                }
                other => self.leaf(other, indent),
            }
        }
    }

    fn leaf(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Null => self.put("null"),
            Value::Bool(it) => self.put(if *it { "true" } else { "false" }),
            Value::Number(it) => self.put(&it.to_string()),
            Value::String(text) => self.scalar(text, indent, Place::Value),
            Value::Array(_) => self.put("[]"),
            Value::Object(_) => self.put("{}"),
        }
    }

    fn scalar(&mut self, text: &str, indent: usize, place: Place) {
        let allowed = analyse(text);
        let mut style = if text.contains('\n') {
            Style::Literal
        } else if is_plain_text(text) {
            Style::Plain
        } else {
            Style::Double
        };
        if place == Place::Key && text.contains(is_break) {
            style = Style::Double;
        }
        if style == Style::Plain && (!allowed.plain || text.is_empty() && place == Place::Key) {
            style = Style::Single;
        }
        if style == Style::Single && !allowed.single || style == Style::Literal && !allowed.block {
            style = Style::Double;
        }
        match style {
            Style::Plain => self.folded(text, indent, place, false),
            Style::Single => {
                self.put("'");
                self.folded(text, indent, place, true);
                self.put("'");
            }
            Style::Double => self.double(text, indent, place),
            Style::Literal => self.literal(text, indent + 2),
        }
    }

    /// Words that may go on on the next line.
    fn folded(&mut self, text: &str, indent: usize, place: Place, is_single: bool) {
        let chars: Vec<char> = text.chars().collect();
        let mut after_space = false;
        for (idx, it) in chars.iter().enumerate() {
            if *it == ' ' {
                let is_inside = !is_single || (idx > 0 && idx + 1 < chars.len());
                let breaks = place == Place::Value
                    && !after_space
                    && self.column > BEST_WIDTH
                    && is_inside
                    && chars.get(idx + 1) != Some(&' ');
                if breaks {
                    self.line(indent + 2);
                } else {
                    self.put(" ");
                }
                after_space = true;
                continue;
            }
            if *it == '\'' && is_single {
                self.put("'");
            }
            self.put(it.encode_utf8(&mut [0; 4]));
            after_space = false;
        }
    }

    fn double(&mut self, text: &str, indent: usize, place: Place) {
        self.put("\"");
        let chars: Vec<char> = text.chars().collect();
        let mut after_space = false;
        for (idx, it) in chars.iter().enumerate() {
            if *it == ' ' {
                let breaks = place == Place::Value
                    && !after_space
                    && self.column > BEST_WIDTH
                    && idx > 0
                    && idx + 1 < chars.len();
                if breaks {
                    self.line(indent + 2);
                    if chars[idx + 1] == ' ' {
                        self.put("\\");
                    }
                } else {
                    self.put(" ");
                }
                after_space = true;
                continue;
            }
            if !is_printable(*it) || is_break(*it) || matches!(it, '"' | '\\' | '\u{feff}') {
                self.put(&escape(*it));
            } else {
                self.put(it.encode_utf8(&mut [0; 4]));
            }
            after_space = false;
        }
        self.put("\"");
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.put("|");
        if text.starts_with([' ', '\n']) {
            self.put("2");
        }
        let without = text.strip_suffix('\n');
        match without {
            None => self.put("-"),
            Some(rest) if rest.is_empty() || rest.ends_with('\n') => self.put("+"),
            Some(_) => {}
        }
        self.text.push('\n');
        self.column = 0;
        for line in text.split_inclusive('\n') {
            let content = line.strip_suffix('\n').unwrap_or(line);
            if !content.is_empty() {
                for _ in 0..indent {
                    self.put(" ");
                }
                self.put(content);
            }
            if line.ends_with('\n') {
                self.text.push('\n');
                self.column = 0;
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Key,
    Value,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// In which ways a text can be written (`yaml_emitter_analyze_scalar`).
struct Allowed {
    plain: bool,
    single: bool,
    block: bool,
}

fn analyse(text: &str) -> Allowed {
    let chars: Vec<char> = text.chars().collect();
    let mut allowed = Allowed {
        plain: !(text.starts_with("---") || text.starts_with("...")),
        single: true,
        block: !text.is_empty(),
    };
    let blank = |idx: usize| {
        chars
            .get(idx)
            .is_none_or(|it| *it == ' ' || *it == '\t' || is_break(*it))
    };
    let is_edge = |it: Option<&char>| it.is_some_and(|it| *it == ' ' || is_break(*it));
    if is_edge(chars.first()) || is_edge(chars.last()) {
        allowed.plain = false;
    }
    if chars.last() == Some(&' ') {
        allowed.block = false;
    }
    for (idx, it) in chars.iter().enumerate() {
        let indicates = match it {
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
            | '@' | '`'
                if idx == 0 =>
            {
                true
            }
            '?' | '-' if idx == 0 => blank(idx + 1),
            ':' => blank(idx + 1),
            '#' => blank(idx - 1),
            _ => false,
        };
        if indicates || is_break(*it) {
            allowed.plain = false;
        }
        let before = idx.checked_sub(1).map(|it| chars[it]);
        if *it == ' ' && before.is_some_and(is_break) {
            allowed.plain = false;
            allowed.single = false;
        }
        if !is_printable(*it) || is_break(*it) && before == Some(' ') {
            return Allowed {
                plain: false,
                single: false,
                block: false,
            };
        }
    }
    allowed
}

fn is_break(it: char) -> bool {
    matches!(it, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(it: char) -> bool {
    matches!(it, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && it != '\u{feff}'
}

fn escape(it: char) -> String {
    let short = match it {
        '\0' => "0",
        '\u{7}' => "a",
        '\u{8}' => "b",
        '\t' => "t",
        '\n' => "n",
        '\u{b}' => "v",
        '\u{c}' => "f",
        '\r' => "r",
        '\u{1b}' => "e",
        '"' => "\"",
        '\\' => "\\",
        '\u{85}' => "N",
        '\u{a0}' => "_",
        '\u{2028}' => "L",
        '\u{2029}' => "P",
        _ => "",
    };
    let code = u32::from(it);
    match code {
        _ if !short.is_empty() => format!("\\{short}"),
        0..=0xff => format!("\\x{code:02X}"),
        0x100..=0xffff => format!("\\u{code:04X}"),
        _ => format!("\\U{code:08X}"),
    }
}

/// Whether a bare word would be read as this text again.
fn is_plain_text(text: &str) -> bool {
    matches!(yaml::resolve(text), yaml::Value::String(_)) && !is_base_60(text) && !is_date(text)
}

/// `12:30:45`: a number to YAML 1.1.
fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or_default();
    let is_whole = first.starts_with(|it: char| it.is_ascii_digit())
        && first.bytes().all(|it| it.is_ascii_digit() || it == b'_');
    let rest: Vec<&str> = parts.collect();
    let n = rest.len();
    is_whole
        && n > 0
        && rest.iter().enumerate().all(|(idx, it)| {
            let it = if idx + 1 == n {
                it.split('.').next().unwrap_or_default()
            } else {
                it
            };
            let digits = it.as_bytes();
            match digits {
                [one] => one.is_ascii_digit(),
                [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
                _ => false,
            }
        })
}

/// `2020-01-01`, `2020-01-01T00:00:00Z`: dates to YAML 1.1.
fn is_date(text: &str) -> bool {
    let (day, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at..])),
        None => (text, None),
    };
    let parts: Vec<&str> = day.split('-').collect();
    let number = |it: &str, most: u32| {
        let fits = (1..=2).contains(&it.len()) && it.bytes().all(|it| it.is_ascii_digit());
        fits && it.parse::<u32>().is_ok_and(|it| it <= most)
    };
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    let is_year = year.len() == 4 && year.bytes().all(|it| it.is_ascii_digit());
    if !is_year || !number(month, 12) || !number(day, 31) {
        return false;
    }
    let Some(time) = time else {
        return true;
    };
    let needs_zone = !time.starts_with(' ');
    let time = &time[1..];
    let (clock, zone) = match time.find(['Z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, ""),
    };
    let clock = clock.split('.').next().unwrap_or_default();
    let parts: Vec<&str> = clock.split(':').collect();
    let is_clock = parts.len() == 3 && parts.iter().all(|it| number(it, 60));
    is_clock && (zone.is_empty() != needs_zone)
}

/// The order of keys: numbers within them count as numbers, letters come after other signs.
fn natural_order(one: &str, other: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut digits = false;
    for i in 0..a.len().min(b.len()) {
        if a[i] == b[i] {
            digits = a[i].is_ascii_digit();
            continue;
        }
        let (al, bl) = (a[i].is_alphabetic(), b[i].is_alphabetic());
        if al && bl {
            return a[i].cmp(&b[i]);
        }
        if al || bl {
            let a_first = if digits { al } else { bl };
            return if a_first {
                Ordering::Less
            } else {
                Ordering::Greater
            };
        }
        let mut number = (0u64, 0u64);
        if a[i] == '0' || b[i] == '0' {
            let before = a[..i].iter().rev().take_while(|it| it.is_ascii_digit());
            if before.clone().any(|it| *it != '0') {
                number = (1, 1);
            }
        }
        let read = |from: &[char], start: u64| {
            let run = from.iter().take_while(|it| it.is_ascii_digit());
            run.fold((start, 0usize), |(n, count), it| {
                let digit = u64::from(u32::from(*it) - u32::from('0'));
                (n.saturating_mul(10).saturating_add(digit), count + 1)
            })
        };
        let (an, bn) = (read(&a[i..], number.0), read(&b[i..], number.1));
        return an.0.cmp(&bn.0).then(an.1.cmp(&bn.1)).then(a[i].cmp(&b[i]));
    }
    a.len().cmp(&b.len())
}
