//! `grep`, `egrep`, `fgrep`.
//!
//! GNU grep 3.8.
//!
//! **Left out**: `-r`, colours, `-P` beyond what extended expressions have.

use super::super::process::Process;
use super::super::regex::{Case, Regex, Syntax};
use super::flags::{Flags, lines, text};

const LONG: [(&str, char); 22] = [
    ("ignore-case", 'i'),
    ("invert-match", 'v'),
    ("count", 'c'),
    ("only-matching", 'o'),
    ("extended-regexp", 'E'),
    ("fixed-strings", 'F'),
    ("line-number", 'n'),
    ("quiet", 'q'),
    ("silent", 'q'),
    ("after-context", 'A'),
    ("before-context", 'B'),
    ("context", 'C'),
    ("word-regexp", 'w'),
    ("line-regexp", 'x'),
    ("max-count", 'm'),
    ("files-with-matches", 'l'),
    ("no-filename", 'h'),
    ("with-filename", 'H'),
    ("regexp", 'e'),
    ("file", 'f'),
    ("color", 'z'),
    ("line-buffered", 'u'),
];

/// What is looked for.
struct Search {
    patterns: Vec<Regex>,
    is_word: bool,
    is_line: bool,
    is_inverted: bool,
}

pub(super) async fn grep(process: Process) -> u8 {
    // The flags in the order in which they exclude one another, then file by file.
    let flags = match Flags::read(&process, "ivcoEFPGnqA:B:C:wxm:lLhHe:f:szuar", &LONG, 2) {
        Ok(it) => it,
        Err(code) => return code,
    };
    let mut operands = flags.operands.clone();
    let mut told: Vec<String> = flags.values('e').map(str::to_owned).collect();
    if let Some(file) = flags.value('f') {
        match process.read_file(file).await {
            Ok(text) => told.extend(lines(&text).map(str::to_owned)),
            Err(why) => {
                process.complain(&format!("grep: {file}: {why}\n"));
                return 2;
            }
        }
    } else if told.is_empty() {
        if operands.is_empty() {
            process.complain("Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n");
            return 2;
        }
        told.push(operands.remove(0));
    }
    let search = match compile(&process, &flags, &told) {
        Ok(it) => it,
        Err(code) => return code,
    };
    let named = (operands.len() > 1 || flags.has('H')) && !flags.has('h');
    let (mut matched, mut failed) = (false, false);
    let is_stream = operands.is_empty();
    for file in if is_stream {
        vec!["-".to_owned()]
    } else {
        operands
    } {
        let label = if named {
            format!(
                "{}:",
                if file == "-" {
                    "(standard input)"
                } else {
                    &file
                }
            )
        } else {
            String::new()
        };
        if is_stream {
            matched |= through(&process, &flags, &search, Source::Stream, &label, &file).await;
            continue;
        }
        match text(&process, &file).await {
            Some(text) => {
                matched |=
                    through(&process, &flags, &search, Source::Text(text), &label, &file).await;
            }
            None => failed = true,
        }
    }
    match (matched, failed) {
        (true, _) if flags.has('q') => 0,
        (_, true) => 2,
        (true, false) => 0,
        (false, false) => 1,
    }
}

fn compile(process: &Process, flags: &Flags, told: &[String]) -> Result<Search, u8> {
    let syntax = if flags.has('F') || process.name() == "fgrep" {
        Syntax::Fixed
    } else if flags.has('E') || flags.has('P') || process.name() == "egrep" {
        Syntax::Extended
    } else {
        Syntax::Basic
    };
    let case = if flags.has('i') {
        Case::Ignored
    } else {
        Case::Sensitive
    };
    let mut patterns = Vec::new();
    // A pattern of several lines is several patterns.
    for pattern in told.iter().flat_map(|it| it.split('\n')) {
        match Regex::new(pattern, syntax, case) {
            Ok(it) => patterns.push(it),
            Err(why) => {
                process.complain(&format!("grep: {why}\n"));
                return Err(2);
            }
        }
    }
    Ok(Search {
        patterns,
        is_word: flags.has('w'),
        is_line: flags.has('x'),
        is_inverted: flags.has('v'),
    })
}

enum Source {
    Stream,
    Text(String),
}

