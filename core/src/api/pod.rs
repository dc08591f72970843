//! Pod: what really answers.
//!
//! The typed form holds what decides where traffic goes and when; an API document keeps every field.
//!
//! **Left out**: hostPort, volumes, resources; sidecars (restartable init containers) count as init containers.

use super::{IntOrString, Labels, ObjectMeta};
use crate::ip::{IpAddr, Protocol, parse_sloppy};
use crate::record::record;
use serde::Serialize;

/// A Pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pod {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// What it is to be.
    pub spec: PodSpec,
    /// What it is.
    pub status: PodStatus,
}

record!(Pod: metadata, spec, status);

/// What a pod is to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodSpec {
    /// Containers that run one after the other before the others start.
    pub init_containers: Vec<Container>,
    /// Its containers.
    pub containers: Vec<Container>,
    /// The node it runs on.
    pub node_name: Option<String>,
    /// Labels its node must have.
    pub node_selector: Labels,
    /// The taints it bears.
    pub tolerations: Vec<Toleration>,
    /// Its name in DNS.
    pub hostname: Option<String>,
    /// The headless Service it is named under.
    pub subdomain: Option<String>,
    /// Whether it uses its node's network.
    pub host_network: bool,
    /// How its resolv.conf is made.
    pub dns_policy: Option<String>,
    /// Always, OnFailure, Never.
    pub restart_policy: Option<String>,
    /// How long it may take to go.
    pub termination_grace_period_seconds: Option<i64>,
    /// Conditions beyond its containers' that it waits for.
    pub readiness_gates: Vec<ReadinessGate>,
    /// What is added to it.
    pub dns_config: Option<PodDnsConfig>,
    /// What is added to its hosts file.
    pub host_aliases: Vec<HostAlias>,
}

record!(PodSpec:
    init_containers, containers, node_name, node_selector, tolerations, hostname, subdomain,
    host_network, dns_policy, restart_policy, termination_grace_period_seconds, readiness_gates,
    dns_config, host_aliases);

/// What is added to a pod's resolv.conf.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodDnsConfig {
    /// More name servers.
    pub nameservers: Vec<String>,
    /// More search domains.
    pub searches: Vec<String>,
    /// More options.
    pub options: Vec<PodDnsConfigOption>,
}

record!(PodDnsConfig: nameservers, searches, options);

/// An option of resolv.conf.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodDnsConfigOption {
    /// `ndots`
    pub name: String,
    /// `2`
    pub value: Option<String>,
}

record!(PodDnsConfigOption: name, value);

/// A line of a hosts file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostAlias {
    /// The address.
    pub ip: String,
    /// Its names.
    pub hostnames: Vec<String>,
}

record!(HostAlias: ip, hostnames);

/// A condition a pod waits for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadinessGate {
    /// The condition's type.
    pub condition_type: String,
}

record!(ReadinessGate: condition_type);

/// A taint that is borne.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Toleration {
    /// The taint's key; all of them where it is absent.
    pub key: Option<String>,
    /// Equal or Exists.
    pub operator: Option<String>,
    /// The taint's value.
    pub value: Option<String>,
    /// The taint's effect; all of them where it is absent.
    pub effect: Option<String>,
    /// For how long.
    pub toleration_seconds: Option<i64>,
}

record!(Toleration: key, operator, value, effect, toleration_seconds);

/// A container of a pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// What it runs instead of what its image says.
    pub command: Vec<String>,
    /// With which words.
    pub args: Vec<String>,
    /// The ports it says it uses.
    pub ports: Vec<ContainerPort>,
    /// Whether it takes traffic.
    pub readiness_probe: Option<Probe>,
    /// Whether it lives.
    pub liveness_probe: Option<Probe>,
    /// Whether it has started.
    pub startup_probe: Option<Probe>,
    /// What happens before it is stopped.
    pub lifecycle: Option<Lifecycle>,
    /// Always, IfNotPresent, Never.
    pub image_pull_policy: Option<String>,
}

