//! Every walk of every scenario in the forms that other tools read, read by those tools.
//!
//! `tshark` (Debian) dissects each capture: no malformed packet, no wrong checksum, and the packets
//! that the walk has. Pictures are read as XML by `xmllint` where there is one.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "counts are shown with --nocapture, and what is skipped is said loudly"
)]

use packetwalk_core::api::{File, read};
use packetwalk_core::chance::Chooser;
use packetwalk_core::export::{Depth, ToldWay, captured, markdown, mermaid, pcapng};
use packetwalk_core::net::Protocol;
use packetwalk_core::proxy;
use packetwalk_core::sim::{Destination, Request, Source, Walk, World, outcomes, walk};
use packetwalk_core::view;
use packetwalk_tests::root;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// A walk of a scenario.
struct Told {
    name: String,
    manifest: packetwalk_core::api::Manifest,
    world: World,
    request: Request,
}

/// From every source to every Service's addresses and names, in every scenario and mode.
fn all() -> Vec<Told> {
    let mut all = Vec::new();
    let mut files: Vec<PathBuf> = ["tests/scenarios", "static/manifests"]
        .iter()
        .flat_map(|it| std::fs::read_dir(root().join(it)).expect("a folder"))
        .map(|it| it.expect("a file").path())
        .collect();
    files.sort();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a text");
        let name = file
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let manifest = read(&[File {
            name: name.as_str().into(),
            text: text.into(),
        }]);
        for mode in ["nftables", "iptables"] {
            let world = World::from_manifest(&manifest, proxy::mode(mode), 1);
            for request in requests(&world) {
                all.push(Told {
                    name: format!("{name}, {mode}"),
                    manifest: manifest.clone(),
                    world: world.clone(),
                    request,
                });
            }
        }
    }
    all
}

/// Every scenario has these, and their walks are alike.
fn is_base(service: &str) -> bool {
    ["kubernetes", "kube-dns"].contains(&service)
}

fn requests(world: &World) -> Vec<Request> {
    let mut sources = vec!["external".to_owned()];
    let pods = world.objects.pods.keys().filter(|it| it.0 != "kube-system");
    sources.extend(pods.take(1).map(|it| format!("pod/{}/{}", it.0, it.1)));
    sources.extend(
        world
            .objects
            .nodes
            .keys()
            .take(1)
            .map(|it| format!("node/{it}")),
    );
    let mut requests = Vec::new();
    let services = world.objects.services.values();
    let own = services.filter(|it| !is_base(&it.metadata.name));
    for service in own {
        let name = format!("{}.{}", service.metadata.name, service.metadata.namespace);
        let mut whom = vec![name];
        whom.extend(service.cluster_ips().iter().map(ToString::to_string));
        let Some(port) = service.spec.ports.first() else {
            continue;
        };
        let protocol = port.protocol.as_deref().unwrap_or("TCP").to_lowercase();
        let protocol = Protocol::from_name(&protocol).unwrap_or(Protocol::Tcp);
        for to in &whom {
            let written = if to.contains(':') {
                format!("[{to}]:{}", port.port)
            } else {
                format!("{to}:{}", port.port)
            };
            let destination = Destination::parse(&written, protocol).expect("a destination");
            let ping = Destination::parse(to, Protocol::Icmp).expect("a destination");
            for source in &sources {
                let source = Source::parse(source).expect("a source");
                requests.push(Request::new(source.clone(), destination.clone()));
                requests.push(Request::new(source, ping.clone()));
            }
        }
    }
    requests
}

fn walked(told: &Told) -> Option<Walk> {
    walk(&told.world, &told.request, &mut Chooser::seeded(1)).ok()
}

