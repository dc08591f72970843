//! Commands that the shell runs itself, because they change it or are all too common.
//!
//! POSIX.1-2017 "Shell Command Language" 2.14 (special ones) and the utilities dash 0.5.12 builds in. `echo` is
//! dash's: it reads backslashes.
//!
//! **Left out**: `fg`, `bg`, `getopts`, `ulimit`, `umask`, `alias`, `hash`, `times`.

use super::condition;
use super::parse::is_name;
use super::printf;
use super::run::{Flow, Run};
use super::scope::Variable;
use super::streams::Streams;

const SPECIAL: [&str; 15] = [
    ":", "break", "continue", ".", "source", "eval", "exec", "exit", "export", "readonly",
    "return", "set", "shift", "trap", "unset",
];

const USUAL: [&str; 18] = [
    "cd", "pwd", "echo", "printf", "test", "[", "[[", "read", "true", "false", "wait", "jobs",
    "kill", "local", "type", "command", "history", "help",
];

pub(super) fn is_special(name: &str) -> bool {
    SPECIAL.contains(&name)
}

pub(super) fn is_one(name: &str) -> bool {
    is_special(name) || USUAL.contains(&name)
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SPECIAL.into_iter().chain(USUAL)
}

/// Runs one.
pub(super) async fn run(shell: &Run, args: &[String], streams: &Streams) -> Flow {
    let name = args[0].as_str();
    let rest = &args[1..];
    let number = || rest.first().and_then(|it| it.parse::<usize>().ok());
    let code = match name {
        ":" | "true" => 0,
        "false" => 1,
        "break" | "continue" => {
            shell.scope.status.set(0);
            let n_loops = number().unwrap_or(1).max(1);
            return if name == "break" {
                Flow::Break(n_loops)
            } else {
                Flow::Continue(n_loops)
            };
        }
        "exit" | "return" => {
            if let Some(it) = rest.first() {
                match it.parse::<i64>() {
                    Ok(it) => shell.scope.status.set(it.rem_euclid(256) as u8),
                    Err(_) => {
                        shell.write(streams, 2, &format!("sh: {name}: Illegal number: {it}\n"));
                        shell.scope.status.set(2);
                    }
                }
            }
            if name == "return" {
                return Flow::Return;
            }
            shell.scope.has_exited.set(true);
            return Flow::Exit;
        }
        "eval" | "." | "source" => return nested(shell, name, rest, streams).await,
        "exec" => {
            if rest.is_empty() {
                return Flow::On;
            }
            let code = Box::pin(shell.launch(rest.to_vec(), streams.clone())).await;
            shell.scope.status.set(code);
            return Flow::Exit;
        }
        "command" => match rest.first().map(String::as_str) {
            Some("-v" | "-V") => kinds(shell, &rest[1..], streams),
            Some(_) => Box::pin(shell.launch(rest.to_vec(), streams.clone())).await,
            None => 0,
        },
        "read" => read(shell, rest, streams).await,
        "wait" => wait(shell, rest).await,
        "shift" => shift(shell, number().unwrap_or(1)),
        "test" | "[" | "[[" => test(shell, args, streams),
        _ => immediate(shell, name, rest, streams),
    };
    shell.scope.status.set(code);
    Flow::On
}

/// Those that take no time and change nothing about what runs next.
fn immediate(shell: &Run, name: &str, rest: &[String], streams: &Streams) -> u8 {
    // A table: one arm for each builtin.
    match name {
        "export" | "readonly" => export(shell, name, rest, streams),
        "unset" => {
            for it in rest.iter().filter(|it| !it.starts_with('-')) {
                shell.scope.variables.borrow_mut().remove(it);
                shell.scope.functions.borrow_mut().remove(it);
            }
            0
        }
        "set" => set(shell, rest, streams),
        "trap" => {
            if let [action, signals @ ..] = rest
                && signals.iter().any(|it| matches!(it.as_str(), "EXIT" | "0"))
            {
                shell
                    .scope
                    .trap
                    .replace((action != "-").then(|| action.clone()));
            }
            0
        }
        "cd" => cd(shell, rest, streams),
        "pwd" => {
            let folder = shell.scope.folder.borrow().clone();
            shell.write(streams, 1, &format!("{folder}\n"));
            0
        }
        "echo" => {
            shell.write(streams, 1, &printf::echo(rest));
            0
        }
        "printf" => match printf::printf(rest) {
            Ok((text, complaints)) => {
                shell.write(streams, 1, &text);
                let code = u8::from(!complaints.is_empty());
                shell.write(streams, 2, &complaints);
                code
            }
            Err(message) => {
                shell.write(streams, 2, &format!("sh: printf: {message}\n"));
                2
            }
        },
        "jobs" => jobs(shell, streams),
        "kill" => kill(shell, rest, streams),
        "local" => local(shell, rest, streams),
        "type" => kinds(shell, rest, streams),
        "help" => {
            let mut known: Vec<&str> = names().chain(super::programs::names()).collect();
            known.sort_unstable();
            let here = shell.kernel.system.programs(&shell.scope.place);
            let text = format!(
                "Of the shell: {}\nHere: {}\n",
                known.join(" "),
                here.join(" ")
            );
            shell.write(streams, 1, &text);
            0
        }
        "history" => {
            shell.write(streams, 1, &shell.kernel.history.borrow());
            0
        }
        _ => 0,
    }
}

