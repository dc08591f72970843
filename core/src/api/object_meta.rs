//! The metadata every object has.

use super::Labels;
use super::ignored::Ignored;
use serde::{Deserialize, Serialize};

/// Metadata of an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ObjectMeta {
    /// Its name.
    pub name: String,
    /// What a name is made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generate_name: Option<String>,
    /// Its namespace; empty for objects that have none.
    pub namespace: String,
    /// Its labels.
    pub labels: Labels,
    /// Its annotations.
    pub annotations: Labels,
    /// Who made it.
    pub owner_references: Vec<OwnerReference>,
    /// Its identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
    /// How often its spec changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<String>,
    /// When it was asked to go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_timestamp: Option<String>,
    /// How long it may take to go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_grace_period_seconds: Option<i64>,
    /// Who must agree before it goes.
    pub finalizers: Vec<String>,
    /// Where old servers put a link to it.
    #[serde(skip_serializing)]
    pub self_link: Option<String>,
    /// Who wrote which field; read from dumps and passed over.
    #[serde(skip_serializing)]
    pub managed_fields: Vec<Ignored>,
}

/// Who made an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OwnerReference {
    /// Its version of the API.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its identity.
    pub uid: String,
    /// Whether it is the one that manages.
    pub controller: Option<bool>,
    /// Whether it waits for this object when it goes.
    pub block_owner_deletion: Option<bool>,
}
