//! Expansion of words: parameters, substitutions, arithmetic, splitting, file names, quotes.
//!
//! POSIX.1-2017 "Shell Command Language" 2.6.
//!
//! **Left out**: `~user`, braces `{a,b}` of bash.

use super::arithmetic::{Variables, evaluate};
use super::parse::is_name;
use super::pattern::Pattern;
use super::process::absolute;
use super::run::Run;
use super::streams::{Handle, Output, Streams, pipe};
use super::syntax::{Action, Parameter, Part, Script, Word};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

/// Why an expansion cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) message: String,
}

/// How the parts of a word are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// As a command's words: values are split, written text is not.
    Word,
    /// Written text is split too: it stands in a `${x:-…}`.
    Inner,
    /// Not split.
    Whole,
    /// Quoted.
    Quoted,
}

/// The fields that a word becomes.
struct Fields {
    done: Vec<Vec<(char, bool)>>,
    open: Option<Vec<(char, bool)>>,
    separators: String,
    after_blank: bool,
}

type Expanding<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + 'a>>;

impl Fields {
    fn new(separators: Option<String>) -> Fields {
        Fields {
            done: Vec::new(),
            open: None,
            separators: separators.unwrap_or_else(|| " \t\n".to_owned()),
            after_blank: false,
        }
    }

    fn push(&mut self, text: &str, is_quoted: bool) {
        let open = self.open.get_or_insert_with(Vec::new);
        open.extend(text.chars().map(|it| (it, is_quoted)));
        self.after_blank = false;
    }

    fn end(&mut self) {
        self.done.extend(self.open.take());
    }

    fn split(&mut self, text: &str) {
        for it in text.chars() {
            if !self.separators.contains(it) {
                self.open.get_or_insert_with(Vec::new).push((it, false));
                self.after_blank = false;
            } else if it.is_whitespace() {
                self.after_blank |= self.open.is_some();
                self.end();
            } else {
                if self.open.is_none() && !self.after_blank {
                    self.open = Some(Vec::new());
                }
                self.after_blank = false;
                self.end();
            }
        }
    }

    fn add(&mut self, text: &str, taken: Taken) {
        match taken {
            Taken::Word | Taken::Inner => self.split(text),
            Taken::Whole if text.is_empty() => {}
            Taken::Whole => self.push(text, false),
            Taken::Quoted => self.push(text, true),
        }
    }
}

fn text_of(chars: &[(char, bool)]) -> String {
    chars.iter().map(|it| it.0).collect()
}

impl Run {
    /// The fields of a command's words.
    pub(super) async fn fields(
        &self,
        words: &[Word],
        streams: &Streams,
    ) -> Result<Vec<String>, Failure> {
        let mut all = Vec::new();
        for word in words {
            let mut fields = Fields::new(self.scope.value("IFS"));
            self.tilde(word, &mut fields);
            self.parts(&word.0, &mut fields, Taken::Word, streams)
                .await?;
            fields.end();
            for field in fields.done {
                let pattern = Pattern(field);
                if pattern.is_special() && !self.scope.options.get().keeps_patterns {
                    all.extend(self.paths(&pattern));
                } else {
                    all.push(text_of(&pattern.0));
                }
            }
        }
        Ok(all)
    }

    /// A word as one text, unsplit.
    pub(super) async fn text_of(&self, word: &Word, streams: &Streams) -> Result<String, Failure> {
        self.pattern_of(word, streams)
            .await
            .map(|it| text_of(&it.0))
    }

    /// The value of an assignment: unsplit, with tildes.
    pub(super) async fn assigned(&self, word: &Word, streams: &Streams) -> Result<String, Failure> {
        self.text_of(word, streams).await
    }

    /// A word as a pattern, unsplit.
    pub(super) async fn pattern_of(
        &self,
        word: &Word,
        streams: &Streams,
    ) -> Result<Pattern, Failure> {
        let mut fields = Fields::new(Some(String::new()));
        self.tilde(word, &mut fields);
        self.parts(&word.0, &mut fields, Taken::Whole, streams)
            .await?;
        fields.end();
        Ok(Pattern(fields.done.into_iter().flatten().collect()))
    }

