//! Values of awk: numbers, texts, and texts from outside that count as numbers if they look like one.
//!
//! **Left out**: hexadecimal numbers and infinities in texts.

use super::super::super::printf::general;
use std::cmp::Ordering;

/// A value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Value {
    /// Never set: nothing, and zero.
    #[default]
    Missing,
    Number(f64),
    Text(String),
    /// From a field or the command line.
    Input(String),
}

impl Value {
    pub(super) fn number(&self) -> f64 {
        match self {
            Value::Missing => 0.0,
            Value::Number(it) => *it,
            Value::Text(it) | Value::Input(it) => leading_number(it),
        }
    }

    pub(super) fn text(&self, format: &str) -> String {
        match self {
            Value::Missing => String::new(),
            Value::Number(it) => number_text(*it, format),
            Value::Text(it) | Value::Input(it) => it.clone(),
        }
    }

    pub(super) fn is_true(&self) -> bool {
        match self {
            Value::Missing => false,
            Value::Number(it) => *it != 0.0,
            Value::Text(it) => !it.is_empty(),
            Value::Input(it) => match whole_number(it) {
                Some(number) => number != 0.0,
                None => !it.is_empty(),
            },
        }
    }

    fn numeric(&self) -> Option<f64> {
        match self {
            Value::Missing => Some(0.0),
            Value::Number(it) => Some(*it),
            Value::Text(_) => None,
            Value::Input(it) => whole_number(it),
        }
    }

    pub(super) fn compare(&self, other: &Value) -> Ordering {
        match (self.numeric(), other.numeric()) {
            (Some(one), Some(other)) => one.partial_cmp(&other).unwrap_or(Ordering::Equal),
            _ => self.text("%.6g").cmp(&other.text("%.6g")),
        }
    }
}

/// A whole number without a point, any other by the format.
pub(super) fn number_text(number: f64, format: &str) -> String {
    if number == number.trunc() && number.abs() < 1e16 {
        return format!("{number:.0}").replace("-0", if number == 0.0 { "0" } else { "-0" });
    }
    let digits: String = format.chars().filter(char::is_ascii_digit).collect();
    match format.ends_with('f') {
        true => format!("{number:.*}", digits.parse().unwrap_or(6).min(60)),
        false => general(number, digits.parse().unwrap_or(6).min(60)),
    }
}

fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let start = at;
    at = digits(at);
    let mut n_digits = at - start;
    if bytes.get(at) == Some(&b'.') {
        let end = digits(at + 1);
        n_digits += end - at - 1;
        at = end;
    }
    if n_digits == 0 {
        return 0;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let from = at + 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let end = digits(from);
        if end > from {
            at = end;
        }
    }
    at
}

fn leading_number(text: &str) -> f64 {
    let text = text.trim_start();
    text[..number_length(text)].parse().unwrap_or(0.0)
}

fn whole_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let length = number_length(text);
    (length > 0 && length == text.len())
        .then(|| text.parse().ok())
        .flatten()
}
