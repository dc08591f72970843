//! Reads the words of the shell's language: quotes, parameters, substitutions.
//!
//! POSIX.1-2017 "Shell Command Language" 2.2 (quoting) and 2.6 (expansions).
//!
//! **Left out**: `$'…'` beyond the usual escapes.

use super::parse::{ParseError, Parser, is_metacharacter, is_name, parse_nested};
use super::syntax::{Action, Parameter, Part, Script, Word};
use std::rc::Rc;

/// Where a word stands, which decides what ends it and what a backslash means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// Among the words of a command.
    Command,
    /// Between double quotes.
    Quotes,
    /// In the text of a here-document.
    Here,
    /// In `${…}`, up to this character or the brace.
    Braces(char),
    /// In `${…}` between double quotes.
    QuotedBraces(char),
    /// In `$((…))`.
    Arithmetic,
}

impl Inside {
    const fn is_quoted(self) -> bool {
        matches!(
            self,
            Inside::Quotes | Inside::Here | Inside::Arithmetic | Inside::QuotedBraces(_)
        )
    }
}

impl Parser {
    /// A word of a command.
    pub(super) fn word(&mut self) -> Result<Word, ParseError> {
        self.parts(Inside::Command).map(Word)
    }

    /// The text of a here-document, in which expansions are made.
    pub(super) fn here_word(&mut self) -> Result<Word, ParseError> {
        self.parts(Inside::Here)
            .map(|it| Word(vec![Part::Double(it)]))
    }

