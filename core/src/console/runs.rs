//! The commands of a file, one after another: a command may go over several lines.
//!
//! **Left out**: two commands on one line, which are run as one.

use crate::shell::{ParseError, parse};

/// The commands of a text with the number of the line where each begins; comments and blank lines are none.
#[derive(Clone, Debug)]
pub struct Commands<'t> {
    text: &'t str,
    n_lines: usize,
}

/// The commands of a text.
#[must_use]
pub const fn commands(text: &str) -> Commands<'_> {
    Commands { text, n_lines: 0 }
}

impl<'t> Iterator for Commands<'t> {
    type Item = (usize, Result<&'t str, ParseError>);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.text.is_empty() {
            let began = self.n_lines + 1;
            let (command, fault) = self.take();
            if let Some(fault) = fault {
                // After that nobody knows where a command begins.
                self.text = "";
                return Some((began, Err(fault)));
            }
            let is_blank = |it: &str| it.trim().is_empty() || it.trim_start().starts_with('#');
            if !command.lines().all(is_blank) {
                return Some((began, Ok(command)));
            }
        }
        None
    }
}

impl<'t> Commands<'t> {
    /// Takes as many lines as make a whole command.
    fn take(&mut self) -> (&'t str, Option<ParseError>) {
        let mut length = 0;
        let mut fault = None;
        for line in self.text.split_inclusive('\n') {
            length += line.len();
            self.n_lines += 1;
            match parse(&self.text[..length]) {
                Ok(_) if goes_on(line) => {}
                Ok(_) => {
                    fault = None;
                    break;
                }
                Err(it) => {
                    let is_incomplete = it.is_incomplete;
                    fault = Some(it);
                    if !is_incomplete {
                        break;
                    }
                }
            }
        }
        let (command, rest) = self.text.split_at(length);
        self.text = rest;
        (command, fault)
    }
}

/// Whether a line ends with a backslash that the next line takes up.
fn goes_on(line: &str) -> bool {
    let Some(line) = line.strip_suffix('\n') else {
        return false;
    };
    let n_backslashes = line.len() - line.trim_end_matches('\\').len();
    n_backslashes % 2 == 1 && !line.trim_start().starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_may_go_over_several_lines() {
        let text = "# first\n\nkubectl get pods\nfor i in 1 2; do\n  echo $i\ndone\ncat <<EOF\na: b\nEOF\necho \\\n  end";
        let found: Vec<(usize, String)> = commands(text)
            .map(|(at, it)| (at, it.expect("whole commands").to_owned()))
            .collect();
        let expected = [
            (3, "kubectl get pods\n"),
            (4, "for i in 1 2; do\n  echo $i\ndone\n"),
            (7, "cat <<EOF\na: b\nEOF\n"),
            (10, "echo \\\n  end"),
        ]
        .map(|(at, it)| (at, it.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_no_command_ends_the_text() {
        let found: Vec<bool> = commands("echo a\necho ) b\necho c\n")
            .map(|it| it.1.is_ok())
            .collect();
        assert_eq!(found, [true, false]);
        assert!(commands("if true; then\n").all(|it| it.1.is_err()));
    }
}
