//! The functions of Go templates, and `printf`.
//!
//! `text/template/funcs.go` and `fmt` of Go 1.23; `exists` and `base64decode` of `k8s.io/cli-runtime/pkg/printers/template.go`.
//!
//! **Left out**: `printf` with widths that are arguments (`%*d`), or arguments by number (`%[1]d`), and octal with a prefix;
//! all whole numbers are of type `int64`.

use super::super::object::shown;
use super::go_template::{is_true, text_of};
use super::jsonpath::go_syntax;
use crate::api::schema::quoted;
use serde_json::Value;

/// The widest that `printf` fills up.
const MAX_WIDTH: usize = 10_000;

/// Each function, and how many arguments it takes; whether more may come.
const FUNCTIONS: [(&str, usize, bool); 21] = [
    ("and", 1, true),
    ("base64decode", 1, false),
    ("call", 1, true),
    ("eq", 1, true),
    ("exists", 1, true),
    ("ge", 2, false),
    ("gt", 2, false),
    ("html", 0, true),
    ("index", 1, true),
    ("js", 0, true),
    ("le", 2, false),
    ("len", 1, false),
    ("lt", 2, false),
    ("ne", 2, false),
    ("not", 1, false),
    ("or", 1, true),
    ("print", 0, true),
    ("printf", 1, true),
    ("println", 0, true),
    ("slice", 1, true),
    ("urlquery", 0, true),
];

/// Whether there is such a function.
pub(super) fn is_function(name: &str) -> bool {
    FUNCTIONS.iter().any(|it| it.0 == name)
}

/// Calls a function. `told` is how its first argument is written.
pub(super) fn call(name: &str, values: &[&Value], told: &str) -> Result<Value, String> {
    let arity = FUNCTIONS.iter().find(|it| it.0 == name);
    if let Some((_, n, is_open)) = arity {
        let fits = if *is_open {
            values.len() >= *n
        } else {
            values.len() == *n
        };
        if !fits {
            let least = if *is_open { "at least " } else { "" };
            return Err(format!(
                "wrong number of args for {name}: want {least}{n} got {}",
                values.len()
            ));
        }
    }
    result(name, values, told).map_err(|why| match why.strip_prefix('!') {
        Some(whole) => whole.to_owned(),
        None => format!("error calling {name}: {why}"),
    })
}

fn result(name: &str, values: &[&Value], told: &str) -> Result<Value, String> {
    Ok(match (name, values) {
        ("len", [one]) => length(one)?.into(),
        ("index", [first, rest @ ..]) => rest
            .iter()
            .try_fold(*first, |at, key| indexed(at, key))?
            .clone(),
        ("slice", [first, rest @ ..]) => sliced(first, rest)?,
        ("print", values) => print(values).into(),
        ("println", values) => {
            let words: Vec<String> = values.iter().map(|it| printed(it)).collect();
            format!("{}\n", words.join(" ")).into()
        }
        ("printf", [Value::String(form), rest @ ..]) => printf(form, rest).into(),
        ("printf", [other, ..]) => {
            return Err(format!(
                "!wrong type for value; expected string; got {}",
                type_name(other)
            ));
        }
        ("html", values) => escaped(values, html).into(),
        ("js", values) => escaped(values, js).into(),
        ("urlquery", values) => escaped(values, query).into(),
        ("not", [one]) => (!is_true(one)).into(),
        ("eq", [one]) => {
            comparable(one)?;
            return Err("missing argument for comparison".to_owned());
        }
        ("eq", [one, rest @ ..]) => {
            for other in rest {
                if equal(one, other)? {
                    return Ok(true.into());
                }
            }
            false.into()
        }
        ("ne", [one, other]) => (!equal(one, other)?).into(),
        ("lt" | "le" | "gt" | "ge", [one, other]) => ordered(name, one, other)?.into(),
        ("exists", [first, rest @ ..]) => exists(first, rest).into(),
        ("base64decode", [one]) => decoded(one)?.into(),
        ("call", [one, ..]) => {
            return Err(format!("non-function {told} of type {}", type_name(one)));
        }
        _ => return Err("no such function".to_owned()),
    })
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(it) if it.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

fn length(value: &Value) -> Result<usize, String> {
    match value {
        Value::String(it) => Ok(it.len()),
        Value::Array(it) => Ok(it.len()),
        Value::Object(it) => Ok(it.len()),
        Value::Null => Err("reflect: call of reflect.Value.Type on zero Value".to_owned()),
        other => Err(format!("len of type {}", int_name(other))),
    }
}

/// A number of the template is Go's `int`.
fn int_name(value: &Value) -> &'static str {
    match type_name(value) {
        "int64" => "int",
        other => other,
    }
}

