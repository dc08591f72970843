//! Worlds in time: the same start and events give the same world, to the byte; the past can be gone back to, left for
//! another future, and sent as a link.

use packetwalk_core::controllers::{ContainerFault, Fault};
use packetwalk_core::sim::{
    Happening, LinkError, Record, Start, StartFile, Timeline, decode_link, encode_link,
};
use packetwalk_core::time::Duration;
use packetwalk_tests::text;
use proptest::prelude::*;

const SHOP: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  replicas: 3
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec: {containers: [{name: c, image: x, ports: [{containerPort: 8080}], readinessProbe: {tcpSocket: {port: 8080}}}]}
---
apiVersion: v1
kind: Service
metadata: {name: api}
spec: {type: NodePort, selector: {app: api}, ports: [{port: 80, targetPort: 8080}]}
";

fn start(seed: u64) -> Start {
    Start {
        files: vec![StartFile {
            name: "shop.yaml".into(),
            text: SHOP.into(),
        }],
        seed,
    }
}

fn timeline() -> Timeline {
    Timeline::new(start(1))
}

fn pass(secs: u64) -> Happening {
    Happening::Pass(Duration::from_secs(secs))
}

fn down(node: &str) -> Happening {
    Happening::Fault(Fault::NodeDown(node.into()))
}

fn happening() -> impl Strategy<Value = Happening> {
    let node = prop::sample::select(vec!["node-1", "node-2", "nowhere"]);
    let pod = "api-[a-z0-9]{2}";
    prop_oneof![
        (0u64..90).prop_map(pass),
        (0u64..90).prop_map(|it| Happening::Settle(Duration::from_secs(it))),
        node.clone().prop_map(down),
        node.prop_map(|it| Happening::Fault(Fault::NodeUp(it.into()))),
        (pod, 0i32..3).prop_map(|(pod, exit_code)| Happening::Fault(Fault::Container {
            pod: ("default".into(), pod),
            container: "c".into(),
            fault: ContainerFault::Crashes {
                exit_code,
                since: packetwalk_core::time::Instant::START,
            },
        })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_same_start_and_events_give_the_same_world_and_any_prefix_plus_the_rest_is_the_whole(
        seed in 0u64..50,
        events in prop::collection::vec(happening(), 0..12),
        cut in 0usize..12,
    ) {
        let play = |events: &[Happening]| {
            let mut timeline = Timeline::new(start(seed));
            for event in events {
                timeline.happen(event.clone()).expect("room");
            }
            timeline
        };
        let whole = play(&events);
        prop_assert_eq!(whole.cluster().canonical(), play(&events).cluster().canonical());
        let cut = cut.min(events.len());
        let mut parts = play(&events[..cut]).fork();
        for event in &events[cut..] {
            parts.happen(event.clone()).expect("room");
        }
        prop_assert_eq!(whole.cluster().canonical(), parts.cluster().canonical());
        let mut back = whole.clone();
        prop_assert!(back.seek(cut));
        prop_assert_eq!(back.cluster().canonical(), play(&events[..cut]).cluster().canonical());
        let sent = Timeline::from_link(&back.link()).expect("a link");
        prop_assert_eq!(sent.cluster().canonical(), back.cluster().canonical());
        prop_assert_eq!(sent.events(), whole.events());
    }

    #[test]
    fn any_text_as_a_link_is_refused_and_none_panics(text in "\\PC{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Timeline::from_link(&text).is_err());
        let wild = encode_link(&String::from_utf8_lossy(&bytes));
        prop_assert!(Timeline::from_link(&wild).is_err());
    }
}

#[test]
fn what_was_undone_can_be_done_again() {
    let mut it = timeline();
    let begun = it.cluster().canonical();
    it.happen(down("node-1")).expect("room");
    it.happen(pass(60)).expect("room");
    let end = it.cluster().canonical();
    assert!(it.undo() && it.undo() && !it.undo());
    assert_eq!(it.cluster().canonical(), begun);
    assert!(it.redo() && it.redo() && !it.redo());
    assert_eq!(it.cluster().canonical(), end);
}

#[test]
fn something_new_in_the_past_begins_another_future_and_the_old_one_is_kept() {
    let mut it = timeline();
    it.happen(pass(1)).expect("room");
    it.happen(down("node-1")).expect("room");
    it.happen(pass(60)).expect("room");
    let first = it.cluster().canonical();
    it.seek(1);
    it.happen(down("node-2")).expect("room");
    assert_eq!(it.events(), [pass(1), down("node-2")]);
    assert_eq!(it.abandoned().len(), 1);
    assert!(it.take_up(0));
    assert_eq!(it.position(), 1);
    assert!(it.seek(3));
    assert_eq!(it.cluster().canonical(), first);
    assert_eq!(it.abandoned()[0].events, [down("node-2")]);
}

#[test]
fn a_link_that_was_cut_off_or_typed_over_says_so() {
    let mut it = timeline();
    it.happen(pass(5)).expect("room");
    let link = it.link();
    let cut = Timeline::from_link(&link[..link.len() - 7]).map(|_| ());
    assert!(matches!(cut, Err(LinkError::Damaged { .. })), "{cut:?}");
    let record: Record = decode_link(&link).expect("a record");
    let beyond = encode_link(&Record {
        position: 9,
        ..record
    });
    let beyond = Timeline::from_link(&beyond)
        .map(|_| ())
        .expect_err("beyond the end");
    assert_eq!(
        beyond.to_string(),
        "this link is damaged, perhaps cut off: it stands after event 9 of 1"
    );
    assert!(link.len() < SHOP.len() + 100, "{} characters", link.len());
}

#[test]
fn a_world_without_an_end_of_work_is_not_waited_for() {
    let mut it = timeline();
    it.happen(Happening::Settle(Duration::from_secs(3600)))
        .expect("room");
    assert!(
        it.cluster().clock().now.as_millis() < 60_000,
        "nothing was on its way"
    );
}

#[test]
fn links_of_earlier_releases_open() {
    let link = text("tests/fuzz/corpus/link/events");
    let it = Timeline::from_link(&link).expect("a link");
    assert_eq!((it.position(), it.events().len()), (2, 3));
    assert!(it.cluster().machines().nodes_down.contains_key("node-1"));
}

#[test]
fn the_tutorial_fits_a_link() {
    let start = Start {
        files: vec![StartFile {
            name: "manifest.yaml".into(),
            text: text("static/manifests/clusterip.yaml"),
        }],
        seed: 1,
    };
    let link = Timeline::new(start).link();
    assert!(link.len() < 2000, "{} characters", link.len());
}
