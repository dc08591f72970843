//! Reading a JSONPath template: `{.items[*].metadata.name}`, texts around it, `range`, filters.
//!
//! `k8s.io/client-go/util/jsonpath/parser.go` of 1.32, with its words for mistakes.
//!
//! **Left out**: nothing.

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// A text.
    Text(String),
    /// A field.
    Field(String),
    /// Elements of a list: from, to, step; each told or not.
    Slice([Option<i64>; 3]),
    /// Elements that a comparison selects.
    Filter(Vec<Node>, String, Vec<Node>),
    /// Every element, or every field.
    Wildcard,
    /// Everything below.
    Recursive,
    /// Several paths.
    Union(Vec<Vec<Node>>),
    /// A path, or a text or number, in braces.
    List(Vec<Node>),
    /// `range` or `end`, or a word that means nothing.
    Identifier(String),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// true or false.
    Bool(bool),
}

const MAX_DEPTH: usize = 64;

/// Reads a template.
///
/// # Errors
/// What is wrong, in client-go's words.
pub(crate) fn parse(text: &str) -> Result<Vec<Node>, String> {
    let mut parser = Parser {
        input: text.chars().collect(),
        at: 0,
        depth: 0,
    };
    parser.template()
}

struct Parser {
    input: Vec<char>,
    at: usize,
    depth: usize,
}

fn is_alphanumeric(it: char) -> bool {
    it == '_' || it.is_alphanumeric()
}

fn ends_word(it: Option<char>) -> bool {
    match it {
        None => true,
        Some(it) => {
            it.is_whitespace() || matches!(it, '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}')
        }
    }
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.input.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let it = self.peek();
        self.at += usize::from(it.is_some());
        it
    }

    fn starts(&self, text: &str) -> bool {
        text.chars()
            .enumerate()
            .all(|(n, it)| self.input.get(self.at + n) == Some(&it))
    }

    fn template(&mut self) -> Result<Vec<Node>, String> {
        let mut nodes = Vec::new();
        let mut text = String::new();
        while let Some(it) = self.next() {
            if it != '{' {
                text.push(it);
                continue;
            }
            if !text.is_empty() {
                nodes.push(Node::Text(std::mem::take(&mut text)));
            }
            let mut inside = Vec::new();
            self.inside(&mut inside)?;
            nodes.push(Node::List(inside));
        }
        if !text.is_empty() {
            nodes.push(Node::Text(text));
        }
        Ok(nodes)
    }

    /// What stands in braces, up to the closing one.
    fn inside(&mut self, nodes: &mut Vec<Node>) -> Result<(), String> {
        loop {
            match self.next() {
                None | Some('\n') => return Err("unclosed action".to_owned()),
                Some('}') => return Ok(()),
                Some('$' | '@') => {}
                Some(it) if it.is_whitespace() => {}
                Some('[') => nodes.push(self.array()?),
                Some(quote @ ('"' | '\'')) => nodes.push(Node::Text(self.quoted(quote)?)),
                Some('.') if self.peek() == Some('.') => {
                    self.at += 1;
                    nodes.push(Node::Recursive);
                    // A field may follow without a dot.
                    if self
                        .peek()
                        .is_some_and(|it| is_alphanumeric(it) || it == '\\')
                    {
                        nodes.push(self.field());
                    }
                }
                Some('.') => nodes.push(self.field()),
                Some(it) if it == '+' || it == '-' || it.is_ascii_digit() => {
                    self.at -= 1;
                    nodes.push(self.number()?);
                }
                Some(it) if is_alphanumeric(it) => {
                    self.at -= 1;
                    nodes.push(self.word());
                }
                Some(it) => {
                    return Err(format!(
                        "unrecognized character in action: U+{:04X} '{it}'",
                        u32::from(it)
                    ));
                }
            }
        }
    }

    fn word(&mut self) -> Node {
        let mut word = String::new();
        while !ends_word(self.peek()) {
            word.extend(self.next());
        }
        match word.as_str() {
            "true" => Node::Bool(true),
            "false" => Node::Bool(false),
            _ => Node::Identifier(word),
        }
    }

    fn field(&mut self) -> Node {
        let mut name = String::new();
        while !ends_word(self.peek()) {
            match self.next() {
                Some('\\') => name.extend(self.next()),
                it => name.extend(it),
            }
        }
        if name == "*" {
            Node::Wildcard
        } else {
            Node::Field(name)
        }
    }

    fn number(&mut self) -> Result<Node, String> {
        let mut text = String::new();
        text.extend(self.next());
        while let Some(it) = self.peek().filter(|it| it.is_ascii_digit() || *it == '.') {
            text.push(it);
            self.at += 1;
        }
        if let Ok(it) = text.parse::<i64>() {
            return Ok(Node::Int(it));
        }
        match text.parse::<f64>() {
            Ok(it) => Ok(Node::Float(it)),
            Err(_) => Err(format!("cannot parse number {text}")),
        }
    }

    /// Up to the quote that closes; what stands between is read as Go reads it.
    fn quoted(&mut self, quote: char) -> Result<String, String> {
        let mut text = String::new();
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated quoted string".to_owned()),
                Some('\\') => match self.next() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some(it) => text.push(it),
                    None => return Err("unterminated quoted string".to_owned()),
                },
                Some(it) if it == quote => return Ok(text),
                Some(it) => text.push(it),
            }
        }
    }

    fn array(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("nested too deep".to_owned());
        }
        let node = if self.starts("?(") {
            self.at += 2;
            self.filter()
        } else {
            self.subscript()
        };
        self.depth -= 1;
        node
    }

    fn subscript(&mut self) -> Result<Node, String> {
        let mut text = String::new();
        let mut quote = None;
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated array".to_owned()),
                Some(']') if quote.is_none() => break,
                Some(it @ ('\'' | '"')) if quote.is_none() || quote == Some(it) => {
                    quote = if quote.is_none() { Some(it) } else { None };
                    text.push(it);
                }
                Some(it) => text.push(it),
            }
        }
        subscript_of(text.trim())
    }

    fn filter(&mut self) -> Result<Node, String> {
        let mut text = String::new();
        let (mut quote, mut depth) = (None, 1);
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated filter".to_owned()),
                Some('\\') if quote.is_some() => {
                    text.push('\\');
                    text.extend(self.next());
                }
                Some(it @ ('\'' | '"')) if quote.is_none() || quote == Some(it) => {
                    quote = if quote.is_none() { Some(it) } else { None };
                    text.push(it);
                }
                Some('(') if quote.is_none() => {
                    depth += 1;
                    text.push('(');
                }
                Some(')') if quote.is_none() => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                    text.push(')');
                }
                Some(it) => text.push(it),
            }
        }
        if self.next() != Some(']') {
            return Err("unclosed array expect ]".to_owned());
        }
        filter_of(&text, self.depth)
    }
}

