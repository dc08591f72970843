//! Where a rule came from: the object, the field, and the reason.
//!
//! **Left out**: several origins for one rule; each names the field that decides most.

use super::Endpoint;
use crate::api::ObjectRef;
use crate::netfilter::Tag;
use serde::Serialize;
use std::collections::BTreeMap;

/// Where a rule, an element or a chain came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Origin {
    /// The object, unless it is kube-proxy itself.
    pub object: Option<ObjectRef>,
    /// The field of the object: `spec.ports[0].port`.
    pub path: String,
    /// Why it is there.
    pub reason: Reason,
}

/// Why a rule is there. [`super::explain`] makes the sentence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A hook hands its packets to a chain.
    HookLeadsTo(String),
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
    Address(String),
    /// An address that belongs to a Service.
    ClusterIp(String),
    /// A node's address that takes NodePorts.
    NodePortIp,
    /// A destination without endpoints.
    WithoutEndpoints(String),
    /// One of the endpoints is chosen.
    ChooseEndpoint {
        /// Of which service port.
        service_port: String,
        /// How many there are.
        n_endpoints: usize,
    },
    /// One endpoint.
    Endpoint(String),
    /// A client comes back to the endpoint it had.
    KeepAffinity(String),
    /// A client's endpoint is remembered.
    RememberClient,
    /// The destination is rewritten to an endpoint.
    RewriteTo(String),
    /// Traffic from outside is masqueraded and goes on to the Service's chain.
    External(String),
    /// Traffic from outside goes on.
    ExternalGoesOn,
    /// Pods and the node itself skip policy Local.
    ShortCircuit(String),
    /// Only endpoints of this node.
    LocalOnly,
    /// Sources that may not use the load balancer.
    SourceRanges(String),
    /// An endpoint of this node, for the hairpin set.
    HairpinPair(String),
    /// A pod that reaches itself gets the masquerade mark.
    MarkHairpin,
    /// An endpoint is drawn by lot.
    Draw {
        /// The endpoint.
        target: String,
        /// How many there are left to draw from, itself included.
        one_in: usize,
    },
    /// Sources that no range names.
    DropUnlisted(String),
    /// The port where a load balancer asks for this node's health.
    HealthCheck(String),
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    by_tag: Vec<Origin>,
    tags: BTreeMap<Origin, Tag>,
}

impl Origins {
    /// The tag of an origin, new or known.
    pub fn tag(&mut self, origin: Origin) -> Tag {
        if let Some(tag) = self.tags.get(&origin) {
            return *tag;
        }
        let tag = Tag(u32::try_from(self.by_tag.len()).expect("fewer than 2^32 origins"));
        self.by_tag.push(origin.clone());
        self.tags.insert(origin, tag);
        tag
    }

    /// The tag of something kube-proxy writes on its own account.
    pub(super) fn own(&mut self, reason: Reason) -> Tag {
        self.tag(Origin {
            object: None,
            path: String::new(),
            reason,
        })
    }

    /// The tag of something it writes because of a field.
    pub(super) fn because_of(&mut self, object: ObjectRef, path: &str, reason: Reason) -> Tag {
        self.tag(Origin {
            object: Some(object),
            path: path.to_owned(),
            reason,
        })
    }

    /// An endpoint comes from its pod's address where it is a pod, else from its line in the slice.
    pub(super) fn of_endpoint(&mut self, endpoint: &Endpoint, reason: Reason) -> Tag {
        match &endpoint.target {
            Some(pod) => self.because_of(pod.clone(), "status.podIP", reason),
            None => self.because_of(
                endpoint.slice.clone(),
                &format!("endpoints[{}].addresses[0]", endpoint.idx),
                reason,
            ),
        }
    }

    /// The origin of a tag.
    #[must_use]
    pub fn origin(&self, tag: Tag) -> Option<&Origin> {
        self.by_tag.get(tag.0 as usize)
    }
}
