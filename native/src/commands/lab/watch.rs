//! `packetwalk lab up --watch`: edits of a lab's files change the lab, by the same kubectl as `lab apply` and `lab delete`.
//!
//! What is new or different is applied; what stood in the files before and does so no more is deleted. A text that cannot
//! be read is complained about with its place, and the lab stays what it was.
//!
//! **Left out**: settings of the cluster that are no objects of its API (kube-proxy's, kubeadm's): a lab begins with them.

use super::change::say;
use crate::error::Error;
use crate::input::{Manifests, start_of};
use crate::keeper::Home;
use crate::keeper::talk::{Wish, ask};
use crate::kernel;
use crate::output;
use notify::{RecursiveMode, Watcher, recommended_watcher};
use packetwalk_core::api::{File, ObjectRef, read};
use packetwalk_core::sim::Start;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

/// Editors write a file in several steps: so long must it be quiet before it is read.
const QUIET: Duration = Duration::from_millis(150);

/// Whether these manifests can be watched.
///
/// # Errors
/// When they are read from standard input, which is read once.
pub(super) fn can_watch(manifests: &Manifests) -> Result<(), Error> {
    match manifests.files.iter().any(|it| it == "-") {
        true => Err(Error::Input(
            "--watch needs files or folders: standard input is read once and cannot be edited"
                .into(),
        )),
        false => Ok(()),
    }
}

/// Changes the lab as its files change, until it is interrupted.
///
/// # Errors
/// When the files cannot be watched.
pub(super) async fn watch(home: &Home, manifests: &Manifests, start: Start) -> Result<u8, Error> {
    let failed = |said| {
        let tried = "watch the files".to_owned();
        Error::Kernel(kernel::Error::System { tried, said })
    };
    let (tell, mut told) = unbounded_channel();
    let mut watcher = recommended_watcher(move |_| {
        // Whoever listened has been interrupted.
        let _ = tell.send(());
    })
    .map_err(|it| failed(std::io::Error::other(it)))?;
    for folder in folders(manifests) {
        watcher
            .watch(&folder, RecursiveMode::NonRecursive)
            .map_err(|it| failed(std::io::Error::other(it)))?;
    }
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    // kubectl takes away only what it has applied itself: what the lab began with is applied once, which changes nothing.
    let first = ask(home, &wish(words(&["apply", "-f", "-"]), text_of(&start))?)?;
    if first.code != 0 {
        say(&first)?;
    }
    output::answer("watching the files; Ctrl-C ends that and leaves the lab")?;
    let mut good = start;
    // The last text that was looked at, so that one mistake is told once.
    let mut seen = files_of(&good);
    loop {
        // A change may have come before the watcher did.
        take_in(home, manifests, &mut good, &mut seen)?;
        tokio::select! {
            it = quiet(&mut told) => if it.is_none() { break },
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        }
    }
    output::answer(&format!(
        "no longer watching; the lab stays: packetwalk lab down {} takes it down",
        home.id()
    ))?;
    Ok(0)
}

/// The folders in which something may change: editors often put a new file in the old one's place.
fn folders(manifests: &Manifests) -> BTreeSet<PathBuf> {
    let of = |path: &String| {
        let path = Path::new(path);
        match (path.is_dir(), path.parent()) {
            (true, _) => path.to_owned(),
            (false, Some(parent)) if parent != Path::new("") => parent.to_owned(),
            (false, _) => PathBuf::from("."),
        }
    };
    manifests.files.iter().map(of).collect()
}

/// Waits for a change, and then until no more come.
async fn quiet(told: &mut UnboundedReceiver<()>) -> Option<()> {
    told.recv().await?;
    while let Ok(it) = timeout(QUIET, told.recv()).await {
        it?;
    }
    Some(())
}

/// Reads the files, and changes the lab if they say something else than before. What is wrong is said, and is no failure.
fn take_in(
    home: &Home,
    manifests: &Manifests,
    good: &mut Start,
    seen: &mut Vec<File>,
) -> Result<(), Error> {
    let texts = match manifests.texts() {
        Ok(it) => it,
        // Between two steps of an editor a file may be missing; otherwise a person should know.
        Err(error) => return remark(&error),
    };
    if texts == *seen {
        return Ok(());
    }
    let next = start_of(&texts, good.seed);
    *seen = texts;
    let next = match next {
        Ok(it) => it,
        Err(error) => return remark(&error),
    };
    let is_gone: Vec<ObjectRef> = objects(good).difference(&objects(&next)).cloned().collect();
    output::answer("the files changed:")?;
    kubectl(home, words(&["apply", "-f", "-"]), text_of(&next))?;
    for it in &is_gone {
        let mut line = words(&["delete", &format!("{}/{}", it.kind.singular(), it.name)]);
        if !it.namespace.is_empty() {
            line.extend(words(&["-n", &it.namespace]));
        }
        kubectl(home, line, String::new())?;
    }
    *good = next;
    Ok(())
}

fn remark(error: &Error) -> Result<(), Error> {
    output::remark(&format!("packetwalk: {error}\nthe lab stays what it was"));
    Ok(())
}

fn words(line: &[&str]) -> Vec<String> {
    line.iter().map(|it| (*it).to_owned()).collect()
}

/// The files of a start, to be read.
fn files_of(start: &Start) -> Vec<File> {
    let files = start.files.iter().map(|it| File {
        name: it.name.as_str().into(),
        text: it.text.as_str().into(),
    });
    files.collect()
}

/// The objects of a start.
fn objects(start: &Start) -> BTreeSet<ObjectRef> {
    read(&files_of(start))
        .objects
        .iter()
        .map(|it| it.object.reference())
        .collect()
}

/// All manifests as one.
fn text_of(start: &Start) -> String {
    let texts: Vec<&str> = start.files.iter().map(|it| it.text.as_str()).collect();
    texts.join("\n---\n")
}

/// Runs a line of kubectl at the lab and prints what it says. That it failed is said by itself.
fn kubectl(home: &Home, arguments: Vec<String>, input: String) -> Result<(), Error> {
    say(&ask(home, &wish(arguments, input)?)?).map(|_| ())
}

fn wish(arguments: Vec<String>, input: String) -> Result<Wish, Error> {
    Ok(Wish::Kubectl {
        arguments,
        folder: std::env::current_dir()?.to_string_lossy().into_owned(),
        input,
    })
}
