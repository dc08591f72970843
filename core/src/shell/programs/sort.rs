//! `sort`.
//!
//! GNU coreutils 9.1 in the C locale.
//!
//! **Left out**: months, merging, `-R`, keys that begin inside a field for other orders than text.

use super::super::process::Process;
use super::flags::{Flags, lines, texts};
use std::cmp::Ordering;

/// A key: fields and characters from and to, and its own order.
#[derive(Clone, Debug, Default)]
struct Key {
    from: (usize, usize),
    to: Option<(usize, usize)>,
    order: String,
}

fn key(text: &str) -> Option<Key> {
    let position = |text: &str| -> Option<((usize, usize), String)> {
        let end = text
            .find(|it: char| it.is_ascii_alphabetic())
            .unwrap_or(text.len());
        let (numbers, order) = text.split_at(end);
        let (field, character) = numbers.split_once('.').map_or((numbers, "0"), |it| it);
        Some((
            (field.parse().ok()?, character.parse().ok()?),
            order.to_owned(),
        ))
    };
    let (from, to) = text
        .split_once(',')
        .map_or((text, None), |it| (it.0, Some(it.1)));
    let (from, mut order) = position(from)?;
    let to = match to {
        Some(it) => {
            let (to, more) = position(it)?;
            order.push_str(&more);
            Some(to)
        }
        None => None,
    };
    (from.0 > 0).then_some(Key { from, to, order })
}

pub(super) async fn sort(process: Process) -> u8 {
    // The flags, the keys that they are the default of, then the lines.
    let long = [
        ("reverse", 'r'),
        ("numeric-sort", 'n'),
        ("unique", 'u'),
        ("key", 'k'),
        ("field-separator", 't'),
        ("version-sort", 'V'),
        ("human-numeric-sort", 'h'),
        ("ignore-case", 'f'),
    ];
    let flags = match Flags::read(&process, "rnuk:t:VhfbdsgiMco:", &long, 2) {
        Ok(it) => it,
        Err(code) => return code,
    };
    let mut keys = Vec::new();
    for value in flags.values('k') {
        match key(value) {
            Some(it) => keys.push(it),
            None => {
                process.complain(&format!(
                    "sort: invalid number at field start: invalid count at start of '{value}'\n"
                ));
                return 2;
            }
        }
    }
    let general: String = "rnVhfbg".chars().filter(|it| flags.has(*it)).collect();
    for it in keys.iter_mut().filter(|it| it.order.is_empty()) {
        it.order.clone_from(&general);
    }
    let separator = flags
        .value('t')
        .and_then(|it| it.replace("\\t", "\t").chars().next());
    let (found, code) = texts(&process, &flags.operands).await;
    let mut all: Vec<&str> = found.iter().flat_map(|it| lines(&it.1)).collect();
    let by_keys = |one: &&str, other: &&str| -> Ordering {
        if keys.is_empty() {
            return compare(one, other, &general);
        }
        let orders = keys.iter().map(|it| {
            compare(
                part(one, it, separator),
                part(other, it, separator),
                &it.order,
            )
        });
        let mut orders = orders;
        orders
            .find(|it| *it != Ordering::Equal)
            .unwrap_or(Ordering::Equal)
    };
    let last_resort = |one: &&str, other: &&str| match flags.has('r') {
        true => other.cmp(one),
        false => one.cmp(other),
    };
    if flags.has('c') {
        return u8::from(!all.is_sorted_by(|one, other| by_keys(one, other) != Ordering::Greater));
    }
    all.sort_by(|one, other| match by_keys(one, other) {
        Ordering::Equal if !flags.has('s') && !flags.has('u') => last_resort(one, other),
        it => it,
    });
    if flags.has('u') {
        all.dedup_by(|one, other| by_keys(one, other) == Ordering::Equal);
    }
    let out: String = all.iter().map(|it| format!("{it}\n")).collect();
    match flags.value('o') {
        Some(file) => process.write_file(file, &out),
        None => process.print(&out),
    }
    if code == 0 { 0 } else { 2 }
}

