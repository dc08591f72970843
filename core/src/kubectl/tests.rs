//! Lines that no test of the real kubectl has: odd ones, and what completion offers.

use super::*;
use crate::sim::Cluster;
use crate::time::Clock;
use proptest::prelude::*;

/// What a line prints in an empty cluster, and how it ends.
fn line(words: &[&str]) -> (String, i32) {
    let mut cluster = Cluster::new(1, Clock::default());
    let mut config = Config::default();
    let mut files = TextFiles::default();
    let mut output = Output::default();
    let mut ctx = Ctx {
        target: &mut cluster,
        config: &mut config,
        files: &mut files,
        stdin: None,
        output: &mut output,
    };
    let words: Vec<String> = words.iter().map(|it| (*it).to_owned()).collect();
    let running = run(&mut ctx, &words);
    let code = finish(running, &mut ctx, crate::time::Duration::from_secs(5));
    (output.all(), code)
}

#[test]
fn lines_that_make_no_sense_are_refused_in_the_real_words() {
    for (words, expected) in [
        (
            &["gat"][..],
            "error: unknown command \"gat\" for \"kubectl\"\n\nDid you mean this?\n\tset\n\tget\n\twait\n",
        ),
        (
            &["foo"],
            "error: unknown command \"foo\" for \"kubectl\"\n\nDid you mean this?\n\ttop\n",
        ),
        (
            &["-n"],
            "error: flag needs an argument: 'n' in -n\nSee 'kubectl --help' for usage.\n",
        ),
        (
            &["get", "--output"],
            "error: flag needs an argument: --output\nSee 'kubectl get --help' for usage.\n",
        ),
        (
            &["get", "--watch=maybe", "svc"],
            "error: invalid argument \"maybe\" for \"-w, --watch\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax\nSee 'kubectl get --help' for usage.\n",
        ),
        (
            &["create", "foo"],
            "error: Unexpected args: [foo]\nSee 'kubectl create -h' for help and examples\n",
        ),
        (
            &["rollout", "foo"],
            "error: unknown command \"foo\"\nSee 'kubectl rollout -h' for help and examples\n",
        ),
        (
            &["create", "deployment"],
            "error: required flag(s) \"image\" not set\n",
        ),
        (
            &["scale", "deploy", "x", "--replicas=-1"],
            "error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0\n",
        ),
        (
            &["exec", "p", "ls"],
            "error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\nSee 'kubectl exec -h' for help and examples\n",
        ),
    ] {
        assert_eq!(line(words), (expected.to_owned(), 1), "{words:?}");
    }
}

#[test]
fn a_line_beyond_every_measure_is_refused_politely() {
    let long = "x".repeat(MAX_LINE + 1);
    assert_eq!(
        line(&["get", &long]),
        ("error: argument list too long\n".to_owned(), 1)
    );
}

#[test]
fn completion_offers_verbs_types_names_and_flags() {
    let cluster = crate::sim::begin(crate::api::read(&[]), 1).cluster;
    let offered = |words: &[&str]| -> Vec<String> {
        let words: Vec<String> = words.iter().map(|it| (*it).to_owned()).collect();
        let found = complete(&cluster, &Config::default(), &words);
        found.into_iter().map(|it| it.0).collect()
    };
    assert_eq!(offered(&["des"]), ["describe"]);
    assert_eq!(offered(&["create", "service", "n"]), ["nodeport"]);
    assert_eq!(
        offered(&["get", "servi"]),
        ["serviceaccounts", "servicecidrs", "services"]
    );
    assert_eq!(offered(&["get", "svc", "kube"]), ["kubernetes"]);
    assert_eq!(offered(&["get", "svc", "-n", "kube-s"]), ["kube-system"]);
    assert_eq!(
        offered(&["get", "svc", "-n", "kube-system", ""]),
        ["kube-dns"]
    );
    assert_eq!(offered(&["describe", "svc/kube"]), ["svc/kubernetes"]);
    assert_eq!(offered(&["get", "svc", "--all-n"]), ["--all-namespaces"]);
    assert_eq!(offered(&["get", "svc", "-o", "y"]), ["yaml"]);
}

/// The object of the documentation of JSONPath.
const DOCUMENT: &str = r#"{"kind": "List", "items": [
    {"kind": "None", "metadata": {"name": "127.0.0.1", "labels": {"kubernetes.io/hostname": "127.0.0.1"}},
     "status": {"capacity": {"cpu": "4"}, "addresses": [{"type": "LegacyHostIP", "address": "127.0.0.1"}]}},
    {"kind": "None", "metadata": {"name": "127.0.0.2"},
     "status": {"capacity": {"cpu": "8"}, "addresses": [{"type": "LegacyHostIP", "address": "127.0.0.2"}, {"type": "another", "address": "127.0.0.3"}]}}],
  "users": [{"name": "myself", "user": {}}, {"name": "e2e", "user": {"username": "admin", "password": "secret"}}]}"#;

