//! The stub resolvers of a pod's programs: glibc, musl, and Go's own.
//!
//! Each imitates its source, packet for packet and timer for timer: glibc 2.36 `resolv/`, musl 1.2.3
//! and 1.2.5 `src/network/`, Go 1.27 `net/dnsclient_unix.go`. A resolver is driven by the one who
//! plays the network: it hands over each packet in the order of time and is told its fate. Which of
//! them a program has depends on its image: Debian glibc, Alpine musl, most static Go programs Go.
//!
//! **Left out**: nscd, systemd-resolved and every other cache; nsswitch.conf other than `files dns`;
//! HOSTALIASES; the check of names in answers; programs that ask servers themselves, like dig.

mod glibc;
mod go;
mod literal;
mod musl;
mod order;
mod settings;
mod wire;

pub use settings::{Settings, Single};
pub use wire::{Exchange, Fate, Network, Sent};

use super::message::{Answer, RecordData, RecordType};
use super::name::check_name;
use crate::ip::{Family, IpAddr, family};
use crate::time::{Duration, Instant};
use serde::Serialize;
use std::fmt;
use wire::Call;

/// Which resolver a program has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Client {
    /// glibc 2.36: Debian 12 and most others.
    #[default]
    Glibc,
    /// musl up to 1.2.3: Alpine to 3.17. It has no TCP.
    Musl123,
    /// musl from 1.2.4: Alpine from 3.18.
    Musl,
    /// A Go program without cgo.
    Go,
}

/// Which addresses a program wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// Of both families: `AF_UNSPEC`.
    #[default]
    Both,
    /// Of one.
    Only(Family),
    /// Of those the host has an address of: `AI_ADDRCONFIG`. Only glibc asks less for it.
    Configured,
}

/// The resolver of one process: what it read, and what it remembers between look-ups.
#[derive(Clone, Debug)]
pub struct Resolver {
    client: Client,
    settings: Settings,
    hosts: String,
    own: Vec<IpAddr>,
    memory: Memory,
}

/// What a process remembers between look-ups.
#[derive(Clone, Copy, Debug)]
struct Memory {
    /// The server to begin with, under `rotate`.
    rotation: u32,
    /// glibc sends one question at a time from then on where two at once went wrong.
    single: Single,
}

/// What a look-up came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LookUp {
    /// Every packet and its fate, in the order of sending.
    pub exchanges: Vec<Exchange>,
    /// The addresses, in the order the program sees them.
    pub addresses: Vec<IpAddr>,
    /// The name that has them: at the end of the aliases, without the final dot.
    pub canonical: Option<String>,
    /// Why there is none.
    pub failure: Option<Failure>,
    /// How long it took.
    pub elapsed: Duration,
}

/// Why a look-up found nothing, as the program is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// getaddrinfo's code, or the field of Go's `net.DNSError` that is set.
    pub code: &'static str,
    /// The message.
    pub text: String,
}

/// Addresses found.
#[derive(Clone, Debug, Default)]
struct Found {
    addresses: Vec<IpAddr>,
    canonical: Option<String>,
}

impl Resolver {
    /// A resolver that reads these two files. Its first look-up begins with the first server.
    #[must_use]
    pub fn new(client: Client, resolv_conf: &str, hosts: &str) -> Self {
        let settings = Settings::read(client, resolv_conf);
        Resolver {
            client,
            hosts: hosts.to_owned(),
            own: Vec::new(),
            memory: Memory {
                rotation: 0,
                single: settings.single,
            },
            settings,
        }
    }

    /// The same on a host with these addresses: they decide the order of what is found.
    #[must_use]
    pub fn on_host(mut self, own: Vec<IpAddr>) -> Self {
        self.own = own;
        self
    }

    /// The same that begins with another server under `rotate`; glibc draws it by lot.
    #[must_use]
    pub fn rotated(mut self, rotation: u32) -> Self {
        self.memory.rotation = rotation;
        self
    }

    /// What it read from resolv.conf.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Looks a name up. The network is asked about each packet as it is sent.
    pub fn look_up(
        &mut self,
        name: &str,
        wanted: Wanted,
        now: Instant,
        network: &mut Network<'_>,
    ) -> LookUp {
        let mut call = Call::new(network, now);
        let (mut found, failure) = match self.find(&mut call, name, wanted) {
            Ok(found) => (found, None),
            Err(failure) => (Found::default(), Some(failure)),
        };
        order::sort(self.client, &self.own, &mut found.addresses);
        LookUp {
            elapsed: call.now - now,
            exchanges: call.exchanges,
            addresses: found.addresses,
            canonical: found.canonical,
            failure,
        }
    }

