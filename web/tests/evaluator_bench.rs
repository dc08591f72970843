//! `cargo xtask bench`, the part in wasm: how fast the evaluator is in a browser, beside the same bare loop.
//!
//! **Left out**: everything else of the core; and any judgement: numbers are printed, never asserted.

#![cfg(target_arch = "wasm32")]

use wasm_bindgen_test::{console_log, wasm_bindgen_test, wasm_bindgen_test_configure};

#[expect(
    unreachable_pub,
    reason = "the native benchmark uses it from a library"
)]
#[path = "../../tests/src/evaluator_bench.rs"]
mod evaluator_bench;

wasm_bindgen_test_configure!(run_in_browser);

/// The browser's clock, which tells tenths of a millisecond.
fn clock() -> f64 {
    let performance = web_sys::window().and_then(|it| it.performance());
    performance.expect("a browser").now() * 1e6
}

#[wasm_bindgen_test]
fn the_evaluator_in_a_browser() {
    // As many Services as a page holds without trouble.
    for line in evaluator_bench::lines(clock, 3_000) {
        console_log!("{:<64} {:>10.3} {}", line.what, line.value, line.unit);
    }
}
