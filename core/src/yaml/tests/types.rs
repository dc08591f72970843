//! A little of Kubernetes, to decode into.
//!
//! Imitates the shapes of core/v1 Service: defaults, maps, enums, integers or strings, fields that must be there.
//!
//! **Left out.** Nearly all of it.

use super::*;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Service {
    pub(super) kind: String,
    pub(super) metadata: Metadata,
    pub(super) spec: Spec,
    managed_fields: Option<Unread>,
}

/// A field that is known and not read.
#[derive(Debug, PartialEq)]
struct Unread;

impl<'de> Deserialize<'de> for Unread {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Unread)
    }
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    #[serde(rename = "type")]
    pub(super) kind: Option<Kind>,
    pub(super) publish_not_ready_addresses: bool,
    pub(super) weight: f64,
    pub(super) timeout_seconds: Option<u64>,
    pub(super) external_ips: Vec<Address>,
    pub(super) ports: Vec<Port>,
}

#[derive(Debug, PartialEq, Deserialize)]
pub(super) enum Kind {
    ClusterIP,
    NodePort,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Address(pub(super) std::net::IpAddr);

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Address, String> {
        text.parse()
            .map(Address)
            .map_err(|_| format!("\"{text}\" is not an IP address"))
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Port {
    pub(super) port: i32,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) target_port: Option<IntOrString>,
}

#[derive(Debug, PartialEq)]
pub(super) enum IntOrString {
    Int(i64),
    String(String),
}

impl<'de> Deserialize<'de> for IntOrString {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = IntOrString;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an integer or a string")
            }

            fn visit_i64<E>(self, value: i64) -> Result<IntOrString, E> {
                Ok(IntOrString::Int(value))
            }

            fn visit_str<E>(self, text: &str) -> Result<IntOrString, E> {
                Ok(IntOrString::String(text.to_owned()))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
