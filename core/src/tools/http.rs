//! curl.
//!
//! curl 7.88.1 (`lib/connect.c`, `lib/multi.c`, `src/tool_writeout.c`). The time a
//! packet takes is nothing; what is waited for is waited for on the virtual clock: look-ups, connections nobody
//! answers (Linux gives up after 134 seconds), `-m` and `--connect-timeout`.
//!
//! **Left out**: TLS (an `https` URL meets a server that speaks none), redirects, uploads, HTTP/2, IPv4 and IPv6 at
//! once (the first address counts), configuration files, proxies.

use super::attempt::{Attempt, CONNECT_MS, Plus, attempt};
use super::served::{note_request, status_line};
use super::site::Site;
use crate::api::{Kind, ObjectRef};
use crate::ip::parse_sloppy;
use crate::net::Protocol;
use crate::shell::Process;
use crate::sim::{Verdict, Why};
use crate::time::{Duration, Instant, stamp, unix_secs};
use std::rc::Rc;

/// Longer than a shell lets anything run.
const FOR_EVER: Duration = Duration::from_secs(1_000_000);

/// The annotation that says what a pod's HTTP server answers.
const RESPONSE: &str = "packetwalk.dev/response";

/// What the HTTP server of an object says.
pub(super) fn body(site: &Site, object: Option<&ObjectRef>) -> String {
    let Some(object) = object else {
        return String::new();
    };
    let world = site.world();
    let told = match object.kind {
        Kind::Pod => world.objects.pod(&object.namespace, &object.name),
        _ => None,
    };
    match told.and_then(|it| it.metadata.annotations.get(RESPONSE)) {
        Some(text) if text.ends_with('\n') => text.clone(),
        Some(text) => format!("{text}\n"),
        None => format!("{}\n", object.name),
    }
}

/// A URL's parts: scheme, host, port, path.
pub(super) struct Url {
    pub(super) scheme: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) path: String,
    /// Host and port as the `Host` header says them.
    pub(super) authority: String,
}

pub(super) fn url(text: &str) -> Result<Url, String> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let scheme = scheme.to_lowercase();
    let default = match scheme.as_str() {
        "http" => 80,
        "https" => 443,
        other => {
            return Err(format!(
                "(1) Protocol \"{other}\" not supported or disabled in libcurl"
            ));
        }
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match authority
        .strip_prefix('[')
        .and_then(|it| it.split_once(']'))
    {
        Some((host, port)) => (host.to_owned(), port.strip_prefix(':')),
        None => match authority.split_once(':') {
            Some((host, port)) => (host.to_owned(), Some(port)),
            None => (authority.to_owned(), None),
        },
    };
    let port = match port.filter(|it| !it.is_empty()) {
        None => default,
        Some(it) => it
            .parse()
            .map_err(|_| "(3) URL using bad/illegal format or missing URL".to_owned())?,
    };
    if host.is_empty() || host.chars().any(char::is_whitespace) {
        return Err("(3) URL using bad/illegal format or missing URL".to_owned());
    }
    let path = path.split('#').next().unwrap_or_default();
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    let shown = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.clone()
    };
    let authority = if port == default {
        shown
    } else {
        format!("{shown}:{port}")
    };
    Ok(Url {
        scheme,
        host,
        port,
        path,
        authority,
    })
}

/// What curl was told.
#[derive(Default)]
struct Told {
    urls: Vec<String>,
    headers: Vec<String>,
    flags: String,
    output: Option<String>,
    format: Option<String>,
    max_ms: Option<u64>,
    connect_ms: Option<u64>,
    method: Option<String>,
    resolve: Vec<String>,
    n_retries: u32,
}