fn place(key: &Value, length: usize) -> Result<usize, String> {
    let Value::Number(number) = key else {
        let name = type_name(key);
        return Err(match key {
            Value::Null => "cannot index slice/array with nil".to_owned(),
            _ => format!("cannot index slice/array with type {name}"),
        });
    };
    let idx = number.as_u64().and_then(|it| usize::try_from(it).ok());
    idx.filter(|it| *it <= length)
        .ok_or_else(|| format!("index out of range: {number}"))
}

fn indexed<'v>(at: &'v Value, key: &Value) -> Result<&'v Value, String> {
    match (at, key) {
        (Value::Object(map), Value::String(key)) => Ok(map.get(key).unwrap_or(&Value::Null)),
        (Value::Object(_), other) => Err(format!(
            "value has type {}; should be string",
            int_name(other)
        )),
        (Value::Array(items), key) => items
            .get(place(key, items.len())?)
            .ok_or_else(|| format!("index out of range: {key}")),
        (Value::Null, _) => Err("index of untyped nil".to_owned()),
        (other, _) => Err(format!("can't index item of type {}", type_name(other))),
    }
}

fn sliced(value: &Value, bounds: &[&Value]) -> Result<Value, String> {
    if bounds.len() > 3 {
        return Err(format!("too many slice indexes: {}", bounds.len()));
    }
    let length = match value {
        Value::String(_) if bounds.len() == 3 => {
            return Err("cannot 3-index slice a string".to_owned());
        }
        Value::String(it) => it.len(),
        Value::Array(it) => it.len(),
        Value::Null => return Err("slice of untyped nil".to_owned()),
        other => return Err(format!("can't slice item of type {}", type_name(other))),
    };
    let mut places = Vec::new();
    for it in bounds {
        places.push(place(it, length)?);
    }
    let from = places.first().copied().unwrap_or(0);
    let to = places.get(1).copied().unwrap_or(length);
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    Ok(match value {
        Value::Array(items) => items.get(from..to).unwrap_or_default().to_vec().into(),
        Value::String(text) => {
            let bytes = text.as_bytes().get(from..to).unwrap_or_default();
            String::from_utf8_lossy(bytes).into_owned().into()
        }
        _ => Value::Null,
    })
}

/// `fmt.Sprint`: a blank stands between two that are no texts.
fn print(values: &[&Value]) -> String {
    let mut out = String::new();
    for (idx, it) in values.iter().enumerate() {
        let before = idx.checked_sub(1).and_then(|it| values.get(it));
        if before.is_some_and(|before| !before.is_string() && !it.is_string()) {
            out.push(' ');
        }
        out.push_str(&printed(it));
    }
    out
}

fn printed(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        other => text_of(other),
    }
}

fn escaped(values: &[&Value], escape: fn(char, &mut String)) -> String {
    let text = match values {
        [Value::Null] => "<no value>".to_owned(),
        values => print(values),
    };
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|it| escape(it, &mut out));
    out
}

fn html(it: char, out: &mut String) {
    match it {
        '\0' => out.push('\u{fffd}'),
        '"' => out.push_str("&#34;"),
        '\'' => out.push_str("&#39;"),
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        other => out.push(other),
    }
}

fn js(it: char, out: &mut String) {
    match it {
        '\\' | '\'' | '"' => out.extend(['\\', it]),
        '<' | '>' | '&' | '=' => out.push_str(&format!("\\u{:04X}", u32::from(it))),
        it if it < ' ' => out.push_str(&format!("\\u{:04X}", u32::from(it))),
        other => out.push(other),
    }
}

