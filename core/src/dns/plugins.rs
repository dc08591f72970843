//! From a Corefile's directives to plugins with their settings.
//!
//! Options and their checks as in the `setup.go` of each plugin of CoreDNS 1.14.7; the order in which
//! plugins act is compiled in (`plugin.cfg`), whatever the Corefile's order.
//!
//! **Left out**: plugins and options that are named in a complaint; those that change no answer
//! (errors, health, ready, log and their like) are passed over in silence.

use super::cache::{CachePlugin, Lifetimes};
use super::corefile::{Directive, ServerBlock, complaint, doubt};
use super::external::External;
use super::hosts::Hosts;
use super::kubernetes::{Kubernetes, PodMode};
use super::name::{is_reverse, longest_zone, zones_from};
use super::rewrite::Rule;
use crate::api::Complaint;
use crate::sorted::insert_by_key;

/// A server block with its plugins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The zones it answers for.
    pub(super) zones: Vec<String>,
    /// What it does, in the order it does it.
    pub(super) plugins: Vec<Plugin>,
}

/// A plugin that changes answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "a block has half a dozen of them"
)]
pub(super) enum Plugin {
    LoadBalance,
    Cache(CachePlugin),
    Rewrite(Vec<Rule>),
    Hosts(Hosts),
    External(External),
    Kubernetes(Kubernetes),
    Forward(Forward),
}

/// Which names are asked of servers outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Forward {
    /// These.
    pub(super) zones: Vec<String>,
    /// But not these.
    pub(super) except: Vec<String>,
}

/// Plugins that change no answer.
const SILENT: [&str; 19] = [
    "bind",
    "cancel",
    "debug",
    "dnstap",
    "errors",
    "health",
    "log",
    "loop",
    "metadata",
    "multisocket",
    "nsid",
    "pprof",
    "prometheus",
    "ready",
    "reload",
    "root",
    "timeouts",
    "tls",
    "trace",
];

/// Plugins that do, and that are not modelled.
const UNKNOWN: [&str; 33] = [
    "acl",
    "any",
    "auto",
    "autopath",
    "azure",
    "bufsize",
    "chaos",
    "clouddns",
    "dns64",
    "dnssec",
    "erratic",
    "etcd",
    "file",
    "geoip",
    "grpc",
    "grpc_server",
    "header",
    "https",
    "https3",
    "local",
    "minimal",
    "nomad",
    "on",
    "quic",
    "route53",
    "secondary",
    "sign",
    "template",
    "transfer",
    "tsig",
    "view",
    "whoami",
    "import",
];

impl Plugin {
    /// Where it stands in the order that is compiled in.
    const fn rank(&self) -> u8 {
        match self {
            Plugin::LoadBalance => 0,
            Plugin::Cache(_) => 1,
            Plugin::Rewrite(_) => 2,
            Plugin::Hosts(_) => 3,
            Plugin::External(_) => 4,
            Plugin::Kubernetes(_) => 5,
            Plugin::Forward(_) => 6,
        }
    }
}

/// Reads the plugins of a block. A block for another port or transport is complained about.
pub(super) fn block(of: &ServerBlock, complaints: &mut Vec<Complaint>) -> Option<Block> {
    let line = of.directives.first().map_or(1, |it| it.line);
    let mut zones = Vec::new();
    for key in &of.keys {
        match zones_of_key(key) {
            Some(found) => zones.extend(found),
            None => complaints.push(doubt(
                line,
                format!("{key}: pods ask on port 53 over UDP and TCP: nobody asks here"),
            )),
        }
    }
    if zones.is_empty() {
        return None;
    }
    let mut reader = Reader {
        zones,
        plugins: Vec::new(),
        complaints,
    };
    for directive in &of.directives {
        reader.directive(directive);
    }
    let mut plugins = Vec::new();
    for plugin in reader.plugins {
        insert_by_key(&mut plugins, plugin, Plugin::rank);
    }
    Some(Block {
        zones: reader.zones,
        plugins,
    })
}

