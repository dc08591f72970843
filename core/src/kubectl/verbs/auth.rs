//! `kubectl auth`: who may do what. Whoever asks here may do everything.
//!
//! `k8s.io/kubectl/pkg/cmd/auth` of 1.32.
//!
//! **Left out**: rights; `auth reconcile`; `can-i --list`.

use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::printers::tabs::Columns;
use super::super::resource;
use super::super::target::{Outcome, Step};

/// `kubectl auth can-i`
pub(super) const CAN_I: Command = Command {
    path: "auth can-i",
    aliases: &[],
    help: include_str!("../help/auth_can-i.txt"),
    run: can_i,
};

fn can_i(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let flags = &invocation.flags;
    if flags.is("list") {
        return error(
            "the emulated server keeps no list of rights: whoever asks may do everything",
        );
    }
    let (Some(_), Some(word)) = (invocation.args().first(), invocation.args().get(1)) else {
        return Err(Failure::Plain(
            "error: you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help and examples.".to_owned(),
        ));
    };
    let kind = word.split('/').next().unwrap_or_default();
    match resource::find(kind) {
        _ if word.starts_with('/') || kind == "*" => {}
        None => ctx.err(&format!(
            "Warning: the server doesn't have a resource type '{kind}'\n\n"
        )),
        Some(it) if !it.namespaced && !flags.is("all-namespaces") => {
            let group = if it.group().is_empty() {
                String::new()
            } else {
                format!(" in group '{}'", it.group())
            };
            ctx.err(&format!(
                "Warning: resource '{}' is not namespace scoped{group}\n\n",
                it.name
            ));
        }
        Some(_) => {}
    }
    if !flags.is("quiet") {
        ctx.out("yes\n");
    }
    Ok(Step::Done(0))
}

/// `kubectl auth whoami`
pub(super) const WHO_AM_I: Command = Command {
    path: "auth whoami",
    aliases: &[],
    help: include_str!("../help/auth_whoami.txt"),
    run: |ctx, _| {
        let rows = [
            ["ATTRIBUTE", "VALUE"],
            ["Username", "kubernetes-admin"],
            ["Groups", "[kubeadm:cluster-admins system:authenticated]"],
        ];
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|it| it.map(str::to_owned).to_vec())
            .collect();
        ctx.out(&Columns::default().print(&rows));
        Ok(Step::Done(0))
    },
};
