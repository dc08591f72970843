//! Programs that go through lines: head, tail, wc, cut, tr, uniq and their like.
//!
//! **Left out**: `tail -f` on a file that grows.

use super::super::pattern::class;
use super::super::process::Process;
use super::flags::{Flags, lines, text, texts};

/// `-n 5` or `-5`: numbers written as flags.
fn with_number(process: &Process) -> Process {
    let mut process = process.clone();
    let mut is_value = false;
    for word in process.args.iter_mut().skip(1) {
        if std::mem::replace(&mut is_value, word == "-n" || word == "-c") {
            continue;
        }
        let digits = word
            .strip_prefix('-')
            .filter(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()));
        if let Some(digits) = digits {
            *word = format!("-n{digits}");
        }
    }
    process
}

pub(super) async fn head(process: Process) -> u8 {
    let process = with_number(&process);
    let flags = match Flags::read(&process, "n:c:qv", &[("lines", 'n'), ("bytes", 'c')], 1) {
        Ok(it) => it,
        Err(code) => return code,
    };
    let (is_all_but, number) = match amount(&process, &flags, ['-', '+']) {
        Ok(it) => it,
        Err(code) => return code,
    };
    if flags.operands.is_empty() && !is_all_but && !flags.has('c') {
        // Only as much as is asked for: what writes for ever is stopped.
        for _ in 0..number {
            let Some(line) = process.read_line().await else {
                break;
            };
            process.print(&line);
        }
        return 0;
    }
    let (found, code) = texts(&process, &flags.operands).await;
    for (idx, (file, text)) in found.iter().enumerate() {
        title(&process, &flags, idx, file);
        let out = if flags.has('c') {
            let end = if is_all_but {
                text.len().saturating_sub(number)
            } else {
                number
            };
            cut_at(text, end).0
        } else {
            let all: Vec<&str> = text.split_inclusive('\n').collect();
            let end = if is_all_but {
                all.len().saturating_sub(number)
            } else {
                number.min(all.len())
            };
            &text[..all[..end].iter().map(|it| it.len()).sum()]
        };
        process.print(out);
    }
    code
}

/// How much is wanted, and whether the first of the signs stands before it, which turns the meaning round; the other
/// says nothing. On anything else the process complains, and the code to end with is the error.
fn amount(process: &Process, flags: &Flags, signs: [char; 2]) -> Result<(bool, usize), u8> {
    let told = flags.value('c').or(flags.value('n')).unwrap_or("10");
    let (is_turned, digits) = told
        .strip_prefix(signs[0])
        .map_or((false, told), |it| (true, it));
    let number = digits.trim_start_matches(signs[1]).parse();
    number.map(|it| (is_turned, it)).map_err(|_| {
        let what = if flags.has('c') { "bytes" } else { "lines" };
        let name = process.name();
        process.complain(&format!("{name}: invalid number of {what}: '{told}'\n"));
        1
    })
}

fn title(process: &Process, flags: &Flags, idx: usize, file: &str) {
    if (flags.operands.len() > 1 && !flags.has('q')) || flags.has('v') {
        let space = if idx > 0 { "\n" } else { "" };
        let name = if file == "-" { "standard input" } else { file };
        process.print(&format!("{space}==> {name} <==\n"));
    }
}

/// A text cut at so many bytes, or a little before, where a character begins.
fn cut_at(text: &str, n_bytes: usize) -> (&str, &str) {
    let mut at = n_bytes.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    text.split_at(at)
}

pub(super) async fn tail(process: Process) -> u8 {
    let process = with_number(&process);
    let flags = match Flags::read(
        &process,
        "n:c:qvfF",
        &[("lines", 'n'), ("bytes", 'c'), ("follow", 'f')],
        1,
    ) {
        Ok(it) => it,
        Err(code) => return code,
    };
    let (from_start, number) = match amount(&process, &flags, ['+', '-']) {
        Ok(it) => it,
        Err(code) => return code,
    };
    let (found, code) = texts(&process, &flags.operands).await;
    for (idx, (file, text)) in found.iter().enumerate() {
        title(&process, &flags, idx, file);
        let out = if flags.has('c') {
            let from = if from_start {
                number.saturating_sub(1)
            } else {
                text.len().saturating_sub(number)
            };
            cut_at(text, from).1
        } else {
            let all: Vec<&str> = text.split_inclusive('\n').collect();
            let from = if from_start {
                number.saturating_sub(1)
            } else {
                all.len().saturating_sub(number)
            };
            &text[all[..from.min(all.len())].iter().map(|it| it.len()).sum()..]
        };
        process.print(out);
    }
    code
}

