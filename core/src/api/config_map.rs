//! ConfigMap: the Corefile and the zone of outside names come in one.

use super::ObjectMeta;
use crate::record::record;
use std::collections::BTreeMap;

/// A ConfigMap.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfigMap {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// Its entries.
    pub data: BTreeMap<String, String>,
}

record!(ConfigMap: metadata, data);
