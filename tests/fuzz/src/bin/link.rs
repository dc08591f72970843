//! Arbitrary bytes as a link, and as what a whole link holds: an error or a world, never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use packetwalk_core::sim::{Timeline, decode_link, encode_link};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let _ = Timeline::from_link(&text);
    let _ = decode_link::<String>(&text);
    let link = encode_link(&text);
    assert_eq!(decode_link::<String>(&link).as_deref(), Ok(text.as_ref()));
});
