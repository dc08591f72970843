//! kubectl's help: the text of a command, and the flags that stand in it.
//!
//! The texts are kubectl 1.32.5's own (Apache-2.0, see NOTICE). The flags are read off them, so that what the help names is
//! what is understood and what completion offers.
//!
//! **Left out**: commands that are not emulated: their names stand in the help of their parents.

use super::command::Command;

/// A flag, as the help has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagSpec {
    /// Its name.
    pub name: &'static str,
    /// Its letter.
    pub letter: Option<char>,
    /// The value it has by default, without quotes.
    pub default: &'static str,
    /// What it takes.
    pub kind: FlagKind,
    /// What it does.
    pub usage: &'static str,
}

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagKind {
    /// Nothing, or true or false.
    Bool,
    /// A number.
    Int,
    /// A length of time.
    Duration,
    /// Texts, which commas part.
    List,
    /// A text.
    Text,
}

/// What flags mean that may stand without a value though they take one.
const WITHOUT_VALUE: [(&str, &str); 3] = [
    ("dry-run", "unchanged"),
    ("validate", "strict"),
    ("cascade", "background"),
];

impl FlagSpec {
    /// The value where none is given; none where one must be.
    #[must_use]
    pub fn without_value(&self) -> Option<&'static str> {
        if self.kind == FlagKind::Bool {
            return Some("true");
        }
        let found = WITHOUT_VALUE.iter().find(|it| it.0 == self.name);
        found.map(|it| it.1)
    }
}

/// The flags of a command, then those that every command has.
#[must_use]
pub fn flags_of(command: &Command) -> Vec<FlagSpec> {
    let mut flags = read_flags(command.help);
    if command.path == "port-forward" {
        flags.push(FOR);
    }
    flags.extend(read_flags(OPTIONS));
    flags
}

/// A flag that only ours has: a script cannot press Ctrl-C.
const FOR: FlagSpec = FlagSpec {
    name: "for",
    letter: None,
    default: "0s",
    kind: FlagKind::Duration,
    usage: "How long to forward; for ever if 0s. The real kubectl has no such flag.",
};

/// What `kubectl options` prints.
pub(crate) const OPTIONS: &str = include_str!("help/options.txt");

fn read_flags(help: &'static str) -> Vec<FlagSpec> {
    let mut lines = help.lines().peekable();
    let mut flags = Vec::new();
    while let Some(line) = lines.next() {
        let Some(text) = line.strip_prefix("    -") else {
            continue;
        };
        let usage = lines.peek().and_then(|it| it.strip_prefix('\t'));
        let (Some(usage), Some(text)) = (usage, text.strip_suffix(':')) else {
            continue;
        };
        let (letter, text) = match text.split_once(", --") {
            Some((letter, rest)) if letter.len() == 1 => (letter.chars().next(), rest),
            _ => (None, text.trim_start_matches('-')),
        };
        let Some((name, default)) = text.split_once('=') else {
            continue;
        };
        flags.push(FlagSpec {
            name,
            letter,
            default: default.trim_matches('\''),
            kind: kind_of(name, default),
            usage,
        });
    }
    flags
}

/// The help shows the default, whose form tells the type.
fn kind_of(name: &str, default: &str) -> FlagKind {
    let is_number = default.strip_prefix('-').unwrap_or(default);
    match default {
        "true" | "false" => FlagKind::Bool,
        _ if default.starts_with('[') => FlagKind::List,
        _ if default.starts_with('\'') => FlagKind::Text,
        _ if !is_number.is_empty() && is_number.bytes().all(|it| it.is_ascii_digit()) => {
            FlagKind::Int
        }
        _ if name != "v" && super::duration::parse(default).is_some() => FlagKind::Duration,
        _ => FlagKind::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::verbs::COMMANDS;
    use super::*;

    #[test]
    fn every_option_of_a_help_is_a_flag() {
        let mut n_flags = 0;
        for command in COMMANDS {
            let options = command
                .help
                .split_once("\nOptions:\n")
                .map_or("", |it| it.1);
            let n_lines = options.lines().filter(|it| it.starts_with("    -")).count();
            let flags = read_flags(command.help);
            assert_eq!(flags.len(), n_lines, "{}", command.path);
            n_flags += n_lines;
        }
        assert!(n_flags > 100);
        assert!(read_flags(OPTIONS).len() > 20);
    }
}
