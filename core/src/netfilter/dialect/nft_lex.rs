//! nft text cut into tokens, each with its place.
//!
//! Imitates nft 1.0.6 `src/scanner.l`, where a slash or a dash belongs to a word that begins with a
//! letter and stands alone after a number.
//!
//! **Left out**: variables (`$name`), which become a lone `$` that no rule of grammar accepts.

use super::nft_symbols::{is_hardware_address, is_word_char};
use crate::netfilter::TableFamily;
use serde::Serialize;
use std::net::Ipv6Addr;

/// No written IPv6 address is longer.
const MAX_ADDRESS_LENGTH: usize = 45;

/// `02:42:ac:11:00:02`
const HARDWARE_ADDRESS_LENGTH: usize = 17;

/// How deep parentheses and braces may stand inside one another.
const MAX_DEPTH: usize = 24;

/// Why a text is no nft, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct ParseError {
    /// The line, counted from one.
    pub line: usize,
    /// The character of the line, counted from one.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

/// Why a piece of a rule was not read.
#[derive(Debug)]
pub(super) enum Fail {
    /// It may be good nft, but is outside the model: it is kept as text.
    Unknown,
    /// It is no nft.
    Wrong(ParseError),
}

impl From<ParseError> for Fail {
    fn from(error: ParseError) -> Self {
        Fail::Wrong(error)
    }
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name, a number, an address.
    Word,
    /// A text in quotes; the token's text is without them.
    Quoted,
    /// Punctuation.
    Symbol,
    /// The end of a line.
    Newline,
    /// The end of the text.
    End,
    /// A text whose closing quote is missing.
    Unclosed,
}

/// A piece of nft text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: &'a str,
    pub(super) line: usize,
    pub(super) column: usize,
    /// Whether white space stands before it.
    pub(super) spaced: bool,
    /// The handle `nft -a` wrote in a comment behind it.
    pub(super) handle: Option<u64>,
}

/// The tokens of a text and how far they are read.
pub(super) struct Cursor<'a> {
    tokens: Vec<Token<'a>>,
    pub(super) at: usize,
    pub(super) depth: usize,
    /// The family of the table the text is about.
    pub(super) family: TableFamily,
    /// Whether a value that makes no sense is the model's fault and not the writer's.
    pub(super) is_listing: bool,
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    column: usize,
    spaced: bool,
    tokens: Vec<Token<'a>>,
}

/// All tokens of a text; the last is its end.
pub(super) fn lex(text: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer {
        rest: text,
        line: 1,
        column: 1,
        spaced: false,
        tokens: Vec::new(),
    };
    while let Some(first) = lexer.rest.chars().next() {
        lexer.step(first);
    }
    lexer.emit(TokenKind::End, 0);
    lexer.tokens
}

impl<'a> Lexer<'a> {
    fn step(&mut self, first: char) {
        match first {
            '\n' => {
                self.emit(TokenKind::Newline, 1);
                self.line += 1;
                self.column = 1;
            }
            '\\' if self.rest[1..].starts_with('\n') => {
                self.take(2);
                self.line += 1;
                self.column = 1;
                self.spaced = true;
            }
            _ if first.is_whitespace() => {
                self.take(first.len_utf8());
                self.spaced = true;
            }
            '#' => self.comment(),
            '"' => self.quoted(),
            _ if first.is_ascii_alphanumeric() || first == '_' || first == ':' => {
                let length = self.word_length(first);
                if length == 0 {
                    self.emit(TokenKind::Symbol, 1);
                } else {
                    self.emit(TokenKind::Word, length);
                }
            }
            _ => {
                let double = ["==", "!=", "<=", ">=", "<<", ">>"];
                let is_double = double.iter().any(|it| self.rest.starts_with(it));
                let length = if is_double { 2 } else { first.len_utf8() };
                self.emit(TokenKind::Symbol, length);
            }
        }
    }

    /// Cuts a token of this many bytes off.
    fn emit(&mut self, kind: TokenKind, length: usize) {
        let (line, column, spaced) = (self.line, self.column, self.spaced);
        let text = self.take(length);
        self.spaced = false;
        self.tokens.push(Token {
            kind,
            text,
            line,
            column,
            spaced,
            handle: None,
        });
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.column += text.chars().count();
        text
    }

    fn comment(&mut self) {
        let length = self.rest.find('\n').unwrap_or(self.rest.len());
        let comment = self.take(length);
        let handle = comment
            .trim_start_matches('#')
            .trim()
            .strip_prefix("handle ")
            .and_then(|it| it.trim().parse().ok());
        if let (Some(last), Some(_)) = (self.tokens.last_mut(), handle) {
            last.handle = handle;
        }
        self.spaced = true;
    }

    fn quoted(&mut self) {
        let inside = &self.rest[1..];
        let end = inside.find(['"', '\n']).unwrap_or(inside.len());
        if !inside[end..].starts_with('"') {
            self.emit(TokenKind::Unclosed, end + 1);
            return;
        }
        self.emit(TokenKind::Quoted, end + 2);
        if let Some(last) = self.tokens.last_mut() {
            last.text = &inside[..end];
        }
    }

