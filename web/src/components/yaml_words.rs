//! The words of a line of YAML, for colours only; what YAML means is read by the core.
//!
//! **Left out**: block scalars and text over several lines, which are coloured as if they were not.

/// What a run of words is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `# to the end`
    Comment,
    /// A key, with its colon.
    Key,
    /// What follows a key or a dash.
    Value,
    /// Space, dashes, document marks.
    Other,
}

/// The runs of a line, in order; together they are the line.
#[must_use]
pub fn words(line: &str) -> Vec<(Kind, &str)> {
    let (text, comment) = line.split_at(comment_start(line));
    let begin = text.len() - text.trim_start_matches([' ', '-']).len();
    let (space, rest) = text.split_at(begin);
    let (key, value) = rest.split_at(key_end(rest));
    [
        (Kind::Other, space),
        (Kind::Key, key),
        (Kind::Value, value),
        (Kind::Comment, comment),
    ]
    .into_iter()
    .filter(|(_, it)| !it.is_empty())
    .collect()
}

/// Where the comment begins: at a `#` that stands alone, outside of quotes.
fn comment_start(line: &str) -> usize {
    let mut quote = None;
    let mut before = ' ';
    for (idx, letter) in line.char_indices() {
        match (quote, letter) {
            (None, '#') if before.is_whitespace() => return idx,
            (None, '"' | '\'') if before.is_whitespace() => quote = Some(letter),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
        before = letter;
    }
    line.len()
}

/// Where the key ends: after the first colon with a space or nothing behind it.
fn key_end(text: &str) -> usize {
    text.match_indices(':')
        .map(|(idx, _)| idx + 1)
        .find(|end| text[*end..].chars().next().is_none_or(char::is_whitespace))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(line: &str) -> Vec<(Kind, &str)> {
        let runs = words(line);
        let whole: String = runs.iter().map(|(_, it)| *it).collect();
        assert_eq!(whole, line);
        runs
    }

    #[test]
    fn a_line_is_key_value_and_comment() {
        assert_eq!(
            kinds("  - port: 80   # clients"),
            [
                (Kind::Other, "  - "),
                (Kind::Key, "port:"),
                (Kind::Value, " 80   "),
                (Kind::Comment, "# clients"),
            ]
        );
    }

    #[test]
    fn a_colon_or_hash_inside_a_word_is_no_mark() {
        assert_eq!(kinds("image: a:1#2")[1], (Kind::Value, " a:1#2"));
        assert_eq!(kinds("k: \"a # b\"")[1], (Kind::Value, " \"a # b\""));
        assert_eq!(kinds("---"), [(Kind::Other, "---")]);
        assert_eq!(kinds(""), []);
        assert_eq!(kinds("häßlich: ü")[0], (Kind::Key, "häßlich:"));
    }
}