record!(Container:
    name, image, command, args, ports, readiness_probe, liveness_probe, startup_probe, lifecycle,
    image_pull_policy);

/// A question the kubelet asks a container again and again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Probe {
    /// By an HTTP request.
    pub http_get: Option<HttpGet>,
    /// By a connection.
    pub tcp_socket: Option<TcpSocket>,
    /// By a command.
    pub exec: Option<ExecAction>,
    /// By a gRPC health check.
    pub grpc: Option<GrpcAction>,
    /// How long after the start.
    pub initial_delay_seconds: i32,
    /// How long an answer may take; 1 unless told otherwise.
    pub timeout_seconds: Option<i32>,
    /// How often; every 10 seconds unless told otherwise.
    pub period_seconds: Option<i32>,
    /// How many good answers make it well; 1 unless told otherwise.
    pub success_threshold: Option<i32>,
    /// How many bad answers make it ill; 3 unless told otherwise.
    pub failure_threshold: Option<i32>,
}

record!(Probe:
    http_get, tcp_socket, exec, grpc, initial_delay_seconds, timeout_seconds, period_seconds,
    success_threshold, failure_threshold);

/// An HTTP request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpGet {
    /// The path.
    pub path: Option<String>,
    /// The port, by number or name.
    pub port: Option<IntOrString>,
    /// The host; the pod where it is absent.
    pub host: Option<String>,
    /// HTTP or HTTPS.
    pub scheme: Option<String>,
}

record!(HttpGet: path, port, host, scheme);

/// A connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TcpSocket {
    /// The port, by number or name.
    pub port: Option<IntOrString>,
    /// The host; the pod where it is absent.
    pub host: Option<String>,
}

record!(TcpSocket: port, host);

/// A command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExecAction {
    /// Its words.
    pub command: Vec<String>,
}

record!(ExecAction: command);

/// A gRPC health check.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GrpcAction {
    /// The port.
    pub port: i32,
    /// The service asked about.
    pub service: Option<String>,
}

record!(GrpcAction: port, service);

/// What happens at a container's ends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lifecycle {
    /// Before it is stopped.
    pub pre_stop: Option<LifecycleHandler>,
}

record!(Lifecycle: pre_stop);

/// What happens at one end of a container.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LifecycleHandler {
    /// A command.
    pub exec: Option<ExecAction>,
    /// A pause.
    pub sleep: Option<SleepAction>,
    /// An HTTP request.
    pub http_get: Option<HttpGet>,
}

record!(LifecycleHandler: exec, sleep, http_get);

/// A pause.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SleepAction {
    /// How long.
    pub seconds: i64,
}

record!(SleepAction: seconds);

/// A port a container says it uses. In Kubernetes this opens nothing; in the simulator the
/// container listens there unless the annotation `packetwalk.dev/listen` says otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerPort {
    /// Its name, which a targetPort can use.
    pub name: Option<String>,
    /// The number.
    pub container_port: i32,
    /// TCP unless told otherwise.
    pub protocol: Option<String>,
}

record!(ContainerPort: name, container_port, protocol);

/// What a pod is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodStatus {
    /// Pending, Running, Succeeded, Failed.
    pub phase: Option<String>,
    /// Its first address.
    pub pod_ip: Option<String>,
    /// Its addresses, one a family.
    pub pod_ips: Vec<PodIp>,
    /// Ready and its kin.
    pub conditions: Vec<PodCondition>,
    /// Why it is as it is, in one word: `Evicted`, `NodeLost`.
    pub reason: Option<String>,
    /// Why, in a sentence.
    pub message: Option<String>,
    /// Its node's address.
    pub host_ip: Option<String>,
    /// When its node took it on.
    pub start_time: Option<String>,
    /// How its init containers fare.
    pub init_container_statuses: Vec<ContainerStatus>,
    /// How its containers fare.
    pub container_statuses: Vec<ContainerStatus>,
    /// BestEffort, Burstable, Guaranteed.
    pub qos_class: Option<String>,
}

