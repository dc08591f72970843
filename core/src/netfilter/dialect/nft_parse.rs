//! Reads nft text: commands as kube-proxy sends them, and tables as `nft list ruleset` prints them.
//!
//! Imitates the grammar of nft 1.0.6 (`src/parser_bison.y`). Both spellings of a thing give the same
//! value, and every error has its place. A listing is read more kindly than a command: what stands
//! in it the kernel has accepted, so what makes no sense here is kept as text or named as skipped.
//!
//! **Left out**: `include`, `define`; `insert`, `replace` and rules named by handle; `flush ruleset`;
//! named counters, limits, quotas, helpers and flow tables; the policy and collection interval of
//! a set, and the dormant and owner flags of a table, which are read and not kept;
//! tables of the bridge, arp and netdev families.

use super::nft_lex::{Cursor, TokenKind, error_at, unclosed};
use super::nft_set::Types;
use crate::netfilter::{
    BaseChain, Chain, ChainType, Command, Datum, Hook, Name, Object, Policy, Priority, Rule,
    Ruleset, Table, TableFamily, TableKey, Transaction, Verb,
};
use crate::time::Duration;
use serde::Serialize;
use std::collections::BTreeMap;

pub use super::nft_lex::ParseError;

/// What `nft -a list ruleset` told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The rules.
    pub ruleset: Ruleset,
    /// The handle of each rule that has one: its table, chain and place in the chain.
    #[serde(skip)]
    pub handles: BTreeMap<(TableKey, Name, usize), u64>,
    /// Elements that will expire, which packets or people added: table, set, key, time left. They
    /// are no part of the ruleset.
    pub expiring: Vec<(TableKey, Name, Datum, Duration)>,
    /// What the model has no place for, each with its line.
    pub skipped: Vec<String>,
}

/// Reads commands, tables in braces, or both.
///
/// # Errors
/// The first place where the text is no nft, or is nft this model has no command for.
pub fn parse(text: &str) -> Result<Transaction, ParseError> {
    let mut parser = Parser::new(text, false);
    parser.document()?;
    Ok(Transaction {
        commands: parser.commands,
        ..Transaction::default()
    })
}

/// Reads what `nft list ruleset` or `nft -a list ruleset` printed.
///
/// # Errors
/// The first place where the text cannot be a listing.
pub fn parse_listing(text: &str) -> Result<Listing, ParseError> {
    let mut parser = Parser::new(text, true);
    parser.document()?;
    let mut ruleset = Ruleset::default();
    for command in parser.commands {
        enter(&mut ruleset, command);
    }
    Ok(Listing {
        ruleset,
        handles: parser.handles,
        expiring: parser.expiring,
        skipped: parser.skipped,
    })
}

impl std::str::FromStr for Rule {
    type Err = ParseError;

    /// Reads the text of a rule alone, as in a table of family ip or ip6.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(text);
        let rule = cursor.rule()?;
        cursor.skip_separators();
        match cursor.peek().kind {
            TokenKind::End => Ok(rule),
            _ => Err(cursor.unexpected("the end of the rule")),
        }
    }
}

/// Puts what a command adds where it belongs. A listing is never refused.
fn enter(ruleset: &mut Ruleset, command: Command) {
    if ruleset.table(&command.table).is_none() {
        ruleset.add_table(Table::new(command.table.clone()));
    }
    let Some(table) = ruleset.table_mut(&command.table) else {
        return;
    };
    match command.object {
        Object::Table { comment } => table.comment = comment.or(table.comment.take()),
        Object::Chain(chain) => {
            let rules = table.chains.get(&chain.name).map(|it| it.rules.clone());
            let rules = rules.unwrap_or_default();
            table.add_chain(Chain { rules, ..chain });
        }
        Object::Set(set) => table.sets.insert(set.name.clone(), set),
        Object::Rule { chain, rule } => {
            if table.chains.get(&chain).is_none() {
                table.add_chain(Chain::regular(&chain));
            }
            if let Some(chain) = table.chains.get_mut(&chain) {
                chain.rules.push(rule);
            }
        }
        Object::Element { set, element } => {
            if let Some(set) = table.sets.get_mut(&set) {
                set.insert(element);
            }
        }
    }
}

