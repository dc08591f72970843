//! resolv.conf as each resolver reads it.
//!
//! Imitates glibc 2.36's `resolv/res_init.c`, musl's `src/network/resolvconf.c`, and Go 1.27's
//! `net/dnsconfig_unix.go`: the same words, other limits.
//!
//! **Left out**: sortlist, RES_OPTIONS and LOCALDOMAIN, the domain of the host's own name as a search
//! list (a pod's name has no dots), zones of link-local name servers, Go's choice of cgo over an
//! option it does not know, a file that changes while a process runs.

use super::Client;
use super::literal;
use crate::ip::IpAddr;
use std::net::{Ipv4Addr, Ipv6Addr};

/// How many nameserver lines are read.
const MAX_NAMESERVERS: usize = 3;

/// The longest line musl reads.
const MUSL_LINE: usize = 254;

/// Whether the questions about one name leave together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Single {
    /// Both at once.
    #[default]
    Together,
    /// The second after the first is answered: `single-request`.
    InTurn,
    /// The same, and from a socket of its own: `single-request-reopen`.
    Reopen,
}

/// What a resolver makes of resolv.conf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whom it asks.
    pub nameservers: Vec<IpAddr>,
    /// What it appends to short names.
    pub search: Vec<String>,
    /// From how many dots on a name counts as complete.
    pub ndots: usize,
    /// How long it waits.
    pub timeout_secs: u32,
    /// How often it asks.
    pub attempts: u32,
    /// Whether it begins with another server each time.
    pub rotate: bool,
    /// Whether it asks for answers longer than 512 bytes: glibc; Go always does, musl never.
    pub edns0: bool,
    /// Whether questions leave together.
    pub single: Single,
    /// Whether it asks over TCP.
    pub use_vc: bool,
    /// Whether it never asks for IPv6 addresses: glibc since 2.36.
    pub no_aaaa: bool,
    /// Whether a name without a dot is never asked as it is: glibc.
    pub no_tld_query: bool,
    /// Whether it asks for, and believes, the bit that says an answer was verified. No answer here has it.
    pub trust_ad: bool,
}

impl Settings {
    /// Reads the file.
    #[must_use]
    pub fn read(client: Client, text: &str) -> Self {
        let mut settings = Settings {
            nameservers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
            timeout_secs: 5,
            attempts: 2,
            rotate: false,
            edns0: false,
            single: Single::Together,
            use_vc: false,
            no_aaaa: false,
            no_tld_query: false,
            trust_ad: false,
        };
        for line in text.lines() {
            let is_skipped = match client {
                Client::Glibc => line.starts_with(char::is_whitespace),
                Client::Musl123 | Client::Musl => {
                    line.len() > MUSL_LINE || line.starts_with(char::is_whitespace)
                }
                Client::Go => false,
            };
            if !is_skipped {
                settings.read_line(client, line);
            }
        }
        if settings.nameservers.is_empty() {
            settings.nameservers.push(Ipv4Addr::LOCALHOST.into());
            if client == Client::Go {
                settings.nameservers.push(Ipv6Addr::LOCALHOST.into());
            }
        }
        settings
    }

