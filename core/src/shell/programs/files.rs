//! Programs about files: cat, ls, tee, rm and their like.
//!
//! **Left out**: owners, modes and times of files: `ls -l` shows made-up ones.

use super::super::process::Process;
use super::flags::{Flags, text};

/// `cat`, and the pagers, which here do not wait for keys.
pub(super) async fn cat(process: Process) -> u8 {
    let is_cat = process.name() == "cat";
    let known = if is_cat { "nbsuAETv" } else { "NRSFXiMe" };
    let flags = match Flags::read(&process, known, &[("number", 'n')], 1) {
        Ok(it) => it,
        Err(code) => return code,
    };
    let numbers = flags.has('n') || flags.has('N');
    if flags.operands.is_empty()
        && !numbers
        && !flags.has('s')
        && !flags.has('b')
        && !flags.has('E')
        && !flags.has('A')
    {
        // Line by line, so that a stream flows through.
        while let Some(line) = process.read_line().await {
            process.print(&line);
            process.flush().await;
        }
        return 0;
    }
    let operands = if flags.operands.is_empty() {
        vec!["-".to_owned()]
    } else {
        flags.operands.clone()
    };
    let (mut code, mut number, mut was_empty) = (0, 0, false);
    for file in &operands {
        let Some(text) = text(&process, file).await else {
            code = 1;
            continue;
        };
        let mut out = String::new();
        for line in text.split_inclusive('\n') {
            let is_empty = line == "\n";
            if flags.has('s') && is_empty && was_empty {
                continue;
            }
            was_empty = is_empty;
            if numbers || (flags.has('b') && !is_empty) {
                number += 1;
                out.push_str(&format!("{number:6}\t"));
            }
            match line.strip_suffix('\n') {
                Some(it) if flags.has('E') || flags.has('A') => out.push_str(&format!("{it}$\n")),
                _ => out.push_str(line),
            }
        }
        process.print(&out);
        process.flush().await;
    }
    code
}

pub(super) async fn clear(process: Process) -> u8 {
    process.print("\x1b[H\x1b[2J\x1b[3J");
    0
}

pub(super) async fn basename(process: Process) -> u8 {
    let (name, suffix) = match process.arguments() {
        [name] => (name, ""),
        [name, suffix] => (name, suffix.as_str()),
        _ => {
            process.complain("basename: missing operand\n");
            return 1;
        }
    };
    let last = name
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let last = if last.is_empty() && name.starts_with('/') {
        "/"
    } else {
        last
    };
    let bare = last
        .strip_suffix(suffix)
        .filter(|it| !it.is_empty())
        .unwrap_or(last);
    process.print(&format!("{bare}\n"));
    0
}

pub(super) async fn dirname(process: Process) -> u8 {
    for name in process.arguments() {
        let folder = match name.trim_end_matches('/').rsplit_once('/') {
            Some(("", _)) => "/",
            Some((folder, _)) => folder,
            None if name.starts_with('/') => "/",
            None => ".",
        };
        process.print(&format!("{folder}\n"));
    }
    0
}

pub(super) async fn hostname(process: Process) -> u8 {
    let name = process
        .env("HOSTNAME")
        .unwrap_or_else(|| process.place().host_name().to_owned());
    process.print(&format!("{name}\n"));
    0
}

