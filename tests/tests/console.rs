//! kubectl in its shell, as `packetwalk kubectl` runs it: the tutorial's commands as a script, tools in pods, forwarded ports.
//!
//! `tests/cases/console.txt` holds sections: a title, how `packetwalk kubectl` is called, its script if it has one, and what
//! it printed, errors among the output, with its exit code. `UPDATE_EXPECTED=1` writes what is printed anew; read the
//! difference before keeping it. The other tests say what must be true of it in any case.

use packetwalk::commands::kubectl::{Arguments, type_all};
use packetwalk::error::Error;
use packetwalk::typing::Teletype;
use packetwalk_core::console::{Console, NoEditor};
use packetwalk_core::shell::{Chunk, Place, Stream};
use packetwalk_core::sim::{Start, StartFile, Timeline};
use packetwalk_tests::{root, text};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use tempfile::TempDir;

const CASES: &str = "tests/cases/console.txt";

/// A teletype in memory.
#[derive(Default)]
struct Paper {
    out: String,
    err: String,
    all: String,
    input: String,
}

impl Teletype for Paper {
    fn show(&mut self, said: &Chunk) -> Result<(), Error> {
        self.all.push_str(&said.text);
        match said.stream {
            Stream::Out => self.out.push_str(&said.text),
            Stream::Err => self.err.push_str(&said.text),
        }
        Ok(())
    }

    fn read(&mut self) -> Result<(String, bool), Error> {
        Ok((std::mem::take(&mut self.input), true))
    }
}

/// Calls `packetwalk kubectl`; paths begin at the repository. What it printed, and its exit code.
fn typed(words: &[&str], input: &str) -> (Paper, u8) {
    let paths = |word: &&str| match word.strip_prefix("tests/") {
        Some(rest) => root().join("tests").join(rest).display().to_string(),
        None => (*word).to_owned(),
    };
    let words: Vec<String> = words.iter().map(paths).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let arguments = Arguments::of(&words).expect("words that make sense");
    let mut paper = Paper {
        input: input.to_owned(),
        ..Paper::default()
    };
    let code = type_all(&arguments, &mut paper).unwrap_or_else(|it| {
        paper.err.push_str(&format!("packetwalk: {it}\n"));
        it.exit_code()
    });
    (paper, code)
}

const WORLD: [&str; 2] = ["-f", "tests/cases/tutorial-deployment.yaml"];

fn shell(line: &str) -> (Paper, u8) {
    typed(&[&WORLD[..], &["--shell", line]].concat(), "")
}

/// A folder that goes when the test ends.
fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

/// A file in a folder.
fn file(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a file");
    path.display().to_string()
}

#[test]
fn sections_print_what_they_printed() {
    let cases = text(CASES);
    let folder = folder();
    let (mut written, mut n_sections) = (String::new(), 0);
    for section in cases.split("==== ").skip(1) {
        n_sections += 1;
        let (title, rest) = section.split_once('\n').expect("a title");
        let (script, _) = rest.split_once("---- ").expect("what is printed");
        let path = file(&folder, &format!("script-{n_sections}"), script);
        let (paper, code) = typed(&[&WORLD[..], &["--script", &path]].concat(), "");
        written.push_str(&format!(
            "==== {title}\n{script}---- {code}\n{}{}\n",
            paper.all,
            if paper.all.ends_with('\n') { "" } else { "\n" }
        ));
    }
    assert!(n_sections >= 5, "{n_sections} sections");
    let about = cases.split("==== ").next().unwrap_or_default();
    let written = format!("{about}{}", written.trim_end_matches('\n')) + "\n";
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(root().join(CASES), written).expect("a file of cases");
        return;
    }
    assert_eq!(cases, written);
}

#[test]
fn every_command_of_the_tutorial_is_in_the_script() {
    let cases = text(CASES);
    let tutorial = text("tests/cases/tutorial.txt");
    assert!(!tutorial.is_empty());
    for command in [
        "kubectl apply -f service.yaml",
        "kubectl get services",
        "kubectl get svc ",
        "kubectl get endpoints api",
        "kubectl get pods -l app=",
        "kubectl describe service api",
        "kubectl get service api -o jsonpath='{.spec.clusterIP}'",
        "kubectl get service api -o jsonpath='{.status.loadBalancer.ingress[0].ip}'",
        "kubectl expose deployment api --port=80 --target-port=8080",
        "kubectl port-forward service/api 8080:80",
        "kubectl delete service api",
    ] {
        assert!(cases.contains(command), "{command}");
    }
}

