//! The shell against dash, the text tools against those of this machine, and the shell's own rows.
//!
//! Each script of `SAME` runs twice: in our shell and in the real one, in an empty folder. Output and exit code must
//! be the same. What the machine's tools do not have, or what takes virtual time, is in rows of its own.
//!
//! **Left out**: messages on standard error, which name the shell.

#![expect(clippy::print_stdout, reason = "counts are shown with --nocapture")]

use packetwalk_core::shell::{Finished, Place, Program, Shell, State, Stream, System, run};
use packetwalk_core::time::{Clock, Instant};
use proptest::prelude::*;
use std::cell::Cell;
use std::process::Command;
use std::rc::Rc;
use tempfile::TempDir;

/// A system of a clock and two files.
#[derive(Default)]
struct Bare(Cell<Clock>);

const FILES: [(&str, &str); 3] = [
    ("/root/words.txt", "pear 3\napple 10\nfig 2\napple 10\n"),
    ("/root/conf/a.yaml", "kind: Service\n"),
    ("/root/conf/b.yaml", "kind: Pod\n"),
];

impl System for Bare {
    fn clock(&self) -> Clock {
        self.0.get()
    }

    fn pass(&self, to: Instant) {
        let mut clock = self.0.get();
        assert!(to >= clock.now, "time goes on only");
        clock.now = to;
        self.0.set(clock);
    }

    fn program(&self, _: &Place, _: &str) -> Option<Rc<dyn Program>> {
        None
    }

    fn programs(&self, _: &Place) -> Vec<String> {
        vec!["kubectl".into()]
    }

    fn read(&self, _: &Place, path: &str) -> Option<String> {
        FILES
            .iter()
            .find(|it| it.0 == path)
            .map(|it| it.1.to_owned())
    }

    fn files(&self, _: &Place) -> Vec<String> {
        FILES.iter().map(|it| it.0.to_owned()).collect()
    }

    fn environment(&self, _: &Place) -> Vec<(String, String)> {
        vec![("PWD".into(), "/root".into()), ("USER".into(), "me".into())]
    }
}

fn ours(script: &str) -> Finished {
    let system: Rc<dyn System> = Rc::new(Bare::default());
    run(&system, &Place::Workstation, script, "")
}

/// What the real shell says, in a folder that has the files above.
fn theirs(script: &str) -> (String, i32) {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    for (path, text) in FILES {
        let path = folder.join(path.trim_start_matches("/root/"));
        let parent = path.parent().expect("a folder");
        std::fs::create_dir_all(parent).expect("a folder to write in");
        std::fs::write(path, text).expect("a file to write");
    }
    let output = Command::new("dash")
        .arg("-c")
        .arg(script)
        .current_dir(folder)
        .env("LC_ALL", "C")
        .env("USER", "me")
        .stdin(std::process::Stdio::null())
        .output()
        .expect("dash is one of the tools the tests need");
    let code = output.status.code().unwrap_or(-1);
    (String::from_utf8_lossy(&output.stdout).into_owned(), code)
}

/// Scripts that must do the same as in the real shell: one a paragraph.
const SAME: &str = include_str!("../scenarios/shell.txt");

#[test]
fn the_shell_and_its_tools_answer_as_those_of_this_machine() {
    let mut faults = Vec::new();
    let scripts: Vec<&str> = SAME.split("\n%%\n").collect();
    for script in &scripts {
        let ours = ours(script);
        let theirs = theirs(script);
        if (ours.stdout.as_str(), i32::from(ours.code)) != (theirs.0.as_str(), theirs.1) {
            faults.push(format!(
                "--- {script}\nours ({}): {:?} {:?}\ntheirs ({}): {:?}",
                ours.code, ours.stdout, ours.stderr, theirs.1, theirs.0
            ));
        }
    }
    assert!(
        faults.is_empty(),
        "{} of {}:\n{}",
        faults.len(),
        scripts.len(),
        faults.join("\n")
    );
    assert!(scripts.len() >= 150, "{} scripts", scripts.len());
    println!("{} scripts answer as in dash", scripts.len());
}

