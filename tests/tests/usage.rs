//! Lines that make no sense, and those that need no cluster, against the real kubectl: output, errors and exit codes.

use packetwalk_core::console::{Console, NoEditor};
use packetwalk_core::shell::{Place, Stream};
use packetwalk_core::sim::{Start, Timeline};
use packetwalk_core::time::Duration;
use packetwalk_tests::recorded;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

#[test]
fn lines_that_need_no_cluster_print_what_the_real_kubectl_prints() {
    let cases = recorded("tests/cases/kubectl-usage.txt");
    assert!(cases.len() > 60);
    let mut wrong = Vec::new();
    for (line, expected) in cases {
        let (out, err, code) = said(&line);
        let mut got = out;
        if !got.is_empty() && !got.ends_with('\n') {
            got.push_str("\\\n");
        }
        got.extend(err.lines().map(|it| format!("! {it}\n")));
        got.push_str(&format!("= {code}\n"));
        if got != expected {
            wrong.push(format!("$ {line}\n-- expected\n{expected}-- got\n{got}"));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn commands_of_kubectl_that_are_not_emulated_say_so() {
    for (line, word) in [
        ("kubectl autoscale deploy api --max=3", "autoscale"),
        ("kubectl cp --help", "cp"),
        ("kubectl create job x --image=y", "create job"),
        ("kubectl create secret generic x", "create secret"),
        ("kubectl set env deploy/api A=b", "set env"),
        ("kubectl config rename-context a b", "config rename-context"),
    ] {
        let (out, err, code) = said(line);
        let told = format!("error: the emulated kubectl does not know {word:?}: see 'kubectl");
        assert!(err.starts_with(&told), "{line}: {err}");
        assert_eq!((out.as_str(), code), ("", 1), "{line}");
    }
}

/// What a line prints in a world of its own, and its exit code.
fn said(line: &str) -> (String, String, u8) {
    let start = Start {
        files: Vec::new(),
        seed: 1,
    };
    let files: BTreeMap<String, String> = BTreeMap::new();
    let timeline = Rc::new(RefCell::new(Timeline::new(start)));
    let console = Console::new(timeline, Rc::new(files), Rc::new(NoEditor));
    let mut shell = console.shell(&Place::Workstation);
    shell.start(line);
    shell.end_input();
    let state = shell.advance(console.now() + Duration::from_secs(1));
    let packetwalk_core::shell::State::Idle(code) = state else {
        panic!("{line} does not end: {state:?}");
    };
    let chunks = shell.take_output();
    let of = |stream| -> String {
        let chunks = chunks.iter().filter(|it| it.stream == stream);
        chunks.map(|it| it.text.as_str()).collect()
    };
    (of(Stream::Out), of(Stream::Err), code)
}
