//! Words of iptables' text: quoted where they need it.
//!
//! `add_param_to_argv` of iptables 1.8.9 (`iptables/xshared.c`) and `xtables_save_string`.
//!
//! **Left out**: nothing.

/// A word of a line, and whether it stood in quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) is_quoted: bool,
}

impl Token {
    /// Whether it begins an option, or negates one.
    pub(super) fn is_option(&self) -> bool {
        let is_dashed = self.text.len() > 1 && self.text.starts_with('-');
        !self.is_quoted && (is_dashed || self.text == "!")
    }
}

/// The words of a line; none if a quote is not closed.
pub(super) fn tokens(line: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut text = String::new();
    let (mut is_open, mut is_quoted) = (false, false);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                is_open = !is_open;
                is_quoted = true;
            }
            '\\' if is_open => text.extend(letters.next()),
            ' ' | '\t' if !is_open => {
                if is_quoted || !text.is_empty() {
                    let text = std::mem::take(&mut text);
                    found.push(Token { text, is_quoted });
                }
                is_quoted = false;
            }
            other => text.push(other),
        }
    }
    if is_quoted || !text.is_empty() {
        found.push(Token { text, is_quoted });
    }
    (!is_open).then_some(found)
}

/// As `iptables-save` prints a text: plain only if it has nothing but letters, digits, `_` and `-`.
pub(super) fn listed(text: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '-';
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => quoted(text),
    }
}

/// As kube-proxy writes a text: in quotes only if it must be.
pub(super) fn written(text: &str) -> String {
    let must = |it: char| it.is_whitespace() || matches!(it, '"' | '\\');
    let looks_like_option = text == "!" || text.starts_with('-');
    match text.is_empty() || looks_like_option || text.chars().any(must) {
        true => quoted(text),
        false => text.to_owned(),
    }
}

fn quoted(text: &str) -> String {
    let mut result = String::from('"');
    for letter in text.chars() {
        if matches!(letter, '"' | '\\' | '\'') {
            result.push('\\');
        }
        result.push(letter);
    }
    result.push('"');
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_words_together_and_survive() {
        let found = tokens(r#"-m comment --comment "a \"b\" c" ! -s x "#).expect("closed");
        let texts: Vec<&str> = found.iter().map(|it| it.text.as_str()).collect();
        assert_eq!(
            texts,
            ["-m", "comment", "--comment", "a \"b\" c", "!", "-s", "x"]
        );
        assert_eq!(listed("a \"b\" c"), r#""a \"b\" c""#);
        assert_eq!(listed("KUBE-SEP"), "KUBE-SEP");
        assert_eq!(listed("ns/svc"), "\"ns/svc\"");
        assert_eq!(written("ns/svc"), "ns/svc");
        assert_eq!(tokens("\"open"), None);
    }
}