const LONG: [(&str, &str); 24] = [
    ("--silent", "-s"),
    ("--verbose", "-v"),
    ("--output", "-o"),
    ("--write-out", "-w"),
    ("--max-time", "-m"),
    ("--head", "-I"),
    ("--include", "-i"),
    ("--insecure", "-k"),
    ("--header", "-H"),
    ("--show-error", "-S"),
    ("--fail", "-f"),
    ("--location", "-L"),
    ("--request", "-X"),
    ("--data", "-d"),
    ("--user-agent", "-A"),
    ("--ipv4", "-4"),
    ("--ipv6", "-6"),
    ("--globoff", "-g"),
    ("--no-buffer", "-N"),
    ("--http1.1", "-0"),
    ("--compressed", "-0"),
    ("--no-progress-meter", "-P"),
    ("--no-keepalive", "-0"),
    ("--url", "-u"),
];

fn millis(text: &str) -> Option<u64> {
    text.parse::<f64>()
        .ok()
        .filter(|it| (0.0..1e9).contains(it))
        .map(|it| (it * 1000.0).round() as u64)
}

fn curl_arguments(arguments: &[String]) -> Result<Told, String> {
    // A table: one arm for each flag.
    let mut told = Told::default();
    let mut words = arguments.iter();
    let missing = |flag: &str| format!("curl: option {flag}: requires parameter\n");
    while let Some(word) = words.next() {
        if !word.starts_with('-') || word == "-" {
            told.urls.push(word.clone());
            continue;
        }
        if word.starts_with("--") {
            let mut value = || words.next().cloned().ok_or_else(|| missing(word));
            match word.as_str() {
                "--connect-timeout" => told.connect_ms = millis(&value()?),
                "--resolve" => told.resolve.push(value()?),
                "--retry" => told.n_retries = value()?.parse().unwrap_or(0),
                "--retry-delay" | "--interface" | "--max-redirs" | "--keepalive-time" => {
                    drop(value()?);
                }
                _ => match LONG.iter().find(|it| it.0 == word) {
                    Some((_, short)) => {
                        let letter = short.chars().nth(1).unwrap_or('0');
                        let value = if "owmHXdAu".contains(letter) {
                            Some(value()?)
                        } else {
                            None
                        };
                        told.take(letter, value.as_deref());
                    }
                    None => {
                        return Err(format!(
                            "curl: option {word}: is unknown\ncurl: try 'curl --help' or 'curl --manual' for more information\n"
                        ));
                    }
                },
            }
            continue;
        }
        let letters = &word[1..];
        for (at, letter) in letters.char_indices() {
            if "owmHXdA".contains(letter) {
                let rest = &letters[at + 1..];
                let value = match rest {
                    "" => words
                        .next()
                        .cloned()
                        .ok_or_else(|| missing(&format!("-{letter}")))?,
                    rest => rest.to_owned(),
                };
                told.take(letter, Some(&value));
                break;
            }
            if !"svIikSfLNg460#".contains(letter) {
                return Err(format!(
                    "curl: option -{letter}: is unknown\ncurl: try 'curl --help' or 'curl --manual' for more information\n"
                ));
            }
            told.take(letter, None);
        }
    }
    Ok(told)
}

impl Told {
    fn take(&mut self, letter: char, value: Option<&str>) {
        let value = value.map(str::to_owned);
        match letter {
            'o' => self.output = value,
            'w' => self.format = value,
            'm' => self.max_ms = value.as_deref().and_then(millis),
            'H' => self.headers.extend(value),
            'A' => self
                .headers
                .extend(value.map(|it| format!("User-Agent: {it}"))),
            'X' => self.method = value,
            'd' => {
                self.method.get_or_insert_with(|| "POST".to_owned());
            }
            'u' => self.urls.extend(value),
            letter => self.flags.push(letter),
        }
    }

    fn has(&self, letter: char) -> bool {
        self.flags.contains(letter)
    }
}

/// One transfer's outcome.
struct Transfer {
    code: u8,
    message: String,
    attempt: Option<Attempt>,
    text: String,
    status: u16,
    total: Duration,
}