/// `eval` and `.`: their text runs in this very process.
async fn nested(shell: &Run, name: &str, rest: &[String], streams: &Streams) -> Flow {
    let text = match (name, rest.first()) {
        ("eval", _) => rest.join(" "),
        (_, None) => return Flow::On,
        (_, Some(file)) => {
            let path = super::process::absolute(&shell.scope.folder.borrow(), file);
            match shell.kernel.read(&shell.scope.place, &path) {
                Some(it) => it,
                None => {
                    shell.write(
                        streams,
                        2,
                        &format!("sh: .: cannot open {file}: No such file\n"),
                    );
                    shell.scope.status.set(2);
                    return Flow::Exit;
                }
            }
        }
    };
    match super::parse::parse(&text) {
        Ok(script) => {
            shell.scope.status.set(0);
            match shell.script(&script, streams).await {
                Flow::Return if name != "eval" => Flow::On,
                flow => flow,
            }
        }
        Err(fault) => {
            shell.write(streams, 2, &format!("{fault}\n"));
            shell.scope.status.set(2);
            Flow::Exit
        }
    }
}

fn test(shell: &Run, args: &[String], streams: &Streams) -> u8 {
    let (name, mut rest) = (args[0].as_str(), &args[1..]);
    if name != "test" {
        let end = if name == "[" { "]" } else { "]]" };
        match rest.split_last() {
            Some((last, others)) if last == end => rest = others,
            _ => {
                shell.write(streams, 2, &format!("sh: {name}: missing {end}\n"));
                return 2;
            }
        }
    }
    match condition::holds(shell, rest, streams) {
        Ok(it) => u8::from(!it),
        Err(message) => {
            shell.write(streams, 2, &format!("sh: {name}: {message}\n"));
            2
        }
    }
}

fn export(shell: &Run, name: &str, rest: &[String], streams: &Streams) -> u8 {
    let words: Vec<&String> = rest.iter().filter(|it| *it != "-p").collect();
    if words.is_empty() {
        let variables = shell.scope.variables.borrow().clone();
        let counts = |it: &Variable| {
            if name == "export" {
                it.is_exported
            } else {
                it.is_fixed
            }
        };
        for (variable, it) in variables.iter().filter(|it| counts(it.1)) {
            shell.write(
                streams,
                1,
                &format!("{name} {variable}={}\n", quote(&it.value)),
            );
        }
    }
    for word in words {
        let (variable, value) = word
            .split_once('=')
            .map_or((word.as_str(), None), |it| (it.0, Some(it.1)));
        if !is_name(variable) {
            shell.write(
                streams,
                2,
                &format!("sh: {name}: {variable}: bad variable name\n"),
            );
            return 2;
        }
        if let Some(Err(message)) = value.map(|it| shell.scope.set(variable, it)) {
            shell.write(streams, 2, &format!("sh: {message}\n"));
            return 2;
        }
        if name == "export" {
            shell.scope.export(variable);
        } else {
            shell
                .scope
                .variables
                .borrow_mut()
                .entry(variable.to_owned())
                .or_default()
                .is_fixed = true;
        }
    }
    0
}

/// In single quotes, as dash lists values.
fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\"'\"'"))
}

