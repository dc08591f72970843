//! Reading a Go template.
//!
//! `text/template/parse` of Go 1.23, as far as templates over documents need it.
//!
//! **Left out**: `define`, `template`, `block`, `break`, `continue`; complex numbers and characters.

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Text(String),
    Action(Pipe),
    If(Pipe, Vec<Node>, Vec<Node>),
    With(Pipe, Vec<Node>, Vec<Node>),
    Range(Pipe, Vec<Node>, Vec<Node>),
}

/// `$a, $b := first | second`
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pipe {
    pub(super) variables: Vec<String>,
    pub(super) assigns: bool,
    pub(super) commands: Vec<Vec<Operand>>,
}

/// A word of a command.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    /// `.a.b`
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

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Field(Vec<String>),
    Variable(String),
    Text(String),
    Number(String),
    Sign(&'static str),
}

const MAX_DEPTH: usize = 50;

/// Reads a template.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let after = &rest[at + 2..];
        let Some(end) = closing(after) else {
            return Err("template: output:1: unclosed action".to_owned());
        };
        let (mut before, mut inside) = (&rest[..at], &after[..end]);
        rest = &after[end + 2..];
        if let Some(trimmed) = inside.strip_prefix("- ") {
            before = before.trim_end();
            inside = trimmed;
        }
        if let Some(trimmed) = inside.strip_suffix(" -") {
            inside = trimmed;
            rest = rest.trim_start();
        }
        pieces.push(Piece::Text(before.to_owned()));
        if !inside.trim_start().starts_with("/*") {
            pieces.push(Piece::Action(tokens(inside)?));
        }
    }
    pieces.push(Piece::Text(rest.to_owned()));
    let mut at = 0;
    match list(&pieces, &mut at, 0)? {
        (nodes, Ending::Text) => Ok(nodes),
        _ => Err("template: output:1: unexpected {{end}}".to_owned()),
    }
}

enum Piece {
    Text(String),
    Action(Vec<Token>),
}

/// Where an action ends, quotes stepped over.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, it) in text.char_indices() {
        match (quote, it) {
            (None, '"' | '`') => quote = Some(it),
            (Some('"'), '\\') if !escaped => {
                escaped = true;
                continue;
            }
            (Some(open), it) if it == open && !escaped => quote = None,
            (None, '}') if text[at..].starts_with("}}") => return Some(at),
            _ => {}
        }
        escaped = false;
    }
    None
}

/// What ends a list of parts.
enum Ending<'p> {
    Text,
    End,
    Else,
    /// `else if`, whose `end` is that of the first `if`.
    ElseThen(&'p str, &'p [Token]),
}

fn list<'p>(
    pieces: &'p [Piece],
    at: &mut usize,
    depth: usize,
) -> Result<(Vec<Node>, Ending<'p>), String> {
    if depth > MAX_DEPTH {
        return Err("template: output:1: nested too deep".to_owned());
    }
    let mut nodes = Vec::new();
    while let Some(piece) = pieces.get(*at) {
        *at += 1;
        let tokens = match piece {
            Piece::Text(text) => {
                if !text.is_empty() {
                    nodes.push(Node::Text(text.clone()));
                }
                continue;
            }
            Piece::Action(tokens) => tokens,
        };
        match tokens.as_slice() {
            [] => return Err("template: output:1: missing value for command".to_owned()),
            [Token::Word(word)] if word == "end" => return Ok((nodes, Ending::End)),
            [Token::Word(word)] if word == "else" => return Ok((nodes, Ending::Else)),
            [Token::Word(word), Token::Word(inner), rest @ ..] if word == "else" => {
                return Ok((nodes, Ending::ElseThen(inner, rest)));
            }
            [Token::Word(word), rest @ ..] if matches!(word.as_str(), "if" | "with" | "range") => {
                nodes.push(control(word, rest, pieces, at, depth + 1)?);
            }
            _ => nodes.push(Node::Action(pipe(tokens, depth)?)),
        }
    }
    Ok((nodes, Ending::Text))
}

fn control(
    word: &str,
    tokens: &[Token],
    pieces: &[Piece],
    at: &mut usize,
    depth: usize,
) -> Result<Node, String> {
    let condition = pipe(tokens, depth)?;
    let (body, ending) = list(pieces, at, depth)?;
    let otherwise = match ending {
        Ending::End => Vec::new(),
        Ending::Else => match list(pieces, at, depth)? {
            (nodes, Ending::End) => nodes,
            _ => return Err("template: output:1: unexpected EOF".to_owned()),
        },
        Ending::ElseThen(inner, rest) => vec![control(inner, rest, pieces, at, depth + 1)?],
        Ending::Text => return Err("template: output:1: unexpected EOF".to_owned()),
    };
    Ok(match word {
        "if" => Node::If(condition, body, otherwise),
        "with" => Node::With(condition, body, otherwise),
        _ => Node::Range(condition, body, otherwise),
    })
}

