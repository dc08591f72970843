//! What is typed in a session's terminal: shown, done to the cluster, undone, kept.

use super::{Event, Session, read_link};
use crate::controllers::Fault;
use crate::sim::Happening;
use crate::view::{PrintedKind, TerminalState};

const TEXT: &str = include_str!("../../../static/manifests/clusterip.yaml");

fn session() -> Session {
    Session::new(TEXT, "pod/client", "http://api", 1)
}

/// Types lines, each until it has ended.
fn typed(session: &mut Session, lines: &[&str]) {
    for line in lines {
        session.update(Event::LineTyped((*line).to_owned()));
        go_on(session);
    }
}

/// Lets the line that runs go on, for at most a thousand turns.
fn go_on(session: &mut Session) {
    for _ in 0..1000 {
        if session.view().terminal.state != TerminalState::Running {
            return;
        }
        session.update(Event::LineGoesOn);
    }
    panic!("it goes on and on: {:?}", session.view().terminal);
}

/// All that was printed, with what was typed.
fn paper(session: &Session) -> String {
    let mut text = String::new();
    for entry in session.view().terminal.entries.iter() {
        text += &format!("{}{}\n", entry.prompt, entry.line);
        text.extend(entry.output.iter().map(|it| it.text.as_str()));
    }
    text
}

#[test]
fn a_command_prints_and_changes_the_cluster_and_is_one_moment() {
    let mut session = session();
    let before = session.view();
    typed(
        &mut session,
        &[
            "kubectl get pods -l app=api -o name",
            "kubectl delete pod api-2",
        ],
    );
    assert_eq!(
        paper(&session),
        "$ kubectl get pods -l app=api -o name\npod/api-1\npod/api-2\n$ kubectl delete pod api-2\npod \"api-2\" deleted\n"
    );
    let after = session.view();
    assert_eq!((before.outcomes.len(), after.outcomes.len()), (2, 1));
    let moments: Vec<&str> = after
        .time
        .moments
        .iter()
        .map(|it| it.words.as_str())
        .collect();
    // What only looks is none.
    assert_eq!(moments, ["the beginning", "$ kubectl delete pod api-2"]);
    let told: Vec<&str> = after
        .time
        .events
        .iter()
        .map(|it| it.words.as_str())
        .collect();
    assert!(told.contains(&"endpoints of api: 2 → 1"), "{told:?}");
    session.update(Event::Undo);
    assert_eq!(session.view().outcomes.len(), 2);
    // The terminal follows: the next line finds the pod again.
    typed(&mut session, &["kubectl get pods -o name | grep -c api"]);
    assert!(paper(&session).ends_with("\n2\n"), "{}", paper(&session));
    session.update(Event::Redo);
    assert_eq!(session.view().outcomes.len(), 1);
}

#[test]
fn a_link_holds_what_lines_did() {
    let mut session = session();
    typed(
        &mut session,
        &[
            "kubectl create deployment web --image=nginx --replicas=3 --port=80",
            "kubectl expose deployment web --port=80",
            "for i in 1 2 3; do kubectl exec client -- curl -s http://web; done",
            "kubectl scale deployment web --replicas=1",
        ],
    );
    let events = read_link(&session.link()).expect("our own link");
    let mut other = self::session();
    for event in events {
        other.update(event);
    }
    let cluster = |it: &Session| it.timeline().cluster().store().objects().clone();
    assert_eq!(cluster(&session), cluster(&other));
    let clock = |it: &Session| it.timeline().cluster().clock().now;
    assert_eq!(clock(&session), clock(&other));
    let deeds = |it: &Session| -> Vec<String> {
        let view = it.view();
        let moments = view
            .time
            .moments
            .iter()
            .filter(|it| it.words.starts_with('$'));
        moments.map(|it| it.words.clone()).collect()
    };
    assert_eq!(deeds(&session), deeds(&other));
    assert!(session.view().map == other.view().map);
    assert!(session.view().walk == other.view().walk);
    assert_eq!(session.link(), other.link());
}

#[test]
fn a_watching_command_prints_as_it_comes_and_is_interrupted() {
    let mut session = session();
    session.update(Event::LineTyped("kubectl get pods -w -o name & sleep 1; kubectl delete pod api-1 --now; ping -c 1000 127.0.0.1".into()));
    let mut n_turns = 0;
    while session.view().terminal.state == TerminalState::Running && n_turns < 40 {
        session.update(Event::LineGoesOn);
        n_turns += 1;
    }
    assert_eq!(n_turns, 40, "{}", paper(&session));
    session.update(Event::LineInterrupted);
    assert_eq!(session.view().terminal.state, TerminalState::Idle);
    let paper = paper(&session);
    assert!(paper.contains("pod \"api-1\" deleted"), "{paper}");
    assert!(paper.ends_with("^C\n") || paper.contains("^C\n"), "{paper}");
    // What had happened until then has happened.
    assert_eq!(session.view().outcomes.len(), 1);
    assert_eq!(
        session
            .view()
            .terminal
            .entries
            .last()
            .and_then(|it| it.code),
        Some(130)
    );
}

