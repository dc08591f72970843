//! The runner of wasm tests in a browser, at the version of `Cargo.lock`.
//!
//! **Left out**: nothing; the arguments go to the original.

fn main() -> anyhow::Result<()> {
    env_logger::init();
    wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(std::env::args_os())
}