#[test]
fn jsonpath_finds_what_its_documentation_says() {
    let document: serde_json::Value = serde_json::from_str(DOCUMENT).expect("JSON");
    for (template, expected) in [
        ("the object is {.kind}", "the object is List"),
        ("{@.kind}", "List"),
        ("{['kind']}", "List"),
        ("{..name}", "127.0.0.1 127.0.0.2 myself e2e"),
        ("{.items[*].metadata.name}", "127.0.0.1 127.0.0.2"),
        ("{.users[0].name}", "myself"),
        ("{.users[-1].name}", "e2e"),
        ("{.users[0:1].name}", "myself"),
        ("{.users[-2:].name}", "myself e2e"),
        (
            "{.items[*]['metadata.name', 'status.capacity']}",
            "127.0.0.1 127.0.0.2 {\"cpu\":\"4\"} {\"cpu\":\"8\"}",
        ),
        ("{.users[?(@.name==\"e2e\")].user.password}", "secret"),
        ("{.items[?(@.metadata.labels)].metadata.name}", "127.0.0.1"),
        (
            "{range .items[*]}[{.metadata.name}, {.status.capacity.cpu}] {end}",
            "[127.0.0.1, 4] [127.0.0.2, 8] ",
        ),
        (
            "{range .items[*]}{.metadata.name}{'\\t'}{end}",
            "127.0.0.1\t127.0.0.2\t",
        ),
        (
            "{.items[0].metadata.labels.kubernetes\\.io/hostname}",
            "127.0.0.1",
        ),
        (
            "{.items[0].metadata.labels['kubernetes\\.io/hostname']}",
            "127.0.0.1",
        ),
        (
            "{.items[*].status.addresses[?(@.type==\"another\")].address}",
            "127.0.0.3",
        ),
        ("{.nothing.there}", ""),
    ] {
        let path =
            printers::jsonpath::JsonPath::new(template, printers::jsonpath::Missing::Allowed)
                .expect(template);
        assert_eq!(path.print(&document).as_deref(), Ok(expected), "{template}");
    }
    let out =
        printers::jsonpath::JsonPath::new("{.users[2]}", printers::jsonpath::Missing::Allowed)
            .expect("a path");
    assert_eq!(
        out.print(&document),
        Err("array index out of bounds: index 2, length 2".to_owned())
    );
}

#[test]
fn go_templates_print_what_go_prints() {
    let document: serde_json::Value = serde_json::from_str(DOCUMENT).expect("JSON");
    for (template, expected) in [
        ("{{.kind}}", "List"),
        (
            "{{range .items}}{{.metadata.name}} {{end}}",
            "127.0.0.1 127.0.0.2 ",
        ),
        (
            "{{range $i, $it := .users}}{{$i}}={{$it.name}};{{end}}",
            "0=myself;1=e2e;",
        ),
        ("{{if eq .kind \"List\"}}yes{{else}}no{{end}}", "yes"),
        ("{{if .nothing}}a{{else if .kind}}b{{else}}c{{end}}", "b"),
        ("{{with index .users 1}}{{.user.username}}{{end}}", "admin"),
        ("{{len .items}} {{printf \"%s-%d\" .kind 3}}", "2 List-3"),
        (
            "{{.nothing}} {{(index .items 0).status.capacity}}",
            "<no value> map[cpu:4]",
        ),
        ("a {{- /* nothing */ -}} b{{\"\\n\"}}", "ab\n"),
        ("{{ .kind | printf \"<%s>\" }}", "<List>"),
    ] {
        let read =
            printers::go_template::Template::new(template, printers::jsonpath::Missing::Allowed)
                .expect(template);
        assert_eq!(read.print(&document).as_deref(), Ok(expected), "{template}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_line_makes_kubectl_panic(words in proptest::collection::vec("(get|svc|create|-o|-n|[a-z/,=.{}\\[\\]@?()*'\"$|:-]{0,12})", 0..6)) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let _ = line(&words);
    }

    #[test]
    fn no_template_makes_kubectl_panic(inside in "[a-z0-9 .{}\\[\\]@?()*'\"$|:,<>=!-]{0,40}") {
        for form in ["jsonpath", "go-template", "custom-columns"] {
            let _ = line(&["get", "svc", "-o", &format!("{form}={inside}")]);
            let _ = line(&["get", "svc", "-o", &format!("{form}={{{{{inside}}}}}")]);
        }
        let _ = line(&["get", "svc", "--sort-by", &inside, "-l", &inside]);
    }
}
