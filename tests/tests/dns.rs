//! Cluster DNS, the server: every recorded answer of the real CoreDNS.
//!
//! `tests/cases/dns-server.json` holds answers recorded from CoreDNS 1.14.7 (Apache-2.0, see
//! NOTICE) for given objects and settings. All of them run here; the counts are part of the test.

use packetwalk_core::api::{
    Endpoint, EndpointSlice, File, Object, ObjectMeta, Service, ServiceSpec, TargetRef, read,
};
use packetwalk_core::dns::{
    Answer, Around, Cache, CachePlugin, Grammar, Kubernetes, Lifetimes, PodMode, Question, Rcode,
    Record, RecordData, RecordType, Server, Transport, fit, message, parse_name,
};
use packetwalk_core::store::Objects;
use packetwalk_core::time::{Duration, Instant};
use packetwalk_tests::text;
use serde_json::Value;

fn cases() -> Value {
    serde_json::from_str(&text("tests/cases/dns-server.json")).expect("JSON")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn strings(value: &Value) -> Vec<String> {
    list(value).iter().map(|it| string(it).to_owned()).collect()
}

fn number(value: &Value) -> u32 {
    let number = value.as_u64().unwrap_or_default();
    u32::try_from(number).expect("a small number")
}

/// The objects of a set, read as any manifest is.
fn objects(set: &Value) -> Objects {
    let kinds = ["namespaces", "services", "endpointslices", "pods"];
    let values = kinds.iter().flat_map(|it| list(&set[*it]));
    let documents: Vec<String> = values.map(ToString::to_string).collect();
    let manifest = read(&[File {
        name: "case.json".into(),
        text: documents.join("\n---\n").into(),
    }]);
    assert!(!manifest.has_errors(), "{:?}", manifest.complaints);
    let mut objects = Objects::default();
    for it in manifest.objects {
        objects.put(it.object);
    }
    objects
}

fn plugin(config: &Value) -> Kubernetes {
    // Whoever adds a key to the cases must add it here.
    let known = [
        "endpoint_pod_names",
        "fallthrough",
        "ignore_empty_service",
        "local_ips",
        "multicluster",
        "namespaces",
        "noendpoints",
        "plugin",
        "pods",
        "serial",
        "synced",
        "ttl",
        "zonal",
        "zones",
    ];
    let keys: Vec<&String> = config.as_object().expect("settings").keys().collect();
    assert_eq!(keys, known);
    assert_eq!(config["plugin"], "kubernetes");
    let zones = |value: &Value| -> Vec<String> {
        let zones = strings(value).into_iter();
        zones
            .map(|it| format!("{}.", it.trim_end_matches('.')))
            .collect()
    };
    let is_on = |key: &str| config[key].as_bool().expect("yes or no");
    Kubernetes {
        zones: zones(&config["zones"]),
        pods: match string(&config["pods"]) {
            "disabled" => PodMode::Disabled,
            "insecure" => PodMode::Insecure,
            "verified" => PodMode::Verified,
            other => panic!("pods {other}"),
        },
        ttl: number(&config["ttl"]),
        namespaces: strings(&config["namespaces"]),
        fallthrough: config["fallthrough"]
            .is_array()
            .then(|| zones(&config["fallthrough"])),
        ignore_empty_service: is_on("ignore_empty_service"),
        endpoint_pod_names: is_on("endpoint_pod_names"),
        noendpoints: is_on("noendpoints"),
        ptr_hostname_only: false,
        multicluster: strings(&config["multicluster"]),
        zonal: is_on("zonal"),
        local_ips: strings(&config["local_ips"])
            .iter()
            .map(|it| it.parse().expect("an address"))
            .collect(),
        synced: is_on("synced"),
        serial: number(&config["serial"]),
    }
}

/// What the recordings had behind the plugin: a few names; all others do not exist.
struct Stub<'a> {
    upstream: &'a [Value],
    n_called: usize,
}

