//! `kubectl port-forward`: a connection that no Service, no rule and no readiness decides about.
//!
//! `staging/src/k8s.io/kubectl/pkg/cmd/portforward` of Kubernetes 1.36: the API server hands the connection to the
//! kubelet, which has the runtime open one inside the pod's own network, to the loopback. Of a Service only its selector
//! and its target port are used, once, to find a pod; then the Service takes no part.
//!
//! **Left out**: the way from the client to the kubelet, which is the API's and no packet of this world.

use super::network::HostId;
use super::request::{Destination, Request, Source};
use super::walk::{Walk, WalkError, walk};
use super::world::World;
use crate::api::{IntOrString, Kind, ObjectRef, Pod};
use crate::chance::Chooser;
use crate::net::Protocol;
use std::sync::Arc;

/// Why there can be no forwarding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortForwardError {
    /// There is no such Service or pod.
    #[error("{0} is not in this world")]
    NoSuchObject(ObjectRef),
    /// The Service has no pod that runs.
    #[error("{0} selects no pod that runs")]
    NoPod(ObjectRef),
    /// The Service has no such port.
    #[error("{0} has no port {1}")]
    NoPort(ObjectRef, u16),
    /// The connection cannot begin.
    #[error(transparent)]
    Walk(#[from] WalkError),
}

/// The walk of a forwarded connection to a port of a pod or a Service.
///
/// # Errors
/// If there is nobody to forward to.
pub fn port_forward(
    world: &World,
    to: &ObjectRef,
    port: u16,
    chooser: &mut Chooser,
) -> Result<Walk, PortForwardError> {
    let missing = || PortForwardError::NoSuchObject(to.clone());
    let (pod, port) = match to.kind {
        Kind::Pod => {
            let pod = world.objects.pod(&to.namespace, &to.name);
            (pod.ok_or_else(missing)?, port)
        }
        Kind::Service => {
            let service = world.objects.service(&to.namespace, &to.name);
            let service = service.ok_or_else(missing)?;
            let mut ports = service.spec.ports.iter();
            let asked = ports.find(|it| it.port == i32::from(port));
            let asked = asked.ok_or_else(|| PortForwardError::NoPort(to.clone(), port))?;
            let pods = world
                .objects
                .pods_selected(&to.namespace, &service.spec.selector);
            let pod = pods
                .filter(|it| runs(it))
                .min_by_key(|it| !it.is_ready())
                .ok_or_else(|| PortForwardError::NoPod(to.clone()))?;
            let number = match &asked.target_port {
                None => Some(asked.port),
                Some(IntOrString::Int(it)) => Some(*it),
                Some(IntOrString::String(name)) => pod.named_port(name, asked.protocol()),
            };
            let number = number.and_then(|it| u16::try_from(it).ok());
            (
                pod,
                number.ok_or_else(|| PortForwardError::NoPort(to.clone(), port))?,
            )
        }
        _ => return Err(missing()),
    };
    let metadata = &pod.metadata;
    let inside = HostId::Pod(metadata.namespace.clone(), metadata.name.clone());
    let request = Request::new(
        Source::Host(inside),
        Destination {
            name: "127.0.0.1".into(),
            port: Some(port),
            protocol: Protocol::Tcp,
            url: None,
        },
    );
    Ok(walk(world, &request, chooser)?)
}

fn runs(pod: &Arc<Pod>) -> bool {
    !pod.is_over() && !pod.ips().is_empty()
}