pub(super) async fn wc(process: Process) -> u8 {
    // The flags, then the counts of each file and of all, as wide as the widest.
    let long = [
        ("lines", 'l'),
        ("words", 'w'),
        ("bytes", 'c'),
        ("chars", 'm'),
    ];
    let flags = match Flags::read(&process, "lwcmL", &long, 1) {
        Ok(it) => it,
        Err(code) => return code,
    };
    let asked: Vec<char> = "lwmcL".chars().filter(|it| flags.has(*it)).collect();
    let asked = if asked.is_empty() {
        vec!['l', 'w', 'c']
    } else {
        asked
    };
    let (found, code) = texts(&process, &flags.operands).await;
    let count = |text: &str| -> Vec<usize> {
        let of = |it: &char| match it {
            'l' => text.matches('\n').count(),
            'w' => text.split_whitespace().count(),
            'm' => text.chars().count(),
            'c' => text.len(),
            _ => lines(text).map(|it| it.chars().count()).max().unwrap_or(0),
        };
        asked.iter().map(of).collect()
    };
    let mut rows: Vec<(Vec<usize>, String)> = found
        .iter()
        .map(|(file, text)| (count(text), file.clone()))
        .collect();
    if found.len() > 1 {
        let total = (0..asked.len())
            .map(|idx| rows.iter().map(|it| it.0[idx]).sum())
            .collect();
        rows.push((total, "total".to_owned()));
    }
    let is_piped = flags.operands.is_empty();
    let widest = found
        .iter()
        .map(|it| it.1.len())
        .sum::<usize>()
        .to_string()
        .len();
    let width = match (asked.len(), is_piped) {
        (1, _) if rows.len() == 1 => 1,
        (_, true) => 7,
        _ => widest,
    };
    for (numbers, file) in rows {
        let numbers: Vec<String> = numbers.iter().map(|it| format!("{it:>width$}")).collect();
        let name = if is_piped {
            String::new()
        } else {
            format!(" {file}")
        };
        process.print(&format!("{}{name}\n", numbers.join(" ")));
    }
    code
}

pub(super) async fn tac(process: Process) -> u8 {
    let (found, code) = texts(&process, process.arguments()).await;
    for (_, text) in found {
        let out: String = text.split_inclusive('\n').rev().collect();
        process.print(&out);
    }
    code
}

pub(super) async fn rev(process: Process) -> u8 {
    let (found, code) = texts(&process, process.arguments()).await;
    for (_, text) in found {
        for line in lines(&text) {
            process.print(&format!("{}\n", line.chars().rev().collect::<String>()));
        }
    }
    code
}

pub(super) async fn nl(process: Process) -> u8 {
    let flags = match Flags::read(&process, "b:w:s:", &[], 1) {
        Ok(it) => it,
        Err(code) => return code,
    };
    let (found, code) = texts(&process, &flags.operands).await;
    let mut number = 0;
    for (_, text) in found {
        for line in lines(&text) {
            if line.is_empty() && flags.value('b') != Some("a") {
                process.print("       \n");
            } else {
                number += 1;
                process.print(&format!("{number:6}\t{line}\n"));
            }
        }
    }
    code
}

pub(super) async fn paste(process: Process) -> u8 {
    let flags = match Flags::read(&process, "sd:", &[("serial", 's'), ("delimiters", 'd')], 1) {
        Ok(it) => it,
        Err(code) => return code,
    };
    let (found, code) = texts(&process, &flags.operands).await;
    let delimiter = flags
        .value('d')
        .unwrap_or("\t")
        .replace("\\n", "\n")
        .replace("\\t", "\t");
    if flags.has('s') {
        for (_, text) in &found {
            let all: Vec<&str> = lines(text).collect();
            process.print(&format!("{}\n", all.join(&delimiter)));
        }
        return code;
    }
    let columns: Vec<Vec<&str>> = found.iter().map(|it| lines(&it.1).collect()).collect();
    for row in 0..columns.iter().map(Vec::len).max().unwrap_or(0) {
        let cells: Vec<&str> = columns
            .iter()
            .map(|it| it.get(row).copied().unwrap_or_default())
            .collect();
        process.print(&format!("{}\n", cells.join(&delimiter)));
    }
    code
}

/// A list of `cut`: `1,3-5,7-`.
fn ranges(list: &str) -> Option<Vec<(usize, usize)>> {
    let parts = list.split(',').map(|part| {
        let number = |it: &str, otherwise| {
            if it.is_empty() {
                Some(otherwise)
            } else {
                it.parse().ok()
            }
        };
        let (from, to) = match part.split_once('-') {
            Some(("", "")) => return None,
            Some((from, to)) => (number(from, 1)?, number(to, usize::MAX)?),
            None => {
                let only = part.parse().ok()?;
                (only, only)
            }
        };
        (from > 0 && to >= from).then_some((from, to))
    });
    parts.collect()
}

