//! What the fuzz targets of the console share: a small world that is made once, and a clerk who types into it.
//!
//! **Left out**: a world that remembers: each input begins with the same one.

use packetwalk_core::console::{Console, NoEditor};
use packetwalk_core::kubectl::{Config, Ctx, Output, TextFiles, finish, run};
use packetwalk_core::shell::{Place, Shell, State};
use packetwalk_core::sim::{Cluster, Start, StartFile};
use packetwalk_core::time::Duration;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

const WORLD: &str = include_str!("world.yaml");

static CLUSTER: LazyLock<Arc<Cluster>> = LazyLock::new(|| {
    let files = vec![StartFile {
        name: "world.yaml".into(),
        text: WORLD.into(),
    }];
    Start { files, seed: 1 }.begin().cluster
});

/// How long a line may go on, on the world's own clock.
const LIMIT: Duration = Duration::from_secs(30);

/// Types a line into a shell of the workstation.
///
/// # Panics
/// When it does not end as a line does.
pub fn type_line(line: &str) {
    let files = BTreeMap::from([("world.yaml".to_owned(), WORLD.to_owned())]);
    let ground = Rc::new(RefCell::new(CLUSTER.clone()));
    let console = Console::new(ground, Rc::new(files), Rc::new(NoEditor));
    let mut shell: Shell = console.shell(&Place::Workstation);
    let found = shell.complete(line);
    assert!(line.is_char_boundary(found.from), "a word of the line");
    shell.start(line);
    shell.end_input();
    if !matches!(shell.advance(console.now() + LIMIT), State::Idle(_)) {
        shell.close();
    }
    drop(shell.take_output());
}

/// Runs kubectl with words that no shell has read. Its exit code.
#[must_use]
pub fn kubectl(words: &[&str]) -> i32 {
    let words: Vec<String> = words.iter().map(|it| (*it).to_owned()).collect();
    let mut cluster = CLUSTER.clone();
    let mut output = Output::default();
    let mut ctx = Ctx {
        target: &mut cluster,
        config: &mut Config::default(),
        files: &mut TextFiles::default(),
        stdin: None,
        output: &mut output,
    };
    let running = run(&mut ctx, &words);
    finish(running, &mut ctx, LIMIT)
}

#[cfg(test)]
mod tests {
    use super::{kubectl, type_line};
    use packetwalk_core::chance::Chooser;
    use std::path::Path;

    /// How many changed inputs are tried; `FUZZ_INPUTS` says another number.
    fn n_inputs() -> u32 {
        let told = std::env::var("FUZZ_INPUTS").ok();
        told.and_then(|it| it.parse().ok()).unwrap_or(60)
    }

    fn seeds(name: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(name);
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .expect("a corpus")
            .filter_map(|it| Some(it.ok()?.path()))
            .collect();
        paths.sort();
        paths
            .iter()
            .filter_map(|it| std::fs::read(it).ok())
            .collect()
    }

    /// A seed with bytes changed, cut out, doubled, or with the end of another.
    fn changed(seeds: &[Vec<u8>], luck: &mut Chooser) -> Vec<u8> {
        let mut draw = |n: usize| {
            let n = u64::try_from(n).unwrap_or(1);
            usize::try_from(luck.draw(n)).unwrap_or(0)
        };
        let mut bytes = seeds[draw(seeds.len())].clone();
        for _ in 0..=draw(4) {
            let at = draw(bytes.len() + 1);
            match draw(5) {
                0 => bytes.insert(at, b"'\"$(){}[]|&;<>*?\\`=!,.:/-%@#~\n 09azA\xff"[draw(37)]),
                1 if at < bytes.len() => {
                    bytes.remove(at);
                }
                2 => {
                    let end = (at + draw(9)).min(bytes.len());
                    let part = bytes[at..end].to_vec();
                    bytes.splice(at..at, part);
                }
                3 => bytes.truncate(at),
                _ => {
                    let other = &seeds[draw(seeds.len())];
                    let from = draw(other.len() + 1);
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[from..]);
                }
            }
        }
        bytes
    }

    fn each(name: &str, run: impl Fn(&str)) {
        let seeds = seeds(name);
        assert!(seeds.len() >= 10);
        let mut luck = Chooser::seeded(1);
        for it in &seeds {
            run(&String::from_utf8_lossy(it));
        }
        for _ in 0..n_inputs() {
            let bytes = changed(&seeds, &mut luck);
            run(&String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn lines_near_those_of_the_corpus_end() {
        each("line", type_line);
    }

    #[test]
    fn templates_near_those_of_the_corpus_are_read_or_refused() {
        each("template", |it| {
            let text: String = it.chars().skip(1).collect();
            for form in [
                "-ojsonpath",
                "-ogo-template",
                "-ocustom-columns",
                "--sort-by",
            ] {
                let _ = kubectl(&["get", "services,deployments", &format!("{form}={text}")]);
            }
        });
    }

    #[test]
    fn selectors_near_those_of_the_corpus_are_obeyed_or_refused() {
        each("selector", |it| {
            for flag in ["--selector", "--field-selector"] {
                let _ = kubectl(&["get", "pods,services", "-A", &format!("{flag}={it}")]);
            }
        });
    }

    #[test]
    fn patches_near_those_of_the_corpus_are_made_or_refused() {
        each("patch", |it| {
            for kind in ["--type=strategic", "--type=merge", "--type=json"] {
                for object in ["service/api", "deployment/api"] {
                    let _ = kubectl(&["patch", object, kind, "-oyaml", "-p", it]);
                }
            }
        });
    }
}
