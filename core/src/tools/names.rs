//! dig and nslookup: questions to name servers.
//!
//! BIND 9.18 `bin/dig` (dig, nslookup) and BusyBox 1.36 `networking/nslookup_lede.c`; nslookup has BusyBox' form
//! where the container's image is named busybox or alpine, BIND's everywhere else. Each question is a packet that
//! travels to the server: what drops it makes the tool wait and ask again, as the real one does.
//!
//! **Left out**: DNSSEC, zone transfers, several names in one call, dig's `+trace`, nslookup's prompt.

use super::site::{Site, host_of};
use crate::chance::Chooser;
use crate::dns::{
    Answer, Cache, Client, Question, Rcode, Record, RecordData, RecordType, Settings, Transport,
    check_name, dig_text, fit, reverse_name,
};
use crate::ip::{IpAddr, join_host_port, parse_sloppy};
use crate::net::Protocol;
use crate::shell::{Place, Process};
use crate::sim::{Destination, Request, Source, Verdict};
use crate::time::{Duration, unix_secs};
use std::rc::Rc;

/// What became of a question.
enum Reply {
    Answer(Box<Answer>),
    Refused,
    Unreachable,
    TimedOut,
}

/// How a tool asks.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    transport: Transport,
    port: u16,
    timeout_secs: u64,
    n_tries: u32,
}

pub(super) const UDP: Manner = Manner {
    transport: Transport::Udp { edns: None },
    port: 53,
    timeout_secs: 5,
    n_tries: 3,
};

/// One packet to a server; the time that nobody answers is waited for.
async fn once(
    process: &Process,
    site: &Site,
    server: IpAddr,
    question: &Question,
    manner: Manner,
) -> Reply {
    let protocol = if manner.transport == Transport::Tcp {
        Protocol::Tcp
    } else {
        Protocol::Udp
    };
    let to = Destination {
        name: server.to_string(),
        port: Some(manner.port),
        protocol,
        url: None,
    };
    let request = Request::new(Source::Host(host_of(process.place())), to);
    let silence = Duration::from_secs(manner.timeout_secs);
    let Ok(walk) = site.visit(&request) else {
        return Reply::Unreachable;
    };
    match walk.ending.verdict {
        Verdict::Delivered => {}
        Verdict::Refused => return Reply::Refused,
        Verdict::Unreachable => return Reply::Unreachable,
        _ => {
            process.sleep(silence).await;
            return Reply::TimedOut;
        }
    }
    let world = site.world();
    let (server, mut chooser): (_, Chooser) = (world.dns_server(), site.chooser());
    let mut cache = Cache::default();
    let asked = (question, manner.transport);
    let answer = walk.ending.object.as_ref().and_then(|object| {
        world.dns_answer(
            server,
            object,
            asked,
            process.now(),
            (&mut cache, &mut chooser),
        )
    });
    match answer {
        Some(mut answer) => {
            fit(question, &mut answer, manner.transport);
            process.sleep(Duration::from_millis(1)).await;
            Reply::Answer(Box::new(answer))
        }
        None => {
            process.sleep(silence).await;
            Reply::TimedOut
        }
    }
}

/// The same, as often as the tool tries; what is said about each failure is BIND's.
pub(super) async fn ask(
    process: &Process,
    site: &Site,
    server: IpAddr,
    question: &Question,
    manner: Manner,
) -> Result<(Answer, Transport), ()> {
    for _ in 0..manner.n_tries {
        let at = format!("{server}#{}", manner.port);
        match once(process, site, server, question, manner).await {
            Reply::Answer(answer) if answer.tc && manner.transport != Transport::Tcp => {
                let manner = Manner {
                    transport: Transport::Tcp,
                    ..manner
                };
                match once(process, site, server, question, manner).await {
                    Reply::Answer(answer) => return Ok((*answer, Transport::Tcp)),
                    _ => return Ok((*answer, Transport::Tcp)),
                }
            }
            Reply::Answer(answer) => return Ok((*answer, manner.transport)),
            Reply::Refused => process.print(&format!(
                ";; communications error to {at}: connection refused\n"
            )),
            Reply::Unreachable => process.print(&format!(
                ";; communications error to {at}: host unreachable\n"
            )),
            Reply::TimedOut => {
                process.print(&format!(";; communications error to {at}: timed out\n"));
            }
        }
    }
    Err(())
}

