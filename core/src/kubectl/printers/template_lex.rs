//! The words of a Go template.
//!
//! `text/template/parse/lex.go` of Go 1.23.
//!
//! **Left out**: complex numbers, and numbers with a sign between digits (`1_000`).

/// A part of a template: text, or an action and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Text(String),
    Action(Vec<Token>, usize),
}

/// A word of an action, and from where to where it stands in the template.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) has_blank_before: bool,
}

/// What a word is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    Word(String),
    Dot,
    Field(String),
    Variable(String),
    Text(String),
    Int(i64),
    Float(f64),
    Sign(&'static str),
}

impl Token {
    pub(super) fn is(&self, sign: &str) -> bool {
        matches!(self.kind, TokenKind::Sign(it) if it == sign)
    }

    pub(super) fn word(&self) -> Option<&str> {
        match &self.kind {
            TokenKind::Word(it) => Some(it),
            _ => None,
        }
    }
}

/// Where something is wrong, and what.
type Fault = (usize, String);

/// The parts of a template.
pub(super) fn items(text: &str) -> Result<Vec<Item>, Fault> {
    let mut found = Vec::new();
    let mut at = 0;
    let mut trims = false;
    loop {
        let rest = &text[at..];
        let open = rest.find("{{");
        let mut plain = &rest[..open.unwrap_or(rest.len())];
        if trims {
            plain = plain.trim_start();
        }
        let Some(open) = open else {
            push_text(&mut found, plain);
            return Ok(found);
        };
        let mut start = at + open + 2;
        let inside = &text[start..];
        if inside.starts_with("- ") || inside.starts_with("-\n") || inside.starts_with("-\t") {
            plain = plain.trim_end();
            start += 1;
        }
        push_text(&mut found, plain);
        let skipped = text[start..].len() - text[start..].trim_start().len();
        if text[start + skipped..].starts_with("/*") {
            let from = start + skipped;
            let end = text[from..]
                .find("*/")
                .ok_or((from, "unclosed comment".to_owned()))?;
            let after = text[from + end + 2..].trim_start();
            trims = after.starts_with("-}}");
            let close = if trims { "-}}" } else { "}}" };
            if !after.starts_with(close) {
                return Err((from, "comment ends before closing delimiter".to_owned()));
            }
            at = text.len() - after.len() + close.len();
            continue;
        }
        let mut lexer = Lexer { text, at: start };
        let (tokens, is_trimmed) = lexer.action()?;
        at = lexer.at;
        trims = is_trimmed;
        found.push(Item::Action(tokens, start));
    }
}

