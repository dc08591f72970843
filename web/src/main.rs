//! packetwalk in the browser.
fn main() {}
