//! Labs that follow their files: an edit changes them, a mistake is said with its place and changes nothing.
//!
//! **Left out**: folders on other machines, of whose changes the kernel does not tell.

use crate::harness::{TestLab, may_run, packetwalk, text, tutorial};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const AT_MOST: Duration = Duration::from_secs(30);

/// Waits for something that is on its way.
fn comes(what: &str, said: &Said, is_there: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_there() {
        assert!(started.elapsed() < AT_MOST, "{what}: {}", said.all());
        thread::sleep(Duration::from_millis(20));
    }
}

/// What a child has said so far, on both of its streams.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<String>>);

impl Said {
    fn listen(&self, stream: impl Read + Send + 'static) {
        let said = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let mut all = said.0.lock().expect("nobody panics with it");
                all.push_str(&line);
                all.push('\n');
            }
        });
    }

    fn all(&self) -> String {
        self.0.lock().expect("nobody panics with it").clone()
    }

    fn has(&self, part: &str) -> bool {
        self.all().contains(part)
    }
}

fn interrupt(child: &mut Child) -> Option<i32> {
    let pid = child.id().to_string();
    let asked = Command::new("kill").args(["-INT", &pid]).output();
    asked.expect("kill starts");
    child.wait().expect("it ends").code()
}

#[test]
fn edits_of_the_files_change_the_lab_and_mistakes_leave_it_as_it_was() {
    if !may_run(&["curl"]) {
        return;
    }
    let lab = TestLab::named();
    let said = Said::default();
    let mut command = lab.starting(&tutorial(), "nftables");
    let mut child = command
        .arg("--watch")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    said.listen(child.stdout.take().expect("it is piped"));
    said.listen(child.stderr.take().expect("it is piped"));
    comes("it watches", &said, || said.has("watching the files"));
    lab.curl("pod/client", "http://api");

    // Another port.
    let moved = tutorial().replace("port: 80 ", "port: 81 ");
    assert_ne!(moved, tutorial());
    lab.file("start.yaml", &moved);
    comes("the edit", &said, || said.has("service/api configured"));
    comes("the new port", &said, || {
        lab.tries_curl("pod/client", "http://api:81")
            .status
            .success()
    });
    assert!(!lab.tries_curl("pod/client", "http://api").status.success());

    // A mistake, told once with its place; the lab goes on.
    lab.file("start.yaml", &moved.replace("port: 81 ", "port: many "));
    comes("the mistake", &said, || {
        said.has("the lab stays what it was")
    });
    let place = "start.yaml:14:";
    assert!(said.has(place), "{}", said.all());
    assert!(said.has("expected an integer"), "{}", said.all());
    lab.curl("pod/client", "http://api:81");

    // What stands in the file no more is deleted; an editor puts a new file in its place.
    let (kept, _) = moved
        .split_once("\n---\n")
        .map(|(first, rest)| (rest.to_owned(), first))
        .expect("several objects");
    let gone = said.all().len();
    let aside = lab.file("aside.yaml", &kept);
    std::fs::rename(aside, lab.folder.join("start.yaml")).expect("it is renamed");
    comes("the deletion", &said, || {
        said.all()[gone..].contains("deleted")
    });

    assert_eq!(interrupt(&mut child), Some(0));
    assert!(
        said.has("the lab stays: packetwalk lab down"),
        "{}",
        said.all()
    );
    assert_eq!(lab.listed()["state"], "up");
    assert_eq!(lab.down().status.code(), Some(0));
    assert_eq!(lab.remains(), Vec::<String>::new());
}

#[test]
fn standard_input_cannot_be_watched() {
    let mut command = packetwalk();
    let output = command.args(["lab", "up", "-f", "-", "--watch"]).output();
    let output = output.expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    let complained = text(&output.stderr);
    assert!(
        complained.contains("--watch needs files or folders"),
        "{complained}"
    );
}
