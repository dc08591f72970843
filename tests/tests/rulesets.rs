//! Rulesets: the rules generated for known clusters, against rules known to be kube-proxy's.
//!
//! The worked files are the expected dump of upstream's overall-rules test (G2) and the same
//! objects in the forms of 1.36 and 1.37, all of which were loaded into a real kernel.

use packetwalk_core::api::Object;
use packetwalk_core::ip::Family;
use packetwalk_core::netfilter::dialect::nft;
use packetwalk_core::netfilter::{Ruleset, Transaction};
use packetwalk_core::proxy::{
    Detector, Form, MODES, NodeFacts, NodePortAddresses, Settings, Snapshot, mode,
};
use packetwalk_tests::{manifest, root, text, world};
use std::collections::BTreeMap;

fn worked(form: Form) -> Snapshot {
    let manifest = manifest(&text("tests/scenarios/worked.yaml"));
    let (mut services, mut endpoint_slices) = (Vec::new(), Vec::new());
    for read in manifest.objects {
        match read.object {
            Object::Service(it) => services.push(it),
            Object::EndpointSlice(it) => endpoint_slices.push(it),
            other => panic!("{:?}", other.reference()),
        }
    }
    let ip = |text: &str| text.parse().expect("an address");
    Snapshot {
        family: Family::V4,
        node: NodeFacts {
            name: "test-node".into(),
            primary_ips: vec![ip("192.168.0.2")],
            all_ips: vec![ip("192.168.0.2"), ip("192.168.1.2"), ip("192.168.99.11")],
            zone: None,
        },
        services,
        endpoint_slices,
        settings: Settings {
            form,
            service_cidrs: vec!["172.30.0.0/16".parse().expect("a range")],
            detector: Some(Detector::ClusterCidr(
                "10.0.0.0/8".parse().expect("a range"),
            )),
            node_port_addresses: NodePortAddresses::Primary,
            masquerade_all: false,
            masquerade_mark: 0x4000,
        },
    }
}

/// The commands by what they are about; inside a chain the order of rules counts, elsewhere not.
fn by_object(tx: &Transaction) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in tx.to_string().lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let key = match words[1] {
            "rule" => words[..5].join(" "),
            _ => line.to_owned(),
        };
        all.entry(key).or_default().push(line.to_owned());
    }
    all
}

fn check_worked(form: Form, file: &str) {
    let sync = mode("nftables").expect("a mode").sync;
    let generated = sync(&worked(form)).transaction;
    let expected = nft::parse(&text(file)).expect("a worked file");
    let (generated, expected) = (by_object(&generated), by_object(&expected));
    for (key, lines) in &expected {
        assert_eq!(generated.get(key), Some(lines), "{file}: {key}");
    }
    for key in generated.keys() {
        assert!(expected.contains_key(key), "{file}: not expected: {key}");
    }
}

#[test]
fn the_rules_of_1_35_are_those_of_upstreams_own_test() {
    check_worked(Form::G2, "tests/expected/worked/g2.nft");
}

#[test]
fn the_rules_of_1_36_are_the_worked_ones() {
    check_worked(Form::G3, "tests/expected/worked/g3.nft");
}

#[test]
fn the_rules_of_1_37_are_the_worked_ones() {
    check_worked(Form::G4, "tests/expected/worked/g4.nft");
}

/// The rules of the tutorial's cluster, kept as text. Refresh with `UPDATE_EXPECTED=1`, and read
/// the difference before keeping it.
#[test]
fn the_tutorials_rules_are_as_they_were() {
    for mode in &MODES {
        let world = world(&text("static/manifests/clusterip.yaml"));
        let programme = world.programme("node-1", Family::V4).expect("a node");
        let rendered = programme.transaction.to_string();
        let path = format!("tests/expected/clusterip.{}", mode.name);
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(root().join(&path), format!("{rendered}\n")).expect("written");
        }
        assert_eq!(rendered.trim_end(), text(&path).trim_end(), "{path}");
    }
}

#[test]
fn generated_rules_survive_printing_and_reading() {
    for form in [Form::G2, Form::G3, Form::G4] {
        let sync = mode("nftables").expect("a mode").sync;
        let transaction = sync(&worked(form)).transaction;
        let read = nft::parse(&transaction.to_string()).expect("our own text");
        assert_eq!(read, transaction);
        let mut ruleset = Ruleset::default();
        transaction.apply(&mut ruleset).expect("applies");
        let listed = nft::parse_listing(&nft::list(&ruleset)).expect("our own listing");
        assert_eq!(
            nft::canonical_ruleset(&listed.ruleset),
            nft::canonical_ruleset(&ruleset)
        );
    }
}

#[test]
fn every_generated_rule_knows_where_it_came_from_and_says_so() {
    use packetwalk_core::netfilter::Object;
    let sync = mode("nftables").expect("a mode").sync;
    for form in [Form::G2, Form::G3, Form::G4] {
        let programme = sync(&worked(form));
        for command in &programme.transaction.commands {
            let tag = match &command.object {
                Object::Rule { rule, .. } => rule.note.tag,
                Object::Element { element, .. } => element.tag,
                _ => continue,
            };
            let origin = tag.and_then(|it| programme.origins.origin(it));
            let sentence = origin.map(|it| it.sentence()).unwrap_or_default();
            let n_words = sentence.split_whitespace().count();
            assert!((1..=20).contains(&n_words), "{command}: {sentence:?}");
        }
    }
}