#[test]
fn whatever_else_is_done_interrupts_the_line_and_keeps_what_it_did() {
    let mut session = session();
    session.update(Event::LineTyped(
        "kubectl delete pod api-1 --now; sleep 1000".into(),
    ));
    assert_eq!(session.view().terminal.state, TerminalState::Running);
    session.update(Event::Settled);
    let view = session.view();
    assert_eq!(view.terminal.state, TerminalState::Idle);
    let moments: Vec<&str> = view
        .time
        .moments
        .iter()
        .map(|it| it.words.as_str())
        .collect();
    assert_eq!(
        moments,
        [
            "the beginning",
            "$ kubectl delete pod api-1 --now; sleep 1000",
            "the cluster comes to rest"
        ]
    );
    assert_eq!(view.outcomes.len(), 1);
}

#[test]
fn a_program_reads_what_is_typed_and_a_line_may_go_over_several() {
    let mut session = session();
    typed(&mut session, &["read NAME"]);
    assert_eq!(session.view().terminal.state, TerminalState::Reading);
    typed(&mut session, &["world", "echo hello $NAME"]);
    typed(&mut session, &["kubectl apply -f - <<EOF"]);
    assert_eq!(session.view().terminal.prompt, "> ");
    typed(
        &mut session,
        &[
            "apiVersion: v1",
            "kind: Namespace",
            "metadata: {name: shop}",
            "EOF",
        ],
    );
    let paper = paper(&session);
    assert!(paper.contains("hello world\n"), "{paper}");
    assert!(
        paper.ends_with("> EOF\nnamespace/shop created\n"),
        "{paper}"
    );
    let kinds: Vec<PrintedKind> = session.view().terminal.entries[0]
        .output
        .iter()
        .map(|it| it.kind)
        .collect();
    assert_eq!(kinds, [PrintedKind::Typed]);
    // The text beside the terminal is a file.
    typed(&mut session, &["clear", "head -1 manifest.yaml"]);
    let first = TEXT.lines().next().unwrap_or_default();
    assert_eq!(
        self::paper(&session),
        format!("$ head -1 manifest.yaml\n{first}\n")
    );
}

#[test]
fn tab_writes_what_is_certain_and_offers_the_rest() {
    let mut session = session();
    session.update(Event::TabPressed("kubectl descr".into()));
    let found = session
        .view()
        .terminal
        .completion
        .clone()
        .expect("an answer");
    assert_eq!(found.completed, "kubectl describe ");
    assert!(found.candidates.is_empty());
    session.update(Event::TabPressed("kubectl get pods ap".into()));
    let found = session
        .view()
        .terminal
        .completion
        .clone()
        .expect("an answer");
    assert_eq!(found.completed, "kubectl get pods api-");
    let lines: Vec<&str> = found.candidates.iter().map(|it| it.line.as_str()).collect();
    assert_eq!(
        lines,
        ["kubectl get pods api-1 ", "kubectl get pods api-2 "]
    );
    // Typing on ends the offer.
    typed(&mut session, &["true"]);
    assert_eq!(session.view().terminal.completion, None);
}

#[test]
fn lines_worth_trying_are_about_this_cluster_and_do_what_they_say() {
    let mut session = session();
    let examples = session.view().terminal.examples.clone();
    assert_eq!(
        examples,
        [
            "kubectl get services,endpointslices",
            "kubectl describe service api",
            "kubectl exec client -- curl -s http://api"
        ]
    );
    for line in &examples {
        typed(&mut session, &[line]);
        let last = session.view().terminal.entries.last().cloned();
        assert_eq!(last.and_then(|it| it.code), Some(0), "{line}");
    }
    assert!(session.view().terminal.examples.is_empty());
}

#[test]
fn more_than_a_terminal_keeps_is_cut_and_a_mistake_is_told() {
    let mut session = session();
    typed(
        &mut session,
        &["seq 1 200000", "nonsense", "echo ) x", "exit", "echo again"],
    );
    let entries = session.view().terminal.entries.clone();
    let remark = entries[0].output.last().map(|it| it.kind);
    assert_eq!(remark, Some(PrintedKind::Remarked));
    assert_eq!(entries[1].code, Some(127));
    assert_ne!(entries[2].code, Some(0));
    assert_eq!(
        entries
            .last()
            .and_then(|it| it.output.first())
            .map(|it| it.text.clone()),
        Some("again\n".to_owned())
    );
}

#[test]
fn what_is_done_by_pointing_shows_the_line_that_does_it() {
    let mut session = session();
    let acts = session.view().time.acts.clone();
    let off = acts.iter().position(|it| it.words == "node-2 loses power");
    session.update(Event::Acted(off.expect("it may")));
    assert_eq!(
        paper(&session),
        "$ ipmitool -H node-2 power off\nChassis Power Control: Down/Off\n"
    );
    let view = session.view();
    assert_eq!(
        view.time.moments.last().map(|it| it.words.as_str()),
        Some("node-2 loses power")
    );
    assert!(
        view.time
            .events
            .iter()
            .any(|it| it.words == "node-2 loses power")
    );
    // It is the very thing that the menu told of, and no time has passed.
    let mut other = self::session();
    other.update(Event::Happened(
        Box::new(Happening::Fault(Fault::NodeDown("node-2".into()))),
        "node-2 loses power".into(),
    ));
    let machines = |it: &Session| it.timeline().cluster().machines().clone();
    assert!(machines(&session).nodes_down == machines(&other).nodes_down);
    let now = |it: &Session| it.timeline().cluster().clock().now;
    assert_eq!(now(&session), now(&other));
    session.update(Event::Undo);
    assert!(machines(&session).nodes_down.is_empty());
}