pub(super) async fn curl(process: Process, site: Rc<Site>) -> u8 {
    if let Some("--version" | "-V") = process.arguments().first().map(String::as_str) {
        process.print("curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1\nProtocols: http\n");
        return 0;
    }
    let told = match curl_arguments(process.arguments()) {
        Ok(it) => it,
        Err(message) => {
            process.complain(&message);
            return 2;
        }
    };
    if told.urls.is_empty() {
        process.complain("curl: no URL specified!\ncurl: try 'curl --help' or 'curl --manual' for more information\n");
        return 2;
    }
    let mut code = 0;
    for text in &told.urls {
        let mut n_tries = 0;
        code = loop {
            let transfer = one(&process, &site, &told, text).await;
            let retries = transfer.code == 28 && n_tries < told.n_retries;
            finish(&process, &told, text, &transfer);
            if !retries {
                break transfer.code;
            }
            n_tries += 1;
            process
                .sleep(Duration::from_secs(1 << n_tries.min(9).saturating_sub(1)))
                .await;
        };
    }
    code
}

/// Fetches one URL; the look of its output is decided afterwards.
async fn one(process: &Process, site: &Site, told: &Told, text: &str) -> Transfer {
    // An attempt from name to answer: each step has its own way to fail, with curl's number and words.
    let began = process.now();
    let mut transfer = Transfer {
        code: 0,
        message: String::new(),
        attempt: None,
        text: String::new(),
        status: 0,
        total: Duration::default(),
    };
    let fail = |transfer: &mut Transfer, code, message: String| {
        transfer.code = code;
        transfer.message = message;
    };
    let url = match url(text) {
        Ok(it) => it,
        Err(message) => {
            let code = if message.starts_with("(1)") { 1 } else { 3 };
            fail(&mut transfer, code, message);
            return transfer;
        }
    };
    let resolved = told.resolve.iter().find_map(|it| {
        let (name, rest) = it.split_once(':')?;
        let (port, address) = rest.split_once(':')?;
        (name == url.host && port.parse() == Ok(url.port))
            .then(|| parse_sloppy(address.trim_matches(['[', ']'])))?
    });
    let attempt = match attempt(
        process,
        site,
        (&url.host, url.port),
        Protocol::Tcp,
        resolved,
    ) {
        Ok(it) => it,
        Err(message) => {
            fail(&mut transfer, 45, format!("(45) {message}"));
            return transfer;
        }
    };
    let host = &url.host;
    // A second more than was allowed never passes; a millisecond does.
    let limit = told
        .max_ms
        .into_iter()
        .chain(told.connect_ms)
        .filter(|it| *it > 0)
        .min();
    let lookup_ms = attempt.lookup.as_millis();
    if let Some(limit) = limit.filter(|it| lookup_ms > *it) {
        process.sleep(Duration::from_millis(limit + 1)).await;
        fail(
            &mut transfer,
            28,
            format!("(28) Resolving timed out after {} milliseconds", limit + 1),
        );
    } else {
        process.sleep(attempt.lookup).await;
        let spent = lookup_ms + attempt.takes.as_millis();
        match attempt.verdict {
            Verdict::NoSuchHost => fail(
                &mut transfer,
                6,
                format!("(6) Could not resolve host: {host}"),
            ),
            Verdict::Delivered => {
                process.sleep(attempt.takes).await;
                if attempt.why == Some(Why::ProgramHangs) {
                    let message = unanswered(process, told, began).await;
                    fail(&mut transfer, 28, message);
                }
            }
            _ if limit.is_some_and(|it| spent > it) => {
                let limit = limit.unwrap_or_default();
                process
                    .sleep(Duration::from_millis(limit + 1 - lookup_ms))
                    .await;
                fail(
                    &mut transfer,
                    28,
                    format!("(28) Connection timed out after {} milliseconds", limit + 1),
                );
            }
            verdict => {
                process.sleep(attempt.takes).await;
                let code = if matches!(verdict, Verdict::Refused | Verdict::Unreachable) {
                    7
                } else {
                    28
                };
                let what = "Couldn't connect to server";
                fail(
                    &mut transfer,
                    code,
                    format!(
                        "({code}) Failed to connect to {host} port {} after {spent} ms: {what}",
                        url.port
                    ),
                );
            }
        }
    }
    if told.has('v') {
        verbose_connection(process, &url, &attempt, &transfer);
    }
    if transfer.code == 0 && url.scheme == "https" {
        let why = "OpenSSL/3.0.19: error:0A00010B:SSL routines::wrong version number";
        fail(&mut transfer, 35, format!("(35) {why}"));
    }
    if transfer.code == 0 {
        answer(process, site, told, &url, &attempt, &mut transfer);
    }
    transfer.attempt = Some(attempt);
    transfer.total = process.now() - began;
    transfer
}

