//! Which objects a command is about: `svc/api`, `svc api web`, `svc,deploy -l app=api`, `-f file`.
//!
//! `k8s.io/cli-runtime/pkg/resource/builder.go` of 1.32.
//!
//! **Left out**: subresources as arguments.

use super::command::Invocation;
use super::failure::{Failure, error};
use super::io::Ctx;
use super::manifest::{self, Checking};
use super::object;
use super::resource::{self, RESOURCES, Resource};
use crate::api::{ObjectRef, Status};
use crate::store::api::{ListOptions, Selector};
use serde_json::Value;
use std::sync::Arc;

/// An object that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    /// What it is.
    pub resource: &'static Resource,
    /// Its namespace; empty where it has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What a manifest says of it.
    pub manifest: Option<Value>,
    /// The file that says so; empty where it was named.
    pub source: String,
}

/// What a command is about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Picked {
    /// Objects by name.
    Items(Vec<Item>),
    /// All objects of some types that a selector selects.
    Types(Vec<&'static Resource>),
}

/// Which objects of a type.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Query {
    /// The namespace; empty for all.
    pub namespace: String,
    /// The label selector.
    pub labels: String,
    /// The field selector.
    pub fields: String,
}

impl Query {
    /// What a list of this resource is asked with.
    pub(crate) fn options(&self, resource: &Resource, selector: Selector) -> ListOptions {
        ListOptions {
            namespace: if resource.namespaced {
                self.namespace.clone()
            } else {
                String::new()
            },
            selector,
            limit: 0,
            after: None,
        }
    }
}

/// What a builder says that was told nothing.
pub(crate) const NOTHING_NAMED: &str = "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'";

impl Item {
    /// `service/api`, `deployment.apps/api`.
    pub(crate) fn shown(&self) -> String {
        format!("{}/{}", self.resource.qualified_singular(), self.name)
    }

    /// Its name in the store.
    ///
    /// # Errors
    /// When the model has nothing of its kind.
    pub(crate) fn reference(&self) -> Result<ObjectRef, Failure> {
        let kind = self
            .resource
            .model
            .ok_or_else(|| self.resource.not_found(&self.name))?;
        Ok(ObjectRef::new(kind, &self.namespace, &self.name))
    }
}

/// The query of a line: its namespace and selectors.
///
/// # Errors
/// When there is no such context.
pub(crate) fn query(ctx: &Ctx<'_>, invocation: &Invocation) -> Result<Query, Failure> {
    let flags = &invocation.flags;
    let namespace = if flags.is("all-namespaces") {
        String::new()
    } else {
        invocation.namespace(ctx)?
    };
    // `expose` and `run` mean something else by a selector, and give it no letter.
    let selects = flags.letter("selector") == Some('l');
    Ok(Query {
        namespace,
        labels: if selects { flags.text("selector") } else { "" }.to_owned(),
        fields: flags.text("field-selector").to_owned(),
    })
}

/// Reads what a command is about off its words and its files.
///
/// # Errors
/// In the builder's words.
pub(crate) fn pick(
    ctx: &Ctx<'_>,
    invocation: &Invocation,
    words: &[String],
) -> Result<Picked, Failure> {
    // The builder's cases exclude one another in this order, and each ends with words of its own.
    let flags = &invocation.flags;
    if flags.changed("filename") || !flags.text("kustomize").is_empty() {
        if !words.is_empty() {
            return error(
                "when paths, URLs, or stdin is provided as resource input, you may not specify resource arguments as well",
            );
        }
        let (objects, failures) = manifest::read(ctx, invocation, Checking::Decodes)?;
        if !failures.is_empty() {
            return Err(Failure::many(failures));
        }
        return Ok(Picked::Items(objects.into_iter().map(item).collect()));
    }
    let query = query(ctx, invocation)?;
    let selects = !query.labels.is_empty() || !query.fields.is_empty() || flags.is("all");
    let Some(first) = words.first() else {
        return error(NOTHING_NAMED);
    };
    let minor = ctx.minor();
    if words.iter().any(|it| it.contains('/')) {
        let mut items = Vec::new();
        for word in words {
            items.push(tuple(word, minor, &query)?);
        }
        if selects {
            return error("name cannot be provided when a selector is specified");
        }
        if flags.is("all-namespaces") {
            return error("a resource cannot be retrieved by name across all namespaces");
        }
        return Ok(Picked::Items(items));
    }
    let mut types = Vec::new();
    for word in first.split(',') {
        if word == "all" {
            types.extend(RESOURCES.iter().filter(|it| it.in_all));
        } else {
            types.push(known(word, minor)?);
        }
    }
    let names = &words[1..];
    if names.is_empty() {
        return Ok(Picked::Types(types));
    }
    if selects {
        return error("name cannot be provided when a selector is specified");
    }
    if flags.is("all-namespaces") {
        return error("a resource cannot be retrieved by name across all namespaces");
    }
    let each = types
        .iter()
        .flat_map(|it| names.iter().map(move |name| (*it, name)));
    Ok(Picked::Items(
        each.map(|(it, name)| named(it, name, &query)).collect(),
    ))
}

