//! What a shell runs in here: the cluster's clock, places, files and tools.
//!
//! Files of pods are what the kubelet writes (`resolv.conf`, `hosts`, the service account's namespace); of nodes, the
//! known switches of `/proc/sys/net`. A pod's environment is its containers' `env` and, unless `enableServiceLinks` is
//! off, the variables of every Service of its namespace that was there when it started
//! (Kubernetes 1.36 `pkg/kubelet/envvars`).
//!
//! **Left out**: `envFrom`, `valueFrom` beyond the pod's own fields; images' own files and variables.

use super::site::{Site, host_of};
use super::{EVERYWHERE, NODES, Placed, sockets};
use crate::api::{Kind, ObjectRef, Pod, Service};
use crate::shell::{Place, Program, System};
use crate::time::{Clock, Instant};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The files of the workstation: those of a scenario, or of a folder.
pub trait Files {
    /// The text of a file by its path below the working folder.
    fn read(&self, path: &str) -> Option<String>;

    /// The paths of all files.
    fn list(&self) -> Vec<String>;

    /// Writes a file; false leaves it to the shell's memory.
    fn write(&self, path: &str, text: &str) -> bool {
        let _ = (path, text);
        false
    }
}

impl Files for BTreeMap<String, String> {
    fn read(&self, path: &str) -> Option<String> {
        self.get(path).cloned()
    }

    fn list(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}

/// The folder a shell on the workstation begins in.
const HOME: &str = "/root";

/// What a shell runs in here.
pub struct Workplace {
    site: Rc<Site>,
    files: Rc<dyn Files>,
    programs: RefCell<BTreeMap<String, Rc<dyn Program>>>,
}

impl Workplace {
    /// A workplace at a site, with these files on the workstation.
    #[must_use]
    pub fn new(site: Rc<Site>, files: Rc<dyn Files>) -> Workplace {
        Workplace {
            site,
            files,
            programs: RefCell::default(),
        }
    }

    /// Adds a program to the workstation: kubectl.
    pub fn install(&self, name: &str, program: Rc<dyn Program>) {
        self.programs.borrow_mut().insert(name.to_owned(), program);
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &Rc<Site> {
        &self.site
    }

    fn pod(&self, place: &Place) -> Option<std::sync::Arc<Pod>> {
        let Place::Pod {
            namespace, name, ..
        } = place
        else {
            return None;
        };
        self.site.world().objects.pod(namespace, name).cloned()
    }

    fn pod_environment(&self, pod: &Pod, container: &str) -> Vec<(String, String)> {
        let world = self.site.world();
        let metadata = &pod.metadata;
        let hostname = match pod.spec.host_network {
            true => pod.spec.node_name.clone().unwrap_or_default(),
            false => pod
                .spec
                .hostname
                .clone()
                .unwrap_or_else(|| metadata.name.clone()),
        };
        let mut told = vec![("HOSTNAME".to_owned(), hostname)];
        let reference = ObjectRef::new(Kind::Pod, &metadata.namespace, &metadata.name);
        let cluster = self.site.cluster();
        let document = cluster.store().document(&reference).cloned();
        let spec = document.as_deref().map_or(&Value::Null, |it| &it["spec"]);
        let links = spec["enableServiceLinks"].as_bool().unwrap_or(true);
        for service in world.objects.services.values() {
            let of = &service.metadata;
            let is_master = of.namespace == "default" && of.name == "kubernetes";
            if is_master || (links && of.namespace == metadata.namespace) {
                told.extend(service_variables(service));
            }
        }
        let containers = spec["containers"].as_array().map_or(&[][..], Vec::as_slice);
        let named = containers
            .iter()
            .find(|it| it["name"] == container)
            .or(containers.first());
        for variable in named
            .and_then(|it| it["env"].as_array())
            .into_iter()
            .flatten()
        {
            let Some(name) = variable["name"].as_str() else {
                continue;
            };
            let field = variable["valueFrom"]["fieldRef"]["fieldPath"].as_str();
            let value = match field {
                Some("metadata.name") => metadata.name.clone(),
                Some("metadata.namespace") => metadata.namespace.clone(),
                Some("spec.nodeName") => pod.spec.node_name.clone().unwrap_or_default(),
                Some("status.podIP") => pod
                    .ips()
                    .first()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                Some("status.hostIP") => pod.status.host_ip.clone().unwrap_or_default(),
                _ => variable["value"].as_str().unwrap_or_default().to_owned(),
            };
            let value = referred(&value, &told);
            told.retain(|it| it.0 != name);
            told.push((name.to_owned(), value));
        }
        told
    }
}

/// `$(NAME)` of variables told before; `$$(` is a dollar.
fn referred(value: &str, told: &[(String, String)]) -> String {
    let mut out = value.replace("$$(", "\0(");
    for (name, value) in told {
        out = out.replace(&format!("$({name})"), value);
    }
    out.replace('\0', "$")
}

/// The variables of a Service, in docker's form too.
fn service_variables(service: &Service) -> Vec<(String, String)> {
    let Some(ip) = service.cluster_ips().first().copied() else {
        return Vec::new();
    };
    let prefix = service
        .metadata
        .name
        .to_uppercase()
        .replace(['-', '.'], "_");
    let host = if ip.is_ipv6() {
        format!("[{ip}]")
    } else {
        ip.to_string()
    };
    let Some(first) = service.spec.ports.first() else {
        return Vec::new();
    };
    let mut told = vec![
        (format!("{prefix}_SERVICE_HOST"), ip.to_string()),
        (format!("{prefix}_SERVICE_PORT"), first.port.to_string()),
    ];
    for port in service.spec.ports.iter().filter(|it| !it.name().is_empty()) {
        let name = port.name().to_uppercase().replace('-', "_");
        told.push((
            format!("{prefix}_SERVICE_PORT_{name}"),
            port.port.to_string(),
        ));
    }
    for (idx, port) in service.spec.ports.iter().enumerate() {
        let protocol = port.protocol().to_lowercase();
        let url = format!("{protocol}://{host}:{}", port.port);
        if idx == 0 {
            told.push((format!("{prefix}_PORT"), url.clone()));
        }
        let one = format!("{prefix}_PORT_{}_{}", port.port, port.protocol());
        told.push((one.clone(), url));
        told.push((format!("{one}_PROTO"), protocol));
        told.push((format!("{one}_PORT"), port.port.to_string()));
        told.push((format!("{one}_ADDR"), ip.to_string()));
    }
    told
}

impl System for Workplace {
    fn clock(&self) -> Clock {
        self.site.cluster().clock()
    }

