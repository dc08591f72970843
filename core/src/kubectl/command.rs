//! Which command a line is, and its words.
//!
//! `github.com/spf13/cobra` 1.8 as kubectl 1.32 uses it.
//!
//! **Left out**: plugins and aliases of one's own.

use super::failure::Failure;
use super::flags::Flags;
use super::help::{OPTIONS, flags_of};
use super::io::Ctx;
use super::target::{Outcome, Running, Step};
use super::verbs::COMMANDS;
use super::{MAX_LINE, duration};

/// A command.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Its words after `kubectl`; empty for kubectl itself.
    pub path: &'static str,
    /// Other names for its last word.
    pub aliases: &'static [&'static str],
    /// Its help, from which its flags are read.
    pub help: &'static str,
    /// What it does.
    pub run: fn(&mut Ctx<'_>, &Invocation) -> Outcome,
}

impl Command {
    /// A command with one name.
    pub(super) const fn new(
        path: &'static str,
        help: &'static str,
        run: fn(&mut Ctx<'_>, &Invocation) -> Outcome,
    ) -> Self {
        Command {
            path,
            aliases: &[],
            help,
            run,
        }
    }

    /// As a person types it.
    #[must_use]
    pub fn full_path(&self) -> String {
        format!("kubectl {}", self.path).trim_end().to_owned()
    }

    /// The commands below it.
    pub fn children(&self) -> impl Iterator<Item = &'static Command> {
        let path = self.path;
        COMMANDS.iter().filter(move |it| {
            let parent = it.path.rsplit_once(' ').map_or("", |it| it.0);
            parent == path && !it.path.is_empty()
        })
    }

    /// What it is in a line: its own word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.path.rsplit(' ').next().unwrap_or_default()
    }

    /// That a command below this one is kubectl's and not emulated, where it is so.
    fn unknown(&self, word: &str) -> Option<Failure> {
        self.children().next()?;
        let path = self.full_path();
        listed(self.help).contains(&word).then(|| {
            let whole = format!("{} {word}", self.path);
            let whole = whole.trim_start();
            Failure::Error(format!(
                "the emulated kubectl does not know {whole:?}: see '{path} --help' for what it knows"
            ))
        })
    }

    fn child(&self, word: &str) -> Option<&'static Command> {
        self.children()
            .find(|it| it.word() == word || it.aliases.contains(&word))
    }
}

/// A command with its flags and words.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The command.
    pub command: &'static Command,
    /// Its flags.
    pub flags: Flags,
}

impl Invocation {
    /// The words.
    #[must_use]
    pub fn args(&self) -> &[String] {
        &self.flags.words
    }

    /// That the line makes no sense.
    #[must_use]
    pub fn usage(&self, message: impl Into<String>) -> Failure {
        Failure::Usage {
            command: self.command.full_path(),
            message: message.into(),
        }
    }

    /// That it has no words beside its flags.
    ///
    /// # Errors
    /// If it has.
    pub(super) fn takes_no_words(&self) -> Result<(), Failure> {
        if self.args().is_empty() {
            return Ok(());
        }
        let words = self.args().join(" ");
        Err(self.usage(format!("Unexpected args: [{words}]")))
    }

    /// The same in the words of commands that only look.
    ///
    /// # Errors
    /// If it has.
    pub(super) fn takes_no_arguments(&self) -> Result<(), Failure> {
        if self.args().is_empty() {
            return Ok(());
        }
        let words = self.args().join(" ");
        Err(self.usage(format!("unexpected arguments: [{words}]")))
    }

    /// The namespace of the line, or of the context.
    ///
    /// # Errors
    /// When there is no such context.
    pub fn namespace(&self, ctx: &Ctx<'_>) -> Result<String, Failure> {
        if self.flags.changed("namespace") && !self.flags.text("namespace").is_empty() {
            return Ok(self.flags.text("namespace").to_owned());
        }
        let context = ctx.config.context(self.flags.text("context"))?;
        Ok(match context.namespace.as_str() {
            "" => "default".to_owned(),
            name => name.to_owned(),
        })
    }
}

/// Runs a line: the words after `kubectl`.
pub fn run(ctx: &mut Ctx<'_>, words: &[String]) -> Running {
    ctx.begin();
    let outcome = begin(ctx, words);
    Running::new(outcome, ctx)
}

