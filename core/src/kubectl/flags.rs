//! Flags of a command line.
//!
//! `github.com/spf13/pflag` 1.0.5 as kubectl 1.32 uses it: `--flag=value`, `--flag value`, `-fvalue`, letters in one word, `--`.
//!
//! **Left out**: abbreviations, which pflag does not know either.

use super::duration;
use super::help::{FlagKind, FlagSpec};
use crate::time::Duration;

/// The flags of an invocation, and the words beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    specs: Vec<FlagSpec>,
    given: Vec<(&'static str, String)>,
    /// The words that are no flags.
    pub words: Vec<String>,
    /// How many words stand before `--`.
    pub n_before_dash: Option<usize>,
    /// Whether help is asked for.
    pub wants_help: bool,
}

impl Flags {
    /// Reads the words of a command line.
    ///
    /// # Errors
    /// What is wrong, in pflag's words.
    pub(super) fn parse(specs: Vec<FlagSpec>, words: &[String]) -> Result<Flags, String> {
        let mut flags = Flags {
            specs,
            ..Flags::default()
        };
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            if word == "--" {
                flags.n_before_dash = Some(flags.words.len());
                flags.words.extend(rest.cloned());
                break;
            }
            if let Some(long) = word.strip_prefix("--") {
                flags.long(long, &mut rest)?;
            } else if word.len() > 1 && word.starts_with('-') {
                flags.letters(word, &mut rest)?;
            } else {
                flags.words.push(word.clone());
            }
        }
        Ok(flags)
    }

    fn long<'a>(
        &mut self,
        text: &str,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        if name.is_empty() || name.starts_with('-') || name.starts_with('=') {
            return Err(format!("bad flag syntax: --{text}"));
        }
        if name == "help" {
            self.wants_help = true;
            return Ok(());
        }
        let Some(spec) = self.specs.iter().find(|it| it.name == name).cloned() else {
            return Err(format!("unknown flag: --{name}"));
        };
        let value = match (value, spec.without_value()) {
            (Some(value), _) => value,
            (None, Some(value)) => value.to_owned(),
            (None, None) => rest
                .next()
                .cloned()
                .ok_or_else(|| format!("flag needs an argument: --{name}"))?,
        };
        self.give(&spec, value)
    }

    fn letters<'a>(
        &mut self,
        word: &str,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), String> {
        let text = &word[1..];
        for (at, letter) in text.char_indices() {
            let after = &text[at + letter.len_utf8()..];
            let found = self.specs.iter().find(|it| it.letter == Some(letter));
            let Some(spec) = found.cloned() else {
                if letter == 'h' {
                    self.wants_help = true;
                    return Ok(());
                }
                return Err(format!(
                    "unknown shorthand flag: '{letter}' in -{}",
                    &text[at..]
                ));
            };
            if let Some(value) = after.strip_prefix('=') {
                return self.give(&spec, value.to_owned());
            }
            if let Some(value) = spec.without_value() {
                self.give(&spec, value.to_owned())?;
                continue;
            }
            if !after.is_empty() {
                return self.give(&spec, after.to_owned());
            }
            let Some(value) = rest.next() else {
                return Err(format!(
                    "flag needs an argument: '{letter}' in -{}",
                    &text[at..]
                ));
            };
            return self.give(&spec, value.clone());
        }
        Ok(())
    }

    fn give(&mut self, spec: &FlagSpec, value: String) -> Result<(), String> {
        let fault = match spec.kind {
            FlagKind::Bool => parse_bool(&value)
                .is_none()
                .then(|| format!("strconv.ParseBool: parsing {value:?}: invalid syntax")),
            FlagKind::Int => int_fault(&value),
            FlagKind::Duration => duration::parse(&value)
                .is_none()
                .then(|| format!("time: invalid duration {value:?}")),
            FlagKind::List | FlagKind::Text => None,
        };
        if let Some(fault) = fault {
            let flag = match spec.letter {
                Some(letter) => format!("-{letter}, --{}", spec.name),
                None => format!("--{}", spec.name),
            };
            return Err(format!(
                "invalid argument {value:?} for {flag:?} flag: {fault}"
            ));
        }
        self.given.push((spec.name, value));
        Ok(())
    }

    /// The value of a flag: the last one given, or its default.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        match self.given.iter().rev().find(|it| it.0 == name) {
            Some((_, value)) => value,
            None => self.spec(name).map_or("", |it| it.default),
        }
    }

    /// Whether a flag is set.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        parse_bool(self.text(name)).unwrap_or(false)
    }

    /// The number of a flag.
    #[must_use]
    pub fn int(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or(0)
    }

    /// The length of time of a flag.
    #[must_use]
    pub fn duration(&self, name: &str) -> Duration {
        duration::parse(self.text(name)).unwrap_or_default()
    }

    /// The texts of a flag that may be given again, and whose commas part texts.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<String> {
        let each = self.array(name);
        each.iter()
            .flat_map(|it| it.split(','))
            .map(str::to_owned)
            .filter(|it| !it.is_empty())
            .collect()
    }

    /// The texts of a flag that may be given again, as they were given.
    #[must_use]
    pub fn array(&self, name: &str) -> Vec<String> {
        let given = self.given.iter().filter(|it| it.0 == name);
        given.map(|it| it.1.clone()).collect()
    }

    /// Whether a flag was given.
    #[must_use]
    pub fn changed(&self, name: &str) -> bool {
        self.given.iter().any(|it| it.0 == name)
    }

    /// Whether the command has such a flag.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.spec(name).is_some()
    }

    /// The letter of a flag.
    #[must_use]
    pub fn letter(&self, name: &str) -> Option<char> {
        self.spec(name).and_then(|it| it.letter)
    }

    fn spec(&self, name: &str) -> Option<&FlagSpec> {
        self.specs.iter().find(|it| it.name == name)
    }
}

fn int_fault(value: &str) -> Option<String> {
    if value.parse::<i64>().is_ok() {
        return None;
    }
    let digits = value.strip_prefix('-').unwrap_or(value);
    let is_number = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
    let why = if is_number {
        "value out of range"
    } else {
        "invalid syntax"
    };
    Some(format!("strconv.ParseInt: parsing {value:?}: {why}"))
}

/// As Go's `strconv.ParseBool`.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
