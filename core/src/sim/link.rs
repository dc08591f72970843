//! A world as text for a link: its start, its events, its seed, where one stands in it.
//!
//! `w1.` and then, in the letters that addresses allow (RFC 4648 base64url): four bytes of a checksum and the JSON
//! of the value, compressed (RFC 1951). The checksum is that of the JSON, so a link that lost its end or was typed
//! over is told from a whole one before anything is made of it.
//!
//! **Left out**: encryption and signatures: a link is as trustworthy as who sent it, and is read as any manifest is.

use data_encoding::BASE64URL_NOPAD;
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// What this form of links begins with.
const FORM: &str = "w1.";

/// The longest link that is read: longer than browsers pass on.
pub const MAX_LINK: usize = 4 << 20;

/// The most that a link may unpack to.
const MAX_UNPACKED: usize = 32 << 20;

/// How hard a link is compressed: the level at which zlib stops being worth the wait.
const LEVEL: u8 = 8;

/// Why a text is no link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It does not begin as links do.
    #[error("this is no link to a world: one begins with {FORM}")]
    OtherForm,
    /// It is of a later form than this program knows.
    #[error("this link was made by a later release, which writes {form}: open it with that one")]
    LaterForm {
        /// What it begins with.
        form: String,
    },
    /// It is too long.
    #[error("this link is longer than {MAX_LINK} characters")]
    TooLong,
    /// It is damaged.
    #[error("this link is damaged, perhaps cut off: {what}")]
    Damaged {
        /// How that showed.
        what: String,
    },
}

/// The link of a value.
///
/// # Panics
/// Never: everything that goes into a link has text keys.
#[must_use]
pub fn encode<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_vec(value).expect("what goes into a link has text keys");
    let mut bytes = checksum(&json).to_vec();
    bytes.extend(compress_to_vec(&json, LEVEL));
    format!("{FORM}{}", BASE64URL_NOPAD.encode(&bytes))
}

/// The value of a link.
///
/// # Errors
/// When it is none, or damaged.
pub fn decode<T: DeserializeOwned>(link: &str) -> Result<T, LinkError> {
    let link = link.trim();
    if link.len() > MAX_LINK {
        return Err(LinkError::TooLong);
    }
    let Some(text) = link.strip_prefix(FORM) else {
        return Err(other_form(link));
    };
    let damaged = |what: &str| LinkError::Damaged {
        what: what.to_owned(),
    };
    let bytes = BASE64URL_NOPAD
        .decode(text.as_bytes())
        .map_err(|_| damaged("a character does not belong there, or the end is missing"))?;
    let Some((sum, packed)) = bytes.split_at_checked(4) else {
        return Err(damaged("nothing is in it"));
    };
    let json = decompress_to_vec_with_limit(packed, MAX_UNPACKED)
        .map_err(|_| damaged("it does not unpack"))?;
    if sum != checksum(&json) {
        return Err(damaged("its checksum is another"));
    }
    serde_json::from_slice(&json).map_err(|it| LinkError::Damaged {
        what: it.to_string(),
    })
}

/// What to say to a text that does not begin as our links do.
fn other_form(link: &str) -> LinkError {
    let form: String = link.chars().take_while(|it| *it != '.').take(8).collect();
    let is_later = form
        .strip_prefix('w')
        .is_some_and(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()));
    if is_later && link.contains('.') {
        LinkError::LaterForm {
            form: format!("{form}."),
        }
    } else {
        LinkError::OtherForm
    }
}

fn checksum(json: &[u8]) -> [u8; 4] {
    let digest = Sha256::digest(json);
    [digest[0], digest[1], digest[2], digest[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_reads_back_and_is_shorter_than_what_it_holds() {
        let text = "apiVersion: v1\nkind: Service\n".repeat(40);
        let link = encode(&text);
        assert!(link.len() < text.len() / 4, "{}", link.len());
        assert_eq!(decode::<String>(&link), Ok(text));
    }

    #[test]
    fn a_damaged_link_says_so() {
        let link = encode(&"a text that is long enough to be cut".to_owned());
        for end in FORM.len()..link.len() {
            let cut = decode::<String>(&link[..end]);
            assert!(
                matches!(cut, Err(LinkError::Damaged { .. })),
                "{end}: {cut:?}"
            );
        }
        for idx in FORM.len()..link.len() {
            let mut edited: Vec<u8> = link.clone().into_bytes();
            edited[idx] = if edited[idx] == b'A' { b'B' } else { b'A' };
            let edited = String::from_utf8(edited).expect("letters");
            assert!(decode::<String>(&edited).is_err(), "{idx}");
        }
        assert_eq!(decode::<String>("hello"), Err(LinkError::OtherForm));
        assert_eq!(decode::<String>(""), Err(LinkError::OtherForm));
        let later = decode::<String>("w2.AAAA");
        assert!(
            matches!(later, Err(LinkError::LaterForm { .. })),
            "{later:?}"
        );
    }
}