/// What this place's resolv.conf says.
pub(super) fn settings(process: &Process, site: &Site) -> Settings {
    let conf = site.world().resolv_conf(&host_of(process.place()));
    Settings::read(Client::Glibc, &conf.to_string())
}

/// The address of a server that was named on the command line.
pub(super) fn server_address(process: &Process, site: &Site, name: &str) -> Option<IpAddr> {
    parse_sloppy(name).or_else(|| resolve(process, site, name).0.first().copied())
}

/// What glibc finds for a name.
pub(super) fn resolve(process: &Process, site: &Site, name: &str) -> (Vec<IpAddr>, Duration) {
    if let Some(ip) = parse_sloppy(name) {
        return (vec![ip], Duration::default());
    }
    let lookup = site.look_up(process.place(), name);
    lookup.map_or((Vec::new(), Duration::default()), |it| {
        (it.resolution.addresses.clone(), it.elapsed)
    })
}

/// The names to ask for, by the search list.
pub(super) fn searched(settings: &Settings, name: &str) -> Vec<String> {
    if name.ends_with('.') {
        return vec![name.to_owned()];
    }
    let with = settings
        .search
        .iter()
        .map(|it| format!("{name}.{}", it.trim_end_matches('.')));
    let n_dots = name.matches('.').count();
    let mut names: Vec<String> = with.collect();
    if n_dots >= settings.ndots {
        names.insert(0, name.to_owned());
    } else {
        names.push(name.to_owned());
    }
    names
}

/// What dig was told.
struct Dig {
    name: Option<String>,
    kind: Option<RecordType>,
    server: Option<String>,
    manner: Manner,
    is_short: bool,
    searches: bool,
    /// Which parts are not printed: `+nostats`.
    hidden: Vec<&'static str>,
}

const PARTS: [&str; 7] = [
    "cmd",
    "comments",
    "question",
    "answer",
    "authority",
    "additional",
    "stats",
];

fn dig_arguments(arguments: &[String]) -> Result<Dig, String> {
    let edns = Transport::Udp { edns: Some(1232) };
    let mut told = Dig {
        name: None,
        kind: None,
        server: None,
        manner: Manner {
            transport: edns,
            ..UDP
        },
        is_short: false,
        searches: false,
        hidden: Vec::new(),
    };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if let Some(server) = word.strip_prefix('@') {
            told.server = Some(server.to_owned());
        } else if let Some(option) = word.strip_prefix('+') {
            dig_option(&mut told, option)?;
        } else if let Some(flag) = word.strip_prefix('-') {
            let mut value = || words.next().cloned().unwrap_or_default();
            match flag {
                "x" => {
                    let text = value();
                    let Some(ip) = parse_sloppy(&text) else {
                        return Err(format!("Invalid IP address {text}\n"));
                    };
                    told.name = Some(reverse_name(ip));
                    told.kind.get_or_insert(RecordType::PTR);
                }
                "t" => told.kind = RecordType::parse(&value()),
                "p" => told.manner.port = value().parse().unwrap_or(53),
                "q" => told.name = Some(value()),
                "4" | "6" | "u" | "r" => {}
                "c" | "b" | "y" | "k" => drop(value()),
                other => {
                    return Err(format!(
                        "Invalid option: -{other}\nUsage:  dig [@global-server] [domain] [q-type] [q-class] {{q-opt}}\n"
                    ));
                }
            }
        } else if word.eq_ignore_ascii_case("in") {
        } else if let Some(kind) =
            RecordType::parse(word).filter(|_| told.name.is_some() || !word.contains('.'))
        {
            told.kind = Some(kind);
        } else {
            told.name = Some(word.clone());
        }
    }
    Ok(told)
}

