//! Selectors as the query of a request has them.
//!
//! `staging/src/k8s.io/apimachinery/pkg/labels/selector.go` and `fields/selector.go` of Kubernetes 1.36, with their words;
//! which fields can be asked for: `pkg/apis/core/v1/conversion.go`.
//!
//! **Left out**: the escapes `\,` and `\=` in field selectors.

use crate::api::{
    Kind, KubernetesVersion, LabelSelector, LabelSelectorRequirement, Labels, Status,
    label_value_faults, qualified_name_faults, quoted,
};
use crate::sorted::{sort, sort_by};
use serde_json::Value;

/// Which objects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    labels: Vec<LabelSelectorRequirement>,
    fields: Vec<FieldRequirement>,
}

#[derive(Clone, Debug, PartialEq)]
struct FieldRequirement {
    path: String,
    value: String,
    wants_equal: bool,
}

impl Selector {
    /// Reads a label selector and a field selector.
    ///
    /// # Errors
    /// In the server's words, when one cannot be read or asks for a field that a kind does not offer.
    pub fn read(kind: Kind, labels: &str, fields: &str) -> Result<Selector, Status> {
        Ok(Selector {
            labels: read_labels(labels).map_err(Status::bad_request)?,
            fields: read_fields(kind, fields).map_err(Status::bad_request)?,
        })
    }

    /// Whether it selects everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether an object is one of those.
    #[must_use]
    pub fn selects(&self, document: &Value) -> bool {
        let fields_fit = self.fields.iter().all(|it| {
            let found = it.path.split('.').fold(document, |at, step| &at[step]);
            let text = match found {
                Value::String(it) => it.clone(),
                Value::Null => default_of(&it.path).to_owned(),
                other => other.to_string(),
            };
            (text == it.value) == it.wants_equal
        });
        if !fields_fit || self.labels.is_empty() {
            return fields_fit;
        }
        let told = document["metadata"]["labels"].as_object();
        let labels: Labels = told
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect();
        self.labels.iter().all(|it| is_met(it, &labels))
    }
}

/// As a label selector of an object, with the two comparisons that only a query has.
fn is_met(it: &LabelSelectorRequirement, labels: &Labels) -> bool {
    let bound = it.values.first().and_then(|it| it.parse::<i64>().ok());
    let value = labels.get(&it.key).and_then(|it| it.parse::<i64>().ok());
    match it.operator.as_str() {
        "Gt" => value.zip(bound).is_some_and(|(value, bound)| value > bound),
        "Lt" => value.zip(bound).is_some_and(|(value, bound)| value < bound),
        _ => it.is_met(labels),
    }
}

/// A selector of an object as the text of a query: `app=api,tier in (db,web)`.
#[must_use]
pub fn selector_text(it: &LabelSelector) -> String {
    let labels = it
        .match_labels
        .iter()
        .map(|(name, value)| (name.clone(), format!("{name}={value}")));
    let demands = it.match_expressions.iter().map(|it| {
        let mut values = it.values.clone();
        sort(&mut values);
        let values = values.join(",");
        let text = match it.operator.as_str() {
            "In" => format!("{} in ({values})", it.key),
            "NotIn" => format!("{} notin ({values})", it.key),
            "DoesNotExist" => format!("!{}", it.key),
            _ => it.key.clone(),
        };
        (it.key.clone(), text)
    });
    let mut terms: Vec<(String, String)> = labels.chain(demands).collect();
    sort_by(&mut terms, |a, b| a.0.cmp(&b.0));
    let terms: Vec<String> = terms.into_iter().map(|it| it.1).collect();
    terms.join(",")
}

/// What an absent field counts as.
fn default_of(path: &str) -> &'static str {
    match path {
        "spec.hostNetwork" | "spec.unschedulable" => "false",
        _ => "",
    }
}

