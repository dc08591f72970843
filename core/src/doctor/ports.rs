//! Ports: a targetPort against the ports on which the pods really listen.
//!
//! In Kubernetes `containerPort` opens nothing: a pod that declares no port at all may well listen, and is doubted only; one
//! whose readiness probe asks that very port and succeeds is believed.
//!
//! **Left out**: ports that programs open and no container declares.

use super::examination::{Examination, Ways};
use super::finding::{Finding, Severity};
use super::service::{Case, short};
use super::words;
use crate::api::{ContainerPort, IntOrString, Kind, ObjectRef, Pod, ServicePort};
use crate::ip::Protocol;
use crate::sorted::insert_once;
use crate::yaml::nearest_name;
use serde_json::{Value, json};

/// Whether a pod hears what is sent to a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hearing {
    Yes,
    /// Nobody knows: it declares no port.
    Unknown,
    /// Something listens there for another protocol.
    OtherProtocol(Protocol),
    /// Something listens there for its own pod only.
    Loopback,
    No,
}

/// Looks at the ports of a Service with a selector. For each, whether something is wrong with it.
pub(super) fn examine(it: &mut Examination<'_>, case: &Case<'_>) -> Vec<bool> {
    let ports = case.service.spec.ports.iter().enumerate();
    ports
        .map(|(idx, port)| {
            let finding = match case.pods.is_empty() {
                true => None,
                false => port_finding(case, idx, port),
            };
            let Some(finding) = finding else { return false };
            let selector = &case.service.spec.selector;
            let askers = it.askers(&case.about.namespace, selector, 1);
            let tried = askers
                .first()
                .and_then(|asker| it.ask_port(asker, case.service, port, Ways::All));
            it.report(finding.shown(tried));
            true
        })
        .collect()
}

pub(super) fn path(idx: usize, field: &str) -> String {
    ["spec.ports[", &idx.to_string(), "].", field].concat()
}

fn pointer(idx: usize, field: &str) -> String {
    ["/spec/ports/", &idx.to_string(), "/", field].concat()
}

/// Sets a field of a port.
fn replace(case: &Case<'_>, idx: usize, fields: &[(&str, Value)]) -> String {
    let operations: Vec<Value> = fields
        .iter()
        .map(|(field, value)| json!({"op": "replace", "path": pointer(idx, field), "value": value}))
        .collect();
    words::json_patch(&case.about, &operations.into())
}

fn port_finding(case: &Case<'_>, idx: usize, port: &ServicePort) -> Option<Finding> {
    let protocol = Protocol::from_name(port.protocol())?;
    if let Some(IntOrString::String(name)) = &port.target_port
        && let Some(finding) = named(case, idx, port, name)
    {
        return Some(finding);
    }
    let mut deaf: Vec<(&Pod, i32, Hearing)> = Vec::new();
    let mut n_hearing = 0;
    for pod in &case.pods {
        let Some(number) = target(pod, port) else {
            continue;
        };
        match hearing(pod, number, protocol) {
            Hearing::Yes => n_hearing += 1,
            other => deaf.push((pod, number, other)),
        }
    }
    let worst = deaf.iter().map(|it| it.2).max()?;
    let (pod, number, _) = *deaf.iter().find(|it| it.2 == worst)?;
    let names: Vec<String> = deaf.iter().map(|it| it.0.metadata.name.clone()).collect();
    let some = Some((n_hearing, case.pods.len())).filter(|it| it.0 > 0);
    let deaf = Deaf {
        case,
        idx,
        port,
        pod,
        number,
        protocol,
        names,
        some,
    };
    Some(match worst {
        Hearing::Yes => return None,
        Hearing::Unknown => deaf.undeclared(),
        Hearing::OtherProtocol(other) => deaf.other_protocol(other),
        Hearing::Loopback => deaf.loopback(),
        Hearing::No if deaf.is_swapped() => deaf.swapped(),
        Hearing::No => deaf.nobody(),
    })
}

/// The number that a targetPort is in a pod.
pub(super) fn target(pod: &Pod, port: &ServicePort) -> Option<i32> {
    match &port.target_port {
        Some(IntOrString::Int(0)) | None => Some(port.port),
        Some(IntOrString::Int(number)) => Some(*number),
        Some(IntOrString::String(name)) => pod.named_port(name, port.protocol()),
    }
}

