//! Reads sets and maps in nft text: how they are declared, and their elements.
//!
//! Imitates the grammar of nft 1.0.6 (`src/parser_bison.y`, `set_block` and below).
//!
//! **Left out**: the policy and collection interval of a set and its counters, which are read and not
//! kept.

use super::nft_lex::{Fail, ParseError, TokenKind, error_at, unclosed};
use super::nft_parse::Parser;
use super::nft_symbols::{Kind, kinds_of, kinds_of_type, type_of_kinds};
use super::nft_values::Values;
use crate::netfilter::{Command, Element, Name, Object, Set, SetFlag, TableKey, Verb};
use crate::time::Duration;

/// What a set holds, for reading its elements.
#[derive(Clone)]
pub(super) struct Types {
    keys: Vec<Kind>,
    values: Values,
}

impl Parser<'_> {
    pub(super) fn set_command(&mut self, verb: Verb) -> Result<(), ParseError> {
        let is_map = self.cursor.is_word("map");
        let table = self.known_table()?;
        let mut later = Vec::new();
        self.set(verb, &table, is_map, &mut later)?;
        self.commands.append(&mut later);
        Ok(())
    }

    /// A set's name and what stands in braces behind it.
    pub(super) fn set(
        &mut self,
        verb: Verb,
        table: &TableKey,
        is_map: bool,
        later: &mut Vec<Command>,
    ) -> Result<(), ParseError> {
        let name = self.cursor.name("the name of a set")?;
        let mut set = match is_map {
            true => Set::map(name, "", ""),
            false => Set::new(name, ""),
        };
        let start = self.cursor.peek();
        let mut types = Types {
            keys: Vec::new(),
            values: if is_map {
                Values::Data(Vec::new())
            } else {
                Values::None
            },
        };
        if self.cursor.is_symbol("{") {
            let opening = self.cursor.next();
            loop {
                self.cursor.skip_separators();
                if self.cursor.accept_symbol("}") {
                    break;
                }
                if self.cursor.peek().kind == TokenKind::End {
                    return Err(unclosed(opening));
                }
                self.set_item(table, &mut set, &mut types, later)?;
                if !self.cursor.is_at_end() {
                    return Err(self.cursor.unexpected("the end of the statement"));
                }
            }
        }
        let makes = matches!(verb, Verb::Add | Verb::Create);
        if makes && set.key_type.is_empty() {
            let hint = Some("{ type ipv4_addr ; }".to_owned());
            let message = format!("set {name} has no type");
            return Err(error_at(start, message, hint));
        }
        self.types.insert((table.clone(), name.into()), types);
        self.push(verb, table, Object::Set(set));
        Ok(())
    }

    fn set_item(
        &mut self,
        table: &TableKey,
        set: &mut Set,
        types: &mut Types,
        later: &mut Vec<Command>,
    ) -> Result<(), ParseError> {
        let item = self.cursor.peek();
        match item.text {
            "type" => {
                self.cursor.next();
                set.key_type = self.type_text()?.into();
                types.keys = kinds_of_type(&set.key_type);
                self.value_type(set, types)?;
            }
            "typeof" => {
                self.cursor.next();
                set.key_type = self.type_of()?.into();
                types.keys = kinds_of_type(&set.key_type);
                self.value_type(set, types)?;
            }
            "flags" => {
                self.cursor.next();
                self.set_flags(set)?;
            }
            "timeout" => {
                self.cursor.next();
                set.timeout = Some(self.cursor.duration()?);
            }
            "comment" => {
                self.cursor.next();
                set.comment = Some(self.cursor.name("a comment")?.into());
            }
            "elements" => {
                self.cursor.next();
                self.cursor.expect_symbol("=")?;
                let name = set.name.clone();
                self.elements(Verb::Add, table, &name, types, later)?;
            }
            "size" => {
                self.cursor.next();
                let text = self.cursor.peek().text;
                let size = text
                    .parse()
                    .map_err(|_| self.cursor.unexpected("a number"))?;
                set.size = Some(size);
                self.cursor.next();
            }
            "gc-interval" | "policy" | "auto-merge" | "counter" => {
                self.skip_statement()?;
            }
            _ if self.cursor.is_listing => self.skip_object()?,
            _ => {
                let wanted = "`type`, `flags`, `timeout`, `comment` or `elements`";
                return Err(self.cursor.unexpected(wanted));
            }
        }
        Ok(())
    }

    /// The type of a map's values, behind the colon.
    fn value_type(&mut self, set: &mut Set, types: &mut Types) -> Result<(), ParseError> {
        if !self.cursor.is_symbol(":") {
            return match set.value_type {
                Some(_) => {
                    let hint = Some("type KEY : VALUE, as in type mark : verdict".to_owned());
                    let message = "a map needs the type of its values".to_owned();
                    Err(self.cursor.error(message, hint))
                }
                None => Ok(()),
            };
        }
        if set.value_type.is_none() {
            let message = "only a map has values".to_owned();
            return Err(self.cursor.error(message, None));
        }
        self.cursor.next();
        let is_typeof = set.key_type.starts_with("typeof");
        let text = if is_typeof {
            self.type_of()?
        } else {
            self.type_text()?
        };
        types.values = match text.as_str() {
            "verdict" => Values::Verdicts,
            _ => Values::Data(kinds_of_type(&text)),
        };
        set.value_type = Some(text.into());
        Ok(())
    }

    fn type_text(&mut self) -> Result<String, ParseError> {
        let mut text = self.cursor.name("a type")?.to_owned();
        while self.cursor.accept_symbol(".") {
            text.extend([" . ", self.cursor.name("a type")?]);
        }
        Ok(text)
    }

    /// The type of an expression, or the expression itself where the type has no name here.
    fn type_of(&mut self) -> Result<String, ParseError> {
        let start = self.cursor.at;
        if let Ok(expression) = self.cursor.expression(None)
            && let Some(text) = type_of_kinds(&kinds_of(&expression))
        {
            return Ok(text);
        }
        self.cursor.at = start;
        let mut words = Vec::new();
        while !self.cursor.is_at_end() && !self.cursor.is_symbol(":") {
            words.push(self.cursor.next().text);
        }
        match words.as_slice() {
            ["verdict"] => Ok("verdict".to_owned()),
            [] => Err(self.cursor.unexpected("an expression")),
            _ => Ok(format!("typeof {}", words.join(" "))),
        }
    }

    fn set_flags(&mut self, set: &mut Set) -> Result<(), ParseError> {
        loop {
            let names = "constant, dynamic, interval, timeout";
            let flag = self.one_of("a flag of a set", names, |it| match it {
                "constant" => Some(SetFlag::Constant),
                "dynamic" => Some(SetFlag::Dynamic),
                "interval" => Some(SetFlag::Interval),
                "timeout" => Some(SetFlag::Timeout),
                _ => None,
            })?;
            if !set.flags.contains(&flag) {
                set.flags.push(flag);
            }
            if !self.cursor.accept_symbol(",") {
                return Ok(());
            }
        }
    }

    pub(super) fn element_command(&mut self, verb: Verb) -> Result<(), ParseError> {
        let table = self.known_table()?;
        let name: Name = self.cursor.name("the name of a set")?.into();
        let known = self.types.get(&(table.clone(), name.clone())).cloned();
        let types = known.unwrap_or_else(|| self.guessed_types());
        let mut commands = Vec::new();
        self.elements(verb, &table, &name, &types, &mut commands)?;
        self.commands.append(&mut commands);
        Ok(())
    }

    /// What an undeclared set seems to hold: the first value behind a colon tells.
    fn guessed_types(&self) -> Types {
        let verdicts = ["accept", "drop", "continue", "return", "jump", "goto"];
        let mut values = Values::None;
        let mut ahead = 0;
        loop {
            let token = self.cursor.peek_at(ahead);
            match (token.kind, token.text) {
                (TokenKind::End, _) | (TokenKind::Symbol, "}") => break,
                (TokenKind::Symbol, ":") => {
                    let value = self.cursor.peek_at(ahead + 1).text;
                    values = match verdicts.contains(&value) {
                        true => Values::Verdicts,
                        false => Values::Data(Vec::new()),
                    };
                    break;
                }
                _ => ahead += 1,
            }
        }
        let keys = Vec::new();
        Types { keys, values }
    }

    /// The elements between braces, one command each.
    fn elements(
        &mut self,
        verb: Verb,
        table: &TableKey,
        name: &Name,
        types: &Types,
        into: &mut Vec<Command>,
    ) -> Result<(), ParseError> {
        let opening = self.cursor.peek();
        self.cursor.expect_symbol("{")?;
        loop {
            self.cursor.skip_newlines();
            if self.cursor.accept_symbol("}") {
                return Ok(());
            }
            let token = self.cursor.peek();
            if token.kind == TokenKind::End {
                return Err(unclosed(opening));
            }
            let start = (self.cursor.at, self.cursor.depth);
            match self.cursor.element(&types.keys, &types.values) {
                Ok(elements) => {
                    for it in elements {
                        self.keep(verb, table, name, it.element, it.expires, into);
                    }
                }
                Err(Fail::Wrong(error)) if !self.cursor.is_listing => return Err(error),
                Err(_) if !self.cursor.is_listing => {
                    let message = "elements of this kind are not understood here".to_owned();
                    return Err(error_at(token, message, None));
                }
                Err(_) => {
                    (self.cursor.at, self.cursor.depth) = start;
                    self.skipped
                        .push(format!("line {}: element of {name}", token.line));
                    self.skip_element()?;
                }
            }
            self.cursor.skip_newlines();
            if !self.cursor.is_symbol("}") && self.cursor.peek().kind != TokenKind::End {
                self.cursor.expect_symbol(",")?;
            }
        }
    }

    fn keep(
        &mut self,
        verb: Verb,
        table: &TableKey,
        set: &Name,
        element: Element,
        expires: Option<Duration>,
        into: &mut Vec<Command>,
    ) {
        match expires {
            Some(left) if self.cursor.is_listing => {
                let place = (table.clone(), set.clone(), element.key, left);
                self.expiring.push(place);
            }
            _ => into.push(Command {
                verb,
                table: table.clone(),
                object: Object::Element {
                    set: set.clone(),
                    element,
                },
            }),
        }
    }

    fn skip_element(&mut self) -> Result<(), ParseError> {
        loop {
            let token = self.cursor.peek();
            match (token.kind, token.text) {
                (TokenKind::Symbol, "," | "}") => return Ok(()),
                (TokenKind::Symbol, "{") => self.cursor.skip_braces()?,
                (TokenKind::End, _) => return Err(self.cursor.unexpected("`}`")),
                _ => {
                    self.cursor.next();
                }
            }
        }
    }
}
