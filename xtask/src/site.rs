//! The page: built by trunk into `dist/`, then weighed.
//!
//! The first load is what a browser fetches before the page can be used: `index.html`, what its head and
//! scripts name, and what those style sheets and modules import in their turn.
//!
//! **Left out**: JavaScript's dynamic imports and fetches, which are by definition for later (they are listed,
//! but not counted), and gzip, which no browser of today asks for in preference to brotli.

use crate::budget::FIRST_LOAD_BROTLI;
use crate::npm;
use crate::places::{fingerprint, root};
use crate::process::run;
use crate::progress::say;
use crate::setup::ForPage;
use crate::widgets;
use anyhow::{Context, Result, anyhow, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The service worker.
const OFFLINE: &str = "offline.js";

/// The finished page.
pub(crate) fn dist() -> PathBuf {
    root().join("dist")
}

/// Builds the page and fails if it is heavier than its budget.
pub(crate) fn build(ready: &ForPage) -> Result<()> {
    say("building the page into dist/");
    let mut trunk = ready.web.program(&ready.trunk);
    // Settings are in Trunk.toml; these two keep the build from changing or asking anything.
    trunk.args(["build", "--offline", "--locked"]);
    // Trunk reads NO_COLOR as a boolean and refuses the customary `1`.
    trunk.env_remove("NO_COLOR");
    run(&mut trunk)?;
    record(ready, "packetwalk-reel", "first-look.json")?;
    record(ready, "packetwalk-lessons", "lessons.json")?;
    npm::bundle_editor(&ready.cache, &dist())?;
    widgets::write(&dist())?;
    list_for_offline(&dist())?;
    let weights = weigh(&dist())?;
    print!("{}", table(&weights));
    within_budget(&weights)
}

/// Writes down something that the page fetches: the walk it shows before it can compute, the lessons. It is made natively, by
/// the library that the page is made from.
fn record(ready: &ForPage, binary: &str, file: &str) -> Result<()> {
    say(format!("recording {file}"));
    let mut recorder = ready.host.cargo();
    recorder.args(["run", "--quiet", "--locked", "--package", "packetwalk-web"]);
    recorder.args(["--bin", binary]);
    let recorded = recorder.stderr(Stdio::inherit()).output();
    let recorded = recorded.context("cannot start cargo")?;
    if !recorded.status.success() || recorded.stdout.is_empty() {
        bail!("{file} could not be recorded");
    }
    let path = dist().join(file);
    fs::write(&path, recorded.stdout).with_context(|| format!("cannot write {}", path.display()))
}

/// The service worker keeps one version of the page whole: it is told which files that are, and what tells them from others.
fn list_for_offline(dist: &Path) -> Result<()> {
    let path = dist.join(OFFLINE);
    let script = fs::read_to_string(&path);
    let script = script.with_context(|| format!("cannot read {}", path.display()))?;
    let files = read_all(dist)?;
    let kept = files.iter().filter(|(name, _)| is_kept_offline(name));
    let (mut list, mut contents) = (String::new(), script.clone());
    for (name, bytes) in kept {
        list += &format!("\n  \"./{name}\",");
        contents += &format!("{name} {}\n", fingerprint(&String::from_utf8_lossy(bytes)));
    }
    let script = script
        .replace("\"none\"", &format!("\"{}\"", fingerprint(&contents)))
        .replace("FILES = []", &format!("FILES = [{list}\n]"));
    fs::write(&path, script).with_context(|| format!("cannot write {}", path.display()))
}

fn is_kept_offline(name: &str) -> bool {
    name != OFFLINE
        && !name.ends_with(".d.ts")
        && !name.starts_with('.')
        && !widgets::is_for_others(name)
}

/// A file of the page.
#[derive(Debug, PartialEq, Eq)]
struct Weight {
    path: String,
    n_raw: usize,
    n_brotli: usize,
    at_first: bool,
}

fn weigh(dist: &Path) -> Result<Vec<Weight>> {
    let files = read_all(dist)?;
    let first = first_load(&files)?;
    files
        .into_iter()
        // The same bytes again, or an author's text.
        .filter(|(path, _)| !path.contains('/') || !widgets::is_for_others(path))
        .map(|(path, bytes)| {
            let n_brotli =
                compressed_size(&bytes).with_context(|| format!("cannot compress {path}"))?;
            let at_first = first.contains(&path);
            Ok(Weight {
                path,
                n_raw: bytes.len(),
                n_brotli,
                at_first,
            })
        })
        .collect()
}

type Files = BTreeMap<String, Vec<u8>>;

fn read_all(dist: &Path) -> Result<Files> {
    let mut files = Files::new();
    let mut folders = vec![dist.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
        {
            let path = entry
                .with_context(|| format!("cannot read {}", folder.display()))?
                .path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let name = path
                .strip_prefix(dist)
                .unwrap_or(&path)
                .to_string_lossy()
                .into_owned();
            files.insert(name, bytes);
        }
    }
    Ok(files)
}

fn compressed_size(bytes: &[u8]) -> std::io::Result<usize> {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        ..Default::default()
    };
    let mut sent = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut sent, &parameters)?;
    Ok(sent.len())
}

