//! Programs about other programs and about time: env, xargs, timeout, watch, sleep, date.
//!
//! GNU coreutils 9.1, findutils 4.9, procps 4.0.
//!
//! **Left out**: zones other than UTC; a `watch` that redraws a screen: each look is printed beneath the last.

use super::super::builtins::signal_number;
use super::super::process::{Process, Signal, until_signalled};
use super::flags::Flags;
use crate::time::{Duration, stamp, unix_secs};
use std::future::Future;

/// How often a `watch` looks at most.
const MAX_LOOKS: usize = 10_000;

/// A length of time: `2`, `0.5`, `10s`, `2m`, `1h`, `1d`, and kubectl's `500ms`.
fn length(text: &str) -> Option<Duration> {
    let (digits, unit) = match text.strip_suffix("ms") {
        Some(it) => (it, 1.0),
        None => match text.char_indices().last()? {
            (at, 's') => (&text[..at], 1e3),
            (at, 'm') => (&text[..at], 6e4),
            (at, 'h') => (&text[..at], 3.6e6),
            (at, 'd') => (&text[..at], 8.64e7),
            _ => (text, 1e3),
        },
    };
    if digits == "infinity" {
        return Some(Duration::from_secs(1_000_000));
    }
    let number: f64 = digits.parse().ok()?;
    let ms = number * unit;
    // Beyond a century nobody counts.
    (number >= 0.0 && ms < 4e12).then(|| Duration::from_millis(ms.round() as u64))
}

pub(super) async fn sleep(process: Process) -> u8 {
    if process.arguments().is_empty() {
        process.complain("sleep: missing operand\nTry 'sleep --help' for more information.\n");
        return 1;
    }
    let mut ms = 0;
    for word in process.arguments() {
        match length(word) {
            Some(it) => ms += it.as_millis(),
            None => {
                process.complain(&format!("sleep: invalid time interval '{word}'\nTry 'sleep --help' for more information.\n"));
                return 1;
            }
        }
    }
    process.sleep(Duration::from_millis(ms)).await;
    0
}

pub(super) async fn timeout(process: Process) -> u8 {
    // The forms of the command line, then the race of the command with the clock.
    let mut words = process.arguments();
    let mut signal_sent = 15;
    let mut keeps_status = false;
    while let Some(flag) = words.first().filter(|it| it.starts_with('-')) {
        let (name, value) = flag
            .split_once('=')
            .map_or((flag.as_str(), None), |it| (it.0, Some(it.1)));
        words = &words[1..];
        match name {
            "-s" | "--signal" | "-k" | "--kill-after" => {
                let value = match value {
                    Some(it) => it.to_owned(),
                    None => {
                        let (first, rest) = words
                            .split_first()
                            .map_or((String::new(), words), |it| (it.0.clone(), it.1));
                        words = rest;
                        first
                    }
                };
                if name.ends_with('s') || name.ends_with("signal") {
                    signal_sent = signal_number(&value).unwrap_or(15);
                }
            }
            "--preserve-status" => keeps_status = true,
            "--foreground" | "-v" | "--verbose" => {}
            // BusyBox of old: `timeout -t 2 command`
            "-t" => {}
            _ => {
                process.complain(&format!("timeout: unrecognized option '{flag}'\nTry 'timeout --help' for more information.\n"));
                return 125;
            }
        }
    }
    let [limit, command @ ..] = words else {
        process.complain("timeout: missing operand\nTry 'timeout --help' for more information.\n");
        return 125;
    };
    let Some(limit) = length(limit) else {
        process.complain(&format!(
            "timeout: invalid time interval '{limit}'\nTry 'timeout --help' for more information.\n"
        ));
        return 125;
    };
    if command.is_empty() {
        process.complain("timeout: missing operand\nTry 'timeout --help' for more information.\n");
        return 125;
    }
    let signal = Signal::default();
    let inner = process.under(&signal);
    let until = process.now() + limit;
    let running = async { inner.execute(command).await };
    let mut running = Box::pin(until_signalled(&signal, running));
    let kernel = process.kernel();
    let watched = std::future::poll_fn(|context| {
        let polled = running.as_mut().poll(context);
        if polled.is_pending() && limit.as_millis() > 0 {
            if kernel.now() >= until {
                signal.send(signal_sent);
                return running.as_mut().poll(context);
            }
            kernel.note_wake(until);
        }
        polled
    });
    match watched.await {
        Ok(code) => code,
        Err(number) if number == signal_sent && !keeps_status && signal_sent != 9 => 124,
        Err(number) => 128 + number,
    }
}

