//! packetwalk on the command line.
fn main() {}
