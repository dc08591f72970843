//! The verbs, one file each, and the list of them.
//!
//! A verb is added by a file with a `COMMAND`, a help text in `kubectl/help`, and a line here.
//!
//! **Left out**: what the page above this one names.

mod apply;
mod create;
mod create_ingress;
mod create_service;
mod delete;
mod describe;
mod diff;
mod edit;
mod expose;
mod get;
mod get_watch;
mod groups;
mod metadata;
mod patch;
mod replace;
mod scale;
mod set;

use super::command::{Command, OPTIONS_COMMAND};

/// All commands: kubectl itself first.
pub const COMMANDS: &[Command] = &[
    groups::ROOT,
    groups::CREATE_SERVICE,
    groups::SET,
    OPTIONS_COMMAND,
    apply::COMMAND,
    apply::VIEW,
    create::COMMAND,
    create::CONFIG_MAP,
    create::DEPLOYMENT,
    create::NAMESPACE,
    create_ingress::COMMAND,
    create_service::CLUSTER_IP,
    create_service::EXTERNAL_NAME,
    create_service::LOAD_BALANCER,
    create_service::NODE_PORT,
    delete::COMMAND,
    describe::COMMAND,
    diff::COMMAND,
    edit::COMMAND,
    expose::COMMAND,
    get::COMMAND,
    metadata::ANNOTATE,
    metadata::LABEL,
    patch::COMMAND,
    replace::COMMAND,
    scale::COMMAND,
    set::IMAGE,
    set::SELECTOR,
];
