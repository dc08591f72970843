//! The metadata every object has.

use super::Labels;
use crate::record::record;

/// Metadata of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectMeta {
    /// Its name.
    pub name: String,
    /// What a name is made from.
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
    pub uid: Option<String>,
    /// Its version.
    pub resource_version: Option<String>,
    /// How often its spec changed.
    pub generation: Option<i64>,
    /// When it was made.
    pub creation_timestamp: Option<String>,
    /// When it was asked to go.
    pub deletion_timestamp: Option<String>,
    /// How long it may take to go.
    pub deletion_grace_period_seconds: Option<i64>,
    /// Who must agree before it goes.
    pub finalizers: Vec<String>,
}

record!(ObjectMeta:
    name, generate_name, namespace, labels, annotations, owner_references, uid, resource_version,
    generation, creation_timestamp, deletion_timestamp, deletion_grace_period_seconds, finalizers);

/// Who made an object.
#[derive(Clone, Debug, Default, PartialEq)]
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

record!(OwnerReference: api_version, kind, name, uid, controller, block_owner_deletion);
