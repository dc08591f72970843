//! Sessions as a person leads them: a map that keeps its places, time that goes both ways, questions, many requests.
//!
//! **Left out**: pictures; the end-to-end tests look at those.

use super::{Event, Session, Traffic};
use crate::sim::Verdict;
use crate::time::Duration;
use crate::view::{Anchor, Break, ClusterEventKind, Layer, MapView, Point};

const TEXT: &str = include_str!("../../../static/manifests/clusterip.yaml");

fn session() -> Session {
    Session::new(TEXT, "pod/client", "http://api", 1)
}

fn after(events: impl IntoIterator<Item = Event>) -> Session {
    let mut session = session();
    for event in events {
        session.update(event);
    }
    session
}

/// So many nodes and pods, by name.
fn many(n_nodes: usize, pods: &[String]) -> String {
    let mut text = String::new();
    for node in 1..=n_nodes {
        text += &format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{name: n{node:02}}}\nspec: {{podCIDR: 10.244.{node}.0/24}}\nstatus: {{addresses: [{{type: InternalIP, address: 192.168.0.{node}}}]}}\n---\n"
        );
    }
    for (idx, pod) in pods.iter().enumerate() {
        let (node, host) = (idx % n_nodes + 1, idx / n_nodes + 10);
        text += &format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {pod}, labels: {{app: api}}}}\nspec: {{nodeName: n{node:02}, containers: [{{name: c, image: x, ports: [{{containerPort: 8080}}]}}]}}\nstatus: {{podIP: 10.244.{node}.{host}}}\n---\n"
        );
    }
    text + "apiVersion: v1\nkind: Service\nmetadata: {name: api}\nspec: {clusterIP: 10.96.0.10, selector: {app: api}, ports: [{port: 80, targetPort: 8080}]}\n"
}

fn names(n: usize) -> Vec<String> {
    (0..n).map(|it| format!("api-{it:03}")).collect()
}

fn assert_no_two_share_ground(map: &MapView) {
    for (idx, a) in map.nodes.iter().enumerate() {
        for b in &map.nodes[idx + 1..] {
            assert!(!a.rect.overlaps(b.rect), "{} and {}", a.name, b.name);
        }
        let outside = |at: &Point| !a.rect.contains(*at);
        for pod in map.pods.iter().filter(|it| it.node == a.name) {
            assert!(!outside(&pod.rect.centre()), "{} in {}", pod.name, a.name);
        }
    }
    for (idx, a) in map.pods.iter().enumerate() {
        for b in &map.pods[idx + 1..] {
            assert!(!a.rect.overlaps(b.rect), "{} and {}", a.name, b.name);
        }
    }
}

#[test]
fn twenty_nodes_with_two_hundred_pods_have_room() {
    let session = Session::new(
        &many(20, &names(200)),
        "pod/api-000",
        "http://10.96.0.10",
        1,
    );
    let map = session.view().map.clone();
    assert_eq!((map.nodes.len(), map.pods.len()), (20, 200));
    assert_no_two_share_ground(&map);
    let hops = &session.view().walk.hops;
    assert!(!hops.is_empty());
    for hop in hops {
        assert!(
            hop.trail
                .iter()
                .all(|it| it.x >= 0.0 && it.x <= map.width && it.y <= map.height)
        );
    }
    assert_eq!(session.view().outcomes.len(), 200);
}

#[test]
fn an_edit_moves_nothing_that_did_not_change() {
    let before = names(12);
    let mut session = Session::new(&many(4, &before), "pod/api-000", "http://api", 1);
    let old = session.view().map.clone();
    // One pod is gone, another one comes in the middle of the names.
    let mut after = before.clone();
    after[5] = "api-004x".into();
    session.update(Event::Edited(many(4, &after)));
    let new = session.view().map.clone();
    for pod in &new.pods {
        let was = old.pods.iter().find(|it| it.name == pod.name);
        let was = was.or_else(|| old.pods.iter().find(|it| it.name == "api-005"));
        assert_eq!(was.map(|it| it.rect), Some(pod.rect), "{}", pod.name);
    }
    for (a, b) in old.nodes.iter().zip(&new.nodes) {
        assert_eq!((&a.name, a.rect), (&b.name, b.rect));
    }
}

#[test]
fn a_folded_room_keeps_the_walk_and_says_its_numbers() {
    let session = after([Event::Folded("node-2".into())]);
    let view = session.view();
    let node = view
        .map
        .nodes
        .iter()
        .find(|it| it.name == "node-2")
        .expect("it");
    assert!(node.is_folded && node.n_pods > 0);
    assert!(view.map.pods.iter().all(|it| it.node != "node-2"));
    assert_eq!(view.walk.hops.len(), session_hops());
    let mut session = session;
    session.update(Event::Folded("node-2".into()));
    assert_eq!(*session.view().map, *self::session().view().map);
}

