//! `kubectl create ingress`: rules from a few words.
//!
//! `k8s.io/kubectl/pkg/cmd/create/create_ingress.go` of 1.32.
//!
//! **Left out**: nothing.

use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::target::Outcome;
use super::create::{generate, only_name};
use serde_json::{Map, Value, json};

/// `kubectl create ingress`
pub(super) const COMMAND: Command = Command {
    path: "create ingress",
    aliases: &["ing"],
    help: include_str!("../help/create_ingress.txt"),
    run,
};

/// `host/path=service:port,tls=secret`
struct Rule {
    host: String,
    path: Value,
    tls: Option<String>,
}

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    // Flag by flag, in the order in which the real generator complains.
    let name = only_name(invocation)?;
    let flags = &invocation.flags;
    let rules = flags.array("rule");
    let default = flags.text("default-backend");
    if rules.is_empty() && default.is_empty() {
        return error(
            "not enough information provided: every ingress has to either specify a default-backend (which catches all traffic) or a list of rules (which catch specific paths)",
        );
    }
    let mut spec = Map::new();
    if !flags.text("class").is_empty() {
        spec.insert("ingressClassName".to_owned(), flags.text("class").into());
    }
    if !default.is_empty() {
        spec.insert("defaultBackend".to_owned(), backend(default, default)?);
    }
    let mut by_host: Vec<(String, Vec<Value>)> = Vec::new();
    let mut tls: Vec<Value> = Vec::new();
    for told in &rules {
        let rule = read_rule(told)?;
        if let Some(secret) = rule.tls {
            let mut entry = Map::new();
            if !rule.host.is_empty() {
                entry.insert("hosts".to_owned(), json!([rule.host]));
            }
            if !secret.is_empty() {
                entry.insert("secretName".to_owned(), secret.into());
            }
            tls.push(Value::Object(entry));
        }
        match by_host.iter_mut().find(|it| it.0 == rule.host) {
            Some(it) => it.1.push(rule.path),
            None => by_host.push((rule.host, vec![rule.path])),
        }
    }
    if !by_host.is_empty() {
        let rules = by_host.into_iter().map(|(host, paths)| {
            let mut rule = json!({"http": {"paths": paths}});
            if !host.is_empty() {
                rule["host"] = host.into();
            }
            rule
        });
        spec.insert("rules".to_owned(), rules.collect());
    }
    if !tls.is_empty() {
        spec.insert("tls".to_owned(), tls.into());
    }
    let mut document = json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"creationTimestamp": null, "name": name},
        "spec": spec,
        "status": {"loadBalancer": {}},
    });
    for told in flags.array("annotation") {
        let Some((key, value)) = told.split_once('=') else {
            return error(format!(
                "annotation {told} is invalid and should be in format key=[value]"
            ));
        };
        document["metadata"]["annotations"][key] = value.into();
    }
    generate(ctx, invocation, document, "ingress")
}

fn backend(told: &str, whole: &str) -> Result<Value, Failure> {
    let Some((service, port)) = told
        .split_once(':')
        .filter(|it| !it.0.is_empty() && !it.1.is_empty())
    else {
        return error(format!(
            "default-backend should be in format servicename:serviceport: {whole}"
        ));
    };
    let port = match port.parse::<i32>() {
        Ok(number) => json!({"number": number}),
        Err(_) => json!({"name": port}),
    };
    Ok(json!({"service": {"name": service, "port": port}}))
}

fn read_rule(told: &str) -> Result<Rule, Failure> {
    let wrong = || {
        Failure::Error(format!(
            "rule {told} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]"
        ))
    };
    let (main, rest) = match told.split_once(',') {
        Some((main, rest)) => (main, Some(rest)),
        None => (told, None),
    };
    let tls = match rest {
        None => None,
        Some("tls") => Some(String::new()),
        Some(rest) => Some(rest.strip_prefix("tls=").ok_or_else(wrong)?.to_owned()),
    };
    let (place, service) = main.rsplit_once('=').ok_or_else(wrong)?;
    let at = place.find('/').ok_or_else(wrong)?;
    let (host, path) = place.split_at(at);
    let (path, kind) = match path.strip_suffix('*') {
        Some(path) => (path, "Prefix"),
        None => (path, "Exact"),
    };
    let backend = backend(service, told).map_err(|_| wrong())?;
    Ok(Rule {
        host: host.to_owned(),
        path: json!({"backend": backend, "path": path, "pathType": kind}),
        tls,
    })
}
