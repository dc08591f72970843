//! Reading a Go template.
//!
//! `text/template/parse` of Go 1.23, as far as templates over documents need it, with its words for mistakes.
//!
//! **Left out**: complex numbers; what Go says of signs that stand where nothing may, which is said in general.

use super::template_functions::is_function;
use super::template_lex::{Item, Token, TokenKind, items};
use std::collections::BTreeMap;

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Text(String),
    Action(Pipe),
    If(Pipe, Vec<Node>, Vec<Node>),
    With(Pipe, Vec<Node>, Vec<Node>),
    Range(Pipe, Vec<Node>, Vec<Node>),
    /// Another template, by its name, and where that stands.
    Template(String, Option<Pipe>, Spot),
    Break,
    Continue,
}

/// `$a, $b := first | second`
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pipe {
    pub(super) variables: Vec<String>,
    pub(super) assigns: bool,
    pub(super) commands: Vec<Command>,
    pub(super) spot: Spot,
}

/// `index .items 0`
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Command {
    pub(super) words: Vec<Word>,
    pub(super) spot: Spot,
}

/// A word of a command.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Word {
    pub(super) operand: Operand,
    pub(super) spot: Spot,
}

/// Where something stands in the template, and how it is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Spot {
    pub(super) at: usize,
    pub(super) text: String,
}

/// What a word is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    /// `.a.b`; nothing but a dot where it is empty.
    Field(Vec<String>),
    /// `$x.a`
    Variable(String, Vec<String>),
    /// `(pipe).a`
    Inner(Pipe, Vec<String>),
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Nil,
    Function(String),
}

/// A template that was read: its parts, and what it defines.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Parsed {
    pub(super) nodes: Vec<Node>,
    pub(super) defined: BTreeMap<String, Vec<Node>>,
}

const MAX_DEPTH: usize = 50;

/// Reads a template.
pub(super) fn parse(text: &str) -> Result<Parsed, String> {
    let mut parser = Parser {
        items: items(text).map_err(|(at, why)| fault(text, at, &why))?,
        text,
        at: 0,
        here: 0,
        variables: vec![String::new()],
        defined: BTreeMap::new(),
        depth: 0,
        n_ranges: 0,
    };
    match parser.list()? {
        (nodes, Ending::Text) => Ok(Parsed {
            nodes,
            defined: parser.defined,
        }),
        (_, Ending::End) => Err(parser.fault("unexpected {{end}}")),
        _ => Err(parser.fault("unexpected {{else}}")),
    }
}

fn fault(text: &str, at: usize, why: &str) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = 1 + before.matches('\n').count();
    format!("template: output:{line}: {why}")
}

/// What ends a list of parts.
enum Ending {
    Text,
    End,
    Else,
    /// `else if`, whose `end` is that of the first `if`.
    ElseThen(String, Vec<Token>),
}

struct Parser<'t> {
    items: Vec<Item>,
    text: &'t str,
    at: usize,
    /// Where the action that is read begins.
    here: usize,
    variables: Vec<String>,
    defined: BTreeMap<String, Vec<Node>>,
    depth: usize,
    n_ranges: usize,
}

