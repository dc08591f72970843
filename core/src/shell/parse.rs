//! Reads the shell's language.
//!
//! POSIX.1-2017 "Shell Command Language" 2.2 to 2.10; syntax errors are worded as dash 0.5.12 words them.
//!
//! **Left out**: aliases, which POSIX has the reader expand.

use super::syntax::{
    Command, Compound, Connector, Item, Pipeline, Redirect, RedirectKind, Script, Simple, Until,
    Wait, Word,
};
use std::fmt;
use std::rc::Rc;

/// The longest text that is read, in bytes.
pub const MAX_TEXT: usize = 65_536;

/// How deep constructs may be nested.
const MAX_DEPTH: usize = 40;

/// Why a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The line, counted from one.
    pub line: usize,
    /// The column, counted from one.
    pub column: usize,
    /// Why.
    pub message: String,
    /// Whether more text could mend it: an open quote, a `do` without its `done`.
    pub is_incomplete: bool,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sh: {}: Syntax error: {}", self.line, self.message)
    }
}

/// Reads a text of any number of lines.
///
/// # Errors
/// When it is no script.
pub fn parse(text: &str) -> Result<Script, ParseError> {
    parse_nested(text, 1, 0)
}

pub(super) fn parse_nested(text: &str, line: usize, depth: usize) -> Result<Script, ParseError> {
    if text.len() > MAX_TEXT {
        return Err(Parser::new("", line, depth).fault(&format!(
            "a line of {} bytes is too long: at most {MAX_TEXT} are read",
            text.len()
        )));
    }
    let mut parser = Parser::new(text, line, depth);
    let script = parser.whole_script()?;
    match parser.peek() {
        None => Ok(script),
        Some(_) => Err(parser.unexpected(None)),
    }
}

