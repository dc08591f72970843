//! `kubectl events`: what happened, the oldest first.
//!
//! `k8s.io/kubectl/pkg/cmd/events/events.go` of 1.32.
//!
//! **Left out**: `--watch`; other forms than the table.

use super::super::arguments::{self, Query};
use super::super::command::{Command, Invocation};
use super::super::duration;
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::object::{namespace, text};
use super::super::printers::tabs::Columns;
use super::super::resource;
use super::super::target::{Outcome, Step};
use crate::api::Kind;
use crate::time::{Clock, unix_secs};
use serde_json::Value;
use std::sync::Arc;

/// `kubectl events`
pub(super) const COMMAND: Command = Command {
    path: "events",
    aliases: &[],
    help: include_str!("../help/events.txt"),
    run,
};

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let flags = &invocation.flags;
    let resource =
        resource::of_model(Kind::Event).ok_or_else(|| Failure::Error("no Events".to_owned()))?;
    let all_namespaces = flags.is("all-namespaces");
    let query = Query {
        namespace: if all_namespaces {
            String::new()
        } else {
            invocation.namespace(ctx)?
        },
        ..Query::default()
    };
    let about = about(ctx, flags.text("for"))?;
    let types = flags.list("types");
    let mut events = arguments::list(ctx, resource, &query)?;
    events.retain(|it| {
        let is_about = about.as_ref().is_none_or(|(kind, name)| {
            it["involvedObject"]["kind"] == *kind && it["involvedObject"]["name"] == name.as_str()
        });
        let is_type = types.is_empty()
            || types
                .iter()
                .any(|wanted| wanted.eq_ignore_ascii_case(text(it, &["type"])));
        is_about && is_type
    });
    events.sort_by_key(|it| seen(it));
    if events.is_empty() {
        if all_namespaces {
            ctx.err("No events found.\n");
        } else {
            ctx.err(&format!(
                "No events found in {} namespace.\n",
                query.namespace
            ));
        }
        return Ok(Step::Done(0));
    }
    let headers = if flags.is("no-headers") {
        Headers::Hidden
    } else {
        Headers::Shown
    };
    print(ctx, &events, headers, all_namespaces);
    Ok(Step::Done(0))
}

/// The kind and name that `--for` tells.
fn about(ctx: &Ctx<'_>, told: &str) -> Result<Option<(&'static str, String)>, Failure> {
    if told.is_empty() {
        return Ok(None);
    }
    let Some((kind, name)) = told.split_once('/') else {
        return error("--for must be in resource/name form");
    };
    let minor = ctx.minor();
    Ok(Some((arguments::known(kind, minor)?.kind, name.to_owned())))
}

/// Whether the first line names the columns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Headers {
    Shown,
    Hidden,
}

fn print(ctx: &mut Ctx<'_>, events: &[Arc<Value>], headers: Headers, all_namespaces: bool) {
    let mut rows: Vec<Vec<String>> = Vec::new();
    if headers == Headers::Shown {
        let names = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"];
        rows.push(names.map(str::to_owned).to_vec());
    }
    rows.extend(events.iter().map(|it| cells(it, &ctx.clock())));
    if all_namespaces {
        let names = events.iter().map(|it| namespace(it).to_owned());
        let header = (headers == Headers::Shown).then(|| "NAMESPACE".to_owned());
        for (row, cell) in rows.iter_mut().zip(header.into_iter().chain(names)) {
            row.insert(0, cell);
        }
    }
    ctx.out(&Columns::default().print(&rows));
}

fn cells(it: &Value, clock: &Clock) -> Vec<String> {
    let since = |field: &str| duration::age(clock, it[field].as_str());
    let first = if it["eventTime"].is_null() {
        since("firstTimestamp")
    } else {
        since("eventTime")
    };
    let count = it["count"].as_i64().unwrap_or(1);
    let age = if count > 1 {
        format!("{} (x{count} over {first})", since("lastTimestamp"))
    } else {
        first
    };
    let about = &it["involvedObject"];
    vec![
        age,
        text(it, &["type"]).to_owned(),
        text(it, &["reason"]).to_owned(),
        format!("{}/{}", text(about, &["kind"]), text(about, &["name"])),
        text(it, &["message"]).trim().to_owned(),
    ]
}

fn seen(it: &Value) -> Option<i64> {
    unix_secs(text(it, &["lastTimestamp"])).or_else(|| unix_secs(text(it, &["eventTime"])))
}