#[test]
fn a_command_in_a_container_ends_as_it_ended_there() {
    let expose = "kubectl expose deployment api --port=80 --target-port=8080 >/dev/null && sleep 5";
    for (line, out, err, code) in [
        ("kubectl exec client -- echo hi", "hi\n", "", 0),
        ("kubectl exec client -- hostname", "client\n", "", 0),
        (
            "kubectl exec client -- sh -c 'exit 3'",
            "",
            "command terminated with exit code 3\n",
            3,
        ),
        (
            "echo hello | kubectl exec -i client -- cat",
            "hello\n",
            "",
            0,
        ),
        ("echo hello | kubectl exec client -- cat", "", "", 0),
        (
            "kubectl exec client -c shell -- sh -c 'echo oops >&2; false'",
            "",
            "oops\ncommand terminated with exit code 1\n",
            1,
        ),
        (
            "kubectl exec -it client -- sh -c 'echo oops >&2'",
            "oops\n",
            "",
            0,
        ),
        (
            "kubectl exec client -c other -- true",
            "",
            "Error from server (BadRequest): container other is not valid for pod client\n",
            1,
        ),
        (
            "kubectl exec nobody -- true",
            "",
            "Error from server (NotFound): pods \"nobody\" not found\n",
            1,
        ),
        (
            "kubectl exec deploy/api -- cat /etc/resolv.conf | head -1",
            "search default.svc.cluster.local svc.cluster.local cluster.local\n",
            "",
            0,
        ),
    ] {
        let (paper, got) = shell(line);
        assert_eq!(
            (paper.out.as_str(), paper.err.as_str(), got),
            (out, err, code),
            "{line}"
        );
    }
    let (paper, code) = shell(&format!(
        "{expose}; for i in $(seq 20); do kubectl exec client -- curl -s http://api; done | sed 's/-[^-]*$//' | sort | uniq -c | wc -l"
    ));
    assert_eq!((paper.out.trim(), code), ("1", 0), "{}", paper.err);
    let (paper, _) = shell(&format!(
        "{expose}; kubectl exec client -- curl -s http://api/x >/dev/null; kubectl logs -l app=api"
    ));
    assert!(
        paper.out.contains("\"GET /x HTTP/1.1\" 200 "),
        "{}",
        paper.out
    );
    assert_eq!(paper.out.lines().count(), 1, "{}", paper.out);
}

#[test]
fn a_forwarded_port_is_open_as_long_as_the_command_runs() {
    let expose = "kubectl expose deployment api --port=80 --target-port=8080 >/dev/null; sleep 5";
    let forward = "kubectl port-forward service/api 8080:80 --for 2s";
    let (paper, code) = shell(&format!(
        "{expose}; {forward} & sleep 6; curl -s localhost:8080 | cut -c1-4; curl -s localhost:8080 >/dev/null; wait"
    ));
    assert_eq!(code, 0, "{}", paper.err);
    assert!(!paper.out.contains("Handling"), "{}", paper.out);
    let (paper, code) = shell(&format!(
        "{expose}\n{forward} &\nsleep 1; curl -s localhost:8080 | cut -c1-4; wait; curl -s localhost:8080; echo $?"
    ));
    assert_eq!(
        paper.out,
        "Forwarding from 127.0.0.1:8080 -> 8080\nForwarding from [::1]:8080 -> 8080\nHandling connection for 8080\napi-\n7\n"
    );
    assert_eq!((paper.err.as_str(), code), ("", 0));
    let (paper, code) = shell(&format!("{expose}; ({forward} >/dev/null &) ; {forward}"));
    assert_eq!(code, 1, "{}", paper.out);
    assert!(
        paper
            .err
            .contains("error: unable to listen on any of the requested ports: [{8080 8080}]"),
        "{}",
        paper.err
    );
}