const RESERVED: [&str; 16] = [
    "if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "{",
    "}", "!", "in",
];

const OPERATORS: [&str; 18] = [
    "<<-", "<<<", "&>>", "&&", "||", ";;", "<<", "<&", "<>", ">>", ">&", ">|", "&>", "&", ";", "|",
    "<", ">",
];

pub(super) struct Parser {
    pub(super) chars: Vec<char>,
    pub(super) at: usize,
    pub(super) first_line: usize,
    pub(super) depth: usize,
    /// Here-documents whose text begins after this line: delimiter, whether tabs go, whether it is quoted, and
    /// where their text goes.
    pub(super) pending: Vec<Pending>,
    /// The texts read so far, by the number of what they belong to.
    pub(super) texts: Vec<(usize, Word)>,
}

pub(super) struct Pending {
    delimiter: String,
    strips_tabs: bool,
    is_quoted: bool,
    number: usize,
}

impl Parser {
    pub(super) fn new(text: &str, first_line: usize, depth: usize) -> Parser {
        Parser {
            chars: text.chars().collect(),
            at: 0,
            first_line,
            depth,
            pending: Vec::new(),
            texts: Vec::new(),
        }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    pub(super) fn peek_at(&self, offset: usize) -> Option<char> {
        self.chars.get(self.at + offset).copied()
    }

    pub(super) fn line(&self) -> usize {
        let before = &self.chars[..self.at.min(self.chars.len())];
        self.first_line + before.iter().filter(|it| **it == '\n').count()
    }

    pub(super) fn fault(&self, message: &str) -> ParseError {
        let before = &self.chars[..self.at.min(self.chars.len())];
        let column = before.iter().rev().take_while(|it| **it != '\n').count() + 1;
        ParseError {
            line: self.line(),
            column,
            message: message.to_owned(),
            is_incomplete: false,
        }
    }

    pub(super) fn incomplete(&self, message: &str) -> ParseError {
        ParseError {
            is_incomplete: true,
            ..self.fault(message)
        }
    }

    /// What stands here was not to be expected.
    fn unexpected(&self, expecting: Option<&str>) -> ParseError {
        let expecting = expecting.map_or(String::new(), |it| format!(" (expecting \"{it}\")"));
        match self.peek() {
            None => self.incomplete(&format!("end of file unexpected{expecting}")),
            Some('\n') => self.fault(&format!("newline unexpected{expecting}")),
            Some(it) => {
                let what = match self.operator() {
                    Some(operator) => operator.to_owned(),
                    None if "()".contains(it) => it.to_string(),
                    None => self.bare_word().unwrap_or_else(|| "word".to_owned()),
                };
                let what = if what == "word" || self.operator().is_none() && !is_reserved(&what) {
                    if "()".contains(it) {
                        format!("\"{what}\"")
                    } else {
                        "word".to_owned()
                    }
                } else {
                    format!("\"{what}\"")
                };
                self.fault(&format!("{what} unexpected{expecting}"))
            }
        }
    }

    pub(super) fn nest(&mut self) -> Result<(), ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fault(&format!("nested more than {MAX_DEPTH} deep")));
        }
        Ok(())
    }

    fn skip_blanks(&mut self) {
        loop {
            match (self.peek(), self.peek_at(1)) {
                (Some(' ' | '\t' | '\r'), _) => self.at += 1,
                (Some('\\'), Some('\n')) => self.at += 2,
                (Some('#'), _) => {
                    while self.peek().is_some_and(|it| it != '\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    /// The end of a line, and the here-documents that begin after it.
    fn newline(&mut self) -> Result<(), ParseError> {
        self.at += 1;
        for pending in std::mem::take(&mut self.pending) {
            let text = self.here_text(&pending)?;
            self.texts.push((pending.number, text));
        }
        Ok(())
    }

    fn here_text(&mut self, pending: &Pending) -> Result<Word, ParseError> {
        let mut text = String::new();
        let line_number = self.line();
        loop {
            if self.at >= self.chars.len() {
                return Err(self.incomplete("here-document without its end"));
            }
            let rest = &self.chars[self.at..];
            let length = rest.iter().position(|it| *it == '\n').unwrap_or(rest.len());
            let mut line: String = rest[..length].iter().collect();
            self.at = (self.at + length + 1).min(self.chars.len());
            if pending.strips_tabs {
                line = line.trim_start_matches('\t').to_owned();
            }
            if line == pending.delimiter {
                break;
            }
            text.push_str(&line);
            text.push('\n');
        }
        if pending.is_quoted {
            return Ok(Word::quoted(&text));
        }
        Parser::new(&text, line_number, self.depth).here_word()
    }

    fn skip_lines(&mut self) -> Result<(), ParseError> {
        loop {
            self.skip_blanks();
            if self.peek() != Some('\n') {
                return Ok(());
            }
            self.newline()?;
        }
    }

    /// The operator that stands here.
    fn operator(&self) -> Option<&'static str> {
        OPERATORS.into_iter().find(|operator| {
            let mut expected = operator.chars().enumerate();
            expected.all(|(offset, it)| self.peek_at(offset) == Some(it))
        })
    }

    fn takes(&mut self, operator: &str) -> bool {
        let is_here = self.operator() == Some(operator);
        if is_here {
            self.at += operator.len();
        }
        is_here
    }

    /// The plain characters up to the next blank or operator.
    fn bare_word(&self) -> Option<String> {
        let rest = self.chars.get(self.at..)?.iter();
        let word: String = rest.take_while(|it| !is_metacharacter(**it)).collect();
        (!word.is_empty()).then_some(word)
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_here = self.bare_word().as_deref() == Some(word);
        if is_here {
            self.at += word.chars().count();
        }
        is_here
    }

    fn expect_word(&mut self, word: &str) -> Result<(), ParseError> {
        self.skip_blanks();
        if self.takes_word(word) {
            return Ok(());
        }
        Err(self.unexpected(Some(word)))
    }

    /// Commands up to a `)` or the end, with their here-documents.
    pub(super) fn whole_script(&mut self) -> Result<Script, ParseError> {
        let pending = std::mem::take(&mut self.pending);
        let texts = std::mem::take(&mut self.texts);
        let mut script = self.script(&[])?;
        if !self.pending.is_empty() {
            return Err(self.incomplete("here-document without its end"));
        }
        fill(&mut script, std::mem::replace(&mut self.texts, texts));
        self.pending = pending;
        Ok(script)
    }

    /// Commands up to one of these words, or a `)`, or the end.
    fn script(&mut self, ends: &[&str]) -> Result<Script, ParseError> {
        let mut script = Script::default();
        loop {
            self.skip_lines()?;
            if self.is_end(ends) {
                break;
            }
            let start = self.at;
            let mut item = self.item()?;
            let text: String = self.chars[start..self.at].iter().collect();
            item.text = text.trim().into();
            self.skip_blanks();
            if self.operator() == Some("&") {
                self.at += 1;
                item.wait = Wait::Background;
            } else if self.operator() == Some(";") {
                self.at += 1;
            } else if self.peek().is_some_and(|it| it != '\n') && !self.is_end(ends) {
                return Err(self.unexpected(None));
            }
            script.items.push(item);
        }
        Ok(script)
    }

    fn is_end(&self, ends: &[&str]) -> bool {
        match self.peek() {
            None | Some(')') => true,
            _ if self.operator() == Some(";;") => true,
            _ => self
                .bare_word()
                .is_some_and(|it| ends.contains(&it.as_str())),
        }
    }

    fn item(&mut self) -> Result<Item, ParseError> {
        let mut pipelines = vec![(Connector::First, self.pipeline()?)];
        loop {
            self.skip_blanks();
            let connector = if self.takes("&&") {
                Connector::And
            } else if self.takes("||") {
                Connector::Or
            } else {
                break;
            };
            self.skip_lines()?;
            pipelines.push((connector, self.pipeline()?));
        }
        Ok(Item {
            pipelines,
            wait: Wait::Foreground,
            text: "".into(),
        })
    }

    fn pipeline(&mut self) -> Result<Pipeline, ParseError> {
        let mut is_negated = false;
        self.skip_blanks();
        while self.takes_word("!") {
            is_negated = !is_negated;
            self.skip_blanks();
        }
        let mut commands = vec![Rc::new(self.command()?)];
        loop {
            self.skip_blanks();
            if !self.takes("|") {
                break;
            }
            self.skip_lines()?;
            commands.push(Rc::new(self.command()?));
        }
        Ok(Pipeline {
            is_negated,
            commands,
        })
    }

    fn command(&mut self) -> Result<Command, ParseError> {
        self.nest()?;
        self.skip_blanks();
        let command = if let Some(compound) = self.compound()? {
            let mut redirects = Vec::new();
            while let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
            }
            Command::Compound(compound, redirects)
        } else if let Some(name) = self.function_name() {
            self.skip_lines()?;
            Command::Function(name, Rc::new(self.command()?))
        } else {
            Command::Simple(self.simple()?)
        };
        self.depth -= 1;
        Ok(command)
    }

    fn compound(&mut self) -> Result<Option<Compound>, ParseError> {
        if self.peek() == Some('(') {
            self.at += 1;
            let body = self.script(&[])?;
            self.close(')')?;
            return Ok(Some(Compound::Subshell(body)));
        }
        let Some(word) = self.bare_word() else {
            return Ok(None);
        };
        if !is_reserved(&word) || word == "in" {
            return Ok(None);
        }
        let compound = match word.as_str() {
            "{" => {
                self.at += 1;
                let body = self.body(&["}"])?;
                self.expect_word("}")?;
                Compound::Group(body)
            }
            "if" => self.if_command()?,
            "while" | "until" => {
                self.at += 5;
                let condition = self.body(&["do"])?;
                let body = self.do_group()?;
                let until = if word == "while" {
                    Until::Fails
                } else {
                    Until::Succeeds
                };
                Compound::Loop(until, condition, body)
            }
            "for" => self.for_command()?,
            "case" => self.case_command()?,
            _ => return Err(self.unexpected(None)),
        };
        Ok(Some(compound))
    }

    fn close(&mut self, end: char) -> Result<(), ParseError> {
        if self.peek() == Some(end) {
            self.at += 1;
            return Ok(());
        }
        Err(self.unexpected(Some(&end.to_string())))
    }

    /// Commands that must be there.
    fn body(&mut self, ends: &[&str]) -> Result<Script, ParseError> {
        let script = self.script(ends)?;
        if script.items.is_empty() {
            return Err(self.unexpected(None));
        }
        Ok(script)
    }

    fn if_command(&mut self) -> Result<Compound, ParseError> {
        self.at += 2;
        let mut branches = Vec::new();
        loop {
            let condition = self.body(&["then"])?;
            self.expect_word("then")?;
            let body = self.body(&["elif", "else", "fi"])?;
            branches.push((condition, body));
            if !self.takes_word("elif") {
                break;
            }
        }
        let otherwise = match self.takes_word("else") {
            true => Some(self.body(&["fi"])?),
            false => None,
        };
        self.expect_word("fi")?;
        Ok(Compound::If(branches, otherwise))
    }

    fn do_group(&mut self) -> Result<Script, ParseError> {
        self.expect_word("do")?;
        let body = self.body(&["done"])?;
        self.expect_word("done")?;
        Ok(body)
    }

    fn for_command(&mut self) -> Result<Compound, ParseError> {
        self.at += 3;
        self.skip_blanks();
        let name = self.bare_word().filter(|it| is_name(it));
        let Some(name) = name else {
            return Err(match self.peek() {
                None => self.unexpected(None),
                Some(_) => self.fault("Bad for loop variable"),
            });
        };
        self.at += name.chars().count();
        self.skip_lines()?;
        let mut words = None;
        if self.takes_word("in") {
            let mut list = Vec::new();
            loop {
                self.skip_blanks();
                match self.peek() {
                    Some('\n') | None => break,
                    _ if self.operator().is_some() || "()".contains(self.peek().unwrap_or('x')) => {
                        break;
                    }
                    _ => list.push(self.word()?),
                }
            }
            words = Some(list);
        }
        if !self.takes(";") && self.peek().is_some_and(|it| it != '\n') && words.is_some() {
            return Err(self.unexpected(None));
        }
        self.skip_lines()?;
        Ok(Compound::For(name, words, self.do_group()?))
    }

    fn case_command(&mut self) -> Result<Compound, ParseError> {
        self.at += 4;
        self.skip_blanks();
        if self.peek().is_none_or(is_metacharacter) {
            return Err(self.unexpected(None));
        }
        let subject = self.word()?;
        self.skip_lines()?;
        self.expect_word("in")?;
        let mut arms = Vec::new();
        loop {
            self.skip_lines()?;
            if self.takes_word("esac") {
                return Ok(Compound::Case(subject, arms));
            }
            if self.peek() == Some('(') {
                self.at += 1;
            }
            let mut patterns = Vec::new();
            loop {
                self.skip_blanks();
                if self.peek().is_none_or(is_metacharacter) {
                    return Err(self.unexpected(None));
                }
                patterns.push(self.word()?);
                self.skip_blanks();
                if !self.takes("|") {
                    break;
                }
            }
            self.close(')')?;
            let body = self.script(&["esac"])?;
            arms.push((patterns, body));
            self.skip_blanks();
            if !self.takes(";;") {
                self.expect_word("esac")?;
                return Ok(Compound::Case(subject, arms));
            }
        }
    }

    fn function_name(&mut self) -> Option<String> {
        let name = self.bare_word().filter(|it| is_name(it))?;
        let start = self.at;
        self.at += name.chars().count();
        self.skip_blanks();
        if self.peek() == Some('(') {
            self.at += 1;
            self.skip_blanks();
            if self.peek() == Some(')') {
                self.at += 1;
                return Some(name);
            }
        }
        self.at = start;
        None
    }

    fn simple(&mut self) -> Result<Simple, ParseError> {
        let mut simple = Simple::default();
        let start = self.at;
        loop {
            self.skip_blanks();
            if let Some(redirect) = self.redirect()? {
                simple.redirects.push(redirect);
                continue;
            }
            match self.peek() {
                None | Some('\n' | ')') => break,
                Some('(') => return Err(self.unexpected(None)),
                _ if self.operator().is_some() => break,
                _ => {}
            }
            if simple.words.is_empty()
                && let Some(name) = self.assignment()
            {
                let value = match self.peek() {
                    Some(it) if !is_metacharacter(it) => self.word()?,
                    _ => Word::default(),
                };
                simple.assignments.push((name, value));
                continue;
            }
            simple.words.push(self.word()?);
        }
        if self.at == start || simple == Simple::default() {
            return Err(self.unexpected(None));
        }
        Ok(simple)
    }

    /// `NAME=`, if it stands here.
    fn assignment(&mut self) -> Option<String> {
        let rest = &self.chars[self.at..];
        let end = rest.iter().position(|it| *it == '=')?;
        let name: String = rest[..end].iter().collect();
        is_name(&name).then(|| {
            self.at += end + 1;
            name
        })
    }

    fn redirect(&mut self) -> Result<Option<Redirect>, ParseError> {
        self.skip_blanks();
        let n_digits =
            (0..).take_while(|it| self.peek_at(*it).is_some_and(|it| it.is_ascii_digit()));
        let n_digits = n_digits.count();
        if n_digits > 0 && !matches!(self.peek_at(n_digits), Some('<' | '>')) {
            return Ok(None);
        }
        let digits: String = self.chars[self.at..self.at + n_digits].iter().collect();
        let start = self.at;
        self.at += n_digits;
        let Some(operator) = self.operator() else {
            self.at = start;
            return Ok(None);
        };
        let kind = match operator {
            "<" | "<>" => RedirectKind::Read,
            ">" | ">|" => RedirectKind::Write,
            ">>" => RedirectKind::Append,
            "<&" | ">&" => RedirectKind::Duplicate,
            "&>" | "&>>" => RedirectKind::Both,
            "<<" | "<<-" | "<<<" => RedirectKind::Here,
            _ => {
                self.at = start;
                return Ok(None);
            }
        };
        self.at += operator.len();
        self.skip_blanks();
        if self.peek().is_none_or(is_metacharacter) {
            return Err(self.unexpected(None));
        }
        let mut target = self.word()?;
        if operator == "<<<" {
            target.0.push(super::syntax::Part::Quoted("\n".to_owned()));
        } else if kind == RedirectKind::Here {
            target = self.here_document(&target, operator == "<<-");
        }
        let fd = match digits.parse() {
            Ok(fd) => Some(fd),
            Err(_) if digits.is_empty() => (operator == "&>>").then_some(u32::MAX),
            Err(_) => return Err(self.fault("Bad fd number")),
        };
        Ok(Some(Redirect { fd, kind, target }))
    }

    /// Remembers a here-document whose text is still to come; until then its number stands for it.
    fn here_document(&mut self, delimiter: &Word, strips_tabs: bool) -> Word {
        use super::syntax::Part;
        let mut text = String::new();
        let mut is_quoted = false;
        for part in &delimiter.0 {
            match part {
                Part::Plain(it) => text.push_str(it),
                Part::Quoted(it) => {
                    is_quoted = true;
                    text.push_str(it);
                }
                Part::Double(parts) => {
                    is_quoted = true;
                    for it in parts {
                        if let Part::Plain(it) | Part::Quoted(it) = it {
                            text.push_str(it);
                        }
                    }
                }
                _ => {}
            }
        }
        let number = self.at;
        self.pending.push(Pending {
            delimiter: text,
            strips_tabs,
            is_quoted,
            number,
        });
        Word(vec![Part::Plain(here_mark(number))])
    }
}

/// What stands for a here-document until its text is read.
fn here_mark(number: usize) -> String {
    format!("\0{number}")
}

/// Puts the texts of here-documents where they belong.
fn fill(script: &mut Script, here: Vec<(usize, Word)>) {
    for (number, text) in here {
        let mark = here_mark(number);
        fill_script(script, &mark, &text);
    }
}

fn fill_script(script: &mut Script, mark: &str, text: &Word) {
    for item in &mut script.items {
        for (_, pipeline) in &mut item.pipelines {
            for command in &mut pipeline.commands {
                if let Some(command) = Rc::get_mut(command) {
                    fill_command(command, mark, text);
                }
            }
        }
    }
}

fn fill_command(command: &mut Command, mark: &str, text: &Word) {
    let redirects = match command {
        Command::Simple(simple) => &mut simple.redirects,
        Command::Function(_, body) => {
            if let Some(body) = Rc::get_mut(body) {
                fill_command(body, mark, text);
            }
            return;
        }
        Command::Compound(compound, redirects) => {
            match compound {
                Compound::Group(it) | Compound::Subshell(it) | Compound::For(_, _, it) => {
                    fill_script(it, mark, text);
                }
                Compound::If(branches, otherwise) => {
                    for (condition, body) in branches {
                        fill_script(condition, mark, text);
                        fill_script(body, mark, text);
                    }
                    otherwise
                        .iter_mut()
                        .for_each(|it| fill_script(it, mark, text));
                }
                Compound::Loop(_, condition, body) => {
                    fill_script(condition, mark, text);
                    fill_script(body, mark, text);
                }
                Compound::Case(_, arms) => {
                    arms.iter_mut()
                        .for_each(|it| fill_script(&mut it.1, mark, text));
                }
            }
            redirects
        }
    };
    for redirect in redirects {
        if redirect.target.plain() == Some(mark) {
            redirect.target = text.clone();
        }
    }
}

pub(super) const fn is_metacharacter(it: char) -> bool {
    matches!(
        it,
        ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')'
    )
}

fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word)
}

/// Whether a text can name a variable.
pub(super) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars
        .next()
        .is_some_and(|it| it.is_ascii_alphabetic() || it == '_')
        && chars.all(|it| it.is_ascii_alphanumeric() || it == '_')
}
