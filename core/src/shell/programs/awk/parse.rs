//! Reads awk's language.
//!
//! POSIX.1-2017 `awk`, its grammar.
//!
//! **Left out**: functions of one's own, `getline`.

use super::super::super::regex::{Case, Regex, Syntax};
use super::lex::{Fault, Token, fault, is_keyword, tokens};

const MAX_DEPTH: usize = 60;

/// A program: what is done at the beginning, for each record, at the end.
#[derive(Debug, Default)]
pub(super) struct Program {
    pub(super) begin: Vec<Vec<Statement>>,
    pub(super) rules: Vec<(Pattern, Vec<Statement>)>,
    pub(super) end: Vec<Vec<Statement>>,
}

#[derive(Debug)]
pub(super) enum Pattern {
    Always,
    If(Expression),
    Range(Expression, Expression),
}

#[derive(Debug)]
pub(super) enum Statement {
    Print {
        formatted: bool,
        list: Vec<Expression>,
        target: Option<(Target, Expression)>,
    },
    Expression(Expression),
    If(Expression, Box<Statement>, Option<Box<Statement>>),
    While(Expression, Box<Statement>),
    Do(Box<Statement>, Expression),
    For(
        Option<Box<Statement>>,
        Option<Expression>,
        Option<Box<Statement>>,
        Box<Statement>,
    ),
    Each(String, String, Box<Statement>),
    Block(Vec<Statement>),
    Delete(String, Option<Vec<Expression>>),
    Next,
    Exit(Option<Expression>),
    Break,
    Continue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    File,
    Append,
    Pipe,
}

#[derive(Debug)]
pub(super) enum Expression {
    Number(f64),
    Text(String),
    Regex(Regex),
    Variable(String),
    Field(Box<Expression>),
    Element(String, Vec<Expression>),
    In(Vec<Expression>, String),
    Assign(Option<char>, Box<Expression>, Box<Expression>),
    /// Whether it is `++`, whether it stands before.
    Step(f64, Position, Box<Expression>),
    Unary(char, Box<Expression>),
    Binary(&'static str, Box<Expression>, Box<Expression>),
    Condition(Box<Expression>, Box<Expression>, Box<Expression>),
    Match(bool, Box<Expression>, Box<Expression>),
    Call(String, Vec<Expression>),
    /// Several in parentheses, before `in` or after `print`.
    Group(Vec<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    Before,
    After,
}

const FUNCTIONS: [&str; 21] = [
    "length", "substr", "index", "split", "sub", "gsub", "match", "sprintf", "tolower", "toupper",
    "int", "rand", "srand", "sqrt", "exp", "log", "sin", "cos", "atan2", "close", "fflush",
];

pub(super) fn parse(text: &str) -> Result<Program, Fault> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
        no_in: false,
        no_greater: false,
    };
    parser.program()
}

struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    depth: usize,
    /// In the head of a `for`, where `in` is its own.
    no_in: bool,
    /// In a `print`, where `>` is a file.
    no_greater: bool,
}

