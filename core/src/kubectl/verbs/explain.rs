//! `kubectl explain`: the fields of a kind and their types.
//!
//! `k8s.io/kubectl/pkg/explain/v2` of 1.32.
//!
//! **Left out**: descriptions: our schema holds names and types only.

use super::super::arguments::known;
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::resource::Resource;
use super::super::target::{Outcome, Step};
use crate::api::schema::{self, Field, Scalar, Shape, TypeRef};

/// `kubectl explain`
pub(super) const COMMAND: Command = Command {
    path: "explain",
    aliases: &[],
    help: include_str!("../help/explain.txt"),
    run,
};

/// With `--recursive` no deeper than this: a schema of Kubernetes may hold itself.
const MAX_DEPTH: usize = 6;

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let [word] = invocation.args() else {
        return match invocation.args().len() {
            0 => error(
                "You must specify the type of resource to explain. Use \"kubectl api-resources\" for a complete list of supported resources.",
            ),
            _ => error("We accept only this format: explain RESOURCE"),
        };
    };
    let mut steps = word.split('.');
    let objects = ctx.target.cluster().store().objects();
    let minor = objects.cluster.version().minor;
    let resource = known(steps.next().unwrap_or_default(), minor)?;
    let of = schema::of_kind(resource.version, resource.kind).ok_or_else(|| {
        Failure::Error(format!(
            "couldn't find resource for {:?}",
            resource.mapping().0
        ))
    })?;
    head(ctx, resource);
    let mut at = of;
    let mut field: Option<&Field> = None;
    for step in steps {
        let found = field
            .map_or(Some(at), |it| object_of(&it.shape))
            .and_then(|it| {
                at = it;
                it.fields().iter().find(|it| it.name == step)
            });
        let Some(found) = found else {
            return error(format!("field {step:?} does not exist"));
        };
        field = Some(found);
    }
    let is_recursive = invocation.flags.is("recursive");
    match field {
        None => {
            ctx.out("DESCRIPTION:\n    <empty>\n    \n");
            fields(ctx, of, is_recursive);
        }
        Some(field) => {
            let required = if field.is_required { " -required-" } else { "" };
            ctx.out(&format!(
                "FIELD: {} <{}>{required}\n\n\n",
                field.name,
                shape_name(&field.shape)
            ));
            ctx.out("DESCRIPTION:\n    <empty>\n    \n");
            if let Some(inner) = object_of(&field.shape) {
                fields(ctx, inner, is_recursive);
            }
        }
    }
    ctx.out("\n");
    Ok(Step::Done(0))
}

fn head(ctx: &mut Ctx<'_>, resource: &Resource) {
    if !resource.group().is_empty() {
        ctx.out(&format!("GROUP:      {}\n", resource.group()));
    }
    ctx.out(&format!(
        "KIND:       {}\nVERSION:    {}\n\n",
        resource.kind,
        resource.bare_version()
    ));
}

fn fields(ctx: &mut Ctx<'_>, of: TypeRef, is_recursive: bool) {
    ctx.out("FIELDS:\n");
    lines(ctx, of, is_recursive, 1);
}

fn lines(ctx: &mut Ctx<'_>, of: TypeRef, is_recursive: bool, depth: usize) {
    let mut all: Vec<&Field> = of.fields().iter().collect();
    all.sort_by_key(|it| it.name);
    for field in all {
        let required = if field.is_required { " -required-" } else { "" };
        let indent = "  ".repeat(depth);
        ctx.out(&format!(
            "{indent}{}\t<{}>{required}\n",
            field.name,
            shape_name(&field.shape)
        ));
        if !is_recursive {
            ctx.out("    <no description>\n\n");
        } else if let Some(inner) = object_of(&field.shape).filter(|_| depth < MAX_DEPTH) {
            lines(ctx, inner, is_recursive, depth + 1);
        }
    }
}

/// The struct in a shape, through lists and maps.
fn object_of(shape: &Shape) -> Option<TypeRef> {
    match shape {
        Shape::Object(_) => shape.object(),
        Shape::List(inner) | Shape::Map(inner, _) => object_of(inner),
        _ => None,
    }
}

fn shape_name(shape: &Shape) -> String {
    match shape {
        Shape::Scalar(scalar, _) => match scalar {
            Scalar::Int32 | Scalar::Int64 => "integer",
            Scalar::Bool => "boolean",
            Scalar::Float64 => "number",
            Scalar::IntOrString => "IntOrString",
            Scalar::Quantity => "Quantity",
            Scalar::String | Scalar::Bytes | Scalar::Time | Scalar::MicroTime => "string",
        }
        .to_owned(),
        Shape::List(inner) => format!("[]{}", shape_name(inner)),
        Shape::Map(inner, _) => format!("map[string]{}", shape_name(inner)),
        Shape::Object(name) => name.rsplit('.').next().unwrap_or_default().to_owned(),
        Shape::Free(_) => "Object".to_owned(),
    }
}