fn query(it: char, out: &mut String) {
    if it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.' | '~') {
        out.push(it);
    } else if it == ' ' {
        out.push('+');
    } else {
        let mut bytes = [0; 4];
        for byte in it.encode_utf8(&mut bytes).bytes() {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

fn comparable(value: &Value) -> Result<(), String> {
    if value.is_array() || value.is_object() {
        return Err(format!(
            "non-comparable type {}: {}",
            formatted('s', value),
            type_name(value)
        ));
    }
    Ok(())
}

fn equal(one: &Value, other: &Value) -> Result<bool, String> {
    comparable(one)?;
    comparable(other)?;
    match (one, other) {
        (Value::Null, _) | (_, Value::Null) => Ok(one == other),
        _ if type_name(one) != type_name(other) => {
            Err("incompatible types for comparison".to_owned())
        }
        _ => Ok(one == other),
    }
}

fn ordered(name: &str, one: &Value, other: &Value) -> Result<bool, String> {
    let order = match (one, other) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() == b.is_f64() => {
            a.as_f64().partial_cmp(&b.as_f64())
        }
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bool(_), Value::Bool(_)) => return Err("invalid type for comparison".to_owned()),
        _ => return Err("incompatible types for comparison".to_owned()),
    };
    Ok(order.is_some_and(|it| match name {
        "lt" => it.is_lt(),
        "le" => it.is_le(),
        "gt" => it.is_gt(),
        _ => it.is_ge(),
    }))
}

fn exists(first: &Value, path: &[&Value]) -> bool {
    let found = path.iter().try_fold(first, |at, key| match (at, key) {
        (Value::Object(map), Value::String(key)) => map.get(key),
        (Value::Array(items), Value::Number(n)) => items.get(usize::try_from(n.as_u64()?).ok()?),
        _ => None,
    });
    found.is_some()
}

fn decoded(value: &Value) -> Result<String, String> {
    let Value::String(text) = value else {
        return Err(format!(
            "!wrong type for value; expected string; got {}",
            type_name(value)
        ));
    };
    match data_encoding::BASE64.decode(text.as_bytes()) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(it) => Err(format!(
            "base64 decode failed: illegal base64 data at input byte {}",
            it.position
        )),
    }
}

/// What stands between `%` and its letter.
#[derive(Clone, Copy, Debug, Default)]
struct Shape {
    is_left: bool,
    is_signed: bool,
    is_zero: bool,
    is_sharp: bool,
    width: usize,
    precision: Option<usize>,
}

fn printf(form: &str, values: &[&Value]) -> String {
    let mut out = String::new();
    let mut left = values.iter();
    let mut signs = form.chars().peekable();
    while let Some(it) = signs.next() {
        if it != '%' {
            out.push(it);
            continue;
        }
        let shape = shape(&mut signs);
        match signs.next() {
            Some('%') => out.push('%'),
            None => out.push_str("%!(NOVERB)"),
            Some(verb) => match left.next() {
                None => out.push_str(&format!("%!{verb}(MISSING)")),
                Some(it) => out.push_str(&shaped(verb, it, shape)),
            },
        }
    }
    let extra: Vec<String> = left
        .map(|it| match it {
            Value::Null => "<nil>".to_owned(),
            it => format!("{}={}", int_name(it), printed(it)),
        })
        .collect();
    if !extra.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    out
}

