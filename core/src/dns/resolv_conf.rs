//! What the kubelet writes for a pod: /etc/resolv.conf and /etc/hosts.
//!
//! Imitates Kubernetes 1.34 `pkg/kubelet/network/dns/dns.go` (GetPodDNS and its limits, with the texts
//! of its events), `pkg/kubelet/kubelet_pods.go` (the managed hosts file), and the order of lines in
//! which containerd writes resolv.conf.
//!
//! **Left out**: name servers that are not addresses, and options beyond text: a resolver reads them.
//! The kubelet keeps merged options in no order; here they stay in the order given. Host names longer
//! than 63 letters are cut, but not checked otherwise; setHostnameAsFQDN and hostnameOverride.

use crate::api::Pod;
use crate::ip::{Family, IpAddr, family, parse_sloppy};
use serde::Serialize;
use std::fmt;

/// How many name servers a pod may have.
const MAX_NAMESERVERS: usize = 3;

/// The longest domain the kubelet writes.
const MAX_DOMAIN: usize = 253;

/// What a pod's resolver is told: the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ResolvConf {
    /// Whom it asks.
    pub nameservers: Vec<IpAddr>,
    /// What it appends to short names.
    pub search: Vec<String>,
    /// The options, as written: `ndots:5`.
    pub options: Vec<String>,
}

/// What a kubelet knows of DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeDns<'a> {
    /// `--cluster-dns`.
    pub cluster_dns: &'a [IpAddr],
    /// `--cluster-domain`; empty for none.
    pub cluster_domain: &'a str,
    /// The file that `--resolv-conf` names; none if the flag is the empty text.
    pub resolv_conf: Option<&'a str>,
    /// The node's addresses.
    pub node_ips: &'a [IpAddr],
    /// How long a search list may be.
    pub limits: SearchLimits,
}

/// How long a search list may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchLimits {
    /// How many domains.
    pub n_domains: usize,
    /// How many characters in all.
    pub n_chars: usize,
}

/// An event about a pod's DNS, type Warning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DnsEvent {
    /// `DNSConfigForming` or `MissingClusterDNS`.
    pub reason: &'static str,
    /// The text.
    pub message: String,
    /// Whether it is about the node rather than the pod.
    pub is_about_node: bool,
}

/// Where a pod's list of name servers comes from.
enum Source {
    Cluster,
    Host,
    Nowhere,
}

impl SearchLimits {
    /// Since Kubernetes 1.28, and before behind the gate ExpandedDNSConfig.
    pub const EXPANDED: SearchLimits = SearchLimits {
        n_domains: 32,
        n_chars: 2048,
    };

    /// Before.
    pub const LEGACY: SearchLimits = SearchLimits {
        n_domains: 6,
        n_chars: 256,
    };
}

impl ResolvConf {
    /// What kubelet writes for a pod of this namespace with dnsPolicy ClusterFirst.
    #[must_use]
    pub fn cluster_first(namespace: &str, domain: &str, nameservers: Vec<IpAddr>) -> Self {
        ResolvConf {
            nameservers,
            search: cluster_search(namespace, domain).to_vec(),
            options: vec!["ndots:5".to_owned()],
        }
    }

    /// What a host is told that does not ask cluster DNS: here, nothing.
    #[must_use]
    pub fn outside() -> Self {
        ResolvConf::default()
    }

