//! Where a rule came from: the object, the field, and the reason.
//!
//! **Left out**: several origins for one rule; each names the field that decides most.

use super::Endpoint;
use crate::api::ObjectRef;
use crate::indexed::Indexed;
use crate::netfilter::{Name, Tag};
use serde::Serialize;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// Where a rule, an element or a chain came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Origin {
    /// The object, unless it is kube-proxy itself.
    pub object: Option<Arc<ObjectRef>>,
    /// The field of the object.
    pub path: Path,
    /// Why it is there.
    pub reason: Reason,
}

/// A field of an object: `spec.ports[0].port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// No field at all.
    Nowhere,
    /// One that every such object has.
    Field(&'static str),
    /// A field of a port of a Service.
    Port(usize, &'static str),
    /// An address from outside that a Service asks for.
    ExternalIp(usize),
    /// An address that a load balancer was given.
    IngressIp(usize),
    /// The address of an endpoint in its slice.
    Endpoint(usize),
}

impl From<&'static str> for Path {
    fn from(field: &'static str) -> Self {
        Path::Field(field)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Nowhere => Ok(()),
            Path::Field(field) => f.write_str(field),
            Path::Port(idx, field) => write!(f, "spec.ports[{idx}].{field}"),
            Path::ExternalIp(idx) => write!(f, "spec.externalIPs[{idx}]"),
            Path::IngressIp(idx) => write!(f, "status.loadBalancer.ingress[{idx}].ip"),
            Path::Endpoint(idx) => write!(f, "endpoints[{idx}].addresses[0]"),
        }
    }
}

impl Serialize for Path {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a rule is there. [`super::explain`] makes the sentence.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A hook hands its packets to a chain.
    HookLeadsTo(&'static str),
    /// Destinations with a source filter are checked first.
    CheckFirewall,
    /// Destinations without endpoints are turned away.
    CheckEndpoints,
    /// NodePorts without endpoints are turned away.
    CheckNodePortEndpoints,
    /// A ClusterIP on a port it does not have.
    RejectUnknownPort,
    /// An address of the service range that no Service has.
    DropUnallocated,
    /// The chain that refuses.
    RejectHelper,
    /// ClusterIP traffic from outside the pod range gets the masquerade mark.
    MarkFromOutside,
    /// All ClusterIP traffic gets the masquerade mark.
    MarkAll,
    /// The masquerade mark is set.
    Mark,
    /// Packets with the mark are masqueraded.
    MasqueradeMarked,
    /// Packets without the mark are left alone.
    LeaveUnmarked,
    /// The mark is cleared before masquerade.
    ClearMark,
    /// A pod that reaches itself is masqueraded.
    MasqueradeHairpin,
    /// Destination and port are looked up among all Services.
    FindService,
    /// The port is looked up among all NodePorts.
    FindNodePort,
    /// An address and port of a Service.
    Address(Name),
    /// An address that belongs to a Service.
    ClusterIp(Name),
    /// A node's address that takes NodePorts.
    NodePortIp,
    /// A destination without endpoints.
    WithoutEndpoints(Name),
    /// One of the endpoints is chosen.
    ChooseEndpoint {
        /// Of which service port.
        service_port: Name,
        /// How many there are.
        n_endpoints: usize,
    },
    /// One endpoint.
    Endpoint(SocketAddr),
    /// A client comes back to the endpoint it had.
    KeepAffinity(SocketAddr),
    /// A client's endpoint is remembered.
    RememberClient,
    /// The destination is rewritten to an endpoint.
    RewriteTo(SocketAddr),
    /// Traffic from outside is masqueraded and goes on to the Service's chain.
    External(Name),
    /// Traffic from outside goes on.
    ExternalGoesOn,
    /// Pods and the node itself skip policy Local.
    ShortCircuit(Name),
    /// Only endpoints of this node.
    LocalOnly,
    /// Sources that may not use the load balancer.
    SourceRanges(Name),
    /// An endpoint of this node, for the hairpin set.
    HairpinPair(SocketAddr),
    /// A pod that reaches itself gets the masquerade mark.
    MarkHairpin,
    /// An endpoint is drawn by lot.
    Draw {
        /// The endpoint.
        target: SocketAddr,
        /// How many there are left to draw from, itself included.
        one_in: usize,
    },
    /// Sources that no range names.
    DropUnlisted(Name),
    /// The port where a load balancer asks for this node's health.
    HealthCheck(Name),
    /// Others' packets to this node's loopback.
    BlockLocalnet,
    /// Packets that belong to no connection.
    DropInvalid,
    /// Marked packets may be forwarded.
    ForwardMarked,
    /// Packets of known connections may be forwarded.
    ForwardEstablished,
    /// Something only ipvs mode has.
    Ipvs(super::IpvsReason),
}

/// The origins of all rules of a programme, by tag.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    /// A tag is its origin's place, and none is ever taken out.
    by_tag: Indexed<Origin, ()>,
}

/// Alike if they know the same origins by the same tags.
impl PartialEq for Origins {
    fn eq(&self, other: &Self) -> bool {
        self.by_tag.iter().eq(other.by_tag.iter())
    }
}

impl Eq for Origins {}

impl Origins {
    /// The tag of an origin, new or known.
    pub fn tag(&mut self, origin: Origin) -> Tag {
        let place = self.by_tag.place_or_insert(origin, ());
        Tag(u32::try_from(place).expect("fewer than 2^32 origins"))
    }

    /// The tag of something kube-proxy writes on its own account.
    pub(super) fn own(&mut self, reason: Reason) -> Tag {
        self.tag(Origin {
            object: None,
            path: Path::Nowhere,
            reason,
        })
    }

    /// The tag of something it writes because of a field.
    pub(super) fn because_of(
        &mut self,
        object: &Arc<ObjectRef>,
        path: impl Into<Path>,
        reason: Reason,
    ) -> Tag {
        self.tag(Origin {
            object: Some(object.clone()),
            path: path.into(),
            reason,
        })
    }

    /// An endpoint comes from its pod's address where it is a pod, else from its line in the slice.
    pub(super) fn of_endpoint(&mut self, endpoint: &Endpoint, reason: Reason) -> Tag {
        match &endpoint.target {
            Some(pod) => self.because_of(pod, "status.podIP", reason),
            None => self.because_of(&endpoint.slice, Path::Endpoint(endpoint.idx), reason),
        }
    }

    /// The origin of a tag.
    #[must_use]
    pub fn origin(&self, tag: Tag) -> Option<&Origin> {
        self.by_tag.at(tag.0 as usize).map(|it| it.0)
    }
}
