//! What could stand where a person types: verbs, flags, types, names, namespaces, forms.
//!
//! `k8s.io/kubectl/pkg/util/completion` of 1.32, from the same table as the commands and their help.
//!
//! **Left out**: containers, contexts' users, keys of labels.

use super::command::{Command, find};
use super::config::Config;
use super::help::{FlagKind, flags_of};
use super::object;
use super::resource::{self, RESOURCES};
use crate::api::Kind;
use crate::sim::Cluster;
use std::collections::BTreeSet;

/// What a word could become, and one line about it.
pub type Completion = (String, String);

/// What could stand in the place of the last of the words after `kubectl`, in order.
#[must_use]
pub fn complete(cluster: &Cluster, config: &Config, words: &[String]) -> Vec<Completion> {
    let Some((last, before)) = words.split_last() else {
        return Vec::new();
    };
    let (command, rest) = find(before);
    let mut found = if last.starts_with('-') && last != "-" {
        flags(command, last)
    } else if let Some(flag) = value_of(command, before) {
        values(cluster, flag)
    } else if command.children().next().is_some() && arguments(command, &rest).is_empty() {
        command
            .children()
            .map(|it| (it.word().to_owned(), about(it)))
            .collect()
    } else {
        objects(cluster, config, command, &rest, last)
    };
    found.retain(|it| it.0.starts_with(last.as_str()));
    found.sort();
    found.dedup();
    found
}

/// The first line of a help.
fn about(command: &Command) -> String {
    command.help.lines().next().unwrap_or_default().to_owned()
}

fn flags(command: &Command, last: &str) -> Vec<Completion> {
    let is_long = last.starts_with("--") || last == "-";
    let each = flags_of(command).into_iter();
    each.flat_map(|it| {
        let end = if it.kind == FlagKind::Bool { "" } else { "=" };
        let long = is_long.then(|| (format!("--{}{end}", it.name), it.usage.to_owned()));
        let short = it.letter.filter(|_| !is_long);
        let short = short.map(|letter| (format!("-{letter}"), it.usage.to_owned()));
        long.into_iter().chain(short)
    })
    .collect()
}

/// The flag whose value is being typed.
fn value_of(command: &Command, before: &[String]) -> Option<&'static str> {
    let word = before.last()?;
    let specs = flags_of(command);
    let spec = match word.strip_prefix("--") {
        Some(name) => specs.iter().find(|it| it.name == name),
        None => {
            let letter = word.strip_prefix('-')?.chars().next_back()?;
            specs.iter().find(|it| it.letter == Some(letter))
        }
    }?;
    spec.without_value().is_none().then_some(spec.name)
}

fn values(cluster: &Cluster, flag: &str) -> Vec<Completion> {
    let plain = |all: &[&str]| {
        all.iter()
            .map(|it| ((*it).to_owned(), String::new()))
            .collect()
    };
    match flag {
        "namespace" => names(cluster, Kind::Namespace, ""),
        "output" => plain(&[
            "custom-columns=",
            "go-template=",
            "json",
            "jsonpath=",
            "name",
            "wide",
            "yaml",
        ]),
        "type" => plain(&[
            "ClusterIP",
            "NodePort",
            "LoadBalancer",
            "ExternalName",
            "json",
            "merge",
            "strategic",
        ]),
        "dry-run" => plain(&["client", "none", "server"]),
        "restart" => plain(&["Always", "Never", "OnFailure"]),
        _ => Vec::new(),
    }
}

/// The words that are no flags, roughly: a flag's value may be among them.
fn arguments<'w>(command: &Command, rest: &'w [String]) -> Vec<&'w str> {
    let specs = flags_of(command);
    let mut words = Vec::new();
    let mut is_value = false;
    for word in rest {
        if std::mem::take(&mut is_value) {
            continue;
        }
        let Some(flag) = word.strip_prefix('-') else {
            words.push(word.as_str());
            continue;
        };
        let spec = match flag.strip_prefix('-') {
            Some(name) => specs.iter().find(|it| it.name == name),
            None if flag.chars().count() == 1 => {
                specs.iter().find(|it| it.letter == flag.chars().next())
            }
            None => None,
        };
        is_value = spec.is_some_and(|it| it.without_value().is_none());
    }
    words
}

/// Verbs whose first word is a type.
const TYPED: [&str; 15] = [
    "get", "describe", "delete", "expose", "label", "annotate", "patch", "scale", "edit", "wait",
    "explain", "rollout", "set", "apply", "taint",
];

fn objects(
    cluster: &Cluster,
    config: &Config,
    command: &Command,
    rest: &[String],
    last: &str,
) -> Vec<Completion> {
    let words = arguments(command, rest);
    let namespace = namespace_of(config, rest);
    let verb = command.path.split(' ').next().unwrap_or_default();
    if let Some((kind, _)) = last.split_once('/') {
        let Some(model) = resource::find(kind).and_then(|it| it.model) else {
            return Vec::new();
        };
        let each = names(cluster, model, &namespace).into_iter();
        return each.map(|it| (format!("{kind}/{}", it.0), it.1)).collect();
    }
    let is_typed = TYPED.contains(&verb);
    match (verb, words.first()) {
        ("cordon" | "uncordon" | "drain", _) => names(cluster, Kind::Node, ""),
        ("logs" | "exec" | "port-forward", None) => names(cluster, Kind::Pod, &namespace),
        (_, None) if is_typed => types(),
        (_, Some(kind)) if is_typed && !kind.contains('/') => {
            let model = resource::find(kind).and_then(|it| it.model);
            model
                .map(|it| names(cluster, it, &namespace))
                .unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

fn types() -> Vec<Completion> {
    let mut seen = BTreeSet::new();
    RESOURCES
        .iter()
        .filter(|it| seen.insert(it.name))
        .map(|it| (it.name.to_owned(), it.kind.to_owned()))
        .collect()
}

/// The namespace that a line tells, or the context has.
fn namespace_of(config: &Config, rest: &[String]) -> String {
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        if word == "-n" || word == "--namespace" {
            return words.next().cloned().unwrap_or_default();
        }
        if let Some(told) = word.strip_prefix("--namespace=") {
            return told.to_owned();
        }
    }
    match config.context("") {
        Ok(it) if !it.namespace.is_empty() => it.namespace.clone(),
        _ => "default".to_owned(),
    }
}

fn names(cluster: &Cluster, kind: Kind, namespace: &str) -> Vec<Completion> {
    let all = cluster.store().documents(kind);
    all.filter(|it| !kind.is_namespaced() || it.0.namespace == namespace)
        .map(|it| (object::name(it.1).to_owned(), kind.name().to_owned()))
        .collect()
}