fn begin(ctx: &mut Ctx<'_>, words: &[String]) -> Outcome {
    let length: usize = words.iter().map(String::len).sum();
    if length > MAX_LINE {
        return Err(Failure::Error("argument list too long".to_owned()));
    }
    let (command, words) = find(words);
    let path = command.full_path();
    let unknown = || words.iter().find_map(|it| command.unknown(it));
    let flags = Flags::parse(flags_of(command), &words).map_err(|message| {
        unknown().unwrap_or_else(|| {
            Failure::Plain(format!("error: {message}\nSee '{path} --help' for usage."))
        })
    })?;
    if flags.wants_help {
        if let Some(failure) = flags.words.iter().find_map(|it| command.unknown(it)) {
            return Err(failure);
        }
        ctx.out(command.help);
        return Ok(Step::Done(0));
    }
    let invocation = Invocation { command, flags };
    if command.path.is_empty() {
        return root(ctx, &invocation);
    }
    if command.children().next().is_some() && command.path != "create" && command.path != "apply" {
        return group(ctx, &invocation);
    }
    if command.path == "create"
        && let Some(word) = invocation.args().first()
        && let Some(failure) = command.unknown(word)
    {
        return Err(failure);
    }
    ctx.config.context(invocation.flags.text("context"))?;
    let timeout = invocation.flags.text("request-timeout");
    if timeout.parse::<u64>().is_err() && duration::parse(timeout).is_none() {
        return Err(Failure::Error(
            "Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)".to_owned(),
        ));
    }
    (command.run)(ctx, &invocation)
}

/// Finds the command: flags before it are stepped over, with their values.
pub(super) fn find(words: &[String]) -> (&'static Command, Vec<String>) {
    let mut command = &COMMANDS[0];
    let mut rest = words.to_vec();
    let globals = flags_of(command);
    loop {
        let specs = if command.path.is_empty() {
            globals.clone()
        } else {
            flags_of(command)
        };
        let takes_value = |word: &str| {
            let spec = match word.strip_prefix("--") {
                Some(long) => specs.iter().find(|it| it.name == long),
                None => specs
                    .iter()
                    .find(|it| it.letter.is_some() && it.letter == word.chars().nth(1)),
            };
            let is_short_alone = word.starts_with("--") || word.chars().count() == 2;
            !word.contains('=')
                && is_short_alone
                && spec.is_some_and(|it| it.without_value().is_none())
        };
        let mut at = 0;
        let found = loop {
            match rest.get(at) {
                None => break None,
                Some(word) if word == "--" => break None,
                Some(word) if word.len() > 1 && word.starts_with('-') => {
                    at += 1 + usize::from(takes_value(word));
                }
                Some(word) => break command.child(word),
            }
        };
        match found {
            None => return (command, rest),
            Some(child) => {
                rest.remove(at);
                command = child;
            }
        }
    }
}

/// kubectl without a command, or with one that is not there.
fn root(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let Some(word) = invocation.args().first() else {
        ctx.out(invocation.command.help);
        return Ok(Step::Done(0));
    };
    if word == "help" {
        let words = &invocation.args()[1..];
        let (command, rest) = find(words);
        if rest.is_empty() {
            ctx.out(command.help);
        } else {
            let topic: Vec<String> = words.iter().map(|it| format!("`{it}`")).collect();
            ctx.out(&format!("Unknown help topic [{}]\n", topic.join(" ")));
            ctx.out(command.help);
        }
        return Ok(Step::Done(0));
    }
    if let Some(failure) = invocation.command.unknown(word) {
        return Err(failure);
    }
    let known: Vec<&str> = listed(invocation.command.help);
    let near: Vec<String> = known
        .into_iter()
        .filter(|it| distance(word, it) <= 2 || it.starts_with(&word.to_lowercase()))
        .map(|it| format!("\t{it}\n"))
        .collect();
    let mut text = format!("error: unknown command {word:?} for \"kubectl\"\n");
    if !near.is_empty() {
        text.push_str(&format!("\nDid you mean this?\n{}", near.concat()));
    }
    Err(Failure::Plain(text))
}

/// A command that only has others below it.
fn group(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    match invocation.args().first() {
        None if invocation.command.path == "rollout" => {
            ctx.out(invocation.command.help);
            Ok(Step::Done(1))
        }
        None => {
            ctx.err(invocation.command.help);
            Ok(Step::Done(1))
        }
        Some(word) => match invocation.command.unknown(word) {
            Some(failure) => Err(failure),
            None => Err(invocation.usage(format!("unknown command {word:?}"))),
        },
    }
}

/// The commands that a help lists.
fn listed(help: &str) -> Vec<&str> {
    let mut is_list = false;
    let rows = help.lines().filter(|it| {
        if !it.starts_with(' ') {
            is_list = it.ends_with(':') && it.contains("Commands");
            return false;
        }
        is_list
    });
    rows.filter_map(|it| it.split_whitespace().next()).collect()
}

/// In how many letters two words differ, as cobra counts (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (
        one.to_lowercase().chars().take(32).collect(),
        other.to_lowercase().chars().collect(),
    );
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let cost = before + usize::from(a != b);
            before = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(before + 1);
        }
    }
    row[other.len()]
}

/// `kubectl options`.
pub(super) const OPTIONS_COMMAND: Command = Command {
    path: "options",
    aliases: &[],
    help: OPTIONS,
    run: |ctx, _| {
        ctx.out(OPTIONS);
        Ok(Step::Done(0))
    },
};
