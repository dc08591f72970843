//! Writes down the first look, which the page is served with: `cargo xtask build` runs this.

fn main() -> std::process::ExitCode {
    use std::io::Write;
    let reel = packetwalk_web::session::reel();
    let written = std::io::stdout().write_all(reel.as_bytes());
    std::process::ExitCode::from(u8::from(written.is_err()))
}