    /// `~` at a word's beginning is put in as if it had been quoted; `parts` leaves it out.
    fn tilde(&self, word: &Word, fields: &mut Fields) {
        if let Some(Part::Plain(text)) = word.0.first()
            && is_home(text, word.0.len())
        {
            fields.push(&self.scope.value("HOME").unwrap_or_default(), true);
        }
    }

    fn parts<'a>(
        &'a self,
        parts: &'a [Part],
        fields: &'a mut Fields,
        taken: Taken,
        streams: &'a Streams,
    ) -> Expanding<'a> {
        Box::pin(async move {
            for (idx, part) in parts.iter().enumerate() {
                match part {
                    Part::Plain(text) => {
                        let is_tilde = idx == 0
                            && matches!(taken, Taken::Word | Taken::Whole)
                            && is_home(text, parts.len());
                        let text = if is_tilde { &text[1..] } else { text };
                        match taken {
                            Taken::Word if text.is_empty() => {}
                            Taken::Word => fields.push(text, false),
                            _ => fields.add(text, taken),
                        }
                    }
                    Part::Quoted(text) => fields.push(text, true),
                    Part::Double(inner) => {
                        if !self.is_all_of_nothing(inner) {
                            fields.push("", true);
                        }
                        self.parts(inner, fields, Taken::Quoted, streams).await?;
                    }
                    Part::Parameter(it) => self.parameter(it, fields, taken, streams).await?,
                    Part::Command(script) => {
                        let output = self.substitute(script, streams).await;
                        fields.add(output.trim_end_matches('\n'), taken);
                    }
                    Part::Arithmetic(word) => {
                        let text = self.quoted(word, streams).await?;
                        fields.add(&self.calculate(&text)?.to_string(), taken);
                    }
                }
            }
            Ok(())
        })
    }

    /// `"$@"` without arguments is no word at all.
    fn is_all_of_nothing(&self, inner: &[Part]) -> bool {
        let is_all =
            matches!(inner, [Part::Parameter(it)] if it.name == "@" && it.action == Action::Value);
        is_all && self.scope.arguments.borrow().is_empty()
    }

    async fn quoted(&self, word: &Word, streams: &Streams) -> Result<String, Failure> {
        let mut fields = Fields::new(Some(String::new()));
        self.parts(&word.0, &mut fields, Taken::Quoted, streams)
            .await?;
        fields.end();
        Ok(fields.done.iter().map(|it| text_of(it)).collect())
    }

    fn calculate(&self, text: &str) -> Result<i64, Failure> {
        let read = |name: &str| self.scope.value(name);
        let mut variables = Variables {
            read: &read,
            set: BTreeMap::new(),
        };
        let value = evaluate(text, &mut variables);
        for (name, value) in variables.set {
            self.scope
                .set(&name, &value.to_string())
                .map_err(|message| Failure { message })?;
        }
        value.map_err(|message| Failure { message })
    }

    /// Runs commands and collects what they print.
    async fn substitute(&self, script: &Script, streams: &Streams) -> String {
        let (end, output) = pipe();
        let own = streams.with(1, Handle::Write(Output::Pipe(end)));
        let run = self.subshell();
        let running = async move { run.whole(script, &own).await };
        let mut text = String::new();
        let mut running = Box::pin(running);
        // The output is taken while it is written: a pipe holds only so much.
        let kernel = &self.kernel;
        let code = std::future::poll_fn(|context| {
            let polled = Future::poll(running.as_mut(), context);
            if let Some(more) = output.take_some(kernel).filter(|it| !it.is_empty()) {
                text.push_str(&more);
            }
            if text.len() > super::streams::MAX_OUTPUT {
                self.stop_full();
            }
            polled
        })
        .await;
        self.scope.substituted.set(code);
        text.replace('\0', "")
    }

    fn value_of(&self, name: &str) -> Option<String> {
        let scope = &self.scope;
        Some(match name {
            "?" => scope.status.get().to_string(),
            "#" => scope.arguments.borrow().len().to_string(),
            "$" => scope.pid.to_string(),
            "!" => return scope.last_pid.get().map(|it| it.to_string()),
            "-" => String::new(),
            "0" => scope.name.borrow().clone(),
            "@" | "*" => {
                let arguments = scope.arguments.borrow();
                if arguments.is_empty() {
                    return None;
                }
                let separator = scope.value("IFS").map_or(Some(' '), |it| it.chars().next());
                let separator = separator.map_or(String::new(), String::from);
                arguments.join(&separator)
            }
            "RANDOM" => {
                let n_commands = self.kernel.n_commands.get();
                crate::chance::Chooser::seeded(n_commands)
                    .draw(32_768)
                    .to_string()
            }
            "SECONDS" => (self.kernel.now().as_millis() / 1000).to_string(),
            _ => match name.parse::<usize>() {
                Ok(number) => {
                    return scope
                        .arguments
                        .borrow()
                        .get(number.checked_sub(1)?)
                        .cloned();
                }
                Err(_) => return scope.value(name),
            },
        })
    }

    async fn parameter(
        &self,
        parameter: &Parameter,
        fields: &mut Fields,
        taken: Taken,
        streams: &Streams,
    ) -> Result<(), Failure> {
        // A table: one arm for each operator of POSIX's list.
        let name = parameter.name.as_str();
        if parameter.action == Action::Value
            && matches!(name, "@" | "*")
            && taken != Taken::Whole
            && (name == "@" || taken != Taken::Quoted)
        {
            let arguments = self.scope.arguments.borrow().clone();
            for (idx, it) in arguments.iter().enumerate() {
                if idx > 0 {
                    fields.end();
                }
                match taken {
                    Taken::Quoted => fields.push(it, true),
                    _ => fields.split(it),
                }
            }
            return Ok(());
        }
        let value = self.value_of(name);
        if let Action::Missing {
            sign,
            counts_empty,
            word,
        } = &parameter.action
        {
            let is_missing = value
                .as_ref()
                .is_none_or(|it| *counts_empty && it.is_empty());
            return self
                .missing(
                    parameter,
                    (*sign, is_missing, word),
                    value,
                    fields,
                    taken,
                    streams,
                )
                .await;
        }
        if value.is_none() && self.scope.options.get().needs_set && !matches!(name, "@" | "*") {
            return Err(Failure {
                message: format!("{name}: parameter not set"),
            });
        }
        let value = value.unwrap_or_default();
        let value = match &parameter.action {
            Action::Value | Action::Missing { .. } => value,
            Action::Length => value.chars().count().to_string(),
            Action::Trim {
                side,
                is_longest,
                pattern,
            } => {
                let pattern = self.pattern_of(pattern, streams).await?;
                trim(&value, &pattern, *side, *is_longest)
            }
            Action::Slice(from, length) => {
                let from = self.calculate(&self.quoted(from, streams).await?)?;
                let length = match length {
                    Some(it) => Some(self.calculate(&self.quoted(it, streams).await?)?),
                    None => None,
                };
                slice(&value, from, length)
            }
            Action::Replace {
                is_global,
                pattern,
                with,
            } => {
                let pattern = self.pattern_of(pattern, streams).await?;
                let with = self.text_of(with, streams).await?;
                replace(&value, &pattern, &with, *is_global)
            }
        };
        fields.add(&value, taken);
        Ok(())
    }

    /// `${x:-word}` and its like.
    async fn missing(
        &self,
        parameter: &Parameter,
        (sign, is_missing, word): (char, bool, &Word),
        value: Option<String>,
        fields: &mut Fields,
        taken: Taken,
        streams: &Streams,
    ) -> Result<(), Failure> {
        let name = &parameter.name;
        let inner = if taken == Taken::Word {
            Taken::Inner
        } else {
            taken
        };
        match (sign, is_missing) {
            ('+', false) | ('-', true) => self.parts(&word.0, fields, inner, streams).await,
            ('+', true) => Ok(()),
            ('=', true) if is_name(name) => {
                let value = self.text_of(word, streams).await?;
                self.scope
                    .set(name, &value)
                    .map_err(|message| Failure { message })?;
                fields.add(&value, taken);
                Ok(())
            }
            ('=', true) => Err(Failure {
                message: format!("{name}: bad variable name"),
            }),
            ('?', true) => {
                let told = self.text_of(word, streams).await?;
                let told = if told.is_empty() {
                    "parameter not set".to_owned()
                } else {
                    told
                };
                Err(Failure {
                    message: format!("{name}: {told}"),
                })
            }
            _ => {
                fields.add(&value.unwrap_or_default(), taken);
                Ok(())
            }
        }
    }

    /// The files that a pattern names; the pattern itself if there is none.
    fn paths(&self, pattern: &Pattern) -> Vec<String> {
        let text = text_of(&pattern.0);
        let is_absolute = text.starts_with('/');
        let folder = self.scope.folder.borrow().clone();
        let base = if is_absolute {
            String::new()
        } else {
            folder.trim_end_matches('/').to_owned()
        };
        let n_parts = text.trim_start_matches('/').split('/').count();
        let mut found: Vec<String> = Vec::new();
        for path in self.kernel.files(&self.scope.place) {
            let Some(relative) = path.strip_prefix(&format!("{base}/")) else {
                continue;
            };
            // A folder is named by the files in it.
            let head: Vec<&str> = relative.split('/').take(n_parts).collect();
            let shown = match is_absolute {
                true => format!("/{}", head.join("/")),
                false => head.join("/"),
            };
            if head.len() == n_parts && matches_path(pattern, &shown) && !found.contains(&shown) {
                found.push(shown);
            }
        }
        debug_assert!(
            found
                .iter()
                .all(|it| absolute(&folder, it).starts_with('/'))
        );
        if found.is_empty() {
            found.push(text);
        }
        found.sort();
        found
    }
}