/// An object of a manifest, as it was named.
pub(crate) fn item(it: manifest::ManifestObject) -> Item {
    let namespace = if it.resource.namespaced {
        it.namespace().to_owned()
    } else {
        String::new()
    };
    Item {
        resource: it.resource,
        namespace,
        name: it.name().to_owned(),
        source: it.source,
        manifest: Some(it.document),
    }
}

/// An object by its type and name.
pub(crate) fn named(resource: &'static Resource, name: &str, query: &Query) -> Item {
    let namespace = if resource.namespaced {
        query.namespace.clone()
    } else {
        String::new()
    };
    Item {
        resource,
        namespace,
        name: name.to_owned(),
        manifest: None,
        source: String::new(),
    }
}

/// The type of a word.
///
/// # Errors
/// When the server has none such.
pub(crate) fn known(word: &str, minor: u16) -> Result<&'static Resource, Failure> {
    let found = resource::find(word).filter(|it| resource::is_served(it, minor));
    found.ok_or_else(|| Failure::Error(format!("the server doesn't have a resource type {word:?}")))
}

fn tuple(word: &str, minor: u16, query: &Query) -> Result<Item, Failure> {
    let parts: Vec<&str> = word.split('/').collect();
    match parts.as_slice() {
        [_] => error(
            "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'",
        ),
        [kind, name] if !kind.is_empty() && !name.is_empty() => {
            Ok(named(known(kind, minor)?, name, query))
        }
        [_, _] => error("arguments in resource/name form must have a single resource and name"),
        _ => error("arguments in resource/name form may not have more than one slash"),
    }
}

/// Objects that must be named, or selected, or all: what `label`, `delete` and their like are about. Each with the live
/// object where it had to be listed.
///
/// # Errors
/// When nothing says which.
pub(crate) fn pick_items(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    words: &[String],
) -> Result<Vec<Item>, Failure> {
    let types = match pick(ctx, invocation, words)? {
        Picked::Items(items) => return Ok(items),
        Picked::Types(types) => types,
    };
    let flags = &invocation.flags;
    let query = query(ctx, invocation)?;
    if query.labels.is_empty() && query.fields.is_empty() && !flags.is("all") {
        return error("resource(s) were provided, but no name was specified");
    }
    let mut items = Vec::new();
    for resource in types {
        for document in list(ctx, resource, &query)? {
            items.push(Item {
                resource,
                namespace: object::namespace(&document).to_owned(),
                name: object::name(&document).to_owned(),
                manifest: None,
                source: String::new(),
            });
        }
    }
    Ok(items)
}

/// The live object.
///
/// # Errors
/// When it is not there.
pub(crate) fn live(ctx: &mut Ctx<'_>, item: &Item) -> Result<Arc<Value>, Failure> {
    if item.name.is_empty() {
        return error("resource name may not be empty");
    }
    let reference = item.reference()?;
    let store = ctx.target.cluster().store();
    let warning = store.reading_warning(reference.kind);
    let found = store.get(&reference);
    ctx.warn(warning.as_slice());
    Ok(found?)
}

/// In which form the server gives objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As documents.
    Printed,
    /// As what the rows of a table are made of.
    Kept,
}

/// All objects of a type that a query asks for.
///
/// # Errors
/// When a selector cannot be read.
pub(crate) fn list(
    ctx: &mut Ctx<'_>,
    resource: &'static Resource,
    query: &Query,
) -> Result<Vec<Arc<Value>>, Failure> {
    list_in(ctx, resource, query, Form::Printed)
}

/// The same in one form or the other.
///
/// # Errors
/// When a selector cannot be read.
pub(crate) fn list_in(
    ctx: &mut Ctx<'_>,
    resource: &'static Resource,
    query: &Query,
    form: Form,
) -> Result<Vec<Arc<Value>>, Failure> {
    let Some(kind) = resource.model else {
        return Ok(Vec::new());
    };
    let selector = selector(resource, query)?;
    let options = query.options(resource, selector);
    let store = ctx.target.cluster().store();
    let warning = store.reading_warning(kind);
    let listed = match form {
        Form::Printed => store.list(kind, &options),
        Form::Kept => store.list_kept(kind, &options),
    };
    ctx.warn(warning.as_slice());
    Ok(listed.items)
}

/// The selectors of a query, with what kubectl adds to the server's refusal.
///
/// # Errors
/// When one cannot be read.
pub(crate) fn selector(resource: &'static Resource, query: &Query) -> Result<Selector, Failure> {
    let kind = resource.modelled()?;
    Selector::read(kind, &query.labels, &query.fields).map_err(|status| {
        let message = format!(
            "Unable to find {:?} that match label selector {:?}, field selector {:?}: {}",
            resource.mapping().0,
            query.labels,
            query.fields,
            status.message
        );
        Status { message, ..status }.into()
    })
}