/// Scripts about time and jobs: script, output, seconds on the virtual clock.
const TIMED: [(&str, &str, u64); 14] = [
    ("sleep 3; echo done", "done\n", 3),
    (
        "sleep 2 & sleep 1; echo one; wait; echo two",
        "one\ntwo\n",
        2,
    ),
    (
        "(sleep 2; echo late) & (sleep 1; echo soon) & wait; echo end",
        "soon\nlate\nend\n",
        2,
    ),
    (
        "for i in 1 2 3; do (sleep $((4 - i)); echo $i) & done; wait",
        "3\n2\n1\n",
        3,
    ),
    ("timeout 2 sleep 10; echo $?", "124\n", 2),
    ("timeout 5 sleep 1; echo $?", "0\n", 1),
    (
        "timeout 3 sh -c 'while true; do echo x; sleep 1; done'; echo $?",
        "x\nx\nx\n124\n",
        3,
    ),
    ("sleep 100 & kill %1; wait %1; echo $?", "143\n", 0),
    (
        "while true; do echo tick; sleep 1; done | head -2",
        "tick\ntick\n",
        2,
    ),
    ("timeout 5 watch -t -n 2 echo hi", "hi\n\nhi\n\nhi\n", 5),
    ("date +%T; sleep 61; date +%T", "00:00:00\n00:01:01\n", 61),
    ("sleep 5 | sleep 3; echo both", "both\n", 5),
    (
        "i=0; until [ $i -ge 3 ]; do i=$((i+1)); sleep 0.5; done; echo $i",
        "3\n",
        1,
    ),
    ("sleep 1 && false || echo no; sleep 1m", "no\n", 61),
];

#[test]
fn time_passes_on_the_virtual_clock_and_jobs_interleave_on_it() {
    for (script, output, secs) in TIMED {
        let bare = Rc::new(Bare::default());
        let system: Rc<dyn System> = bare.clone();
        let ours = run(&system, &Place::Workstation, script, "");
        assert_eq!(ours.stdout, output, "{script}: {}", ours.stderr);
        assert_eq!(bare.0.get().now.as_millis() / 1000, secs, "{script}");
    }
}

/// What our shell says where the real one says something of its own: script, output, errors, code.
const OWN: [(&str, &str, &str, u8); 12] = [
    (
        "frobnicate",
        "",
        "sh: frobnicate: not found\nThere are: ",
        127,
    ),
    (
        "while :; do :; done",
        "",
        "sh: stopped: one line may run at most",
        2,
    ),
    (
        "yes > f",
        "",
        "sh: stopped: more than 4194304 bytes of output\n",
        153,
    ),
    ("f() { f; }; f", "", "sh: stopped: nested more than", 2),
    (
        "echo $((1/0))",
        "",
        "sh: arithmetic expression: division by zero\n",
        2,
    ),
    ("echo \"${x:?is missing}\"", "", "sh: x: is missing\n", 2),
    (
        "cat nofile",
        "",
        "cat: nofile: No such file or directory\n",
        1,
    ),
    (
        "cat < nofile",
        "",
        "sh: cannot open nofile: No such file\n",
        2,
    ),
    (
        "if true; then",
        "",
        "sh: 1: Syntax error: end of file unexpected\n",
        2,
    ),
    (
        "echo hi; done",
        "",
        "sh: 1: Syntax error: \"done\" unexpected\n",
        2,
    ),
    (
        "echo 'open",
        "",
        "sh: 1: Syntax error: Unterminated quoted string\n",
        2,
    ),
    (
        "sleep 1d; sleep 1d",
        "",
        "sh: stopped: one line may take at most a day\n",
        130,
    ),
];

#[test]
fn what_cannot_be_done_is_said_and_bounded() {
    for (script, output, errors, code) in OWN {
        let ours = ours(script);
        assert!(
            ours.stderr.starts_with(errors),
            "{script}: {:?}",
            ours.stderr
        );
        assert_eq!(
            (ours.stdout.as_str(), ours.code),
            (output, code),
            "{script}: {:?}",
            ours.stderr
        );
    }
}

#[test]
fn a_line_of_a_million_bytes_is_refused_politely() {
    let long = format!("echo {}", "x".repeat(1_000_000));
    let refused = ours(&long);
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("too long: at most 65536 are read"),
        "{}",
        refused.stderr
    );
    for deep in [
        "(", "$(", "{ ", "if ", "\"$(", "${x:-", "$((", "! ", "while ",
    ] {
        let text = deep.repeat(20_000);
        assert_eq!(ours(&text).code, 2, "{deep}");
    }
}

