//! What `-f` reads: files, folders, standard input, any number of times.
//!
//! **Left out**: folders within folders, as kubectl without `--recursive`.

use crate::error::Error;
use crate::output;
use packetwalk_core::api::{File, Manifest, Severity, read};
use packetwalk_core::proxy::{self, Mode};
use packetwalk_core::sim::{Start, StartFile, World};
use std::fs;
use std::io::Read;
use std::path::Path;

/// What kubectl reads from a folder.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Which manifests a command is about.
#[derive(Debug, Clone, clap::Args)]
pub struct Manifests {
    /// A manifest: a file, a folder of them, or - for standard input; may be given again
    #[arg(short = 'f', long = "filename", value_name = "FILE", required = true)]
    pub files: Vec<String>,
}

/// How rules are written, and where luck comes from.
#[derive(Debug, Clone, clap::Args)]
pub struct Settings {
    /// How kube-proxy writes rules, instead of what the manifests say
    #[arg(long, value_parser = ["nftables", "iptables", "ipvs"])]
    pub mode: Option<String>,
    /// Where luck comes from: the same seed gives the same walk
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Manifests {
    /// Reads the manifests; what is doubtful about them is remarked on standard error.
    ///
    /// # Errors
    /// When a file cannot be read, or something in it cannot.
    pub fn read(&self) -> Result<Manifest, Error> {
        manifest_of(&self.texts()?)
    }

    /// The texts of the manifests, as they are.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn texts(&self) -> Result<Vec<File>, Error> {
        let mut files = Vec::new();
        for path in &self.files {
            read_path(path, &mut files)?;
        }
        Ok(files)
    }

    /// What a world begins with.
    ///
    /// # Errors
    /// As [`Manifests::read`].
    pub fn start(&self, seed: u64) -> Result<Start, Error> {
        start_of(&self.texts()?, seed)
    }

    /// The world the manifests describe.
    ///
    /// # Errors
    /// As [`Manifests::read`], and when a mode is asked for that is not modelled.
    pub fn world(&self, settings: &Settings) -> Result<(Manifest, World), Error> {
        let manifest = self.read()?;
        let mode = settings.mode.as_deref().map(modelled).transpose()?;
        let world = World::from_manifest(&manifest, mode, settings.seed);
        for complaint in &world.complaints {
            output::remark(&complaint.to_string());
        }
        Ok((manifest, world))
    }
}

/// What a world begins with, by these texts.
///
/// # Errors
/// When something in them cannot be read.
pub fn start_of(texts: &[File], seed: u64) -> Result<Start, Error> {
    manifest_of(texts)?;
    let files = texts.iter().map(|it| StartFile {
        name: it.name.to_string(),
        text: it.text.to_string(),
    });
    Ok(Start {
        files: files.collect(),
        seed,
    })
}

/// What texts say; what is doubtful about them is remarked on standard error.
fn manifest_of(files: &[File]) -> Result<Manifest, Error> {
    let manifest = read(files);
    let (errors, warnings): (Vec<_>, Vec<_>) = manifest
        .complaints
        .iter()
        .cloned()
        .partition(|it| it.severity == Severity::Error);
    for warning in warnings {
        output::remark(&warning.to_string());
    }
    if errors.is_empty() {
        Ok(manifest)
    } else {
        Err(Error::Manifest(errors))
    }
}

/// The mode of this name.
pub(crate) fn modelled(name: &str) -> Result<&'static Mode, Error> {
    proxy::mode(name).ok_or_else(|| {
        let known: Vec<&str> = proxy::MODES.iter().map(|it| it.name).collect();
        Error::Input(format!(
            "mode {name} is not modelled yet: try --mode {}",
            known.join(" or ")
        ))
    })
}

fn read_path(path: &str, files: &mut Vec<File>) -> Result<(), Error> {
    let failed = |said| Error::File {
        path: path.to_owned(),
        said,
    };
    if path == "-" {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        files.push(file("standard input", &bytes));
        return Ok(());
    }
    let at = Path::new(path);
    if !at.is_dir() {
        files.push(file(path, &fs::read(at).map_err(failed)?));
        return Ok(());
    }
    let mut inside: Vec<_> = fs::read_dir(at)
        .map_err(failed)?
        .filter_map(|it| it.ok().map(|it| it.path()))
        .filter(|it| {
            let ending = it.extension().and_then(|it| it.to_str());
            it.is_file() && ending.is_some_and(|it| ENDINGS.contains(&it))
        })
        .collect();
    inside.sort();
    if inside.is_empty() {
        return Err(Error::Input(format!(
            "{path}: no manifest in this folder: its files should end in .yaml, .yml or .json"
        )));
    }
    for it in inside {
        let bytes = fs::read(&it).map_err(failed)?;
        files.push(file(&it.to_string_lossy(), &bytes));
    }
    Ok(())
}

/// Bytes that are no UTF-8 are shown as such, and complained about where they stand.
fn file(name: &str, bytes: &[u8]) -> File {
    File {
        name: name.into(),
        text: String::from_utf8_lossy(bytes).into(),
    }
}