    /// A node's file as the kubelet reads it: the last `search` line counts, and of each option the last.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut conf = ResolvConf::default();
        for line in text.lines().map(str::trim) {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => conf.nameservers.extend(words.next().and_then(parse_sloppy)),
                Some("search") => {
                    let trim = |it: &str| it.strip_suffix('.').unwrap_or(it).to_owned();
                    conf.search = words
                        .map(|it| if it == "." { it.to_owned() } else { trim(it) })
                        .collect();
                }
                Some("options") => words.for_each(|it| conf.put_option(it.to_owned())),
                _ => {}
            }
        }
        conf
    }

    /// What the kubelet writes for a pod, and the events it reports meanwhile.
    #[must_use]
    pub fn of_pod(pod: &Pod, node: &NodeDns<'_>) -> (Self, Vec<DnsEvent>) {
        let mut events = Vec::new();
        let mut conf = node.resolv_conf.map(Self::read).unwrap_or_default();
        let mut source = Source::of(pod);
        if matches!(source, Source::Cluster) && node.cluster_dns.is_empty() {
            events.extend(missing_cluster_dns(pod));
            source = Source::Host;
        }
        match source {
            Source::Nowhere => conf = ResolvConf::default(),
            Source::Cluster => {
                let mut search = std::mem::take(&mut conf.search);
                if !node.cluster_domain.is_empty() {
                    let namespace = &pod.metadata.namespace;
                    let domains = cluster_search(namespace, node.cluster_domain);
                    search.splice(0..0, domains);
                    search = without_doubles(search);
                }
                conf = ResolvConf {
                    nameservers: node.cluster_dns.to_vec(),
                    search,
                    options: vec!["ndots:5".to_owned()],
                };
            }
            Source::Host if node.resolv_conf.is_none() => {
                conf.nameservers = node.node_ips.iter().map(|it| local(family(*it))).collect();
                if conf.nameservers.is_empty() {
                    conf.nameservers.push(local(Family::V4));
                }
                conf.search = vec![".".to_owned()];
            }
            Source::Host => {}
        }
        conf.append(pod);
        conf.fit(node.limits, &mut events);
        (conf, events)
    }

    /// Adds what the pod's dnsConfig says.
    fn append(&mut self, pod: &Pod) {
        let Some(told) = &pod.spec.dns_config else {
            return;
        };
        let nameservers = told.nameservers.iter().filter_map(|it| parse_sloppy(it));
        self.nameservers.extend(nameservers);
        self.nameservers = without_doubles(std::mem::take(&mut self.nameservers));
        self.search.extend(told.searches.iter().cloned());
        self.search = without_doubles(std::mem::take(&mut self.search));
        for option in &told.options {
            self.put_option(match &option.value {
                Some(value) if !value.is_empty() => format!("{}:{value}", option.name),
                _ => option.name.clone(),
            });
        }
    }

    /// Sets an option, in place of one of the same name.
    fn put_option(&mut self, option: String) {
        let name = |it: &str| it.split(':').next().map(str::to_owned);
        let same = |it: &String| name(it) == name(&option);
        match self.options.iter().position(same) {
            Some(place) => self.options[place] = option,
            None => self.options.push(option),
        }
    }

    /// Cuts what is too much.
    fn fit(&mut self, limits: SearchLimits, events: &mut Vec<DnsEvent>) {
        if self.nameservers.len() > MAX_NAMESERVERS {
            self.nameservers.truncate(MAX_NAMESERVERS);
            let line: Vec<String> = self.nameservers.iter().map(ToString::to_string).collect();
            events.push(DnsEvent::forming(
                "Nameserver limits were exceeded, some nameservers",
                "nameserver",
                &line,
            ));
        }
        let n_before = self.search.len();
        self.search.truncate(limits.n_domains);
        self.search.retain(|it| it.len() <= MAX_DOMAIN);
        while self.search.join(" ").len() > limits.n_chars {
            self.search.pop();
        }
        if self.search.len() < n_before {
            events.push(DnsEvent::forming(
                "Search Line limits were exceeded, some search paths",
                "search",
                &self.search,
            ));
        }
    }
}

impl DnsEvent {
    fn forming(what: &str, line: &str, words: &[String]) -> Self {
        let words = words.join(" ");
        DnsEvent {
            reason: "DNSConfigForming",
            message: format!("{what} have been omitted, the applied {line} line is: {words}"),
            is_about_node: false,
        }
    }
}

impl Source {
    fn of(pod: &Pod) -> Source {
        match pod.spec.dns_policy.as_deref() {
            Some("None") => Source::Nowhere,
            Some("Default") => Source::Host,
            Some("ClusterFirstWithHostNet") => Source::Cluster,
            _ if pod.spec.host_network => Source::Host,
            _ => Source::Cluster,
        }
    }
}

impl fmt::Display for ResolvConf {
    /// As the file reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.search.is_empty() {
            writeln!(f, "search {}", self.search.join(" "))?;
        }
        for nameserver in &self.nameservers {
            writeln!(f, "nameserver {nameserver}")?;
        }
        if !self.options.is_empty() {
            writeln!(f, "options {}", self.options.join(" "))?;
        }
        Ok(())
    }
}