impl Search {
    /// Where the first match at or after a place lies.
    fn find(&self, line: &[char], from: usize) -> Option<(usize, usize)> {
        let first = |it: &Regex| -> Option<(usize, usize)> {
            let mut start = from;
            while let Some((at, end)) = it.find(line, start).and_then(|it| it[0]) {
                let is_word =
                    |it: Option<&char>| it.is_some_and(|it| it.is_alphanumeric() || *it == '_');
                let fits_word = !is_word(at.checked_sub(1).and_then(|it| line.get(it)))
                    && !is_word(line.get(end));
                let fits_line = at == 0 && end == line.len();
                if (!self.is_word || fits_word) && (!self.is_line || fits_line) {
                    return Some((at, end));
                }
                start = at + 1;
                if start > line.len() {
                    break;
                }
            }
            None
        };
        self.patterns
            .iter()
            .filter_map(first)
            .min_by_key(|it| (it.0, usize::MAX - it.1))
    }
}

/// One file or stream; whether a line was chosen.
async fn through(
    process: &Process,
    flags: &Flags,
    search: &Search,
    source: Source,
    label: &str,
    file: &str,
) -> bool {
    // One pass over the lines: what was chosen, what stands around it, and how each is shown, go together.
    let number = |letter| flags.value(letter).and_then(|it| it.parse::<usize>().ok());
    let after = number('A').or(number('C')).unwrap_or(0);
    let before = number('B').or(number('C')).unwrap_or(0);
    let most = number('m').unwrap_or(usize::MAX);
    let counts_only = flags.has('c') || flags.has('l') || flags.has('q') || flags.has('L');
    let mut lines = match source {
        Source::Text(text) => Some(
            lines(&text)
                .map(str::to_owned)
                .collect::<std::collections::VecDeque<_>>(),
        ),
        Source::Stream => None,
    };
    let mut kept: Vec<(usize, String)> = Vec::new();
    let (mut n, mut n_matched, mut n_after, mut last_shown) = (0, 0, 0, 0);
    let prefix = |n: usize, sign: char| match flags.has('n') {
        true => format!("{}{n}{sign}", label.replace(':', &sign.to_string())),
        false => label.replace(':', &sign.to_string()),
    };
    loop {
        let line = match &mut lines {
            Some(it) => it.pop_front(),
            None => process
                .read_line()
                .await
                .map(|it| it.trim_end_matches('\n').to_owned()),
        };
        let Some(line) = line else {
            break;
        };
        n += 1;
        let chars: Vec<char> = line.chars().collect();
        let is_chosen = n_matched < most && search.find(&chars, 0).is_some() != search.is_inverted;
        if is_chosen {
            n_matched += 1;
            if flags.has('q') || flags.has('l') {
                break;
            }
            if !counts_only && flags.has('o') {
                if !search.is_inverted {
                    show_matches(process, search, &chars, &prefix(n, ':'));
                }
            } else if !counts_only {
                let gap = (after > 0 || before > 0) && last_shown > 0;
                let first = kept.first().map_or(n, |it| it.0);
                if gap && first > last_shown + 1 {
                    process.print("--\n");
                }
                for (n, line) in kept.drain(..) {
                    process.print(&format!("{}{line}\n", prefix(n, '-')));
                }
                process.print(&format!("{}{line}\n", prefix(n, ':')));
                last_shown = n;
                n_after = after;
            }
        } else if n_after > 0 && !counts_only {
            process.print(&format!("{}{line}\n", prefix(n, '-')));
            last_shown = n;
            n_after -= 1;
        } else if before > 0 {
            kept.push((n, line));
            if kept.len() > before {
                kept.remove(0);
            }
        }
        if n_matched >= most && n_after == 0 {
            break;
        }
        process.flush().await;
    }
    let matched = n_matched > 0;
    if flags.has('q') {
        return matched;
    }
    if (flags.has('l') && matched) || (flags.has('L') && !matched) {
        process.print(&format!(
            "{}\n",
            if file == "-" {
                "(standard input)"
            } else {
                file
            }
        ));
    } else if flags.has('c') {
        process.print(&format!("{label}{n_matched}\n"));
    }
    matched
}

fn show_matches(process: &Process, search: &Search, line: &[char], prefix: &str) {
    let mut from = 0;
    while let Some((at, end)) = search.find(line, from) {
        if end > at {
            let text: String = line[at..end].iter().collect();
            process.print(&format!("{prefix}{text}\n"));
        }
        from = if end > at { end } else { at + 1 };
        if from > line.len() {
            break;
        }
    }
}
