//! The Corefile: text to server blocks, with a line for everything that is wrong.
//!
//! The syntax of CoreDNS 1.14.7 (`coredns/caddy` `caddyfile`): keys, a block, in it directives with
//! words and perhaps a block of their own; quotes, comments.
//!
//! **Left out**: snippets and `import`, variables of the environment, blocks more than two deep.

use crate::api::Complaint;
use crate::yaml::Position;

/// The ConfigMap that holds the Corefile, as complaints call it.
const FILE: &str = "ConfigMap kube-system/coredns, Corefile";

/// A server block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServerBlock {
    /// What it answers for.
    pub(super) keys: Vec<String>,
    /// The plugins it names.
    pub(super) directives: Vec<Directive>,
}

/// A line of a block, and the lines of its own block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Directive {
    /// Where it stands.
    pub(super) line: u32,
    /// Its first word.
    pub(super) name: String,
    /// The others.
    pub(super) words: Vec<String>,
    /// Its block.
    pub(super) body: Vec<Directive>,
}

/// The Corefile kubeadm writes for a cluster of this domain.
#[must_use]
pub fn kubeadm_corefile(domain: &str) -> String {
    format!(
        ".:53 {{
    errors
    health {{
       lameduck 5s
    }}
    ready
    kubernetes {domain} in-addr.arpa ip6.arpa {{
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }}
    prometheus :9153
    forward . /etc/resolv.conf {{
       max_concurrent 1000
    }}
    cache 30 {{
       disable success {domain}
       disable denial {domain}
    }}
    loop
    reload
    loadbalance
}}
"
    )
}

/// A complaint about a line of the Corefile.
pub(super) fn complaint(line: u32, message: impl Into<String>) -> Complaint {
    Complaint::error(message).at(FILE, Position { line, column: 1 })
}

/// The same, where the answer may merely differ.
pub(super) fn doubt(line: u32, message: impl Into<String>) -> Complaint {
    Complaint::warning(message).at(FILE, Position { line, column: 1 })
}

/// Reads a Corefile.
pub(super) fn parse(text: &str) -> Result<Vec<ServerBlock>, Complaint> {
    let mut blocks: Vec<ServerBlock> = Vec::new();
    let mut is_open = false;
    let mut keys: Vec<String> = Vec::new();
    // The line of the directive whose own block is open.
    let mut inner: Option<u32> = None;
    let mut last = 0;
    for (line, mut words) in (1u32..).zip(text.lines().map(words)) {
        last = line;
        let opens = words.last().is_some_and(|it| it == "{");
        if opens {
            words.pop();
        }
        if words.is_empty() && !opens {
            continue;
        }
        let directives = blocks.last_mut().map(|it| &mut it.directives);
        match (words.first().map(String::as_str), directives) {
            (Some("}"), Some(_)) if is_open && words.len() == 1 && !opens => {
                if inner.take().is_none() {
                    is_open = false;
                }
            }
            (_, Some(directives)) if is_open => {
                let Some(directive) = directive(line, words) else {
                    return Err(complaint(line, "a block without a name before it"));
                };
                let parent = directives.last_mut().filter(|_| inner.is_some());
                match (parent, opens) {
                    (Some(_), true) => return Err(complaint(line, "blocks more than two deep")),
                    (Some(parent), false) => parent.body.push(directive),
                    (None, _) => directives.push(directive),
                }
                if opens {
                    inner = Some(line);
                }
            }
            _ => {
                if words.first().is_some_and(|it| it == "}") {
                    return Err(complaint(line, "a bracket is closed and not opened"));
                }
                if !opens && keys.is_empty() && blocks.is_empty() && words[0] == "import" {
                    return Err(complaint(line, "import is not modelled"));
                }
                let separated = words.iter().flat_map(|it| it.split(','));
                keys.extend(separated.filter(|it| !it.is_empty()).map(str::to_owned));
                if opens {
                    is_open = true;
                    blocks.push(ServerBlock {
                        keys: std::mem::take(&mut keys),
                        directives: Vec::new(),
                    });
                }
            }
        }
    }
    if is_open {
        return Err(complaint(last, "a bracket is opened and not closed"));
    }
    if !keys.is_empty() {
        return Err(complaint(
            last,
            format!("{}: no block follows", keys.join(" ")),
        ));
    }
    Ok(blocks)
}

fn directive(line: u32, words: Vec<String>) -> Option<Directive> {
    let mut words = words.into_iter();
    Some(Directive {
        line,
        name: words.next()?,
        words: words.collect(),
        body: Vec::new(),
    })
}

/// The words of a line.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        if let Some(text) = rest.strip_prefix('"') {
            let end = text.find('"').unwrap_or(text.len());
            words.push(text[..end].to_owned());
            rest = text.get(end + 1..).unwrap_or_default();
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corefile_is_taken_apart_into_blocks_and_directives() {
        let text = "# a remark\n.:53, example.org {\n  errors # another\n  hosts \"my file\" {\n    \
                    10.0.0.1 a b\n  }\n}\nb.test {\n}\n";
        let blocks = parse(text).expect("a Corefile");
        assert_eq!(blocks.len(), 2);
        assert_eq!(blocks[0].keys, [".:53", "example.org"]);
        let [errors, hosts] = blocks[0].directives.as_slice() else {
            panic!("{blocks:?}");
        };
        assert_eq!((errors.name.as_str(), errors.line), ("errors", 3));
        assert_eq!(hosts.words, ["my file"]);
        assert_eq!(hosts.body[0].words, ["a", "b"]);
        assert_eq!(blocks[1].keys, ["b.test"]);
    }

    #[test]
    fn what_is_not_closed_or_not_opened_is_named_with_its_line() {
        let said = |text: &str| match parse(text) {
            Ok(it) => panic!("{it:?}"),
            Err(it) => it.to_string(),
        };
        let file = "ConfigMap kube-system/coredns, Corefile";
        for (text, expected) in [
            (". {\n errors\n", "2:1: a bracket is opened and not closed"),
            ("}\n", "1:1: a bracket is closed and not opened"),
            (".\nerrors\n", "2:1: . errors: no block follows"),
            (". {\n {\n}\n}", "2:1: a block without a name before it"),
            (". {\n a {\n b {\n", "3:1: blocks more than two deep"),
        ] {
            assert_eq!(said(text), format!("{file}:{expected}"));
        }
    }
}
