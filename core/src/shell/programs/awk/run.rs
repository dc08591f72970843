//! Runs an awk program over records.
//!
//! **Left out**: `printf "%c"` of a number beyond Unicode.

use super::super::super::printf::{Piece, pieces};
use super::super::super::regex::{Case, Regex, Syntax};
use super::super::super::streams::MAX_OUTPUT;
use super::parse::{Expression, Pattern, Position, Program, Statement, Target};
use super::value::Value;
use crate::chance::Chooser;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// The most steps of one program.
const MAX_STEPS: u64 = 5_000_000;

/// How a program goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Go,
    Record,
    Break,
    Continue,
    Exit,
    Fault,
}

/// A program under way.
pub(super) struct Machine<'a> {
    program: &'a Program,
    variables: BTreeMap<String, Value>,
    arrays: BTreeMap<String, BTreeMap<String, Value>>,
    fields: Vec<String>,
    ranges: Vec<bool>,
    chance: Chooser,
    n_steps: u64,
    pub(super) code: u8,
    pub(super) out: String,
    pub(super) err: String,
    pub(super) files: Vec<(String, String)>,
    pub(super) opened: BTreeSet<String>,
    pub(super) pipes: Vec<(String, String)>,
    pub(super) fault: String,
}

impl<'a> Machine<'a> {
    pub(super) fn new(program: &'a Program, environment: Vec<(String, String)>) -> Machine<'a> {
        let usual = [
            ("FS", " "),
            ("OFS", " "),
            ("ORS", "\n"),
            ("RS", "\n"),
            ("SUBSEP", "\x1c"),
            ("OFMT", "%.6g"),
            ("CONVFMT", "%.6g"),
        ];
        let usual = usual.map(|(name, value)| (name.to_owned(), Value::Text(value.to_owned())));
        let mut variables: BTreeMap<String, Value> = usual.into();
        variables.insert("NR".into(), Value::Number(0.0));
        variables.insert("FNR".into(), Value::Number(0.0));
        variables.insert("NF".into(), Value::Number(0.0));
        let environment = environment
            .into_iter()
            .map(|(name, value)| (name, Value::Input(value)));
        Machine {
            program,
            variables,
            arrays: BTreeMap::from([("ENVIRON".to_owned(), environment.collect())]),
            fields: vec![String::new()],
            ranges: program.rules.iter().map(|_| false).collect(),
            chance: Chooser::seeded(0),
            n_steps: 0,
            code: 0,
            out: String::new(),
            err: String::new(),
            files: Vec::new(),
            opened: BTreeSet::new(),
            pipes: Vec::new(),
            fault: String::new(),
        }
    }

    /// Sets a variable as the command line does.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        let value = super::super::super::printf::escapes(
            value,
            super::super::super::printf::Escapes::Format,
        )
        .0;
        self.variables.insert(name.to_owned(), Value::Input(value));
    }

    pub(super) fn get(&self, name: &str) -> String {
        self.variables
            .get(name)
            .map_or(String::new(), |it| it.text("%.6g"))
    }

    pub(super) fn reads_input(&self) -> bool {
        !self.program.rules.is_empty() || !self.program.end.is_empty()
    }

    pub(super) fn split_records(&self, text: &str) -> Vec<String> {
        let separator = self.get("RS");
        match separator.as_str() {
            "" => text
                .split("\n\n")
                .map(|it| it.trim_matches('\n').to_owned())
                .filter(|it| !it.is_empty())
                .collect(),
            it => text
                .strip_suffix(it)
                .unwrap_or(text)
                .split(it)
                .map(str::to_owned)
                .filter(|_| !text.is_empty())
                .collect(),
        }
    }

    pub(super) fn begin(&mut self) -> Next {
        let program = self.program;
        self.all(&program.begin)
    }

    pub(super) fn end(&mut self) -> Next {
        let program = self.program;
        self.all(&program.end)
    }

    fn all(&mut self, blocks: &'a [Vec<Statement>]) -> Next {
        for block in blocks {
            match self.block(block) {
                Next::Go | Next::Record => {}
                next => return next,
            }
        }
        Next::Go
    }

    /// One record through all rules.
    pub(super) fn record(&mut self, text: &str) -> Next {
        for name in ["NR", "FNR"] {
            let n = self.variables.get(name).map_or(0.0, Value::number) + 1.0;
            self.variables.insert(name.into(), Value::Number(n));
        }
        self.set_record(text);
        let program = self.program;
        for (idx, (pattern, body)) in program.rules.iter().enumerate() {
            let selected = match pattern {
                Pattern::Always => true,
                Pattern::If(it) => self.value(it).is_true(),
                Pattern::Range(from, to) => {
                    let begins = self.ranges[idx] || self.value(from).is_true();
                    self.ranges[idx] = begins && !self.value(to).is_true();
                    begins
                }
            };
            if !self.fault.is_empty() {
                return Next::Fault;
            }
            if selected {
                match self.block(body) {
                    Next::Go | Next::Break | Next::Continue => {}
                    Next::Record => return Next::Go,
                    next => return next,
                }
            }
        }
        Next::Go
    }

    fn set_record(&mut self, text: &str) {
        let mut fields = vec![text.to_owned()];
        fields.extend(self.split(text, &self.get("FS")));
        self.variables
            .insert("NF".into(), Value::Number((fields.len() - 1) as f64));
        self.fields = fields;
    }

    fn split(&self, text: &str, separator: &str) -> Vec<String> {
        if text.is_empty() {
            return Vec::new();
        }
        match separator {
            " " => text.split_whitespace().map(str::to_owned).collect(),
            "" => text.chars().map(String::from).collect(),
            it if it == "|" || it.chars().count() == 1 && !"[\\^$.*+?(){}".contains(it) => {
                text.split(it).map(str::to_owned).collect()
            }
            it => match Regex::new(it, Syntax::Extended, Case::Sensitive) {
                Ok(regex) => split_by(text, &regex),
                Err(_) => text.split(it).map(str::to_owned).collect(),
            },
        }
    }

    fn rebuild(&mut self) {
        let joint = self.get("OFS");
        self.fields[0] = self.fields[1..].join(&joint);
        self.variables
            .insert("NF".into(), Value::Number((self.fields.len() - 1) as f64));
    }

    fn fail(&mut self, why: &str) -> Value {
        if self.fault.is_empty() {
            self.fault = why.to_owned();
        }
        Value::Missing
    }

    fn step(&mut self) -> bool {
        self.n_steps += 1;
        if self.n_steps > MAX_STEPS || self.out.len() > MAX_OUTPUT {
            self.fail("stopped: the program goes on for too long");
        }
        self.fault.is_empty()
    }

    fn block(&mut self, block: &'a [Statement]) -> Next {
        for statement in block {
            match self.statement(statement) {
                Next::Go => {}
                next => return next,
            }
        }
        Next::Go
    }

    fn statement(&mut self, statement: &'a Statement) -> Next {
        // A table: one arm for each statement of the language.
        if !self.step() {
            return Next::Fault;
        }
        let next = match statement {
            Statement::Expression(it) => {
                self.value(it);
                Next::Go
            }
            Statement::Print {
                formatted,
                list,
                target,
            } => {
                self.print(*formatted, list, target.as_ref());
                Next::Go
            }
            Statement::Block(block) => self.block(block),
            Statement::If(condition, yes, no) => match (self.value(condition).is_true(), no) {
                (true, _) => self.statement(yes),
                (false, Some(no)) => self.statement(no),
                (false, None) => Next::Go,
            },
            Statement::While(condition, body) => self.turns(None, Some(condition), None, body),
            Statement::For(first, condition, last, body) => {
                self.turns(first.as_deref(), condition.as_ref(), last.as_deref(), body)
            }
            Statement::Do(body, condition) => loop {
                match self.statement(body) {
                    Next::Go | Next::Continue => {}
                    Next::Break => break Next::Go,
                    next => break next,
                }
                if !self.value(condition).is_true() {
                    break Next::Go;
                }
            },
            Statement::Each(name, array, body) => self.each(name, array, body),
            Statement::Delete(array, None) => {
                self.arrays.remove(array);
                Next::Go
            }
            Statement::Delete(array, Some(keys)) => {
                let key = self.key(keys);
                self.arrays.entry(array.clone()).or_default().remove(&key);
                Next::Go
            }
            Statement::Next => Next::Record,
            Statement::Break => Next::Break,
            Statement::Continue => Next::Continue,
            Statement::Exit(code) => {
                if let Some(code) = code {
                    self.code = self.value(code).number() as i64 as u8;
                }
                Next::Exit
            }
        };
        if self.fault.is_empty() {
            next
        } else {
            Next::Fault
        }
    }

    fn turns(
        &mut self,
        first: Option<&'a Statement>,
        condition: Option<&'a Expression>,
        last: Option<&'a Statement>,
        body: &'a Statement,
    ) -> Next {
        if let Some(it) = first {
            self.statement(it);
        }
        while self.step() && condition.is_none_or(|it| self.value(it).is_true()) {
            match self.statement(body) {
                Next::Go | Next::Continue => {}
                Next::Break => break,
                next => return next,
            }
            if let Some(it) = last {
                self.statement(it);
            }
        }
        Next::Go
    }

    /// Over the keys in order: numbers first. Real awks take any order.
    fn each(&mut self, name: &str, array: &str, body: &'a Statement) -> Next {
        let mut keys: Vec<String> = self
            .arrays
            .get(array)
            .map_or(Vec::new(), |it| it.keys().cloned().collect());
        keys.sort_by(
            |one, other| match (one.parse::<f64>(), other.parse::<f64>()) {
                (Ok(one), Ok(other)) => one.total_cmp(&other),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                _ => one.cmp(other),
            },
        );
        for key in keys {
            self.variables.insert(name.to_owned(), Value::Input(key));
            match self.statement(body) {
                Next::Go | Next::Continue => {}
                Next::Break => break,
                next => return next,
            }
        }
        Next::Go
    }

    fn print(
        &mut self,
        formatted: bool,
        list: &'a [Expression],
        target: Option<&'a (Target, Expression)>,
    ) {
        let text = if formatted {
            let values: Vec<Value> = list.iter().map(|it| self.value(it)).collect();
            self.format(&values)
        } else {
            let format = self.get("OFMT");
            let words: Vec<String> = match list {
                [] => vec![self.fields[0].clone()],
                list => list.iter().map(|it| self.value(it).text(&format)).collect(),
            };
            format!("{}{}", words.join(&self.get("OFS")), self.get("ORS"))
        };
        let Some((kind, name)) = target else {
            self.out.push_str(&text);
            return;
        };
        let name = self.text(name);
        match (kind, name.as_str()) {
            (Target::File | Target::Append, "/dev/stdout" | "-") => self.out.push_str(&text),
            (Target::File | Target::Append, "/dev/stderr") => self.err.push_str(&text),
            (Target::Pipe, "cat 1>&2") => self.err.push_str(&text),
            (Target::Pipe, _) => match self.pipes.iter_mut().find(|it| it.0 == name) {
                Some(it) => it.1.push_str(&text),
                None => self.pipes.push((name, text)),
            },
            (kind, _) => {
                if *kind == Target::Append {
                    self.opened.insert(name.clone());
                }
                self.files.push((name, text));
            }
        }
    }

    fn format(&mut self, values: &[Value]) -> String {
        let Some((format, mut rest)) = values.split_first() else {
            return String::new();
        };
        let mut out = String::new();
        for piece in pieces(&format.text("%.6g")) {
            let (mut conversion, n_stars) = match piece {
                Piece::Text(text) => {
                    out.push_str(&text);
                    continue;
                }
                Piece::Conversion(conversion, n_stars) => (conversion, n_stars),
            };
            let mut next = || match rest.split_first() {
                Some((first, others)) => {
                    rest = others;
                    first.clone()
                }
                None => Value::Missing,
            };
            for _ in 0..n_stars {
                conversion.star(next().number() as i64);
            }
            let value = next();
            out.push_str(&match conversion.kind {
                'd' | 'i' | 'u' | 'x' | 'X' | 'o' => conversion.integer(value.number() as i64),
                'e' | 'E' | 'f' | 'F' | 'g' | 'G' => conversion.float(value.number()),
                'c' => match value {
                    Value::Number(it) => {
                        char::from_u32(it as u32).map_or(String::new(), String::from)
                    }
                    it => conversion.text(&it.text("%.6g").chars().take(1).collect::<String>()),
                },
                _ => conversion.text(&value.text("%.6g")),
            });
            if out.len() > MAX_OUTPUT {
                break;
            }
        }
        out
    }

    fn text(&mut self, it: &'a Expression) -> String {
        let format = self.get("CONVFMT");
        self.value(it).text(&format)
    }

    fn number(&mut self, it: &'a Expression) -> f64 {
        self.value(it).number()
    }

    fn key(&mut self, keys: &'a [Expression]) -> String {
        let parts: Vec<String> = keys.iter().map(|it| self.text(it)).collect();
        parts.join(&self.get("SUBSEP"))
    }

    fn value(&mut self, it: &'a Expression) -> Value {
        // A table: one arm for each expression of the language.
        if !self.step() {
            return Value::Missing;
        }
        let truth = |it: bool| Value::Number(f64::from(u8::from(it)));
        match it {
            Expression::Number(it) => Value::Number(*it),
            Expression::Text(it) => Value::Text(it.clone()),
            Expression::Regex(it) => {
                let chars: Vec<char> = self.fields[0].chars().collect();
                truth(it.is_match(&chars))
            }
            Expression::Variable(name) => self.variables.get(name).cloned().unwrap_or_default(),
            Expression::Field(index) => {
                let index = self.number(index);
                if index < 0.0 {
                    return self.fail("negative field index");
                }
                self.fields
                    .get(index as usize)
                    .cloned()
                    .map_or(Value::Missing, Value::Input)
            }
            Expression::Element(array, keys) => {
                let key = self.key(keys);
                self.arrays
                    .entry(array.clone())
                    .or_default()
                    .entry(key)
                    .or_default()
                    .clone()
            }
            Expression::In(keys, array) => {
                let key = self.key(keys);
                truth(
                    self.arrays
                        .get(array)
                        .is_some_and(|it| it.contains_key(&key)),
                )
            }
            Expression::Group(list) => {
                let key = self.key(list);
                Value::Text(key)
            }
            Expression::Assign(operator, place, right) => {
                let right = self.value(right);
                let value = match operator {
                    None => right,
                    Some(operator) => {
                        let left = self.number(place);
                        self.calculate(*operator, left, right.number())
                    }
                };
                self.assign(place, value.clone());
                value
            }
            Expression::Step(by, position, place) => {
                let before = self.number(place);
                self.assign(place, Value::Number(before + by));
                Value::Number(if *position == Position::Before {
                    before + by
                } else {
                    before
                })
            }
            Expression::Unary(sign, inner) => match sign {
                '!' => truth(!self.value(inner).is_true()),
                '-' => Value::Number(-self.number(inner)),
                '+' => Value::Number(self.number(inner)),
                _ => self.value(inner),
            },
            Expression::Condition(condition, yes, no) => {
                let chosen = if self.value(condition).is_true() {
                    yes
                } else {
                    no
                };
                self.value(chosen)
            }
            Expression::Match(is_wanted, left, right) => {
                let text: Vec<char> = self.text(left).chars().collect();
                truth(self.regex(right).is_some_and(|it| it.is_match(&text)) == *is_wanted)
            }
            Expression::Binary(operator, left, right) => self.binary(operator, left, right),
            Expression::Call(name, args) => self.call(name, args),
        }
    }

    fn binary(&mut self, operator: &str, left: &'a Expression, right: &'a Expression) -> Value {
        let truth = |it: bool| Value::Number(f64::from(u8::from(it)));
        match operator {
            "||" => return truth(self.value(left).is_true() || self.value(right).is_true()),
            "&&" => return truth(self.value(left).is_true() && self.value(right).is_true()),
            "" => {
                let left = self.text(left);
                let right = self.text(right);
                return Value::Text(left + &right);
            }
            _ => {}
        }
        let (left, right) = (self.value(left), self.value(right));
        let order = left.compare(&right);
        match operator {
            "==" => truth(order == Ordering::Equal),
            "!=" => truth(order != Ordering::Equal),
            "<" => truth(order == Ordering::Less),
            "<=" => truth(order != Ordering::Greater),
            ">" => truth(order == Ordering::Greater),
            ">=" => truth(order != Ordering::Less),
            it => self.calculate(
                it.chars().next().unwrap_or('+'),
                left.number(),
                right.number(),
            ),
        }
    }

    fn calculate(&mut self, operator: char, left: f64, right: f64) -> Value {
        Value::Number(match operator {
            '+' => left + right,
            '-' => left - right,
            '*' => left * right,
            '^' => left.powf(right),
            '/' | '%' if right == 0.0 => return self.fail("division by zero"),
            '/' => left / right,
            _ => left % right,
        })
    }

    fn assign(&mut self, place: &'a Expression, value: Value) {
        match place {
            Expression::Variable(name) if name == "NF" => {
                let n = value.number().clamp(0.0, 10_000.0) as usize;
                self.fields.resize(n + 1, String::new());
                self.rebuild();
            }
            Expression::Variable(name) => {
                self.variables.insert(name.clone(), value);
            }
            Expression::Field(index) => {
                let index = self.number(index).clamp(0.0, 10_000.0) as usize;
                let text = value.text("%.6g");
                if index == 0 {
                    self.set_record(&text);
                    return;
                }
                if self.fields.len() <= index {
                    self.fields.resize(index + 1, String::new());
                }
                self.fields[index] = text;
                self.rebuild();
            }
            Expression::Element(array, keys) => {
                let key = self.key(keys);
                self.arrays
                    .entry(array.clone())
                    .or_default()
                    .insert(key, value);
            }
            _ => {
                self.fail("assignment to what is no variable");
            }
        }
    }

    /// An expression as what it matches: a regular expression, or a text read as one.
    fn regex(&mut self, it: &'a Expression) -> Option<Regex> {
        if let Expression::Regex(it) = it {
            return Some(it.clone());
        }
        let text = self.text(it);
        match Regex::new(&text, Syntax::Extended, Case::Sensitive) {
            Ok(it) => Some(it),
            Err(why) => {
                self.fail(&format!("regular expression compile failed ({why})"));
                None
            }
        }
    }

    fn call(&mut self, name: &str, args: &'a [Expression]) -> Value {
        match name {
            "sub" | "gsub" => return self.substitute(name == "gsub", args),
            "split" => return self.split_call(args),
            "match" => return self.match_call(args),
            "length" => {
                if let [Expression::Variable(array)] = args
                    && let Some(it) = self.arrays.get(array)
                {
                    return Value::Number(it.len() as f64);
                }
                let text = match args.first() {
                    Some(it) => self.text(it),
                    None => self.fields[0].clone(),
                };
                return Value::Number(text.chars().count() as f64);
            }
            _ => {}
        }
        let values: Vec<Value> = args.iter().map(|it| self.value(it)).collect();
        let text = |idx: usize| values.get(idx).map_or(String::new(), |it| it.text("%.6g"));
        let number = |idx: usize| values.get(idx).map_or(0.0, Value::number);
        match name {
            "substr" => Value::Text(substr(
                &text(0),
                number(1),
                values.get(2).map(Value::number),
            )),
            "index" => {
                let (text, part) = (text(0), text(1));
                Value::Number(
                    text.find(&part)
                        .map_or(0, |it| text[..it].chars().count() + 1) as f64,
                )
            }
            "sprintf" => Value::Text(self.format(&values)),
            "tolower" => Value::Text(text(0).to_lowercase()),
            "toupper" => Value::Text(text(0).to_uppercase()),
            "int" => Value::Number(number(0).trunc()),
            "rand" => Value::Number(self.chance.draw(1 << 30) as f64 / f64::from(1_u32 << 30)),
            "srand" => {
                self.chance = Chooser::seeded(number(0) as u64);
                Value::Number(0.0)
            }
            "sqrt" => Value::Number(number(0).sqrt()),
            "exp" => Value::Number(number(0).exp()),
            "log" => Value::Number(number(0).ln()),
            "sin" => Value::Number(number(0).sin()),
            "cos" => Value::Number(number(0).cos()),
            "atan2" => Value::Number(number(0).atan2(number(1))),
            _ => Value::Number(0.0),
        }
    }

    fn split_call(&mut self, args: &'a [Expression]) -> Value {
        let (Some(text), Some(Expression::Variable(array))) = (args.first(), args.get(1)) else {
            return self.fail("split: the second argument is no array");
        };
        let text = self.text(text);
        let parts = match args.get(2) {
            Some(Expression::Regex(regex)) if !text.is_empty() => split_by(&text, regex),
            Some(it) => {
                let separator = self.text(it);
                self.split(&text, &separator)
            }
            None => self.split(&text, &self.get("FS")),
        };
        let n_parts = parts.len();
        let numbered = parts
            .into_iter()
            .enumerate()
            .map(|(idx, it)| ((idx + 1).to_string(), Value::Input(it)));
        self.arrays.insert(array.clone(), numbered.collect());
        Value::Number(n_parts as f64)
    }

    fn match_call(&mut self, args: &'a [Expression]) -> Value {
        let (Some(text), Some(regex)) = (args.first(), args.get(1)) else {
            return self.fail("match: two arguments are needed");
        };
        let text: Vec<char> = self.text(text).chars().collect();
        let found = self
            .regex(regex)
            .and_then(|it| it.find(&text, 0))
            .and_then(|it| it[0]);
        let (start, length) = found.map_or((0.0, -1.0), |(from, to)| {
            (from as f64 + 1.0, (to - from) as f64)
        });
        self.variables.insert("RSTART".into(), Value::Number(start));
        self.variables
            .insert("RLENGTH".into(), Value::Number(length));
        Value::Number(start)
    }

    fn substitute(&mut self, is_global: bool, args: &'a [Expression]) -> Value {
        let (Some(pattern), Some(with)) = (args.first(), args.get(1)) else {
            return self.fail("sub: two arguments are needed");
        };
        let Some(regex) = self.regex(pattern) else {
            return Value::Missing;
        };
        let with = self.text(with);
        let text = match args.get(2) {
            Some(it) => self.text(it),
            None => self.fields[0].clone(),
        };
        let chars: Vec<char> = text.chars().collect();
        let (mut out, mut from, mut n, mut last_end) = (String::new(), 0, 0, None);
        while let Some((at, end)) = regex.find(&chars, from).and_then(|it| it[0]) {
            out.extend(&chars[from..at]);
            if at < end || last_end != Some(at) {
                let matched: String = chars[at..end].iter().collect();
                out.push_str(&replacement(&with, &matched));
                n += 1;
            }
            last_end = Some(end);
            from = end;
            if at == end {
                out.extend(chars.get(at));
                from += 1;
            }
            if !is_global || from > chars.len() {
                break;
            }
        }
        out.extend(chars.get(from..).unwrap_or_default());
        if n > 0 {
            match args.get(2) {
                Some(place) => self.assign(place, Value::Text(out)),
                None => self.set_record(&out),
            }
        }
        Value::Number(f64::from(n))
    }
}