fn dig_option(told: &mut Dig, option: &str) -> Result<(), String> {
    let (name, value) = option.split_once('=').map_or((option, ""), |it| it);
    let (is_off, bare) = name
        .strip_prefix("no")
        .map_or((false, name), |it| (true, it));
    if let Some(part) = PARTS.iter().find(|it| **it == bare) {
        told.hidden.retain(|it| it != part);
        if is_off {
            told.hidden.push(part);
        }
        return Ok(());
    }
    let number = value.parse::<u64>().ok();
    match bare {
        "short" => told.is_short = !is_off,
        "search" => told.searches = !is_off,
        "all" => told.hidden = if is_off { PARTS.to_vec() } else { Vec::new() },
        "tcp" | "vc" => {
            told.manner.transport = if is_off {
                Transport::Udp { edns: Some(1232) }
            } else {
                Transport::Tcp
            }
        }
        "time" | "timeout" => told.manner.timeout_secs = number.unwrap_or(5).clamp(1, 600),
        "tries" => told.manner.n_tries = number.map_or(3, |it| it.clamp(1, 20) as u32),
        "retry" => told.manner.n_tries = number.map_or(3, |it| (it + 1).clamp(1, 20) as u32),
        "edns" => {
            told.manner.transport = Transport::Udp {
                edns: (!is_off).then_some(1232),
            }
        }
        "bufsize" => {
            told.manner.transport = Transport::Udp {
                edns: number.map(|it| it.clamp(512, 65_535) as u16),
            }
        }
        "recurse" | "rec" | "multiline" | "ttlid" | "cookie" | "dnssec" | "adflag" | "cdflag"
        | "identify" | "ignore" | "badcookie" | "class" | "crypto" | "stat" | "ndots"
        | "rdflag" => {}
        _ => {
            return Err(format!(
                "Invalid option: +{option}\nUsage:  dig [@global-server] [domain] [q-type] [q-class] {{q-opt}}\n"
            ));
        }
    }
    Ok(())
}

pub(super) async fn dig(process: Process, site: Rc<Site>) -> u8 {
    // The parts of dig's text in their order, each where it was asked for.
    let told = match dig_arguments(process.arguments()) {
        Ok(it) => it,
        Err(message) => {
            process.complain(&message);
            return 1;
        }
    };
    let shows = |part: &str| !told.hidden.contains(&part);
    let settings = settings(&process, &site);
    let servers: Vec<IpAddr> = match &told.server {
        None => settings.nameservers.clone(),
        Some(name) => match server_address(&process, &site, name) {
            Some(it) => vec![it],
            None => {
                process.complain(&format!(
                    "dig: couldn't get address for '{name}': not found\n"
                ));
                return 10;
            }
        },
    };
    let name = told.name.clone().unwrap_or_else(|| ".".to_owned());
    if let Some(complaint) = illegal("dig", &name) {
        process.complain(&complaint);
        return 10;
    }
    let kind = told.kind.unwrap_or(if told.name.is_none() {
        RecordType::NS
    } else {
        RecordType::A
    });
    let names = if told.searches {
        searched(&settings, &name)
    } else {
        vec![name]
    };
    if shows("cmd") && !told.is_short {
        let command = process.arguments().join(" ");
        process.print(&format!(
            "\n; <<>> DiG 9.18.33-1~deb12u2-Debian <<>> {command}\n"
        ));
        if told.server.is_some() {
            process.print("; (1 server found)\n");
        }
        process.print(";; global options: +cmd\n");
    }
    let n_names = names.len();
    for (idx, name) in names.into_iter().enumerate() {
        let question = Question::new(&name, kind);
        let mut reached = None;
        for server in &servers {
            if let Ok(it) = ask(&process, &site, *server, &question, told.manner).await {
                reached = Some((*server, it));
                break;
            }
        }
        let Some((server, (answer, transport))) = reached else {
            process.print(&format!(
                "{};; no servers could be reached\n",
                if told.is_short { "" } else { "\n" }
            ));
            return 9;
        };
        // The search goes on while nothing is found; the last answer is shown whatever it says.
        let is_found = answer.rcode == Rcode::NoError && !answer.answer.is_empty();
        if told.searches && !is_found && idx + 1 < n_names {
            continue;
        }
        if told.is_short {
            let lines = answer.answer.iter().map(|it| format!("{}\n", it.data));
            process.print(&lines.collect::<String>());
        } else {
            let text = dig_text(&question, &answer, transport, Some(server));
            let is_cut = transport == Transport::Tcp && told.manner.transport != Transport::Tcp;
            process.print(&with_run(
                &process,
                &site,
                &text,
                is_cut,
                &told.hidden,
                told.manner.port,
            ));
        }
        break;
    }
    0
}

