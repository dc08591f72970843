//! kubectl as a program of the workstation's shell.
//!
//! What `k8s.io/kubectl` 1.32 does beside printing: `pkg/cmd/exec/exec.go` runs a command in a container,
//! `tools/portforward/portforward.go` of client-go listens, `pkg/cmd/util/editor/editor.go` opens the editor that
//! `KUBE_EDITOR` or `EDITOR` names.
//!
//! **Left out**: the remark that standard input is no terminal, for nobody here knows.

use super::ground::Ground;
use crate::api::{ObjectRef, Status};
use crate::kubectl::{self, Config, Ctx, FileError, Output, Running, Stream, Target, Wanted};
use crate::shell::{self, Candidate, Handle, Input, Place, Process, Program};
use crate::sim::{Cluster, HostId};
use crate::store::api::{Answer, Request};
use crate::time::{Duration, Instant};
use crate::tools::{Files, Forward, Site};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// How long somebody who waits for nothing in particular waits at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// A person's editor, where the environment names none.
pub trait Editor {
    /// What it makes of a text.
    fn edit(&self, name: &str, text: &str) -> String;
}

/// Nobody is there to edit: every text stays as it is.
#[derive(Clone, Copy, Debug)]
pub struct NoEditor;

impl Editor for NoEditor {
    fn edit(&self, _: &str, text: &str) -> String {
        text.to_owned()
    }
}

/// kubectl, and what it works on.
#[derive(Clone)]
pub(super) struct Kubectl {
    pub(super) ground: Rc<RefCell<dyn Ground>>,
    pub(super) config: Rc<RefCell<Config>>,
    pub(super) site: Rc<Site>,
    pub(super) files: Rc<dyn Files>,
    pub(super) editor: Rc<dyn Editor>,
}

impl Program for Kubectl {
    fn run(&self, process: Process) -> shell::Running {
        let kubectl = self.clone();
        Box::pin(async move {
            let mut command = Started::new(kubectl, process);
            let code = command.finish().await;
            u8::try_from(code).unwrap_or(1)
        })
    }

    fn complete(&self, words: &[String]) -> Vec<Candidate> {
        let cluster = self.site.cluster();
        let words = words.get(1..).unwrap_or_default();
        let found = kubectl::complete(&cluster, &self.config.borrow(), words);
        found
            .into_iter()
            .map(|(word, about)| Candidate { word, about })
            .collect()
    }
}

/// A command under way.
struct Started {
    kubectl: Kubectl,
    process: Process,
    output: Output,
    desk: Desk,
    /// Ports of the workstation that are led into pods.
    open: Ports,
}

impl Started {
    fn new(kubectl: Kubectl, process: Process) -> Started {
        Started {
            open: Ports {
                site: kubectl.site.clone(),
                ports: BTreeSet::new(),
            },
            desk: Desk {
                process: process.clone(),
                files: kubectl.files.clone(),
                in_editor: None,
                edited: None,
            },
            output: Output::default(),
            kubectl,
            process,
        }
    }

    async fn finish(&mut self) -> i32 {
        let words = self.process.arguments().to_vec();
        let stdin = match reads_input(&words) {
            true => Some(self.process.read_all().await),
            false => None,
        };
        let mut running = self.with(stdin, |ctx| kubectl::run(ctx, &words));
        if let Some(code) = self.listen(&running) {
            return code;
        }
        loop {
            self.say().await;
            if let Some(code) = running.code() {
                return code;
            }
            if let Some(wanted) = running.wanted().cloned() {
                let code = self.enter(&wanted).await;
                self.with(None, |ctx| running.answer(i32::from(code), ctx));
                continue;
            }
            match self.desk.in_editor.take() {
                Some((name, text)) => self.edit(&name, &text).await,
                None => self.wait(&running).await,
            }
            for port in &self.open.ports {
                for _ in 0..self.kubectl.site.take_through(*port) {
                    let text = format!("Handling connection for {port}\n");
                    self.output.print(Stream::Out, &text);
                }
            }
            self.with(None, |ctx| running.resume(ctx));
        }
    }