fn hearing(pod: &Pod, number: i32, protocol: Protocol) -> Hearing {
    let listens = pod.listens();
    let here = || listens.iter().filter(|it| i32::from(it.port) == number);
    let is_open = |it: &crate::api::Listen| {
        let own = pod.ips();
        it.address
            .is_none_or(|ip| ip.is_unspecified() || own.contains(&ip))
    };
    if here().any(|it| it.protocol == protocol && is_open(it)) || is_probed(pod, number, protocol) {
        return Hearing::Yes;
    }
    if here().any(|it| it.protocol == protocol) {
        return Hearing::Loopback;
    }
    if let Some(other) = here().find(|it| is_open(it)) {
        return Hearing::OtherProtocol(other.protocol);
    }
    let is_told = pod.metadata.annotations.contains_key(Pod::LISTEN);
    if listens.is_empty() && !is_told {
        return Hearing::Unknown;
    }
    Hearing::No
}

/// Whether a pod's own status shows that something answers on a port: its readiness probe asks there, and it is ready.
pub(super) fn is_probed(pod: &Pod, number: i32, protocol: Protocol) -> bool {
    let asks = |probe: &crate::api::Probe| {
        let http = probe.http_get.as_ref().and_then(|it| it.port.as_ref());
        let port = http.or_else(|| probe.tcp_socket.as_ref()?.port.as_ref());
        port == Some(&IntOrString::Int(number))
    };
    protocol == Protocol::Tcp
        && pod.is_ready()
        && !pod.metadata.annotations.contains_key(Pod::LISTEN)
        && pod
            .spec
            .containers
            .iter()
            .filter_map(|it| it.readiness_probe.as_ref())
            .any(asks)
}

/// A targetPort by a name that some pods do not have.
fn named(case: &Case<'_>, idx: usize, port: &ServicePort, name: &str) -> Option<Finding> {
    let protocol = port.protocol();
    let lacking: Vec<&Pod> = case
        .pods
        .iter()
        .filter(|it| it.named_port(name, protocol).is_none())
        .map(|it| &***it)
        .collect();
    let first = lacking.first()?;
    let names: Vec<String> = lacking.iter().map(|it| it.metadata.name.clone()).collect();
    let mut ports = first.spec.containers.iter().flat_map(|it| &it.ports);
    let mut known: Vec<&str> = Vec::new();
    for it in ports.clone() {
        if let (Some(name), true) = (&it.name, protocol_of(it) == protocol) {
            insert_once(&mut known, name);
        }
    }
    let is_all = lacking.len() == case.pods.len();
    let (n, all) = (lacking.len().to_string(), case.pods.len().to_string());
    let name_of = short(&case.about);
    let which = [&n, " of ", &all, " pods of ", &name_of, " lack"].concat();
    let none = ["None of the pods of ", &name_of, " has"].concat();
    let (who, severity) = if is_all {
        (none, Severity::Error)
    } else {
        (which, Severity::Warning)
    };
    let sentence = [&who, " a port named ", name, ": they get no requests."].concat();
    let path = path(idx, "targetPort");
    let about = case.about.clone();
    let all: Vec<String> = known.iter().map(|it| (*it).to_owned()).collect();
    let finding = Finding::new("target-port-name", severity, about, path, sentence)
        .fact("targetPort", name.to_owned())
        .fact("pods without it", words::list(&names))
        .fact("their ports' names", words::list(&all));
    if let Some(other) = ports.find(|it| it.name.as_deref() == Some(name)) {
        return Some(named_otherwise(case, idx, protocol_of(other), finding));
    }
    let value = if is_all {
        meant(first, name, &known, protocol)
    } else {
        common_port(case, protocol).map(Into::into)
    };
    let Some(value) = value else {
        return Some(finding);
    };
    let told = value.to_string();
    let command = replace(case, idx, &[("targetPort", value)]);
    let finding = finding.fact("nearest", told.trim_matches('"').to_owned());
    Some(finding.mend("name a port that all pods have", command))
}