/// The hosts file the kubelet writes for a pod. A pod on its node's network gets the node's, with the
/// pod's own additions.
#[must_use]
pub fn pod_hosts(pod: &Pod, cluster_domain: &str, node_hosts: &str) -> String {
    let mut text = String::from("# Kubernetes-managed hosts file");
    if pod.spec.host_network {
        text.push_str(" (host network).\n");
        text.push_str(node_hosts);
    } else {
        text.push_str(".\n");
        text.push_str(LOCAL_HOSTS);
        let hostname = pod.spec.hostname.as_deref().filter(|it| !it.is_empty());
        let hostname: String = hostname
            .unwrap_or(&pod.metadata.name)
            .chars()
            .take(63)
            .collect();
        let hostname = hostname.trim_end_matches(['-', '.']);
        let full = pod.spec.subdomain.as_deref().filter(|it| !it.is_empty());
        let full = full.map(|it| {
            let namespace = &pod.metadata.namespace;
            format!("{hostname}.{it}.{namespace}.svc.{cluster_domain}\t")
        });
        let full = full.unwrap_or_default();
        for ip in pod.ips() {
            text.push_str(&format!("{ip}\t{full}{hostname}\n"));
        }
    }
    if !pod.spec.host_aliases.is_empty() {
        text.push_str("\n# Entries added by HostAliases.\n");
    }
    for alias in &pod.spec.host_aliases {
        text.push_str(&format!("{}\t{}\n", alias.ip, alias.hostnames.join("\t")));
    }
    text
}

/// What stands in every pod's hosts file.
pub(super) const LOCAL_HOSTS: &str = "127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
";

fn cluster_search(namespace: &str, domain: &str) -> [String; 3] {
    [
        format!("{namespace}.svc.{domain}"),
        format!("svc.{domain}"),
        domain.to_owned(),
    ]
}

fn missing_cluster_dns(pod: &Pod) -> [DnsEvent; 2] {
    let text = "kubelet does not have ClusterDNS IP configured and cannot create Pod using \"ClusterFirst\" policy. Falling back to \"Default\" policy.";
    let meta = &pod.metadata;
    let uid = meta.uid.as_deref().unwrap_or_default();
    let event = |message, is_about_node| DnsEvent {
        reason: "MissingClusterDNS",
        message,
        is_about_node,
    };
    let name = format!("{}_{}({})", meta.name, meta.namespace, uid);
    [
        event(text.to_owned(), true),
        event(format!("pod: \"{name}\". {text}"), false),
    ]
}

fn local(of: Family) -> IpAddr {
    match of {
        Family::V4 => std::net::Ipv4Addr::LOCALHOST.into(),
        Family::V6 => std::net::Ipv6Addr::LOCALHOST.into(),
    }
}