/// The zones of a key such as `cluster.local:53` or `dns://10.0.0.0/24`.
fn zones_of_key(key: &str) -> Option<Vec<String>> {
    let key = match key.split_once("://") {
        Some(("dns", rest)) => rest,
        Some(_) => return None,
        None => key,
    };
    let zone = match key.rsplit_once(':') {
        Some((zone, "53")) => zone,
        Some((_, port)) if port.parse::<u16>().is_ok() && !key.contains("::") => return None,
        _ => key,
    };
    Some(zones_from(if zone.is_empty() { "." } else { zone }))
}

struct Reader<'a> {
    zones: Vec<String>,
    plugins: Vec<Plugin>,
    complaints: &'a mut Vec<Complaint>,
}

impl Reader<'_> {
    fn directive(&mut self, of: &Directive) {
        match of.name.as_str() {
            "loadbalance" => self.load_balance(of),
            "cache" => self.cache(of),
            "rewrite" => self.rewrite(of),
            "hosts" => self.hosts(of),
            "k8s_external" => self.external(of),
            "kubernetes" => self.kubernetes(of),
            "forward" => self.forward(of),
            name if SILENT.contains(&name) => {}
            name if UNKNOWN.contains(&name) => self.complaints.push(doubt(
                of.line,
                format!("plugin {name} is not modelled: answers are given as if it were not there"),
            )),
            name => {
                self.wrong(of, format!("Unknown directive '{name}'"));
            }
        }
    }

    fn wrong(&mut self, of: &Directive, message: impl Into<String>) {
        self.complaints.push(complaint(of.line, message));
    }

    fn doubt(&mut self, plugin: &str, of: &Directive) {
        let message = format!("{plugin}: {} is not modelled: it is passed over", of.name);
        self.complaints.push(doubt(of.line, message));
    }

    /// Zones from words, or those of the block.
    fn zones_or_own(&self, words: &[String]) -> Vec<String> {
        if words.is_empty() {
            self.zones.clone()
        } else {
            zones(words)
        }
    }

    fn load_balance(&mut self, of: &Directive) {
        match of.words.first().map(String::as_str) {
            None | Some("round_robin") => self.plugins.push(Plugin::LoadBalance),
            Some(policy) => {
                let message =
                    format!("loadbalance {policy} is not modelled: records keep their order");
                self.complaints.push(doubt(of.line, message));
            }
        }
        for it in &of.body {
            self.doubt("loadbalance", it);
        }
    }

    fn cache(&mut self, of: &Directive) {
        let mut cache = CachePlugin::default();
        let mut words = of.words.as_slice();
        if let Some(ttl) = words.first().and_then(|it| it.parse().ok()) {
            words = &words[1..];
            if ttl == 0 {
                return self.wrong(of, "cache TTL can not be zero or negative: 0");
            }
            cache.success.max = ttl;
            cache.denial.max = ttl;
        }
        cache.zones = self.zones_or_own(words);
        for it in &of.body {
            let words: Vec<&str> = it.words.iter().map(String::as_str).collect();
            match (it.name.as_str(), words.as_slice()) {
                ("success", [_, rest @ ..]) => self.lifetimes(it, rest, &mut cache.success),
                ("denial", [_, rest @ ..]) => self.lifetimes(it, rest, &mut cache.denial),
                ("servfail", [time]) => match seconds(time) {
                    Some(secs) if secs <= 300 => cache.servfail = secs,
                    _ => self.wrong(it, format!("servfail {time}: a time up to 5m is expected")),
                },
                ("disable", [what @ ("success" | "denial"), ..]) => {
                    let zones = self.zones_or_own(&it.words[1..]);
                    if *what == "success" {
                        cache.disable_success = zones;
                    } else {
                        cache.disable_denial = zones;
                    }
                }
                ("prefetch" | "serve_stale" | "keepttl", _) => self.doubt("cache", it),
                (name, _) => self.wrong(
                    it,
                    format!("cache: {name}: wrong argument count or unknown"),
                ),
            }
        }
        self.plugins.push(Plugin::Cache(cache));
    }

    fn lifetimes(&mut self, of: &Directive, words: &[&str], lifetimes: &mut Lifetimes) {
        let told: Option<Vec<u32>> = words.iter().map(|it| it.parse().ok()).collect();
        match told.as_deref() {
            Some([]) => {}
            Some([max]) => lifetimes.max = *max,
            Some([max, min]) => {
                *lifetimes = Lifetimes {
                    min: *min,
                    max: *max,
                }
            }
            _ => self.wrong(of, format!("cache: {}: numbers are expected", of.name)),
        }
    }

    fn rewrite(&mut self, of: &Directive) {
        let inner = of.body.iter().map(|it| {
            let mut words = of.words.clone();
            words.push(it.name.clone());
            words.extend(it.words.iter().cloned());
            words
        });
        let all: Vec<Vec<String>> = if of.body.is_empty() {
            vec![of.words.clone()]
        } else {
            inner.collect()
        };
        for words in all {
            match Rule::parse(&words) {
                Err(message) => self.complaints.push(doubt(of.line, message)),
                Ok(rule) => match self.plugins.last_mut() {
                    Some(Plugin::Rewrite(rules)) => rules.push(rule),
                    _ => self.plugins.push(Plugin::Rewrite(vec![rule])),
                },
            }
        }
    }

    fn hosts(&mut self, of: &Directive) {
        let words = of.words.as_slice();
        if let Some(file) = words.first() {
            let message =
                format!("hosts {file}: files are not modelled: only entries written here");
            self.complaints.push(doubt(of.line, message));
        }
        let mut hosts = Hosts {
            zones: self.zones_or_own(words.get(1..).unwrap_or_default()),
            ttl: 3600,
            reverse: true,
            fallthrough: None,
            entries: Vec::new(),
        };
        for it in &of.body {
            match it.name.as_str() {
                "fallthrough" => hosts.fallthrough = Some(zones(&it.words)),
                "no_reverse" => hosts.reverse = false,
                "reload" => {}
                "ttl" => match it.words.first().and_then(|it| it.parse().ok()) {
                    Some(ttl) if (1..=65_535).contains(&ttl) => hosts.ttl = ttl,
                    _ => self.wrong(it, "hosts: ttl needs a number of seconds up to 65535"),
                },
                address => {
                    if !hosts.add(address, &it.words) {
                        self.wrong(it, format!("hosts: {address}: no address and no option"));
                    }
                }
            }
        }
        self.plugins.push(Plugin::Hosts(hosts));
    }

    fn external(&mut self, of: &Directive) {
        let mut external = External::new(self.zones_or_own(&of.words));
        for it in &of.body {
            let first = it.words.first().map(String::as_str);
            match (it.name.as_str(), first) {
                ("apex", Some(apex)) => external.apex = apex.to_ascii_lowercase(),
                ("ttl", Some(ttl)) => match ttl.parse() {
                    Ok(ttl) if ttl <= 3600 => external.ttl = ttl,
                    _ => self.wrong(it, format!("ttl must be in range [0, 3600]: {ttl}")),
                },
                ("headless", None) => external.headless = true,
                ("fallthrough", _) => external.fallthrough = Some(zones(&it.words)),
                (name, _) => self.wrong(it, format!("unknown property '{name}'")),
            }
        }
        self.plugins.push(Plugin::External(external));
    }

    fn kubernetes(&mut self, of: &Directive) {
        let is_twice = |it: &Plugin| matches!(it, Plugin::Kubernetes(_));
        if self.plugins.iter().any(is_twice) {
            return self.wrong(
                of,
                "kubernetes: this plugin can only be used once per Server Block",
            );
        }
        let mut it = Kubernetes {
            zones: self.zones_or_own(&of.words),
            ..Kubernetes::default()
        };
        if it.zones.iter().all(|it| is_reverse(it)) {
            return self.wrong(of, "kubernetes: non-reverse zone name must be used");
        }
        for option in &of.body {
            self.kubernetes_option(option, &mut it);
        }
        self.plugins.push(Plugin::Kubernetes(it));
    }

    fn kubernetes_option(&mut self, of: &Directive, it: &mut Kubernetes) {
        let first = of.words.first().map(String::as_str);
        match (of.name.as_str(), first) {
            ("pods", Some("disabled")) => it.pods = PodMode::Disabled,
            ("pods", Some("insecure")) => it.pods = PodMode::Insecure,
            ("pods", Some("verified")) => it.pods = PodMode::Verified,
            ("pods", other) => {
                let other = other.unwrap_or_default();
                let known = "must be one of: disabled, verified, insecure";
                self.wrong(of, format!("wrong value for pods: {other},  {known}"));
            }
            ("endpoint_pod_names", None) => it.endpoint_pod_names = true,
            ("namespaces", Some(_)) => it.namespaces.extend(of.words.iter().cloned()),
            ("fallthrough", _) => it.fallthrough = Some(zones(&of.words)),
            ("ttl", Some(ttl)) => match ttl.parse() {
                Ok(ttl) if ttl <= 3600 => it.ttl = ttl,
                _ => self.wrong(of, format!("ttl must be in range [0, 3600]: {ttl}")),
            },
            ("noendpoints", None) => it.noendpoints = true,
            ("ignore", Some("empty_service")) => it.ignore_empty_service = true,
            ("ignore", other) => {
                let other = other.unwrap_or_default();
                self.wrong(of, format!("unable to parse ignore value: '{other}'"));
            }
            ("zonal", None) => it.zonal = true,
            ("ptr_hostname_only", None) => it.ptr_hostname_only = true,
            ("multicluster", Some(_)) => {
                it.multicluster = zones(&of.words);
                let is_own = |zone: &String| longest_zone(&it.zones, zone).is_some();
                if !it.multicluster.iter().all(is_own) {
                    self.wrong(of, "is not authoritative for the multicluster zone");
                }
                self.doubt("kubernetes", of);
            }
            ("labels" | "namespace_labels", _) => self.doubt("kubernetes", of),
            // Where and how the API server is reached.
            (
                "endpoint"
                | "tls"
                | "kubeconfig"
                | "startup_timeout"
                | "apiserver_qps"
                | "apiserver_burst"
                | "apiserver_max_inflight"
                | "resyncperiod"
                | "upstream",
                _,
            ) => {}
            (name, _) => self.wrong(of, format!("unknown property '{name}'")),
        }
    }

    fn forward(&mut self, of: &Directive) {
        let [from, _, ..] = of.words.as_slice() else {
            return self.wrong(
                of,
                "forward: Wrong argument count or unexpected line ending",
            );
        };
        let mut forward = Forward {
            zones: zones_from(from),
            except: Vec::new(),
        };
        for it in &of.body {
            match it.name.as_str() {
                "except" => forward.except.extend(zones(&it.words)),
                // How a server is reached, and what happens when it is not.
                "force_tcp"
                | "prefer_udp"
                | "expire"
                | "max_fails"
                | "tls"
                | "tls_servername"
                | "policy"
                | "health_check"
                | "max_concurrent"
                | "next"
                | "failfast_all_unhealthy_upstreams"
                | "failover"
                | "max_idle_conns"
                | "max_connect_attempts"
                | "max_age"
                | "read_timeout"
                | "resolver" => {}
                name => self.wrong(it, format!("unknown property '{name}'")),
            }
        }
        self.plugins.push(Plugin::Forward(forward));
    }
}

fn zones(words: &[String]) -> Vec<String> {
    words.iter().flat_map(|it| zones_from(it)).collect()
}

/// A time as Go writes it, as whole seconds: `5s`, `1m`, `0`.
fn seconds(text: &str) -> Option<u32> {
    let units = [("ms", 0), ("s", 1), ("m", 60), ("h", 3600)];
    if text == "0" {
        return Some(0);
    }
    units.into_iter().find_map(|(unit, length)| {
        let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(length)
    })
}