fn session_hops() -> usize {
    session().view().walk.hops.len()
}

#[test]
fn a_way_to_another_row_goes_along_the_networks_lines() {
    let session = Session::new(&many(20, &names(40)), "pod/api-000", "10.244.20.10:8080", 1);
    let map = session.view().map.clone();
    let [_, .., trunk] = map.underlay.as_slice() else {
        panic!("several rows")
    };
    let hops = &session.view().walk.hops;
    let passes = hops
        .iter()
        .flat_map(|it| &it.trail)
        .any(|it| it.x == trunk[0].x);
    assert!(passes, "from the first row to the last by what joins them");
    let host = crate::sim::HostId::Node("n20".into());
    assert!(map.anchors.contains_key(&Anchor::Routing(host)));
}

#[test]
fn the_story_stops_where_something_is_decided() {
    let mut session = after([Event::LayerSet(Layer::Story)]);
    let mut seen = vec![0];
    loop {
        session.update(Event::Forward);
        let at = session.view().playback.position;
        if seen.last() == Some(&at) {
            break;
        }
        seen.push(at);
    }
    let view = session.view();
    assert!(seen.len() < view.walk.hops.len());
    assert_eq!(seen.last(), Some(&(view.walk.hops.len() - 1)));
    assert!(seen[1..].iter().all(|it| view.walk.hops[*it].is_story));
    session.update(Event::Back);
    assert_eq!(session.view().playback.position, seen[seen.len() - 2]);
}

#[test]
fn playing_stops_at_a_rewrite_when_told_so() {
    let mut session = after([Event::BreakSet(Break::Rewrite)]);
    let mut effects = session.update(Event::Play);
    while let Some(super::Effect::Wake { timer, .. }) = effects.first().copied() {
        effects = session.update(Event::Elapsed(timer));
    }
    let view = session.view();
    assert!(!view.playback.is_playing);
    assert!(!view.walk.hops[view.playback.position].changes.is_empty());
}

#[test]
fn what_was_done_is_undone_and_another_future_can_be_taken_up() {
    let broken = TEXT.replace("targetPort: 8080", "targetPort: 9090");
    let mut session = after([Event::Edited(broken.clone())]);
    assert_eq!(session.view().walk.ending.verdict, Verdict::Refused);
    session.update(Event::Undo);
    assert_eq!(session.view().walk.ending.verdict, Verdict::Delivered);
    assert_eq!(session.view().editor.text, TEXT);
    session.update(Event::Redo);
    assert_eq!(session.view().editor.text, broken);
    session.update(Event::Undo);
    session.update(Event::Asked {
        from: "pod/api-1".into(),
        to: "http://api".into(),
    });
    let time = session.view().time.clone();
    assert_eq!(time.left.len(), 1, "the edit is another future now");
    session.update(Event::TakenUp(0));
    assert_eq!(session.view().editor.text, broken);
    assert_eq!(session.view().time.left.len(), 1, "and the request is one");
    session.update(Event::Reset);
    assert_eq!(session.view().editor.text, TEXT);
    assert_eq!(session.view().playback.position, 0);
}

#[test]
fn typing_is_one_moment() {
    let typed = ["a", "ab", "abc"].map(|it| Event::Edited(format!("{TEXT}# {it}\n")));
    let mut session = after(typed);
    assert_eq!(session.view().time.moments.len(), 2);
    session.update(Event::Undo);
    assert_eq!(session.view().editor.text, TEXT);
}

#[test]
fn a_node_without_power_takes_its_endpoints_along_after_a_while() {
    let mut session = session();
    let down = session
        .view()
        .time
        .acts
        .iter()
        .position(|it| it.words == "node-2 loses power");
    session.update(Event::Acted(down.expect("it may happen")));
    session.update(Event::Passed(Duration::from_secs(400)));
    let view = session.view();
    let kinds: Vec<ClusterEventKind> = view.time.events.iter().map(|it| it.kind).collect();
    assert!(kinds.contains(&ClusterEventKind::Fault));
    assert!(
        kinds.contains(&ClusterEventKind::Endpoints),
        "{:?}",
        view.time.events
    );
    assert_eq!(view.outcomes.len(), 1, "one endpoint is left");
    session.update(Event::Undo);
    session.update(Event::Undo);
    assert_eq!(session.view().outcomes.len(), 2);
    assert!(session.view().time.events.is_empty());
}

#[test]
fn what_happened_happens_to_an_edited_manifest_too() {
    let mut session = session();
    let down = session
        .view()
        .time
        .acts
        .iter()
        .position(|it| it.words == "node-2 loses power");
    session.update(Event::Acted(down.expect("it may happen")));
    session.update(Event::Edited(TEXT.replace("name: http", "name: web")));
    let acts = session.view().time.acts.clone();
    assert!(acts.iter().any(|it| it.words == "node-2 comes back"));
    assert_eq!(session.timeline().events().len(), 1);
}