    /// Does something with the world at hand, which nobody else has meanwhile.
    fn with<T>(&mut self, stdin: Option<String>, act: impl FnOnce(&mut Ctx<'_>) -> T) -> T {
        let mut ground = self.kubectl.ground.borrow_mut();
        let mut world = Behind {
            ground: &mut *ground,
            site: &self.kubectl.site,
        };
        act(&mut Ctx {
            target: &mut world,
            config: &mut self.kubectl.config.borrow_mut(),
            files: &mut self.desk,
            stdin,
            output: &mut self.output,
        })
    }

    /// Writes what was printed so far to the process's streams.
    async fn say(&mut self) {
        for (stream, text) in self.output.take() {
            match stream {
                Stream::Out => self.process.print(&text),
                Stream::Err => self.process.complain(&text),
            }
        }
        self.process.flush().await;
    }

    /// Opens the ports that a command forwards. An exit code where none of them is free.
    fn listen(&mut self, running: &Running) -> Option<i32> {
        let wanted = running.forwards();
        let mut refused = Vec::new();
        for it in wanted {
            let forward = Forward {
                pod: HostId::Pod(it.pod.namespace.clone(), it.pod.name.clone()),
                port: it.port,
            };
            if self.kubectl.site.forward(it.local, forward) {
                self.open.ports.insert(it.local);
            } else {
                refused.push(it);
            }
        }
        if refused.is_empty() {
            return None;
        }
        let said = self.output.take();
        for it in &refused {
            let port = it.local;
            let text = format!(
                "Unable to listen on port {port}: Listeners failed to create with the following errors: [unable to create listener: Error listen tcp4 127.0.0.1:{port}: bind: address already in use unable to create listener: Error listen tcp6 [::1]:{port}: bind: address already in use]\n"
            );
            self.process.print(&text);
        }
        if refused.len() < wanted.len() {
            for (stream, text) in said {
                let is_free = |line: &&str| {
                    !refused
                        .iter()
                        .any(|it| line.contains(&format!(":{} -> ", it.local)))
                };
                let kept: String = text.split_inclusive('\n').filter(is_free).collect();
                self.output.print(stream, &kept);
            }
            return None;
        }
        let pairs: Vec<String> = refused
            .iter()
            .map(|it| format!("{{{} {}}}", it.local, it.port))
            .collect();
        let text = format!(
            "error: unable to listen on any of the requested ports: [{}]\n",
            pairs.join(" ")
        );
        self.process.complain(&text);
        Some(1)
    }

    /// Runs a command in a container. Its exit code.
    async fn enter(&self, wanted: &Wanted) -> u8 {
        let mut process = self.process.clone();
        if !wanted.takes_input {
            process.streams = process.streams.with(0, Handle::Read(Input::of("")));
        }
        if wanted.is_terminal
            && let Some(out) = process.streams.output(1).cloned()
        {
            // A terminal has one output only.
            process.streams = process.streams.with(2, Handle::Write(out));
        }
        let place = Place::Pod {
            namespace: wanted.pod.namespace.as_str().into(),
            name: wanted.pod.name.as_str().into(),
            container: wanted.container.as_str().into(),
        };
        process.enter(&place, &wanted.words).await
    }

    /// Opens a text in the editor that the environment names, or in the person's own.
    async fn edit(&mut self, name: &str, text: &str) {
        let named = ["KUBE_EDITOR", "EDITOR"]
            .iter()
            .find_map(|it| self.process.env(it).filter(|it| !it.is_empty()));
        let Some(editor) = named else {
            self.desk.edited = Some(self.kubectl.editor.edit(name, text));
            return;
        };
        let path = format!("/tmp/{name}");
        self.process.write_file(&path, text);
        let line = format!("{editor} '{path}'");
        let code = self.process.script(&line, "sh", Vec::new()).await;
        let edited = self.process.read_file(&path).await;
        self.process
            .kernel()
            .remove(self.process.place(), &self.process.path(&path));
        self.desk.edited = Some(match edited {
            Ok(edited) if code == 0 => edited,
            _ => text.to_owned(),
        });
    }

    /// Waits until something has happened, or it is time to look again. What is only looked after again and again, as
    /// a probe that finds all well, wakes nobody.
    async fn wait(&self, running: &Running) {
        if running.is_busy() {
            self.process.kernel().breathe().await;
            return;
        }
        let heeds_all = running.heeds_signs_of_life();
        let seen = |cluster: &Cluster| match heeds_all {
            true => cluster.store().revision(),
            false => cluster.store().news(),
        };
        let mut future = Cluster::clone(&self.kubectl.site.cluster());
        let (before, now) = (seen(&future), future.clock().now);
        let latest = now + PATIENCE;
        let latest = running.wakes_at().map_or(latest, |it| it.min(latest));
        while seen(&future) == before
            && let Some(next) = future.next_deadline().filter(|it| *it < latest)
        {
            future.advance(next);
        }
        let until = match seen(&future) == before {
            true => latest,
            false => future.clock().now,
        };
        // What is due now comes when time passes, not before.
        let until = until.max(now + Duration::from_millis(1));
        let site = &self.kubectl.site;
        let ports = &self.open.ports;
        let has_happened = || {
            let is_new = seen(&site.cluster()) != before;
            (is_new || ports.iter().any(|it| site.has_through(*it))).then_some(())
        };
        self.process
            .kernel()
            .wait_for(Some(until), has_happened)
            .await;
    }
}

/// Whether a line reads what is piped into it.
fn reads_input(words: &[String]) -> bool {
    let own = words.iter().take_while(|it| *it != "--");
    own.into_iter()
        .any(|it| matches!(it.as_str(), "-" | "-f-" | "-f=-" | "--filename=-"))
}

/// Ports that are let go when the command ends, however it ends.
struct Ports {
    site: Rc<Site>,
    ports: BTreeSet<u16>,
}

impl Drop for Ports {
    fn drop(&mut self) {
        for port in &self.ports {
            self.site.end_forward(*port);
        }
    }
}

/// The files a command sees: those of its shell.
struct Desk {
    process: Process,
    files: Rc<dyn Files>,
    /// What is to be opened in the editor: a name and a text.
    in_editor: Option<(String, String)>,
    edited: Option<String>,
}

impl kubectl::Files for Desk {
    fn read(&self, path: &str) -> Result<String, FileError> {
        let (kernel, place) = (self.process.kernel(), self.process.place());
        let whole = self.process.path(path);
        match kernel.read(place, &whole) {
            Some(text) => Ok(text),
            None if kernel.is_folder(place, &whole) => {
                Err(FileError::Other(format!("read {path}: is a directory")))
            }
            None => Err(FileError::Missing),
        }
    }