/// Part for part: `*` does not pass a slash, and a hidden file has to be named.
fn matches_path(pattern: &Pattern, path: &str) -> bool {
    let parts: Vec<&[(char, bool)]> = pattern.0.split(|it| it.0 == '/').collect();
    let names: Vec<&str> = path.split('/').collect();
    parts.len() == names.len()
        && parts.iter().zip(names).all(|(part, name)| {
            let hides = name.starts_with('.') && part.first() != Some(&('.', false));
            !hides && Pattern(part.to_vec()).matches(name)
        })
}

fn is_home(text: &str, n_parts: usize) -> bool {
    text.strip_prefix('~')
        .is_some_and(|it| it.starts_with('/') || (it.is_empty() && n_parts == 1))
}

fn trim(value: &str, pattern: &Pattern, side: char, is_longest: bool) -> String {
    let chars: Vec<char> = value.chars().collect();
    let matches = |it: &usize| match side {
        '#' => Pattern::matches(pattern, &chars[..*it].iter().collect::<String>()),
        _ => Pattern::matches(pattern, &chars[*it..].iter().collect::<String>()),
    };
    let mut places: Vec<usize> = (0..=chars.len()).collect();
    if (side == '#') == is_longest {
        places.reverse();
    }
    match places.into_iter().find(matches) {
        Some(at) if side == '#' => chars[at..].iter().collect(),
        Some(at) => chars[..at].iter().collect(),
        None => value.to_owned(),
    }
}

