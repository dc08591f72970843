//! Rulesets: the rules generated for known clusters, against rules known to be kube-proxy's.
//!
//! The worked files are the expected dump of upstream's overall-rules test (G2) and the same
//! objects in the forms of 1.36 and 1.37, all of which were loaded into a real kernel.

use packetwalk_core::ip::Family;
use packetwalk_core::netfilter::dialect::{iptables, nft};
use packetwalk_core::netfilter::{Object as Noun, Ruleset, TableFamily, Transaction};
use packetwalk_core::proxy::{Form, IptablesSettings, MODES, NodePortAddresses, Snapshot, mode};
use packetwalk_core::sim::World;
use packetwalk_tests::one_node::worked;
use packetwalk_tests::{manifest, root, text};
use std::collections::BTreeMap;

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
        let manifest = manifest(&text("static/manifests/clusterip.yaml"));
        let world = World::from_manifest(&manifest, Some(mode), 1);
        let programme = world.programme("node-1", Family::V4).expect("a node");
        let rendered = mode.dialect.print(&programme.transaction);
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

/// The worked cluster in iptables mode, as upstream's test pretends it: every address takes
/// NodePorts, and iptables is older than `--random-fully`.
fn worked_iptables(family: Family) -> Snapshot {
    let mut snapshot = worked(Form::G4);
    snapshot.family = family;
    snapshot.settings.node_port_addresses = NodePortAddresses::Unset;
    snapshot.settings.iptables = IptablesSettings {
        random_fully: false,
        accounting: true,
        ..IptablesSettings::default()
    };
    snapshot
}

/// What kube-proxy itself hands to `iptables-restore`: the jumps out of built-in chains and the
/// canary it ensures apart. The mark is a literal in upstream's tests.
fn restore_input(text: &str) -> String {
    let mut kept = String::new();
    for section in text.split_inclusive("COMMIT\n") {
        if section.starts_with("*mangle") {
            continue;
        }
        for line in section.lines() {
            let name = line.trim_start_matches("-A ").trim_start_matches(':');
            let is_ours = name.starts_with("KUBE-") && !name.starts_with("KUBE-PROXY-CANARY");
            let frames = line.starts_with('*') || line == "COMMIT";
            if is_ours || frames {
                kept.push_str(&line.replace("0x00004000", "0x4000"));
                kept.push('\n');
            }
        }
    }
    kept
}

#[test]
fn the_rules_of_iptables_mode_are_the_worked_ones_to_the_letter() {
    let sync = mode("iptables").expect("a mode").sync;
    let generated = sync(&worked_iptables(Family::V4)).transaction;
    assert_eq!(
        restore_input(&iptables::restore(&generated)),
        text("tests/expected/worked/iptables.restore")
    );
}

#[test]
fn a_listing_of_the_worked_rules_is_what_iptables_save_answered() {
    let mut snapshot = worked_iptables(Family::V4);
    snapshot.settings.iptables.accounting = false;
    let sync = mode("iptables").expect("a mode").sync;
    let saved = iptables::save(&sync(&snapshot).ruleset(), TableFamily::Ip);
    // The worked listing was made of the restore text: it has no table mangle and no canary, and
    // its jumps have no comments.
    let sections = saved.split_inclusive("COMMIT\n");
    let ours: String = sections.filter(|it| !it.starts_with("*mangle")).collect();
    let mut ours: Vec<String> = ours.lines().map(str::to_owned).collect();
    ours.retain(|it| !it.contains("KUBE-PROXY-CANARY"));
    for line in &mut ours {
        let is_jump = line.starts_with("-A ") && !line.starts_with("-A KUBE-");
        if let (true, Some(at)) = (is_jump, line.find(" -m comment")) {
            let end = line.find(" -j ").expect("a jump");
            line.replace_range(at..end, "");
        }
    }
    let expected = text("tests/expected/worked/iptables.save");
    let expected: Vec<&str> = expected.lines().filter(|it| !it.starts_with('#')).collect();
    assert_eq!(ours, expected);
}