#[test]
fn a_question_holds_the_packet_until_it_is_answered() {
    let mut session = after([Event::PredictSet(true)]);
    let mut n_asked = 0;
    for _ in 0..200 {
        let before = session.view();
        if let Some(question) = before.question.as_ref() {
            n_asked += 1;
            assert_eq!(question.answers.iter().filter(|it| it.is_right).count(), 1);
            assert!(question.answers.iter().all(|it| !it.why.is_empty()));
            let mut words: Vec<&String> = question.answers.iter().map(|it| &it.words).collect();
            words.dedup();
            assert_eq!(words.len(), question.answers.len());
            let right = question
                .answers
                .iter()
                .position(|it| it.is_right)
                .expect("one");
            session.update(Event::Answered(right));
            assert_eq!(
                session
                    .view()
                    .question
                    .as_ref()
                    .as_ref()
                    .and_then(|it| it.answered),
                Some(right)
            );
        }
        session.update(Event::Forward);
        let now = session.view().playback.position;
        if now == before.playback.position && session.view().question.is_none() {
            break;
        }
    }
    let view = session.view();
    assert_eq!(view.playback.position, view.walk.hops.len() - 1);
    assert!(n_asked >= 3, "{n_asked}");
}

#[test]
fn going_on_without_an_answer_reveals_it() {
    let mut session = after([Event::PredictSet(true), Event::Jump(99)]);
    let question = session
        .view()
        .question
        .as_ref()
        .clone()
        .expect("one is asked");
    session.update(Event::Forward);
    let given = session
        .view()
        .question
        .as_ref()
        .as_ref()
        .and_then(|it| it.answered);
    assert_eq!(given, Some(question.answers.len() - 1));
    assert_eq!(
        question.answers[question.answers.len() - 1].words,
        "not sure"
    );
    session.update(Event::Forward);
    assert!(session.view().question.is_none());
}

#[test]
fn many_requests_are_shared_out_by_connection() {
    let traffic = |n_clients, keeps_alive| {
        Event::TrafficMade(Some(Traffic {
            n_requests: 1000,
            n_clients,
            keeps_alive,
        }))
    };
    let made = |event| {
        after([event])
            .view()
            .traffic
            .as_ref()
            .clone()
            .expect("made")
    };
    let fresh = made(traffic(5, false));
    assert_eq!((fresh.n_requests, fresh.n_connections), (1000, 1000));
    let sum: usize = fresh.shares.iter().map(|it| it.n_requests).sum();
    assert_eq!(sum, 1000);
    for it in &fresh.shares {
        assert!((it.probability - 0.5).abs() < 1e-9);
        assert!((400..600).contains(&it.n_requests), "{}", it.n_requests);
    }
    assert!(
        fresh
            .ways
            .iter()
            .all(|it| it.line.len() > 2 && it.is_answered)
    );
    assert!(fresh.sent.len() <= 200);
    let kept = made(traffic(1, true));
    assert_eq!(kept.n_connections, 1);
    assert!(kept.shares.iter().any(|it| it.n_requests == 1000));
}

#[test]
fn one_client_stays_with_one_endpoint_where_the_service_says_so() {
    let text = TEXT.replace(
        "  type: ClusterIP ",
        "  sessionAffinity: ClientIP\n  type: ClusterIP ",
    );
    let mut session = Session::new(&text, "pod/client", "http://api", 1);
    session.update(Event::TrafficMade(Some(Traffic {
        n_requests: 50,
        n_clients: 1,
        keeps_alive: false,
    })));
    let traffic = session.view().traffic.as_ref().clone().expect("made");
    assert!(traffic.shares.iter().any(|it| it.n_requests == 50));
    assert_eq!(traffic.n_connections, 50);
}

#[test]
fn what_was_opened_is_another_text_and_the_one_before_comes_back() {
    let mut session = after([Event::Edited(TEXT.replace("8080", "9090"))]);
    let mine = session.view().editor.clone();
    let broken = "kind: [".to_owned();
    session.update(Event::Opened(broken.clone()));
    let opened = session.view();
    assert_ne!(opened.editor.file, mine.file);
    assert!(opened.is_stale && !opened.editor.complaints.is_empty());
    session.update(Event::Edited(TEXT.to_owned()));
    assert_eq!(session.view().editor.file, opened.editor.file);
    session.update(Event::Undo);
    assert_eq!(session.view().editor.text, broken);
    assert!(session.view().is_stale, "it still cannot be read");
    session.update(Event::Undo);
    assert_eq!(*session.view().editor, *mine);
    session.update(Event::Opened(TEXT.to_owned()));
    assert_ne!(session.view().editor.file, opened.editor.file);
}