pub(super) async fn watch(process: Process) -> u8 {
    let mut interval = Duration::from_secs(2);
    let mut words = process.arguments();
    let mut shows_title = true;
    let mut is_exec = false;
    while let Some(flag) = words.first().filter(|it| it.starts_with('-')) {
        words = &words[1..];
        match flag.as_str() {
            "-n" | "--interval" => {
                let told = words.first().and_then(|it| length(it));
                let Some(told) = told else {
                    process.complain("watch: failed to parse argument\n");
                    return 1;
                };
                interval = Duration::from_millis(told.as_millis().max(100));
                words = &words[1..];
            }
            "-t" | "--no-title" => shows_title = false,
            "-x" | "--exec" => is_exec = true,
            "-d" | "-c" | "-b" | "-e" | "-g" | "--differences" => {}
            other => match other.strip_prefix("-n").and_then(length) {
                Some(it) => interval = Duration::from_millis(it.as_millis().max(100)),
                None => {
                    process.complain(&format!(
                        "watch: invalid option -- '{}'\n",
                        other.trim_start_matches('-')
                    ));
                    return 1;
                }
            },
        }
    }
    if words.is_empty() {
        process.complain("Usage:\n watch [options] command\n");
        return 1;
    }
    let command = words.join(" ");
    for look in 0..MAX_LOOKS {
        if look > 0 {
            process.print("\n");
        }
        if shows_title {
            let secs = interval.as_millis() as f64 / 1000.0;
            let host = process.place().host_name();
            process.print(&format!(
                "Every {secs:.1}s: {command}    {host}: {}\n\n",
                ctime(process.clock().stamp().as_str())
            ));
        }
        match is_exec {
            true => process.execute(words).await,
            false => process.script(&command, "sh", Vec::new()).await,
        };
        process.sleep(interval).await;
    }
    0
}

