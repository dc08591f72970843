//! `kubectl version`, `cluster-info`, `api-resources`, `api-versions`, `top`: what there is.
//!
//! `k8s.io/kubectl/pkg/cmd/{version,clusterinfo,apiresources,top}` of 1.32.
//!
//! **Left out**: `cluster-info dump`; metrics: there is no metrics server.

use super::super::arguments::{self, Query};
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::object::{items, name, namespace, text};
use super::super::printers::tabs::Columns;
use super::super::printers::yaml;
use super::super::resource::{self, RESOURCES, Resource};
use super::super::target::{Outcome, Step};
use crate::api::Kind;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What is emulated.
const CLIENT: &str = "v1.32.5";

/// `kubectl version`
pub(super) const VERSION: Command = Command {
    path: "version",
    aliases: &[],
    help: include_str!("../help/version.txt"),
    run: version,
};

const KUSTOMIZE: &str = "v5.5.0";

type VersionFields = [(&'static str, String); 9];

/// A version as Go's struct has it, in the order of its fields.
fn version_fields(of: &str, commit: &str, date: &str) -> VersionFields {
    let mut parts = of.trim_start_matches('v').split('.');
    let mut next = || parts.next().unwrap_or_default().to_owned();
    [
        ("major", next()),
        ("minor", next()),
        ("gitVersion", of.to_owned()),
        ("gitCommit", commit.to_owned()),
        ("gitTreeState", "clean".to_owned()),
        ("buildDate", date.to_owned()),
        ("goVersion", "go1.23.8".to_owned()),
        ("compiler", "gc".to_owned()),
        ("platform", "linux/amd64".to_owned()),
    ]
}

fn version(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    if !invocation.args().is_empty() {
        return error(format!(
            "extra arguments: [{}]",
            invocation.args().join(" ")
        ));
    }
    let server = ctx
        .target
        .cluster()
        .store()
        .objects()
        .cluster
        .kubernetes_version
        .clone();
    let server = server.unwrap_or_else(|| "v1.36.0".to_owned());
    let is_client_only = invocation.flags.is("client");
    let client_fields = version_fields(
        CLIENT,
        "9894294ef13a5b32803e3ca2c0d620a088cc84d1",
        "2025-05-15T09:12:10Z",
    );
    let server_fields = version_fields(&server, &"0".repeat(40), "2025-01-01T00:00:00Z");
    let mut blocks: Vec<(&str, VersionFields)> = vec![("clientVersion", client_fields)];
    if !is_client_only {
        blocks.push(("serverVersion", server_fields));
    }
    match invocation.flags.text("output") {
        "" => {
            ctx.out(&format!(
                "Client Version: {CLIENT}\nKustomize Version: {KUSTOMIZE}\n"
            ));
            if !is_client_only {
                ctx.out(&format!("Server Version: {server}\n"));
            }
        }
        "json" => ctx.out(&versions_as_json(&blocks)),
        "yaml" => ctx.out(&versions_as_yaml(&blocks)),
        _ => return error("--output must be 'yaml' or 'json'"),
    }
    let minor = |of: &str| {
        of.split('.')
            .nth(1)
            .and_then(|it| it.parse::<i32>().ok())
            .unwrap_or(0)
    };
    if !is_client_only && (minor(CLIENT) - minor(&server)).abs() > 1 {
        ctx.err(&format!(
            "WARNING: version difference between client (1.{}) and server (1.{}) exceeds the supported minor version skew of +/-1\n",
            minor(CLIENT),
            minor(&server)
        ));
    }
    Ok(Step::Done(0))
}

/// In the order of Go's struct.
fn versions_as_json(blocks: &[(&str, VersionFields)]) -> String {
    let mut parts: Vec<String> = blocks
        .iter()
        .map(|(title, fields)| {
            let lines: Vec<String> = fields
                .iter()
                .map(|(key, value)| format!("    {key:?}: {value:?}"))
                .collect();
            format!("  {title:?}: {{\n{}\n  }}", lines.join(",\n"))
        })
        .collect();
    parts.insert(1, format!("  \"kustomizeVersion\": {KUSTOMIZE:?}"));
    format!("{{\n{}\n}}\n", parts.join(",\n"))
}

fn versions_as_yaml(blocks: &[(&str, VersionFields)]) -> String {
    let mut all = json!({"kustomizeVersion": KUSTOMIZE});
    for (title, fields) in blocks {
        let fields = fields
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Value::from(value.as_str())));
        all[*title] = fields.collect();
    }
    // Go prints a line break of its own behind the text.
    format!("{}\n", yaml::emit(&all))
}