/// A text being read, and what it has told so far.
pub(super) struct Parser<'a> {
    pub(super) cursor: Cursor<'a>,
    pub(super) commands: Vec<Command>,
    pub(super) types: BTreeMap<(TableKey, Name), Types>,
    n_rules: BTreeMap<(TableKey, Name), usize>,
    handles: BTreeMap<(TableKey, Name, usize), u64>,
    pub(super) expiring: Vec<(TableKey, Name, Datum, Duration)>,
    pub(super) skipped: Vec<String>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, is_listing: bool) -> Self {
        let mut cursor = Cursor::new(text);
        cursor.is_listing = is_listing;
        Parser {
            cursor,
            commands: Vec::new(),
            types: BTreeMap::new(),
            n_rules: BTreeMap::new(),
            handles: BTreeMap::new(),
            expiring: Vec::new(),
            skipped: Vec::new(),
        }
    }

    fn document(&mut self) -> Result<(), ParseError> {
        loop {
            self.cursor.skip_separators();
            if self.cursor.peek().kind == TokenKind::End {
                return Ok(());
            }
            self.command()?;
            if !self.cursor.is_at_end() || self.cursor.is_symbol("}") {
                return Err(self.cursor.unexpected("the end of the command"));
            }
        }
    }

    fn command(&mut self) -> Result<(), ParseError> {
        let verb = match self.cursor.peek().text {
            "add" => Some(Verb::Add),
            "create" => Some(Verb::Create),
            "delete" => Some(Verb::Delete),
            "destroy" => Some(Verb::Destroy),
            "flush" => Some(Verb::Flush),
            _ => None,
        };
        let start = self.cursor.peek();
        if verb.is_some() {
            self.cursor.next();
        }
        let verb = verb.unwrap_or(Verb::Add);
        let makes = matches!(verb, Verb::Add | Verb::Create);
        if self.cursor.is_listing && !makes {
            let message = format!("a listing does not `{}`", start.text);
            return Err(error_at(start, message, None));
        }
        let noun = self.cursor.peek();
        match (noun.text, noun.kind) {
            ("table", TokenKind::Word) => self.table(verb),
            ("chain", TokenKind::Word) => self.chain_command(verb),
            ("set" | "map", TokenKind::Word) => self.set_command(verb),
            ("element", TokenKind::Word) => self.element_command(verb),
            ("rule", TokenKind::Word) if makes => self.rule_command(verb),
            ("rule", TokenKind::Word) => {
                let hint = "rules have no handles here: flush the chain and add its rules again";
                let message = format!("cannot `{} rule`", start.text);
                Err(self.cursor.error(message, Some(hint.to_owned())))
            }
            ("ruleset", TokenKind::Word) => {
                let hint = "delete or destroy each table by its name".to_owned();
                let message = "the whole ruleset cannot be flushed at once".to_owned();
                Err(self.cursor.error(message, Some(hint)))
            }
            ("counter" | "quota" | "limit" | "ct" | "flowtable", TokenKind::Word) if makes => {
                let message = format!("no named `{}` in this model", noun.text);
                Err(self.cursor.error(message, None))
            }
            _ => Err(self.unknown_command()),
        }
    }

    fn unknown_command(&self) -> ParseError {
        let hint = "a verb: add, create, delete, destroy, flush; \
                    then a noun: table, chain, rule, set, map, element";
        let known_to_nft = [
            "insert", "replace", "list", "reset", "rename", "include", "define", "undefine",
            "redefine", "monitor", "describe", "export", "import",
        ];
        let text = self.cursor.peek().text;
        let message = if known_to_nft.contains(&text) {
            format!("`{text}` is nft, but not understood here")
        } else if self.cursor.peek().kind == TokenKind::Word {
            format!("`{text}` is no command of nft")
        } else {
            return self.cursor.unexpected("a command");
        };
        self.cursor.error(message, Some(hint.to_owned()))
    }

    /// The family and name of a table; none for a family outside the model.
    fn table_key(&mut self) -> Result<Option<TableKey>, ParseError> {
        let token = self.cursor.peek();
        let family = match token.text {
            "ip" => Some(TableFamily::Ip),
            "ip6" => Some(TableFamily::Ip6),
            "inet" => Some(TableFamily::Inet),
            "arp" | "bridge" | "netdev" => None,
            _ => {
                let name = self.cursor.name("the name of a table")?;
                self.cursor.family = TableFamily::Ip;
                return Ok(Some(TableKey::new(TableFamily::Ip, name)));
            }
        };
        self.cursor.next();
        let name = self.cursor.name("the name of a table")?;
        if let Some(family) = family {
            self.cursor.family = family;
            return Ok(Some(TableKey::new(family, name)));
        }
        if self.cursor.is_listing {
            let skipped = format!("line {}: table {} {name}", token.line, token.text);
            self.skipped.push(skipped);
            return Ok(None);
        }
        let message = format!("tables of family {} are not understood here", token.text);
        let hint = Some("ip, ip6 or inet".to_owned());
        Err(error_at(token, message, hint))
    }

    /// The table a command is about, in a text where it must be one of the model.
    pub(super) fn known_table(&mut self) -> Result<TableKey, ParseError> {
        self.cursor.next();
        let start = self.cursor.peek();
        self.table_key()?.ok_or_else(|| {
            let message = "tables of this family are not understood here".to_owned();
            error_at(start, message, None)
        })
    }

    pub(super) fn push(&mut self, verb: Verb, table: &TableKey, object: Object) {
        self.commands.push(Command {
            verb,
            table: table.clone(),
            object,
        });
    }

    fn table(&mut self, verb: Verb) -> Result<(), ParseError> {
        self.cursor.next();
        let Some(table) = self.table_key()? else {
            if self.cursor.is_symbol("{") {
                return self.cursor.skip_braces();
            }
            return Ok(());
        };
        let at = self.commands.len();
        self.push(verb, &table, Object::Table { comment: None });
        if !self.cursor.is_symbol("{") {
            return Ok(());
        }
        let opening = self.cursor.next();
        // Rules and elements come after all chains and sets, so that what they lead to is there.
        let mut later = Vec::new();
        loop {
            self.cursor.skip_separators();
            let item = self.cursor.peek();
            match (item.text, item.kind) {
                ("}", TokenKind::Symbol) => break,
                (_, TokenKind::End) => return Err(unclosed(opening)),
                ("comment", TokenKind::Word) => {
                    self.cursor.next();
                    let text = self.cursor.name("a comment")?;
                    self.commands[at].object = Object::Table {
                        comment: Some(text.into()),
                    };
                }
                ("flags", TokenKind::Word) => self.skip_statement()?,
                ("chain", TokenKind::Word) => {
                    self.cursor.next();
                    self.chain(verb, &table, &mut later)?;
                }
                ("set" | "map", TokenKind::Word) => {
                    self.cursor.next();
                    self.set(verb, &table, item.text == "map", &mut later)?;
                }
                (_, TokenKind::Word) if self.cursor.is_listing => self.skip_object()?,
                _ => {
                    let wanted = "`chain`, `set`, `map`, `comment` or `}`";
                    return Err(self.cursor.unexpected(wanted));
                }
            }
        }
        self.cursor.next();
        self.commands.append(&mut later);
        Ok(())
    }

    /// Reads past the rest of a statement.
    pub(super) fn skip_statement(&mut self) -> Result<(), ParseError> {
        while !self.cursor.is_at_end() {
            if self.cursor.is_symbol("{") {
                self.cursor.skip_braces()?;
            } else {
                self.cursor.next();
            }
        }
        Ok(())
    }

    /// Reads past an object the model has no place for, and says so.
    pub(super) fn skip_object(&mut self) -> Result<(), ParseError> {
        let item = self.cursor.peek();
        let name = self.cursor.peek_at(1).text.trim();
        self.skipped
            .push(format!("line {}: {} {name}", item.line, item.text));
        self.skip_statement()
    }

    fn chain_command(&mut self, verb: Verb) -> Result<(), ParseError> {
        let table = self.known_table()?;
        let mut later = Vec::new();
        self.chain(verb, &table, &mut later)?;
        self.commands.append(&mut later);
        Ok(())
    }

    /// A chain's name and what stands in braces behind it.
    fn chain(
        &mut self,
        verb: Verb,
        table: &TableKey,
        later: &mut Vec<Command>,
    ) -> Result<(), ParseError> {
        let name = self.cursor.name("the name of a chain")?;
        let mut chain = Chain::regular(name);
        let at = self.commands.len();
        self.push(verb, table, Object::Chain(chain.clone()));
        if !self.cursor.is_symbol("{") {
            return Ok(());
        }
        let opening = self.cursor.next();
        loop {
            self.cursor.skip_separators();
            let item = self.cursor.peek();
            if self.cursor.accept_symbol("}") {
                break;
            }
            match item.text {
                _ if item.kind == TokenKind::End => return Err(unclosed(opening)),
                "type" => match self.base_chain(chain.base)? {
                    Some(base) => chain.base = Some(base),
                    None => {
                        self.skip_chain(at, name)?;
                        return Ok(());
                    }
                },
                "policy" => {
                    let policy = self.policy()?;
                    match &mut chain.base {
                        Some(base) => base.policy = policy,
                        None => {
                            let message = "a chain without a hook has no policy".to_owned();
                            let hint = "write `type … hook … priority …` first".to_owned();
                            return Err(error_at(item, message, Some(hint)));
                        }
                    }
                }
                "flags" => self.skip_statement()?,
                "comment" if self.cursor.is_at_comment() => {
                    self.cursor.next();
                    chain.comment = Some(self.cursor.name("a comment")?.into());
                }
                _ => later.push(self.rule(Verb::Add, table, &chain.name)?),
            }
            if !self.cursor.is_at_end() {
                return Err(self.cursor.unexpected("the end of the statement"));
            }
        }
        self.commands[at].object = Object::Chain(chain);
        Ok(())
    }

    /// Reads past the rest of a chain on a hook outside the model.
    fn skip_chain(&mut self, at: usize, name: &str) -> Result<(), ParseError> {
        let line = self.cursor.peek().line;
        self.skipped.push(format!("line {line}: chain {name}"));
        self.commands.truncate(at);
        while !self.cursor.accept_symbol("}") {
            if self.cursor.peek().kind == TokenKind::End {
                return Err(self.cursor.unexpected("`}`"));
            }
            self.skip_statement()?;
            self.cursor.skip_separators();
        }
        Ok(())
    }

    /// `type filter hook input priority filter + 5`; none for a hook outside the model.
    fn base_chain(&mut self, before: Option<BaseChain>) -> Result<Option<BaseChain>, ParseError> {
        self.cursor.next();
        let kind = self.one_of(
            "a type of chain",
            "filter, nat, route",
            ChainType::from_name,
        )?;
        if !self.cursor.accept_word("hook") {
            return Err(self.cursor.unexpected("`hook`"));
        }
        if self.cursor.is_listing && ["ingress", "egress"].contains(&self.cursor.peek().text) {
            return Ok(None);
        }
        let hooks = "prerouting, input, forward, output, postrouting";
        let hook = self.one_of("a hook", hooks, Hook::from_name)?;
        if !self.cursor.accept_word("priority") {
            return Err(self.cursor.unexpected("`priority`"));
        }
        let priority = self.priority()?;
        Ok(Some(BaseChain {
            kind,
            hook,
            priority,
            policy: before.map(|it| it.policy).unwrap_or_default(),
        }))
    }

    pub(super) fn one_of<T>(
        &mut self,
        what: &str,
        all: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ParseError> {
        let text = self.cursor.peek().text;
        if self.cursor.peek().kind != TokenKind::Word {
            return Err(self.cursor.unexpected(what));
        }
        let Some(value) = read(text) else {
            let message = format!("`{text}` is not {what}");
            return Err(self.cursor.error(message, Some(all.to_owned())));
        };
        self.cursor.next();
        Ok(value)
    }

    fn priority(&mut self) -> Result<Priority, ParseError> {
        if self.cursor.accept_symbol("-") {
            let number = self.priority_number()?;
            return Ok(Priority(-number));
        }
        let Some(base) = Priority::from_name(self.cursor.peek().text) else {
            return self.priority_number().map(Priority);
        };
        self.cursor.next();
        if self.cursor.accept_symbol("+") {
            let by = self.priority_number()?;
            return Ok(Priority(base.0.saturating_add(by)));
        }
        if self.cursor.accept_symbol("-") {
            let by = self.priority_number()?;
            return Ok(Priority(base.0.saturating_sub(by)));
        }
        Ok(base)
    }

    fn priority_number(&mut self) -> Result<i32, ParseError> {
        let names = "a number, or raw, mangle, dstnat, filter, security, srcnat";
        self.one_of("a priority", names, |it| {
            it.parse::<u32>().ok()?.try_into().ok()
        })
    }

    fn policy(&mut self) -> Result<Policy, ParseError> {
        self.cursor.next();
        self.one_of("a policy", "accept, drop", |it| match it {
            "accept" => Some(Policy::Accept),
            "drop" => Some(Policy::Drop),
            _ => None,
        })
    }

    fn rule_command(&mut self, verb: Verb) -> Result<(), ParseError> {
        let table = self.known_table()?;
        let chain: Name = self.cursor.name("the name of a chain")?.into();
        if ["handle", "position", "index"].contains(&self.cursor.peek().text) {
            let message = "a rule's place is always the end of its chain here".to_owned();
            return Err(self.cursor.error(message, None));
        }
        let rule = self.rule(verb, &table, &chain)?;
        self.commands.push(rule);
        Ok(())
    }

    fn rule(&mut self, verb: Verb, table: &TableKey, chain: &Name) -> Result<Command, ParseError> {
        let start = self.cursor.peek();
        let rule = self.cursor.rule()?;
        if rule.statements.is_empty() {
            return Err(error_at(start, "a rule needs a statement".to_owned(), None));
        }
        let n_rules = self
            .n_rules
            .entry((table.clone(), chain.clone()))
            .or_default();
        if let Some(handle) = self.cursor.previous().handle {
            let place = (table.clone(), chain.clone(), *n_rules);
            self.handles.insert(place, handle);
        }
        *n_rules += 1;
        let chain = chain.clone();
        Ok(Command {
            verb,
            table: table.clone(),
            object: Object::Rule { chain, rule },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_of_rules_are_found_by_place() {
        let text = "table ip t { # handle 1\n\tchain a { # handle 2\n\t\taccept # handle 3\n\
                    \t\tdrop comment \"x\" # handle 9\n\t}\n}\n";
        let listing = parse_listing(text).expect("a listing");
        let key = TableKey::new(TableFamily::Ip, "t");
        let handles: Vec<_> = listing.handles.into_iter().collect();
        assert_eq!(
            handles,
            [((key.clone(), "a".into(), 0), 3), ((key, "a".into(), 1), 9)]
        );
    }

    #[test]
    fn a_listing_skips_what_has_no_place_here_and_says_so() {
        let text = "table bridge b {\n\tchain x {\n\t}\n}\ntable inet t {\n\tcounter c {\n\t\tpackets 1 bytes 2\n\t}\n\n\
                    \tset s {\n\t\ttype ether_addr\n\t\tsize 9\n\t\telements = { aa:bb:cc:dd:ee:ff, * }\n\t}\n\n\
                    \tset d {\n\t\ttype ipv4_addr\n\t\tflags dynamic,timeout\n\t\telements = { 1.1.1.1 timeout 1h expires 59m }\n\t}\n\n\
                    \tchain i {\n\t\ttype filter hook ingress device \"eth0\" priority 0; policy accept;\n\t\taccept\n\t}\n\n\
                    \tchain f {\n\t\ttype filter hook input priority filter + 5; policy drop;\n\t\tip saddr nonsense accept\n\t}\n}\n";
        let listing = parse_listing(text).expect("a listing");
        assert_eq!(
            listing.skipped,
            [
                "line 1: table bridge b",
                "line 6: counter c",
                "line 23: chain i"
            ]
        );
        assert_eq!(listing.expiring.len(), 1);
        assert_eq!(listing.expiring[0].3, Duration::from_secs(59 * 60));
        let table = &listing.ruleset.tables()[0];
        let chain = table.chains.get("f").expect("a chain");
        let base = chain.base.expect("a base chain");
        assert_eq!((base.priority, base.policy), (Priority(5), Policy::Drop));
        assert_eq!(chain.rules[0].to_string(), "ip saddr nonsense accept");
        assert!(table.chains.get("i").is_none());
    }

    #[test]
    fn in_a_block_what_is_led_to_comes_before_what_leads_there() {
        let text = "table t { chain a { jump b; accept; } chain b { type nat hook output priority -100; }\n\
                    map m { type mark : verdict; elements = { 1 : goto b } }\n }";
        let tx = parse(text).expect("a transaction");
        assert_eq!(
            tx.to_string(),
            "add table ip t\nadd chain ip t a\n\
             add chain ip t b { type nat hook output priority -100 ; }\n\
             add map ip t m { type mark : verdict ; }\n\
             add rule ip t a jump b\nadd rule ip t a accept\n\
             add element ip t m { 1 : goto b }\n"
        );
    }

    #[test]
    fn a_mistake_in_a_command_has_its_place() {
        let place = |text: &str| {
            let error = parse(text).expect_err(text);
            (error.line, error.column)
        };
        assert_eq!(place("add table ip t\nad chain ip t c"), (2, 1));
        assert_eq!(place("table ip t {\n chain c {\n  accept\n"), (2, 10));
        assert_eq!(
            place("add chain ip t c { type filter hook inptu priority 0 ; }"),
            (1, 37)
        );
        assert_eq!(
            place("add chain ip t c { type filter hook input priority high ; }"),
            (1, 52)
        );
        assert_eq!(
            place("add set ip t s { type ipv4_addr ; flags dinamic ; }"),
            (1, 41)
        );
        assert_eq!(
            place("add set ip t s { timeout 3x ; type mark ; }"),
            (1, 26)
        );
        assert_eq!(place("add set ip t s"), (1, 15));
        assert_eq!(place("add element ip t s { 10.0.0.1 "), (1, 20));
        assert_eq!(place("delete rule ip t c handle 4"), (1, 8));
        assert_eq!(place("flush ruleset"), (1, 7));
        assert_eq!(place("add rule ip t c"), (1, 16));
        assert_eq!(place("add table ip t }"), (1, 16));
        assert_eq!(place("add rule arp t c accept"), (1, 10));
    }
}