/// Nobody answers what is asked over a connection: what is said about it after `-m`, or when the shell's time is up.
async fn unanswered(process: &Process, told: &Told, began: Instant) -> String {
    let spent = process.now() - began;
    let limit = told.max_ms.filter(|it| *it > 0).map(|it| it + 1);
    let left = limit.map(|it| it.saturating_sub(spent.as_millis()));
    process
        .sleep(left.map_or(FOR_EVER, Duration::from_millis))
        .await;
    let after = (process.now() - began).as_millis();
    format!("(28) Operation timed out after {after} milliseconds with 0 bytes received")
}

/// `curl -v`, up to the connection.
fn verbose_connection(process: &Process, url: &Url, attempt: &Attempt, transfer: &Transfer) {
    let mut text = String::new();
    if let Some(address) = attempt.address {
        let shown = crate::ip::join_host_port(address, url.port);
        text.push_str(&format!("*   Trying {shown}...\n"));
        let is_connected = transfer.code == 0 || attempt.why == Some(Why::ProgramHangs);
        if is_connected {
            text.push_str(&format!(
                "* Connected to {} ({address}) port {} (#0)\n",
                url.host, url.port
            ));
        } else if attempt.verdict == Verdict::Refused {
            text.push_str(&format!(
                "* connect to {address} port {} failed: Connection refused\n",
                url.port
            ));
        } else if attempt.verdict == Verdict::Unreachable && transfer.code == 7 {
            text.push_str(&format!(
                "* connect to {address} port {} failed: No route to host\n",
                url.port
            ));
        } else if transfer.code == 28
            && attempt.takes.as_millis() == CONNECT_MS
            && transfer.message.contains("Failed")
        {
            text.push_str(&format!(
                "* connect to {address} port {} failed: Connection timed out\n",
                url.port
            ));
        }
    }
    if transfer.code != 0 {
        let message = transfer.message.split_once(' ').map_or("", |it| it.1);
        text.push_str(&format!("* {message}\n* Closing connection 0\n"));
    }
    process.complain(&text);
}

