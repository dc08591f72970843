//! The Corefile: text to server blocks, with a line for everything that is wrong.
//!
//! The syntax of CoreDNS 1.14.7 (`coredns/caddy` `caddyfile`): keys, a block, in it directives with
//! words and perhaps a block of their own; quotes, comments.
//!
//! **Left out**: snippets and `import`, variables of the environment, blocks more than two deep.

use crate::api::Complaint;
use crate::yaml::Position;

/// The ConfigMap that holds the Corefile, as complaints call it.
/// What complaints about a Corefile call it where nobody knows in which file it stands.
pub const FILE: &str = "ConfigMap kube-system/coredns, Corefile";

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
    let mut reader = Reader::default();
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
        let result = if reader.is_open {
            reader.inside(line, words, opens)
        } else {
            reader.outside(&words, opens)
        };
        result.map_err(|it| complaint(line, it))?;
    }
    if reader.is_open {
        return Err(complaint(last, "a bracket is opened and not closed"));
    }
    if !reader.keys.is_empty() {
        let keys = reader.keys.join(" ");
        return Err(complaint(last, format!("{keys}: no block follows")));
    }
    Ok(reader.blocks)
}

#[derive(Default)]
struct Reader {
    blocks: Vec<ServerBlock>,
    /// Whether the last block is open.
    is_open: bool,
    /// Whether the block of its last directive is.
    is_inner_open: bool,
    /// Keys whose block has not come yet.
    keys: Vec<String>,
}

impl Reader {
    fn outside(&mut self, words: &[String], opens: bool) -> Result<(), &'static str> {
        match words.first().map(String::as_str) {
            Some("}") => return Err("a bracket is closed and not opened"),
            Some("import") if self.keys.is_empty() => return Err("import is not modelled"),
            _ => {}
        }
        let separated = words.iter().flat_map(|it| it.split(','));
        let keys = separated.filter(|it| !it.is_empty());
        self.keys.extend(keys.map(str::to_owned));
        if opens {
            self.is_open = true;
            self.blocks.push(ServerBlock {
                keys: std::mem::take(&mut self.keys),
                directives: Vec::new(),
            });
        }
        Ok(())
    }

    fn inside(&mut self, line: u32, words: Vec<String>, opens: bool) -> Result<(), &'static str> {
        if words == ["}"] && !opens {
            self.is_open = self.is_inner_open;
            self.is_inner_open = false;
            return Ok(());
        }
        let Some(block) = self.blocks.last_mut() else {
            return Ok(());
        };
        let directive = directive(line, words).ok_or("a block without a name before it")?;
        let parent = block.directives.last_mut();
        match parent.filter(|_| self.is_inner_open) {
            Some(_) if opens => return Err("blocks more than two deep"),
            Some(parent) => parent.body.push(directive),
            None => block.directives.push(directive),
        }
        self.is_inner_open |= opens;
        Ok(())
    }
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
