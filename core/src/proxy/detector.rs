//! How kube-proxy tells traffic of this node's pods from other traffic, as a part of a rule.
//!
//! `pkg/proxy/util/localdetector.go` of Kubernetes 1.36.
//!
//! **Left out**: the mode that detects nothing, which is no detector here.

use crate::ip::{Cidr, Family};
use crate::netfilter::words::{is, is_other_than, saddr};
use crate::netfilter::{Datum, Expression, Meta, Statement};

/// How traffic from pods is told from other traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detector {
    /// By its source address.
    ClusterCidr(Cidr),
    /// By the interface it comes in by.
    BridgeInterface(String),
    /// By the beginning of that interface's name.
    InterfaceNamePrefix(String),
}

impl Detector {
    /// Traffic that does come from a local pod.
    pub(super) fn local(&self, family: Family) -> Statement {
        let (left, value) = self.compared(family);
        is(left, value)
    }

    /// Traffic that does not come from a local pod.
    pub(super) fn not_local(&self, family: Family) -> Statement {
        let (left, value) = self.compared(family);
        is_other_than(left, value)
    }

    fn compared(&self, family: Family) -> (Expression, Datum) {
        let iifname = Expression::Meta(Meta::Iifname);
        match self {
            Detector::ClusterCidr(range) => (saddr(family), Datum::Range(*range)),
            Detector::BridgeInterface(name) => (iifname, Datum::Interface(name.as_str().into())),
            Detector::InterfaceNamePrefix(prefix) => {
                (iifname, Datum::Interface(format!("{prefix}*").into()))
            }
        }
    }
}
