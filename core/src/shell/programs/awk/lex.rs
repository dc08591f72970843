//! Takes awk's language apart into tokens.
//!
//! POSIX.1-2017 `awk`, "Lexical Conventions".
//!
//! **Left out**: octal escapes.

#[derive(Debug)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) message: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(String),
    Regex(String),
    Name(String),
    /// A name directly before `(`.
    Function(String),
    Sign(&'static str),
    Newline,
    End,
}

const SIGNS: [&str; 40] = [
    "**=", "&&", "||", "==", "!=", "<=", ">=", ">>", "++", "--", "+=", "-=", "*=", "/=", "%=",
    "^=", "**", "!~", "{", "}", "(", ")", "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!",
    ">", "<", "|", "?", ":", "~", "$",
];

pub(super) fn tokens(text: &str) -> Result<Vec<(Token, usize)>, Fault> {
    // One pass over the characters: one arm for each kind of word.
    let chars: Vec<char> = text.chars().collect();
    let mut tokens: Vec<(Token, usize)> = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(it) = chars.get(at) {
        let rest = &chars[at..];
        match it {
            ' ' | '\t' | '\r' => at += 1,
            '\\' if chars.get(at + 1) == Some(&'\n') => {
                at += 2;
                line += 1;
            }
            '\n' => {
                tokens.push((Token::Newline, line));
                line += 1;
                at += 1;
            }
            '#' => at += rest.iter().take_while(|it| **it != '\n').count(),
            '"' => {
                let (text, length) =
                    quoted(rest, '"').ok_or_else(|| fault(line, "unterminated string"))?;
                tokens.push((Token::Text(unescape(&text)), line));
                at += length;
            }
            '/' if may_be_regex(&tokens) => {
                let (text, length) = quoted(rest, '/')
                    .ok_or_else(|| fault(line, "unterminated regular expression"))?;
                tokens.push((Token::Regex(text.replace("\\/", "/")), line));
                at += length;
            }
            it if it.is_ascii_digit()
                || (*it == '.' && rest.get(1).is_some_and(char::is_ascii_digit)) =>
            {
                let is_exponent = |idx: usize, it: char| {
                    matches!(it, '+' | '-')
                        && matches!(rest.get(idx.wrapping_sub(1)), Some('e' | 'E'))
                };
                let part = |(idx, it): &(usize, &char)| {
                    it.is_ascii_digit()
                        || **it == '.'
                        || (matches!(it, 'e' | 'E')
                            && rest
                                .get(idx + 1)
                                .is_some_and(|it| it.is_ascii_digit() || matches!(it, '+' | '-')))
                        || is_exponent(*idx, **it)
                };
                let digits: String = rest
                    .iter()
                    .enumerate()
                    .take_while(part)
                    .map(|it| it.1)
                    .collect();
                let number = digits
                    .parse()
                    .map_err(|_| fault(line, "syntax error in a number"))?;
                tokens.push((Token::Number(number), line));
                at += digits.len();
            }
            it if it.is_ascii_alphabetic() || *it == '_' => {
                let name: String = rest
                    .iter()
                    .take_while(|it| it.is_ascii_alphanumeric() || **it == '_')
                    .collect();
                at += name.len();
                let is_call = chars.get(at) == Some(&'(') && !is_keyword(&name);
                tokens.push((
                    if is_call {
                        Token::Function(name)
                    } else {
                        Token::Name(name)
                    },
                    line,
                ));
            }
            _ => {
                let sign = SIGNS.iter().find(|it| {
                    it.chars()
                        .enumerate()
                        .all(|(idx, it)| rest.get(idx) == Some(&it))
                });
                let sign = match (sign, it) {
                    (Some(it), _) => *it,
                    (None, '=') => "=",
                    _ => return Err(fault(line, &format!("syntax error at or near {it}"))),
                };
                tokens.push((Token::Sign(if sign == "**" { "^" } else { sign }), line));
                at += sign.len();
            }
        }
    }
    tokens.push((Token::End, line));
    Ok(tokens)
}

pub(super) fn fault(line: usize, message: &str) -> Fault {
    Fault {
        line,
        message: message.to_owned(),
    }
}

pub(super) fn is_keyword(name: &str) -> bool {
    matches!(
        name,
        "if" | "else"
            | "while"
            | "for"
            | "do"
            | "print"
            | "printf"
            | "in"
            | "delete"
            | "next"
            | "exit"
            | "break"
            | "continue"
            | "BEGIN"
            | "END"
            | "function"
            | "return"
            | "getline"
    )
}

/// Whether a `/` here begins an expression rather than divides.
fn may_be_regex(tokens: &[(Token, usize)]) -> bool {
    match tokens.last().map(|it| &it.0) {
        None | Some(Token::Newline | Token::Function(_)) => true,
        Some(Token::Sign(it)) => !matches!(*it, ")" | "]" | "$" | "++" | "--"),
        Some(Token::Name(it)) => is_keyword(it),
        Some(_) => false,
    }
}

/// The text up to an unescaped end, escapes kept.
fn quoted(chars: &[char], end: char) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut at = 1;
    loop {
        match chars.get(at)? {
            '\\' => {
                text.push('\\');
                text.push(*chars.get(at + 1)?);
                at += 2;
            }
            '\n' => return None,
            it if *it == end => return Some((text, at + 1)),
            it => {
                text.push(*it);
                at += 1;
            }
        }
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(it) = chars.next() {
        if it != '\\' {
            out.push(it);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('a') => out.push('\x07'),
            None => out.push('\\'),
            Some('"') => out.push('"'),
            Some('/') => out.push('/'),
            Some('\\') => out.push('\\'),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    out
}