/// The part of a line that a key names.
fn part<'a>(line: &'a str, key: &Key, separator: Option<char>) -> &'a str {
    let fields = fields(line, separator);
    let start = |(field, character): (usize, usize)| -> usize {
        let Some((from, to)) = fields.get(field - 1) else {
            return line.len();
        };
        let text = &line[*from..*to];
        let skipped = if key.order.contains('b') {
            text.len() - text.trim_start().len()
        } else {
            0
        };
        let inside = text[skipped..]
            .char_indices()
            .nth(character.saturating_sub(1))
            .map_or(text.len() - skipped, |it| it.0);
        from + skipped + inside
    };
    let end = match key.to {
        None => line.len(),
        Some((field, 0)) => fields.get(field.max(1) - 1).map_or(line.len(), |it| it.1),
        Some((field, character)) => {
            let from = start((field.max(1), character));
            line[from..]
                .chars()
                .next()
                .map_or(from, |it| from + it.len_utf8())
        }
    };
    let from = start(key.from);
    line.get(from..end.max(from)).unwrap_or_default()
}

/// Where fields lie. Without a separator a field begins with the blanks before it.
fn fields(line: &str, separator: Option<char>) -> Vec<(usize, usize)> {
    let mut fields = Vec::new();
    let mut from = 0;
    if let Some(separator) = separator {
        for part in line.split(separator) {
            fields.push((from, from + part.len()));
            from += part.len() + separator.len_utf8();
        }
        return fields;
    }
    let mut seen_word = false;
    for (at, it) in line.char_indices() {
        let is_blank = it == ' ' || it == '\t';
        if is_blank && seen_word {
            fields.push((from, at));
            from = at;
            seen_word = false;
        }
        seen_word |= !is_blank;
    }
    fields.push((from, line.len()));
    fields
}

fn compare(one: &str, other: &str, order: &str) -> Ordering {
    let ordering = if order.contains(['n', 'g', 'h']) {
        let scaled = order.contains('h');
        number(one, scaled).total_cmp(&number(other, scaled))
    } else if order.contains('V') {
        versions(one, other)
    } else if order.contains('f') {
        one.to_uppercase().cmp(&other.to_uppercase())
    } else {
        one.cmp(other)
    };
    if order.contains('r') {
        ordering.reverse()
    } else {
        ordering
    }
}

fn number(text: &str, scaled: bool) -> f64 {
    let text = text.trim_start();
    let is_negative = text.starts_with('-');
    let digits = text.trim_start_matches('-');
    let end = digits
        .find(|it: char| !(it.is_ascii_digit() || it == '.'))
        .unwrap_or(digits.len());
    let value: f64 = digits[..end].parse().unwrap_or(0.0);
    let scale = match digits[end..].chars().next() {
        Some('K' | 'k') if scaled => 1e3,
        Some('M') if scaled => 1e6,
        Some('G') if scaled => 1e9,
        Some('T') if scaled => 1e12,
        _ => 1.0,
    };
    // No sign on a zero: both are the same number.
    let value = value * scale;
    if is_negative && value != 0.0 {
        -value
    } else {
        value
    }
}

/// Runs of digits count as numbers.
fn versions(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one, other);
    loop {
        let text = |it: &str| it.find(|it: char| it.is_ascii_digit()).unwrap_or(it.len());
        let (a, b) = (text(one), text(other));
        match one[..a].cmp(&other[..b]) {
            Ordering::Equal => {}
            it => return it,
        }
        (one, other) = (&one[a..], &other[b..]);
        let digits = |it: &str| it.find(|it: char| !it.is_ascii_digit()).unwrap_or(it.len());
        let (a, b) = (digits(one), digits(other));
        let (left, right) = (
            one[..a].trim_start_matches('0'),
            other[..b].trim_start_matches('0'),
        );
        match left.len().cmp(&right.len()).then(left.cmp(right)) {
            Ordering::Equal if a == 0 && b == 0 => return one.len().cmp(&other.len()),
            Ordering::Equal => {}
            it => return it,
        }
        (one, other) = (&one[a..], &other[b..]);
    }
}