fn protocol_of(port: &ContainerPort) -> &str {
    port.protocol.as_deref().unwrap_or("TCP")
}

/// The pods have a port of that name, for another protocol.
fn named_otherwise(case: &Case<'_>, idx: usize, protocol: &str, finding: Finding) -> Finding {
    let command = replace(case, idx, &[("protocol", protocol.into())]);
    let finding = Finding {
        id: "target-port-protocol",
        path: path(idx, "protocol"),
        ..finding
    };
    let finding = finding.fact("its protocol there", protocol.to_owned());
    finding.mend("ask in that protocol", command)
}

/// The port that was probably meant by a name: one that is called nearly so, the only one with a name, or the only one.
fn meant(pod: &Pod, name: &str, known: &[&str], protocol: &str) -> Option<Value> {
    let near = nearest_name(name, known).or(match known {
        [only] => Some(*only),
        _ => None,
    });
    match near {
        Some(near) => Some(near.into()),
        None => only_port(pod, protocol).map(Into::into),
    }
}

/// The one port of all pods, if it is the same number in each.
fn common_port(case: &Case<'_>, protocol: &str) -> Option<i32> {
    let mut numbers = case.pods.iter().map(|it| only_port(it, protocol));
    let first = numbers.next()??;
    numbers.all(|it| it == Some(first)).then_some(first)
}

/// The one port of a pod for a protocol.
fn only_port(pod: &Pod, protocol: &str) -> Option<i32> {
    let ports = pod.spec.containers.iter().flat_map(|it| &it.ports);
    let mut of_protocol = ports.filter(|it| it.protocol.as_deref().unwrap_or("TCP") == protocol);
    let first = of_protocol.next()?;
    of_protocol.next().is_none().then_some(first.container_port)
}

/// Pods that do not hear what is sent to them.
struct Deaf<'a> {
    case: &'a Case<'a>,
    idx: usize,
    port: &'a ServicePort,
    pod: &'a Pod,
    number: i32,
    protocol: Protocol,
    names: Vec<String>,
    /// How many of how many hear it, if some do.
    some: Option<(usize, usize)>,
}

