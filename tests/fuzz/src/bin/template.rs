//! Arbitrary bytes as JSONPath, Go template, columns or an order: read and applied to a list of objects; never a panic.
//!
//! The first byte chooses which.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, text)) = bytes.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(text);
    let form = match choice % 5 {
        0 => format!("-ojsonpath={text}"),
        1 => format!("-ogo-template={text}"),
        2 => format!("-ocustom-columns={text}"),
        3 => format!("-ojsonpath-as-json={text}"),
        _ => format!("--sort-by={text}"),
    };
    let _ = packetwalk_fuzz::kubectl(&["get", "services,deployments", &form]);
});
