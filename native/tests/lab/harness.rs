//! Labs with names of their own, which are taken down with their tests; and the worlds that are built in them.
//!
//! **Left out**: what is asserted, which is for the tests.

use packetwalk::kernel::{nft, require_root};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

static N_LABS: AtomicU32 = AtomicU32::new(0);

pub(crate) fn may_run(tools: &[&str]) -> bool {
    let missing = tools.iter().find(|it| {
        let found = Command::new("sh")
            .args(["-c", &format!("command -v {it}")])
            .output();
        !found.is_ok_and(|it| it.status.success())
    });
    let able = require_root().and_then(|()| nft::version());
    let why = match (able, missing) {
        (Err(it), _) => it.to_string(),
        (_, Some(it)) => format!("{it} is not installed"),
        _ => return true,
    };
    let name = thread::current().name().unwrap_or("?").to_owned();
    let _ = writeln!(io::stderr(), "\n*** SKIPPED {name}: {why} ***\n");
    false
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(Path::to_path_buf).unwrap_or_default()
}

pub(crate) fn packetwalk() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packetwalk"));
    command.current_dir(root());
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A lab with a name of its own. It is taken down with this.
pub(crate) struct TestLab {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
}

impl TestLab {
    pub(crate) fn named() -> TestLab {
        let n = N_LABS.fetch_add(1, Ordering::Relaxed);
        let name = format!("t{}x{n}", std::process::id());
        let folder = std::env::temp_dir().join(format!("packetwalk-{name}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        TestLab { name, folder }
    }

    pub(crate) fn up(manifest: &str, mode: &str) -> TestLab {
        let lab = TestLab::named();
        let output = lab.starting(manifest, mode).output().expect("it starts");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "");
        lab
    }

    /// `lab up`, to be started.
    pub(crate) fn starting(&self, manifest: &str, mode: &str) -> Command {
        let file = self.file("start.yaml", manifest);
        let mut command = packetwalk();
        command.args(["lab", "up", "--name", &self.name, "--mode", mode, "-f"]);
        command.arg(file);
        command
    }

    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, content).expect("a file");
        path
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("it starts")
    }

    /// `lab VERB --name … …`, to be started.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = packetwalk();
        command.args(["lab", words[0], "--name", &self.name]);
        command.args(&words[1..]);
        command
    }

    /// What a command that succeeds prints.
    pub(crate) fn says(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let (said, complained) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(
            output.status.code(),
            Some(0),
            "{words:?}: {said}{complained}"
        );
        said
    }

    /// What a command inside prints.
    pub(crate) fn inside(&self, place: &str, command: &[&str]) -> String {
        self.says(&[&["exec", place, "--"], command].concat())
    }

    /// Asks for what may not be answered, for a second.
    pub(crate) fn tries_curl(&self, place: &str, url: &str) -> Output {
        self.run(&["exec", place, "--", "curl", "-sS", "-m", "1", url])
    }

    pub(crate) fn curl(&self, place: &str, url: &str) -> String {
        self.inside(place, &["curl", "-sS", "-m", "3", url])
    }

    pub(crate) fn dig(&self, place: &str, words: &[&str]) -> String {
        let dig = ["dig", "+time=2", "+tries=1", "+search", "+short"];
        self.inside(place, &[&dig, words].concat())
    }

    pub(crate) fn apply(&self, manifest: &str) {
        let file = self.file("changed.yaml", manifest);
        self.says(&["apply", "-f", &file.to_string_lossy()]);
    }

    /// What `lab list` knows of it.
    pub(crate) fn listed(&self) -> Value {
        let output = packetwalk().args(["lab", "list", "-o", "json"]).output();
        let all: Value = serde_json::from_slice(&output.expect("it starts").stdout).expect("JSON");
        let all = all.as_array().cloned().unwrap_or_default();
        let it = all.into_iter().find(|it| it["name"] == self.name.as_str());
        it.unwrap_or_default()
    }

    pub(crate) fn keeper(&self) -> u32 {
        let pid = self.listed()["about"]["pid"].as_u64();
        pid.and_then(|it| u32::try_from(it).ok())
            .expect("it has a keeper")
    }

    pub(crate) fn down(&self) -> Output {
        let down = packetwalk().args(["lab", "down", &self.name]).output();
        down.expect("it starts")
    }

    /// Everything on this machine that is named after it.
    pub(crate) fn remains(&self) -> Vec<String> {
        let prefix = format!("pw-{}-", self.name);
        let namespaces = std::fs::read_dir("/run/netns").into_iter().flatten();
        let names = namespaces.filter_map(|it| it.ok()?.file_name().into_string().ok());
        let mut found: Vec<String> = names.filter(|it| it.starts_with(&prefix)).collect();
        let folder = Path::new("/run/packetwalk").join(&self.name);
        found.extend(folder.exists().then(|| folder.display().to_string()));
        let mounts = std::fs::read_to_string("/proc/mounts").expect("mounts");
        found.extend(
            mounts
                .lines()
                .filter(|it| it.contains(&prefix))
                .map(str::to_owned),
        );
        found
    }
}

impl Drop for TestLab {
    fn drop(&mut self) {
        // Also after a failure; a lab that is gone already needs nothing.
        let _ = self.down();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Kills a process, and waits until it is dead: reaped, or nothing but an entry in a list.
pub(crate) fn kill(pid: u32) {
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).output();
    killed.expect("kill starts");
    let started = Instant::now();
    let is_alive = || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
        status.is_ok_and(|it| !it.contains("State:\tZ"))
    };
    while is_alive() && started.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Three nodes, thirty pods, a Service of ten; and a Service over UDP.
pub(crate) fn thirty_pods() -> String {
    let mut text = String::from(
        "apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  clusterIP: 10.96.0.20
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080, nodePort: 30080}]
---
apiVersion: v1
kind: Service
metadata: {name: echo, namespace: shop}
spec:
  clusterIP: 10.96.0.30
  selector: {app: echo}
  ports: [{name: echo, port: 7, protocol: UDP, targetPort: 7000}]
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: echo, namespace: shop, labels: {app: echo}}
spec:
  nodeName: node-1
  containers: [{name: c, image: registry.example/echo:1, ports: [{containerPort: 7000, protocol: UDP}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  nodeName: node-1
  containers: [{name: c, image: registry.example/curl:8}]
status: {podIP: 10.244.1.200}
",
    );
    for n in 0..28 {
        let app = if n < 10 { "web" } else { "other" };
        let node = n % 2 + 1;
        let _ = write!(
            text,
            "---
apiVersion: v1
kind: Pod
metadata: {{name: pod-{n}, labels: {{app: {app}}}}}
spec:
  nodeName: node-{node}
  containers: [{{name: c, image: registry.example/web:1, ports: [{{containerPort: 8080}}]}}]
"
        );
    }
    text
}

pub(crate) fn tutorial() -> String {
    std::fs::read_to_string(root().join("static/manifests/clusterip.yaml")).expect("a file")
}

/// A Service with one pod.
pub(crate) const MORE: &str = "apiVersion: v1
kind: Pod
metadata: {name: late, labels: {app: late}}
spec:
  nodeName: node-2
  containers: [{name: c, image: registry.example/late:1, ports: [{containerPort: 9000}]}]
---
apiVersion: v1
kind: Service
metadata: {name: late}
spec:
  clusterIP: 10.96.0.40
  selector: {app: late}
  ports: [{port: 80, targetPort: 9000}]
";
