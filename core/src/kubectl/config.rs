//! The kubeconfig: which cluster, which namespace.
//!
//! `k8s.io/client-go/tools/clientcmd/api/v1` of 1.32.
//!
//! **Left out**: certificates and tokens: the emulated server asks for none.

use super::failure::Failure;
use serde::{Deserialize, Serialize};

/// A kubeconfig.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Name and address.
    pub clusters: Vec<(String, String)>,
    /// What to use by default.
    pub contexts: Vec<Context>,
    /// Names.
    pub users: Vec<String>,
    /// The context that counts.
    pub current: String,
}

/// A cluster, a user and a namespace under one name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// Its name.
    pub name: String,
    /// The cluster.
    pub cluster: String,
    /// The user.
    pub user: String,
    /// The namespace; empty for `default`.
    pub namespace: String,
}

impl Default for Config {
    fn default() -> Self {
        let name = "packetwalk".to_owned();
        Config {
            clusters: vec![(name.clone(), "http://127.0.0.1:8080".to_owned())],
            contexts: vec![Context {
                name: name.clone(),
                cluster: name.clone(),
                user: name.clone(),
                namespace: "default".to_owned(),
            }],
            users: vec![name.clone()],
            current: name,
        }
    }
}

impl Config {
    /// The context of a name; of the current one where it is empty.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn context(&self, name: &str) -> Result<&Context, Failure> {
        let wanted = if name.is_empty() { &self.current } else { name };
        let found = self.contexts.iter().find(|it| it.name == wanted);
        found.ok_or_else(|| {
            Failure::Plain(format!(
                "Error in configuration: context was not found for specified context: {wanted}"
            ))
        })
    }

    /// The address of the current cluster's server.
    #[must_use]
    pub fn server(&self) -> &str {
        let cluster = self
            .context("")
            .map(|it| it.cluster.as_str())
            .unwrap_or_default();
        let found = self.clusters.iter().find(|it| it.0 == cluster);
        found.map_or("http://localhost:8080", |it| it.1.as_str())
    }
}
