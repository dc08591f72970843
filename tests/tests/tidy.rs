//! House rules, read off the source tree.

use packetwalk_tests::root;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The ladder of the core: a module may use what stands below it, never beside or above.
const LADDER: [(&str, i32); 25] = [
    ("time", 0),
    ("chance", 0),
    ("ip", 0),
    // Beneath everything: it knows nothing at all.
    ("sorted", -1),
    ("indexed", -1),
    ("lines", -1),
    ("record", -1),
    ("yaml", 0),
    ("api", 1),
    ("net", 1),
    ("shell", 1),
    ("store", 2),
    ("netfilter", 2),
    ("controllers", 3),
    ("dns", 3),
    ("policy", 3),
    ("proxy", 3),
    ("sim", 4),
    ("doctor", 5),
    ("tools", 5),
    ("kubectl", 5),
    ("console", 6),
    ("lesson", 7),
    ("view", 8),
    ("export", 9),
];

const MAX_LINES: usize = 800;

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(at) = open.pop() {
        let Ok(inside) = std::fs::read_dir(&at) else {
            continue;
        };
        for entry in inside.flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if name != "target" && name != "node_modules" {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|it| it == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn short(path: &Path) -> String {
    let root = root();
    path.strip_prefix(&root)
        .unwrap_or(path)
        .display()
        .to_string()
}

const FOLDERS: [&str; 5] = ["core", "web", "native", "tests", "xtask"];

fn all_sources() -> Vec<PathBuf> {
    FOLDERS.iter().flat_map(|it| sources(it)).collect()
}

#[test]
fn imports_of_the_core_go_down_the_ladder_only() {
    let levels: BTreeMap<&str, i32> = LADDER.into_iter().chain([("session", 10)]).collect();
    let mut faults = Vec::new();
    for path in sources("core/src") {
        let name = short(&path);
        let module = name
            .trim_start_matches("core/src/")
            .split(['/', '.'])
            .next()
            .unwrap_or_default()
            .to_owned();
        let Some(level) = levels.get(module.as_str()) else {
            assert_eq!(module, "lib", "{name}: a module that is not on the ladder");
            continue;
        };
        for (number, line) in read(&path).lines().enumerate() {
            for part in line.split("crate::").skip(1) {
                let used: String = part
                    .chars()
                    .take_while(|it| it.is_ascii_alphanumeric() || *it == '_')
                    .collect();
                let below = levels.get(used.as_str()).is_some_and(|it| it < level);
                if used != module && levels.contains_key(used.as_str()) && !below {
                    faults.push(format!("{name}:{}: {module} uses {used}", number + 1));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<String> = all_sources()
        .iter()
        .filter(|it| !read(it).starts_with("//!"))
        .map(|it| short(it))
        .collect();
    assert!(silent.is_empty(), "no //! at the top: {silent:?}");
}

#[test]
fn no_file_is_longer_than_a_person_reads() {
    let long: Vec<String> = all_sources()
        .iter()
        .filter(|it| read(it).lines().count() > MAX_LINES)
        .map(|it| short(it))
        .collect();
    assert!(long.is_empty(), "more than {MAX_LINES} lines: {long:?}");
}

#[test]
fn netfilter_never_says_service_and_api_never_says_packet() {
    let mut faults = Vec::new();
    for (folder, word) in [
        ("core/src/netfilter", "Service"),
        ("core/src/api", "Packet"),
    ] {
        for path in sources(folder) {
            let text = read(&path);
            let code = text.lines().enumerate().filter(|(_, it)| {
                let it = it.trim_start();
                !it.starts_with("//")
            });
            for (number, line) in code {
                if line.contains(word) {
                    faults.push(format!("{}:{}: {word}", short(&path), number + 1));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn nothing_is_unfinished_and_no_test_is_ignored() {
    // Written apart, so that this file does not find itself.
    let marks = [
        concat!("#[ig", "nore"),
        concat!("to", "do!("),
        concat!("unimpl", "emented!("),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
    ];
    let mut faults = Vec::new();
    for path in all_sources() {
        for (number, line) in read(&path).lines().enumerate() {
            if marks.iter().any(|it| line.contains(it)) {
                faults.push(format!("{}:{}: {}", short(&path), number + 1, line.trim()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn tests_are_named_in_sentences() {
    let mut faults = Vec::new();
    for path in all_sources() {
        let text = read(&path);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for pair in lines.windows(2) {
            let is_test = pair[0] == "#[test]" || pair[0] == "#[wasm_bindgen_test]";
            let name = pair[1]
                .trim_start_matches("async ")
                .strip_prefix("fn ")
                .and_then(|it| it.split('(').next());
            if let (true, Some(name)) = (is_test, name)
                && (name.starts_with("test_") || name.contains("should_") || !name.contains('_'))
            {
                faults.push(format!("{}: {name}", short(&path)));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_architecture_names_every_module_of_the_core() {
    let text = read(&root().join("ARCHITECTURE.md"));
    let named: BTreeSet<String> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .map(|it| it.trim_end_matches('/').to_owned())
        .collect();
    let lib = read(&root().join("core/src/lib.rs"));
    let missing: Vec<&str> = lib
        .lines()
        .filter_map(|it| it.strip_prefix("pub mod ")?.strip_suffix(';'))
        .filter(|it| !named.contains(*it))
        .collect();
    assert!(missing.is_empty(), "not in ARCHITECTURE.md: {missing:?}");
}

#[test]
fn every_dependency_of_the_workspace_has_a_reason_beside_it() {
    let mut faults = Vec::new();
    for manifest in [
        "Cargo.toml",
        "native/Cargo.toml",
        "web/Cargo.toml",
        "xtask/Cargo.toml",
    ] {
        let text = read(&root().join(manifest));
        let mut is_explained = false;
        let mut in_dependencies = false;
        for line in text.lines() {
            let line = line.trim();
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies");
                is_explained = false;
            } else if line.is_empty() {
                is_explained = false;
            } else if line.starts_with('#') {
                is_explained = true;
            } else if in_dependencies && line.contains('=') && !is_explained {
                // The inside of a table about one dependency is no dependency.
                let is_detail =
                    line.starts_with("features") || line.starts_with("default-features");
                let inherited = line.contains("workspace = true") || line.contains("path = ");
                if !inherited && !is_detail {
                    faults.push(format!("{manifest}: {line}"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
