//! wget.
//!
//! BusyBox 1.36 `networking/wget.c`.
//!
//! **Left out**: resuming, redirects, uploads, proxies; GNU's form of the tool.

use super::attempt::attempt;
use super::http::{body, http_date, url};
use super::served::{note_request, status_line};
use super::site::Site;
use crate::net::Protocol;
use crate::shell::Process;
use crate::sim::{Verdict, Why};
use crate::time::Duration;
use std::rc::Rc;

/// How long it waits for an answer if `-T` says nothing.
const READS_SECS: u64 = 900;

/// What wget was told.
#[derive(Default)]
struct Wget {
    url: Option<String>,
    output: Option<String>,
    timeout_secs: Option<u64>,
    is_quiet: bool,
    is_spider: bool,
    shows_headers: bool,
}

fn wget_arguments(arguments: &[String]) -> Result<Wget, String> {
    // A table: one arm for each flag.
    let mut told = Wget::default();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let (name, value) = word
            .split_once('=')
            .map_or((word.as_str(), None), |it| (it.0, Some(it.1.to_owned())));
        match name {
            "--spider" => told.is_spider = true,
            "--quiet" => told.is_quiet = true,
            "--server-response" => told.shows_headers = true,
            "--no-check-certificate" | "-c" => {}
            "--timeout" => {
                told.timeout_secs = value
                    .or_else(|| words.next().cloned())
                    .and_then(|it| it.parse().ok());
            }
            "--output-document" => told.output = value.or_else(|| words.next().cloned()),
            "--tries" | "--header" | "--user-agent" | "--post-data" => {
                if value.is_none() {
                    words.next();
                }
            }
            _ if !word.starts_with('-') || word == "-" => told.url = Some(word.clone()),
            _ if word.starts_with("--") => {
                return Err(format!("wget: unrecognized option '{word}'\n"));
            }
            _ => {
                for (at, letter) in word[1..].char_indices().map(|(at, it)| (at + 1, it)) {
                    let rest = &word[at + 1..];
                    let mut value = || {
                        if rest.is_empty() {
                            words.next().cloned()
                        } else {
                            Some(rest.to_owned())
                        }
                    };
                    match letter {
                        'q' => told.is_quiet = true,
                        'S' => told.shows_headers = true,
                        'O' => {
                            told.output = value();
                            break;
                        }
                        'T' => {
                            told.timeout_secs = value().and_then(|it| it.parse().ok());
                            break;
                        }
                        't' | 'U' | 'P' | 'o' | 'Y' => {
                            value();
                            break;
                        }
                        'c' | 'n' => {}
                        other => return Err(format!("wget: unrecognized option: {other}\n")),
                    }
                }
            }
        }
    }
    Ok(told)
}

pub(super) async fn wget(process: Process, site: Rc<Site>) -> u8 {
    // The lines of the real tool in their order, from name to file: each step has its own way to fail.
    let told = match wget_arguments(process.arguments()) {
        Ok(it) => it,
        Err(message) => {
            process.complain(&format!("BusyBox v1.36.1 multi-call binary.\n\n{message}"));
            return 1;
        }
    };
    let Some(text) = &told.url else {
        process.complain("BusyBox v1.36.1 multi-call binary.\n\nUsage: wget [-cqS] [--spider] [-O FILE] [-T SEC] URL...\n");
        return 1;
    };
    let url = match url(text) {
        Ok(it) => it,
        Err(_) => {
            process.complain(&format!("wget: not an http or ftp url: {text}\n"));
            return 1;
        }
    };
    let attempt = match attempt(&process, &site, (&url.host, url.port), Protocol::Tcp, None) {
        Ok(it) => it,
        Err(message) => {
            process.complain(&format!("wget: {message}\n"));
            return 1;
        }
    };
    process.sleep(attempt.lookup).await;
    let Some(address) = attempt.address else {
        process.complain(&format!("wget: bad address '{}'\n", url.host));
        return 1;
    };
    let say = |text: &str| {
        if !told.is_quiet {
            process.complain(text);
        }
    };
    say(&format!(
        "Connecting to {} ({})\n",
        url.authority,
        crate::ip::join_host_port(address, url.port)
    ));
    // `-T` bounds each of connecting and reading.
    if let Some(limit) = told
        .timeout_secs
        .filter(|it| attempt.takes.as_millis() > it * 1000)
    {
        process.sleep(Duration::from_secs(limit)).await;
        process.complain("wget: download timed out\n");
        return 1;
    }
    process.sleep(attempt.takes).await;
    let why = match attempt.verdict {
        Verdict::Delivered if url.scheme == "https" => {
            process.complain(
                "ssl_client: SSL_connect\nwget: error getting response: Connection reset by peer\n",
            );
            return 1;
        }
        Verdict::Delivered => None,
        Verdict::Refused => Some("Connection refused"),
        Verdict::Unreachable => Some("Host is unreachable"),
        _ => Some("Operation timed out"),
    };
    if let Some(why) = why {
        process.complain(&format!(
            "wget: can't connect to remote host ({address}): {why}\n"
        ));
        return 1;
    }
    if attempt.why == Some(Why::ProgramHangs) {
        let limit = told.timeout_secs.filter(|it| *it > 0);
        process
            .sleep(Duration::from_secs(limit.unwrap_or(READS_SECS)))
            .await;
        process.complain("wget: download timed out\n");
        return 1;
    }
    let (status, words) = status_line(&attempt);
    let body = match status {
        200 => body(&site, attempt.object.as_ref()),
        _ => format!("{words}\n"),
    };
    let (method, n_bytes) = match told.is_spider {
        true => ("HEAD", 0),
        false => ("GET", body.len()),
    };
    note_request(
        &process,
        &site,
        &attempt,
        (method, &url.path),
        n_bytes,
        "Wget",
    );
    if status >= 400 {
        process.complain(&format!(
            "wget: server returned error: HTTP/1.1 {status} {words}\n"
        ));
        return 1;
    }
    if told.shows_headers {
        process.complain(&format!(
            "  HTTP/1.1 200 OK\n  Date: {}\n  Content-Length: {}\n  Content-Type: text/plain; charset=utf-8\n  \n",
            http_date(&process),
            body.len()
        ));
    }
    if told.is_spider {
        say("remote file exists\n");
        return 0;
    }
    let named = url
        .path
        .split('?')
        .next()
        .unwrap_or_default()
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let named = if named.is_empty() {
        "index.html"
    } else {
        named
    };
    let file = told.output.clone().unwrap_or_else(|| named.to_owned());
    let bar = |name: &str| {
        format!(
            "{name:<20} 100% |{}| {:>5}  0:00:00 ETA\n",
            "*".repeat(32),
            body.len()
        )
    };
    if file == "-" {
        say("writing to stdout\n");
        process.print(&body);
        say(&bar("-"));
        say("written to stdout\n");
    } else {
        say(&format!("saving to '{file}'\n"));
        if file != "/dev/null" {
            process.write_file(&file, &body);
        }
        say(&bar(file.rsplit('/').next().unwrap_or_default()));
        say(&format!("'{file}' saved\n"));
    }
    0
}