/// The parts of dig's text that were asked for, with what differs from run to run.
fn with_run(
    process: &Process,
    site: &Site,
    text: &str,
    is_cut: bool,
    hidden: &[&str],
    port: u16,
) -> String {
    // The lines of dig's text in their order, each with what differs from run to run.
    let id = site.chooser().draw(65_536);
    let shows = |part: &str| !hidden.contains(&part);
    let when = unix_secs(&process.clock().stamp()).unwrap_or(0);
    let mut out = String::new();
    if is_cut && shows("comments") {
        out.push_str(";; Truncated, retrying in TCP mode.\n");
    }
    // Sections are told apart by empty lines and by their titles.
    for block in text.split("\n\n") {
        let block = block.trim_end_matches('\n');
        let part = match block {
            it if it.starts_with(";; Got answer") => "comments",
            it if it.starts_with(";; OPT") => "comments",
            it if it.starts_with(";; QUESTION") => "question",
            it if it.starts_with(";; ANSWER") => "answer",
            it if it.starts_with(";; AUTHORITY") => "authority",
            it if it.starts_with(";; ADDITIONAL") => "additional",
            _ => "stats",
        };
        match part {
            "stats" if shows("stats") => {
                let server = block.replace("#53(", &format!("#{port}("));
                let server = server.replace(
                    "\n;; MSG SIZE",
                    &format!("\n;; WHEN: {}\n;; MSG SIZE", dig_date(when)),
                );
                out.push_str(&format!(";; Query time: 1 msec\n{server}\n\n"));
            }
            "stats" => {}
            "comments" => {
                let (comments, question) = block
                    .split_once(";; QUESTION")
                    .map_or((block, None), |it| (it.0, Some(it.1)));
                if shows("comments") {
                    out.push_str(&comments.replace("id: 0", &format!("id: {id}")));
                    out.push_str(if question.is_some() { "" } else { "\n\n" });
                }
                if let Some(it) = question.filter(|_| shows("question")) {
                    let title = if shows("comments") {
                        ";; QUESTION SECTION:\n"
                    } else {
                        ""
                    };
                    let body = it.strip_prefix(" SECTION:\n").unwrap_or(it);
                    out.push_str(&format!("{title}{body}\n\n"));
                }
            }
            part if shows(part) => {
                let body = block.split_once('\n').map_or("", |it| it.1);
                out.push_str(&if shows("comments") {
                    format!("{block}\n\n")
                } else {
                    format!("{body}\n")
                });
            }
            _ => {}
        }
    }
    out
}

