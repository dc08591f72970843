//! The lessons that are shipped are true, and a lesson that is not is told so: fixtures that are wrong in one thing each.

use packetwalk::commands::lesson::{as_text, examined, examined_lesson, lesson};
use packetwalk_core::lesson::{
    Confirmed, Course, Files, Lesson, MEASURES, Report, Text, duty, examine,
};
use packetwalk_tests::{root, text};
use std::collections::BTreeSet;
use std::path::PathBuf;

const FOLDER: &str = "static/lessons";

fn folder() -> PathBuf {
    root().join(FOLDER)
}

/// The lessons that are there.
fn names() -> Vec<String> {
    let inside = std::fs::read_dir(folder()).expect("the lessons");
    let mut names: Vec<String> = inside
        .flatten()
        .filter(|it| it.path().is_dir())
        .map(|it| it.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn beliefs() -> Text {
    Text::read(
        "misconceptions.en.md",
        &text("static/lessons/misconceptions.en.md"),
    )
}

fn is_true(name: &str) {
    let report = examined_lesson(&folder().join(name), Some(&beliefs())).expect("a lesson");
    let said: Vec<String> = report.complaints.iter().map(ToString::to_string).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
    assert!(
        report.answers.len() >= 2,
        "{name} asks {} questions",
        report.answers.len()
    );
}

/// A test a lesson, and one that none is forgotten.
macro_rules! lessons {
    ($($lesson_is_true:ident = $folder:literal),* $(,)?) => {
        $(
            #[test]
            fn $lesson_is_true() {
                is_true($folder);
            }
        )*

        #[test]
        fn every_lesson_has_its_test() {
            let tested: Vec<String> = vec![$($folder.to_owned()),*];
            assert_eq!(tested, names());
        }
    };
}

lessons! {
    the_address_that_moved_is_true = "01-the-address-that-moved",
    a_question_not_a_list_is_true = "02-a-question-not-a-list",
    one_request_is_true = "03-one-request",
    three_ports_is_true = "04-three-ports",
    the_typo_is_true = "05-the-typo",
    running_not_ready_is_true = "06-running-not-ready",
    wrong_door_is_true = "07-wrong-door",
    refused_timeout_unknown_is_true = "08-refused-timeout-unknown",
    why_no_ping_is_true = "09-why-no-ping",
    only_on_localhost_is_true = "10-only-on-localhost",
    resolv_conf_is_true = "11-resolv-conf",
    the_other_namespace_is_true = "12-the-other-namespace",
    five_dots_is_true = "13-five-dots",
    a_hundred_curls_is_true = "14-a-hundred-curls",
    keep_alive_is_true = "15-keep-alive",
    we_scaled_nothing_changed_is_true = "16-we-scaled-nothing-changed",
    sticky_to_what_is_true = "17-sticky-to-what",
    read_the_rules_is_true = "18-read-the-rules",
    only_the_first_packet_is_true = "19-only-the-first-packet",
    the_way_back_is_true = "20-the-way-back",
    calling_yourself_is_true = "21-calling-yourself",
    one_name_two_ports_is_true = "22-one-name-two-ports",
    nodeport_on_every_node_is_true = "23-nodeport-on-every-node",
    where_did_my_client_go_is_true = "24-where-did-my-client-go",
    the_black_hole_is_true = "25-the-black-hole",
    pending_is_true = "26-pending",
    which_address_is_true = "27-which-address",
    headless_is_true = "28-headless",
    the_alias_is_true = "29-the-alias",
    hand_made_endpoints_is_true = "30-hand-made-endpoints",
    the_udp_ghost_is_true = "32-the-udp-ghost",
    local_only_is_true = "33-local-only",
    policy_says_80_is_true = "34-policy-says-80",
    on_call_is_true = "35-on-call",
    nothing_is_wrong_is_true = "36-nothing-is-wrong",
}

#[test]
fn the_course_holds_every_lesson_in_order() {
    let mut files = Files::new();
    for name in ["course.yaml", "course.en.md"] {
        files.insert(name.to_owned(), text(&format!("{FOLDER}/{name}")));
    }
    let (course, complaints) = Course::read(FOLDER, &files, &names());
    assert_eq!(complaints, []);
    assert_eq!(course.lessons(), names(), "lessons are numbered in order");
    assert_eq!(course.after("03-one-request"), Some("04-three-ports"));
    assert_eq!(course.shortest.len(), 6);
    let (_, complaints) = Course::read(FOLDER, &files, &["99-new".to_owned()]);
    let said: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    assert!(said[0].contains("99-new is in no unit"), "{said:?}");
    assert!(
        said.iter()
            .any(|it| it.contains("there is no lesson 05-the-typo")),
        "{said:?}"
    );
}

#[test]
fn a_page_reads_what_a_kernel_said_to_each_lesson() {
    let read = Confirmed::read(&text("static/lessons/confirmed.json")).expect("a record");
    let known: Vec<&String> = read.lessons.keys().collect();
    assert_eq!(known, names().iter().collect::<Vec<_>>());
    for (name, it) in &read.lessons {
        assert_eq!(it.differences, 0, "{name}");
    }
    let n_agree = read.lessons.values().filter(|it| it.agrees()).count();
    assert!(n_agree > 30, "only {n_agree}");
}

#[test]
fn every_belief_of_the_catalogue_is_told() {
    let told: BTreeSet<String> = beliefs().sections.into_keys().collect();
    for n in 1..=32 {
        assert!(told.contains(&format!("M{n}")), "M{n}");
    }
}

/// The typo, with one thing changed.
fn changed(file: &str, from: &str, to: &str) -> Vec<String> {
    let (whole, complaints) = lesson(&folder().join("05-the-typo")).expect("a lesson");
    assert_eq!(complaints, []);
    let mut files = whole.expect("a lesson").files;
    let before = files.get(file).cloned().unwrap_or_default();
    let after = before.replace(from, to);
    assert!(
        before.is_empty() || before != after,
        "{file} does not hold {from:?}"
    );
    let after = if before.is_empty() {
        to.to_owned()
    } else {
        after
    };
    files.insert(file.to_owned(), after);
    let (lesson, complaints) = Lesson::read("fixture", &files);
    let report = lesson.map_or_else(Report::default, |it| examine(&it, Some(&beliefs())));
    complaints
        .iter()
        .chain(&report.complaints)
        .map(ToString::to_string)
        .collect()
}

fn complains(file: &str, from: &str, to: &str, expected: &str) {
    let said = changed(file, from, to);
    assert!(
        said.iter().any(|it| it.contains(expected)),
        "{expected:?} is not among {said:#?}"
    );
}

#[test]
fn a_wrong_answer_key_fails() {
    complains(
        "lesson.yaml",
        "{id: none, value: \"0\"}\n  - {id: two, value: \"2\", misconception: M1}",
        "{id: none, value: \"0\", misconception: M1}\n  - {id: two, value: \"2\"}",
        "a wrong answer key: two is given as right, and the world says \"0\", not \"2\"",
    );
}

#[test]
fn a_dead_hint_fails_at_its_place() {
    complains(
        "lesson.yaml",
        "{about: service/web,",
        "{about: service/wep,",
        "hints[0].about: a dead hint: there is no service/default/wep in the start (there is service/default/web)",
    );
    complains(
        "lesson.yaml",
        "path: spec.selector}",
        "path: spec.selectors}",
        "a dead hint: service/default/web has no spec.selectors",
    );
    complains(
        "lesson.yaml",
        "kubectl set selector service web app=web\"",
        "kubectl set selektor service web app=web\"",
        "hints[2].line: it fails: error: unknown",
    );
}

#[test]
fn a_hint_that_names_nothing_fails() {
    complains(
        "lesson.yaml",
        "{about: service/web, path: spec.selector}",
        "{}",
        "hints[0]: a dead hint: it names neither an object nor a line",
    );
}

#[test]
fn an_unreachable_goal_fails() {
    complains(
        "lesson.yaml",
        "http://web\", is: \"2\"}",
        "http://web\", is: \"20\"}",
        "goals[1]: an unreachable goal: no solution reaches it",
    );
    complains("lesson.yaml", "- {of: spread", "- {of: spreed", "goals[1]");
}

#[test]
fn a_solution_that_does_nothing_fails() {
    complains(
        "solutions/idle.sh",
        "",
        "# nothing\n",
        "fixture/solutions/idle.sh:1:1: it solves nothing: it does nothing; goals[0]: arrives is \"0\", not \"100\"",
    );
    complains(
        "solutions/broken.sh",
        "",
        "# first\nkubectl get nothing\n",
        "fixture/solutions/broken.sh:2:1: it fails: error: the server doesn't have a resource type",
    );
}

#[test]
fn two_things_of_one_name_fail() {
    complains(
        "lesson.yaml",
        "- id: service\n",
        "- id: pods\n",
        "steps[1]: another step pods is there already",
    );
}

#[test]
fn a_wrong_way_that_helps_fails() {
    complains(
        "wrong/restart.sh",
        "rollout restart deployment web",
        "set selector service web app=web",
        "fixture/wrong/restart.sh:1:1: it reaches every goal, so it is no wrong way",
    );
}

#[test]
fn a_start_that_is_solved_already_fails() {
    complains(
        "start.yaml",
        "app: webb",
        "app: web",
        "the start reaches every goal: there is nothing to do",
    );
}

#[test]
fn a_symptom_that_does_not_happen_fails() {
    complains(
        "lesson.yaml",
        "port 80 after",
        "port 81 after",
        "symptom.prints: it prints \"curl: (7) Failed to connect to web port 80",
    );
}

#[test]
fn words_that_are_missing_or_too_many_fail() {
    complains(
        "text.en.md",
        "### rule",
        "### rules",
        "fixture/text.en.md has no words for question who/rule",
    );
    complains(
        "text.en.md",
        "Both run, both are ready.",
        "Both run, both are ready, and if you look at them again after a while they will still run and be ready.",
        "fixture/text.en.md:6:1: step pods has",
    );
}

#[test]
fn beliefs_verbs_and_evidence_must_be_known() {
    complains(
        "lesson.yaml",
        "[M1, M5, M26]",
        "[M1, M5, M99]",
        "misconceptions[2]: \"M99\" is no misconception of the catalogue",
    );
    complains(
        "lesson.yaml",
        "verbs: [get,",
        "verbs: [got,",
        "verbs[0]: kubectl has no \"got\"",
    );
    complains(
        "lesson.yaml",
        "case: https://",
        "case: ftp://",
        "debrief.case: a lesson names its evidence",
    );
}

#[test]
fn a_lesson_that_cannot_be_read_is_told_where() {
    complains(
        "lesson.yaml",
        "minutes: 3",
        "minuets: 3",
        "fixture/lesson.yaml:2:1: unknown field \"minuets\" (did you mean \"minutes\"?)",
    );
    complains(
        "lesson.yaml",
        "minutes: 3",
        "minutes: three",
        "fixture/lesson.yaml:2:10: minutes: expected an integer",
    );
    complains(
        "start.yaml",
        "kind: Pod",
        "kind: Pott",
        "fixture/start.yaml",
    );
    complains(
        "solutions/other.yaml",
        "",
        "kind: [\n",
        "fixture/solutions/other.yaml:1:7: unclosed [",
    );
    let (lesson, complaints) = Lesson::read("empty", &Files::new());
    assert!(lesson.is_none());
    assert_eq!(
        complaints[0].to_string(),
        "empty/lesson.yaml:1:1: there is no lesson.yaml in this folder"
    );
}

#[test]
fn a_night_on_call_is_its_seeds_and_seeds_reach_every_fault() {
    let (on_call, complaints) = lesson(&folder().join("35-on-call")).expect("a lesson");
    assert_eq!(complaints, []);
    let on_call = on_call.expect("a lesson");
    let mut seen = BTreeSet::new();
    let mut n_double = 0;
    for seed in 0..40 {
        let night = duty(&on_call, seed).expect("faults that can happen");
        assert!(!night.complaints.is_empty(), "{:?}", night.faults);
        for it in &night.complaints {
            assert!(it.said.contains("curl: ("), "{:?}: {it:?}", night.faults);
        }
        n_double += usize::from(night.faults.len() == 2);
        seen.extend(night.faults);
    }
    let all: BTreeSet<String> = on_call.faults.keys().cloned().collect();
    assert_eq!(seen, all);
    assert!((5..35).contains(&n_double), "{n_double} of 40 are double");
    let again = [duty(&on_call, 7), duty(&on_call, 7)].map(|it| it.expect("a night"));
    assert_eq!(again[0].faults, again[1].faults);
    assert_eq!(
        again[0].trial.timeline().link(),
        again[1].trial.timeline().link()
    );
}

/// The fences of the authors' guide: what stands behind the language, and what is in them.
fn guide() -> Vec<(String, String)> {
    let guide = text("docs/lessons.md");
    let mut fences = Vec::new();
    let mut parts = guide.split("```");
    parts.next();
    while let (Some(fence), Some(_)) = (parts.next(), parts.next()) {
        let (head, body) = fence.split_once('\n').expect("a fence");
        fences.push((head.to_owned(), body.to_owned()));
    }
    fences
}

/// The lesson that the guide writes, after a change.
fn guides_lesson(from: &str, to: &str) -> Report {
    let mut files = Files::new();
    for (head, body) in guide() {
        if let Some((_, name)) = head.split_once("file=") {
            let body = match name {
                "lesson.yaml" => body.replace(from, to),
                _ => body,
            };
            files.insert(name.to_owned(), body);
        }
    }
    assert!(files.len() >= 6, "{:?}", files.keys());
    let (lesson, complaints) = Lesson::read("tea", &files);
    assert_eq!(complaints, []);
    examine(&lesson.expect("a lesson"), Some(&beliefs()))
}

#[test]
fn the_guides_lesson_is_sound_as_it_says() {
    let report = guides_lesson("", "");
    assert_eq!(report.complaints, []);
    let told = guide().into_iter().find(|it| it.0 == "text report");
    assert_eq!(as_text(&[report]), told.expect("a report").1);
}

#[test]
fn the_guides_mistakes_are_told_as_it_says() {
    let mut n_mistakes = 0;
    for (head, told) in guide() {
        let Some(change) = head.strip_prefix("text complaint: ") else {
            continue;
        };
        n_mistakes += 1;
        let (from, to) = change.split_once(" -> ").expect("a change");
        let said = guides_lesson(from, to).complaints;
        let said: Vec<String> = said.iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|it| *it == told.trim()), "{told}{said:#?}");
    }
    assert_eq!(n_mistakes, 3);
}

#[test]
fn the_guides_command_prints_what_it_shows() {
    let shown = guide().into_iter().find(|it| it.0 == "console");
    let (command, printed) = shown
        .as_ref()
        .and_then(|it| it.1.split_once('\n'))
        .expect("a command");
    let folder = command.rsplit(' ').next().expect("a folder");
    let (reports, complaints) = examined(&root().join(folder)).expect("a lesson");
    assert_eq!(complaints, []);
    assert_eq!(as_text(&reports), printed);
}

#[test]
fn the_guide_names_everything_that_can_be_measured() {
    let guide = text("docs/lessons.md");
    for measure in MEASURES {
        let row = format!("| `{}` | ", measure.name);
        let row = guide.lines().find(|it| it.starts_with(&row));
        let row = row.unwrap_or_else(|| panic!("{} has no row", measure.name));
        assert!(row.ends_with(&format!("| {} |", measure.about)), "{row}");
    }
}