impl Deaf<'_> {
    fn finding(&self, id: &'static str, field: &str, what: &[&str]) -> Finding {
        let numbered = self.number.to_string();
        let some = match self.some {
            Some((n, all)) => {
                let n = (all - n).to_string();
                [" (", &n, " of ", &all.to_string(), " pods)"].concat()
            }
            None => String::new(),
        };
        let sentence = [&short(&self.case.about), " sends to port ", &numbered, ": "].concat();
        let sentence = [&sentence, &what.concat(), &some, "."].concat();
        let about = self.case.about.clone();
        let path = path(self.idx, field);
        let open: Vec<String> = self
            .pod
            .listens()
            .iter()
            .map(|it| {
                let address = match it.address {
                    Some(ip) => [&super::examination::bracketed(ip), ":"].concat(),
                    None => String::new(),
                };
                [&address, &it.port.to_string(), "/", it.protocol.name()].concat()
            })
            .collect();
        Finding::new(id, Severity::Error, about, path, sentence)
            .fact("port", self.port.port.to_string())
            .fact("targetPort", numbered)
            .fact("pods", words::list(&self.names))
            .fact("they listen on", words::list(&open))
    }

    fn undeclared(&self) -> Finding {
        let what = ["its pods declare no port at all, so that nobody knows whether they listen"];
        let finding = self.finding("target-port-undeclared", "targetPort", &what);
        let pod = ObjectRef::new(
            Kind::Pod,
            &self.pod.metadata.namespace,
            &self.pod.metadata.name,
        );
        let number = self.number.to_string();
        let told = [Pod::LISTEN, "=", &number, "/", self.protocol.name()].concat();
        let mends = self.names.len() == 1;
        let command = words::kubectl("annotate", &pod, &told);
        let finding = Finding {
            severity: Severity::Warning,
            ..finding
        };
        if mends {
            finding.mend("tell this model that it does", command)
        } else {
            finding.look("tell this model that it does, pod by pod", command)
        }
    }

    fn other_protocol(&self, other: Protocol) -> Finding {
        let told = other.name().to_ascii_uppercase();
        let what = [
            "there its pods listen for ",
            &told,
            ", not for ",
            self.port.protocol(),
        ];
        let finding = self.finding("target-port-protocol", "protocol", &what);
        let command = replace(self.case, self.idx, &[("protocol", told.into())]);
        finding.mend("ask in that protocol", command)
    }

    fn loopback(&self) -> Finding {
        let what = ["its program listens there on 127.0.0.1 only, which no other pod can reach"];
        let finding = self.finding("app-on-localhost", "targetPort", &what);
        let pod = ObjectRef::new(
            Kind::Pod,
            &self.pod.metadata.namespace,
            &self.pod.metadata.name,
        );
        let number = self.number.to_string();
        let told = [Pod::LISTEN, "=0.0.0.0:", &number, "/", self.protocol.name()].concat();
        let command = words::kubectl("annotate", &pod, &[&told, " --overwrite"].concat());
        let says = "have the program listen on 0.0.0.0; this tells the model that it does";
        if self.names.len() == 1 {
            finding.mend(says, command)
        } else {
            finding.look(says, command)
        }
    }

    /// The pods listen on the port that the Service has for its clients.
    fn is_swapped(&self) -> bool {
        let hears = hearing(self.pod, self.port.port, self.protocol) == Hearing::Yes;
        let is_well_known = self.number < 1024 && self.port.port >= 1024;
        hears && is_well_known && self.some.is_none()
    }

    fn swapped(&self) -> Finding {
        let port = self.port.port.to_string();
        let what = [
            "its pods listen on ",
            &port,
            "; port and targetPort are the wrong way round",
        ];
        let finding = self.finding("ports-swapped", "targetPort", &what);
        let fields = [
            ("port", self.number.into()),
            ("targetPort", self.port.port.into()),
        ];
        finding.mend("turn them round", replace(self.case, self.idx, &fields))
    }

    fn nobody(&self) -> Finding {
        let finding = self.finding(
            "target-port-not-listening",
            "targetPort",
            &["there nothing listens"],
        );
        if self.some.is_some() {
            return self.partial(finding);
        }
        let open: Vec<u16> = self
            .pod
            .listens()
            .iter()
            .filter(|it| it.protocol == self.protocol)
            .filter(|it| it.address.is_none_or(|it| !it.is_loopback()))
            .map(|it| it.port)
            .collect();
        let own = u16::try_from(self.port.port).unwrap_or_default();
        let value = self.pod.named_port(self.port.name(), self.port.protocol());
        let value = value.filter(|_| !self.port.name().is_empty());
        let value = value.and_then(|it| u16::try_from(it).ok());
        let value = value.or(open.contains(&own).then_some(own));
        match value.or(open.first().copied()) {
            Some(value) => {
                let command = replace(self.case, self.idx, &[("targetPort", value.into())]);
                finding.mend("send to the port they listen on", command)
            }
            None => finding,
        }
    }

    /// Some of the pods hear it: a name that all of them have would be right in each.
    fn partial(&self, finding: Finding) -> Finding {
        let protocol = self.port.protocol();
        let name_of = |pod: &Pod, number: i32| {
            let mut ports = pod.spec.containers.iter().flat_map(|it| &it.ports);
            ports
                .find(|it| it.container_port == number)
                .and_then(|it| it.name.clone())
        };
        let names = self
            .case
            .pods
            .iter()
            .filter_map(|it| name_of(it, self.number));
        let mut names = names.filter(|name| {
            let mut all = self.case.pods.iter();
            all.all(|it| it.named_port(name, protocol).is_some())
        });
        if let Some(name) = names.next() {
            let command = replace(self.case, self.idx, &[("targetPort", name.into())]);
            return finding.mend("name the port: each pod knows its own", command);
        }
        let Some(key) = self.case.service.spec.selector.keys().next() else {
            return finding;
        };
        let pods: Vec<String> = self
            .names
            .iter()
            .map(|name| {
                let pod = ObjectRef::new(Kind::Pod, &self.case.about.namespace, name);
                words::kubectl("label", &pod, &words::word(&[key, "-"].concat()))
            })
            .collect();
        finding.mend("take them out of the Service", pods.join(" && "))
    }
}