#[test]
fn tshark_reads_every_capture_without_a_complaint() {
    if Command::new("tshark").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no tshark on this machine (Debian package `tshark`)");
        return;
    }
    let folder = TempDir::new().expect("a folder");
    // The sections of several captures make one file: a file for each scenario and mode.
    let mut files: Vec<(String, Vec<u8>, usize)> = Vec::new();
    let mut n_walks = 0;
    for told in all() {
        let Some(walk) = walked(&told) else { continue };
        let n_packets = captured(&walk).len();
        if n_packets == 0 {
            continue;
        }
        n_walks += 1;
        let bytes = pcapng(&walk, &told.world.cluster.clock());
        match files.last_mut().filter(|it| it.0 == told.name) {
            Some((_, file, n)) => {
                file.extend(bytes);
                *n += n_packets;
            }
            None => files.push((told.name, bytes, n_packets)),
        }
    }
    let mut faults = Vec::new();
    for (idx, (name, bytes, n_packets)) in files.iter().enumerate() {
        let path = folder.path().join(format!("{idx}.pcapng"));
        std::fs::write(&path, bytes).expect("room");
        if let Err(fault) = read_by_tshark(&path, *n_packets) {
            faults.push(format!("{name}: {fault}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let n_packets: usize = files.iter().map(|it| it.2).sum();
    assert!(
        n_walks > 200 && n_packets > 2000,
        "{n_walks} walks, {n_packets} packets"
    );
    println!("{n_walks} walks with {n_packets} packets");
}

fn read_by_tshark(path: &std::path::Path, expected: usize) -> Result<(), String> {
    let checks = [
        "ip.check_checksum",
        "tcp.check_checksum",
        "udp.check_checksum",
        "sctp.checksum",
    ];
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(path);
    for check in checks {
        let value = if check == "sctp.checksum" {
            "CRC32C"
        } else {
            "TRUE"
        };
        command.arg("-o").arg(format!("{check}:{value}"));
    }
    command.args([
        "-T",
        "fields",
        "-e",
        "frame.number",
        "-e",
        "frame.interface_name",
    ]);
    command.args([
        "-e",
        "ip.checksum.status",
        "-e",
        "tcp.checksum.status",
        "-e",
        "udp.checksum.status",
    ]);
    command.args([
        "-e",
        "icmp.checksum.status",
        "-e",
        "icmpv6.checksum.status",
        "-e",
        "sctp.checksum.status",
    ]);
    command.args(["-e", "_ws.malformed", "-e", "_ws.expert.message"]);
    let output = command.output().map_err(|it| it.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || complaints.contains("appears to be damaged") {
        return Err(complaints.into_owned());
    }
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() != expected {
        return Err(format!("{} packets read of {expected}", lines.len()));
    }
    for line in lines {
        let fields: Vec<&str> = line.split('\t').collect();
        // 0 is "bad"; 1 is "good"; 2 is "not verified".
        let is_bad = fields[2..8]
            .iter()
            .any(|it| it.split(',').any(|it| it == "0"));
        if is_bad
            || !fields[8].is_empty()
            || fields.get(9).is_some_and(|it| it.contains("alformed"))
        {
            return Err(line.to_owned());
        }
        if fields[1].is_empty() {
            return Err(format!("no interface: {line}"));
        }
    }
    Ok(())
}

#[test]
fn every_walk_is_a_diagram_and_a_table_without_stray_markup() {
    for told in all() {
        let Ok(ways) = outcomes(&told.world, &told.request, 16) else {
            continue;
        };
        let ways: Vec<ToldWay<'_>> = ways
            .ways
            .branches
            .iter()
            .map(|it| {
                let map = view::map(&told.world, &it.result.from, None, view::Layout::Wide);
                ToldWay {
                    odds: view::odds(it.probability),
                    hops: view::hops(&told.world, &told.manifest, &map, &it.result),
                    ending: view::ending(&it.result.ending),
                    walk: &it.result,
                }
            })
            .collect();
        let diagram = mermaid(&ways);
        check_diagram(&diagram).unwrap_or_else(|it| panic!("{}: {it}\n{diagram}", told.name));
        let text = markdown(&ways, Depth::Rules);
        let n_rows: usize = ways.iter().map(|it| it.hops.len()).sum();
        let rows = text.lines().filter(|it| {
            it.starts_with("| ")
                && it.ends_with(" |")
                && it
                    .split('|')
                    .nth(1)
                    .is_some_and(|it| it.trim().parse::<usize>().is_ok())
        });
        assert_eq!(rows.count(), n_rows, "{}\n{text}", told.name);
        assert_eq!(text.matches("```").count() % 2, 0, "{text}");
    }
}

/// The grammar of mermaid's sequences, as far as we write it.
fn check_diagram(text: &str) -> Result<(), String> {
    let mut known: Vec<&str> = Vec::new();
    let mut depth = 0;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        let words: Vec<&str> = line.split_whitespace().collect();
        let fault = |what: &str| Err(format!("line {}: {what}: {line}", number + 1));
        match words.as_slice() {
            ["sequenceDiagram"] if number == 0 => {}
            ["participant", id, "as", ..] => known.push(id),
            ["alt", ..] => depth += 1,
            ["else", ..] if depth > 0 => {}
            ["end"] if depth > 0 => depth -= 1,
            ["Note", "over", whom, ..] => {
                let whom = whom.trim_end_matches(':');
                if !known.contains(&whom) {
                    return fault("a note over nobody");
                }
            }
            _ => {
                let Some((ends, said)) = line.split_once(": ") else {
                    return fault("no message");
                };
                let arrow = ["-->>", "->>", "--)"]
                    .into_iter()
                    .find(|it| ends.contains(it));
                let Some((from, to)) = arrow.and_then(|it| ends.split_once(it)) else {
                    return fault("no arrow");
                };
                if !known.contains(&from) || !known.contains(&to) {
                    return fault("a message between strangers");
                }
                if said.is_empty() {
                    return fault("nothing said");
                }
            }
        }
        let mut without_codes = line.to_owned();
        for code in [';', '#', '<', '>', '"'] {
            without_codes = without_codes.replace(&format!("#{};", u32::from(code)), "");
        }
        if without_codes.contains(';') || without_codes.contains('#') {
            return fault("a character that ends a statement");
        }
    }
    if depth == 0 {
        Ok(())
    } else {
        Err("an alternative without end".into())
    }
}