fn subscript_of(text: &str) -> Result<Node, String> {
    if text == "*" {
        return Ok(Node::Slice([None; 3]));
    }
    if let Some(names) = quoted_names(text) {
        let mut paths = names
            .iter()
            .map(|it| dotted_path(it))
            .collect::<Result<Vec<_>, _>>()?;
        return Ok(match paths.len() {
            1 => Node::List(paths.remove(0)),
            _ => Node::Union(paths),
        });
    }
    if text.contains(',') {
        let mut paths = Vec::new();
        for part in text.split(',') {
            paths.push(vec![subscript_of(part.trim())?]);
        }
        return Ok(Node::Union(paths));
    }
    let parts: Vec<&str> = text.split(':').map(str::trim).collect();
    if parts.len() > 3 || text.is_empty() {
        return Err(format!("invalid array index {text}"));
    }
    let mut numbers = [None; 3];
    for (idx, part) in parts.iter().enumerate() {
        if !part.is_empty() {
            let number = part
                .parse()
                .map_err(|_| format!("invalid array index {text}"))?;
            numbers[idx] = Some(number);
        }
    }
    if parts.len() == 1 {
        // One element: to the one after it, which is unknown where it counts from the end.
        numbers[1] = numbers[0].map(|it: i64| it + 1).filter(|it| *it != 0);
    }
    Ok(Node::Slice(numbers))
}

/// A quoted name is a path of its own: dots in it part fields unless a backslash stands before them.
fn dotted_path(name: &str) -> Result<Vec<Node>, String> {
    let mut parser = Parser {
        input: format!(".{name}}}").chars().collect(),
        at: 0,
        depth: MAX_DEPTH - 1,
    };
    let mut nodes = Vec::new();
    parser.inside(&mut nodes)?;
    Ok(nodes)
}

/// `'a'`, `'a','b'`
fn quoted_names(text: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = text;
    loop {
        let quote = rest.chars().next().filter(|it| *it == '\'' || *it == '"')?;
        let (name, after) = rest[1..].split_once(quote)?;
        names.push(name.to_owned());
        match after.trim_start().strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None if after.trim().is_empty() => return Some(names),
            None => return None,
        }
    }
}

fn filter_of(text: &str, depth: usize) -> Result<Node, String> {
    let (left, operator, right) = split_comparison(text);
    let side = |text: &str| -> Result<Vec<Node>, String> {
        let mut parser = Parser {
            input: format!("{text}}}").chars().collect(),
            at: 0,
            depth,
        };
        let mut nodes = Vec::new();
        parser.inside(&mut nodes)?;
        Ok(nodes)
    };
    let right = if operator == "exists" {
        Vec::new()
    } else {
        side(right)?
    };
    Ok(Node::Filter(side(left)?, operator.to_owned(), right))
}

/// The first signs of a comparison part the text, wherever they stand; both sides must be there.
fn split_comparison(text: &str) -> (&str, &str, &str) {
    let is_sign = |it: char| matches!(it, '=' | '!' | '<' | '>');
    let start = text.find(is_sign).filter(|it| *it > 0);
    let Some(start) = start else {
        return (text, "exists", "");
    };
    let (left, rest) = text.split_at(start);
    let end = rest.find(|it| !is_sign(it)).unwrap_or(rest.len());
    let (operator, right) = match end {
        // There must be something on the right: the last sign, if there is nothing else.
        it if it == rest.len() => rest.split_at(end - 1),
        it => rest.split_at(it),
    };
    if operator.is_empty() {
        return (text, "exists", "");
    }
    (left, operator, right)
}
