//! Writes down when and by which kernel lessons were confirmed, for the page to show.
//!
//! **Left out**: what differed; `packetwalk verify` prints that.

use crate::commands::verify::Report;
use crate::error::Error;
use crate::kernel::nft;
use packetwalk_core::lesson::{Confirmed, LessonConfirmed};
use packetwalk_core::time::stamp;
use std::fs;
use std::io;
use std::time::SystemTime;

/// Where Linux says which release it is.
const RELEASE: &str = "/proc/sys/kernel/osrelease";

/// Writes it into a file.
///
/// # Errors
/// When the file cannot be written, or this machine does not say what it is.
pub fn keep(file: &str, reports: &[(String, Report)]) -> Result<(), Error> {
    let failed = |path: &str, said: io::Error| Error::File {
        path: path.to_owned(),
        said,
    };
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let secs = since_1970.map_or(0, |it| it.as_secs());
    let now = stamp(i64::try_from(secs).unwrap_or(0));
    let release = fs::read_to_string(RELEASE).map_err(|it| failed(RELEASE, it))?;
    let lessons = reports.iter();
    let confirmed = Confirmed {
        date: now.split('T').next().unwrap_or_default().to_owned(),
        kernel: release.trim().to_owned(),
        nft: nft::version()?.text,
        lessons: lessons
            .map(|(name, it)| (name.clone(), counted(it)))
            .collect(),
    };
    fs::write(file, confirmed.written()).map_err(|it| failed(file, it))
}

fn counted(it: &Report) -> LessonConfirmed {
    LessonConfirmed {
        packets: it.n_walks,
        steps: it.n_steps,
        not_run: it.n_left_out,
        differences: it.disagreements.len(),
    }
}
