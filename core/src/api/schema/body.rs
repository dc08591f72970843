//! The JSON of a body, read as the API server reads it: Go's syntax errors, and the fields that stand twice.
//!
//! Imitates the scanner of Go's encoding/json, as sigs.k8s.io/json carries it for Kubernetes 1.36: the last of equal
//! fields counts, halves of surrogate pairs become U+FFFD, and an error names the byte and what was expected.
//!
//! **Left out**: nesting deeper than [`MAX_DEPTH`], where Go goes to 10000.

use super::check::MAX_DEPTH;
use super::{Fault, quoted};
use serde_json::{Map, Value};

/// A body that could be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// What it says.
    pub value: Value,
    /// The fields that stand twice, to be judged with the faults of [`super::check`].
    pub duplicates: Vec<Fault>,
}

/// Reads a body.
///
/// # Errors
/// Go's words: `invalid character 'b' looking for beginning of object key string`.
pub fn read_body(text: &str) -> Result<Body, String> {
    let mut reader = Reader {
        text: text.as_bytes(),
        at: 0,
        path: String::new(),
        duplicates: Vec::new(),
    };
    let value = reader.value(0)?;
    match reader.next_token() {
        None => Ok(Body {
            value,
            duplicates: reader.duplicates,
        }),
        Some(other) => Err(invalid(other, "after top-level value")),
    }
}

/// More duplicates are not listed.
const MAX_DUPLICATES: usize = 100;

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    path: String,
    duplicates: Vec<Fault>,
}

fn ended() -> String {
    "unexpected end of JSON input".to_owned()
}

