//! `test` and `[`.
//!
//! POSIX.1-2017 `test`, with `==`, `<`, `>` and, between `[[` and `]]`, `&&` and `||`.
//!
//! **Left out**: tests of owners, kinds and times of files.

use super::pattern::Pattern;
use super::process::absolute;
use super::run::Run;
use super::streams::Streams;

/// Whether an expression holds.
pub(super) fn holds(shell: &Run, words: &[String], streams: &Streams) -> Result<bool, String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // What POSIX says about few words goes before the grammar.
    match words.as_slice() {
        [] => return Ok(false),
        [one] => return Ok(!one.is_empty()),
        ["!", one] => return Ok(one.is_empty()),
        [left, operator, right] if is_binary(operator) => return binary(left, operator, right),
        ["!", left, operator, right] if is_binary(operator) => {
            return binary(left, operator, right).map(|it| !it);
        }
        ["(", one, ")"] => return Ok(!one.is_empty()),
        _ => {}
    }
    let mut reader = Reader {
        shell,
        streams,
        words: &words,
        at: 0,
        depth: 0,
    };
    let value = reader.any()?;
    match words.get(reader.at) {
        None => Ok(value),
        Some(it) => Err(format!("{it}: unexpected operator")),
    }
}

struct Reader<'a> {
    shell: &'a Run,
    streams: &'a Streams,
    words: &'a [&'a str],
    at: usize,
    depth: usize,
}

const BINARY: [&str; 13] = [
    "=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot",
];

fn is_binary(word: &str) -> bool {
    BINARY.contains(&word)
}

impl Reader<'_> {
    fn takes(&mut self, words: [&str; 2]) -> bool {
        let is_here = self.words.get(self.at).is_some_and(|it| words.contains(it));
        self.at += usize::from(is_here);
        is_here
    }

    fn any(&mut self) -> Result<bool, String> {
        let mut value = self.all()?;
        while self.takes(["-o", "||"]) {
            value |= self.all()?;
        }
        Ok(value)
    }

    fn all(&mut self) -> Result<bool, String> {
        let mut value = self.one()?;
        while self.takes(["-a", "&&"]) {
            value &= self.one()?;
        }
        Ok(value)
    }

    fn one(&mut self) -> Result<bool, String> {
        self.depth += 1;
        if self.depth > 100 {
            return Err("too many words".into());
        }
        let rest = &self.words[self.at.min(self.words.len())..];
        let value = match rest {
            [] => return Err("argument expected".into()),
            [left, operator, right, ..] if is_binary(operator) => {
                self.at += 3;
                binary(left, operator, right)?
            }
            ["!", _, ..] => {
                self.at += 1;
                !self.one()?
            }
            ["(", _, ..] => {
                self.at += 1;
                let value = self.any()?;
                if !self.takes([")", ")"]) {
                    return Err("closing paren expected".into());
                }
                value
            }
            [operator, operand, ..] if operator.len() == 2 && operator.starts_with('-') => {
                self.at += 2;
                self.unary(operator, operand)?
            }
            [word, ..] => {
                self.at += 1;
                !word.is_empty()
            }
        };
        self.depth -= 1;
        Ok(value)
    }

    fn unary(&self, operator: &str, operand: &str) -> Result<bool, String> {
        let scope = &self.shell.scope;
        let path = absolute(&scope.folder.borrow(), operand);
        let kernel = &self.shell.kernel;
        let file = || kernel.read(&scope.place, &path);
        let is_folder = || kernel.is_folder(&scope.place, &path);
        Ok(match operator {
            "-n" => !operand.is_empty(),
            "-z" => operand.is_empty(),
            "-e" | "-r" | "-w" => file().is_some() || is_folder(),
            "-f" => file().is_some(),
            "-d" | "-x" => is_folder(),
            "-s" => file().is_some_and(|it| !it.is_empty()),
            "-h" | "-L" | "-p" | "-S" | "-b" | "-c" | "-u" | "-g" | "-k" => false,
            "-t" => operand.parse().is_ok_and(|it| self.streams.is_terminal(it)),
            "-v" => scope.value(operand).is_some(),
            _ => return Err(format!("{operator}: unexpected operator")),
        })
    }
}

fn binary(left: &str, operator: &str, right: &str) -> Result<bool, String> {
    let number = |it: &str| {
        it.trim()
            .parse::<i64>()
            .map_err(|_| format!("Illegal number: {it}"))
    };
    Ok(match operator {
        "=" => left == right,
        "==" => left == right || Pattern::unquoted(right).matches(left),
        "!=" => left != right,
        "<" => left < right,
        ">" => left > right,
        "-nt" | "-ot" => false,
        _ => {
            let (left, right) = (number(left)?, number(right)?);
            match operator {
                "-eq" => left == right,
                "-ne" => left != right,
                "-lt" => left < right,
                "-le" => left <= right,
                "-gt" => left > right,
                _ => left >= right,
            }
        }
    })
}
