//! Cluster DNS of a lab that stays: the core's name server behind real sockets, and the files that resolvers read.
//!
//! Every DNS pod answers by what the cluster is at the moment, and has a cache of its own; the router answers for the names
//! outside, as the nodes' own name server.
//!
//! **Left out**: Corefiles that change are read at once, without CoreDNS' delay of `reload`; caches keep what they have.

use super::home::{Home, write};
use crate::error::Error;
use crate::kernel::name_server::NameServer;
use crate::kernel::probe::Protocol;
use crate::lab::host_name;
use packetwalk_core::api::Pod;
use packetwalk_core::chance::Chooser;
use packetwalk_core::dns::{
    Answer, Asked, Cache, Server, Transport, fit, message, pod_hosts, refusal,
};
use packetwalk_core::ip::IpAddr;
use packetwalk_core::sim::{HostId, World};
use packetwalk_core::store::Objects;
use packetwalk_core::time;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

/// Where the Service of cluster DNS is.
const SERVICE: (&str, &str) = ("kube-system", "kube-dns");
const PORT: i32 = 53;

/// What all name servers of a lab know.
#[derive(Clone, Debug)]
pub(super) struct Names {
    known: Arc<RwLock<Known>>,
    began: Instant,
    seed: u64,
}

#[derive(Debug)]
struct Known {
    server: Server,
    objects: Arc<Objects>,
}

impl Known {
    fn of(world: &World) -> Known {
        Known {
            server: world.dns_server().clone(),
            objects: world.objects.clone(),
        }
    }
}

impl Names {
    pub(super) fn of(world: &World) -> Names {
        Names {
            known: Arc::new(RwLock::new(Known::of(world))),
            began: Instant::now(),
            seed: world.seed,
        }
    }

    /// What is known from now on.
    pub(super) fn learn(&self, world: &World) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known::of(world);
    }

    /// A DNS pod's process.
    pub(super) fn cluster_server(&self) -> NameServer {
        let names = self.clone();
        let kept = Mutex::new((Cache::default(), Chooser::seeded(self.seed)));
        NameServer::new(move |bytes, over| {
            answered(bytes, over, |asked, transport| {
                let known = names.known.read().unwrap_or_else(PoisonError::into_inner);
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                let (cache, chooser) = &mut *kept;
                let ms = u64::try_from(names.began.elapsed().as_millis()).unwrap_or(u64::MAX);
                let now = time::Instant::from_millis(ms);
                let (server, objects) = (&known.server, &known.objects);
                server.answer(objects, asked, transport, now, cache, chooser)
            })
        })
    }

    /// The router's, for names outside the cluster.
    pub(super) fn outside_server(&self) -> NameServer {
        let names = self.clone();
        NameServer::new(move |bytes, over| {
            answered(bytes, over, |asked, transport| {
                let known = names.known.read().unwrap_or_else(PoisonError::into_inner);
                let mut answer = known.server.outside().answer(asked);
                fit(asked, &mut answer, transport);
                answer
            })
        })
    }
}

/// The bytes that are answered to bytes; nothing to what is no question.
fn answered(
    bytes: &[u8],
    over: Protocol,
    answer: impl Fn(&packetwalk_core::dns::Question, Transport) -> Answer,
) -> Option<Vec<u8>> {
    let asked = Asked::read(bytes)?;
    let Some(question) = &asked.question else {
        return Some(asked.unreadable());
    };
    let transport = match over {
        Protocol::Tcp => Transport::Tcp,
        Protocol::Udp | Protocol::Icmp => Transport::Udp { edns: asked.edns },
    };
    let answer = match refusal(&asked.frame) {
        Some(rcode) => Answer::empty(rcode),
        None => answer(question, transport),
    };
    let mut bytes = message(question, &answer, transport, asked.id);
    // As every server, it repeats the wish for recursion.
    bytes[2] |= u8::from(asked.desires_recursion);
    Some(bytes)
}

/// The sockets of DNS pods on which cluster DNS is spoken: addresses and ports.
pub(super) fn dns_sockets(objects: &Objects) -> BTreeSet<(IpAddr, u16)> {
    let Some(service) = objects.service(SERVICE.0, SERVICE.1) else {
        return BTreeSet::new();
    };
    let ports = service.spec.ports.iter().filter(|it| it.port == PORT);
    let names: BTreeSet<&str> = ports
        .map(|it| it.name.as_deref().unwrap_or_default())
        .collect();
    let mut sockets = BTreeSet::new();
    for slice in objects.slices_of(SERVICE.0, SERVICE.1) {
        let is_dns = |it: &Option<String>| names.contains(it.as_deref().unwrap_or_default());
        let ports = slice.ports.iter().filter(|it| is_dns(&it.name));
        let ports = ports.filter_map(|it| u16::try_from(it.port?).ok());
        for port in ports {
            let addresses = slice.endpoints.iter().flat_map(|it| &it.addresses);
            sockets.extend(addresses.filter_map(|it| Some((it.parse().ok()?, port))));
        }
    }
    sockets
}

/// What a host's resolver reads, and where a pod without a network of its own is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostFiles {
    /// The name of the host, or of the pod on a node's network as a host would have it.
    pub(super) host: String,
    resolv_conf: String,
    hosts: Option<String>,
    place: Option<String>,
}

impl HostFiles {
    pub(super) fn write(&self, home: &Home) -> Result<(), Error> {
        let folder = home.files_of(&self.host);
        write(&folder.join("resolv.conf"), &self.resolv_conf)?;
        if let Some(text) = &self.hosts {
            write(&folder.join("hosts"), text)?;
        }
        if let Some(text) = &self.place {
            write(&folder.join("place"), text)?;
        }
        Ok(())
    }

    /// Removes them. What stays is removed with the lab.
    pub(super) fn remove(&self, home: &Home) {
        let _ = std::fs::remove_dir_all(home.files_of(&self.host));
    }
}

/// The files of every host, and of every pod on a node's network.
pub(super) fn host_files(world: &World) -> Vec<HostFiles> {
    let mut all = Vec::new();
    for host in world.network.hosts() {
        let pod = match &host.id {
            HostId::Pod(namespace, name) => world.objects.pod(namespace, name),
            _ => None,
        };
        all.push(HostFiles {
            host: host_name(&host.id),
            resolv_conf: world.resolv_conf(&host.id).to_string(),
            hosts: pod.map(|it| hosts_of(world, it)),
            place: None,
        });
    }
    for ((namespace, name), pod) in &world.objects.pods {
        let node = pod.spec.node_name.clone().filter(|_| pod.spec.host_network);
        let Some(node) = node.filter(|_| !pod.is_over()) else {
            continue;
        };
        let id = HostId::Pod(namespace.clone(), name.clone());
        all.push(HostFiles {
            host: host_name(&id),
            resolv_conf: world.resolv_conf(&id).to_string(),
            hosts: Some(hosts_of(world, pod)),
            place: Some(host_name(&HostId::Node(node))),
        });
    }
    all
}

fn hosts_of(world: &World, pod: &Pod) -> String {
    pod_hosts(
        pod,
        world.objects.cluster.dns_domain(),
        "127.0.0.1\tlocalhost\n",
    )
}
