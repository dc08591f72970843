//! Commands that only have others below them: they print their help.
//!
//! **Left out**: nothing.

use super::super::command::Command;
use super::super::target::Step;

/// A command of this kind.
const fn group(
    path: &'static str,
    aliases: &'static [&'static str],
    help: &'static str,
) -> Command {
    Command {
        path,
        aliases,
        help,
        run: |ctx, invocation| {
            ctx.out(invocation.command.help);
            Ok(Step::Done(1))
        },
    }
}

/// kubectl.
pub(super) const ROOT: Command = group("", &[], include_str!("../help/kubectl.txt"));

/// `kubectl create service`
pub(super) const CREATE_SERVICE: Command = group(
    "create service",
    &["svc"],
    include_str!("../help/create_service.txt"),
);

/// `kubectl set`
pub(super) const SET: Command = group("set", &[], include_str!("../help/set.txt"));

/// `kubectl auth`
pub(super) const AUTH: Command = group("auth", &[], include_str!("../help/auth.txt"));

/// `kubectl config`
pub(super) const CONFIG: Command = group("config", &[], include_str!("../help/config.txt"));

/// `kubectl rollout`
pub(super) const ROLLOUT: Command = group("rollout", &[], include_str!("../help/rollout.txt"));

/// `kubectl top`
pub(super) const TOP: Command = group("top", &[], include_str!("../help/top.txt"));