    fn pass(&self, to: Instant) {
        self.site.pass(to);
    }

    fn program(&self, place: &Place, name: &str) -> Option<Rc<dyn Program>> {
        if *place == Place::Workstation
            && let Some(it) = self.programs.borrow().get(name)
        {
            return Some(it.clone());
        }
        let mut tools = EVERYWHERE
            .iter()
            .chain(NODES.iter().filter(|_| matches!(place, Place::Node(_))));
        let (_, run) = tools.find(|it| it.0 == name)?;
        Some(Rc::new(Placed {
            run: *run,
            site: self.site.clone(),
        }))
    }

    fn programs(&self, place: &Place) -> Vec<String> {
        let own = self.programs.borrow().keys().cloned().collect::<Vec<_>>();
        let own = if *place == Place::Workstation {
            own
        } else {
            Vec::new()
        };
        let tools = EVERYWHERE
            .iter()
            .chain(NODES.iter().filter(|_| matches!(place, Place::Node(_))));
        let mut names: Vec<String> = own
            .into_iter()
            .chain(tools.map(|it| it.0.to_owned()))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    fn read(&self, place: &Place, path: &str) -> Option<String> {
        if *place == Place::Workstation {
            let below = path.strip_prefix(HOME).and_then(|it| it.strip_prefix('/'));
            return self.files.read(below.unwrap_or(path));
        }
        let world = self.site.world();
        let host = host_of(place);
        match path {
            "/etc/resolv.conf" => Some(world.resolv_conf(&host).to_string()),
            "/etc/hosts" => Some(match place {
                Place::Node(name) => format!("127.0.0.1\tlocalhost\n127.0.1.1\t{name}\n"),
                _ => world.hosts_file(&host),
            }),
            "/etc/hostname" => Some(format!("{}\n", place.host_name())),
            "/var/run/secrets/kubernetes.io/serviceaccount/namespace" => match place {
                Place::Pod { namespace, .. } => Some(namespace.to_string()),
                _ => None,
            },
            _ => sockets::switch(&self.site, place, path.strip_prefix("/proc/sys/")?)
                .map(|it| format!("{it}\n")),
        }
    }

    fn files(&self, place: &Place) -> Vec<String> {
        if *place == Place::Workstation {
            let whole = |it: String| {
                if it.starts_with('/') {
                    it
                } else {
                    format!("{HOME}/{it}")
                }
            };
            return self.files.list().into_iter().map(whole).collect();
        }
        let mut paths: Vec<String> = ["/etc/resolv.conf", "/etc/hosts", "/etc/hostname"]
            .map(str::to_owned)
            .into();
        if matches!(place, Place::Pod { .. }) {
            paths.push("/var/run/secrets/kubernetes.io/serviceaccount/namespace".into());
        }
        paths.extend(sockets::switches(place).map(|it| format!("/proc/sys/{it}")));
        paths
    }

    fn write(&self, place: &Place, path: &str, text: &str) -> bool {
        let below = path.strip_prefix(HOME).and_then(|it| it.strip_prefix('/'));
        *place == Place::Workstation && below.is_some_and(|it| self.files.write(it, text))
    }

    fn environment(&self, place: &Place) -> Vec<(String, String)> {
        match (place, self.pod(place)) {
            (Place::Pod { container, .. }, Some(pod)) => self.pod_environment(&pod, container),
            (Place::Workstation, _) => Vec::new(),
            (place, _) => vec![("HOSTNAME".to_owned(), place.host_name().to_owned())],
        }
    }
}

impl std::fmt::Debug for Workplace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workplace")
            .field("site", &self.site)
            .finish_non_exhaustive()
    }
}