/// The files that are fetched before the page can be used.
fn first_load(files: &Files) -> Result<BTreeSet<String>> {
    let mut first = BTreeSet::new();
    let mut next = vec!["index.html".to_owned()];
    while let Some(path) = next.pop() {
        let Some(bytes) = files.get(&path) else {
            continue;
        };
        if !first.insert(path.clone()) {
            continue;
        }
        let text = String::from_utf8_lossy(bytes);
        let named = match path.rsplit('.').next() {
            Some("html") => named_by_html(&text),
            Some("css") => named_by_css(&text),
            Some("js") => named_by_module(&text),
            _ => Vec::new(),
        };
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        next.extend(named.iter().filter_map(|it| resolved(folder, it)));
    }
    if !first.iter().any(|it| it.ends_with(".wasm")) {
        bail!(
            "index.html does not lead to any .wasm file, so its first load cannot be weighed: see Trunk.toml for what it must hold"
        );
    }
    Ok(first)
}

/// `src` and `href` of the elements that load something by themselves; a link for readers (`<a>`) does not.
fn named_by_html(text: &str) -> Vec<String> {
    text.split('<')
        .filter(|it| {
            ["link ", "link\n", "script ", "script\n", "img "]
                .iter()
                .any(|tag| it.starts_with(tag))
        })
        .filter_map(|element| element.split('>').next())
        .flat_map(|element| ["src=", "href="].map(|attribute| after(element, attribute)))
        .flatten()
        .map(str::to_owned)
        .collect()
}

fn after<'a>(element: &'a str, attribute: &str) -> Option<&'a str> {
    let value = element.split_once(attribute)?.1;
    match value.chars().next()? {
        quote @ ('"' | '\'') => value[1..].split(quote).next(),
        _ => value.split(char::is_whitespace).next(),
    }
}

/// What `@import` and `url()` name.
fn named_by_css(text: &str) -> Vec<String> {
    let imports = text.split("@import").skip(1).filter_map(quoted);
    let urls = text
        .split("url(")
        .skip(1)
        .filter_map(|it| it.split(')').next())
        .map(|it| it.trim().trim_matches(['"', '\'']));
    imports.chain(urls).map(str::to_owned).collect()
}

/// What static imports name: `from "./x.js"` and `import "./x.js"`.
fn named_by_module(text: &str) -> Vec<String> {
    text.split(['\n', ';'])
        .map(str::trim_start)
        .filter(|it| {
            (it.starts_with("import") && !it.starts_with("import(")) || it.starts_with("export")
        })
        .filter_map(|it| {
            it.rsplit_once("from")
                .map_or_else(|| quoted(it), |(_, it)| quoted(it))
        })
        .filter(|it| it.starts_with('.') || it.starts_with('/'))
        .map(str::to_owned)
        .collect()
}

fn quoted(text: &str) -> Option<&str> {
    let begin = text.find(['"', '\''])?;
    let quote = text[begin..].chars().next()?;
    text[begin + 1..].split(quote).next()
}

/// A path within `dist`, or `None` for what lies elsewhere (`data:`, other hosts).
fn resolved(folder: &str, name: &str) -> Option<String> {
    let name = name.split(['?', '#']).next().unwrap_or_default();
    if name.is_empty() || name.contains(':') || name.starts_with("//") {
        return None;
    }
    let mut parts: Vec<&str> = if name.starts_with('/') {
        Vec::new()
    } else {
        folder.split('/').collect()
    };
    for part in name.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            "." => {}
            other => parts.push(other),
        }
    }
    parts.retain(|it| !it.is_empty());
    Some(parts.join("/"))
}