fn set(shell: &Run, rest: &[String], streams: &Streams) -> u8 {
    if rest.is_empty() {
        for (name, it) in shell.scope.variables.borrow().iter() {
            shell.write(streams, 1, &format!("{name}={}\n", quote(&it.value)));
        }
        return 0;
    }
    let mut options = shell.scope.options.get();
    let mut words = rest.iter();
    while let Some(word) = words.clone().next() {
        let is_on = word.starts_with('-');
        if word == "--" || word == "-" {
            words.next();
            shell.scope.arguments.replace(words.cloned().collect());
            shell.scope.options.set(options);
            return 0;
        }
        if !(is_on || word.starts_with('+')) || word.len() < 2 {
            shell.scope.arguments.replace(words.cloned().collect());
            break;
        }
        words.next();
        for letter in word[1..].chars() {
            match letter {
                'e' => options.ends_on_failure = is_on,
                'u' => options.needs_set = is_on,
                'x' => options.says_commands = is_on,
                'f' => options.keeps_patterns = is_on,
                'o' => match words.next().map(String::as_str) {
                    Some("pipefail") => options.counts_all = is_on,
                    Some("errexit") => options.ends_on_failure = is_on,
                    Some("nounset") => options.needs_set = is_on,
                    Some("xtrace") => options.says_commands = is_on,
                    Some("noglob") => options.keeps_patterns = is_on,
                    _ => {}
                },
                // The others change nothing that can be seen here.
                'a' | 'b' | 'm' | 'n' | 'v' | 'C' | 'h' | 'i' => {}
                other => {
                    shell.write(streams, 2, &format!("sh: set: Illegal option -{other}\n"));
                    return 2;
                }
            }
        }
    }
    shell.scope.options.set(options);
    0
}

fn cd(shell: &Run, rest: &[String], streams: &Streams) -> u8 {
    let scope = &shell.scope;
    let old = scope.folder.borrow().clone();
    let target = match rest.first().map(String::as_str) {
        None => scope.value("HOME").unwrap_or_default(),
        Some("-") => scope.value("OLDPWD").unwrap_or_else(|| old.clone()),
        Some(it) => it.to_owned(),
    };
    let path = super::process::absolute(&old, &target);
    if !shell.kernel.is_folder(&scope.place, &path) {
        shell.write(streams, 2, &format!("sh: cd: can't cd to {target}\n"));
        return 2;
    }
    if rest.first().is_some_and(|it| it == "-") {
        shell.write(streams, 1, &format!("{path}\n"));
    }
    // Neither can be read-only here, and if it is, the folder is what counts.
    let _ = scope.set("OLDPWD", &old);
    let _ = scope.set("PWD", &path);
    scope.folder.replace(path);
    0
}

async fn read(shell: &Run, rest: &[String], streams: &Streams) -> u8 {
    let mut is_raw = false;
    let mut names: Vec<&str> = Vec::new();
    let mut words = rest.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "-r" => is_raw = true,
            "-p" => shell.write(streams, 2, words.next().unwrap_or_default()),
            _ => names.push(word),
        }
    }
    let Some(input) = streams.input(0) else {
        return 1;
    };
    let mut line: Vec<(char, bool)> = Vec::new();
    let is_whole = loop {
        let text = shell
            .kernel
            .wait_for(None, || input.take_line(&shell.kernel))
            .await
            .unwrap_or_default();
        let is_whole = text.ends_with('\n');
        let mut chars = text.trim_end_matches('\n').chars();
        let mut goes_on = false;
        while let Some(it) = chars.next() {
            match it {
                '\\' if !is_raw => match chars.next() {
                    Some(it) => line.push((it, true)),
                    None => goes_on = is_whole,
                },
                it => line.push((it, false)),
            }
        }
        if !goes_on {
            break is_whole;
        }
    };
    let separators = shell
        .scope
        .value("IFS")
        .unwrap_or_else(|| " \t\n".to_owned());
    let names = if names.is_empty() {
        vec!["REPLY"]
    } else {
        names
    };
    for (name, value) in names
        .iter()
        .zip(split_line(&line, &separators, names.len()))
    {
        if let Err(message) = shell.scope.set(name, &value) {
            shell.write(streams, 2, &format!("sh: {message}\n"));
            return 2;
        }
    }
    u8::from(!is_whole)
}

/// A line in so many parts; the last one is all the rest.
fn split_line(line: &[(char, bool)], separators: &str, n_parts: usize) -> Vec<String> {
    let is_separator = |it: &(char, bool)| !it.1 && separators.contains(it.0);
    let is_blank = |it: &(char, bool)| is_separator(it) && it.0.is_whitespace();
    let mut rest = line;
    let skip = |mut rest: &'_ [(char, bool)]| -> usize {
        let before = rest.len();
        while rest.first().is_some_and(is_blank) {
            rest = &rest[1..];
        }
        before - rest.len()
    };
    let mut parts = Vec::new();
    rest = &rest[skip(rest)..];
    while parts.len() + 1 < n_parts {
        let end = rest.iter().position(is_separator).unwrap_or(rest.len());
        parts.push(rest[..end].iter().map(|it| it.0).collect());
        rest = &rest[end..];
        rest = &rest[skip(rest)..];
        if rest.first().is_some_and(is_separator) {
            rest = &rest[1..];
            rest = &rest[skip(rest)..];
        }
    }
    while rest.last().is_some_and(is_blank) {
        rest = &rest[..rest.len() - 1];
    }
    if rest.last().is_some_and(is_separator)
        && rest.iter().filter(|it| is_separator(it)).count() == 1
    {
        rest = &rest[..rest.len() - 1];
    }
    parts.push(rest.iter().map(|it| it.0).collect());
    parts
}

