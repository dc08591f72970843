//! How objects are printed.
//!
//! `k8s.io/cli-runtime/pkg/printers`, `k8s.io/kubectl/pkg/cmd/get` of 1.32.
//!
//! **Left out**: files of columns; `--server-print=false`, which prints the server's columns here too.

pub(crate) mod columns;
pub(crate) mod custom_columns;
pub(crate) mod go_json;
pub(crate) mod go_template;
pub(crate) mod jsonpath;
pub(crate) mod jsonpath_parse;
pub(crate) mod network_rows;
pub(crate) mod output;
pub(crate) mod pod_rows;
pub(crate) mod rows;
pub(crate) mod sorting;
pub(crate) mod tabs;
mod template_functions;
mod template_lex;
mod template_parse;
pub mod yaml;

pub use columns::{Column, Row, Table, table};