record!(PodStatus:
    phase, pod_ip = "podIP", pod_ips = "podIPs", conditions, reason, message, host_ip = "hostIP",
    start_time, init_container_statuses, container_statuses, qos_class);

/// How a container fares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerStatus {
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub state: ContainerState,
    /// What it did before it was restarted.
    pub last_state: ContainerState,
    /// Whether it takes traffic.
    pub ready: bool,
    /// Whether it has started.
    pub started: Option<bool>,
    /// How often it was restarted.
    pub restart_count: i32,
    /// Its image.
    pub image: String,
    /// The image's identity.
    pub image_id: String,
    /// Its own identity.
    pub container_id: Option<String>,
}

record!(ContainerStatus:
    name, state, last_state, ready, started, restart_count, image, image_id = "imageID",
    container_id = "containerID");

/// What a container is doing: one of the three, or nothing known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerState {
    /// It waits.
    pub waiting: Option<ContainerWaiting>,
    /// It runs.
    pub running: Option<ContainerRunning>,
    /// It has ended.
    pub terminated: Option<ContainerTerminated>,
}

record!(ContainerState: waiting, running, terminated);

/// Why a container waits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerWaiting {
    /// `ContainerCreating`, `CrashLoopBackOff`, `ImagePullBackOff`, …
    pub reason: Option<String>,
    /// In a sentence.
    pub message: Option<String>,
}

record!(ContainerWaiting: reason, message);

/// Since when a container runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerRunning {
    /// Since when.
    pub started_at: Option<String>,
}

record!(ContainerRunning: started_at);

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerTerminated {
    /// Its exit code.
    pub exit_code: i32,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// `Completed`, `Error`, `OOMKilled`.
    pub reason: Option<String>,
    /// In a sentence.
    pub message: Option<String>,
    /// When it started.
    pub started_at: Option<String>,
    /// When it ended.
    pub finished_at: Option<String>,
    /// Which container it was.
    pub container_id: Option<String>,
}

record!(ContainerTerminated:
    exit_code, signal, reason, message, started_at, finished_at, container_id = "containerID");

/// An address of a pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodIp {
    /// The address.
    pub ip: String,
}

record!(PodIp: ip);

/// A condition of a pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodCondition {
    /// `Ready` is the one that counts.
    pub kind: String,
    /// True, False, Unknown.
    pub status: String,
    /// Why.
    pub reason: Option<String>,
    /// Why, in a sentence.
    pub message: Option<String>,
    /// When it last changed.
    pub last_transition_time: Option<String>,
    /// The generation of the pod that it is about.
    pub observed_generation: Option<i64>,
}

record!(PodCondition:
    kind = "type", status, reason, message, last_transition_time, observed_generation);

/// A socket on which a pod accepts traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Listen {
    /// The address it is bound to; none for all.
    pub address: Option<IpAddr>,
    /// The port.
    pub port: u16,
    /// The protocol.
    pub protocol: Protocol,
}

impl Pod {
    /// The annotation that says where a pod really listens.
    pub const LISTEN: &'static str = "packetwalk.dev/listen";

    /// Its addresses, without doubles.
    #[must_use]
    pub fn ips(&self) -> Vec<IpAddr> {
        let mut ips: Vec<IpAddr> = Vec::new();
        let told = self.status.pod_ip.iter();
        for text in told.chain(self.status.pod_ips.iter().map(|it| &it.ip)) {
            if let Some(ip) = parse_sloppy(text)
                && !ips.contains(&ip)
            {
                ips.push(ip);
            }
        }
        ips
    }