const DAYS: [&str; 7] = [
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `Thu Jan  1 00:00:00 2026`
fn ctime(stamp: &str) -> String {
    formatted(unix_secs(stamp).unwrap_or(0), 0, "%a %b %e %H:%M:%S %Y")
}

/// A date in the words of `strftime`.
fn formatted(secs: i64, ms: u64, format: &str) -> String {
    // A table: one arm for each letter of `strftime`.
    let text = stamp(secs);
    let field = |from: usize, to: usize| text.get(from..to).unwrap_or_default().to_owned();
    let (year, month, day) = (field(0, 4), field(5, 7), field(8, 10));
    let month_name = MONTHS[month
        .parse::<usize>()
        .map_or(0, |it| it.saturating_sub(1))
        .min(11)];
    let day_name = DAYS[usize::try_from(secs.div_euclid(86_400).rem_euclid(7)).unwrap_or(0)];
    let first = unix_secs(&format!("{year}-01-01T00:00:00Z")).unwrap_or(secs);
    let hour: u32 = field(11, 13).parse().unwrap_or(0);
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(it) = chars.next() {
        if it != '%' {
            out.push(it);
            continue;
        }
        let mut kind = chars.next();
        // `%-d`, `%3N`: without the padding, or with fewer digits.
        let bare = kind == Some('-');
        let digits = kind.and_then(|it| it.to_digit(10));
        if bare || digits.is_some() {
            kind = chars.next();
        }
        let text = match kind {
            Some('Y') => year.clone(),
            Some('y') => field(2, 4),
            Some('m') => month.clone(),
            Some('d') => day.clone(),
            Some('e') => format!("{:>2}", day.trim_start_matches('0')),
            Some('H') => field(11, 13),
            Some('I') => format!("{:02}", (hour + 11) % 12 + 1),
            Some('p') => (if hour < 12 { "AM" } else { "PM" }).to_owned(),
            Some('M') => field(14, 16),
            Some('S') => field(17, 19),
            Some('s') => secs.to_string(),
            Some('N') => format!("{:09}", ms * 1_000_000)
                [..digits.map_or(9, |it| it.clamp(1, 9) as usize)]
                .to_owned(),
            Some('F') => field(0, 10),
            Some('T') => field(11, 19),
            Some('R') => field(11, 16),
            Some('D') => format!("{month}/{day}/{}", field(2, 4)),
            Some('a') => day_name[..3].to_owned(),
            Some('A') => day_name.to_owned(),
            Some('b' | 'h') => month_name[..3].to_owned(),
            Some('B') => month_name.to_owned(),
            Some('j') => format!("{:03}", (secs - first) / 86_400 + 1),
            Some('u') => ((secs.div_euclid(86_400) + 3).rem_euclid(7) + 1).to_string(),
            Some('w') => (secs.div_euclid(86_400) + 4).rem_euclid(7).to_string(),
            Some('Z') => "UTC".to_owned(),
            Some('z') => "+0000".to_owned(),
            Some('c') => formatted(secs, ms, "%a %b %e %H:%M:%S %Y"),
            Some('n') => "\n".to_owned(),
            Some('t') => "\t".to_owned(),
            Some('%') => "%".to_owned(),
            Some(other) => format!("%{other}"),
            None => "%".to_owned(),
        };
        out.push_str(if bare && text.len() > 1 {
            text.trim_start_matches('0')
        } else {
            &text
        });
    }
    out
}

pub(super) async fn date(process: Process) -> u8 {
    let clock = process.clock();
    let mut secs = unix_secs(&clock.stamp()).unwrap_or(0);
    let ms = clock.now.as_millis() % 1000;
    let mut format = "%a %b %e %H:%M:%S UTC %Y".to_owned();
    let mut words = process.arguments().iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-u" | "--utc" => {}
            "-R" => format = "%a, %d %b %Y %H:%M:%S +0000".to_owned(),
            "-Is" | "--iso-8601=seconds" => format = "%Y-%m-%dT%H:%M:%S+00:00".to_owned(),
            "-I" => format = "%F".to_owned(),
            "-d" => {
                let told = words.next().map_or("", String::as_str);
                match told
                    .strip_prefix('@')
                    .map_or_else(|| unix_secs(told), |it| it.parse().ok())
                {
                    // What lies beyond the years of four digits has no date here.
                    Some(it) if (-62_167_219_200..253_402_300_800).contains(&it) => secs = it,
                    _ => {
                        process.complain(&format!("date: invalid date '{told}'\n"));
                        return 1;
                    }
                }
            }
            it => match it.strip_prefix('+') {
                Some(told) => format = told.to_owned(),
                None => {
                    process.complain(&format!("date: invalid date '{it}'\n"));
                    return 1;
                }
            },
        }
    }
    process.print(&format!("{}\n", formatted(secs, ms, &format)));
    0
}

pub(super) async fn time(process: Process) -> u8 {
    let began = process.now();
    let code = process.execute(process.arguments()).await;
    let ms = (process.now() - began).as_millis();
    let (minutes, secs) = (ms / 60_000, ms % 60_000);
    process.complain(&format!(
        "real\t{minutes}m {}.{:02}s\nuser\t0m 0.00s\nsys\t0m 0.00s\n",
        secs / 1000,
        secs % 1000 / 10
    ));
    code
}