/// `&` is what matched, `\&` an ampersand.
fn replacement(with: &str, matched: &str) -> String {
    let mut out = String::new();
    let mut chars = with.chars().peekable();
    while let Some(it) = chars.next() {
        match it {
            '\\' if matches!(chars.peek(), Some('&' | '\\')) => out.extend(chars.next()),
            '&' => out.push_str(matched),
            it => out.push(it),
        }
    }
    out
}

fn split_by(text: &str, regex: &Regex) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let (mut parts, mut from, mut at) = (Vec::new(), 0, 0);
    while let Some((start, end)) = regex.find(&chars, at).and_then(|it| it[0]) {
        if end == start {
            at = start + 1;
            if at > chars.len() {
                break;
            }
            continue;
        }
        parts.push(chars[from..start].iter().collect());
        (from, at) = (end, end);
    }
    parts.push(chars[from..].iter().collect());
    parts
}

fn substr(text: &str, from: f64, length: Option<f64>) -> String {
    let round = |it: f64| (it + 0.5).floor();
    let from = round(from);
    let to = length.map_or(f64::INFINITY, |it| from + round(it));
    let in_range = |idx: &usize| (*idx as f64 + 1.0) >= from && (*idx as f64 + 1.0) < to;
    text.chars()
        .enumerate()
        .filter(|it| in_range(&it.0))
        .map(|it| it.1)
        .collect()
}
