//! Redirections: which streams a command gets.
//!
//! POSIX.1-2017 "Shell Command Language" 2.7. Files of `/dev` are null, stdin, stdout and stderr.
//!
//! **Left out**: reading and writing one file at once (`<>` only reads), `set -C`.

use super::run::{Flow, Run};
use super::streams::{Handle, Input, Output, Streams};
use super::syntax::{Redirect, RedirectKind};

impl Run {
    /// The streams that redirections make of these.
    pub(super) async fn redirected(
        &self,
        redirects: &[Redirect],
        streams: &Streams,
    ) -> Result<Streams, Flow> {
        let mut streams = streams.clone();
        for redirect in redirects {
            let made = match self.text_of(&redirect.target, &streams).await {
                Ok(target) => self.redirect(redirect, &target, streams.clone()),
                Err(failure) => return Err(self.fail(&failure, &streams)),
            };
            match made {
                Ok(it) => streams = it,
                Err(message) => {
                    self.write(&streams, 2, &format!("sh: {message}\n"));
                    return Err(self.status(2));
                }
            }
        }
        Ok(streams)
    }

    fn redirect(
        &self,
        redirect: &Redirect,
        target: &str,
        streams: Streams,
    ) -> Result<Streams, String> {
        let place = &self.scope.place;
        let path = super::process::absolute(&self.scope.folder.borrow(), target);
        let open = |anew: bool| -> Result<Output, String> {
            if path == "/dev/null" {
                return Ok(Output::Null);
            }
            if let Some(it) = match path.as_str() {
                "/dev/stdout" => Some(1),
                "/dev/stderr" => Some(2),
                _ => None,
            } {
                return Ok(streams.output(it).cloned().unwrap_or(Output::Null));
            }
            if target.is_empty() || self.kernel.is_folder(place, &path) {
                return Err(format!("cannot create {target}: Is a directory"));
            }
            let folder = path.rsplit_once('/').map_or("/", |it| it.0);
            if !folder.is_empty() && !self.kernel.is_folder(place, folder) {
                return Err(format!("cannot create {target}: Directory nonexistent"));
            }
            if anew || self.kernel.read(place, &path).is_none() {
                self.kernel.write(place, &path, "");
            }
            Ok(Output::File(place.clone(), path.clone()))
        };
        let made = match redirect.kind {
            RedirectKind::Read if path == "/dev/null" => (0, Handle::Read(Input::of(""))),
            RedirectKind::Read if path == "/dev/stdin" => {
                return Ok(streams);
            }
            RedirectKind::Read => match self.kernel.read(place, &path) {
                Some(text) => (0, Handle::Read(Input::of(&text))),
                None => return Err(format!("cannot open {target}: No such file")),
            },
            RedirectKind::Here => (0, Handle::Read(Input::of(target))),
            RedirectKind::Write => (1, Handle::Write(open(true)?)),
            RedirectKind::Append => (1, Handle::Write(open(false)?)),
            RedirectKind::Both => {
                let handle = Handle::Write(open(redirect.fd.is_none())?);
                return Ok(streams.with(1, handle.clone()).with(2, handle));
            }
            RedirectKind::Duplicate => return duplicate(redirect.fd, target, &streams),
        };
        Ok(streams.with(redirect.fd.unwrap_or(made.0), made.1))
    }
}

/// `2>&1`, `<&3`, `2>&-`; without a number before it, an output.
fn duplicate(fd: Option<u32>, target: &str, streams: &Streams) -> Result<Streams, String> {
    if target == "-" {
        let mut streams = streams.clone();
        streams.0.remove(&fd.unwrap_or(1));
        return Ok(streams);
    }
    let from = target
        .parse::<u32>()
        .map_err(|_| "Bad fd number".to_owned())?;
    match streams.0.get(&from) {
        Some(handle @ Handle::Read(_)) => Ok(streams.with(fd.unwrap_or(0), handle.clone())),
        Some(handle @ Handle::Write(_)) => Ok(streams.with(fd.unwrap_or(1), handle.clone())),
        None => Err(format!("{from}: Bad file descriptor")),
    }
}