fn invalid(byte: u8, place: &str) -> String {
    let shown = match byte {
        b'\'' => "\\'".to_owned(),
        b'"' => "\"".to_owned(),
        _ => {
            let text = quoted(&char::from(byte).to_string());
            text.trim_start_matches('"')
                .strip_suffix('"')
                .unwrap_or_default()
                .to_owned()
        }
    };
    format!("invalid character '{shown}' {place}")
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The next byte that is no space, not taken yet.
    fn next_token(&mut self) -> Option<u8> {
        while self
            .peek()
            .is_some_and(|it| matches!(it, b' ' | b'\t' | b'\r' | b'\n'))
        {
            self.at += 1;
        }
        self.peek()
    }

    fn expect_token(&mut self) -> Result<u8, String> {
        self.next_token().ok_or_else(ended)
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > MAX_DEPTH {
            return Err("exceeded max depth".to_owned());
        }
        match self.expect_token()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string().map(Value::String),
            b't' => self.literal("true", Value::Bool(true)),
            b'f' => self.literal("false", Value::Bool(false)),
            b'n' => self.literal("null", Value::Null),
            b'-' | b'0'..=b'9' => self.number(),
            other => Err(invalid(other, "looking for beginning of value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let mut map = Map::new();
        if self.expect_token()? == b'}' {
            self.at += 1;
            return Ok(Value::Object(map));
        }
        loop {
            match self.expect_token()? {
                b'"' => {}
                other => return Err(invalid(other, "looking for beginning of object key string")),
            }
            let key = self.string()?;
            match self.expect_token()? {
                b':' => self.at += 1,
                other => return Err(invalid(other, "after object key")),
            }
            let length = self.path.len();
            if length > 0 {
                self.path.push('.');
            }
            self.path.push_str(&key);
            let value = self.value(depth + 1)?;
            if map.insert(key, value).is_some() && self.duplicates.len() < MAX_DUPLICATES {
                self.duplicates.push(Fault::duplicate(self.path.clone()));
            }
            self.path.truncate(length);
            match self.expect_token()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(Value::Object(map));
                }
                other => return Err(invalid(other, "after object key:value pair")),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let mut items = Vec::new();
        if self.expect_token()? == b']' {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            let length = self.path.len();
            self.path.push_str(&format!("[{}]", items.len()));
            items.push(self.value(depth + 1)?);
            self.path.truncate(length);
            match self.expect_token()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Ok(Value::Array(items));
                }
                other => return Err(invalid(other, "after array element")),
            }
        }
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, String> {
        for expected in word.bytes() {
            let found = self.peek().ok_or_else(ended)?;
            if found != expected {
                let place = format!("in literal {word} (expecting '{}')", char::from(expected));
                return Err(invalid(found, &place));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, String> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        let digits = self.text.get(start..self.at).unwrap_or_default();
        serde_json::from_slice(digits).map_err(|_| {
            let digits = String::from_utf8_lossy(digits);
            format!("json: cannot unmarshal number {digits} into Go value of type float64")
        })
    }

    fn digits(&mut self, place: &str) -> Result<(), String> {
        match self.peek().ok_or_else(ended)? {
            b'0'..=b'9' => {}
            other => return Err(invalid(other, place)),
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            let byte = self.peek().ok_or_else(ended)?;
            self.at += 1;
            match byte {
                b'"' => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
                b'\\' => {
                    let it = self.escape()?;
                    bytes.extend_from_slice(it.encode_utf8(&mut [0; 4]).as_bytes());
                }
                0..=0x1f => return Err(invalid(byte, "in string literal")),
                _ => bytes.push(byte),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let byte = self.peek().ok_or_else(ended)?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hexadecimal()?;
                if let Some(alone) = char::from_u32(first) {
                    return Ok(alone);
                }
                let start = self.at;
                if first < 0xdc00 && self.text.get(start..start + 2) == Some(b"\\u") {
                    self.at += 2;
                    let second = self.hexadecimal()?;
                    if (0xdc00..0xe000).contains(&second) {
                        let both = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                        return Ok(char::from_u32(both).unwrap_or('\u{fffd}'));
                    }
                    // The second stands for itself.
                    self.at = start;
                }
                '\u{fffd}'
            }
            other => return Err(invalid(other, "in string escape code")),
        })
    }

    fn hexadecimal(&mut self) -> Result<u32, String> {
        let mut number = 0;
        for _ in 0..4 {
            let byte = self.peek().ok_or_else(ended)?;
            let digit = char::from(byte).to_digit(16);
            let digit =
                digit.ok_or_else(|| invalid(byte, "in \\u hexadecimal character escape"))?;
            number = number * 16 + digit;
            self.at += 1;
        }
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_no_json_is_refused_in_gos_words() {
        for (text, expected) in [
            ("", "unexpected end of JSON input"),
            (
                "{bad",
                "invalid character 'b' looking for beginning of object key string",
            ),
            (
                "nope",
                "invalid character 'o' in literal null (expecting 'u')",
            ),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            (
                "{\"a\":1 \"b\"}",
                "invalid character '\"' after object key:value pair",
            ),
            ("[1 2]", "invalid character '2' after array element"),
            (
                "[1,]",
                "invalid character ']' looking for beginning of value",
            ),
            (
                "{\"a\":1,}",
                "invalid character '}' looking for beginning of object key string",
            ),
            ("{} x", "invalid character 'x' after top-level value"),
            (
                "'a'",
                "invalid character '\\'' looking for beginning of value",
            ),
            ("-a", "invalid character 'a' in numeric literal"),
            (
                "1.x",
                "invalid character 'x' after decimal point in numeric literal",
            ),
            ("1e", "unexpected end of JSON input"),
            ("01", "invalid character '1' after top-level value"),
            ("\"a\nb\"", "invalid character '\\n' in string literal"),
            ("\"\\q\"", "invalid character 'q' in string escape code"),
            (
                "\"\\u00g0\"",
                "invalid character 'g' in \\u hexadecimal character escape",
            ),
            ("é", "invalid character 'Ã' looking for beginning of value"),
        ] {
            assert_eq!(read_body(text), Err(expected.to_owned()), "{text}");
        }
        assert_eq!(
            read_body(&"[".repeat(100_000)),
            Err("exceeded max depth".to_owned())
        );
    }

    #[test]
    fn the_last_of_equal_fields_counts_and_is_told() {
        let text = r#"{"spec":{"ports":[{"port":80,"port":81}],"type":"a","type":"b","type":"c"}}"#;
        let body = read_body(text).expect("JSON");
        assert_eq!(
            body.value,
            serde_json::json!({"spec": {"ports": [{"port": 81}], "type": "c"}})
        );
        let told: Vec<_> = body
            .duplicates
            .iter()
            .map(|it| it.message.as_str())
            .collect();
        assert_eq!(told.len(), 3);
        assert_eq!(told[0], "duplicate field \"spec.ports[0].port\"");
        assert_eq!(told[1], "duplicate field \"spec.type\"");
    }

    #[test]
    fn texts_and_numbers_are_read_as_serde_reads_them() {
        for text in [
            r#"{"a":[1,-2.5,1e3,0,true,false,null,"x\n\u00e9\ud83d\ude00\"\\\/"],"b":{}}"#,
            " [ ] ",
            "18446744073709551615",
        ] {
            let expected: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(read_body(text).map(|it| it.value), Ok(expected), "{text}");
        }
        assert_eq!(
            read_body(r#""\ud83dx""#).map(|it| it.value),
            Ok(Value::from("\u{fffd}x"))
        );
    }
}
