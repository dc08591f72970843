//! wasm-bindgen and its test runner, built from this workspace's own lock file.
