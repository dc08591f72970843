//! Lists as documents, and the tokens with which a list goes on.
//!
//! `staging/src/k8s.io/apiserver/pkg/storage/continue.go` and `registry/rest` of Kubernetes 1.36.
//!
//! **Left out**: tokens of other versions than `meta.k8s.io/v1`.

use super::read::Listed;
use crate::api::{Kind, Status};
use serde_json::{Value, json};

/// So many objects a list may have at once; a longer one is asked for in parts.
pub const MAX_LIMIT: usize = 1 << 20;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Where a list goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContinueToken {
    /// The revision the list is of.
    pub revision: u64,
    /// Namespace and name of the last object that was listed.
    pub after: (String, String),
}

impl ContinueToken {
    /// The token as a list's `metadata.continue` has it.
    #[must_use]
    pub fn encode(&self) -> String {
        let (namespace, name) = &self.after;
        let start = match namespace.is_empty() {
            true => format!("{name}\u{0}"),
            false => format!("{namespace}/{name}\u{0}"),
        };
        // In the order of the server's struct.
        let text = format!(
            "{{\"v\":\"meta.k8s.io/v1\",\"rv\":{},\"start\":{}}}",
            self.revision,
            json!(start)
        );
        encode(text.as_bytes())
    }

    /// Reads a token.
    ///
    /// # Errors
    /// When it is none.
    pub fn decode(token: &str) -> Result<ContinueToken, Status> {
        let refuse = |why: &str| Status::bad_request(format!("invalid continue token: {why}"));
        let bytes = decode(token)
            .ok_or_else(|| refuse("continue key is not valid: illegal base64 data"))?;
        let read: Value = serde_json::from_slice(&bytes)
            .map_err(|_| refuse("continue key is not valid: invalid character"))?;
        if read["v"] != "meta.k8s.io/v1" {
            return Err(refuse(
                "continue key is not valid: server does not recognize this encoded version",
            ));
        }
        let revision = read["rv"].as_u64().filter(|it| *it > 0).ok_or_else(|| {
            refuse("continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
        })?;
        let start = read["start"]
            .as_str()
            .unwrap_or_default()
            .trim_end_matches('\u{0}');
        if start.is_empty() {
            return Err(refuse(
                "continue key is not valid: encoded start key empty (version meta.k8s.io/v1)",
            ));
        }
        let (namespace, name) = start.split_once('/').unwrap_or(("", start));
        Ok(ContinueToken {
            revision,
            after: (namespace.to_owned(), name.to_owned()),
        })
    }
}

/// A list as a document. How many are left can be said only where nothing was selected.
pub(super) fn document(kind: Kind, listed: &Listed, is_selected: bool) -> Value {
    let mut metadata = json!({"resourceVersion": listed.revision.to_string()});
    if let Some(next) = &listed.next {
        let token = ContinueToken {
            revision: listed.revision,
            after: (next.namespace.clone(), next.name.clone()),
        };
        metadata["continue"] = token.encode().into();
        if !is_selected {
            metadata["remainingItemCount"] = listed.n_remaining.into();
        }
    }
    let items: Vec<Value> = listed.items.iter().map(|it| Value::clone(it)).collect();
    json!({
        "apiVersion": kind.api_version(),
        "kind": format!("{}List", kind.name()),
        "metadata": metadata,
        "items": items,
    })
}

/// Base64 for addresses, without padding.
fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |n: usize| u32::from(chunk.get(n).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for n in 0..=chunk.len() {
            let idx = bits >> (18 - 6 * n) & 63;
            text.push(char::from(ALPHABET[usize::try_from(idx).unwrap_or(0)]));
        }
    }
    text
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for chunk in text.as_bytes().chunks(4) {
        let mut bits = 0u32;
        for n in 0..4 {
            let idx = match chunk.get(n) {
                Some(letter) => ALPHABET.iter().position(|it| it == letter)?,
                None => 0,
            };
            bits = bits << 6 | u32::try_from(idx).ok()?;
        }
        let n_bytes = chunk.len().checked_sub(1).filter(|it| *it > 0)?;
        bytes.extend(bits.to_be_bytes().iter().skip(1).take(n_bytes));
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_as_itself() {
        for after in [("default", "api"), ("", "node-1"), ("a", "b")] {
            let token = ContinueToken {
                revision: 42,
                after: (after.0.to_owned(), after.1.to_owned()),
            };
            assert_eq!(ContinueToken::decode(&token.encode()), Ok(token));
        }
        assert!(ContinueToken::decode("***").is_err());
        assert!(ContinueToken::decode("AAAA").is_err());
    }
}