/// The exchange itself.
fn answer(
    process: &Process,
    site: &Site,
    told: &Told,
    url: &Url,
    attempt: &Attempt,
    transfer: &mut Transfer,
) {
    // The lines of an answer in their order, by what the server is.
    let (status, words) = status_line(attempt);
    let body = match status {
        200 => body(site, attempt.object.as_ref()),
        _ => format!("{words}\n"),
    };
    let is_head = told.has('I');
    let method = told
        .method
        .as_deref()
        .unwrap_or(if is_head { "HEAD" } else { "GET" });
    let mut headers = vec![
        ("Host".to_owned(), url.authority.clone()),
        ("User-Agent".to_owned(), "curl/7.88.1".to_owned()),
        ("Accept".to_owned(), "*/*".to_owned()),
    ];
    for header in &told.headers {
        let (name, value) = header.split_once(':').unwrap_or((header, ""));
        let value = value.trim().to_owned();
        match headers
            .iter_mut()
            .find(|it| it.0.eq_ignore_ascii_case(name))
        {
            Some(it) => it.1 = value,
            None => headers.push((name.to_owned(), value)),
        }
    }
    let headers: Vec<String> = headers
        .into_iter()
        .filter(|it| !it.1.is_empty())
        .map(|it| format!("{}: {}", it.0, it.1))
        .collect();
    let response = [
        format!("HTTP/1.1 {status} {words}"),
        format!("Date: {}", http_date(process)),
        format!("Content-Length: {}", body.len()),
        "Content-Type: text/plain; charset=utf-8".to_owned(),
    ];
    if told.has('v') {
        let mut text = format!("> {method} {} HTTP/1.1\n", url.path);
        text.extend(headers.iter().map(|it| format!("> {it}\n")));
        text.push_str("> \n");
        text.extend(response.iter().map(|it| format!("< {it}\n")));
        text.push_str("< \n");
        if !is_head && !process.streams.is_terminal(1) {
            text.push_str(&format!("{{ [{} bytes data]\n", body.len()));
        }
        text.push_str(&format!(
            "* Connection #0 to host {} left intact\n",
            url.host
        ));
        process.complain(&text);
    }
    if is_head || told.has('i') {
        let lines: String = response.iter().map(|it| format!("{it}\r\n")).collect();
        transfer.text.push_str(&format!("{lines}\r\n"));
    }
    let n_bytes = if method == "HEAD" { 0 } else { body.len() };
    let agent = headers
        .iter()
        .find_map(|it| it.strip_prefix("User-Agent: "))
        .unwrap_or("-");
    note_request(process, site, attempt, (method, &url.path), n_bytes, agent);
    if method != "HEAD" {
        transfer.text.push_str(&body);
    }
    transfer.status = status;
    if status >= 400 && told.has('f') {
        transfer.text.clear();
        transfer.code = 22;
        transfer.message = format!("(22) The requested URL returned error: {status}");
    }
}

/// `Thu, 01 Jan 2026 00:00:00 GMT`
pub(super) fn http_date(process: &Process) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let secs = unix_secs(&process.clock().stamp()).unwrap_or(0);
    let text = stamp(secs);
    let day = DAYS[usize::try_from(secs.div_euclid(86_400).rem_euclid(7)).unwrap_or(0)];
    let month = text[5..7].parse::<usize>().unwrap_or(1).clamp(1, 12);
    format!(
        "{day}, {} {} {} {} GMT",
        &text[8..10],
        MONTHS[month - 1],
        &text[..4],
        &text[11..19]
    )
}

/// Prints what was fetched, what failed, and what `-w` asks for.
fn finish(process: &Process, told: &Told, url: &str, transfer: &Transfer) {
    let to_file = told.output.as_deref().filter(|it| *it != "-");
    let is_quiet = told.has('s') || told.has('P');
    let shows_meter = !is_quiet
        && (to_file.is_some() || !process.streams.is_terminal(1))
        && !matches!(transfer.code, 1 | 3);
    if shows_meter {
        process.complain(&meter(transfer));
    }
    match to_file {
        Some("/dev/null") => {}
        Some(file) if transfer.code == 0 => process.write_file(file, &transfer.text),
        Some(_) => {}
        None => process.print(&transfer.text),
    }
    if transfer.code != 0 && (!told.has('s') || told.has('S')) {
        process.complain(&format!("curl: {}\n", transfer.message));
    }
    if let Some(format) = &told.format {
        process.print(&written(format, url, transfer));
    }
}

/// The progress meter, once at the beginning and once at the end.
fn meter(transfer: &Transfer) -> String {
    let n = transfer.text.len();
    let head = "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n                                 Dload  Upload   Total   Spent    Left  Speed\n";
    let nothing = "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0";
    let secs = transfer.total.as_secs();
    let spent = if secs == 0 {
        "--:--:--".to_owned()
    } else {
        format!("{:>2}:{:02}:{:02}", secs / 3600, secs / 60 % 60, secs % 60)
    };
    if transfer.code != 0 {
        let last = nothing.replacen(
            "--:--:-- --:--:-- --:--:--",
            &format!("--:--:-- {spent} --:--:--"),
            1,
        );
        let end = if transfer.code == 6 { "" } else { "\n" };
        return format!("{head}\r{nothing}\r{last}{end}");
    }
    let speed = (n as u64 * 1000) / transfer.total.as_millis().max(1);
    format!(
        "{head}\r{nothing}\r100 {n:>5}  100 {n:>5}    0     0 {speed:>6}      0 --:--:-- {spent} --:--:-- {speed:>5}\n"
    )
}

