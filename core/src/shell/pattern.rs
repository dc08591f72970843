//! Patterns as in file names and `case`: `*`, `?`, `[…]`.
//!
//! POSIX.1-2017 "Shell Command Language" 2.13.
//!
//! **Left out**: extended patterns, equivalence classes.

/// A pattern: characters, each with whether it was quoted and so means only itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pattern(pub(super) Vec<(char, bool)>);

impl Pattern {
    /// A pattern none of whose characters is quoted.
    #[must_use]
    pub(super) fn unquoted(text: &str) -> Pattern {
        Pattern(text.chars().map(|it| (it, false)).collect())
    }

    /// Whether anything in it is more than itself.
    #[must_use]
    pub(super) fn is_special(&self) -> bool {
        self.0
            .iter()
            .any(|(it, quoted)| !quoted && matches!(it, '*' | '?' | '['))
    }

    /// Whether the whole text matches.
    #[must_use]
    pub(super) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        matches(&self.0, &text)
    }

    /// The lengths of all beginnings of these characters that match, shortest first.
    #[must_use]
    pub(super) fn prefixes(&self, text: &[char]) -> Vec<usize> {
        (0..=text.len())
            .filter(|it| matches(&self.0, &text[..*it]))
            .collect()
    }
}

/// With one place to come back to, which suffices for `*`.
fn matches(pattern: &[(char, bool)], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(p) {
            Some(('*', false)) => {
                star = Some((p + 1, t));
                p += 1;
                continue;
            }
            None if t == text.len() => return true,
            None => None,
            Some(('?', false)) => (t < text.len()).then_some(1),
            Some(('[', false)) => match (bracket(&pattern[p..]), text.get(t)) {
                (Some((set, length)), Some(it)) => set.contains(*it).then_some(length),
                (None, Some('[')) => Some(1),
                _ => None,
            },
            Some((it, _)) => (text.get(t) == Some(it)).then_some(1),
        };
        match (step, star) {
            (Some(length), _) => {
                p += length;
                t += 1;
            }
            (None, Some((after, from))) if from < text.len() => {
                star = Some((after, from + 1));
                (p, t) = (after, from + 1);
            }
            _ => return false,
        }
    }
}

/// The characters a `[…]` stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CharSet {
    is_negated: bool,
    ranges: Vec<(char, char)>,
}

impl CharSet {
    /// Whether it holds this one.
    #[must_use]
    pub(super) fn contains(&self, it: char) -> bool {
        self.ranges
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&it))
            != self.is_negated
    }

    /// The same without a difference of upper and lower case.
    #[must_use]
    pub(super) fn contains_either_case(&self, it: char) -> bool {
        let any = [it, it.to_ascii_lowercase(), it.to_ascii_uppercase()];
        let holds = |it: char| {
            self.ranges
                .iter()
                .any(|(from, to)| (*from..=*to).contains(&it))
        };
        any.into_iter().any(holds) != self.is_negated
    }

    pub(super) fn of(is_negated: bool, ranges: &[(char, char)]) -> CharSet {
        CharSet {
            is_negated,
            ranges: ranges.to_vec(),
        }
    }
}

/// Reads a `[…]`, and says how long it is.
pub(super) fn bracket(pattern: &[(char, bool)]) -> Option<(CharSet, usize)> {
    let mut set = CharSet::default();
    let mut at = 1;
    if matches!(pattern.get(at), Some(('!' | '^', false))) {
        set.is_negated = true;
        at += 1;
    }
    let first = at;
    loop {
        let (it, quoted) = *pattern.get(at)?;
        if it == ']' && !quoted && at > first {
            return Some((set, at + 1));
        }
        if it == '[' && pattern.get(at + 1) == Some(&(':', false)) {
            let rest = &pattern[at + 2..];
            let length = rest
                .windows(2)
                .position(|it| it[0].0 == ':' && it[1].0 == ']')?;
            let name: String = rest[..length].iter().map(|it| it.0).collect();
            set.ranges.extend(class(&name)?);
            at += length + 4;
            continue;
        }
        let is_range = pattern.get(at + 1) == Some(&('-', false))
            && pattern.get(at + 2).is_some_and(|it| it.0 != ']' || it.1);
        if is_range {
            set.ranges.push((it, pattern.get(at + 2)?.0));
            at += 3;
        } else {
            set.ranges.push((it, it));
            at += 1;
        }
    }
}

/// The characters of a class such as `alpha`.
pub(super) fn class(name: &str) -> Option<&'static [(char, char)]> {
    Some(match name {
        "alpha" => &[('a', 'z'), ('A', 'Z')],
        "digit" => &[('0', '9')],
        "alnum" => &[('a', 'z'), ('A', 'Z'), ('0', '9')],
        "upper" => &[('A', 'Z')],
        "lower" => &[('a', 'z')],
        "space" => &[(' ', ' '), ('\t', '\r')],
        "blank" => &[(' ', ' '), ('\t', '\t')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "xdigit" => &[('0', '9'), ('a', 'f'), ('A', 'F')],
        "print" => &[(' ', '~')],
        "graph" => &[('!', '~')],
        "cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
        _ => return None,
    })
}