pub(super) async fn env(process: Process) -> u8 {
    let words = process.arguments();
    let mut rest = words;
    let mut inner = process.clone();
    let mut assignments = Vec::new();
    let mut is_bare = false;
    while let Some(word) = rest.first() {
        match word.as_str() {
            "-i" | "-" => is_bare = true,
            "-u" => {
                rest = &rest[1..];
                if let Some(name) = rest.first() {
                    assignments.push((name.clone(), None));
                }
            }
            it => match it.split_once('=') {
                Some((name, value)) => assignments.push((name.to_owned(), Some(value.to_owned()))),
                None => break,
            },
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    inner.run = process.run.subshell();
    if is_bare {
        inner
            .run
            .scope
            .variables
            .borrow_mut()
            .retain(|_, it| !it.is_exported);
    }
    for (name, value) in assignments {
        match value {
            Some(value) => {
                if inner.run.scope.set(&name, &value).is_ok() {
                    inner.run.scope.export(&name);
                }
            }
            None => {
                inner.run.scope.variables.borrow_mut().remove(&name);
            }
        }
    }
    if rest.is_empty() {
        for (name, value) in inner.environment() {
            process.print(&format!("{name}={value}\n"));
        }
        return 0;
    }
    inner.execute(rest).await
}

pub(super) async fn printenv(process: Process) -> u8 {
    if process.arguments().is_empty() {
        return env(process).await;
    }
    let mut code = 0;
    for name in process.arguments() {
        match process.env(name) {
            Some(value) => process.print(&format!("{value}\n")),
            None => code = 1,
        }
    }
    code
}

pub(super) async fn seq(process: Process) -> u8 {
    // The forms of the command line, then the numbers in the form that these ask for.
    let mut words = process.arguments().to_vec();
    let mut separator = "\n".to_owned();
    let mut pads = false;
    while let Some(flag) = words
        .first()
        .filter(|it| it.starts_with('-') && it.parse::<f64>().is_err())
        .cloned()
    {
        words.remove(0);
        match flag.as_str() {
            "-s" if !words.is_empty() => separator = words.remove(0),
            "-w" => pads = true,
            it if it.starts_with("-s") && it.len() > 2 => separator = it[2..].to_owned(),
            _ => {
                process.complain(&format!(
                    "seq: invalid option -- '{}'\n",
                    flag.trim_start_matches('-')
                ));
                return 1;
            }
        }
    }
    let mut numbers = Vec::new();
    for word in &words {
        match word.parse::<f64>() {
            Ok(it) if it.is_finite() => numbers.push(it),
            _ => {
                process.complain(&format!("seq: invalid floating point argument: '{word}'\nTry 'seq --help' for more information.\n"));
                return 1;
            }
        }
    }
    let (first, step, last) = match numbers.as_slice() {
        [last] => (1.0, 1.0, *last),
        [first, last] => (*first, 1.0, *last),
        [first, step, last] => (*first, *step, *last),
        _ => {
            process.complain("seq: missing operand\nTry 'seq --help' for more information.\n");
            return 1;
        }
    };
    if step == 0.0 {
        process.complain("seq: invalid Zero increment value: '0'\n");
        return 1;
    }
    let decimals = |it: &String| it.split_once('.').map_or(0, |it| it.1.len().min(15));
    let decimals = words.iter().map(decimals).max().unwrap_or(0);
    let width = if pads {
        words.iter().map(String::len).max().unwrap_or(0)
    } else {
        0
    };
    let mut all = Vec::new();
    let mut at = first;
    while (if step > 0.0 {
        at <= last + 1e-9
    } else {
        at >= last - 1e-9
    }) && all.len() < 200_000
    {
        let text = format!("{at:.decimals$}");
        all.push(format!("{text:0>width$}"));
        at = first + step * all.len() as f64;
    }
    if !all.is_empty() {
        process.print(&format!("{}\n", all.join(&separator)));
    }
    0
}

pub(super) async fn sh(process: Process) -> u8 {
    let words = process.arguments();
    let flags = words
        .iter()
        .take_while(|it| it.starts_with('-') && it.len() > 1);
    let n_flags = flags.clone().count();
    let reads_text = flags
        .clone()
        .any(|it| it.contains('c') && !it.starts_with("--"));
    let traced = flags.clone().any(|it| it.contains('x'));
    let fails = flags.clone().any(|it| it.contains('e'));
    let rest = &words[n_flags..];
    let prefix = format!(
        "{}{}",
        if traced { "set -x;" } else { "" },
        if fails { "set -e;" } else { "" }
    );
    if reads_text {
        let Some((text, rest)) = rest.split_first() else {
            process.complain("sh: -c requires an argument\n");
            return 2;
        };
        let args = rest.get(1..).unwrap_or_default().to_vec();
        let name = rest.first().map_or("sh", String::as_str);
        return process.script(&format!("{prefix}{text}"), name, args).await;
    }
    let text = match rest.first() {
        None => process.read_all().await,
        Some(file) => match process.read_file(file).await {
            Ok(text) => text,
            Err(why) => {
                process.complain(&format!("sh: 0: cannot open {file}: {why}\n"));
                return 2;
            }
        },
    };
    let name = rest.first().map_or("sh", String::as_str);
    process
        .script(
            &format!("{prefix}{text}"),
            name,
            rest.get(1..).unwrap_or_default().to_vec(),
        )
        .await
}

pub(super) async fn xargs(process: Process) -> u8 {
    // The flags, then the words in portions, each a run of the command. The command's own flags are not xargs': only what
    // stands before it is read.
    let words = process.arguments();
    let mut n_own = 0;
    while let Some(flag) = words
        .get(n_own)
        .filter(|it| it.starts_with('-') && it.len() > 1)
    {
        let takes_more = matches!(flag.as_str(), "-n" | "-I" | "-P" | "-L" | "-d" | "-s");
        n_own += if takes_more { 2 } else { 1 };
    }
    let n_own = n_own.min(words.len());
    let mut own = process.clone();
    own.args = process.args[..=n_own].to_vec();
    let flags = match Flags::read(
        &own,
        "n:I:P:L:d:s:0rtx",
        &[("null", '0'), ("no-run-if-empty", 'r')],
        1,
    ) {
        Ok(it) => it,
        Err(code) => return code,
    };
    let command: Vec<String> = words[n_own..].to_vec();
    let command = if command.is_empty() {
        vec!["echo".to_owned()]
    } else {
        command
    };
    let text = process.read_all().await;
    let items: Vec<String> = if flags.has('0') {
        text.split_terminator('\0').map(str::to_owned).collect()
    } else if let Some(delimiter) = flags.value('d') {
        let delimiter = delimiter.replace("\\n", "\n");
        text.split_terminator(delimiter.as_str())
            .map(str::to_owned)
            .collect()
    } else if flags.has('I') || flags.has('L') {
        text.lines()
            .map(|it| it.trim_start().to_owned())
            .filter(|it| !it.is_empty())
            .collect()
    } else {
        unquoted(&text)
    };
    let runs: Vec<Vec<String>> = match flags.value('I') {
        Some(mark) => items
            .iter()
            .map(|it| command.iter().map(|word| word.replace(mark, it)).collect())
            .collect(),
        None => {
            let size = flags
                .value('n')
                .or(flags.value('L'))
                .and_then(|it| it.parse().ok())
                .unwrap_or(1000_usize)
                .max(1);
            let with = |items: &[String]| command.iter().chain(items).cloned().collect();
            match items.is_empty() {
                true if flags.has('r') => Vec::new(),
                true => vec![command.clone()],
                false => items.chunks(size).map(with).collect(),
            }
        }
    };
    let mut code = 0;
    for args in runs {
        if flags.has('t') {
            process.complain(&format!("{}\n", args.join(" ")));
        }
        match process.execute(&args).await {
            0 => {}
            127 => return 127,
            255 => return 124,
            _ => code = 123,
        }
    }
    code
}

/// Words between blanks; quotes hold them together.
fn unquoted(text: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    let mut open: Option<String> = None;
    let mut chars = text.chars();
    while let Some(it) = chars.next() {
        match it {
            '\'' | '"' => {
                let word = open.get_or_insert_with(String::new);
                word.extend(chars.by_ref().take_while(|other| *other != it));
            }
            '\\' => open.get_or_insert_with(String::new).extend(chars.next()),
            it if it.is_whitespace() => items.extend(open.take()),
            it => open.get_or_insert_with(String::new).push(it),
        }
    }
    items.extend(open);
    items
}

pub(super) async fn yes(process: Process) -> u8 {
    let words = process.arguments();
    let line = if words.is_empty() {
        "y\n".to_owned()
    } else {
        format!("{}\n", words.join(" "))
    };
    loop {
        process.print(&line);
        process.flush().await;
        process.kernel().give_way().await;
    }
}