fn push_text(found: &mut Vec<Item>, text: &str) {
    if !text.is_empty() {
        found.push(Item::Text(text.to_owned()));
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

fn is_word(it: char) -> bool {
    it == '_' || it.is_alphanumeric()
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let it = self.peek()?;
        self.at += it.len_utf8();
        Some(it)
    }

    fn while_it(&mut self, fits: impl Fn(char) -> bool) -> String {
        let rest = self.rest();
        let end = rest.find(|it| !fits(it)).unwrap_or(rest.len());
        let word = rest[..end].to_owned();
        self.at += end;
        word
    }

    /// The words up to the closing braces, and whether these take blanks away behind them.
    fn action(&mut self) -> Result<(Vec<Token>, bool), Fault> {
        let mut tokens = Vec::new();
        loop {
            let blanks = self.while_it(char::is_whitespace);
            let has_blank_before = !blanks.is_empty();
            if has_blank_before && self.rest().starts_with("-}}") {
                self.at += 3;
                return Ok((tokens, true));
            }
            if self.rest().starts_with("}}") {
                self.at += 2;
                return Ok((tokens, false));
            }
            let at = self.at;
            let kind = self.token()?;
            tokens.push(Token {
                kind,
                at,
                end: self.at,
                has_blank_before,
            });
        }
    }

    fn token(&mut self) -> Result<TokenKind, Fault> {
        let at = self.at;
        let Some(it) = self.next() else {
            return Err((at, "unclosed action".to_owned()));
        };
        let next = self.peek();
        Ok(match it {
            '.' if next.is_some_and(|it| it.is_ascii_digit()) => self.number(at)?,
            '.' => {
                let name = self.while_it(is_word);
                if name.is_empty() {
                    TokenKind::Dot
                } else {
                    TokenKind::Field(name)
                }
            }
            '$' => TokenKind::Variable(self.while_it(is_word)),
            '"' => TokenKind::Text(self.quoted(at, '"')?),
            '\'' => {
                let text = self.quoted(at, '\'')?;
                let one = text.chars().next().unwrap_or_default();
                TokenKind::Int(i64::from(u32::from(one)))
            }
            '`' => {
                let Some(end) = self.rest().find('`') else {
                    return Err((at, "unterminated raw quoted string".to_owned()));
                };
                let text = self.rest()[..end].to_owned();
                self.at += end + 1;
                TokenKind::Text(text)
            }
            ':' if next == Some('=') => {
                self.at += 1;
                TokenKind::Sign(":=")
            }
            '=' => TokenKind::Sign("="),
            '|' => TokenKind::Sign("|"),
            '(' => TokenKind::Sign("("),
            ')' => TokenKind::Sign(")"),
            ',' => TokenKind::Sign(","),
            '+' | '-' if next.is_some_and(|it| it.is_ascii_digit() || it == '.') => {
                self.number(at)?
            }
            it if it.is_ascii_digit() => self.number(at)?,
            it if is_word(it) => {
                self.at = at;
                TokenKind::Word(self.while_it(is_word))
            }
            it => {
                return Err((
                    at,
                    format!(
                        "unrecognized character in action: U+{:04X} '{it}'",
                        u32::from(it)
                    ),
                ));
            }
        })
    }

    fn number(&mut self, at: usize) -> Result<TokenKind, Fault> {
        self.at = at;
        let text = self.while_it(|it| is_word(it) || matches!(it, '.' | '+' | '-'));
        let bad = || (at, format!("bad number syntax: {text:?}"));
        let bare = text.trim_start_matches(['+', '-']);
        let radix = |letter: char, radix: u32| {
            let digits = bare.strip_prefix('0')?.strip_prefix(letter)?;
            i64::from_str_radix(digits, radix).ok()
        };
        let of_radix = radix('x', 16)
            .or_else(|| radix('b', 2))
            .or_else(|| radix('o', 8));
        if let Some(it) = of_radix {
            let is_negative = text.starts_with('-');
            return Ok(TokenKind::Int(if is_negative { -it } else { it }));
        }
        if let Ok(it) = text.parse::<i64>() {
            return Ok(TokenKind::Int(it));
        }
        let is_number = bare.starts_with(|it: char| it.is_ascii_digit() || it == '.');
        match text.parse::<f64>() {
            Ok(it) if is_number => Ok(TokenKind::Float(it)),
            _ => Err(bad()),
        }
    }

    fn quoted(&mut self, at: usize, quote: char) -> Result<String, Fault> {
        let mut text = String::new();
        loop {
            match self.next() {
                Some(it) if it == quote => return Ok(text),
                None | Some('\n') => {
                    let what = if quote == '"' {
                        "unterminated quoted string"
                    } else {
                        "unterminated character constant"
                    };
                    return Err((at, what.to_owned()));
                }
                Some('\\') => match self.next() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some('a') => text.push('\u{7}'),
                    Some('x') => self.code(2, &mut text),
                    Some('u') => self.code(4, &mut text),
                    other => text.extend(other),
                },
                Some(it) => text.push(it),
            }
        }
    }

    /// A character by its number.
    fn code(&mut self, n_digits: usize, text: &mut String) {
        let rest = self.rest();
        let digits: String = rest
            .chars()
            .take(n_digits)
            .take_while(char::is_ascii_hexdigit)
            .collect();
        self.at += digits.len();
        let code = u32::from_str_radix(&digits, 16).ok();
        text.extend(code.and_then(char::from_u32));
    }
}