/// `kubectl cluster-info`
pub(super) const CLUSTER_INFO: Command = Command {
    path: "cluster-info",
    aliases: &["clusterinfo"],
    help: include_str!("../help/cluster-info.txt"),
    run: cluster_info,
};

fn cluster_info(ctx: &mut Ctx<'_>, _: &Invocation) -> Outcome {
    let server = ctx.config.server().to_owned();
    ctx.out(&format!(
        "Kubernetes control plane is running at {server}\n"
    ));
    let services = resource::of_model(Kind::Service)
        .ok_or_else(|| Failure::Error("no Services".to_owned()))?;
    let query = Query {
        namespace: "kube-system".to_owned(),
        labels: "kubernetes.io/cluster-service=true".to_owned(),
        fields: String::new(),
    };
    for it in arguments::list(ctx, services, &query)? {
        let shown = match text(&it, &["metadata", "labels", "kubernetes.io/name"]) {
            "" => name(&it),
            shown => shown,
        };
        let port = items(&it["spec"]["ports"])
            .first()
            .map_or("", |it| text(it, &["name"]));
        let port = if port.is_empty() {
            String::new()
        } else {
            format!(":{port}")
        };
        ctx.out(&format!(
            "{shown} is running at {server}/api/v1/namespaces/{}/services/{}{port}/proxy\n",
            namespace(&it),
            name(&it)
        ));
    }
    ctx.out("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n");
    Ok(Step::Done(0))
}

/// `kubectl api-resources`
pub(super) const API_RESOURCES: Command = Command {
    path: "api-resources",
    aliases: &[],
    help: include_str!("../help/api-resources.txt"),
    run: api_resources,
};

/// What the server serves, by group and name. MetalLB's pools are served where there are some.
fn served(ctx: &Ctx<'_>) -> Vec<&'static Resource> {
    let store = ctx.target.cluster().store();
    let minor = store.objects().cluster.version().minor;
    let has_pools = store.documents(Kind::IpAddressPool).next().is_some();
    let mut all: Vec<&'static Resource> = RESOURCES
        .iter()
        .filter(|it| {
            resource::is_served(it, minor) && (has_pools || it.model != Some(Kind::IpAddressPool))
        })
        .collect();
    all.sort_by_key(|it| (it.group(), it.name));
    all
}

fn api_resources(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let flags = &invocation.flags;
    invocation.takes_no_arguments()?;
    let mut all = served(ctx);
    if flags.changed("namespaced") {
        all.retain(|it| it.namespaced == flags.is("namespaced"));
    }
    if flags.changed("api-group") {
        all.retain(|it| it.group() == flags.text("api-group"));
    }
    if flags.list("categories").iter().any(|it| it == "all") {
        all.retain(|it| it.in_all);
    }
    match flags.text("sort-by") {
        "name" => all.sort_by_key(|it| it.name),
        "kind" => all.sort_by_key(|it| it.kind),
        _ => {}
    }
    if flags.text("output") == "name" {
        for it in all {
            ctx.out(&format!("{}\n", it.qualified()));
        }
        return Ok(Step::Done(0));
    }
    let mut rows = Vec::new();
    if !flags.is("no-headers") {
        rows.push(
            ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]
                .map(str::to_owned)
                .to_vec(),
        );
    }
    rows.extend(all.iter().map(|it| {
        vec![
            it.name.to_owned(),
            it.short.join(","),
            it.version.to_owned(),
            it.namespaced.to_string(),
            it.kind.to_owned(),
        ]
    }));
    ctx.out(&Columns::default().print(&rows));
    Ok(Step::Done(0))
}

/// `kubectl api-versions`
pub(super) const API_VERSIONS: Command = Command {
    path: "api-versions",
    aliases: &[],
    help: include_str!("../help/api-versions.txt"),
    run: |ctx, invocation| {
        invocation.takes_no_arguments()?;
        let all: BTreeSet<&str> = served(ctx).iter().map(|it| it.version).collect();
        for it in all {
            ctx.out(&format!("{it}\n"));
        }
        Ok(Step::Done(0))
    },
};

const fn top(path: &'static str, aliases: &'static [&'static str], help: &'static str) -> Command {
    Command {
        path,
        aliases,
        help,
        run: |_, _| error("Metrics API not available"),
    }
}

/// `kubectl top pod`
pub(super) const TOP_POD: Command = top(
    "top pod",
    &["pods", "po"],
    include_str!("../help/top_pod.txt"),
);

/// `kubectl top node`
pub(super) const TOP_NODE: Command = top(
    "top node",
    &["nodes", "no"],
    include_str!("../help/top_node.txt"),
);