fn shape(signs: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Shape {
    let mut shape = Shape::default();
    while let Some(it) = signs.next_if(|it| matches!(it, '-' | '+' | '#' | '0' | ' ')) {
        match it {
            '-' => shape.is_left = true,
            '+' => shape.is_signed = true,
            '#' => shape.is_sharp = true,
            '0' => shape.is_zero = true,
            _ => {}
        }
    }
    let mut number = || {
        let mut found = None;
        while let Some(digit) = signs.peek().and_then(|it| it.to_digit(10)) {
            signs.next();
            let digit = usize::try_from(digit).unwrap_or(0);
            found = Some((found.unwrap_or(0) * 10 + digit).min(MAX_WIDTH));
        }
        found
    };
    shape.width = number().unwrap_or(0);
    if signs.next_if_eq(&'.').is_some() {
        let mut digits = 0;
        while let Some(digit) = signs.peek().and_then(|it| it.to_digit(10)) {
            signs.next();
            let digit = usize::try_from(digit).unwrap_or(0);
            digits = (digits * 10 + digit).min(MAX_WIDTH);
        }
        shape.precision = Some(digits);
    }
    shape
}

/// A value under a verb, cut and filled up.
fn shaped(verb: char, value: &Value, shape: Shape) -> String {
    let mut text = match (verb, value) {
        ('v', value) if shape.is_sharp => go_syntax(value),
        ('f' | 'F' | 'e' | 'g', Value::Number(it)) if it.is_f64() => {
            let it = it.as_f64().unwrap_or(0.0);
            match (verb, shape.precision) {
                ('g', None) => shown(value),
                (_, precision) => format!("{it:.*}", precision.unwrap_or(6)),
            }
        }
        _ => formatted(verb, value),
    };
    if let (Value::String(_), Some(precision), 's' | 'v' | 'q') = (value, shape.precision, verb) {
        text = text.chars().take(precision).collect();
    }
    let is_number = value.is_number() && matches!(verb, 'd' | 'v' | 'x' | 'X' | 'f');
    if shape.is_signed && is_number && !text.starts_with('-') {
        text.insert(0, '+');
    }
    let missing = shape.width.saturating_sub(text.chars().count());
    if shape.is_left {
        text.push_str(&" ".repeat(missing));
    } else if shape.is_zero && (is_number || verb == 's') {
        let sign = usize::from(text.starts_with(['-', '+']) && is_number);
        text.insert_str(sign, &"0".repeat(missing));
    } else {
        text.insert_str(0, &" ".repeat(missing));
    }
    text
}

fn formatted(verb: char, value: &Value) -> String {
    let joined = |items: Vec<String>, open: &str| format!("{open}{}]", items.join(" "));
    let wrong = || format!("%!{verb}({}={})", type_name(value), printed(value));
    match (verb, value) {
        ('T', value) => type_name(value).to_owned(),
        ('v', value) => printed(value),
        ('p' | 't', Value::Bool(it)) if verb == 't' => it.to_string(),
        (verb, Value::Array(items)) => {
            joined(items.iter().map(|it| formatted(verb, it)).collect(), "[")
        }
        (verb, Value::Object(map)) => {
            let entries = map.iter().map(|(key, it)| {
                let key = formatted(verb, &Value::String(key.clone()));
                format!("{key}:{}", formatted(verb, it))
            });
            joined(entries.collect(), "map[")
        }
        (verb, Value::Null) => format!("%!{verb}(<nil>)"),
        ('s', Value::String(text)) => text.clone(),
        ('q', Value::String(text)) => quoted(text),
        ('x', Value::String(text)) => text.bytes().map(|it| format!("{it:02x}")).collect(),
        ('X', Value::String(text)) => text.bytes().map(|it| format!("{it:02X}")).collect(),
        (verb, Value::Number(number)) => match number.as_i64() {
            Some(it) => whole(verb, it).unwrap_or_else(wrong),
            None if matches!(verb, 'f' | 'g' | 'e') => printed(value),
            None => wrong(),
        },
        _ => wrong(),
    }
}

fn whole(verb: char, number: i64) -> Option<String> {
    let sign = if number < 0 { "-" } else { "" };
    let size = number.unsigned_abs();
    let one = u32::try_from(number).ok().and_then(char::from_u32);
    let one = one.unwrap_or('\u{fffd}');
    Some(match verb {
        'd' => number.to_string(),
        'x' => format!("{sign}{size:x}"),
        'X' => format!("{sign}{size:X}"),
        'o' => format!("{sign}{size:o}"),
        'b' => format!("{sign}{size:b}"),
        'c' => one.to_string(),
        'q' => format!("{one:?}"),
        'U' => format!("U+{number:04X}"),
        _ => return None,
    })
}