fn pipe(tokens: &[Token], depth: usize) -> Result<Pipe, String> {
    if depth > MAX_DEPTH {
        return Err("template: output:1: nested too deep".to_owned());
    }
    let mut pipe = Pipe::default();
    let mut tokens = tokens;
    let names: Vec<String> = tokens
        .iter()
        .take_while(|it| matches!(it, Token::Variable(_) | Token::Sign(",")))
        .filter_map(|it| match it {
            Token::Variable(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    let n_tokens = (names.len() * 2).saturating_sub(1);
    if let Some(Token::Sign(sign @ (":=" | "="))) = tokens.get(n_tokens) {
        pipe.assigns = *sign == "=";
        pipe.variables = names;
        tokens = &tokens[n_tokens + 1..];
    }
    let mut command = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            Token::Sign("|") => {
                if command.is_empty() {
                    return Err("template: output:1: missing value for command".to_owned());
                }
                pipe.commands.push(std::mem::take(&mut command));
            }
            Token::Sign("(") => {
                let end =
                    matching(&tokens[at..]).ok_or("template: output:1: unclosed left paren")?;
                let inner = self::pipe(&tokens[at..at + end], depth + 1)?;
                at += end + 1;
                command.push(Operand::Inner(inner, fields_after(tokens, &mut at)));
            }
            Token::Variable(name) => {
                let fields = fields_after(tokens, &mut at);
                command.push(Operand::Variable(name.clone(), fields));
            }
            Token::Field(path) => command.push(Operand::Field(path.clone())),
            Token::Text(text) => command.push(Operand::Text(text.clone())),
            Token::Number(text) => command.push(number(text)?),
            Token::Word(word) => command.push(match word.as_str() {
                "true" => Operand::Bool(true),
                "false" => Operand::Bool(false),
                "nil" => Operand::Nil,
                _ => Operand::Function(word.clone()),
            }),
            Token::Sign(sign) => {
                return Err(format!(
                    "template: output:1: unexpected {sign:?} in operand"
                ));
            }
        }
    }
    if command.is_empty() {
        return Err("template: output:1: missing value for command".to_owned());
    }
    pipe.commands.push(command);
    Ok(pipe)
}

/// Fields that follow a variable or a bracket without a blank come as a field of their own.
fn fields_after(tokens: &[Token], at: &mut usize) -> Vec<String> {
    match tokens.get(*at) {
        Some(Token::Field(path)) if !path.is_empty() => {
            *at += 1;
            path.clone()
        }
        _ => Vec::new(),
    }
}

fn matching(tokens: &[Token]) -> Option<usize> {
    let mut depth = 1;
    for (idx, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign("(") => depth += 1,
            Token::Sign(")") => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(idx);
        }
    }
    None
}

fn number(text: &str) -> Result<Operand, String> {
    if let Ok(it) = text.parse() {
        return Ok(Operand::Int(it));
    }
    text.parse()
        .map(Operand::Float)
        .map_err(|_| format!("template: output:1: bad number syntax: {text:?}"))
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    let is_word = |it: &char| it.is_alphanumeric() || *it == '_';
    let word =
        |from: usize| -> String { chars[from..].iter().take_while(|it| is_word(it)).collect() };
    while let Some(it) = chars.get(at) {
        at += 1;
        match it {
            it if it.is_whitespace() => {}
            '.' => {
                let mut path = Vec::new();
                loop {
                    let name = word(at);
                    at += name.chars().count();
                    if name.is_empty() {
                        break;
                    }
                    path.push(name);
                    if chars.get(at) != Some(&'.') {
                        break;
                    }
                    at += 1;
                }
                tokens.push(Token::Field(path));
            }
            '$' => {
                let name = word(at);
                at += name.chars().count();
                tokens.push(Token::Variable(name));
            }
            '"' => tokens.push(Token::Text(quoted(&chars, &mut at)?)),
            '`' => {
                let text: String = chars[at..].iter().take_while(|it| **it != '`').collect();
                at += text.chars().count() + 1;
                tokens.push(Token::Text(text));
            }
            ':' if chars.get(at) == Some(&'=') => {
                at += 1;
                tokens.push(Token::Sign(":="));
            }
            '=' => tokens.push(Token::Sign("=")),
            '|' => tokens.push(Token::Sign("|")),
            '(' => tokens.push(Token::Sign("(")),
            ')' => tokens.push(Token::Sign(")")),
            ',' => tokens.push(Token::Sign(",")),
            it if it.is_ascii_digit()
                || (*it == '-' && chars.get(at).is_some_and(char::is_ascii_digit)) =>
            {
                let mut text = it.to_string();
                while let Some(next) = chars
                    .get(at)
                    .filter(|it| it.is_ascii_digit() || **it == '.')
                {
                    text.push(*next);
                    at += 1;
                }
                tokens.push(Token::Number(text));
            }
            it if is_word(it) => {
                let name = word(at - 1);
                at += name.chars().count() - 1;
                tokens.push(Token::Word(name));
            }
            it => {
                return Err(format!(
                    "template: output:1: unexpected unrecognized character in action: U+{:04X} '{it}'",
                    u32::from(*it)
                ));
            }
        }
    }
    Ok(tokens)
}

fn quoted(chars: &[char], at: &mut usize) -> Result<String, String> {
    let mut text = String::new();
    while let Some(it) = chars.get(*at) {
        *at += 1;
        match it {
            '"' => return Ok(text),
            '\\' => {
                let next = chars.get(*at).copied();
                *at += 1;
                match next {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    other => text.extend(other),
                }
            }
            it => text.push(*it),
        }
    }
    Err("template: output:1: unterminated quoted string".to_owned())
}