impl Parser<'_> {
    fn fault(&self, why: &str) -> String {
        fault(self.text, self.here, why)
    }

    fn deeper(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fault("nested too deep"));
        }
        Ok(())
    }

    fn list(&mut self) -> Result<(Vec<Node>, Ending), String> {
        self.deeper()?;
        let mut nodes = Vec::new();
        while let Some(item) = self.items.get(self.at).cloned() {
            self.at += 1;
            let (tokens, at) = match item {
                Item::Text(text) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Item::Action(tokens, at) => (tokens, at),
            };
            self.here = at;
            let word = tokens.first().and_then(Token::word).unwrap_or_default();
            let rest = tokens.get(1..).unwrap_or_default();
            let ending = match word {
                "end" => Ending::End,
                "else" => match rest.split_first() {
                    None => Ending::Else,
                    Some((next, rest)) => {
                        let word = next.word().unwrap_or_default().to_owned();
                        Ending::ElseThen(word, rest.to_vec())
                    }
                },
                _ => {
                    nodes.extend(self.node(word, &tokens, rest)?);
                    continue;
                }
            };
            self.depth -= 1;
            return Ok((nodes, ending));
        }
        self.depth -= 1;
        Ok((nodes, Ending::Text))
    }

    fn node(
        &mut self,
        word: &str,
        tokens: &[Token],
        rest: &[Token],
    ) -> Result<Option<Node>, String> {
        Ok(Some(match word {
            "if" | "with" | "range" => self.control(word, rest)?,
            "define" => {
                let name = self.name(rest, "define")?;
                let body = self.body()?;
                self.defined.insert(name, body);
                return Ok(None);
            }
            "block" => {
                let name = self.name(rest, "block")?;
                let pipe = self.pipe(rest.get(1..).unwrap_or_default(), "block clause")?;
                let spot = self.spot(rest, 0, 1);
                let body = self.body()?;
                self.defined.insert(name.clone(), body);
                Node::Template(name, Some(pipe), spot)
            }
            "template" => {
                let name = self.name(rest, "template clause")?;
                let told = rest.get(1..).filter(|it| !it.is_empty());
                let pipe = match told {
                    Some(told) => Some(self.pipe(told, "template clause")?),
                    None => None,
                };
                let mut spot = self.spot(rest, 0, 1);
                let told = pipe.iter().map(|it| format!(" {}", it.spot.text));
                spot.text = format!("{{{{template {}{}}}}}", spot.text, told.collect::<String>());
                Node::Template(name, pipe, spot)
            }
            "break" | "continue" if self.n_ranges == 0 => {
                return Err(self.fault(&format!("{{{{{word}}}}} outside {{{{range}}}}")));
            }
            "break" => Node::Break,
            "continue" => Node::Continue,
            _ => Node::Action(self.pipe(tokens, "command")?),
        }))
    }

    fn name(&self, tokens: &[Token], of: &str) -> Result<String, String> {
        match tokens.first().map(|it| &it.kind) {
            Some(TokenKind::Text(name)) => Ok(name.clone()),
            _ => Err(self.fault(&format!("unexpected {:?} in {of}", "}}"))),
        }
    }

    /// What a definition holds, with variables of its own.
    fn body(&mut self) -> Result<Vec<Node>, String> {
        let outer = std::mem::replace(&mut self.variables, vec![String::new()]);
        let n_ranges = std::mem::take(&mut self.n_ranges);
        let (nodes, ending) = self.list()?;
        self.variables = outer;
        self.n_ranges = n_ranges;
        match ending {
            Ending::End => Ok(nodes),
            Ending::Text => Err(self.fault("unexpected EOF")),
            _ => Err(self.fault("unexpected {{else}}")),
        }
    }

    fn control(&mut self, word: &str, tokens: &[Token]) -> Result<Node, String> {
        self.deeper()?;
        let n_variables = self.variables.len();
        let condition = self.pipe(tokens, word)?;
        let is_range = usize::from(word == "range");
        self.n_ranges += is_range;
        let (body, ending) = self.list()?;
        self.n_ranges -= is_range;
        let otherwise = match ending {
            Ending::End => Vec::new(),
            Ending::Else => match self.list()? {
                (nodes, Ending::End) => nodes,
                (_, Ending::Text) => return Err(self.fault("unexpected EOF")),
                _ => return Err(self.fault("unexpected {{else}}")),
            },
            Ending::ElseThen(inner, rest) if matches!(inner.as_str(), "if" | "with") => {
                vec![self.control(&inner, &rest)?]
            }
            Ending::ElseThen(..) => return Err(self.fault("unexpected {{else}}")),
            Ending::Text => return Err(self.fault("unexpected EOF")),
        };
        self.variables.truncate(n_variables);
        self.depth -= 1;
        Ok(match word {
            "if" => Node::If(condition, body, otherwise),
            "with" => Node::With(condition, body, otherwise),
            _ => Node::Range(condition, body, otherwise),
        })
    }

    /// Where some tokens stand, and how they are written.
    fn spot(&self, tokens: &[Token], from: usize, to: usize) -> Spot {
        let told = tokens.get(from..to).unwrap_or_default();
        let at = told.first().map_or(self.here, |it| it.at);
        let mut text = String::new();
        for (idx, it) in told.iter().enumerate() {
            if idx > 0 && it.has_blank_before {
                text.push(' ');
            }
            text.push_str(self.text.get(it.at..it.end).unwrap_or_default());
        }
        Spot { at, text }
    }

    fn pipe(&mut self, tokens: &[Token], of: &str) -> Result<Pipe, String> {
        self.deeper()?;
        let mut pipe = Pipe {
            spot: self.spot(tokens, 0, tokens.len()),
            ..Pipe::default()
        };
        let n_heads = self.declared(tokens, &mut pipe)?;
        let tokens = &tokens[n_heads..];
        let mut start = 0;
        let mut at = 0;
        while at <= tokens.len() {
            let is_end = tokens.get(at).is_none_or(|it| it.is("|"));
            if !is_end {
                at += match tokens[at].is("(") {
                    true => matching(&tokens[at + 1..])
                        .map(|it| it + 2)
                        .ok_or_else(|| self.fault("unclosed left paren"))?,
                    false => 1,
                };
                continue;
            }
            if start == at {
                return Err(self.fault(&format!("missing value for {of}")));
            }
            let command = self.command(&tokens[start..at])?;
            pipe.commands.push(command);
            at += 1;
            start = at;
        }
        // A variable is known once what it holds was read.
        if !pipe.assigns {
            self.variables.extend(pipe.variables.iter().cloned());
        }
        self.depth -= 1;
        Ok(pipe)
    }

    /// `$x :=`, `$i, $x :=`, `$x =`: how many tokens that is.
    fn declared(&self, tokens: &[Token], pipe: &mut Pipe) -> Result<usize, String> {
        let mut names = Vec::new();
        let mut at = 0;
        while let Some(TokenKind::Variable(name)) = tokens.get(at).map(|it| &it.kind) {
            names.push(name.clone());
            at += 1;
            if tokens.get(at).is_some_and(|it| it.is(",")) {
                at += 1;
            } else {
                break;
            }
        }
        let Some(sign) = tokens.get(at).filter(|it| it.is(":=") || it.is("=")) else {
            return Ok(0);
        };
        if names.is_empty() {
            return Ok(0);
        }
        pipe.assigns = sign.is("=");
        if pipe.assigns {
            names.iter().try_for_each(|it| self.known(it))?;
        }
        pipe.variables = names;
        Ok(at + 1)
    }

    fn known(&self, name: &str) -> Result<(), String> {
        if self.variables.iter().any(|it| it == name) {
            return Ok(());
        }
        Err(self.fault(&format!("undefined variable \"${name}\"")))
    }

    fn command(&mut self, tokens: &[Token]) -> Result<Command, String> {
        let mut words = Vec::new();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let start = at;
            at += 1;
            let operand = match &token.kind {
                TokenKind::Sign("(") => {
                    let end =
                        matching(&tokens[at..]).ok_or_else(|| self.fault("unclosed left paren"))?;
                    let inner = self.pipe(&tokens[at..at + end], "parenthesized pipeline")?;
                    at += end + 1;
                    Operand::Inner(inner, fields_after(tokens, &mut at))
                }
                TokenKind::Variable(name) => {
                    self.known(name)?;
                    Operand::Variable(name.clone(), fields_after(tokens, &mut at))
                }
                TokenKind::Dot => Operand::Field(Vec::new()),
                TokenKind::Field(name) => {
                    let mut path = vec![name.clone()];
                    path.extend(fields_after(tokens, &mut at));
                    Operand::Field(path)
                }
                TokenKind::Text(text) => Operand::Text(text.clone()),
                TokenKind::Int(it) => Operand::Int(*it),
                TokenKind::Float(it) => Operand::Float(*it),
                TokenKind::Word(word) => match word.as_str() {
                    "true" => Operand::Bool(true),
                    "false" => Operand::Bool(false),
                    "nil" => Operand::Nil,
                    name if is_function(name) => Operand::Function(word.clone()),
                    _ => return Err(self.fault(&format!("function {word:?} not defined"))),
                },
                TokenKind::Sign(sign) => {
                    return Err(self.fault(&format!("unexpected {sign:?} in operand")));
                }
            };
            let mut spot = self.spot(tokens, start, at);
            // Of several fields Go notes where the second begins.
            if let (Operand::Field(path), Some(second)) = (&operand, tokens.get(start + 1))
                && path.len() > 1
            {
                spot.at = second.at;
            }
            words.push(Word { operand, spot });
        }
        Ok(Command {
            words,
            spot: self.spot(tokens, 0, tokens.len()),
        })
    }
}

/// Fields that follow without a blank.
fn fields_after(tokens: &[Token], at: &mut usize) -> Vec<String> {
    let mut path = Vec::new();
    while let Some(token) = tokens.get(*at).filter(|it| !it.has_blank_before) {
        let TokenKind::Field(name) = &token.kind else {
            break;
        };
        path.push(name.clone());
        *at += 1;
    }
    path
}

/// Where the bracket that is open closes.
fn matching(tokens: &[Token]) -> Option<usize> {
    let mut depth = 1;
    for (idx, token) in tokens.iter().enumerate() {
        if token.is("(") {
            depth += 1;
        } else if token.is(")") {
            depth -= 1;
        }
        if depth == 0 {
            return Some(idx);
        }
    }
    None
}