pub(super) async fn cut(process: Process) -> u8 {
    // The flags in the order in which they exclude one another, then line by line.
    let long = [
        ("delimiter", 'd'),
        ("fields", 'f'),
        ("characters", 'c'),
        ("bytes", 'b'),
        ("only-delimited", 's'),
        ("output-delimiter", 'o'),
        ("complement", 'C'),
    ];
    let flags = match Flags::read(&process, "d:f:c:b:so:C", &long, 1) {
        Ok(it) => it,
        Err(code) => return code,
    };
    let by_field = flags.value('f');
    let list = by_field.or(flags.value('c')).or(flags.value('b'));
    let Some(ranges) = list.and_then(ranges) else {
        process.complain(match list {
            None => "cut: you must specify a list of bytes, characters, or fields\nTry 'cut --help' for more information.\n",
            Some(_) => "cut: invalid field range\nTry 'cut --help' for more information.\n",
        });
        return 1;
    };
    let delimiter = flags.value('d').unwrap_or("\t").to_owned();
    if delimiter.chars().count() != 1 {
        process.complain("cut: the delimiter must be a single character\nTry 'cut --help' for more information.\n");
        return 1;
    }
    let joint = flags.value('o').map_or_else(
        || {
            if by_field.is_some() {
                delimiter.clone()
            } else {
                String::new()
            }
        },
        str::to_owned,
    );
    let holds = |number: usize| {
        ranges
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&number))
            != flags.has('C')
    };
    let (found, code) = texts(&process, &flags.operands).await;
    for (_, text) in found {
        let mut out = String::new();
        for line in lines(&text) {
            if by_field.is_some() && !line.contains(&delimiter) {
                if !flags.has('s') {
                    out.push_str(line);
                    out.push('\n');
                }
                continue;
            }
            let parts: Vec<String> = match by_field {
                Some(_) => line.split(&delimiter).map(str::to_owned).collect(),
                None => line.chars().map(String::from).collect(),
            };
            let chosen = parts
                .into_iter()
                .enumerate()
                .filter(|(idx, _)| holds(idx + 1));
            let chosen: Vec<String> = chosen.map(|it| it.1).collect();
            out.push_str(&chosen.join(&joint));
            out.push('\n');
        }
        process.print(&out);
    }
    code
}

/// The characters that a set of `tr` names.
fn tr_set(text: &str) -> Vec<char> {
    let (text, _) = super::super::printf::escapes(text, super::super::printf::Escapes::Format);
    let chars: Vec<char> = text.chars().collect();
    let mut set = Vec::new();
    let mut at = 0;
    while let Some(it) = chars.get(at) {
        if chars[at..].starts_with(&['[', ':'])
            && let Some(length) = chars[at..].windows(2).position(|it| it == [':', ']'])
            && let Some(ranges) = class(&chars[at + 2..at + length].iter().collect::<String>())
        {
            set.extend(ranges.iter().flat_map(|(from, to)| *from..=*to));
            at += length + 2;
        } else if chars.get(at + 1) == Some(&'-') && chars.get(at + 2).is_some_and(|to| to >= it) {
            // Of all ranges only those of one byte can be meant.
            set.extend((*it..=chars[at + 2]).take(256));
            at += 3;
        } else {
            set.push(*it);
            at += 1;
        }
    }
    set
}

pub(super) async fn tr(process: Process) -> u8 {
    let long = [
        ("delete", 'd'),
        ("squeeze-repeats", 's'),
        ("complement", 'c'),
    ];
    let flags = match Flags::read(&process, "dsctC", &long, 1) {
        Ok(it) => it,
        Err(code) => return code,
    };
    let Some(first) = flags.operands.first() else {
        process.complain("tr: missing operand\nTry 'tr --help' for more information.\n");
        return 1;
    };
    let (deletes, squeezes) = (flags.has('d'), flags.has('s'));
    if flags.operands.len() < 2 && !deletes && !squeezes {
        process.complain(&format!(
            "tr: missing operand after '{first}'\nTwo strings must be given when translating.\n"
        ));
        return 1;
    }
    let is_complement = flags.has('c') || flags.has('C');
    let from = tr_set(first);
    let to = flags.operands.get(1).map(|it| tr_set(it));
    let holds = |it: char| from.contains(&it) != is_complement;
    let squeezed = if deletes || to.is_some() {
        to.clone()
    } else {
        None
    };
    let text = process.read_all().await;
    let mut out = String::new();
    let mut last = None;
    for it in text.chars() {
        if deletes && holds(it) {
            continue;
        }
        let changed = match &to {
            Some(to) if !deletes && holds(it) => {
                let place = if is_complement {
                    usize::MAX
                } else {
                    from.iter().rposition(|other| *other == it).unwrap_or(0)
                };
                to.get(place).or(to.last()).copied().unwrap_or(it)
            }
            _ => it,
        };
        let counts = squeezed
            .as_ref()
            .map_or_else(|| holds(changed), |it| it.contains(&changed));
        if squeezes && counts && last == Some(changed) {
            continue;
        }
        last = Some(changed);
        out.push(changed);
    }
    process.print(&out);
    0
}