    fn find(
        &mut self,
        call: &mut Call<'_, '_>,
        name: &str,
        wanted: Wanted,
    ) -> Result<Found, Failure> {
        let kinds = self.kinds(wanted);
        if let Some(ip) = literal::parse(self.client, name) {
            return if kinds.contains(&RecordType::of_address(ip)) {
                Ok(Found {
                    addresses: vec![ip],
                    canonical: Some(name.to_owned()),
                })
            } else {
                Err(self.client.wrong_family(name))
            };
        }
        if let Some(found) = in_hosts(self.client, &self.hosts, name, &kinds) {
            return Ok(found);
        }
        let (memory, settings) = (&mut self.memory, &self.settings);
        match self.client {
            Client::Glibc => glibc::look_up(call, settings, memory, name, &kinds),
            Client::Musl123 | Client::Musl => {
                musl::look_up(call, self.client, settings, name, &kinds)
            }
            Client::Go => go::look_up(call, settings, memory, &self.own, name, &kinds),
        }
    }

    /// The types asked for, in the order they are.
    fn kinds(&self, wanted: Wanted) -> Vec<RecordType> {
        let has = |of| {
            let mut own = self.own.iter();
            own.any(|it| family(*it) == of && !it.is_loopback())
        };
        let mut kinds = vec![RecordType::A, RecordType::AAAA];
        match wanted {
            Wanted::Only(of) => kinds.retain(|it| it.family() == Some(of)),
            // Without any address glibc asks for both after all.
            Wanted::Configured
                if self.client == Client::Glibc && has(Family::V4) != has(Family::V6) =>
            {
                kinds.retain(|it| it.family().is_some_and(has));
            }
            Wanted::Both | Wanted::Configured => {}
        }
        kinds
    }
}

impl LookUp {
    /// The names asked for, in order: the walk through the search list.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for exchange in &self.exchanges {
            let name = exchange.sent.question.name.as_str();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

impl Client {
    /// All of them.
    pub const ALL: [Client; 4] = [Client::Glibc, Client::Musl123, Client::Musl, Client::Go];

    const fn is_musl(self) -> bool {
        matches!(self, Client::Musl123 | Client::Musl)
    }

    fn wrong_family(self, name: &str) -> Failure {
        match self {
            Client::Glibc => failure(
                "EAI_ADDRFAMILY",
                "Address family for hostname not supported",
            ),
            Client::Musl123 => failure("EAI_NONAME", musl::NO_NAME),
            Client::Musl => failure("EAI_NODATA", musl::NO_DATA),
            Client::Go => failure("AddrError", &format!("address {name}: no suitable address")),
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Client::Glibc => "glibc 2.36",
            Client::Musl123 => "musl 1.2.3",
            Client::Musl => "musl 1.2.5",
            Client::Go => "Go 1.27",
        })
    }
}

impl Found {
    /// The addresses of these types in answers about a name, and the name they belong to.
    fn read<'a>(
        name: &str,
        kinds: &[RecordType],
        answers: impl Iterator<Item = &'a Answer>,
    ) -> Found {
        let mut found = Found {
            addresses: Vec::new(),
            canonical: Some(name.to_owned()),
        };
        for record in answers.flat_map(|it| &it.answer) {
            match &record.data {
                RecordData::Address(ip) if kinds.contains(&record.kind) => {
                    found.addresses.push(*ip);
                }
                RecordData::Name(target) if record.kind == RecordType::CNAME => {
                    found.canonical = Some(target.trim_end_matches('.').to_owned());
                }
                _ => {}
            }
        }
        found
    }
}

fn failure(code: &'static str, text: &str) -> Failure {
    Failure {
        code,
        text: text.to_owned(),
    }
}

/// The addresses of a name in /etc/hosts, if it is there. musl compares letters as they are; Go
/// passes over a final dot.
fn in_hosts(client: Client, hosts: &str, name: &str, kinds: &[RecordType]) -> Option<Found> {
    let name = match client {
        Client::Go => name.strip_suffix('.').unwrap_or(name),
        _ => name,
    };
    let mut found = Found::default();
    for line in hosts.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let Some(ip) = words.next().and_then(|it| literal::parse(client, it)) else {
            continue;
        };
        let names: Vec<&str> = words.collect();
        let is_named = names.iter().any(|it| match client {
            Client::Glibc | Client::Go => it.eq_ignore_ascii_case(name),
            Client::Musl123 | Client::Musl => *it == name,
        });
        if is_named && kinds.contains(&RecordType::of_address(ip)) {
            if !found.addresses.contains(&ip) {
                found.addresses.push(ip);
            }
            found.canonical = names.first().map(|it| (*it).to_owned());
        }
    }
    (!found.addresses.is_empty()).then_some(found)
}

/// Whether a name fits into a question. The root is no name to look up.
fn is_askable(name: &str) -> bool {
    !name.trim_end_matches('.').is_empty() && check_name(name).is_ok()
}

fn seconds(secs: u32) -> Duration {
    Duration::from_secs(u64::from(secs))
}