async fn wait(shell: &Run, rest: &[String]) -> u8 {
    let jobs = shell.scope.jobs.borrow().clone();
    let mut code = 0;
    if rest.is_empty() {
        for job in &jobs {
            shell.kernel.wait_for(None, || job.status.get()).await;
        }
        shell.scope.jobs.borrow_mut().clear();
        return 0;
    }
    for word in rest {
        let Some(job) = jobs.iter().find(|it| is_named(it.pid, it.number, word)) else {
            code = 127;
            continue;
        };
        code = shell
            .kernel
            .wait_for(None, || job.status.get())
            .await
            .unwrap_or_default();
        shell.scope.jobs.borrow_mut().retain(|it| it.pid != job.pid);
    }
    code
}

/// `%1`, or the process.
fn is_named(pid: u32, number: usize, word: &str) -> bool {
    match word.strip_prefix('%') {
        Some(it) => it.parse() == Ok(number),
        None => word.parse() == Ok(pid),
    }
}

fn jobs(shell: &Run, streams: &Streams) -> u8 {
    let jobs = shell.scope.jobs.borrow().clone();
    let newest = jobs.last().map(|it| it.number);
    for job in &jobs {
        let sign = if Some(job.number) == newest { '+' } else { '-' };
        let state = match job.status.get() {
            None => "Running".to_owned(),
            Some(0) => "Done".to_owned(),
            Some(code) if code > 128 => "Terminated".to_owned(),
            Some(code) => format!("Done({code})"),
        };
        shell.write(
            streams,
            1,
            &format!("[{}] {sign} {state:<26} {}\n", job.number, job.text),
        );
    }
    shell
        .scope
        .jobs
        .borrow_mut()
        .retain(|it| it.status.get().is_none());
    0
}

fn kill(shell: &Run, rest: &[String], streams: &Streams) -> u8 {
    let mut number = 15;
    let mut code = 0;
    let mut words = rest.iter().map(String::as_str);
    let jobs = shell.scope.jobs.borrow().clone();
    while let Some(word) = words.next() {
        let named = if word == "-s" {
            words.next()
        } else {
            word.strip_prefix('-')
        };
        if let Some(name) = named {
            number = signal_number(name).unwrap_or(15);
            continue;
        }
        match jobs.iter().find(|it| is_named(it.pid, it.number, word)) {
            // Signal 0 only asks whether it is there.
            Some(job) if job.status.get().is_none() => {
                if number != 0 {
                    job.signal.send(number);
                }
            }
            _ => {
                shell.write(streams, 2, "sh: kill: No such process\n");
                code = 1;
            }
        }
    }
    shell.kernel.note_progress();
    code
}

pub(super) fn signal_number(name: &str) -> Option<u8> {
    Some(match name.trim_start_matches("SIG") {
        "HUP" => 1,
        "INT" => 2,
        "QUIT" => 3,
        "KILL" => 9,
        "PIPE" => 13,
        "TERM" => 15,
        it => it.parse().ok().filter(|it| *it < 65)?,
    })
}

fn local(shell: &Run, rest: &[String], streams: &Streams) -> u8 {
    for word in rest {
        let (name, value) = word
            .split_once('=')
            .map_or((word.as_str(), None), |it| (it.0, Some(it.1)));
        if !is_name(name) {
            shell.write(
                streams,
                2,
                &format!("sh: local: {name}: bad variable name\n"),
            );
            return 2;
        }
        let mut locals = shell.scope.locals.borrow_mut();
        let Some(hidden) = locals.last_mut() else {
            shell.write(streams, 2, "sh: local: not in a function\n");
            return 2;
        };
        hidden.push((
            name.to_owned(),
            shell.scope.variables.borrow().get(name).cloned(),
        ));
        if let Some(Err(message)) = value.map(|it| shell.scope.set(name, it)) {
            shell.write(streams, 2, &format!("sh: {message}\n"));
            return 2;
        }
    }
    0
}

fn shift(shell: &Run, n: usize) -> u8 {
    let mut arguments = shell.scope.arguments.borrow_mut();
    if n > arguments.len() {
        return 2;
    }
    arguments.drain(..n);
    0
}

/// `type`, `command -v`
fn kinds(shell: &Run, rest: &[String], streams: &Streams) -> u8 {
    let mut code = 0;
    for name in rest {
        match shell.kind_of(name) {
            Some("program") => shell.write(streams, 1, &format!("/usr/bin/{name}\n")),
            Some(_) => shell.write(streams, 1, &format!("{name}\n")),
            None => code = 127,
        }
    }
    code
}