impl Around for Stub<'_> {
    fn next(&mut self, question: &Question) -> Answer {
        self.n_called += 1;
        let told = self.upstream.iter().find(|it| {
            let is_kind = string(&it["qtype"]) == question.kind.to_string();
            is_kind && string(&it["qname"]).eq_ignore_ascii_case(&question.name)
        });
        let mut answer = Answer::empty(Rcode::NxDomain);
        answer.ra = true;
        let Some(told) = told else {
            return answer;
        };
        answer.rcode = match string(&told["rcode"]) {
            "NOERROR" => Rcode::NoError,
            "NXDOMAIN" => Rcode::NxDomain,
            "SERVFAIL" => Rcode::ServFail,
            other => panic!("{other}"),
        };
        answer.tc = told["tc"] == true;
        answer.answer = list(&told["answer"]).iter().map(record).collect();
        answer
    }

    fn look_up(&mut self, question: &Question) -> Answer {
        self.next(question)
    }
}

fn record(value: &Value) -> Record {
    let data = string(&value["data"]);
    let kind = RecordType::parse(string(&value["type"])).expect("a type");
    Record {
        name: string(&value["name"]).to_owned(),
        kind,
        ttl: number(&value["ttl"]),
        data: match data.parse() {
            Ok(ip) => RecordData::Address(ip),
            Err(_) => RecordData::Name(data.to_owned()),
        },
    }
}

/// A section as lines of a zone file, in order of the alphabet.
fn lines(records: &[Record]) -> Vec<String> {
    let mut lines: Vec<String> = records.iter().map(ToString::to_string).collect();
    lines.sort();
    lines
}

fn expected_lines(records: &Value) -> Vec<String> {
    let mut lines: Vec<String> = list(records)
        .iter()
        .filter(|it| it["type"] != "OPT")
        .map(|it| {
            let word = |key: &str| string(&it[key]).to_owned();
            let (name, kind, data) = (word("name"), word("type"), word("data"));
            format!("{name} {} IN {kind} {data}", number(&it["ttl"]))
        })
        .collect();
    lines.sort();
    lines
}

/// What differs between an answer and the recorded one, in words.
fn differences(case: &Value, answer: &Answer) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, is: String, expected: String| {
        if is != expected {
            found.push(format!(
                "  {what}\n    is       {is}\n    expected {expected}"
            ));
        }
    };
    let rcode = string(&case["rcode"]).to_owned();
    compare("rcode", answer.rcode.to_string(), rcode);
    compare("aa", answer.aa.to_string(), case["aa"].to_string());
    for (bit, is) in [("tc", answer.tc), ("ra", answer.ra)] {
        if let Some(expected) = case.get(bit) {
            compare(bit, is.to_string(), expected.to_string());
        }
    }
    for (section, is, expected) in [
        ("answer", &answer.answer, &case["answer"]),
        ("authority", &answer.authority, &case["ns"]),
        ("additional", &answer.additional, &case["extra"]),
    ] {
        let (is, expected) = (lines(is), expected_lines(expected));
        compare(section, is.join("; "), expected.join("; "));
    }
    // A CNAME stands before the records it leads to.
    for (idx, it) in answer.answer.iter().enumerate() {
        if let RecordData::Name(target) = &it.data
            && it.kind == RecordType::CNAME
            && answer.answer[..idx].iter().any(|it| it.name == *target)
        {
            found.push(format!("  CNAME to {target} stands behind it"));
        }
    }
    found
}

fn question(case: &Value) -> Question {
    let kind = RecordType::parse(string(&case["qtype"])).expect("a type");
    Question::new(string(&case["qname"]), kind)
}