/// `-w`: `%{name}` and escapes.
fn written(format: &str, url: &str, transfer: &Transfer) -> String {
    // A table: one arm for each variable of `-w`.
    let secs = |it: Duration| format!("{}.{:06}", it.as_secs(), it.as_millis() % 1000 * 1000);
    let attempt = transfer.attempt.as_ref();
    let is_connected = transfer.code == 0 || transfer.code == 35;
    let lookup = attempt.map_or(Duration::default(), |it| it.lookup);
    let connected = if is_connected {
        lookup.plus(attempt.map_or(Duration::default(), |it| it.takes))
    } else {
        Duration::default()
    };
    let local = attempt.and_then(|it| it.local).filter(|_| is_connected);
    let remote = attempt.and_then(|it| it.address).filter(|_| is_connected);
    let value = |name: &str| -> String {
        match name {
            "http_code" | "response_code" => format!("{:03}", transfer.status),
            "time_total" => secs(transfer.total),
            "time_namelookup" => secs(lookup),
            "time_connect" | "time_starttransfer" | "time_pretransfer" => secs(connected),
            "time_appconnect" | "time_redirect" => secs(Duration::default()),
            "remote_ip" => remote.map(|it| it.to_string()).unwrap_or_default(),
            "remote_port" => {
                if remote.is_some() {
                    attempt_port(url)
                } else {
                    "0".into()
                }
            }
            "local_ip" => local.map(|it| it.0.to_string()).unwrap_or_default(),
            "local_port" => local.map_or_else(|| "0".into(), |it| it.1.to_string()),
            "size_download" => transfer.text.len().to_string(),
            "size_header" | "size_upload" | "num_redirects" => "0".into(),
            "num_connects" => u8::from(is_connected).to_string(),
            "url_effective" => effective(url),
            "url" => url.to_owned(),
            "http_version" => {
                if transfer.status > 0 {
                    "1.1".into()
                } else {
                    "0".into()
                }
            }
            "content_type" => {
                if transfer.status > 0 {
                    "text/plain; charset=utf-8".into()
                } else {
                    String::new()
                }
            }
            "exitcode" => transfer.code.to_string(),
            "errormsg" => transfer
                .message
                .split_once(' ')
                .map_or(String::new(), |it| it.1.to_owned()),
            "method" => "GET".into(),
            "scheme" => {
                if transfer.status > 0 {
                    "HTTP".into()
                } else {
                    String::new()
                }
            }
            _ => String::new(),
        }
    };
    let mut out = String::new();
    let mut rest = format;
    while let Some(it) = rest.chars().next() {
        if let Some(inner) = rest.strip_prefix("%{")
            && let Some(end) = inner.find('}')
        {
            out.push_str(&value(&inner[..end]));
            rest = &inner[end + 1..];
            continue;
        }
        let escapes = [("%%", "%"), ("\\n", "\n"), ("\\t", "\t"), ("\\r", "\r")];
        if let Some((from, to)) = escapes.iter().find(|(from, _)| rest.starts_with(from)) {
            out.push_str(to);
            rest = &rest[from.len()..];
            continue;
        }
        out.push(it);
        rest = &rest[it.len_utf8()..];
    }
    out
}

fn attempt_port(text: &str) -> String {
    url(text).map_or_else(|_| "0".to_owned(), |it| it.port.to_string())
}

fn effective(text: &str) -> String {
    match url(text) {
        Ok(it) => format!("{}://{}{}", it.scheme, it.authority, it.path),
        Err(_) => text.to_owned(),
    }
}