fn slice(value: &str, from: i64, length: Option<i64>) -> String {
    let chars: Vec<char> = value.chars().collect();
    let size = i64::try_from(chars.len()).unwrap_or(i64::MAX);
    let from = if from < 0 {
        size.saturating_add(from)
    } else {
        from
    };
    if from < 0 {
        return String::new();
    }
    let to = match length {
        None => size,
        Some(it) if it < 0 => size.saturating_add(it),
        Some(it) => from.saturating_add(it),
    };
    let place = |it: i64| usize::try_from(it.clamp(0, size)).unwrap_or(0);
    let (from, to) = (place(from), place(to));
    chars
        .get(from..to.max(from))
        .map_or(String::new(), |it| it.iter().collect())
}

fn replace(value: &str, pattern: &Pattern, with: &str, is_global: bool) -> String {
    let chars: Vec<char> = value.chars().collect();
    let mut text = String::new();
    let mut at = 0;
    let mut is_done = pattern.0.is_empty();
    while at < chars.len() {
        let length = if is_done {
            None
        } else {
            pattern.prefixes(&chars[at..]).pop().filter(|it| *it > 0)
        };
        match length {
            Some(length) => {
                text.push_str(with);
                at += length;
                is_done = !is_global;
            }
            None => {
                text.push(chars[at]);
                at += 1;
            }
        }
    }
    text
}
