//! Flags and operands of a program, and the files its operands name.
//!
//! As `getopt_long` reads them: `-abc`, `-n5`, `-n 5`, `--lines=5`, `--` ends them.
//!
//! **Left out**: long flags cut short.

use super::super::process::Process;

/// What a program was given.
#[derive(Clone, Debug, Default)]
pub(super) struct Flags {
    /// The flags, each with its value, in order.
    pub(super) given: Vec<(char, String)>,
    /// The rest.
    pub(super) operands: Vec<String>,
}

impl Flags {
    /// Reads arguments. `known` has a letter for each flag, followed by `:` if it takes a value; `long` says which
    /// letter a long flag stands for. On an unknown flag the process complains, and the code to end with is the error.
    pub(super) fn read(
        process: &Process,
        known: &str,
        long: &[(&str, char)],
        code: u8,
    ) -> Result<Flags, u8> {
        // One pass over the arguments, which remembers whether flags are over.
        let mut flags = Flags::default();
        let mut words = process.arguments().iter();
        let takes_value = |letter: char| {
            let mut rest = known.chars().skip_while(|it| *it != letter);
            rest.next()
                .filter(|it| *it != ':')
                .map(|_| rest.next() == Some(':'))
        };
        let refuse = |what: &str| {
            let name = process.name();
            process.complain(&format!(
                "{name}: {what}\nTry '{name} --help' for more information.\n"
            ));
            code
        };
        while let Some(word) = words.next() {
            if word == "--" {
                flags.operands.extend(words.cloned());
                break;
            }
            if let Some(name) = word.strip_prefix("--") {
                let (name, value) = name
                    .split_once('=')
                    .map_or((name, None), |it| (it.0, Some(it.1)));
                let Some((_, letter)) = long.iter().find(|it| it.0 == name) else {
                    return Err(refuse(&format!("unrecognized option '{word}'")));
                };
                let value = match (takes_value(*letter), value) {
                    (Some(true), None) => match words.next() {
                        Some(it) => it.clone(),
                        None => {
                            return Err(refuse(&format!("option '{word}' requires an argument")));
                        }
                    },
                    (_, value) => value.unwrap_or_default().to_owned(),
                };
                flags.given.push((*letter, value));
                continue;
            }
            let letters = match word.strip_prefix('-') {
                Some(it) if !it.is_empty() => it,
                _ => {
                    flags.operands.push(word.clone());
                    continue;
                }
            };
            for (at, letter) in letters.char_indices() {
                match takes_value(letter) {
                    Some(false) => flags.given.push((letter, String::new())),
                    Some(true) => {
                        let tail = &letters[at + letter.len_utf8()..];
                        let value = match (tail, words.clone().next()) {
                            ("", Some(next)) => {
                                words.next();
                                next.clone()
                            }
                            ("", None) => {
                                return Err(refuse(&format!(
                                    "option requires an argument -- '{letter}'"
                                )));
                            }
                            (tail, _) => tail.to_owned(),
                        };
                        flags.given.push((letter, value));
                        break;
                    }
                    None => return Err(refuse(&format!("invalid option -- '{letter}'"))),
                }
            }
        }
        Ok(flags)
    }

    pub(super) fn has(&self, letter: char) -> bool {
        self.given.iter().any(|it| it.0 == letter)
    }

    /// Every value of a flag, in order.
    pub(super) fn values(&self, letter: char) -> impl Iterator<Item = &str> {
        let of_it = self.given.iter().filter(move |it| it.0 == letter);
        of_it.map(|it| it.1.as_str())
    }

    /// The last value of a flag.
    pub(super) fn value(&self, letter: char) -> Option<&str> {
        self.given
            .iter()
            .rev()
            .find(|it| it.0 == letter)
            .map(|it| it.1.as_str())
    }
}

/// The text of one operand; complains if there is none.
pub(super) async fn text(process: &Process, file: &str) -> Option<String> {
    match process.read_file(file).await {
        Ok(text) => Some(text),
        Err(why) => {
            process.complain(&format!("{}: {file}: {why}\n", process.name()));
            None
        }
    }
}

/// The texts of all operands, or standard input without any; the exit code is 1 if one is missing.
pub(super) async fn texts(process: &Process, operands: &[String]) -> (Vec<(String, String)>, u8) {
    if operands.is_empty() {
        return (vec![("-".to_owned(), process.read_all().await)], 0);
    }
    let (mut found, mut code) = (Vec::new(), 0);
    for file in operands {
        match text(process, file).await {
            Some(text) => found.push((file.clone(), text)),
            None => code = 1,
        }
    }
    (found, code)
}

/// The lines of a text without their ends.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_terminator('\n')
}