#[test]
fn a_pod_that_one_attaches_to_runs_its_command_and_goes() {
    let run = "kubectl run tmp --image=busybox --restart=Never --rm -i";
    let (paper, _) = shell(&format!("{run} -- sh -c 'hostname; exit 4'; echo $?"));
    assert_eq!(paper.out, "tmp\npod \"tmp\" deleted\n4\n", "{}", paper.err);
    assert!(
        paper.err.contains("pod default/tmp terminated (Error)\n"),
        "{}",
        paper.err
    );
    let (paper, code) = shell(&format!("echo 'echo $HOSTNAME' | {run} -q"));
    assert_eq!(
        (paper.out.as_str(), paper.err.as_str(), code),
        ("tmp\n", "", 0)
    );
}

#[test]
fn a_file_of_commands_ends_at_the_first_that_fails() {
    let folder = folder();
    let script = file(
        &folder,
        "failing",
        "# a comment\nN=2\nkubectl scale deployment api --replicas=$N\nkubectl get nothing\necho never\n",
    );
    let (paper, code) = typed(&[&WORLD[..], &["--script", &script]].concat(), "");
    assert_eq!(paper.out, "deployment.apps/api scaled\n");
    assert_eq!(
        paper.err,
        "error: the server doesn't have a resource type \"nothing\"\n"
    );
    assert_eq!(code, 1);
    // Before another command only what failed is shown.
    let script = file(
        &folder,
        "making",
        "kubectl scale deployment api --replicas=3\nkubectl apply -f - <<EOF\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\nEOF\n",
    );
    let words = [&WORLD[..], &["--script", &script]].concat();
    let (paper, code) = typed(
        &[&words[..], &["--", "get", "deploy,cm", "-o", "name"]].concat(),
        "",
    );
    assert_eq!(
        paper.out,
        "deployment.apps/api\nconfigmap/c\nconfigmap/kube-root-ca.crt\n"
    );
    assert_eq!((paper.err.as_str(), code), ("", 0));
    let (paper, _) = typed(
        &[
            &words[..],
            &["--shell", "kubectl get pods -l app=api | grep -c Running"],
        ]
        .concat(),
        "",
    );
    assert_eq!(paper.out, "3\n");
    let script = file(&folder, "open", "echo a\nif true; then\n");
    let (paper, code) = typed(&["--script", &script], "");
    assert_eq!((paper.out.as_str(), code), ("a\n", 1));
    assert!(paper.err.contains("open:3:1: "), "{}", paper.err);
}

#[test]
fn what_is_piped_in_is_read_by_who_reads() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: piped\nspec:\n  containers:\n  - name: c\n    image: i\n";
    let (paper, code) = typed(&["--", "apply", "-f", "-"], pod);
    assert_eq!(
        (paper.out.as_str(), code),
        ("pod/piped created\n", 0),
        "{}",
        paper.err
    );
    let (paper, _) = typed(
        &[
            "--shell",
            "sed s/piped/other/ | kubectl create -f - -o name",
        ],
        pod,
    );
    assert_eq!(paper.out, "pod/other\n");
    // Who does not read leaves it where it is.
    let (paper, _) = typed(&["--shell", "kubectl get ns default -o name"], pod);
    assert_eq!(
        (paper.out.as_str(), paper.input.as_str()),
        ("namespace/default\n", pod)
    );
}

#[test]
fn files_are_those_of_this_machine_and_what_a_line_wrote() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: filed\nspec:\n  containers:\n  - name: c\n    image: i\n";
    let own = folder();
    let path = file(&own, "pod.yaml", pod);
    let folder = path.trim_end_matches("/pod.yaml").to_owned() + "/only";
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(format!("{folder}/pod.yaml"), pod).expect("a file");
    for line in [
        format!("kubectl create -f {path} -o name"),
        format!("kubectl create -f {folder} -o name"),
        format!(
            "kubectl create -f {path} --dry-run=client -o yaml > mine.yaml; kubectl create -f mine.yaml -o name"
        ),
        format!("cat {path} > a.yaml && kubectl create -f ./a.yaml -o name"),
    ] {
        let (paper, code) = typed(&["--shell", &line], "");
        assert_eq!(
            (paper.out.as_str(), code),
            ("pod/filed\n", 0),
            "{line}: {}",
            paper.err
        );
    }
    let (paper, _) = typed(&["--", "create", "-f", "nowhere.yaml"], "");
    assert_eq!(
        paper.err,
        "error: the path \"nowhere.yaml\" does not exist\n"
    );
}

