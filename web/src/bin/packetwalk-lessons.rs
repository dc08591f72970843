//! Writes down the lessons as one file, which the page fetches when somebody wants them: `cargo xtask build` runs this.

use packetwalk_core::lesson::{Files, Library};
use std::fs;
use std::io::{Error, Write};
use std::path::Path;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../static/lessons");

fn main() -> Result<(), Error> {
    let mut files = Files::new();
    read_below(Path::new(FOLDER), "", &mut files)?;
    let library = Library::of(files);
    std::io::stdout().write_all(library.written().as_bytes())
}

/// All texts below a folder, by path.
fn read_below(folder: &Path, before: &str, files: &mut Files) -> Result<(), Error> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{before}{name}");
        if path.is_dir() {
            read_below(&path, &format!("{name}/"), files)?;
        } else {
            files.insert(name, fs::read_to_string(&path)?);
        }
    }
    Ok(())
}