fn read_fields(kind: Kind, text: &str) -> Result<Vec<FieldRequirement>, String> {
    let mut read = Vec::new();
    for term in text.split(',').filter(|it| !it.is_empty()) {
        let Some((path, value, wants_equal)) = split_field(term) else {
            return Err(format!(
                "invalid selector: '{text}'; can't understand '{term}'"
            ));
        };
        offer(kind, path)?;
        read.push(FieldRequirement {
            path: path_of(kind, path).to_owned(),
            value: value.to_owned(),
            wants_equal,
        });
    }
    Ok(read)
}

fn split_field(term: &str) -> Option<(&str, &str, bool)> {
    [("!=", false), ("==", true), ("=", true)]
        .into_iter()
        .filter_map(|(operator, wants_equal)| Some((term.find(operator)?, operator, wants_equal)))
        .min_by_key(|it| it.0)
        .map(|(at, operator, wants_equal)| (&term[..at], &term[at + operator.len()..], wants_equal))
}

/// The fields that can be asked for.
fn offered(kind: Kind) -> Option<&'static [&'static str]> {
    Some(match kind {
        Kind::Service => &[
            "metadata.name",
            "metadata.namespace",
            "spec.clusterIP",
            "spec.type",
        ],
        Kind::Pod => &[
            "metadata.name",
            "metadata.namespace",
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
        Kind::Node => &["metadata.name", "spec.unschedulable"],
        Kind::Namespace => &["metadata.name", "status.phase"],
        Kind::Event => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
            "metadata.namespace",
            "metadata.name",
        ],
        _ => return None,
    })
}

fn offer(kind: Kind, path: &str) -> Result<(), String> {
    match offered(kind) {
        Some(known) if known.contains(&path) => Ok(()),
        Some(_) => Err(format!("field label not supported: {path}")),
        None if ["metadata.name", "metadata.namespace"].contains(&path) => Ok(()),
        None => Err(format!(
            "{} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
            quoted(path)
        )),
    }
}

/// Where a field stands, which is not always where it is asked for.
fn path_of(kind: Kind, path: &str) -> &str {
    match (kind, path) {
        (Kind::Event, "source") => "source.component",
        _ => path,
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    End,
    Word(String),
    Symbol(&'static str),
    Fault(String),
}

const SYMBOLS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"];

/// Words and symbols.
fn lex(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start_matches([' ', '\t', '\r', '\n']);
    let special = |it: char| "=!(),><".contains(it);
    let blank = |it: char| " \t\r\n".contains(it);
    while let Some(first) = rest.chars().next() {
        let length = if special(first) {
            // Like the server's, this eats on through symbols for the longest one that means something.
            match SYMBOLS.iter().find(|it| rest.starts_with(**it)) {
                Some(symbol) => {
                    tokens.push(Token::Symbol(symbol));
                    symbol.len()
                }
                None => {
                    tokens.push(Token::Fault(rest.to_owned()));
                    rest.len()
                }
            }
        } else {
            let length = rest
                .find(|it| special(it) || blank(it))
                .unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..length].to_owned()));
            length
        };
        rest = rest[length..].trim_start_matches([' ', '\t', '\r', '\n']);
    }
    tokens.push(Token::End);
    tokens
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

fn read_labels(text: &str) -> Result<Vec<LabelSelectorRequirement>, String> {
    let mut parser = Parser {
        tokens: lex(text),
        at: 0,
    };
    let mut read = Vec::new();
    loop {
        match parser.peek() {
            Token::Word(_) | Token::Symbol("!") => {
                let requirement = parser.requirement();
                read.push(requirement.map_err(|it| format!("unable to parse requirement: {it}"))?);
                match parser.next() {
                    Token::End => return Ok(read),
                    Token::Symbol(",") => match parser.peek() {
                        Token::Word(_) | Token::Symbol("!") => {}
                        other => {
                            return Err(format!(
                                "found '{}', expected: identifier after ','",
                                other.literal()
                            ));
                        }
                    },
                    other => {
                        return Err(format!(
                            "found '{}', expected: ',' or 'end of string'",
                            other.literal()
                        ));
                    }
                }
            }
            Token::End => return Ok(read),
            other => {
                return Err(format!(
                    "found '{}', expected: !, identifier, or 'end of string'",
                    other.literal()
                ));
            }
        }
    }
}

