//! Documents as JSON, as Go writes it.
//!
//! `encoding/json` of Go 1.23: what could end a script in HTML is escaped; four blanks a level in kubectl's printer.
//!
//! **Left out**: the order of fields of Go's structs; keys are sorted, as they are for documents of the server.

use serde_json::Value;

/// On many lines.
pub(crate) fn pretty(value: &Value, indent: &str) -> String {
    let mut out = String::new();
    write(value, indent, 0, &mut out);
    out
}

/// On one line.
pub(crate) fn compact(value: &Value) -> String {
    let mut out = String::new();
    write(value, "", 0, &mut out);
    out
}

fn write(value: &Value, indent: &str, depth: usize, out: &mut String) {
    let is_pretty = !indent.is_empty();
    let line = |out: &mut String, depth: usize| {
        if is_pretty {
            out.push('\n');
            out.push_str(&indent.repeat(depth));
        }
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (idx, it) in items.iter().enumerate() {
                if idx > 0 {
                    out.push(',');
                }
                line(out, depth + 1);
                write(it, indent, depth + 1, out);
            }
            line(out, depth);
            out.push(']');
        }
        Value::Object(map) if !map.is_empty() => {
            out.push('{');
            for (idx, (key, it)) in map.iter().enumerate() {
                if idx > 0 {
                    out.push(',');
                }
                line(out, depth + 1);
                string(key, out);
                out.push_str(if is_pretty { ": " } else { ":" });
                write(it, indent, depth + 1, out);
            }
            line(out, depth);
            out.push('}');
        }
        Value::String(text) => string(text, out),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
        other => out.push_str(&other.to_string()),
    }
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    for it in text.chars() {
        match it {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(it)));
            }
            _ if it < ' ' => {
                out.push_str(&format!("\\u{:04x}", u32::from(it)));
            }
            _ => out.push(it),
        }
    }
    out.push('"');
}