    /// Whether it takes traffic: its Ready condition, or, where it has none yet, whether it runs.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        match self.status.conditions.iter().find(|it| it.kind == "Ready") {
            Some(ready) => ready.status == "True",
            None => matches!(self.status.phase.as_deref(), None | Some("Running")),
        }
    }

    /// Whether it has been asked to go.
    #[must_use]
    pub fn is_terminating(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// Whether it has run to its end.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.status.phase.as_deref(), Some("Succeeded" | "Failed"))
    }

    /// The sockets on which it accepts traffic.
    #[must_use]
    pub fn listens(&self) -> Vec<Listen> {
        if let Some(text) = self.metadata.annotations.get(Self::LISTEN) {
            return text.split(',').filter_map(parse_listen).collect();
        }
        let ports = self.spec.containers.iter().flat_map(|it| &it.ports);
        ports
            .filter_map(|it| {
                Some(Listen {
                    address: None,
                    port: u16::try_from(it.container_port).ok()?,
                    protocol: protocol_of(it.protocol.as_deref())?,
                })
            })
            .collect()
    }

    /// The container that holds a socket: the one with such a port, or else the first.
    #[must_use]
    pub fn holder(&self, listen: &Listen) -> Option<&String> {
        let has_port = |it: &&Container| {
            it.ports.iter().any(|it| {
                u16::try_from(it.container_port) == Ok(listen.port)
                    && protocol_of(it.protocol.as_deref()) == Some(listen.protocol)
            })
        };
        let containers = &self.spec.containers;
        let holder = containers.iter().find(has_port).or(containers.first());
        holder.map(|it| &it.name)
    }

    /// Whether something in it accepts traffic on this address and port.
    #[must_use]
    pub fn accepts(&self, address: IpAddr, port: u16, protocol: Protocol) -> bool {
        self.listens().into_iter().any(|it| {
            it.port == port
                && it.protocol == protocol
                && it
                    .address
                    .is_none_or(|it| it == address || it.is_unspecified())
        })
    }

    /// The number of the container port of this name and protocol.
    #[must_use]
    pub fn named_port(&self, name: &str, protocol: &str) -> Option<i32> {
        self.spec
            .containers
            .iter()
            .flat_map(|it| &it.ports)
            .find(|it| {
                it.name.as_deref() == Some(name)
                    && it.protocol.as_deref().unwrap_or("TCP") == protocol
            })
            .map(|it| it.container_port)
    }

    /// Its labels.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.metadata.labels
    }
}

fn protocol_of(text: Option<&str>) -> Option<Protocol> {
    Protocol::from_name(text.unwrap_or("TCP"))
}

/// `127.0.0.1:8080/tcp`, `8080`, `53/udp`, `[::1]:80/tcp`
fn parse_listen(text: &str) -> Option<Listen> {
    let (socket, protocol) = match text.trim().rsplit_once('/') {
        Some((socket, protocol)) => (socket, Protocol::from_name(protocol)?),
        None => (text.trim(), Protocol::Tcp),
    };
    let (address, port) = match socket.rsplit_once(':') {
        Some((address, port)) => {
            let address = address.trim_start_matches('[').trim_end_matches(']');
            (Some(parse_sloppy(address)?), port)
        }
        None => (None, socket),
    };
    Some(Listen {
        address,
        port: port.parse().ok()?,
        protocol,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_sockets_are_read_from_the_annotation() {
        let read = |text| parse_listen(text).map(|it| (it.address, it.port, it.protocol.name()));
        assert_eq!(
            read("127.0.0.1:8080/tcp"),
            Some(("127.0.0.1".parse().ok(), 8080, "tcp"))
        );
        assert_eq!(read("53/udp"), Some((None, 53, "udp")));
        assert_eq!(read("[::1]:80"), Some(("::1".parse().ok(), 80, "tcp")));
        assert_eq!(read("http"), None);
    }

    #[test]
    fn a_pod_bound_to_localhost_refuses_on_its_own_address() {
        let mut pod = Pod::default();
        pod.metadata
            .annotations
            .insert(Pod::LISTEN.into(), "127.0.0.1:8080".into());
        let at = |text: &str| pod.accepts(text.parse().expect("ip"), 8080, Protocol::Tcp);
        assert!(at("127.0.0.1"));
        assert!(!at("10.244.1.5"));
    }
}