fn table(weights: &[Weight]) -> String {
    let mut text = format!("{:>10} {:>10}  {:<6} file\n", "raw", "brotli 11", "when");
    for Weight {
        path,
        n_raw,
        n_brotli,
        at_first,
    } in weights
    {
        let when = match (*at_first, widgets::is_for_others(path)) {
            (true, _) => "first",
            (false, true) => "widget",
            (false, false) => "later",
        };
        text += &format!("{n_raw:>10} {n_brotli:>10}  {when:<6} {path}\n");
    }
    let n_raw: usize = weights
        .iter()
        .filter(|it| it.at_first)
        .map(|it| it.n_raw)
        .sum();
    let n_brotli = first_load_size(weights);
    let slack = match FIRST_LOAD_BROTLI.checked_sub(n_brotli) {
        Some(left) => format!("{left} below the budget of {FIRST_LOAD_BROTLI}"),
        None => format!(
            "{} ABOVE the budget of {FIRST_LOAD_BROTLI}",
            n_brotli - FIRST_LOAD_BROTLI
        ),
    };
    text + &format!("{n_raw:>10} {n_brotli:>10}  first load, {slack}\n")
}

fn first_load_size(weights: &[Weight]) -> usize {
    weights
        .iter()
        .filter(|it| it.at_first)
        .map(|it| it.n_brotli)
        .sum()
}

fn within_budget(weights: &[Weight]) -> Result<()> {
    let heavy = weights
        .iter()
        .filter(|it| it.at_first)
        .max_by_key(|it| it.n_brotli);
    let heavy = heavy.ok_or_else(|| anyhow!("dist/ is empty"))?;
    let size = first_load_size(weights);
    if size > FIRST_LOAD_BROTLI {
        bail!(
            "the page's first load is {size} bytes, over the budget of {FIRST_LOAD_BROTLI} (xtask/src/budget.rs); the heaviest is {} with {}",
            heavy.path,
            heavy.n_brotli
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(rows: &[(&str, &str)]) -> Files {
        rows.iter()
            .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn the_first_load_follows_what_loads_by_itself() {
        let files = files(&[
            (
                "index.html",
                "<link rel=stylesheet href=./styles/all.css>\n<link rel=\"preload\" href=\"./x_bg.wasm\" as=fetch>\
                 <script type=\"module\" src=\"./boot.js?v=1\"></script><a href=\"./help.html\">help</a>",
            ),
            (
                "styles/all.css",
                "@import \"./base.css\"; a{background:url(../icons/a.svg)}",
            ),
            (
                "styles/base.css",
                "a{background:url('data:image/png;base64,AA')}",
            ),
            ("icons/a.svg", "<svg/>"),
            (
                "boot.js",
                "import init, { x } from './x.js';\nconst later = () => import('./later.js');",
            ),
            (
                "x.js",
                "import * as s from \"./snippets/s.js\";\n// important: \"./later.js\"\nexport { init };",
            ),
            ("snippets/s.js", ""),
            ("x_bg.wasm", ""),
            ("later.js", ""),
            ("help.html", ""),
        ]);
        let first = first_load(&files).expect("there is a wasm file");
        let later: Vec<&str> = files
            .keys()
            .map(String::as_str)
            .filter(|it| !first.contains(*it))
            .collect();
        assert_eq!(later, ["help.html", "later.js"]);
    }

    #[test]
    fn a_page_without_wasm_is_an_error_and_not_a_light_page() {
        assert!(first_load(&files(&[("index.html", "<p>hello")])).is_err());
    }

    #[test]
    fn weight_above_the_budget_fails_and_weight_at_it_passes() {
        let page = |n_brotli| {
            vec![Weight {
                path: "x.wasm".to_owned(),
                n_raw: 1,
                n_brotli,
                at_first: true,
            }]
        };
        assert!(within_budget(&page(FIRST_LOAD_BROTLI)).is_ok());
        assert!(within_budget(&page(FIRST_LOAD_BROTLI + 1)).is_err());
    }
}