pub(super) async fn ls(process: Process) -> u8 {
    // What is listed, then how: every step looks at the same flags.
    let flags = match Flags::read(&process, "la1AhtrdRFS", &[("all", 'a')], 2) {
        Ok(it) => it,
        Err(code) => return code,
    };
    let operands = if flags.operands.is_empty() {
        vec![".".to_owned()]
    } else {
        flags.operands.clone()
    };
    let (kernel, place) = (process.kernel(), process.place());
    let mut code = 0;
    let mut named: Vec<(String, usize)> = Vec::new();
    let mut folders = Vec::new();
    for operand in &operands {
        let path = process.path(operand);
        if let Some(text) = kernel.read(place, &path) {
            named.push((operand.clone(), text.len()));
        } else if kernel.is_folder(place, &path) {
            let inside = format!("{}/", path.trim_end_matches('/'));
            let mut names: Vec<(String, usize)> = Vec::new();
            for file in kernel
                .files(place)
                .iter()
                .filter_map(|it| it.strip_prefix(&inside).map(str::to_owned))
            {
                let (name, size) = match file.split_once('/') {
                    Some((folder, _)) => (folder.to_owned(), 4096),
                    None => (
                        file.clone(),
                        kernel
                            .read(place, &format!("{inside}{file}"))
                            .map_or(0, |it| it.len()),
                    ),
                };
                if !names.iter().any(|it| it.0 == name)
                    && (!name.starts_with('.') || flags.has('a') || flags.has('A'))
                {
                    names.push((name, size));
                }
            }
            folders.push((operand.clone(), names));
        } else {
            process.complain(&format!(
                "ls: cannot access '{operand}': No such file or directory\n"
            ));
            code = 2;
        }
    }
    let show = |names: &[(String, usize)]| -> String {
        let mut names = names.to_vec();
        names.sort();
        if flags.has('r') {
            names.reverse();
        }
        let date = process.clock().stamp();
        let date = format!(
            "{} {}",
            date.get(..10).unwrap_or_default(),
            date.get(11..16).unwrap_or_default()
        );
        let lines = names.iter().map(|(name, size)| match flags.has('l') {
            true => format!("-rw-r--r-- 1 root root {size:5} {date} {name}\n"),
            false => format!("{name}\n"),
        });
        lines.collect()
    };
    process.print(&show(&named));
    let heads = operands.len() > 1;
    for (idx, (operand, names)) in folders.iter().enumerate() {
        if heads {
            let space = if idx > 0 || !named.is_empty() {
                "\n"
            } else {
                ""
            };
            process.print(&format!("{space}{operand}:\n"));
        }
        process.print(&show(names));
    }
    code
}

/// A folder is there once a file is in it: a file that `ls` hides.
pub(super) async fn mkdir(process: Process) -> u8 {
    for name in process.arguments().iter().filter(|it| !it.starts_with('-')) {
        process.write_file(&format!("{name}/.keep"), "");
    }
    0
}

pub(super) async fn touch(process: Process) -> u8 {
    for name in process.arguments().iter().filter(|it| !it.starts_with('-')) {
        if process
            .kernel()
            .read(process.place(), &process.path(name))
            .is_none()
        {
            process.write_file(name, "");
        }
    }
    0
}

pub(super) async fn rm(process: Process) -> u8 {
    let flags = match Flags::read(&process, "rfRvi", &[("recursive", 'r'), ("force", 'f')], 1) {
        Ok(it) => it,
        Err(code) => return code,
    };
    let (kernel, place) = (process.kernel(), process.place());
    let mut code = 0;
    for name in &flags.operands {
        let path = process.path(name);
        if kernel.read(place, &path).is_some() {
            kernel.remove(place, &path);
        } else if kernel.is_folder(place, &path) {
            if !flags.has('r') && !flags.has('R') {
                process.complain(&format!("rm: cannot remove '{name}': Is a directory\n"));
                code = 1;
                continue;
            }
            let inside = format!("{}/", path.trim_end_matches('/'));
            for file in kernel
                .files(place)
                .iter()
                .filter(|it| it.starts_with(&inside))
            {
                kernel.remove(place, file);
            }
        } else if !flags.has('f') {
            process.complain(&format!(
                "rm: cannot remove '{name}': No such file or directory\n"
            ));
            code = 1;
        }
    }
    code
}

/// `cp` and `mv` of files.
pub(super) async fn cp(process: Process) -> u8 {
    let flags = match Flags::read(&process, "rfaRvip", &[], 1) {
        Ok(it) => it,
        Err(code) => return code,
    };
    let name = process.name().to_owned();
    let Some((target, sources)) = flags.operands.split_last().filter(|it| !it.1.is_empty()) else {
        process.complain(&format!(
            "{name}: missing file operand\nTry '{name} --help' for more information.\n"
        ));
        return 1;
    };
    let into = process
        .kernel()
        .is_folder(process.place(), &process.path(target));
    let mut code = 0;
    for source in sources {
        let Some(text) = text(&process, source).await else {
            code = 1;
            continue;
        };
        let last = source.rsplit('/').next().unwrap_or_default();
        process.write_file(
            &if into {
                format!("{target}/{last}")
            } else {
                target.clone()
            },
            &text,
        );
        if name == "mv" {
            process
                .kernel()
                .remove(process.place(), &process.path(source));
        }
    }
    code
}

pub(super) async fn tee(process: Process) -> u8 {
    let flags = match Flags::read(&process, "ai", &[("append", 'a')], 1) {
        Ok(it) => it,
        Err(code) => return code,
    };
    for file in flags.operands.iter().filter(|_| !flags.has('a')) {
        process.write_file(file, "");
    }
    while let Some(line) = process.read_line().await {
        process.print(&line);
        for file in &flags.operands {
            process.append_file(file, &line);
        }
        process.flush().await;
    }
    0
}