/// `Thu Jan 01 00:00:00 UTC 2026`
fn dig_date(secs: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let text = crate::time::stamp(secs);
    let day = DAYS[usize::try_from(secs.div_euclid(86_400).rem_euclid(7)).unwrap_or(0)];
    let month = text[5..7].parse::<usize>().unwrap_or(1).clamp(1, 12);
    format!(
        "{day} {} {} {} UTC {}",
        MONTHS[month - 1],
        &text[8..10],
        &text[11..19],
        &text[..4]
    )
}

pub(super) async fn nslookup(process: Process, site: Rc<Site>) -> u8 {
    let mut kind = None;
    let mut operands = Vec::new();
    for word in process.arguments() {
        let told = word
            .strip_prefix("-type=")
            .or(word.strip_prefix("-query="))
            .or(word.strip_prefix("-q="));
        match told {
            Some(it) => kind = RecordType::parse(it),
            None if word.starts_with('-') && word.len() > 1 => {}
            None => operands.push(word.clone()),
        }
    }
    let Some(name) = operands.first() else {
        process.complain("Usage: nslookup [-type=QUERY_TYPE] HOST [DNS_SERVER]\n");
        return 1;
    };
    let settings = settings(&process, &site);
    let servers: Vec<IpAddr> = match operands.get(1) {
        None => settings.nameservers.clone(),
        Some(server) => match server_address(&process, &site, server) {
            Some(it) => vec![it],
            None => {
                process.complain(&format!(
                    "nslookup: couldn't get address for '{server}': not found\n"
                ));
                return 1;
            }
        },
    };
    match is_busybox(&process, &site) {
        true => busybox_nslookup(&process, &site, name, kind, &servers, &settings).await,
        false => bind_nslookup(&process, &site, name, kind, &servers, &settings).await,
    }
}

/// Whether the tools of a place are BusyBox', by the name of its image.
fn is_busybox(process: &Process, site: &Site) -> bool {
    let Place::Pod {
        namespace,
        name,
        container,
    } = process.place()
    else {
        return false;
    };
    let world = site.world();
    let Some(pod) = world.objects.pod(namespace, name) else {
        return false;
    };
    let containers = &pod.spec.containers;
    let named = containers
        .iter()
        .find(|it| it.name == **container)
        .or(containers.first());
    named.is_some_and(|it| it.image.contains("busybox") || it.image.contains("alpine"))
}

/// What nslookup asks for: what it was told, the name of an address, or the addresses of a name.
fn kinds_asked(told: Option<RecordType>, address: Option<IpAddr>) -> Vec<RecordType> {
    match (told, address) {
        (Some(it), _) => vec![it],
        (None, Some(_)) => vec![RecordType::PTR],
        (None, None) => vec![RecordType::A, RecordType::AAAA],
    }
}

/// What BIND's tools say of a name that no message can carry.
pub(super) fn illegal(tool: &str, name: &str) -> Option<String> {
    let fault = check_name(name).err()?;
    Some(format!("{tool}: '{name}' is not a legal name ({fault})\n"))
}

async fn bind_nslookup(
    process: &Process,
    site: &Site,
    name: &str,
    kind: Option<RecordType>,
    servers: &[IpAddr],
    settings: &Settings,
) -> u8 {
    if let Some(complaint) = illegal("nslookup", name) {
        process.complain(&complaint);
        return 10;
    }
    let address = parse_sloppy(name);
    let names = match address {
        Some(ip) => vec![reverse_name(ip)],
        None => searched(settings, name),
    };
    let kinds = kinds_asked(kind, address);
    let Some(server) = servers.first().copied() else {
        process.print(";; no servers could be reached\n\n");
        return 1;
    };
    let head = format!("Server:\t\t{server}\nAddress:\t{server}#53\n\n");
    let mut last = Rcode::NxDomain;
    let n_names = names.len();
    for (idx, full) in names.iter().enumerate() {
        let mut text = String::new();
        let mut seen_any = false;
        for kind in &kinds {
            let question = Question::new(full, *kind);
            let Ok((answer, _)) = ask(process, site, server, &question, UDP).await else {
                process.print(";; no servers could be reached\n\n");
                return 1;
            };
            last = answer.rcode;
            if answer.rcode != Rcode::NoError {
                break;
            }
            if !answer.answer.is_empty() {
                if !answer.aa && !seen_any {
                    text.push_str("Non-authoritative answer:\n");
                }
                seen_any = true;
            }
            text.extend(answer.answer.iter().map(bind_record));
        }
        if seen_any {
            process.print(&format!("{head}{text}\n"));
            return 0;
        }
        if last == Rcode::NoError && (idx + 1 == n_names) {
            process.print(&format!("{head}*** Can't find {name}: No answer\n\n"));
            return 1;
        }
    }
    process.print(&format!("{head}** server can't find {name}: {last}\n\n"));
    1
}