    fn list(&self, path: &str) -> Option<Vec<String>> {
        let (kernel, place) = (self.process.kernel(), self.process.place());
        let whole = self.process.path(path);
        if kernel.read(place, &whole).is_some() {
            return None;
        }
        let inside = format!("{}/", whole.trim_end_matches('/'));
        let mut names: BTreeSet<String> = kernel
            .files(place)
            .iter()
            .filter_map(|it| it.strip_prefix(&inside)?.split('/').next())
            .map(str::to_owned)
            .collect();
        let outside = self.files.folder(&whole);
        let is_folder = outside.is_some() || !names.is_empty() || kernel.is_folder(place, &whole);
        names.extend(outside.into_iter().flatten());
        is_folder.then(|| names.into_iter().collect())
    }

    fn edit(&mut self, name: &str, text: &str) -> Option<String> {
        let edited = self.edited.take();
        if edited.is_none() {
            self.in_editor = Some((name.to_owned(), text.to_owned()));
        }
        edited
    }
}

/// The world as kubectl sees it, with what its containers printed.
struct Behind<'a> {
    ground: &'a mut dyn Ground,
    site: &'a Site,
}

impl Target for Behind<'_> {
    fn cluster(&self) -> &Cluster {
        Target::cluster(self.ground)
    }

    fn request(&mut self, request: Request) -> Result<Answer, Status> {
        Target::request(self.ground, request)
    }

    fn pass(&mut self, until: Instant) -> bool {
        Target::pass(self.ground, until)
    }

    fn log(&self, pod: &ObjectRef, _: &str) -> Vec<String> {
        // The world is in the hands of kubectl, so the site cannot look at it.
        let document = Target::cluster(self.ground).store().document(pod);
        let uid = document.and_then(|it| it["metadata"]["uid"].as_str());
        self.site.served(pod, uid.unwrap_or_default())
    }
}
