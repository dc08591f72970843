//! The evaluator in wasm makes the very trace it makes natively.
//!
//! **Left out**: everything else of the core, whose own tests run natively.

#![cfg(target_arch = "wasm32")]

use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

#[expect(unreachable_pub, reason = "the native tests use it from a library")]
#[path = "../../tests/src/evaluator_trace.rs"]
mod evaluator_trace;

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
fn the_same_seed_gives_the_trace_of_the_native_build() {
    let native = include_str!("../../tests/expected/evaluator-trace.txt");
    assert_eq!(evaluator_trace::trace(1), native);
}