pub(super) async fn uniq(process: Process) -> u8 {
    let long = [
        ("count", 'c'),
        ("repeated", 'd'),
        ("unique", 'u'),
        ("ignore-case", 'i'),
    ];
    let flags = match Flags::read(&process, "cduif:s:", &long, 1) {
        Ok(it) => it,
        Err(code) => return code,
    };
    let (found, code) = texts(&process, flags.operands.get(..1).unwrap_or_default()).await;
    let n_fields = flags
        .value('f')
        .and_then(|it| it.parse::<usize>().ok())
        .unwrap_or(0);
    let key = |line: &str| -> String {
        let rest: Vec<&str> = line.split_whitespace().skip(n_fields).collect();
        let key = if n_fields > 0 {
            rest.join(" ")
        } else {
            line.to_owned()
        };
        if flags.has('i') {
            key.to_lowercase()
        } else {
            key
        }
    };
    let mut runs: Vec<(usize, String)> = Vec::new();
    for (_, text) in &found {
        for line in lines(text) {
            match runs.last_mut() {
                Some((n, last)) if key(last) == key(line) => *n += 1,
                _ => runs.push((1, line.to_owned())),
            }
        }
    }
    for (n, line) in runs {
        let shows = !(flags.has('d') && n < 2 || flags.has('u') && n > 1);
        match (shows, flags.has('c')) {
            (false, _) => {}
            (true, true) => process.print(&format!("{n:7} {line}\n")),
            (true, false) => process.print(&format!("{line}\n")),
        }
    }
    code
}

pub(super) async fn base64(process: Process) -> u8 {
    let flags = match Flags::read(&process, "dDw:i", &[("decode", 'd'), ("wrap", 'w')], 1) {
        Ok(it) => it,
        Err(code) => return code,
    };
    let file = flags.operands.first().map_or("-", String::as_str);
    let Some(text) = text(&process, file).await else {
        return 1;
    };
    let encoding = data_encoding::BASE64;
    if flags.has('d') || flags.has('D') {
        let packed: String = text.split_whitespace().collect();
        return match encoding.decode(packed.as_bytes()) {
            Ok(bytes) => {
                process.print(&String::from_utf8_lossy(&bytes));
                0
            }
            Err(_) => {
                process.complain("base64: invalid input\n");
                1
            }
        };
    }
    let encoded = encoding.encode(text.as_bytes());
    let width = flags
        .value('w')
        .and_then(|it| it.parse().ok())
        .unwrap_or(76);
    let mut rest = encoded.as_str();
    while width > 0 && rest.len() > width {
        let (line, others) = rest.split_at(width);
        process.print(&format!("{line}\n"));
        rest = others;
    }
    process.print(&if width > 0 && !rest.is_empty() {
        format!("{rest}\n")
    } else {
        rest.to_owned()
    });
    0
}

/// `column -t`: columns as wide as their widest word.
pub(super) async fn column(process: Process) -> u8 {
    let flags = match Flags::read(&process, "ts:", &[("table", 't'), ("separator", 's')], 1) {
        Ok(it) => it,
        Err(code) => return code,
    };
    let (found, code) = texts(&process, &flags.operands).await;
    let split = |line: &str| -> Vec<String> {
        match flags.value('s') {
            Some(separators) => line
                .split(|it| separators.contains(it))
                .map(str::to_owned)
                .collect(),
            None => line.split_whitespace().map(str::to_owned).collect(),
        }
    };
    let rows: Vec<Vec<String>> = found
        .iter()
        .flat_map(|it| lines(&it.1))
        .map(split)
        .filter(|it| !it.is_empty())
        .collect();
    let n_columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |idx: usize| {
        rows.iter()
            .filter_map(|it| it.get(idx))
            .map(|it| it.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..n_columns).map(width).collect();
    for row in &rows {
        let cells = row
            .iter()
            .enumerate()
            .map(|(idx, it)| match idx + 1 == row.len() {
                true => it.clone(),
                false => format!("{it:<width$}", width = widths[idx]),
            });
        process.print(&format!("{}\n", cells.collect::<Vec<_>>().join("  ")));
    }
    code
}
