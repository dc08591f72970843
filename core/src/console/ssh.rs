//! ssh as a program of the workstation's shell: the way onto a node.
//!
//! What OpenSSH's `ssh` (9.2) does beside encrypting: the words after the host are one line for the shell there; what fails
//! before that shell begins is told on standard error, with exit code 255. Keys are taken as exchanged.
//!
//! **Left out**: options that change more than whether standard input is read; pods and other hosts, which run no sshd.

use crate::ip::parse_sloppy;
use crate::shell::{Handle, Input, Place, Process, Program, Running};
use crate::tools::Site;
use std::rc::Rc;

/// Options that take a word.
const WITH_WORD: &str = "BbcDEeFIiJLlmOopQRSWw";

/// What ssh ends with when it never got there.
const NOT_THERE: u8 = 255;

/// ssh, and where it leads.
pub(super) struct Ssh {
    pub(super) site: Rc<Site>,
}

impl Program for Ssh {
    fn run(&self, process: Process) -> Running {
        let site = self.site.clone();
        Box::pin(async move { log_in(&site, process).await })
    }
}

/// What was asked for.
struct Told<'w> {
    host: &'w str,
    line: String,
    reads_nothing: bool,
}

async fn log_in(site: &Site, mut process: Process) -> u8 {
    let words = process.arguments().to_vec();
    let Some(told) = read(&words) else {
        process.complain("usage: ssh [-nTt] [user@]node [command [argument ...]]\n");
        return NOT_THERE;
    };
    let node = match node(site, told.host) {
        Ok(node) => node,
        Err(why) => {
            process.complain(&format!("ssh: {why}\n"));
            return NOT_THERE;
        }
    };
    if told.reads_nothing {
        process.streams = process.streams.with(0, Handle::Read(Input::of("")));
    }
    let mut shell = vec!["sh".to_owned()];
    if !told.line.is_empty() {
        shell.extend(["-c".to_owned(), told.line]);
    }
    process.enter(&Place::Node(node.into()), &shell).await
}

fn read(words: &[String]) -> Option<Told<'_>> {
    let mut reads_nothing = false;
    let mut words = words.iter();
    let host = loop {
        let word = words.next()?;
        let Some(flags) = word.strip_prefix('-').filter(|it| !it.is_empty()) else {
            break word;
        };
        for (idx, flag) in flags.char_indices() {
            reads_nothing |= flag == 'n';
            if WITH_WORD.contains(flag) {
                if idx + flag.len_utf8() == flags.len() {
                    words.next()?;
                }
                break;
            }
        }
    };
    let line: Vec<&str> = words.map(String::as_str).collect();
    Some(Told {
        host: host.rsplit('@').next().unwrap_or(host),
        line: line.join(" "),
        reads_nothing,
    })
}

/// The node that a name or an address is of.
fn node(site: &Site, host: &str) -> Result<String, String> {
    let cluster = site.cluster();
    let nodes = &site.world().objects.nodes;
    let address = parse_sloppy(host);
    let found = nodes.iter().find(|(name, it)| {
        name.as_str() == host || address.is_some_and(|ip| it.internal_ips().contains(&ip))
    });
    let Some((name, _)) = found else {
        return Err(match address {
            Some(_) => format!("connect to host {host} port 22: No route to host"),
            None => format!("Could not resolve hostname {host}: Name or service not known"),
        });
    };
    if cluster.machines().nodes_down.contains_key(name) {
        return Err(format!("connect to host {host} port 22: No route to host"));
    }
    Ok(name.clone())
}