fn without_doubles<T: PartialEq>(list: Vec<T>) -> Vec<T> {
    let mut once = Vec::new();
    for it in list {
        if !once.contains(&it) {
            once.push(it);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{HostAlias, PodDnsConfig, PodDnsConfigOption};

    const NODE: &str = "# a comment
nameserver 192.0.2.53
nameserver 192.0.2.54
search old.example.test
search corp.example.test. svc.cluster.local
options timeout:2 rotate
options timeout:3
";

    fn pod(policy: &str) -> Pod {
        let mut pod = Pod::default();
        pod.metadata.name = "web-0".into();
        pod.metadata.namespace = "shop".into();
        pod.metadata.uid = Some("u-1".into());
        pod.spec.dns_policy = (!policy.is_empty()).then(|| policy.to_owned());
        pod.status.pod_ip = Some("10.244.1.5".into());
        pod
    }

    fn written(pod: &Pod, cluster_dns: &str, resolv_conf: Option<&str>) -> (String, Vec<DnsEvent>) {
        let cluster_dns: Vec<IpAddr> = cluster_dns.split(' ').flat_map(str::parse).collect();
        let node = NodeDns {
            cluster_dns: &cluster_dns,
            cluster_domain: "cluster.local",
            resolv_conf,
            node_ips: &[
                "172.18.0.2".parse().expect("ip"),
                "fd00::2".parse().expect("ip"),
            ],
            limits: SearchLimits::EXPANDED,
        };
        let (conf, events) = ResolvConf::of_pod(pod, &node);
        (conf.to_string(), events)
    }

    const CLUSTER: &str =
        "search shop.svc.cluster.local svc.cluster.local cluster.local corp.example.test
nameserver 10.96.0.10
options ndots:5
";
    const HOST: &str = "search corp.example.test svc.cluster.local
nameserver 192.0.2.53
nameserver 192.0.2.54
options timeout:3 rotate
";

    #[test]
    fn each_policy_writes_its_file() {
        let on_node = |policy| {
            let mut pod = pod(policy);
            pod.spec.host_network = true;
            pod
        };
        for (pod, expected) in [
            (pod(""), CLUSTER),
            (pod("ClusterFirst"), CLUSTER),
            (on_node("ClusterFirst"), HOST),
            (on_node("ClusterFirstWithHostNet"), CLUSTER),
            (pod("Default"), HOST),
            (pod("None"), ""),
        ] {
            let (text, events) = written(&pod, "10.96.0.10", Some(NODE));
            assert_eq!(text, expected, "{:?}", pod.spec.dns_policy);
            assert_eq!(events, []);
        }
        let (text, _) = written(&pod("Default"), "10.96.0.10", None);
        assert_eq!(text, "search .\nnameserver 127.0.0.1\nnameserver ::1\n");
    }

    #[test]
    fn without_cluster_dns_the_node_s_file_is_used_and_two_events_say_so() {
        let (text, events) = written(&pod("ClusterFirst"), "", Some(NODE));
        assert_eq!(text, HOST);
        assert_eq!(events.len(), 2);
        assert_eq!(
            events[1].message,
            "pod: \"web-0_shop(u-1)\". kubelet does not have ClusterDNS IP configured and cannot create Pod using \"ClusterFirst\" policy. Falling back to \"Default\" policy."
        );
        assert!(events[0].is_about_node && !events[1].is_about_node);
    }

    #[test]
    fn a_pod_adds_to_what_the_policy_gives_and_overrides_options() {
        let mut pod = pod("ClusterFirst");
        let option = |name: &str, value: Option<&str>| PodDnsConfigOption {
            name: name.into(),
            value: value.map(str::to_owned),
        };
        pod.spec.dns_config = Some(PodDnsConfig {
            nameservers: vec!["10.96.0.10".into(), "192.0.2.1".into()],
            searches: vec!["cluster.local".into(), "x.example.test".into()],
            options: vec![option("ndots", Some("2")), option("edns0", None)],
        });
        let (text, events) = written(&pod, "10.96.0.10", Some(""));
        assert_eq!(
            text,
            "search shop.svc.cluster.local svc.cluster.local cluster.local x.example.test
nameserver 10.96.0.10
nameserver 192.0.2.1
options ndots:2 edns0
"
        );
        assert_eq!(events, []);
    }

    #[test]
    fn what_is_too_much_is_cut_from_the_end_and_an_event_says_so() {
        let mut pod = pod("None");
        let searches = (0..40).map(|it| format!("s{it}.test")).collect();
        pod.spec.dns_config = Some(PodDnsConfig {
            nameservers: (1..=4).map(|it| format!("192.0.2.{it}")).collect(),
            searches,
            options: Vec::new(),
        });
        let (text, events) = written(&pod, "", None);
        assert_eq!(
            text.lines().next().map(|it| it.split(' ').count()),
            Some(33)
        );
        assert_eq!(
            events[0].message,
            "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 192.0.2.1 192.0.2.2 192.0.2.3"
        );
        assert!(events[1].message.starts_with(
            "Search Line limits were exceeded, some search paths have been omitted, the applied search line is: s0.test s1.test"
        ));
        let mut conf = ResolvConf {
            search: vec!["a".repeat(200), "b".repeat(254), "c".repeat(60)],
            ..ResolvConf::default()
        };
        conf.fit(SearchLimits::LEGACY, &mut Vec::new());
        assert_eq!(conf.search, ["a".repeat(200)]);
    }

    #[test]
    fn a_pod_finds_itself_and_its_aliases_in_its_hosts_file() {
        let mut pod = pod("");
        pod.spec.hostname = Some("web-0".into());
        pod.spec.subdomain = Some("web".into());
        pod.spec.host_aliases = vec![HostAlias {
            ip: "192.0.2.7".into(),
            hostnames: vec!["a.test".into(), "b.test".into()],
        }];
        let text = pod_hosts(&pod, "cluster.local", "");
        assert!(text.starts_with("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n"));
        assert!(text.ends_with(
            "fe00::2\tip6-allrouters
10.244.1.5\tweb-0.web.shop.svc.cluster.local\tweb-0

# Entries added by HostAliases.
192.0.2.7\ta.test\tb.test
"
        ));
        pod.spec.host_network = true;
        let text = pod_hosts(&pod, "cluster.local", "127.0.0.1\tlocalhost\n");
        assert!(text.starts_with("# Kubernetes-managed hosts file (host network).\n127.0.0.1"));
    }
}
