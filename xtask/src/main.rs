//! The project's one door: `cargo xtask serve` and `cargo xtask test`.
fn main() {}