    fn parts(&mut self, inside: Inside) -> Result<Vec<Part>, ParseError> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut n_open = 0_usize;
        while let Some(it) = self.peek() {
            if self.ends(inside, it, n_open) {
                break;
            }
            let quoted = match it {
                '\\' => self.escape(inside, &mut plain),
                '\'' if matches!(inside, Inside::Command | Inside::Braces(_)) => {
                    Some(self.single_quoted()?)
                }
                '"' if !matches!(inside, Inside::Here | Inside::Arithmetic) => {
                    Some(self.double_quoted()?)
                }
                '`' => Some(self.backquoted(inside)?),
                '$' => self.dollar(inside)?,
                _ => {
                    match (inside, it) {
                        (Inside::Arithmetic, '(') => n_open += 1,
                        (Inside::Arithmetic, ')') => n_open -= 1,
                        _ => {}
                    }
                    plain.push(it);
                    self.at += 1;
                    continue;
                }
            };
            match quoted {
                Some(part) => {
                    if !plain.is_empty() {
                        parts.push(Part::Plain(std::mem::take(&mut plain)));
                    }
                    parts.push(part);
                }
                // A dollar or backslash that means itself, or a line that goes on.
                None if it == '$' => {
                    plain.push('$');
                    self.at += 1;
                }
                None => {}
            }
        }
        if !plain.is_empty() {
            parts.push(Part::Plain(plain));
        }
        Ok(parts)
    }

    fn ends(&self, inside: Inside, it: char, n_open: usize) -> bool {
        match inside {
            Inside::Command => is_metacharacter(it),
            Inside::Quotes => it == '"',
            Inside::Here => false,
            Inside::Braces(end) | Inside::QuotedBraces(end) => it == '}' || it == end,
            Inside::Arithmetic => it == ')' && n_open == 0,
        }
    }

    /// A backslash. Between quotes it means itself before most characters.
    fn escape(&mut self, inside: Inside, plain: &mut String) -> Option<Part> {
        let next = self.peek_at(1);
        self.at += 1;
        match next {
            Some('\n') => {
                self.at += 1;
                None
            }
            Some(it)
                if !inside.is_quoted()
                    || "$`\\".contains(it)
                    || (it == '"' && inside != Inside::Here)
                    || (it == '}' && matches!(inside, Inside::QuotedBraces(_))) =>
            {
                self.at += 1;
                Some(Part::Quoted(it.to_string()))
            }
            _ if inside.is_quoted() => {
                plain.push('\\');
                None
            }
            _ => Some(Part::Quoted("\\".to_owned())),
        }
    }

    fn single_quoted(&mut self) -> Result<Part, ParseError> {
        let start = self.at;
        self.at += 1;
        let rest = &self.chars[self.at..];
        let Some(length) = rest.iter().position(|it| *it == '\'') else {
            self.at = start;
            return Err(self.incomplete("Unterminated quoted string"));
        };
        let text = rest[..length].iter().collect();
        self.at += length + 1;
        Ok(Part::Quoted(text))
    }

    fn double_quoted(&mut self) -> Result<Part, ParseError> {
        let start = self.at;
        self.nest()?;
        self.at += 1;
        let parts = self.parts(Inside::Quotes)?;
        if self.peek() != Some('"') {
            self.at = start;
            return Err(self.incomplete("Unterminated quoted string"));
        }
        self.at += 1;
        self.depth -= 1;
        Ok(Part::Double(parts))
    }

    /// `` `…` ``: a backslash guards a backquote, a dollar and itself.
    fn backquoted(&mut self, inside: Inside) -> Result<Part, ParseError> {
        let (start, line) = (self.at, self.line());
        self.at += 1;
        let mut text = String::new();
        loop {
            match (self.peek(), self.peek_at(1)) {
                (None, _) => {
                    self.at = start;
                    return Err(self.incomplete("EOF in backquote substitution"));
                }
                (Some('`'), _) => break,
                (Some('\\'), Some(it))
                    if "`\\$".contains(it) || (it == '"' && inside.is_quoted()) =>
                {
                    text.push(it);
                    self.at += 2;
                }
                (Some(it), _) => {
                    text.push(it);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        let script = parse_nested(&text, line, self.depth + 1)?;
        Ok(Part::Command(Rc::new(script)))
    }

    /// What a `$` begins; nothing if it means itself.
    fn dollar(&mut self, inside: Inside) -> Result<Option<Part>, ParseError> {
        let part = match self.peek_at(1) {
            Some('(') if self.peek_at(2) == Some('(') => match self.arithmetic()? {
                Some(part) => part,
                None => self.command_substitution()?,
            },
            Some('(') => self.command_substitution()?,
            Some('{') => self.braces(inside)?,
            Some('\'') if inside == Inside::Command => self.c_quoted()?,
            Some(it) if it.is_ascii_alphabetic() || it == '_' => {
                let rest = self.chars[self.at + 1..].iter();
                let name: String = rest
                    .take_while(|it| it.is_ascii_alphanumeric() || **it == '_')
                    .collect();
                self.at += 1 + name.len();
                value(name)
            }
            Some(it) if it.is_ascii_digit() || "?#$!@*-".contains(it) => {
                self.at += 2;
                value(it.to_string())
            }
            _ => return Ok(None),
        };
        Ok(Some(part))
    }

    fn command_substitution(&mut self) -> Result<Part, ParseError> {
        self.nest()?;
        self.at += 2;
        let script: Script = self.whole_script()?;
        if self.peek() != Some(')') {
            return Err(self.incomplete("end of file unexpected (expecting \")\")"));
        }
        self.at += 1;
        self.depth -= 1;
        Ok(Part::Command(Rc::new(script)))
    }

    /// `$((…))`; nothing if two parentheses merely happen to stand together.
    fn arithmetic(&mut self) -> Result<Option<Part>, ParseError> {
        let start = self.at;
        self.nest()?;
        self.at += 3;
        let parts = self.parts(Inside::Arithmetic)?;
        self.depth -= 1;
        if self.peek().is_none() {
            return Err(self.incomplete("Missing '))'"));
        }
        if self.peek_at(1) != Some(')') {
            self.at = start;
            return Ok(None);
        }
        self.at += 2;
        Ok(Some(Part::Arithmetic(Word(parts))))
    }

    /// `$'…'`
    fn c_quoted(&mut self) -> Result<Part, ParseError> {
        self.at += 2;
        let mut text = String::new();
        loop {
            match (self.peek(), self.peek_at(1)) {
                (None, _) => return Err(self.incomplete("Unterminated quoted string")),
                (Some('\''), _) => break,
                (Some('\\'), Some(it)) => {
                    self.at += 2;
                    text.push(match it {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        'e' => '\x1b',
                        other => other,
                    });
                }
                (Some(it), _) => {
                    text.push(it);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Ok(Part::Quoted(text))
    }

    fn braces(&mut self, inside: Inside) -> Result<Part, ParseError> {
        self.nest()?;
        self.at += 2;
        let is_length = self.peek() == Some('#')
            && !matches!(
                self.peek_at(1),
                Some('}' | '-' | '=' | '?' | '+' | '%' | '#')
            );
        self.at += usize::from(is_length);
        let rest = self.chars[self.at..].iter();
        let mut name: String = rest
            .take_while(|it| it.is_ascii_alphanumeric() || **it == '_')
            .collect();
        if name.is_empty()
            && let Some(it) = self.peek().filter(|it| "?#$!@*-".contains(*it))
        {
            name.push(it);
        }
        self.at += name.chars().count();
        if name.is_empty()
            || !(is_name(&name) || name.len() == 1 || name.bytes().all(|it| it.is_ascii_digit()))
        {
            return Err(match self.peek() {
                None => self.incomplete("Missing '}'"),
                Some(_) => self.fault("Bad substitution"),
            });
        }
        let action = match is_length {
            true => Action::Length,
            false => self.action(inside)?,
        };
        if self.peek() != Some('}') {
            return Err(match self.peek() {
                None => self.incomplete("Missing '}'"),
                Some(_) => self.fault("Bad substitution"),
            });
        }
        self.at += 1;
        self.depth -= 1;
        Ok(Part::Parameter(Parameter { name, action }))
    }

    fn action(&mut self, inside: Inside) -> Result<Action, ParseError> {
        // A table: one arm for each sign after a parameter's name.
        let within = |end| match inside.is_quoted() {
            true => Inside::QuotedBraces(end),
            false => Inside::Braces(end),
        };
        let counts_empty = self.peek() == Some(':');
        let sign = self.peek_at(usize::from(counts_empty));
        match sign {
            Some(sign @ ('-' | '=' | '?' | '+')) => {
                self.at += 1 + usize::from(counts_empty);
                let word = Word(self.parts(within('}'))?);
                Ok(Action::Missing {
                    sign,
                    counts_empty,
                    word,
                })
            }
            _ if counts_empty => {
                self.at += 1;
                let from = Word(self.parts(Inside::QuotedBraces(':'))?);
                let length = match self.peek() {
                    Some(':') => {
                        self.at += 1;
                        Some(Word(self.parts(Inside::QuotedBraces('}'))?))
                    }
                    _ => None,
                };
                Ok(Action::Slice(from, length))
            }
            Some(side @ ('#' | '%')) => {
                self.at += 1;
                let is_longest = self.peek() == Some(side);
                self.at += usize::from(is_longest);
                // A pattern's own quotes count, whatever is around the braces.
                let pattern = Word(self.parts(Inside::Braces('}'))?);
                Ok(Action::Trim {
                    side,
                    is_longest,
                    pattern,
                })
            }
            Some('/') => {
                self.at += 1;
                let is_global = self.peek() == Some('/');
                self.at += usize::from(is_global);
                let pattern = Word(self.parts(Inside::Braces('/'))?);
                let with = match self.peek() {
                    Some('/') => {
                        self.at += 1;
                        Word(self.parts(Inside::Braces('}'))?)
                    }
                    _ => Word::default(),
                };
                Ok(Action::Replace {
                    is_global,
                    pattern,
                    with,
                })
            }
            _ => Ok(Action::Value),
        }
    }
}

fn value(name: String) -> Part {
    Part::Parameter(Parameter {
        name,
        action: Action::Value,
    })
}