type Read<T> = Result<T, Fault>;

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)].0
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn unexpected<T>(&self) -> Read<T> {
        let line = self.tokens[self.at.min(self.tokens.len() - 1)].1;
        let what = match self.peek() {
            Token::Number(it) => it.to_string(),
            Token::Text(it) => format!("\"{it}\""),
            Token::Regex(it) => format!("/{it}/"),
            Token::Name(it) | Token::Function(it) => it.clone(),
            Token::Sign(it) => (*it).to_owned(),
            Token::Newline => "end of line".to_owned(),
            Token::End => "end of file".to_owned(),
        };
        Err(fault(line, &format!("syntax error at or near {what}")))
    }

    fn takes(&mut self, sign: &str) -> bool {
        let is_here = matches!(self.peek(), Token::Sign(it) if *it == sign);
        if is_here {
            self.at += 1;
        }
        is_here
    }

    fn expect(&mut self, sign: &str) -> Read<()> {
        if self.takes(sign) {
            Ok(())
        } else {
            self.unexpected()
        }
    }

    fn takes_name(&mut self, name: &str) -> bool {
        let is_here = matches!(self.peek(), Token::Name(it) if it == name);
        if is_here {
            self.at += 1;
        }
        is_here
    }

    fn skip_newlines(&mut self) {
        while *self.peek() == Token::Newline {
            self.at += 1;
        }
    }

    fn skip_ends(&mut self) {
        while *self.peek() == Token::Newline || matches!(self.peek(), Token::Sign(";")) {
            self.at += 1;
        }
    }

    fn nest(&mut self) -> Read<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(fault(
                self.tokens[self.at.min(self.tokens.len() - 1)].1,
                "nested too deep",
            ));
        }
        Ok(())
    }

    fn program(&mut self) -> Read<Program> {
        let mut program = Program::default();
        loop {
            self.skip_ends();
            if *self.peek() == Token::End {
                return Ok(program);
            }
            if self.takes_name("BEGIN") {
                program.begin.push(self.block()?);
                continue;
            }
            if self.takes_name("END") {
                program.end.push(self.block()?);
                continue;
            }
            let pattern = if matches!(self.peek(), Token::Sign("{")) {
                Pattern::Always
            } else {
                let first = self.expression()?;
                match self.takes(",") {
                    true => {
                        self.skip_newlines();
                        Pattern::Range(first, self.expression()?)
                    }
                    false => Pattern::If(first),
                }
            };
            let body = match self.peek() {
                Token::Sign("{") => self.block()?,
                _ => vec![Statement::Print {
                    formatted: false,
                    list: Vec::new(),
                    target: None,
                }],
            };
            program.rules.push((pattern, body));
        }
    }

    fn block(&mut self) -> Read<Vec<Statement>> {
        self.nest()?;
        self.expect("{")?;
        let mut statements = Vec::new();
        loop {
            self.skip_ends();
            if self.takes("}") {
                self.depth -= 1;
                return Ok(statements);
            }
            statements.push(self.statement()?);
        }
    }

    /// A statement that may stand on the next line.
    fn inner(&mut self) -> Read<Box<Statement>> {
        self.skip_newlines();
        if self.takes(";") {
            return Ok(Box::new(Statement::Block(Vec::new())));
        }
        self.statement().map(Box::new)
    }

    fn statement(&mut self) -> Read<Statement> {
        self.nest()?;
        let statement = self.statement_inside()?;
        self.depth -= 1;
        Ok(statement)
    }

    fn statement_inside(&mut self) -> Read<Statement> {
        if matches!(self.peek(), Token::Sign("{")) {
            return self.block().map(Statement::Block);
        }
        let Token::Name(name) = self.peek().clone() else {
            let statement = self.simple()?;
            return self.ended(statement);
        };
        match name.as_str() {
            "if" => {
                self.at += 1;
                let condition = self.parenthesised()?;
                let yes = self.inner()?;
                let mark = self.at;
                self.skip_ends();
                if self.takes_name("else") {
                    return Ok(Statement::If(condition, yes, Some(self.inner()?)));
                }
                self.at = mark;
                Ok(Statement::If(condition, yes, None))
            }
            "while" => {
                self.at += 1;
                let condition = self.parenthesised()?;
                Ok(Statement::While(condition, self.inner()?))
            }
            "do" => {
                self.at += 1;
                let body = self.inner()?;
                self.skip_ends();
                if !self.takes_name("while") {
                    return self.unexpected();
                }
                let condition = self.parenthesised()?;
                self.ended(Statement::Do(body, condition))
            }
            "for" => self.for_statement(),
            _ => {
                let statement = self.simple()?;
                self.ended(statement)
            }
        }
    }

    fn ended(&mut self, statement: Statement) -> Read<Statement> {
        match self.peek() {
            Token::Newline | Token::Sign(";") => {
                self.at += 1;
                Ok(statement)
            }
            Token::Sign("}") | Token::End => Ok(statement),
            _ => self.unexpected(),
        }
    }

    fn parenthesised(&mut self) -> Read<Expression> {
        self.expect("(")?;
        let expression = self.expression()?;
        self.expect(")")?;
        Ok(expression)
    }

    fn for_statement(&mut self) -> Read<Statement> {
        self.at += 1;
        self.expect("(")?;
        if let [
            (Token::Name(name), _),
            (Token::Name(word), _),
            (Token::Name(array), _),
            (Token::Sign(")"), _),
            ..,
        ] = &self.tokens[self.at.min(self.tokens.len())..]
            && word == "in"
        {
            let (name, array) = (name.clone(), array.clone());
            self.at += 4;
            return Ok(Statement::Each(name, array, self.inner()?));
        }
        let first = if matches!(self.peek(), Token::Sign(";")) {
            None
        } else {
            Some(Box::new(self.simple()?))
        };
        self.expect(";")?;
        let condition = if matches!(self.peek(), Token::Sign(";")) {
            None
        } else {
            Some(self.expression()?)
        };
        self.expect(";")?;
        let last = if matches!(self.peek(), Token::Sign(")")) {
            None
        } else {
            Some(Box::new(self.simple()?))
        };
        self.expect(")")?;
        Ok(Statement::For(first, condition, last, self.inner()?))
    }

    fn simple(&mut self) -> Read<Statement> {
        let Token::Name(name) = self.peek().clone() else {
            return self.expression().map(Statement::Expression);
        };
        let has_value =
            |it: &Token| !matches!(it, Token::Newline | Token::Sign(";" | "}") | Token::End);
        Ok(match name.as_str() {
            "print" | "printf" => {
                self.at += 1;
                return self.print(name == "printf");
            }
            "next" => {
                self.at += 1;
                Statement::Next
            }
            "break" => {
                self.at += 1;
                Statement::Break
            }
            "continue" => {
                self.at += 1;
                Statement::Continue
            }
            "exit" => {
                self.at += 1;
                let code = if has_value(self.peek()) {
                    Some(self.expression()?)
                } else {
                    None
                };
                Statement::Exit(code)
            }
            "delete" => {
                self.at += 1;
                let Token::Name(array) = self.advance() else {
                    return self.unexpected();
                };
                let keys = match self.takes("[") {
                    true => Some(self.list("]")?),
                    false => None,
                };
                Statement::Delete(array, keys)
            }
            "function" | "getline" | "return" => return self.unexpected(),
            _ => Statement::Expression(self.expression()?),
        })
    }

    fn print(&mut self, formatted: bool) -> Read<Statement> {
        let ends = |it: &Token| {
            matches!(
                it,
                Token::Newline | Token::Sign(";" | "}" | ">" | ">>" | "|") | Token::End
            )
        };
        let was = std::mem::replace(&mut self.no_greater, true);
        let mut list = Vec::new();
        while !ends(self.peek()) {
            list.push(self.expression()?);
            if !self.takes(",") {
                break;
            }
            self.skip_newlines();
        }
        if let [Expression::Group(_)] = list.as_slice()
            && let Some(Expression::Group(inner)) = list.pop()
        {
            list = inner;
        }
        let target = if self.takes(">") {
            Some(Target::File)
        } else if self.takes(">>") {
            Some(Target::Append)
        } else if self.takes("|") {
            Some(Target::Pipe)
        } else {
            None
        };
        let target = match target {
            Some(it) => Some((it, self.expression()?)),
            None => None,
        };
        self.no_greater = was;
        Ok(Statement::Print {
            formatted,
            list,
            target,
        })
    }

    fn list(&mut self, end: &str) -> Read<Vec<Expression>> {
        let was = (
            std::mem::take(&mut self.no_in),
            std::mem::take(&mut self.no_greater),
        );
        let mut list = Vec::new();
        self.skip_newlines();
        while !self.takes(end) {
            list.push(self.expression()?);
            self.skip_newlines();
            if !self.takes(",") {
                self.expect(end)?;
                break;
            }
            self.skip_newlines();
        }
        (self.no_in, self.no_greater) = was;
        Ok(list)
    }

    fn expression(&mut self) -> Read<Expression> {
        self.nest()?;
        let left = self.binary(0)?;
        let expression = if self.takes("?") {
            self.skip_newlines();
            let yes = self.expression()?;
            self.skip_newlines();
            self.expect(":")?;
            self.skip_newlines();
            Expression::Condition(Box::new(left), Box::new(yes), Box::new(self.expression()?))
        } else {
            let assigns = ["=", "+=", "-=", "*=", "/=", "%=", "^=", "**="];
            let sign = assigns
                .into_iter()
                .find(|it| matches!(self.peek(), Token::Sign(sign) if sign == it));
            let is_place = matches!(
                left,
                Expression::Variable(_) | Expression::Field(_) | Expression::Element(..)
            );
            match sign {
                Some(sign) if is_place => {
                    self.at += 1;
                    self.skip_newlines();
                    let operator = sign
                        .chars()
                        .next()
                        .filter(|it| *it != '=')
                        .map(|it| if sign == "**=" { '^' } else { it });
                    Expression::Assign(operator, Box::new(left), Box::new(self.expression()?))
                }
                _ => left,
            }
        };
        self.depth -= 1;
        Ok(expression)
    }

    /// Operators from the weakest: `||`, `&&`, `in`, `~`, comparisons, joining, sums, products.
    fn binary(&mut self, level: usize) -> Read<Expression> {
        let mut left = match level {
            8 => return self.unary(),
            _ => self.binary(level + 1)?,
        };
        loop {
            let operator: &'static str = match (level, self.peek()) {
                (0, Token::Sign("||")) => "||",
                (1, Token::Sign("&&")) => "&&",
                (2, Token::Name(it)) if it == "in" && !self.no_in => "in",
                (3, Token::Sign(it @ ("~" | "!~"))) => it,
                (4, Token::Sign(it @ ("<" | "<=" | "==" | "!=" | ">="))) => it,
                (4, Token::Sign(">")) if !self.no_greater => ">",
                (5, it) if begins_operand(it) => "",
                (6, Token::Sign(it @ ("+" | "-"))) => it,
                (7, Token::Sign(it @ ("*" | "/" | "%"))) => it,
                _ => return Ok(left),
            };
            if !operator.is_empty() {
                self.at += 1;
            }
            if level < 2 {
                self.skip_newlines();
            }
            left = match operator {
                "in" => {
                    let Token::Name(array) = self.advance() else {
                        return self.unexpected();
                    };
                    let keys = match left {
                        Expression::Group(keys) => keys,
                        one => vec![one],
                    };
                    Expression::In(keys, array)
                }
                "~" | "!~" => Expression::Match(
                    operator == "~",
                    Box::new(left),
                    Box::new(self.binary(level + 1)?),
                ),
                _ => {
                    Expression::Binary(operator, Box::new(left), Box::new(self.binary(level + 1)?))
                }
            };
            if level == 4 {
                return Ok(left);
            }
        }
    }

    fn unary(&mut self) -> Read<Expression> {
        self.nest()?;
        let expression = if self.takes("!") {
            Expression::Unary('!', Box::new(self.unary()?))
        } else if self.takes("-") {
            Expression::Unary('-', Box::new(self.unary()?))
        } else if self.takes("+") {
            Expression::Unary('+', Box::new(self.unary()?))
        } else {
            self.power()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn power(&mut self) -> Read<Expression> {
        let base = self.postfix()?;
        if self.takes("^") {
            let exponent = self.unary()?;
            return Ok(Expression::Binary("^", Box::new(base), Box::new(exponent)));
        }
        Ok(base)
    }

    fn postfix(&mut self) -> Read<Expression> {
        for (sign, by) in [("++", 1.0), ("--", -1.0)] {
            if self.takes(sign) {
                let place = self.primary()?;
                return Ok(Expression::Step(by, Position::Before, Box::new(place)));
            }
        }
        let place = self.primary()?;
        if matches!(
            place,
            Expression::Variable(_) | Expression::Field(_) | Expression::Element(..)
        ) {
            for (sign, by) in [("++", 1.0), ("--", -1.0)] {
                if self.takes(sign) {
                    return Ok(Expression::Step(by, Position::After, Box::new(place)));
                }
            }
        }
        Ok(place)
    }

    fn primary(&mut self) -> Read<Expression> {
        let mark = self.at;
        Ok(match self.advance() {
            Token::Number(it) => Expression::Number(it),
            Token::Text(it) => Expression::Text(it),
            Token::Regex(it) => match Regex::new(&it, Syntax::Extended, Case::Sensitive) {
                Ok(it) => Expression::Regex(it),
                Err(why) => {
                    return Err(fault(
                        self.tokens[mark].1,
                        &format!("regular expression compile failed ({why})"),
                    ));
                }
            },
            Token::Sign("$") => {
                self.nest()?;
                let index = if matches!(self.peek(), Token::Sign("++" | "--" | "-")) {
                    self.unary()?
                } else {
                    self.primary()?
                };
                self.depth -= 1;
                Expression::Field(Box::new(index))
            }
            Token::Sign("(") => {
                let mut list = self.list(")")?;
                match list.len() {
                    0 => return self.unexpected(),
                    1 => match list.remove(0) {
                        // `(x) in y` and `print (x)` do not tell one in parentheses from one without.
                        it @ (Expression::Variable(_)
                        | Expression::Field(_)
                        | Expression::Element(..)) => Expression::Unary('(', Box::new(it)),
                        it => it,
                    },
                    _ => Expression::Group(list),
                }
            }
            Token::Function(name) if FUNCTIONS.contains(&name.as_str()) => {
                self.expect("(")?;
                Expression::Call(name, self.list(")")?)
            }
            Token::Name(name) if name == "length" => Expression::Call(name, Vec::new()),
            Token::Name(name) if !is_keyword(&name) => match self.takes("[") {
                true => Expression::Element(name, self.list("]")?),
                false => Expression::Variable(name),
            },
            _ => {
                self.at = mark;
                return self.unexpected();
            }
        })
    }
}

fn begins_operand(token: &Token) -> bool {
    match token {
        Token::Number(_) | Token::Text(_) | Token::Function(_) | Token::Regex(_) => true,
        Token::Sign(it) => matches!(*it, "$" | "!" | "(" | "++" | "--"),
        Token::Name(it) => !is_keyword(it),
        Token::Newline | Token::End => false,
    }
}