    /// How long the word is that begins here; none for a lone colon.
    fn word_length(&self, first: char) -> usize {
        let run = |belongs: &dyn Fn(char) -> bool| {
            self.rest
                .find(|it: char| !belongs(it))
                .unwrap_or(self.rest.len())
        };
        let address = self
            .rest
            .bytes()
            .take(MAX_ADDRESS_LENGTH + 1)
            .take_while(|it| it.is_ascii_hexdigit() || matches!(it, b':' | b'.'))
            .count();
        let text = &self.rest[..address];
        let goes_on = self.rest[address..].starts_with(|it: char| it.is_ascii_alphabetic());
        if text.matches(':').count() >= 2 && !goes_on && text.parse::<Ipv6Addr>().is_ok() {
            return address;
        }
        if first == ':' {
            return 0;
        }
        let hardware = self.rest.get(..HARDWARE_ADDRESS_LENGTH);
        if hardware.is_some_and(is_hardware_address)
            && !self.rest[HARDWARE_ADDRESS_LENGTH..].starts_with(|it| it == ':' || is_word_char(it))
        {
            return HARDWARE_ADDRESS_LENGTH;
        }
        if first.is_ascii_digit() {
            let length = run(&|it| it.is_ascii_alphanumeric() || it == '.' || it == '_');
            return self.rest[..length].trim_end_matches('.').len();
        }
        let length = run(&is_word_char);
        length + usize::from(self.rest[length..].starts_with('*'))
    }
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Cursor {
            tokens: lex(text),
            at: 0,
            depth: 0,
            family: TableFamily::Ip,
            is_listing: false,
        }
    }

    /// The next token.
    pub(super) fn peek(&self) -> Token<'a> {
        self.peek_at(0)
    }

    /// The token `ahead` places after the next.
    pub(super) fn peek_at(&self, ahead: usize) -> Token<'a> {
        let last = self.tokens.len() - 1;
        self.tokens[(self.at + ahead).min(last)]
    }

    /// The token read last.
    pub(super) fn previous(&self) -> Token<'a> {
        self.tokens[self.at.saturating_sub(1)]
    }

    /// Reads the next token; the end is never passed.
    pub(super) fn next(&mut self) -> Token<'a> {
        let token = self.peek();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    /// Whether the next token is this word.
    pub(super) fn is_word(&self, text: &str) -> bool {
        let token = self.peek();
        token.kind == TokenKind::Word && token.text == text
    }

    /// Whether the next token is this punctuation.
    pub(super) fn is_symbol(&self, text: &str) -> bool {
        let token = self.peek();
        token.kind == TokenKind::Symbol && token.text == text
    }

    /// Reads this word, if it comes next.
    pub(super) fn accept_word(&mut self, text: &str) -> bool {
        let is = self.is_word(text);
        self.at += usize::from(is);
        is
    }

    /// Reads this punctuation, if it comes next.
    pub(super) fn accept_symbol(&mut self, text: &str) -> bool {
        let is = self.is_symbol(text);
        self.at += usize::from(is);
        is
    }

    /// Reads this punctuation.
    pub(super) fn expect_symbol(&mut self, text: &str) -> Result<(), ParseError> {
        if self.accept_symbol(text) {
            return Ok(());
        }
        Err(self.unexpected(&format!("`{text}`")))
    }

    /// Reads a word that is one of these kinds of name.
    pub(super) fn name(&mut self, what: &str) -> Result<&'a str, ParseError> {
        match self.peek().kind {
            TokenKind::Word | TokenKind::Quoted => Ok(self.next().text),
            _ => Err(self.unexpected(what)),
        }
    }

    /// Reads past ends of lines.
    pub(super) fn skip_newlines(&mut self) {
        while self.peek().kind == TokenKind::Newline {
            self.at += 1;
        }
    }

    /// Reads past ends of lines and statements.
    pub(super) fn skip_separators(&mut self) {
        while self.peek().kind == TokenKind::Newline || self.is_symbol(";") {
            self.at += 1;
        }
    }

    /// Whether a statement ends here.
    pub(super) fn is_at_end(&self) -> bool {
        matches!(self.peek().kind, TokenKind::Newline | TokenKind::End)
            || self.is_symbol(";")
            || self.is_symbol("}")
    }

    /// Goes one level of braces or parentheses deeper.
    pub(super) fn deeper(&mut self) -> Result<(), ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("more than {MAX_DEPTH} levels of braces and parentheses");
            return Err(self.error(message, None));
        }
        Ok(())
    }

    /// Reads past a `{ … }` of whatever content.
    pub(super) fn skip_braces(&mut self) -> Result<(), ParseError> {
        let opening = self.peek();
        let mut depth = 0usize;
        loop {
            let token = self.next();
            match (token.kind, token.text) {
                (TokenKind::Symbol, "{") => depth += 1,
                (TokenKind::Symbol, "}") => depth -= 1,
                (TokenKind::End, _) => return Err(unclosed(opening)),
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Reads the rest of a rule, up to its comment, as text.
    pub(super) fn rest_of_rule(&mut self) -> Result<String, ParseError> {
        let mut open: Vec<Token<'a>> = Vec::new();
        let mut text = String::new();
        let mut is_spaced = false;
        loop {
            let token = self.peek();
            if open.is_empty() && (self.is_at_end() || self.is_at_comment()) {
                return Ok(text);
            }
            match (token.kind, token.text) {
                (TokenKind::End, _) => return Err(unclosed(open.pop().unwrap_or(token))),
                (TokenKind::Unclosed, _) => return Err(self.unexpected("a statement")),
                (TokenKind::Symbol, "{" | "(" | "[") => open.push(token),
                (TokenKind::Symbol, closing @ ("}" | ")" | "]")) => {
                    let opening = open.pop().map(|it| it.text);
                    let pair = [("{", "}"), ("(", ")"), ("[", "]")];
                    if !pair
                        .iter()
                        .any(|it| opening == Some(it.0) && closing == it.1)
                    {
                        return Err(self.unexpected("a statement"));
                    }
                }
                _ => {}
            }
            self.next();
            is_spaced |= token.spaced || token.kind == TokenKind::Newline;
            if token.kind == TokenKind::Newline {
                continue;
            }
            if is_spaced && !text.is_empty() {
                text.push(' ');
            }
            is_spaced = false;
            match token.kind {
                TokenKind::Quoted => text.extend(["\"", token.text, "\""]),
                _ => text.push_str(token.text),
            }
        }
    }

    /// Whether a rule's comment comes next.
    pub(super) fn is_at_comment(&self) -> bool {
        self.is_word("comment")
            && matches!(
                self.peek_at(1).kind,
                TokenKind::Quoted | TokenKind::Word | TokenKind::Unclosed
            )
    }

    /// An error at the next token.
    pub(super) fn error(&self, message: String, hint: Option<String>) -> ParseError {
        error_at(self.peek(), message, hint)
    }

    /// An error about the next token, where something else was wanted.
    pub(super) fn unexpected(&self, wanted: &str) -> ParseError {
        let token = self.peek();
        let found = match token.kind {
            TokenKind::End => "the end of the text".to_owned(),
            TokenKind::Newline => "the end of the line".to_owned(),
            TokenKind::Unclosed => {
                let hint = Some("a text in quotes ends on its own line".to_owned());
                return self.error("the closing quote is missing".to_owned(), hint);
            }
            _ => format!("`{}`", token.text),
        };
        self.error(format!("expected {wanted}, found {found}"), None)
    }
}

/// An error at a token.
pub(super) fn error_at(token: Token<'_>, message: String, hint: Option<String>) -> ParseError {
    ParseError {
        line: token.line,
        column: token.column,
        message,
        hint,
    }
}

/// An error about an opening brace or parenthesis without its partner.
pub(super) fn unclosed(opening: Token<'_>) -> ParseError {
    let message = format!("this `{}` is never closed", opening.text);
    error_at(opening, message, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: &[&str]) {
        let tokens = lex(text);
        let texts: Vec<_> = tokens.iter().map(|it| it.text).collect();
        assert_eq!(texts[..texts.len() - 1], *wanted);
    }

    #[test]
    fn a_slash_belongs_to_a_name_and_stands_alone_after_a_number() {
        check(
            "service-AB-ns1/svc1/tcp/ 10.0.0.0/8",
            &["service-AB-ns1/svc1/tcp/", "10.0.0.0", "/", "8"],
        );
        check("dstnat - 10", &["dstnat", "-", "10"]);
        check("1-1024", &["1", "-", "1024"]);
    }

    #[test]
    fn an_ipv6_address_is_one_word_and_its_port_another() {
        check("[fd00::1]:80", &["[", "fd00::1", "]", ":", "80"]);
        check("::1 ::/0", &["::1", "::", "/", "0"]);
        check("10.0.0.1:80", &["10.0.0.1", ":", "80"]);
        check("80:accept", &["80", ":", "accept"]);
        check("cali* @set", &["cali*", "@", "set"]);
    }

    #[test]
    fn places_are_counted_from_one_and_handles_are_kept() {
        let tokens = lex("a\n  b \"é\" c # handle 7\nd");
        let places: Vec<_> = tokens.iter().map(|it| (it.line, it.column)).collect();
        assert_eq!(
            places,
            [
                (1, 1),
                (1, 2),
                (2, 3),
                (2, 5),
                (2, 9),
                (2, 21),
                (3, 1),
                (3, 2)
            ]
        );
        assert_eq!(tokens[4].handle, Some(7));
        assert_eq!(tokens[6].handle, None);
    }
}