#[test]
fn every_recorded_answer_of_coredns_is_ours() {
    let cases = cases();
    let mut faults = Vec::new();
    let mut n_run = 0;
    let sets = list(&cases["sets"]);
    for set in sets {
        let objects = objects(set);
        let plugin = plugin(&set["config"]);
        for case in list(&set["queries"]) {
            n_run += 1;
            let question = question(case);
            let mut stub = Stub {
                upstream: list(&set["upstream"]),
                n_called: 0,
            };
            let mut answer = plugin.serve(&objects, &question, &mut stub);
            let mut found = Vec::new();
            if case["scrub"] == true {
                found.extend(fitting_differences(case, &question, &mut answer));
            }
            found.extend(differences(case, &answer));
            let is_next = stub.n_called > 0;
            if is_next != (case["next_called"] == true) {
                found.push(format!("  the next plugin was asked: {is_next}"));
            }
            if !found.is_empty() {
                faults.push(format!("{}\n{}", case["id"], found.join("\n")));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!((sets.len(), n_run), (21, 316), "sets and questions");
}

/// Cuts the answer to its transport; what differs in length.
fn fitting_differences(case: &Value, question: &Question, answer: &mut Answer) -> Vec<String> {
    let edns = case["edns_size"].as_u64().map(|it| {
        let size = u16::try_from(it);
        size.expect("a size of EDNS")
    });
    let transport = match string(&case["transport"]) {
        "tcp" => Transport::Tcp,
        _ => Transport::Udp { edns },
    };
    let length = fit(question, answer, transport);
    let sent = message(question, answer, transport, 1).len();
    let expected = usize::try_from(case["wire_bytes"].as_u64().expect("a length"));
    let expected = expected.expect("a length");
    if (length, sent) == (expected, expected) {
        Vec::new()
    } else {
        vec![format!("  bytes: {length} and {sent}, expected {expected}")]
    }
}

#[test]
fn every_recorded_minute_of_the_cache_is_ours() {
    let cases = cases();
    let scenarios = list(&cases["cache_scenarios"]);
    let lab = list(&cases["sets"])
        .iter()
        .find(|it| it["set"] == "lab-kubeadm")
        .expect("the set the scenarios begin with");
    let mut faults = Vec::new();
    let mut n_run = 0;
    for scenario in scenarios {
        let cache_plugin = cache_plugin(&scenario["corefile_cache"]);
        let mut kubernetes = plugin(&lab["config"]);
        let mut cluster = string(&scenario["cluster_at_start"]);
        if cluster == "ttl0" {
            kubernetes.ttl = 0;
        }
        // The recording asks name by name; the cache keeps them apart, so that the cluster may be
        // that of each question's own time.
        let mut cache = Cache::default();
        for case in list(&scenario["queries"]) {
            n_run += 1;
            let at = case["at"].as_u64().expect("seconds");
            for change in list(&scenario["cluster_changes"]) {
                let has_come = change["at"].as_u64().is_some_and(|it| it <= at);
                if has_come {
                    cluster = string(&change["cluster"]);
                }
            }
            let objects = changed(objects(lab), cluster);
            let now = Instant::START + Duration::from_secs(at);
            let question = question(case);
            let kept = cache_plugin
                .as_ref()
                .and_then(|_| cache.kept(&question, now));
            let answer = kept.unwrap_or_else(|| {
                let mut stub = Stub {
                    upstream: list(&lab["upstream"]),
                    n_called: 0,
                };
                let mut answer = kubernetes.serve(&objects, &question, &mut stub);
                if let Some(it) = &cache_plugin {
                    it.keep(&mut cache, &question, now, &mut answer);
                }
                answer
            });
            let found = differences(case, &answer);
            if !found.is_empty() {
                let name = &scenario["scenario"];
                let found = found.join("\n");
                faults.push(format!("{name} at {at}: {}\n{found}", question.name));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(
        (scenarios.len(), n_run),
        (12, 75),
        "scenarios and questions"
    );
}

fn cache_plugin(told: &Value) -> Option<CachePlugin> {
    let max = number(&told.get("ttl_cap")?.clone());
    let zones = strings(&told["disable_success_and_denial"]);
    Some(CachePlugin {
        success: Lifetimes { min: 5, max },
        denial: Lifetimes { min: 5, max },
        disable_success: zones.clone(),
        disable_denial: zones,
        ..CachePlugin::default()
    })
}

/// The cluster after what the scenario says has happened.
fn changed(mut objects: Objects, cluster: &str) -> Objects {
    let slices: Vec<EndpointSlice> = objects
        .endpoint_slices
        .values()
        .filter(|it| it.service_name() == Some("mysql"))
        .map(|it| it.as_ref().clone())
        .collect();
    assert!(!slices.is_empty(), "there is a Service mysql");
    for mut slice in slices {
        match cluster {
            "start" | "ttl0" => {}
            "mysql2-ready" => {
                let hostname = |it: &&mut Endpoint| it.hostname.as_deref() == Some("mysql-2");
                if let Some(it) = slice.endpoints.iter_mut().find(hostname) {
                    it.conditions.ready = Some(true);
                }
            }
            "mysql0-gone" => slice
                .endpoints
                .retain(|it| it.hostname.as_deref() != Some("mysql-0")),
            other => panic!("{other}"),
        }
        objects.put(slice.into());
    }
    objects
}

#[test]
fn every_unit_test_of_coredns_names_is_ours() {
    let cases = cases();
    let units = &cases["units"];
    let names: Vec<&String> = units.as_object().expect("units").keys().collect();
    assert_eq!(
        names,
        ["endpoint_hostname", "ns_addresses", "parse_request"]
    );

    let hostnames = list(&units["endpoint_hostname"]["cases"]);
    assert_eq!(hostnames.len(), 8);
    for case in hostnames {
        let plugin = Kubernetes {
            endpoint_pod_names: case["endpoint_pod_names"] == true,
            ..Kubernetes::default()
        };
        let told = |key: &str| Some(string(&case[key]).to_owned()).filter(|it| !it.is_empty());
        let endpoint = Endpoint {
            hostname: told("hostname"),
            target_ref: told("pod").map(|name| TargetRef {
                name: Some(name),
                ..TargetRef::default()
            }),
            ..Endpoint::default()
        };
        let name = plugin.endpoint_name(&endpoint, string(&case["ip"]));
        assert_eq!(name, string(&case["expected"]), "{case}");
    }
}

#[test]
fn every_name_is_taken_apart_as_coredns_does() {
    let cases = cases();
    let unit = &cases["units"]["parse_request"];
    let zone = string(&unit["zone"]);
    let valid = list(&unit["valid"]);
    for case in valid {
        let grammar = match (number(&case["multicluster"]), number(&case["zonal"])) {
            (0, 0) => Grammar::Plain,
            (0, 1) => Grammar::Zonal,
            (1, 0) => Grammar::Multicluster,
            other => panic!("{other:?}"),
        };
        let parts = parse_name(string(&case["qname"]), zone, grammar);
        let parts = parts.unwrap_or_else(|| panic!("{case}: names nothing"));
        let is = [
            ("port", parts.port),
            ("protocol", parts.protocol),
            ("endpoint", parts.endpoint),
            ("cluster", parts.cluster),
            ("service", parts.service),
            ("namespace", parts.namespace),
            ("kind", parts.kind),
            ("topology_zone", parts.topology_zone),
        ];
        for (key, is) in is {
            assert_eq!(is, string(&case[key]), "{key} of {case}");
        }
    }
    let invalid = strings(&unit["invalid"]);
    assert_eq!((valid.len(), invalid.len()), (11, 6));
    for case in invalid {
        let (name, note) = case.split_once(" (").unwrap_or((&case, "zonal off)"));
        let grammars: &[Grammar] = match note {
            "zonal off)" => &[Grammar::Plain, Grammar::Multicluster],
            "zonal on)" => &[Grammar::Zonal],
            "zonal on, multicluster)" => &[Grammar::Multicluster],
            other => panic!("{other}"),
        };
        for grammar in grammars {
            assert_eq!(
                parse_name(&name.to_lowercase(), zone, *grammar),
                None,
                "{case}"
            );
        }
    }
}

#[test]
fn a_server_names_itself_after_every_service_it_is_an_endpoint_of() {
    let cases = cases();
    let unit = &cases["units"]["ns_addresses"];
    let local_ip = string(&unit["local_ip"]);
    assert_eq!(string(&unit["all_three_have_endpoint"]), local_ip);
    let mut objects = Objects::default();
    for (key, ips) in unit["services"].as_object().expect("Services") {
        let (name, namespace) = key.split_once('.').expect("name and namespace");
        let metadata = ObjectMeta {
            name: name.into(),
            namespace: namespace.into(),
            ..ObjectMeta::default()
        };
        objects.put(Object::from(Service {
            metadata: metadata.clone(),
            spec: ServiceSpec {
                cluster_ips: strings(ips),
                ..ServiceSpec::default()
            },
            ..Service::default()
        }));
        let mut slice = EndpointSlice {
            metadata,
            endpoints: vec![Endpoint {
                addresses: vec![local_ip.into()],
                ..Endpoint::default()
            }],
            ..EndpointSlice::default()
        };
        let label = EndpointSlice::SERVICE_NAME.to_owned();
        slice.metadata.labels.insert(label, name.into());
        objects.put(slice.into());
    }
    let plugin = Kubernetes {
        zones: vec![string(&unit["zone"]).into()],
        local_ips: vec![local_ip.parse().expect("an address")],
        ..Kubernetes::default()
    };
    let mut stub = Stub {
        upstream: &[],
        n_called: 0,
    };
    let question = Question::new(string(&unit["zone"]), RecordType::NS);
    let answer = plugin.serve(&objects, &question, &mut stub);
    let mut is: Vec<String> = answer
        .additional
        .iter()
        .map(|it| format!("{} {} {}", it.name, it.kind, it.data))
        .collect();
    let mut expected: Vec<String> = list(&unit["expected"])
        .iter()
        .map(|it| {
            let word = |key: &str| string(&it[key]);
            format!("{} {} {}", word("name"), word("type"), word("data"))
        })
        .collect();
    is.sort();
    expected.sort();
    assert_eq!(is, expected);
    assert_eq!(answer.answer.len(), 3);
}

/// The settings of a case as a Corefile says them.
fn corefile(of: &Kubernetes) -> String {
    let mut options = vec![format!("ttl {}", of.ttl)];
    options.push(match of.pods {
        PodMode::Disabled => "pods disabled".into(),
        PodMode::Insecure => "pods insecure".into(),
        PodMode::Verified => "pods verified".into(),
    });
    if !of.namespaces.is_empty() {
        options.push(format!("namespaces {}", of.namespaces.join(" ")));
    }
    if let Some(zones) = &of.fallthrough {
        options.push(format!("fallthrough {}", zones.join(" ")));
    }
    for (is_on, word) in [
        (of.ignore_empty_service, "ignore empty_service"),
        (of.endpoint_pod_names, "endpoint_pod_names"),
        (of.noendpoints, "noendpoints"),
        (of.zonal, "zonal"),
    ] {
        if is_on {
            options.push(word.into());
        }
    }
    let zones = of.zones.join(" ");
    let options = options.join("\n    ");
    format!(".:53 {{\n  kubernetes {zones} {{\n    {options}\n  }}\n}}\n")
}

#[test]
fn the_settings_of_every_case_can_be_said_in_a_corefile() {
    for set in list(&cases()["sets"]) {
        let told = plugin(&set["config"]);
        let corefile = corefile(&told);
        let mut server = Server::from_texts(Some(&corefile), "", "cluster.local");
        assert_eq!(server.complaints(), [], "{corefile}");
        for read in server.kubernetes_mut() {
            // What no Corefile says.
            read.local_ips.clone_from(&told.local_ips);
            (read.serial, read.synced) = (told.serial, told.synced);
            assert_eq!(*read, told, "{corefile}");
        }
        assert_eq!(server.kubernetes().count(), 1);
    }
}