#[test]
fn an_editor_is_what_the_environment_names() {
    let (paper, code) = shell(
        "KUBE_EDITOR='sed -i s/replicas:.2/replicas:\\ 5/' kubectl edit deployment api; kubectl get deploy api -o jsonpath='{.spec.replicas}'",
    );
    assert_eq!(
        (paper.out.as_str(), code),
        ("deployment.apps/api edited\n5", 0),
        "{}",
        paper.err
    );
    let (paper, _) = shell("EDITOR=true kubectl edit deployment api");
    assert_eq!(paper.err, "Edit cancelled, no changes made.\n");
}

#[test]
fn a_watch_sees_what_other_commands_do_and_ends_when_it_is_told_to() {
    let (paper, code) = shell(
        "timeout 10 kubectl get deploy api -w --no-headers & sleep 1; kubectl scale deploy api --replicas=3 >/dev/null; wait $!; echo $?",
    );
    let rows: Vec<&str> = paper.out.lines().collect();
    assert_eq!(code, 0, "{}", paper.err);
    assert!(rows.len() > 3, "{}", paper.out);
    assert!(rows[0].starts_with("api   2/2"), "{}", paper.out);
    assert!(
        rows[rows.len() - 2].starts_with("api   3/3"),
        "{}",
        paper.out
    );
    assert_eq!(rows.last(), Some(&"124"));
    let (paper, _) = shell("kubectl get pods -w --no-headers | head -1 | wc -l");
    assert_eq!(paper.out.trim(), "1");
    let (_, code) = shell("kubectl get pods -w");
    assert_eq!(code, 130);
}

#[test]
fn scaling_a_deployment_of_a_file_rolls_nothing_out() {
    let (paper, code) = shell(
        "kubectl scale deployment api --replicas=3 && kubectl label deployment api a=b && sleep 8 && kubectl get rs -o name | wc -l",
    );
    assert_eq!(code, 0, "{}", paper.err);
    assert!(paper.out.ends_with("\n1\n"), "{}", paper.out);
    let (paper, _) = shell(
        "kubectl get deployment api -o yaml | grep -c 'resources: {}'; kubectl get pods -o yaml | grep -c 'resources: {}'",
    );
    assert_eq!(paper.out, "1\n3\n");
}

#[test]
fn tables_of_ipvs_are_listed_on_nodes_in_that_mode() {
    let mode =
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: ipvs\n";
    let timeline = Timeline::new(Start {
        files: vec![StartFile {
            name: "world.yaml".into(),
            text: format!("{}---\n{mode}", text(WORLD[1])),
        }],
        seed: 1,
    });
    let console = Console::new(
        Rc::new(RefCell::new(timeline)),
        Rc::new(BTreeMap::<String, String>::new()),
        Rc::new(NoEditor),
    );
    let made = console.shell(&Place::Workstation).run_line(
        "kubectl expose deployment api --port=80 --target-port=8080 --cluster-ip=10.96.77.80 && sleep 5",
        "",
    );
    assert_eq!(made.code, 0, "{}", made.stderr);
    let on_node = |line: &str| {
        let mut shell = console.shell(&Place::Node("node-1".into()));
        shell.run_line(line, "")
    };
    let listed = on_node("ipvsadm -Ln");
    assert!(
        listed
            .stdout
            .contains("TCP  10.96.77.80:80 rr\n  -> 10.244."),
        "{}{}",
        listed.stdout,
        listed.stderr
    );
    let saved = on_node("ipvsadm -S -n | grep -c '^-A'").stdout;
    let servers = on_node("ipvsadm -L -n | grep -c '^[TU]'").stdout;
    assert_eq!(saved, servers);
    let sets = on_node("ipset list | grep -A12 'Name: KUBE-CLUSTER-IP$'").stdout;
    assert!(sets.contains("\n10.96.77.80,tcp:80\n"), "{sets}");
    let one = on_node("ipset list KUBE-CLUSTER-IP").stdout;
    assert!(
        one.starts_with("Name: KUBE-CLUSTER-IP\nType: hash:ip,port\n"),
        "{one}"
    );
    let names = on_node("ipset list -n").stdout;
    assert!(names.lines().any(|it| it == "KUBE-CLUSTER-IP"), "{names}");
    assert_eq!(on_node("ipset list NONE").code, 1);
}
