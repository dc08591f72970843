//! A look-up against the cluster's DNS with nothing in between: no packet is lost, none takes time.
//!
//! The resolver is glibc's, which most images have.
//!
//! **Left out**: the way of the packets, which `sim` walks.

use super::client::{Client, Fate, Resolver, Wanted};
use super::message::{Answer, RecordType};
use super::resolv_conf::{LOCAL_HOSTS, ResolvConf};
use super::server::answer;
use crate::ip::IpAddr;
use crate::sorted::sort_by_key;
use crate::store::Objects;
use crate::time::{Duration, Instant};
use serde::Serialize;

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Query {
    /// The full name asked for.
    pub name: String,
    /// The type asked for.
    #[serde(rename = "type")]
    pub kind: RecordType,
    /// The answer.
    #[serde(flatten)]
    pub answer: Answer,
}

/// What a look-up came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resolution {
    /// Every question, in order.
    pub queries: Vec<Query>,
    /// The addresses; none if there is no such name.
    pub addresses: Vec<IpAddr>,
}

/// Resolves a name as the pod would. An address is its own answer and asks nothing.
#[must_use]
pub fn resolve(objects: &Objects, conf: &ResolvConf, name: &str) -> Resolution {
    let mut queries = Vec::new();
    let mut network = |sent: &super::client::Sent| {
        let question = &sent.question;
        if conf.nameservers.is_empty() {
            return Fate::Silence;
        }
        let answer = answer(objects, &question.name, question.kind);
        queries.push(Query {
            name: question.name.clone(),
            kind: question.kind,
            answer: answer.clone(),
        });
        Fate::Answer {
            after: Duration::default(),
            answer,
        }
    };
    let mut resolver = Resolver::new(Client::Glibc, &conf.to_string(), LOCAL_HOSTS);
    let found = resolver.look_up(name, Wanted::Both, Instant::START, &mut network);
    let mut addresses = found.addresses;
    // IPv4 first, as they were asked for: which of them can be used is the caller's to say.
    sort_by_key(&mut addresses, |it| it.is_ipv6());
    Resolution { queries, addresses }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_try_the_search_list_first_and_long_ones_last() {
        let objects = Objects::default();
        let server = "10.96.0.10".parse().expect("an address");
        let conf = ResolvConf::cluster_first("default", "cluster.local", vec![server]);
        let asked = |name: &str| -> Vec<String> {
            let queries = resolve(&objects, &conf, name).queries;
            queries.into_iter().step_by(2).map(|it| it.name).collect()
        };
        assert_eq!(
            asked("api"),
            [
                "api.default.svc.cluster.local.",
                "api.svc.cluster.local.",
                "api.cluster.local.",
                "api."
            ]
        );
        assert_eq!(asked("a.b.c.d.e.f")[0], "a.b.c.d.e.f.");
        assert_eq!(asked("example.com."), ["example.com."]);
    }
}
