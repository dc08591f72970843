//! An edit takes over what it can from before: whatever is edited, all is as if it were begun with that text.
//!
//! **Left out**: where things are on the map, which an edit keeps on purpose.

use super::{Event, Session};
use crate::chance::Chooser;
use crate::netfilter::Transaction;
use crate::sim::HostId;
use crate::sorted::sort_by_key;

const TEXT: &str = include_str!("../../../static/manifests/clusterip.yaml");

const MORE: &str = "---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.244.1.5], nodeName: node-1}, {addresses: [10.244.2.3]}, {addresses: [10.244.2.3], nodeName: node-2}]
ports: [{name: '', port: 8080, protocol: TCP}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec: {replicas: 2, selector: {matchLabels: {app: shop}}, template: {metadata: {labels: {app: shop}}, spec: {containers: [{name: a, image: a}]}}}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: shop}, spec: {selector: {app: shop}, ports: [{port: 80}]}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: notes}, data: {a: b}}
";

/// What a person may put in the place of a word.
const WORDS: [(&str, &str); 12] = [
    ("8080", "9090"),
    ("9090", "8080"),
    ("port: 80", "port: 81"),
    ("app: api", "app: web"),
    ("name: web", "name: wob"),
    ("replicas: 2", "replicas: 3"),
    ("clusterIP: 10.96.0.10", "clusterIP: 10.96.0.77"),
    ("namespace: default", "namespace: other"),
    ("type: NodePort", "type: LoadBalancer"),
    ("kind: ConfigMap", "kind: ConfigMop"),
    ("nodeName: node-2", "nodeName: node-9"),
    (
        "metadata: {name: web}",
        "metadata: {name: web, creationTimestamp: '2030-01-01T00:00:00Z'}",
    ),
];

/// What a person may put on a line of its own: some of it is broken, or breaks what follows.
const LINES: [&str; 9] = [
    "# a remark",
    "---",
    "...",
    "\tx: y",
    "a: \"b",
    "colour: blue",
    "%TAG ! tag:example.org,2000:",
    "--- # the next one",
    "- [",
];

fn any(luck: &mut Chooser, n: usize) -> usize {
    usize::try_from(luck.draw(n as u64)).unwrap_or(0)
}

/// The text with one thing changed.
fn edited(text: &str, luck: &mut Chooser) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let mut documents: Vec<&str> = text.split("---\n").collect();
    let (a, b) = (any(luck, documents.len()), any(luck, documents.len()));
    match luck.draw(8) {
        0 => {
            documents.remove(a);
            documents.join("---\n")
        }
        1 => {
            documents.swap(a, b);
            documents.join("---\n")
        }
        2 => {
            documents.insert(a, documents[b]);
            documents.join("---\n")
        }
        3 => {
            let at = any(luck, lines.len() + 1);
            lines.insert(at, LINES[any(luck, LINES.len())]);
            lines.join("\n") + "\n"
        }
        _ => {
            let (word, other) = WORDS[any(luck, WORDS.len())];
            text.replacen(word, other, 1)
        }
    }
}

/// Everything that a session's world is, but for places on the map.
fn told(session: &Session) -> Vec<String> {
    let scene = &session.scene;
    let cluster = scene.timeline.cluster();
    let mut told = vec![
        cluster.canonical(),
        format!("{:?}", scene.manifest),
        format!("{:?}", scene.world.complaints),
        format!("{:?}", scene.world.notices),
        format!("{:?}", session.view().editor.complaints),
        format!("{:?}", session.view().outcomes),
        format!("{:?}", session.view().request),
    ];
    let mut nodes = session.view().map.nodes.clone();
    sort_by_key(&mut nodes, |it| it.name.clone());
    for line in nodes.iter().flat_map(|it| &it.lines) {
        told.push(format!(
            "{} {} {}",
            line.address, line.service, line.n_endpoints
        ));
    }
    let changes = cluster.store().changes_after(0);
    told.extend(changes.into_iter().flatten().map(|it| format!("{it:?}")));
    let hosts = scene.world.network.hosts();
    for host in hosts.filter(|it| matches!(it.id, HostId::Node(_))) {
        told.push(Transaction::from_ruleset(&host.ruleset).to_string());
        told.push(format!("{} {:?} {:?}", host.id, host.origins, host.routes));
    }
    told
}

#[test]
fn an_edited_manifest_comes_to_the_same_as_one_begun_with() {
    let mut luck = Chooser::seeded(7);
    let begun = |text: &str| Session::new(text, "pod/client", "http://api", 1);
    let mut n_read = 0;
    for _ in 0..12 {
        let mut text = TEXT.to_owned() + MORE;
        let mut session = begun(&text);
        for _ in 0..10 {
            let before = text.clone();
            text = edited(&text, &mut luck);
            session.update(Event::Edited(text.clone()));
            let fresh = begun(&text);
            if session.unread.is_some() {
                let of = |it: &Session| format!("{:?}", it.view().editor.complaints);
                let complaints = session.unread.as_ref().map(|it| &it.complaints);
                assert_eq!(complaints, Some(&fresh.scene.manifest.complaints), "{text}");
                assert!(!of(&session).is_empty());
                // Somebody who broke something often takes it back.
                if luck.draw(2) == 0 {
                    text = before;
                }
                continue;
            }
            n_read += 1;
            for (ours, theirs) in told(&session).iter().zip(&told(&fresh)) {
                assert_eq!(ours, theirs, "{text}");
            }
        }
    }
    assert!(n_read > 60, "{n_read} of the texts could be read");
}
