//! How labs end: taken down, killed at any moment, interrupted, or never begun because the machine cannot.
//!
//! **Left out**: killing at two hundred moments, which takes minutes.

use crate::harness::{MORE, TestLab, kill, may_run, packetwalk, text, thirty_pods, tutorial};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Who a process started.
fn child_of(pid: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// Somebody else's namespace with somebody else's rules, of kube-proxy's own name.
struct Foreign(String);

impl Foreign {
    fn new() -> Foreign {
        let it = Foreign(format!("foreign-{}", std::process::id()));
        it.ip(&["netns", "add", &it.0]);
        it.nft(&["add", "table", "ip", "kube-proxy"]);
        it
    }

    fn ip(&self, words: &[&str]) -> String {
        let output = Command::new("ip").args(words).output();
        text(&output.expect("ip starts").stdout)
    }

    fn nft(&self, words: &[&str]) -> String {
        self.ip(&[&["netns", "exec", &self.0, "nft"], words].concat())
    }

    fn tables(&self) -> String {
        self.nft(&["list", "tables"])
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        self.ip(&["netns", "delete", &self.0]);
    }
}

/// Waits until there is a keeper that begins to build.
fn wait_for_keeper(lab: &TestLab) {
    let folder = Path::new("/run/packetwalk").join(&lab.name);
    let started = Instant::now();
    while !folder.exists() && started.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Kills a command and whoever keeps its lab.
fn kill_both(lab: &TestLab, mut command: Child) {
    let child = child_of(command.id());
    kill(command.id());
    child.into_iter().for_each(kill);
    let lock = Path::new("/run/packetwalk").join(&lab.name).join("lock");
    let keeper = std::fs::read_to_string(lock)
        .ok()
        .and_then(|it| it.trim().parse().ok());
    keeper.into_iter().for_each(kill);
    command.wait().expect("it ends");
}

/// One `lab down` removes everything. Whether there was anything.
fn one_down_clears(lab: &TestLab, moment: &str) -> bool {
    let is_there = !lab.remains().is_empty();
    let output = lab.down();
    // Whoever was clearing up may have been done meanwhile.
    let is_done = text(&output.stderr).contains("there is no lab named");
    let is_fine = output.status.code() == Some(if is_done { 1 } else { 0 });
    assert!(is_fine, "{moment}: {}", text(&output.stderr));
    assert_eq!(lab.remains(), Vec::<String>::new(), "{moment}");
    is_there
}

#[test]
fn killed_at_any_moment_a_lab_leaves_what_one_down_removes() {
    if !may_run(&[]) {
        return;
    }
    let foreign = Foreign::new();
    let lab = TestLab::named();
    let mut n_left = 0;
    for ms in [0, 5, 15, 30, 50, 80, 120, 200] {
        let up = lab
            .starting(&thirty_pods(), "nftables")
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        let up = up.expect("it starts");
        wait_for_keeper(&lab);
        thread::sleep(Duration::from_millis(ms));
        kill_both(&lab, up);
        n_left += u32::from(one_down_clears(&lab, &format!("up, after {ms} ms")));
    }
    assert!(n_left > 3, "only {n_left} of 8 were killed in the middle");
    let more = lab.file("more.yaml", MORE);
    for ms in [1, 20, 60, 120] {
        let lab = TestLab::up(&thirty_pods(), "nftables");
        let words = ["apply", "-f", &more.to_string_lossy()];
        let apply = lab
            .command(&words)
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        let keeper = lab.keeper();
        thread::sleep(Duration::from_millis(ms));
        kill(keeper);
        apply.expect("it starts").wait().expect("it ends");
        // What is left is no lab that can be used, and says so.
        let output = lab.run(&["exec", "pod/client", "--", "true"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            text(&output.stderr).contains("was left behind"),
            "{}",
            text(&output.stderr)
        );
        assert_eq!(lab.listed()["state"], "left behind");
        one_down_clears(&lab, &format!("apply, after {ms} ms"));
    }
    for ms in [1, 8, 20, 40] {
        let lab = TestLab::up(&thirty_pods(), "nftables");
        let down = packetwalk()
            .args(["lab", "down", &lab.name])
            .stdout(Stdio::null())
            .spawn();
        thread::sleep(Duration::from_millis(ms));
        kill_both(&lab, down.expect("it starts"));
        one_down_clears(&lab, &format!("down, after {ms} ms"));
    }
    assert_eq!(foreign.tables(), "table ip kube-proxy\n");
}

#[test]
fn commands_that_run_inside_end_with_their_lab() {
    if !may_run(&[]) {
        return;
    }
    let lab = TestLab::up(&tutorial(), "nftables");
    let mut sleeping = lab
        .command(&["exec", "pod/client", "--", "sleep", "600"])
        .spawn()
        .expect("it starts");
    thread::sleep(Duration::from_millis(200));
    let started = Instant::now();
    assert_eq!(lab.down().status.code(), Some(0));
    assert!(!sleeping.wait().expect("it ends").success());
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(lab.remains(), Vec::<String>::new());
}

#[test]
fn an_interrupted_up_leaves_nothing() {
    if !may_run(&[]) {
        return;
    }
    for ms in [15, 60, 120] {
        let lab = TestLab::named();
        let up = lab
            .starting(&thirty_pods(), "nftables")
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let up = up.expect("it starts");
        thread::sleep(Duration::from_millis(ms));
        let interrupted = Command::new("kill")
            .args(["-INT", &up.id().to_string()])
            .output();
        interrupted.expect("kill starts");
        let output = up.wait_with_output().expect("it ends");
        // The signal may come before anybody listens for it, or when all is done.
        if output.status.code() != Some(0) {
            let told = text(&output.stderr);
            assert!(
                told.is_empty() || told.contains("interrupted: nothing is left"),
                "{told}"
            );
            assert_eq!(lab.remains(), Vec::<String>::new(), "after {ms} ms");
        }
    }
}

#[test]
fn what_the_machine_lacks_is_said_and_nothing_is_left() {
    if !may_run(&["unshare", "setpriv"]) {
        return;
    }
    let lab = TestLab::named();
    let file = lab.file("start.yaml", &tutorial());
    let up = format!(
        "{} lab up --name {} -f {}",
        env!("CARGO_BIN_EXE_packetwalk"),
        lab.name,
        file.display()
    );
    let shell = |wrapped: String| {
        let output = Command::new("sh").args(["-c", &wrapped]).output();
        let output = output.expect("a shell starts");
        (output.status.code(), text(&output.stderr))
    };
    let (code, told) = shell(format!("setpriv --bounding-set=-all --inh-caps=-all {up}"));
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("this needs the rights of root"), "{told}");
    let nft = "for f in /usr/sbin/nft /sbin/nft /usr/local/sbin/nft /usr/bin/nft; do [ -e $f ] && mount --bind /dev/null $f; done";
    let (code, told) = shell(format!("unshare -m sh -c '{nft}; {up}'"));
    assert_eq!(code, Some(3), "{told}");
    assert!(
        told.contains("`nft` was not found") && told.contains("install the package nftables"),
        "{told}"
    );
    // Linux takes a mount away with its folder, which is removed when the last lab of another test goes.
    let folder = Path::new("/run/packetwalk");
    std::fs::create_dir_all(folder.join("-held-")).expect("a folder");
    let full = "mount -t tmpfs -o size=16k none /run/packetwalk";
    let (code, told) = shell(format!("unshare -m sh -c '{full}; {up}'"));
    assert_eq!(code, Some(3), "{told}");
    assert!(
        told.contains("No space left on device") && told.contains("make room"),
        "{told}"
    );
    assert_eq!(lab.remains(), Vec::<String>::new());
    std::fs::remove_dir(folder.join("-held-")).expect("it is there");
    // Only if no other lab is there.
    let _ = std::fs::remove_dir(folder);
    let (code, told) = shell(up.replace(&lab.name, "No-Name"));
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("must be a lower-case letter"), "{told}");
    let (code, told) = shell(format!("{up} --mode ipvs"));
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("--mode nftables"), "{told}");
    let output = lab.run(&["exec", "pod/client", "--", "true"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("there is no lab named"));
}

#[test]
fn a_keeper_whose_folder_was_deleted_ends_and_what_is_left_can_be_taken_down() {
    if !may_run(&[]) {
        return;
    }
    let lab = TestLab::up(&tutorial(), "nftables");
    let keeper = lab.keeper();
    std::fs::remove_dir_all(Path::new("/run/packetwalk").join(&lab.name)).expect("it is there");
    let started = Instant::now();
    let is_there = || {
        let status = std::fs::read_to_string(format!("/proc/{keeper}/status"));
        status.is_ok_and(|it| !it.contains("State:\tZ"))
    };
    while is_there() && started.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(20));
    }
    assert!(!is_there(), "the keeper stays");
    assert!(one_down_clears(&lab, "without its folder"));
}
