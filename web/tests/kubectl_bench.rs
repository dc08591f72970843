//! How fast kubectl answers in a browser, in the figures of `cargo xtask bench`.
//!
//! **Left out**: the page around it; and any judgement: numbers are printed, never asserted.

#![cfg(target_arch = "wasm32")]

use wasm_bindgen_test::{console_log, wasm_bindgen_test, wasm_bindgen_test_configure};

#[expect(
    unreachable_pub,
    reason = "the native benchmark uses it from a library"
)]
#[path = "../../tests/src/kubectl_bench.rs"]
mod kubectl_bench;

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
fn kubectl_among_thousands_of_objects() {
    let clock = gloo::utils::window()
        .performance()
        .expect("a browser's clock");
    for line in kubectl_bench::lines(&|| clock.now()) {
        console_log!(
            "{:<50} {:>8.2} ms (wanted: at most {} ms)",
            line.what,
            line.ms,
            line.limit_ms
        );
    }
}
