//! The verbs, one file each, and the list of them.
//!
//! A verb is added by a file with a `COMMAND`, a help text in `kubectl/help`, and a line here.
//!
//! **Left out**: what the page above this one names.

mod apply;
mod auth;
mod config;
mod cordon;
mod create;
mod create_ingress;
mod create_service;
mod delete;
mod describe;
mod diff;
mod edit;
mod events;
mod exec;
mod explain;
mod expose;
mod get;
mod get_table;
mod get_watch;
mod groups;
mod info;
mod logs;
mod metadata;
mod overrides;
mod patch;
mod pods;
mod port_forward;
mod replace;
mod rollout;
mod rollout_status;
mod run;
mod scale;
mod set;
mod taint;
mod wait;

use super::command::{Command, OPTIONS_COMMAND};

/// All commands: kubectl itself first.
pub const COMMANDS: &[Command] = &[
    groups::ROOT,
    OPTIONS_COMMAND,
    apply::COMMAND,
    apply::VIEW,
    auth::CAN_I,
    auth::WHO_AM_I,
    config::CURRENT,
    config::GET,
    config::SET,
    config::USE,
    config::VIEW,
    cordon::CORDON,
    cordon::DRAIN,
    cordon::UNCORDON,
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
    events::COMMAND,
    exec::COMMAND,
    explain::COMMAND,
    expose::COMMAND,
    get::COMMAND,
    groups::AUTH,
    groups::CONFIG,
    groups::CREATE_SERVICE,
    groups::ROLLOUT,
    groups::SET,
    groups::TOP,
    info::API_RESOURCES,
    info::API_VERSIONS,
    info::CLUSTER_INFO,
    info::TOP_NODE,
    info::TOP_POD,
    info::VERSION,
    logs::COMMAND,
    metadata::ANNOTATE,
    metadata::LABEL,
    patch::COMMAND,
    port_forward::COMMAND,
    replace::COMMAND,
    rollout::HISTORY,
    rollout::PAUSE,
    rollout::RESTART,
    rollout::RESUME,
    rollout::STATUS,
    rollout::UNDO,
    run::COMMAND,
    scale::COMMAND,
    set::IMAGE,
    set::SELECTOR,
    taint::COMMAND,
    wait::COMMAND,
];
