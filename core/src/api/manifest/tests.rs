//! Texts to objects and complaints: every complaint in full, with its place.

use super::*;

/// Reads a text, and gives the names of its objects and then its complaints, one a line.
fn told(text: &str) -> Vec<String> {
    let file = File {
        name: "a.yaml".into(),
        text: text.into(),
    };
    let manifest = read(&[file]);
    let objects = manifest.objects.iter();
    let mut lines: Vec<String> = objects
        .map(|it| it.object.reference().to_string())
        .collect();
    lines.extend(manifest.complaints.iter().map(ToString::to_string));
    lines
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(told(text), expected, "{text}");
}

#[test]
fn an_unknown_field_is_warned_about_in_every_kind_and_the_object_is_kept() {
    for kind in Kind::ALL {
        let version = match kind {
            Kind::ClusterConfiguration => "kubeadm.k8s.io/v1beta4",
            Kind::KubeProxyConfiguration => "kubeproxy.config.k8s.io/v1alpha1",
            _ => kind.api_version(),
        };
        let metadata = if kind.is_served() {
            "metadata: {name: a}\n"
        } else {
            ""
        };
        let head = format!("apiVersion: {version}\nkind: {}\n{metadata}", kind.name());
        let text = format!("{head}colour: blue\n");
        let lines = told(&text);
        assert!(lines[0].starts_with(&kind.singular()), "{lines:?}");
        let line = text.lines().count();
        let expected = format!("a.yaml:{line}:1: warning: colour: unknown field \"colour\"");
        assert!(
            lines.iter().any(|it| it.starts_with(&expected)),
            "{lines:?}"
        );
    }
}

#[test]
fn mistakes_deep_in_a_pod_are_found_at_their_places_with_hints() {
    check(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  contaners: []\n  containers:\n  - name: a\n    image: a\n    env:\n    - {name: X, vlaue: y}\n",
        &[
            "pod/default/a",
            "a.yaml:5:3: warning: spec.contaners: unknown field \"spec.contaners\" (did you mean \"containers\"?)",
            "a.yaml:10:17: warning: spec.containers[0].env[0].vlaue: unknown field \"spec.containers[0].env[0].vlaue\" (did you mean \"value\"?)",
        ],
    );
    check(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {on: yes}}\nspec:\n  containers:\n  - name: a\n    ports: [{containerPort: \"80\"}, {containerPort: 4294967296}]\n    env: [{name: X, value: 1}]\n    resources: {limits: {cpu: much}}\n",
        &[
            "a.yaml:3:34: metadata.labels[true]: expected a string, found the boolean yes (without quotes yes means true; quote it: \"yes\")",
            "a.yaml:7:29: spec.containers[0].ports[0].containerPort: expected an integer, found the string \"80\" (remove the quotes: 80)",
            "a.yaml:7:52: spec.containers[0].ports[1].containerPort: 4294967296 is out of range: must be between -2147483648 and 2147483647",
            "a.yaml:8:28: spec.containers[0].env[0].value: expected a string, found the integer 1 (quote it: \"1\")",
            "a.yaml:9:31: spec.containers[0].resources.limits[cpu]: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ],
    );
}

#[test]
fn settings_are_checked_as_objects_are() {
    check(
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: nftables\niptables: {masqueradBit: 14, localhostNodePorts: 1}\n",
        &[
            "a.yaml:4:12: warning: iptables.masqueradBit: unknown field \"iptables.masqueradBit\" (did you mean \"masqueradeBit\"?)",
            "a.yaml:4:50: iptables.localhostNodePorts: expected a boolean, found the integer 1",
        ],
    );
    check(
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nnftables:\n  masqueradeBit: 300\n",
        &["a.yaml:4:3: nftables.masqueradeBit: 300 is out of range: must be between 0 and 255"],
    );
}

#[test]
fn the_last_of_equal_keys_counts_and_the_line_is_told() {
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  type: NodePort\n  ports: [{port: 80}]\n  type: ClusterIP\n";
    let lines = told(text);
    assert_eq!(lines[0], "service/default/a");
    assert!(
        lines[1].starts_with("a.yaml:7:3: warning: ") && lines[1].contains("type"),
        "{lines:?}"
    );
    let file = File {
        name: "a.yaml".into(),
        text: text.into(),
    };
    let manifest = read(&[file]);
    let document = manifest.objects[0].document();
    assert_eq!(document["spec"]["type"], "ClusterIP");
}

#[test]
fn a_bomb_and_a_file_of_fifty_megabytes_are_refused_with_a_message() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(",");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    let lines = told(&bomb);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("excessive aliasing"), "{lines:?}");
    let large = "a: b\n".repeat(10 << 20);
    let lines = told(&large);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("larger than 8 MiB"), "{lines:?}");
}

#[test]
fn a_file_is_read_in_parts_and_places_are_those_of_the_file() {
    let service = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec:\n  ports: [{{port: 80}}]\n"
        )
    };
    for lines in ["\n", "\r\n"] {
        let text = format!(
            "# first\n{}--- # second\n{}---\n# nothing\n---\n{}  colour: blue\n",
            service("a"),
            service("b"),
            service("c"),
        );
        let text = text.replace('\n', lines);
        let manifest = read(&[File {
            name: "a.yaml".into(),
            text: text.as_str().into(),
        }]);
        for (read, line) in manifest.objects.iter().zip([4, 10, 18]) {
            let span = read.source.span("metadata.name");
            let name = &read.object.metadata().expect("a Service has it").name;
            assert_eq!((span.start.line, span.start.column), (line, 12), "{name}");
            let found = &text[span.start_offset..span.end_offset];
            assert_eq!(found, format!("name: {name}"));
            assert_eq!(read.source.path_at(span.start), "metadata.name");
        }
        assert_eq!(manifest.objects.len(), 3);
        let complaints: Vec<String> = manifest
            .complaints
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            complaints,
            ["a.yaml:21:3: warning: spec.colour: unknown field \"spec.colour\""]
        );
    }
}

#[test]
fn what_was_read_before_is_taken_over_only_where_it_is_the_same() {
    let of = |texts: &[&str]| {
        [File {
            name: "a.yaml".into(),
            text: texts.join("---\n").into(),
        }]
    };
    let [a, b, c] = ["a", "b", "c"]
        .map(|it| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {it}}}\n"));
    let before = read(&of(&[&a, &b]));
    let after = read_again(&of(&[&a, &c, &b]), &before);
    let documents = |it: &Manifest| -> Vec<Arc<Value>> {
        it.objects.iter().map(|it| it.document().clone()).collect()
    };
    let (was, is) = (documents(&before), documents(&after));
    assert!(Arc::ptr_eq(&was[0], &is[0]) && Arc::ptr_eq(&was[1], &is[2]));
    assert_eq!(is[1]["metadata"]["name"], "c");
    assert_eq!(after.objects[2].source.span("kind").start.line, 10);
}

#[test]
fn so_many_mistakes_are_listed_of_a_file_and_no_more() {
    let documents = vec!["a: b: c\n"; MAX_PROBLEMS + 20];
    let lines = told(&documents.join("---\n"));
    assert_eq!(lines.len(), MAX_PROBLEMS + 1);
    let last = lines.last().expect("there are some");
    assert!(last.ends_with(yaml::MORE_PROBLEMS), "{last}");
}
