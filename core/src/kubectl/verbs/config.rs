//! `kubectl config`: the kubeconfig.
//!
//! `k8s.io/kubectl/pkg/cmd/config` of 1.32.
//!
//! **Left out**: `set`, `unset`, `set-cluster`, `set-credentials`, `rename-context` and what deletes: there is one cluster here.

use super::super::command::{Command, Invocation};
use super::super::config::Context;
use super::super::failure::error;
use super::super::io::Ctx;
use super::super::printers::tabs::Columns;
use super::super::printers::{go_json, yaml};
use super::super::target::{Outcome, Step};
use serde_json::{Value, json};

/// `kubectl config view`
pub(super) const VIEW: Command =
    Command::new("config view", include_str!("../help/config_view.txt"), view);

/// `kubectl config current-context`
pub(super) const CURRENT: Command = Command::new(
    "config current-context",
    include_str!("../help/config_current-context.txt"),
    |ctx, _| {
        let current = format!("{}\n", ctx.config.current);
        ctx.out(&current);
        Ok(Step::Done(0))
    },
);

/// `kubectl config get-contexts`
pub(super) const GET: Command = Command::new(
    "config get-contexts",
    include_str!("../help/config_get-contexts.txt"),
    list,
);

/// `kubectl config use-context`
pub(super) const USE: Command = Command {
    aliases: &["use"],
    ..Command::new(
        "config use-context",
        include_str!("../help/config_use-context.txt"),
        choose,
    )
};

/// `kubectl config set-context`
pub(super) const SET: Command = Command::new(
    "config set-context",
    include_str!("../help/config_set-context.txt"),
    set,
);

fn view(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    invocation.takes_no_arguments()?;
    let config = &*ctx.config;
    let context = |it: &Context| {
        let mut inner = json!({"cluster": it.cluster, "user": it.user});
        if !it.namespace.is_empty() {
            inner["namespace"] = it.namespace.as_str().into();
        }
        json!({"context": inner, "name": it.name})
    };
    let is_minified = invocation.flags.is("minify");
    let contexts: Vec<Value> = config
        .contexts
        .iter()
        .filter(|it| !is_minified || it.name == config.current)
        .map(context)
        .collect();
    let clusters: Vec<Value> = config
        .clusters
        .iter()
        .map(|(name, server)| json!({"cluster": {"server": server}, "name": name}))
        .collect();
    let users: Vec<Value> = config
        .users
        .iter()
        .map(|it| json!({"name": it, "user": {}}))
        .collect();
    let all = json!({
        "apiVersion": "v1",
        "clusters": clusters,
        "contexts": contexts,
        "current-context": config.current,
        "kind": "Config",
        "preferences": {},
        "users": users,
    });
    let text = match invocation.flags.text("output") {
        "json" => format!("{}\n", go_json::pretty(&all, "    ")),
        _ => yaml::emit(&all),
    };
    ctx.out(&text);
    Ok(Step::Done(0))
}

fn list(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let wanted = invocation.args();
    let config = &*ctx.config;
    let shown = config
        .contexts
        .iter()
        .filter(|it| wanted.is_empty() || wanted.contains(&it.name));
    let mut rows = Vec::new();
    if invocation.flags.text("output") == "name" {
        rows.extend(shown.map(|it| vec![it.name.clone()]));
    } else {
        if !invocation.flags.is("no-headers") {
            rows.push(
                ["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"]
                    .map(str::to_owned)
                    .to_vec(),
            );
        }
        rows.extend(shown.map(|it| {
            let mark = if it.name == config.current { "*" } else { "" };
            vec![
                mark.to_owned(),
                it.name.clone(),
                it.cluster.clone(),
                it.user.clone(),
                it.namespace.clone(),
            ]
        }));
    }
    let text = Columns::default().print(&rows);
    ctx.out(&text);
    let known = |it: &&String| ctx.config.contexts.iter().any(|own| own.name == **it);
    match wanted.iter().find(|it| !known(it)) {
        Some(name) => error(format!("context {name} not found")),
        None => Ok(Step::Done(0)),
    }
}

/// The help, and which words were unexpected.
fn unexpected(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    ctx.out(invocation.command.help);
    error(format!(
        "Unexpected args: [{}]",
        invocation.args().join(" ")
    ))
}

fn choose(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let [name] = invocation.args() else {
        return unexpected(ctx, invocation);
    };
    if !ctx.config.contexts.iter().any(|it| it.name == *name) {
        return error(format!("no context exists with the name: {name:?}"));
    }
    ctx.config.current.clone_from(name);
    ctx.out(&format!("Switched to context {name:?}.\n"));
    Ok(Step::Done(0))
}

fn set(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let flags = &invocation.flags;
    let name = match invocation.args() {
        [] if flags.is("current") => ctx.config.current.clone(),
        [name] if !flags.is("current") && !name.is_empty() => name.clone(),
        [] => return error("you must specify a non-empty context name or --current"),
        _ if flags.is("current") => {
            return error("you cannot specify both a context name and --current");
        }
        _ => return unexpected(ctx, invocation),
    };
    let at = ctx.config.contexts.iter().position(|it| it.name == name);
    let mut context = at
        .map(|it| ctx.config.contexts[it].clone())
        .unwrap_or_default();
    context.name.clone_from(&name);
    for (flag, field) in [
        ("cluster", &mut context.cluster),
        ("user", &mut context.user),
        ("namespace", &mut context.namespace),
    ] {
        if flags.changed(flag) {
            flags.text(flag).clone_into(field);
        }
    }
    match at {
        Some(at) => ctx.config.contexts[at] = context,
        None => ctx.config.contexts.push(context),
    }
    let what = if at.is_some() { "modified" } else { "created" };
    ctx.out(&format!("Context {name:?} {what}.\n"));
    Ok(Step::Done(0))
}
