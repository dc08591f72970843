//! `awk`.
//!
//! POSIX.1-2017 `awk`, as mawk 1.3.4 answers where they differ.
//!
//! **Left out**: functions of one's own, `getline`, `system`, `RS` other than one character or empty, `printf` with `%c`
//! of a number beyond Unicode.

mod lex;
mod parse;
mod run;
mod value;

use super::super::process::Process;
use super::flags::Flags;
use run::{Machine, Next};

pub(super) async fn awk(process: Process) -> u8 {
    let flags = match Flags::read(&own_flags(&process), "F:v:f:", &[], 2) {
        Ok(it) => it,
        Err(code) => return code,
    };
    // What comes after the program is not awk's, dashes or not.
    let mut operands = flags.operands.clone();
    let program = match flags.value('f') {
        Some(file) => match process.read_file(file).await {
            Ok(text) => text,
            Err(why) => {
                process.complain(&format!("awk: {file}: {why}\n"));
                return 2;
            }
        },
        None if operands.is_empty() => {
            process
                .complain("usage: awk [-F value] [-v var=value] [--] 'program text' [file ...]\n");
            return 2;
        }
        None => operands.remove(0),
    };
    let program = match parse::parse(&program) {
        Ok(it) => it,
        Err(fault) => {
            process.complain(&format!("awk: line {}: {}\n", fault.line, fault.message));
            return 2;
        }
    };
    let mut machine = Machine::new(&program, process.environment());
    if let Some(separator) = flags.value('F') {
        machine.set("FS", if separator == "t" { "\t" } else { separator });
    }
    for assignment in flags.values('v') {
        if let Some((name, value)) = assignment.split_once('=') {
            machine.set(name, value);
        }
    }
    let code = whole(&process, &mut machine, &operands).await;
    emit(&process, &mut machine).await;
    for (command, text) in std::mem::take(&mut machine.pipes) {
        let (_, out) = process
            .capture(&["sh".to_owned(), "-c".to_owned(), command], &text)
            .await;
        process.print(&out);
    }
    code
}

/// The arguments up to the program: its own operands may begin with a dash.
fn own_flags(process: &Process) -> Process {
    let mut own = process.clone();
    let mut words = process.args.iter().skip(1);
    let mut args = vec![process.name().to_owned()];
    while let Some(word) = words.next() {
        let takes_more = matches!(word.as_str(), "-F" | "-v" | "-f");
        if !word.starts_with('-') || word == "-" {
            args.push("--".to_owned());
            args.push(word.clone());
            break;
        }
        args.push(word.clone());
        if takes_more {
            args.extend(words.next().cloned());
        }
        if word == "--" {
            break;
        }
    }
    args.extend(words.cloned());
    own.args = args;
    own
}

/// Prints what was printed, and writes what goes to files.
async fn emit(process: &Process, machine: &mut Machine<'_>) {
    process.print(&std::mem::take(&mut machine.out));
    process.complain(&std::mem::take(&mut machine.err));
    for (file, text) in std::mem::take(&mut machine.files) {
        if machine.opened.insert(file.clone()) {
            process.write_file(&file, "");
        }
        process.append_file(&file, &text);
    }
    process.flush().await;
}

async fn whole(process: &Process, machine: &mut Machine<'_>, operands: &[String]) -> u8 {
    let mut next = machine.begin();
    emit(process, machine).await;
    if matches!(next, Next::Go) && machine.reads_input() {
        next = records(process, machine, operands).await;
    }
    if !matches!(next, Next::Fault) {
        let ended = machine.end();
        if !matches!(ended, Next::Go) {
            next = ended;
        }
    }
    match next {
        Next::Fault => {
            process.complain(&format!("awk: {}\n", machine.fault));
            2
        }
        _ => machine.code,
    }
}

async fn records(process: &Process, machine: &mut Machine<'_>, operands: &[String]) -> Next {
    let mut has_file = false;
    for operand in operands {
        if let Some((name, value)) = operand.split_once('=')
            && !name.is_empty()
            && name
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || it == b'_')
        {
            machine.set(name, value);
            continue;
        }
        has_file = true;
        let text = match process.read_file(operand).await {
            Ok(it) => it,
            Err(why) => {
                process.complain(&format!("awk: cannot open \"{operand}\" ({why})\n"));
                machine.code = 2;
                return Next::Exit;
            }
        };
        machine.set("FILENAME", operand);
        machine.set("FNR", "0");
        for record in machine.split_records(&text) {
            let next = machine.record(&record);
            emit(process, machine).await;
            if !matches!(next, Next::Go) {
                return next;
            }
        }
    }
    if has_file {
        return Next::Go;
    }
    if machine.get("RS") != "\n" {
        let text = process.read_all().await;
        for record in machine.split_records(&text) {
            let next = machine.record(&record);
            emit(process, machine).await;
            if !matches!(next, Next::Go) {
                return next;
            }
        }
        return Next::Go;
    }
    while let Some(line) = process.read_line().await {
        let next = machine.record(line.strip_suffix('\n').unwrap_or(&line));
        emit(process, machine).await;
        if !matches!(next, Next::Go) {
            return next;
        }
    }
    Next::Go
}
