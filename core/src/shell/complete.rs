//! What Tab offers: commands at a command's place, then what the program itself knows, then files.
//!
//! **Left out**: completion inside quotes and of `~user`; words before a substitution's end.

use super::builtins;
use super::programs;
use super::run::Run;
use super::system::Candidate;

/// What a word could become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// Where in the line the word begins, in bytes.
    pub from: usize,
    /// What it could be, in order.
    pub candidates: Vec<Candidate>,
}

impl Completion {
    /// What all candidates begin with.
    #[must_use]
    pub fn common(&self) -> &str {
        let Some(first) = self.candidates.first() else {
            return "";
        };
        let mut length = first.word.len();
        for it in &self.candidates {
            let same = first
                .word
                .chars()
                .zip(it.word.chars())
                .take_while(|(one, other)| one == other);
            length = length.min(same.map(|it| it.0.len_utf8()).sum());
        }
        &first.word[..length]
    }
}

/// What the word at the end of a line could become.
pub(super) fn complete(run: &Run, line: &str) -> Completion {
    if line.len() > super::parse::MAX_TEXT {
        return Completion {
            from: line.len(),
            candidates: Vec::new(),
        };
    }
    let (from, words) = last_command(line);
    let word = words.last().cloned().unwrap_or_default();
    let place = &run.scope.place;
    let mut candidates = if words.len() <= 1 && !word.contains('/') {
        commands(run)
    } else {
        let program = words
            .first()
            .and_then(|it| run.kernel.system.program(place, it));
        program.map(|it| it.complete(&words)).unwrap_or_default()
    };
    candidates.retain(|it| it.word.starts_with(&word));
    if candidates.is_empty() && (words.len() > 1 || word.contains('/')) {
        candidates = files(run, &word);
    }
    if let Some(prefix) = word.strip_prefix('$') {
        let variables = run.scope.variables.borrow();
        let named = variables.iter().filter(|it| it.0.starts_with(prefix));
        candidates = named
            .map(|(name, it)| candidate(&format!("${name}"), &it.value))
            .collect();
    }
    candidates.sort();
    candidates.dedup_by(|one, other| one.word == other.word);
    Completion { from, candidates }
}

fn candidate(word: &str, about: &str) -> Candidate {
    Candidate {
        word: word.to_owned(),
        about: about.to_owned(),
    }
}

fn commands(run: &Run) -> Vec<Candidate> {
    let here = run.kernel.system.programs(&run.scope.place);
    let functions: Vec<String> = run.scope.functions.borrow().keys().cloned().collect();
    let own = builtins::names()
        .chain(programs::names())
        .map(str::to_owned);
    own.chain(here)
        .chain(functions)
        .map(|it| candidate(&it, ""))
        .collect()
}

/// The words of the command that is being typed, and where the last of them begins.
fn last_command(line: &str) -> (usize, Vec<String>) {
    let mut words = vec![String::new()];
    let mut from = 0;
    let mut quote = None;
    let mut chars = line.char_indices().peekable();
    while let Some((at, it)) = chars.next() {
        let word = words.last_mut().expect("there is always one");
        match (quote, it) {
            (Some(mark), it) if it == mark => quote = None,
            (Some(_), it) => word.push(it),
            (None, '\'' | '"') => quote = Some(it),
            (None, '\\') => word.extend(chars.next().map(|it| it.1)),
            (None, ';' | '&' | '|' | '(' | '\n' | '`') => {
                words = vec![String::new()];
                from = at + 1;
            }
            (None, ' ' | '\t' | '<' | '>') => {
                let is_first = words.len() == 1 && words[0].is_empty();
                // What stands before a command's name is not its name.
                let is_before = words.len() == 1 && is_prefix(&words[0]);
                if is_before {
                    words = vec![String::new()];
                } else if !is_first && words.last().is_some_and(|it| !it.is_empty()) {
                    words.push(String::new());
                }
                from = at + 1;
            }
            (None, it) => word.push(it),
        }
    }
    (from, words)
}

fn is_prefix(word: &str) -> bool {
    let is_assignment = word
        .split_once('=')
        .is_some_and(|it| super::parse::is_name(it.0));
    is_assignment
        || matches!(
            word,
            "!" | "do" | "then" | "else" | "if" | "while" | "until" | "time" | "{"
        )
}

fn files(run: &Run, word: &str) -> Vec<Candidate> {
    let (folder, _) = word.rsplit_once('/').map_or(("", word), |it| (it.0, it.1));
    let is_rooted = word.starts_with('/') && folder.is_empty();
    let base = super::process::absolute(
        &run.scope.folder.borrow(),
        if is_rooted { "/" } else { folder },
    );
    let base = base.trim_end_matches('/').to_owned();
    let shown = if folder.is_empty() && !is_rooted {
        String::new()
    } else {
        format!("{folder}/")
    };
    let mut found = Vec::new();
    for path in run.kernel.files(&run.scope.place) {
        let Some(rest) = path.strip_prefix(&format!("{base}/")) else {
            continue;
        };
        let name = match rest.split_once('/') {
            Some((folder, _)) => format!("{shown}{folder}/"),
            None => format!("{shown}{rest}"),
        };
        if name.starts_with(word) {
            found.push(candidate(&name, ""));
        }
    }
    found
}