impl Token {
    fn literal(&self) -> &str {
        match self {
            Token::End => "",
            Token::Word(it) | Token::Fault(it) => it,
            Token::Symbol(it) => it,
        }
    }
}

impl Parser {
    fn peek(&self) -> Token {
        self.tokens.get(self.at).cloned().unwrap_or(Token::End)
    }

    fn next(&mut self) -> Token {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn requirement(&mut self) -> Result<LabelSelectorRequirement, String> {
        let mut token = self.next();
        let is_negated = token == Token::Symbol("!");
        if is_negated {
            token = self.next();
        }
        let Token::Word(key) = token else {
            return Err(format!("found '{}', expected: identifier", token.literal()));
        };
        let faults = qualified_name_faults(&key, KubernetesVersion::default());
        if !faults.is_empty() {
            return Err(format!(
                "<nil>: Invalid value: {}: {}",
                quoted(&key),
                faults.join("; ")
            ));
        }
        let made = |operator: &str, values| LabelSelectorRequirement {
            key: key.clone(),
            operator: operator.to_owned(),
            values,
        };
        if is_negated {
            return Ok(made("DoesNotExist", Vec::new()));
        }
        if matches!(self.peek(), Token::End | Token::Symbol(",")) {
            return Ok(made("Exists", Vec::new()));
        }
        let token = self.next();
        let (operator, values) = match token.literal() {
            "in" => ("In", self.values()?),
            "notin" => ("NotIn", self.values()?),
            "=" | "==" => ("In", vec![self.value()?]),
            "!=" => ("NotIn", vec![self.value()?]),
            ">" => ("Gt", vec![self.value()?]),
            "<" => ("Lt", vec![self.value()?]),
            other => {
                return Err(format!(
                    "found '{other}', expected: in, notin, =, ==, !=, gt, lt"
                ));
            }
        };
        let requirement = made(operator, values);
        check_values(&requirement)?;
        Ok(requirement)
    }

    fn value(&mut self) -> Result<String, String> {
        match self.peek() {
            Token::End | Token::Symbol(",") => Ok(String::new()),
            Token::Word(it) => {
                self.at += 1;
                Ok(it)
            }
            other => Err(format!("found '{}', expected: identifier", other.literal())),
        }
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        let token = self.next();
        if token != Token::Symbol("(") {
            return Err(format!("found '{}' expected: '('", token.literal()));
        }
        let mut values: Vec<String> = Vec::new();
        let mut is_open = true;
        loop {
            match self.next() {
                Token::Word(it) => {
                    values.push(it);
                    is_open = false;
                    match self.peek() {
                        Token::Symbol("," | ")") => {}
                        other => {
                            return Err(format!(
                                "found '{}', expected: ',' or ')'",
                                other.literal()
                            ));
                        }
                    }
                }
                Token::Symbol(",") => {
                    if is_open {
                        values.push(String::new());
                    }
                    is_open = true;
                }
                Token::Symbol(")") => {
                    if is_open {
                        values.push(String::new());
                    }
                    sort(&mut values);
                    values.dedup();
                    return Ok(values);
                }
                other => {
                    return Err(format!(
                        "found '{}', expected: ',', or identifier",
                        other.literal()
                    ));
                }
            }
        }
    }
}

fn check_values(it: &LabelSelectorRequirement) -> Result<(), String> {
    if matches!(it.operator.as_str(), "Gt" | "Lt") {
        let is_number = it.values.iter().all(|it| it.parse::<i64>().is_ok());
        if !is_number {
            let value = it.values.first().map(String::as_str).unwrap_or_default();
            return Err(format!(
                "values[0]: Invalid value: {}: for 'Gt', 'Lt' operators, the value must be an integer",
                quoted(value)
            ));
        }
    }
    for (n, value) in it.values.iter().enumerate() {
        let faults = label_value_faults(value);
        if !faults.is_empty() {
            return Err(format!(
                "values[{n}][{}]: Invalid value: {}: {}",
                it.key,
                quoted(value),
                faults.join("; ")
            ));
        }
    }
    Ok(())
}