    fn read_line(&mut self, client: Client, line: &str) {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("nameserver") if self.nameservers.len() < MAX_NAMESERVERS => {
                let ip = words.next().and_then(|it| literal::parse(client, it));
                self.nameservers.extend(ip);
            }
            // glibc and Go take one domain here, musl all.
            Some("domain") if !client.is_musl() => {
                if let Some(domain) = words.next() {
                    self.search = vec![domain.to_owned()];
                }
            }
            Some("domain" | "search") => {
                let search: Vec<String> = words.map(str::to_owned).collect();
                if client != Client::Glibc || !search.is_empty() {
                    self.search = search;
                }
                if client == Client::Go {
                    self.search.retain(|it| it != ".");
                }
            }
            Some("options") => words.for_each(|it| self.read_option(client, it)),
            _ => {}
        }
    }

    fn read_option(&mut self, client: Client, word: &str) {
        if let Some((name, value)) = word.split_once(':') {
            let n_digits = value.bytes().take_while(u8::is_ascii_digit).count();
            let number: u32 = match value[..n_digits].parse() {
                Ok(number) => number,
                // musl wants a digit, the others read no digit as none.
                Err(_) if client.is_musl() => return,
                Err(_) if n_digits > 0 => u32::MAX,
                Err(_) => 0,
            };
            match name {
                "ndots" => self.ndots = number.min(15) as usize,
                "timeout" => {
                    self.timeout_secs = match client {
                        Client::Glibc => number.min(30),
                        Client::Musl123 | Client::Musl => number.min(60),
                        Client::Go => number.max(1),
                    }
                }
                "attempts" => {
                    self.attempts = match client {
                        Client::Glibc => number.min(5),
                        Client::Musl123 | Client::Musl => number.clamp(1, 10),
                        Client::Go => number.clamp(1, MAX_GO_ATTEMPTS),
                    }
                }
                _ => {}
            }
            return;
        }
        match (client, word) {
            // musl knows no words.
            (Client::Musl123 | Client::Musl, _) => {}
            (_, "rotate") => self.rotate = true,
            (_, "trust-ad") => self.trust_ad = true,
            (Client::Go, "use-vc" | "usevc" | "tcp") | (_, "use-vc") => self.use_vc = true,
            (Client::Go, "single-request" | "single-request-reopen") => {
                self.single = Single::InTurn;
            }
            (Client::Go, _) => {}
            (_, "single-request") => self.single = self.single.max(Single::InTurn),
            (_, "single-request-reopen") => self.single = Single::Reopen,
            (_, "edns0") => self.edns0 = true,
            (_, "no-aaaa") => self.no_aaaa = true,
            (_, "no-tld-query" | "no_tld_query") => self.no_tld_query = true,
            _ => {}
        }
    }

    /// The size of answer a datagram offers to take.
    pub(super) fn edns_size(&self, client: Client) -> Option<u16> {
        match client {
            Client::Glibc => self.edns0.then_some(1200),
            Client::Musl123 | Client::Musl => None,
            Client::Go => Some(1232),
        }
    }
}

/// Go itself has no limit; a look-up here ends.
const MAX_GO_ATTEMPTS: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(client: Client, text: &str) -> Settings {
        Settings::read(client, text)
    }

    #[test]
    fn numbers_are_capped_by_each_resolver_in_its_own_way() {
        let text = "options ndots:20 timeout:99 attempts:99\n";
        let numbers = |client| {
            let it = read(client, text);
            (it.ndots, it.timeout_secs, it.attempts)
        };
        assert_eq!(numbers(Client::Glibc), (15, 30, 5));
        assert_eq!(numbers(Client::Musl), (15, 60, 10));
        assert_eq!(numbers(Client::Go), (15, 99, 99));
        let none = read(Client::Go, "options timeout:0 attempts:0 ndots:\n");
        assert_eq!((none.ndots, none.timeout_secs, none.attempts), (0, 1, 1));
    }

    #[test]
    fn three_name_servers_are_read_and_none_means_this_very_host() {
        let text = "nameserver 10.0.0.1\nnameserver x\nnameserver fd00::1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n";
        for client in Client::ALL {
            assert_eq!(read(client, text).nameservers.len(), 3, "{client}");
        }
        assert_eq!(read(Client::Glibc, "").nameservers.len(), 1);
        assert_eq!(read(Client::Go, "").nameservers.len(), 2);
    }

    #[test]
    fn the_last_search_line_counts_and_musl_skips_long_ones() {
        let long = "a.example.test ".repeat(20);
        let text = format!("search b.example.test\nsearch {long}\n");
        assert_eq!(read(Client::Glibc, &text).search.len(), 20);
        assert_eq!(read(Client::Musl, &text).search, ["b.example.test"]);
        assert_eq!(
            read(Client::Glibc, "search a b\ndomain c d\n").search,
            ["c"]
        );
        assert_eq!(
            read(Client::Musl, "search a b\ndomain c d\n").search,
            ["c", "d"]
        );
    }

    #[test]
    fn words_add_up_over_lines_and_musl_knows_none() {
        let text = "options rotate edns0\noptions single-request-reopen use-vc no-aaaa no-tld-query trust-ad inet6\n";
        let it = read(Client::Glibc, text);
        assert!(it.rotate && it.edns0 && it.use_vc && it.no_aaaa && it.no_tld_query);
        assert_eq!(it.single, Single::Reopen);
        let go = read(Client::Go, text);
        assert!(go.rotate && go.use_vc && !go.no_aaaa);
        assert_eq!(go.single, Single::InTurn);
        assert_eq!(read(Client::Musl, text), read(Client::Musl, ""));
    }
}