#[test]
fn a_terminal_streams_and_keeps_its_state_between_lines() {
    let bare = Rc::new(Bare::default());
    let mut shell = Shell::new(bare.clone(), &Place::Workstation);
    shell.start("x=5; cd conf; for i in 1 2; do echo $i; sleep 1; done; echo oops >&2");
    let second = Instant::from_millis(1000);
    assert_eq!(shell.advance(Instant::START), State::Running(second));
    let text = |shell: &mut Shell| -> String {
        shell
            .take_output()
            .into_iter()
            .map(|it| format!("{:?} {}", it.stream, it.text))
            .collect()
    };
    assert_eq!(text(&mut shell), "Out 1\n");
    assert_eq!(shell.advance(Instant::from_millis(2500)), State::Idle(0));
    assert_eq!(text(&mut shell), "Out 2\nErr oops\n");
    let next = shell.run_line("echo $x; pwd; ls; !1", "");
    assert_eq!(next.stdout, "5\n/root/conf\na.yaml\nb.yaml\n");
    shell.start("cat; echo after");
    assert_eq!(shell.advance(Instant::START), State::Reading);
    shell.type_line("typed");
    assert_eq!(shell.advance(Instant::START), State::Reading);
    assert_eq!(text(&mut shell), "Out typed\n");
    shell.end_input();
    assert!(matches!(shell.advance(Instant::START), State::Idle(0)));
    assert_eq!(text(&mut shell), "Out after\n");
    shell.start("sleep 100");
    shell.advance(Instant::START);
    shell.interrupt();
    assert_eq!(
        shell.run_line("echo $?; history | tail -1", "").stdout,
        "130\n    5  echo $?; history | tail -1\n"
    );
    assert!(!shell.has_ended());
    assert_eq!(shell.run_line("exit 3", "").code, 3);
    assert!(shell.has_ended());
    assert_eq!(shell.is_whole("for i in 1; do"), Ok(false));
    assert_eq!(shell.is_whole("cat <<EOF\nx"), Ok(false));
    assert!(shell.is_whole("echo )").is_err());
    assert_eq!(Stream::Out, Stream::Out);
}

#[test]
fn tab_offers_commands_files_and_variables() {
    let shell = Shell::new(Rc::new(Bare::default()), &Place::Workstation);
    let words = |line: &str| -> Vec<String> {
        shell
            .complete(line)
            .candidates
            .into_iter()
            .map(|it| it.word)
            .collect()
    };
    assert_eq!(words("kub"), ["kubectl"]);
    assert_eq!(words("echo a | gre"), ["grep"]);
    assert_eq!(words("cat wo"), ["words.txt"]);
    assert_eq!(words("cat conf/"), ["conf/a.yaml", "conf/b.yaml"]);
    assert_eq!(words("X=1 hea"), ["head"]);
    assert_eq!(words("echo $US"), ["$USER"]);
    assert_eq!(shell.complete("cat conf/").common(), "conf/");
    assert_eq!(shell.complete("cat wo").from, 4);
}

/// Pieces from which lines are made up that are nearly right.
const PIECES: [&str; 52] = [
    "echo",
    "if",
    "then",
    "fi",
    "else",
    "while",
    "do",
    "done",
    "for",
    "in",
    "case",
    "esac",
    "{",
    "}",
    "(",
    ")",
    ";",
    ";;",
    "&",
    "&&",
    "||",
    "|",
    "!",
    "<",
    ">",
    ">>",
    "2>&1",
    "<<EOF",
    "\n",
    "EOF",
    "$x",
    "${x",
    "${x:-",
    "$(",
    "$((",
    "`",
    "'",
    "\"",
    "\\",
    "*",
    "[a-",
    "x=1",
    "sed s/a/b/",
    "awk '{print $1}'",
    "grep -E '(a|b)*'",
    "sort -k2",
    "printf %d",
    "sleep 1",
    "tr a-z A-Z",
    "cut -d: -f1",
    "xargs",
    "timeout 1",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn lines_of_the_language_never_panic(pieces in proptest::collection::vec(0..PIECES.len(), 0..14), glue in "[ ]?") {
        let words: Vec<&str> = pieces.into_iter().map(|it| PIECES[it]).collect();
        let _ = ours(&words.join(&glue));
    }

    #[test]
    fn arbitrary_lines_never_panic(line in "\\PC{0,80}") {
        let _ = ours(&line);
        let shell = Shell::new(Rc::new(Bare::default()), &Place::Workstation);
        let _ = shell.complete(&line);
    }

    #[test]
    fn arbitrary_programs_of_the_tools_never_panic(text in "[ -~]{0,30}", which in 0..8_usize) {
        let quoted = text.replace('\'', "'\\''");
        let tools = ["sed", "awk", "grep", "grep -E", "tr a", "cut -f", "sort -k", "printf"];
        let _ = ours(&format!("cat words.txt | {} '{quoted}'", tools[which]));
    }
}