#[test]
fn a_listing_by_iptables_save_survives_reading_and_printing_to_the_letter() {
    let listing = text("tests/expected/worked/iptables.save");
    let read = iptables::parse(&listing, TableFamily::Ip).expect("a listing");
    let mut ruleset = Ruleset::default();
    read.apply(&mut ruleset).expect("applies");
    let lines: Vec<&str> = listing.lines().filter(|it| !it.starts_with('#')).collect();
    let printed = iptables::save(&ruleset, TableFamily::Ip);
    assert_eq!(printed.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn rules_of_iptables_mode_survive_printing_and_reading() {
    let sync = mode("iptables").expect("a mode").sync;
    for (family, tables) in [
        (Family::V4, TableFamily::Ip),
        (Family::V6, TableFamily::Ip6),
    ] {
        let transaction = sync(&worked_iptables(family)).transaction;
        let written = iptables::parse(&iptables::restore(&transaction), tables).expect("our own");
        let ordered = iptables::canonical_transaction(&transaction);
        assert_eq!(iptables::canonical_transaction(&written), ordered);
        assert_eq!(iptables::restore(&written), iptables::restore(&transaction));
        let mut ruleset = Ruleset::default();
        transaction.apply(&mut ruleset).expect("applies");
        let saved = iptables::save(&ruleset, tables);
        let mut listed = Ruleset::default();
        let read = iptables::parse(&saved, tables).expect("our own listing");
        read.apply(&mut listed).expect("applies");
        assert_eq!(iptables::save(&listed, tables), saved);
    }
}

/// A cluster with a NodePort whose kube-proxy is told something.
fn told(settings: &str) -> String {
    told_in(settings, "iptables")
}

fn told_in(settings: &str, mode_name: &str) -> String {
    let manifest = manifest(&format!(
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n{settings}\n---\n\
         apiVersion: v1\nkind: Pod\nmetadata: {{name: a, labels: {{app: a}}}}\n\
         spec: {{containers: [{{name: c, ports: [{{containerPort: 80}}]}}]}}\n---\n\
         apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\n\
         spec: {{type: NodePort, clusterIP: 10.96.0.9, selector: {{app: a}}, ports: [{{port: 80, nodePort: 30001}}]}}\n"
    ));
    let world = World::from_manifest(&manifest, None, 1);
    assert_eq!(world.mode.name, mode_name);
    let programme = world.programme("node-1", Family::V4).expect("a node");
    world.mode.dialect.print(&programme.transaction)
}

/// What is told, what the rules say then, and what they no longer say.
fn settings_and_rules() -> Vec<(&'static str, String, &'static str)> {
    let to_service = "-m tcp -p tcp -d 10.96.0.9 --dport 80";
    let last = "must be the last rule in this chain\"";
    vec![
        (
            "mode: ''",
            format!("{to_service} ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ"),
            "0x00008000",
        ),
        (
            "mode: iptables",
            format!("{last} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS"),
            "-X ",
        ),
        (
            "mode: iptables\niptables: {masqueradeAll: true}",
            format!("{to_service} -j KUBE-MARK-MASQ"),
            "! -s 10.244",
        ),
        (
            "mode: iptables\niptables: {masqueradeBit: 15}",
            "-j MARK --or-mark 0x00008000".to_owned(),
            "0x00004000",
        ),
        (
            "mode: iptables\niptables: {localhostNodePorts: false}",
            format!("{last} -m addrtype --dst-type LOCAL ! -d 127.0.0.0/8 -j KUBE-NODEPORTS"),
            "KUBE-FIREWALL",
        ),
        (
            "mode: iptables\nnodePortAddresses: [172.18.0.0/16]",
            format!("{last} -d 172.18.0.3 -j KUBE-NODEPORTS"),
            "KUBE-FIREWALL",
        ),
        (
            "mode: iptables\nnodePortAddresses: [127.0.0.0/8]",
            format!("{last} -d 127.0.0.1 -j KUBE-NODEPORTS"),
            "-d 172.18.0.3 -j KUBE-NODEPORTS",
        ),
        (
            "mode: iptables\nnodePortAddresses: [primary]",
            format!("{last} -d 172.18.0.3 -j KUBE-NODEPORTS"),
            "--dst-type LOCAL -j",
        ),
        (
            "mode: iptables\nclusterCIDR: 10.0.0.0/8",
            format!("{to_service} ! -s 10.0.0.0/8 -j KUBE-MARK-MASQ"),
            "10.244.0.0/16",
        ),
        (
            "mode: iptables\ndetectLocalMode: BridgeInterface\ndetectLocal: {bridgeInterface: cni0}",
            format!("{to_service} ! -i cni0 -j KUBE-MARK-MASQ"),
            "! -s 10.244",
        ),
        (
            "mode: iptables\ndetectLocalMode: InterfaceNamePrefix\ndetectLocal: {interfaceNamePrefix: veth}",
            format!("{to_service} ! -i veth+ -j KUBE-MARK-MASQ"),
            "! -s 10.244",
        ),
        (
            "mode: iptables\nconntrack: {tcpBeLiberal: true}",
            "--random-fully".to_owned(),
            "--ctstate INVALID",
        ),
    ]
}

#[test]
fn iptables_mode_obeys_the_settings_of_kube_proxy() {
    for (settings, there, gone) in settings_and_rules() {
        let rules = told(settings);
        assert!(rules.contains(&there), "{settings}: {there}\n{rules}");
        assert!(!rules.contains(gone), "{settings}: {gone}\n{rules}");
        let read = iptables::parse(&rules, TableFamily::Ip).expect("our own text");
        assert_eq!(iptables::restore(&read), rules, "{settings}");
    }
}

#[test]
fn a_bad_setting_of_kube_proxy_is_told_at_its_line() {
    let manifest = manifest(
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: nftables\n\
         clusterCIDR: everywhere\niptables:\n  masqueradeBit: 32\n",
    );
    let world = World::from_manifest(&manifest, None, 1);
    let told: Vec<(Option<&str>, Option<u32>)> = world
        .complaints
        .iter()
        .map(|it| (it.path.as_deref(), it.position.map(|it| it.line)))
        .collect();
    let wanted = [
        (Some("iptables.masqueradeBit"), Some(6)),
        (Some("clusterCIDR"), Some(4)),
    ];
    assert_eq!(told, wanted, "{:?}", world.complaints);
}

/// What nftables mode is told, what the rules say then, and what they no longer say.
const NFTABLES_SETTINGS: [(&str, &str, &str); 9] = [
    (
        "clusterCIDR: 10.0.0.0/8",
        "ip daddr @cluster-ips ip saddr != 10.0.0.0/8 mark set mark or 0x00004000",
        "10.244.0.0/16",
    ),
    (
        "detectLocalMode: ClusterCIDR",
        "ip daddr @cluster-ips ip saddr != 10.244.0.0/16 mark set mark or",
        "iifname",
    ),
    (
        "detectLocalMode: NodeCIDR",
        "ip daddr @cluster-ips ip saddr != 10.244.1.0/24 mark set mark or",
        "10.244.0.0/16",
    ),
    (
        "detectLocalMode: BridgeInterface\ndetectLocal: {bridgeInterface: cni0}",
        "ip daddr @cluster-ips iifname != cni0 mark set mark or",
        "10.244.0.0/16",
    ),
    (
        "detectLocalMode: InterfaceNamePrefix\ndetectLocal: {interfaceNamePrefix: veth}",
        "ip daddr @cluster-ips iifname != veth* mark set mark or",
        "10.244.0.0/16",
    ),
    (
        "nftables: {masqueradeAll: true}",
        "ip daddr @cluster-ips mark set mark or 0x00004000 comment \"masquerade all clusterIP traffic\"",
        "from outside cluster",
    ),
    (
        "nftables: {masqueradeBit: 31}",
        "mark and 0x80000000 != 0",
        "0x00004000",
    ),
    (
        "nodePortAddresses: [0.0.0.0/0]",
        "fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @service-nodeports",
        "nodeport-ips",
    ),
    (
        "nodePortAddresses: [10.244.0.0/16]",
        "add element ip kube-proxy nodeport-ips { 10.244.1.1 }",
        "nodeport-ips { 172.18.",
    ),
];

#[test]
fn nftables_mode_obeys_the_settings_of_kube_proxy() {
    for (settings, there, gone) in NFTABLES_SETTINGS {
        let rules = told_in(&format!("mode: nftables\n{settings}"), "nftables");
        assert!(rules.contains(there), "{settings}: {there}\n{rules}");
        assert!(!rules.contains(gone), "{settings}: {gone}\n{rules}");
    }
}

#[test]
fn a_further_range_of_cluster_ips_is_guarded_too() {
    let manifest = manifest(
        "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: more}\n\
         spec: {cidrs: [10.120.0.0/16, 'fd00:120::/112']}\n",
    );
    let world = World::from_manifest(&manifest, mode("nftables"), 1);
    let programme = world.programme("node-1", Family::V4).expect("a node");
    let rules = programme.transaction.to_string();
    let wanted = "ip daddr { 10.120.0.0/16 , 10.96.0.0/12 } drop";
    assert!(rules.contains(wanted), "{rules}");
}

#[test]
fn in_a_large_cluster_rules_of_endpoints_have_no_comments() {
    let sync = mode("iptables").expect("a mode").sync;
    let rules_of = |n_endpoints: usize| {
        let mut snapshot = worked_iptables(Family::V4);
        let slice = snapshot.endpoint_slices.first().expect("a slice").clone();
        let mut slice = (*slice).clone();
        let endpoint = slice.endpoints.first().expect("an endpoint").clone();
        slice.endpoints = (0..n_endpoints)
            .map(|idx| {
                let mut endpoint = endpoint.clone();
                endpoint.addresses = vec![format!("10.181.{}.{}", idx / 250, idx % 250)];
                endpoint
            })
            .collect();
        snapshot.endpoint_slices = vec![std::sync::Arc::new(slice)];
        iptables::restore(&sync(&snapshot).transaction)
    };
    let remarks = |text: &str| {
        let of_endpoints = |it: &&str| it.starts_with("-A KUBE-SEP-") || it.contains("-> 10.181");
        let lines = text.lines().filter(of_endpoints);
        lines.filter(|it| it.contains("--comment")).count()
    };
    assert_eq!(remarks(&rules_of(1000)), 3000);
    let large = rules_of(1001);
    assert_eq!(remarks(&large), 0);
    assert!(large.contains("cluster IP"), "Services keep theirs");
    assert!(large.contains("-m statistic --mode random --probability 0.0009990010 -j KUBE-SEP-"));
}

#[test]
fn every_generated_rule_knows_where_it_came_from_and_says_so() {
    let nftables = mode("nftables").expect("a mode").sync;
    let iptables = mode("iptables").expect("a mode").sync;
    let forms = [Form::G2, Form::G3, Form::G4].map(worked);
    let programmes = forms.iter().map(nftables);
    for programme in programmes.chain([iptables(&worked_iptables(Family::V4))]) {
        for command in &programme.transaction.commands {
            let tag = match &command.object {
                Noun::Rule { rule, .. } => rule.note.tag,
                Noun::Element { element, .. } => element.tag,
                _ => continue,
            };
            let origin = tag.and_then(|it| programme.origins.origin(it));
            let sentence = origin.map(|it| it.sentence()).unwrap_or_default();
            let n_words = sentence.split_whitespace().count();
            assert!((1..=20).contains(&n_words), "{command}: {sentence:?}");
        }
    }
}
