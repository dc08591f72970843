//! wasm-bindgen and its test runner, built from this workspace's own lock file.
//!
//! The tool must have the version of the library in `Cargo.lock`, to the digit. Taken from the same lock file, the
//! two cannot drift apart. The programs are in `src/bin`, behind the feature `tool`; `cargo xtask` builds them.
//!
//! **Left out**: `wasm2es6js`, the third program of the original package, and its TLS for remote drivers.
