//! Scalars: whether a JSON value is one of the API's kinds, and Go's complaint if it is not.
//!
//! Imitates encoding/json's conversion of literals, and `UnmarshalJSON` of IntOrString, Quantity, Time and MicroTime
//! (`k8s.io/apimachinery` 1.36), `time.Parse` and `resource.ParseQuantity`.
//!
//! **Left out**: the size of numbers in quantities; days that a month does not have.

use super::check::json_kind;
use super::table::Scalar;
use serde_json::Value;

/// Nothing when the value fits. Otherwise what was found and the Go type that could not take it (none: that of the
/// field itself), or a message of its own.
pub(super) type ScalarFault = Option<Result<(String, Option<&'static str>), String>>;

/// What is wrong with a value as a scalar. Null is a zero value, and right.
pub(super) fn scalar_fault(value: &Value, scalar: Scalar) -> ScalarFault {
    let unfit = |go_type| Some(Ok((json_kind(value).to_owned(), go_type)));
    match (scalar, value) {
        (_, Value::Null)
        | (Scalar::String | Scalar::IntOrString, Value::String(_))
        | (Scalar::Bool, Value::Bool(_))
        | (Scalar::Float64 | Scalar::Quantity, Value::Number(_)) => None,
        (Scalar::Int32, Value::Number(it)) => integer_fault(it, i64::from(i32::MAX), None),
        (Scalar::Int64, Value::Number(it)) => integer_fault(it, i64::MAX, None),
        (Scalar::IntOrString, Value::Number(it)) => {
            integer_fault(it, i64::from(i32::MAX), Some("int32"))
        }
        (Scalar::IntOrString, _) => unfit(Some("int32")),
        (Scalar::Bytes, Value::String(text)) => base64_fault(text).map(Err),
        (Scalar::Quantity, Value::String(text)) => {
            quantity_fault(text.trim()).map(|it| Err(it.to_owned()))
        }
        (Scalar::Quantity, _) => Some(Err(BAD_QUANTITY.to_owned())),
        (Scalar::Time, Value::String(text)) => time_fault(text, RFC3339).map(Err),
        (Scalar::MicroTime, Value::String(text)) => time_fault(text, RFC3339_MICRO).map(Err),
        (Scalar::Time | Scalar::MicroTime, _) => unfit(Some("string")),
        _ => unfit(None),
    }
}

/// What belongs there, in words for people.
pub(super) fn expected(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::Int32 | Scalar::Int64 => "an integer",
        Scalar::Bool => "a boolean",
        Scalar::Float64 => "a number",
        Scalar::IntOrString => "a number or a name",
        Scalar::Quantity => "a quantity such as 100m or 1Gi",
        Scalar::String | Scalar::Bytes | Scalar::Time | Scalar::MicroTime => "a string",
    }
}

/// The bounds that an integer of the right type is not within.
pub(super) fn integer_bounds(value: &Value, scalar: Scalar) -> Option<(i64, i64)> {
    let Value::Number(number) = value else {
        return None;
    };
    match scalar {
        _ if number.is_f64() => None,
        Scalar::Int32 | Scalar::IntOrString => Some((i32::MIN.into(), i32::MAX.into())),
        Scalar::Int64 => Some((i64::MIN, i64::MAX)),
        _ => None,
    }
}

fn integer_fault(it: &serde_json::Number, max: i64, go_type: Option<&'static str>) -> ScalarFault {
    match it.as_i64() {
        Some(number) if number <= max && number >= -max - 1 => None,
        _ => Some(Ok((format!("number {it}"), go_type))),
    }
}

fn base64_fault(text: &str) -> Option<String> {
    // Go skips line breaks.
    let text: String = text
        .chars()
        .filter(|it| !matches!(it, '\r' | '\n'))
        .collect();
    let error = data_encoding::BASE64.decode(text.as_bytes()).err()?;
    Some(format!(
        "illegal base64 data at input byte {}",
        error.position
    ))
}

const BAD_QUANTITY: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const BAD_SUFFIX: &str = "unable to parse quantity's suffix";

/// What is wrong with a quantity, in the words of `resource.ParseQuantity`.
pub fn quantity_fault(text: &str) -> Option<&'static str> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned
        .find(|it: char| !it.is_ascii_digit() && it != '.')
        .unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let letters = suffix.trim_start_matches(|it| "eEinumkKMGTP".contains(it));
    let digits = letters.strip_prefix(['+', '-']).unwrap_or(letters);
    let is_number = number.chars().any(|it| it.is_ascii_digit())
        && number.chars().filter(|it| *it == '.').count() <= 1;
    if !is_number || !digits.chars().all(|it| it.is_ascii_digit()) {
        return Some(BAD_QUANTITY);
    }
    const SUFFIXES: [&str; 16] = [
        "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei",
    ];
    let exponent = suffix.strip_prefix(['e', 'E']);
    let is_exponent = exponent.is_some_and(|it| it.parse::<i32>().is_ok());
    (!is_exponent && !SUFFIXES.contains(&suffix)).then_some(BAD_SUFFIX)
}

const RFC3339: &str = "2006-01-02T15:04:05Z07:00";
const RFC3339_MICRO: &str = "2006-01-02T15:04:05.000000Z07:00";

/// What is wrong with a time, in the words of `time.Parse`.
fn time_fault(text: &str, layout: &str) -> Option<String> {
    let cannot = |rest: &str, part: &str| {
        Some(format!(
            "parsing time \"{text}\" as \"{layout}\": cannot parse \"{rest}\" as \"{part}\""
        ))
    };
    const PARTS: [(&str, u32, &str); 11] = [
        ("2006", 9999, ""),
        ("-", 0, ""),
        ("01", 12, "month"),
        ("-", 0, ""),
        ("02", 31, "day"),
        ("T", 0, ""),
        ("15", 23, "hour"),
        (":", 0, ""),
        ("04", 59, "minute"),
        (":", 0, ""),
        ("05", 59, "second"),
    ];
    let mut rest = text;
    for (part, max, name) in PARTS {
        let Some((head, tail)) = rest.split_at_checked(part.len()) else {
            return cannot(rest, part);
        };
        let digits = head.chars().all(|it| it.is_ascii_digit());
        if if max == 0 { head != part } else { !digits } {
            return cannot(rest, part);
        }
        let number: u32 = head.parse().unwrap_or(0);
        let too_small = number == 0 && matches!(name, "month" | "day");
        if max > 0 && (number > max || too_small) {
            return Some(format!("parsing time \"{text}\": {name} out of range"));
        }
        rest = tail;
    }
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        let tail = fraction.trim_start_matches(|it: char| it.is_ascii_digit());
        if tail.len() < fraction.len() {
            rest = tail;
        }
    } else if layout == RFC3339_MICRO {
        return cannot(rest, ".000000");
    }
    if !is_zone(rest) {
        return cannot(rest, "Z07:00");
    }
    None
}

fn is_zone(text: &str) -> bool {
    match text.as_bytes() {
        b"Z" => true,
        [b'+' | b'-', a, b, b':', c, d] => [a, b, c, d].iter().all(|it| it.is_ascii_digit()),
        _ => false,
    }
}
