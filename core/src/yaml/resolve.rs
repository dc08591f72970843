//! What an unquoted word means: boolean, number, null or text.
//!
//! Imitates `resolve` of go-yaml v2 as sigs.k8s.io/yaml 1.4 carries it, Go's `strconv.ParseInt` with base 0
//! and `strconv.ParseFloat` included, and the conversion of keys in `convertToJSONableObject`. Every row of
//! the tests below was compared with kubectl 1.32.
//!
//! **Left out.** `!!timestamp` is not checked: a timestamp stays the text it is. `!!binary` is refused. An
//! integer beyond 64 bits is a float if decimal and a text if not.

use super::node::{Value, shortened};

/// What an unquoted, untagged word means. The result is never a sequence or a mapping.
pub fn resolve(text: &str) -> Value {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Value::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        ".nan" | ".NaN" | ".NAN" => Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Value::Float(f64::NEG_INFINITY),
        _ => number(text).unwrap_or_else(|| Value::String(text.to_owned())),
    }
}

/// What a word with an explicit tag means; `tag` is the part after `!!`, and none for a tag of another kind.
pub(super) fn resolve_tagged(tag: Option<&str>, text: &str) -> Result<Value, String> {
    let string = || Value::String(text.to_owned());
    let Some(tag) = tag else {
        return Ok(string());
    };
    let wanted = match tag {
        "int" | "bool" | "null" | "float" => resolve(text),
        "binary" => return Err("!!binary is not supported".to_owned()),
        _ => return Ok(string()),
    };
    match (tag, wanted) {
        ("int", value @ (Value::Integer(_) | Value::Unsigned(_)))
        | ("bool", value @ Value::Bool(_))
        | ("null", value @ Value::Null)
        | ("float", value @ Value::Float(_)) => Ok(value),
        #[allow(clippy::cast_precision_loss, reason = "it is what the tag asks for")]
        ("float", Value::Integer(value)) => Ok(Value::Float(value as f64)),
        (_, other) => {
            let found = match other {
                Value::Null => "null",
                Value::Bool(_) => "bool",
                Value::Integer(_) | Value::Unsigned(_) => "int",
                Value::Float(_) => "float",
                Value::String(_) | Value::Sequence(_) | Value::Mapping(_) => "str",
            };
            let text = shortened(text);
            Err(format!("cannot decode !!{found} `{text}` as a !!{tag}"))
        }
    }
}

/// The text a key becomes in JSON.
pub(super) fn key_text(value: Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Integer(value) => Ok(value.to_string()),
        Value::Float(value) => Ok(float_key(value)),
        Value::Null => Err("null"),
        Value::Unsigned(_) => Err("an integer beyond 63 bits"),
        Value::Sequence(_) => Err("a list"),
        Value::Mapping(_) => Err("an object"),
    }
}

fn number(text: &str) -> Option<Value> {
    match text.as_bytes().first()? {
        b'.' => {
            let digits_around = |(index, _): (usize, &str)| {
                let bytes = text.as_bytes();
                bytes[index - 1].is_ascii_digit()
                    && bytes.get(index + 1).is_some_and(u8::is_ascii_digit)
            };
            // Go allows an underscore only between two digits here; it removes all of them elsewhere.
            text.match_indices('_')
                .all(digits_around)
                .then(|| float(&text.replace('_', "")))?
        }
        b'0'..=b'9' | b'+' | b'-' => {
            let plain = text.replace('_', "");
            integer(&plain)
                .or_else(|| float(&plain))
                .or_else(|| odd_binary(&plain))
        }
        _ => None,
    }
}

