//! The `wasm-bindgen` tool, at the version of `Cargo.lock`.
//!
//! **Left out**: nothing; the arguments go to the original.

fn main() -> anyhow::Result<()> {
    env_logger::init();
    wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(std::env::args_os())
}
