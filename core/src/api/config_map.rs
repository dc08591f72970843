//! ConfigMap: the Corefile and the zone of outside names come in one.

use super::ObjectMeta;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A ConfigMap.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ConfigMap {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// Its entries.
    pub data: BTreeMap<String, String>,
}