/// Go's `ParseInt(text, 0, 64)`, then `ParseUint(text, 0, 64)`.
fn integer(text: &str) -> Option<Value> {
    let (sign, unsigned) = match text.as_bytes().first()? {
        b'-' => (Some('-'), &text[1..]),
        b'+' => (Some('+'), &text[1..]),
        _ => (None, text),
    };
    let bytes = unsigned.as_bytes();
    let (radix, digits) = match (bytes.first()?, bytes.get(1)) {
        (b'0', Some(b'x' | b'X')) => (16, &unsigned[2..]),
        (b'0', Some(b'b' | b'B')) => (2, &unsigned[2..]),
        (b'0', Some(b'o' | b'O')) => (8, &unsigned[2..]),
        (b'0', Some(_)) => (8, &unsigned[1..]),
        _ => (10, unsigned),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    match sign {
        Some('-') => 0_i64.checked_sub_unsigned(magnitude).map(Value::Integer),
        sign => match i64::try_from(magnitude) {
            Ok(value) => Some(Value::Integer(value)),
            Err(_) => sign.is_none().then_some(Value::Unsigned(magnitude)),
        },
    }
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`, and finite.
fn float(text: &str) -> Option<Value> {
    let digits = |text: &str| {
        text.len()
            - text
                .trim_start_matches(|it: char| it.is_ascii_digit())
                .len()
    };
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let whole = digits(rest);
    let mut rest = &rest[whole..];
    if let Some(after) = rest.strip_prefix('.') {
        let fraction = digits(after);
        if whole + fraction == 0 {
            return None;
        }
        rest = &after[fraction..];
    } else if whole == 0 {
        return None;
    }
    if let Some(after) = rest.strip_prefix(['e', 'E']) {
        let after = after.strip_prefix(['-', '+']).unwrap_or(after);
        let exponent = digits(after);
        if exponent == 0 {
            return None;
        }
        rest = &after[exponent..];
    }
    if !rest.is_empty() {
        return None;
    }
    let value = decimal(text);
    value.is_finite().then_some(Value::Float(value))
}

/// The number a decimal text stands for. Exact for up to 15 digits and exponents up to 22, which is
/// all a manifest holds; beyond that the last bit may differ. The standard reader's tables alone
/// would be ten kilobytes of the page's download.
fn decimal(text: &str) -> f64 {
    /// One more digit would overflow the mantissa.
    const MAX_MANTISSA: u64 = u64::MAX / 10 - 1;
    /// Nothing larger is a number, nothing smaller is anything but zero.
    const MAX_EXPONENT: i32 = 400;
    let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let told = exponent
        .parse::<i32>()
        .unwrap_or(if exponent.starts_with('-') {
            -MAX_EXPONENT
        } else {
            MAX_EXPONENT
        });
    let (mut mantissa, mut shift, mut in_fraction) = (0_u64, 0_i32, false);
    for byte in number.bytes() {
        match byte {
            b'.' => in_fraction = true,
            b'0'..=b'9' if mantissa <= MAX_MANTISSA => {
                mantissa = mantissa * 10 + u64::from(byte - b'0');
                shift -= i32::from(in_fraction);
            }
            b'0'..=b'9' => shift += i32::from(!in_fraction),
            _ => {}
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "said above: the last bit")]
    let mut value = mantissa as f64;
    let exponent = told
        .saturating_add(shift)
        .clamp(-MAX_EXPONENT, MAX_EXPONENT);
    let mut power = 1.0;
    for step in 1..=exponent.abs() {
        power *= 10.0;
        // Beyond 10^22 powers are no longer exact, and beyond 10^308 no numbers at all.
        if step % 22 == 0 || step == exponent.abs() {
            value = if exponent < 0 {
                value / power
            } else {
                value * power
            };
            power = 1.0;
        }
    }
    if text.starts_with('-') { -value } else { value }
}

/// go-yaml reads what follows `0b` once more, and then a sign may stand there.
fn odd_binary(text: &str) -> Option<Value> {
    let digits = text.strip_prefix("0b")?;
    i64::from_str_radix(digits, 2).ok().map(Value::Integer)
}

/// Go's `FormatFloat(value, 'g', -1, 32)` with YAML's names for what is not finite.
fn float_key(value: f64) -> String {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "keys are printed with the precision of a float32"
    )]
    let value = value as f32;
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_read_as_the_standard_library_reads_them() {
        for text in [
            "0.1",
            "80.0",
            "1e3",
            "-2.5e-3",
            "3.14159265358979",
            "1e22",
            "123456789.125",
            "0.000001",
            "1e-7",
            "9007199254740991",
            "-0.0",
            "5e-1",
            "1.7e5",
        ] {
            let expected: f64 = text.parse().expect("a number");
            assert_eq!(decimal(text).to_bits(), expected.to_bits(), "{text}");
        }
        assert!(decimal("1e999").is_infinite());
        assert_eq!(decimal("1e-999"), 0.0);
        assert_eq!(decimal("1e99999999999"), f64::INFINITY);
    }

    /// The value in JSON, as kubectl prints it.
    fn json(text: &str) -> String {
        match resolve(text) {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Integer(value) => value.to_string(),
            Value::Unsigned(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::String(text) => format!("\"{text}\""),
            Value::Sequence(_) | Value::Mapping(_) => "not a scalar".to_owned(),
        }
    }

    #[track_caller]
    fn check(rows: &[(&str, &str)]) {
        for (text, expected) in rows {
            assert_eq!(json(text), *expected, "{text}");
        }
    }

    #[test]
    fn words_of_yaml_1_1_are_booleans() {
        for text in [
            "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON",
        ] {
            assert_eq!(resolve(text), Value::Bool(true), "{text}");
        }
        for text in [
            "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF",
        ] {
            assert_eq!(resolve(text), Value::Bool(false), "{text}");
        }
        check(&[("yES", "\"yES\""), ("oN", "\"oN\""), ("t", "\"t\"")]);
    }

    #[test]
    fn nothing_and_its_words_are_null() {
        check(&[
            ("", "null"),
            ("~", "null"),
            ("null", "null"),
            ("Null", "null"),
            ("NULL", "null"),
        ]);
        check(&[("nULL", "\"nULL\""), ("nil", "\"nil\"")]);
    }

    #[test]
    fn integers_are_read_as_go_reads_them() {
        check(&[
            ("80", "80"),
            ("+5", "5"),
            ("-0", "0"),
            ("0755", "493"),
            ("0o17", "15"),
            ("0O7", "7"),
            ("0b11", "3"),
            ("-0b11", "-3"),
            ("0b-1", "-1"),
            ("0x1F", "31"),
            ("+0x10", "16"),
            ("1_000", "1000"),
            ("1_", "1"),
            ("0_7", "7"),
            ("-0777", "-511"),
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
        ]);
    }

    #[test]
    fn floats_are_read_as_go_reads_them() {
        check(&[
            ("1.5", "1.5"),
            (".5", "0.5"),
            ("+.5", "0.5"),
            ("1.", "1"),
            ("1e3", "1000"),
            ("1E5", "100000"),
            ("08", "8"),
            ("09.5", "9.5"),
            ("1_0.5_0", "10.5"),
            (".1_0", "0.1"),
            ("99999999999999999999", "100000000000000000000"),
            ("+18446744073709551615", "18446744073709552000"),
        ]);
        assert!(matches!(resolve(".nan"), Value::Float(value) if value.is_nan()));
        assert_eq!(resolve("-.inf"), Value::Float(f64::NEG_INFINITY));
    }

    #[test]
    fn what_only_looks_like_a_number_is_a_text() {
        for text in [
            "12:30:45",
            "1:30",
            "2020-01-01",
            "1e400",
            "0x",
            "0o8",
            "0b102",
            "0b1e3",
            "_1",
            "._5",
            ".e5",
            ".",
            "-",
            "+",
            "-.",
            "1e",
            "1.2.3",
            "10.0.0.1",
            "10.0.0.0/24",
            "0x1.8p1",
            "inf",
            "nan",
            "Infinity",
            "1__a",
            "0x1FFFFFFFFFFFFFFFFF",
            "٣",
        ] {
            assert_eq!(resolve(text), Value::String(text.to_owned()));
        }
    }

    #[test]
    fn a_tag_is_obeyed_or_refused() {
        let tagged = |tag, text: &str| resolve_tagged(Some(tag), text);
        assert_eq!(tagged("str", "80"), Ok(Value::String("80".to_owned())));
        assert_eq!(tagged("int", "80"), Ok(Value::Integer(80)));
        assert_eq!(tagged("float", "3"), Ok(Value::Float(3.0)));
        assert_eq!(tagged("bool", "yes"), Ok(Value::Bool(true)));
        assert_eq!(tagged("null", ""), Ok(Value::Null));
        assert_eq!(
            tagged("int", "1.5"),
            Err("cannot decode !!float `1.5` as a !!int".to_owned())
        );
        assert_eq!(
            tagged("int", "x"),
            Err("cannot decode !!str `x` as a !!int".to_owned())
        );
        assert!(tagged("binary", "aGk=").is_err());
        assert_eq!(
            resolve_tagged(None, "80"),
            Ok(Value::String("80".to_owned()))
        );
    }

    #[test]
    fn a_key_becomes_the_text_that_sigs_yaml_makes_of_it() {
        let key = |text: &str| key_text(resolve(text));
        for (text, expected) in [
            ("1", "1"),
            ("0755", "493"),
            ("yes", "true"),
            ("1.10", "1.1"),
            ("1e5", "100000"),
            ("1e6", "1e+06"),
            ("1234567.0", "1.234567e+06"),
            ("12345678901.0", "1.2345679e+10"),
            ("123456.7", "123456.7"),
            ("1.5e-4", "0.00015"),
            ("0.00001", "1e-05"),
            ("1e50", ".inf"),
            ("-.inf", "-.inf"),
            ("2020-01-01", "2020-01-01"),
        ] {
            assert_eq!(key(text).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(key("~"), Err("null"));
        assert!(key("18446744073709551615").is_err());
    }
}