/// A record as BIND's nslookup prints it.
fn bind_record(record: &Record) -> String {
    let name = record.name.trim_end_matches('.');
    match &record.data {
        RecordData::Address(ip) => format!("Name:\t{name}\nAddress: {ip}\n"),
        RecordData::Name(target) if record.kind == RecordType::CNAME => {
            format!("{name}\tcanonical name = {target}\n")
        }
        RecordData::Name(target) if record.kind == RecordType::PTR => {
            format!("{name}\tname = {target}\n")
        }
        RecordData::Srv {
            priority,
            weight,
            port,
            target,
        } => {
            format!("{name}\tservice = {priority} {weight} {port} {target}\n")
        }
        RecordData::Text(_) => format!("{name}\ttext = {}\n", record.data),
        other => format!(
            "{name}\t{} = {other}\n",
            record.kind.to_string().to_lowercase()
        ),
    }
}

async fn busybox_nslookup(
    process: &Process,
    site: &Site,
    name: &str,
    kind: Option<RecordType>,
    servers: &[IpAddr],
    settings: &Settings,
) -> u8 {
    // The lines of the real tool in their order, which its mistakes share.
    let address = parse_sloppy(name);
    // A name with a dot is asked as it is, whatever ndots says.
    let names = match address {
        Some(ip) => vec![reverse_name(ip)],
        None if name.contains('.') || settings.search.is_empty() => vec![name.to_owned()],
        None => settings
            .search
            .iter()
            .map(|it| format!("{name}.{}", it.trim_end_matches('.')))
            .collect(),
    };
    let kinds = kinds_asked(kind, address);
    let Some(server) = servers.first().copied() else {
        process.print(";; connection timed out; no servers could be reached\n\n");
        return 1;
    };
    let manner = Manner {
        timeout_secs: u64::from(settings.timeout_secs).max(1),
        n_tries: 2,
        ..UDP
    };
    let mut text = format!(
        "Server:\t\t{server}\nAddress:\t{}\n\n",
        join_host_port(server, 53)
    );
    let mut code = 0;
    for full in &names {
        for kind in &kinds {
            let question = Question::new(full, *kind);
            let mut reply = Reply::TimedOut;
            for _ in 0..manner.n_tries {
                reply = once(process, site, server, &question, manner).await;
                if matches!(reply, Reply::Answer(_)) {
                    break;
                }
            }
            let Reply::Answer(answer) = reply else {
                process.print(";; connection timed out; no servers could be reached\n\n");
                return 1;
            };
            let bare = full.trim_end_matches('.');
            if answer.rcode != Rcode::NoError {
                text.push_str(&format!(
                    "** server can't find {bare}: {}\n\n",
                    answer.rcode
                ));
                code = 1;
                continue;
            }
            if !answer.aa {
                text.push_str("Non-authoritative answer:\n");
            }
            text.extend(
                answer
                    .answer
                    .iter()
                    .map(bind_record)
                    .map(|it| it.replace(".\n", "\n")),
            );
            text.push('\n');
        }
    }
    process.print(&text);
    code
}
