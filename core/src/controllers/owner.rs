//! Owners: the reference that says who made an object and goes with whom.

use crate::api::{Kind, Object, OwnerReference};

/// The reference of a controlling owner.
pub(super) fn controlled_by(owner: &Object) -> Option<OwnerReference> {
    let metadata = owner.metadata()?;
    let kind: Kind = owner.kind();
    Some(OwnerReference {
        api_version: kind.api_version().into(),
        kind: kind.name().into(),
        name: metadata.name.clone(),
        uid: metadata.uid.clone()?,
        controller: Some(true),
        block_owner_deletion: Some(true),
    })
}

/// The reference of an owner that does not control what it owns.
pub(super) fn owned_by(owner: &Object) -> Option<serde_json::Value> {
    let metadata = owner.metadata()?;
    Some(serde_json::json!({
        "apiVersion": owner.kind().api_version(),
        "kind": owner.kind().name(),
        "name": metadata.name,
        "uid": metadata.uid,
    }))
}

/// The uid of the one who controls an object.
pub(super) fn controller_uid(references: &[OwnerReference]) -> Option<&str> {
    references
        .iter()
        .find(|it| it.controller == Some(true))
        .map(|it| it.uid.as_str())
}
