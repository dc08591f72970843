//! `kubectl explain`: what the API says of a kind and its fields.
//!
//! `k8s.io/kubectl/pkg/explain/v2` of 1.32 with its template `plaintext`, and `pkg/cmd/explain`; a server's OpenAPI is
//! `api::schema` with its descriptions.
//!
//! **Left out**: the older form (`--output=plaintext-openapiv2`), and resources that are served but not modelled: neither has a
//! schema here.

use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::resource::{self, RESOURCES, Resource};
use super::super::target::{Outcome, Step};
use crate::api::schema::{self, Field, Scalar, Shape, TypeRef, descriptions};

/// `kubectl explain`
pub(super) const COMMAND: Command = Command {
    path: "explain",
    aliases: &[],
    help: include_str!("../help/explain.txt"),
    run,
};

/// How wide a description may be.
const WIDTH: usize = 76;

/// How many values of an enumeration stand in one line.
const MAX_VALUES: usize = 4;

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let [word] = invocation.args() else {
        return match invocation.args().len() {
            0 => error(
                "You must specify the type of resource to explain. Use \"kubectl api-resources\" for a complete list of supported resources.\n",
            ),
            _ => error("We accept only this format: explain RESOURCE\n"),
        };
    };
    let version = invocation.flags.text("api-version");
    let (resource, path) = asked(word, ctx.minor(), version)?;
    warn_of_others(ctx, word, resource);
    match invocation.flags.text("output") {
        "plaintext" => {}
        "plaintext-openapiv2" => {
            let kind = resource.mapping().1;
            return error(format!("couldn't find resource for {kind:?}"));
        }
        other => return error(format!("unrecognized format: {other}")),
    }
    let Some(of) = type_of(resource) else {
        return error(format!(
            "GVR ({}) not found in OpenAPI schema",
            resource.mapping().0
        ));
    };
    head(ctx, resource);
    let at = followed(of, &path)?;
    if let Some((_, field)) = at {
        field_head(ctx, field);
    }
    describe(ctx, of, at);
    let inner = at.map_or(Some(of), |it| object_of(&it.1.shape));
    if let Some(inner) = inner.filter(|it| !it.fields().is_empty()) {
        let is_recursive = invocation.flags.is("recursive");
        ctx.out("FIELDS:\n");
        fields(ctx, inner, is_recursive, &mut Vec::new());
    }
    ctx.out("\n");
    Ok(Step::Done(0))
}

/// The resource that a word names, and the path within it.
fn asked(
    word: &str,
    minor: u16,
    version: &str,
) -> Result<(&'static Resource, Vec<String>), Failure> {
    let mut steps = split(word)?.into_iter();
    let name = steps.next().unwrap_or_default();
    let mut path: Vec<String> = steps.collect();
    if name.is_empty() {
        return error("a resource must be present, got: /, Resource=");
    }
    let is_named =
        |it: &&Resource| it.name == name || it.singular() == name || it.short.contains(&&*name);
    let named = || {
        let served = RESOURCES.iter().filter(|it| resource::is_served(it, minor));
        served.filter(is_named)
    };
    let Some(found) = named().next() else {
        let text = format!("the server doesn't have a resource type {name:?}");
        return Err(Failure::Plain(text));
    };
    if version.is_empty() {
        // `deployments.apps.spec`: a group may stand behind the name.
        let whole = named().find(|it| {
            let rest = word.strip_prefix(&it.qualified());
            !it.group().is_empty() && rest.is_some_and(|it| it.is_empty() || it.starts_with('.'))
        });
        let by_group = whole.filter(|it| it.name == found.name && it.group() == found.group());
        if let Some(it) = by_group {
            path.drain(..it.group().split('.').count());
        }
        return Ok((found, path));
    }
    let served = RESOURCES.iter().filter(|it| it.version == version);
    let exact = served.clone().find(|it| it.name == found.name);
    match exact {
        Some(it) => Ok((it, path)),
        None => {
            let (group, bare) = version.rsplit_once('/').unwrap_or(("", version));
            let wanted = format!("{group}/{bare}, Resource={}", found.name);
            if served.count() > 0 {
                return error(format!("GVR ({wanted}) not found in OpenAPI schema"));
            }
            error(format!("couldn't find resource for {wanted:?}"))
        }
    }
}

/// The steps of a path: kubectl reads it as a JSONPath that has only fields.
fn split(word: &str) -> Result<Vec<String>, Failure> {
    let word = word.strip_suffix('.').unwrap_or(word);
    if let Some(brace) = word.find(['{', '}', '|', '"', '\'', '`']) {
        let it = word[brace..].chars().next().unwrap_or_default();
        return error(format!(
            "unrecognized character in action: U+{:04X} {it:?}",
            u32::from(it)
        ));
    }
    let steps: Vec<String> = word.split('.').map(str::to_owned).collect();
    let is_field = |it: &String| !it.is_empty() && !it.contains(['[', '*', ' ', '@', '$', '?']);
    if word.is_empty() || steps.iter().all(is_field) {
        return Ok(steps);
    }
    error("invalid jsonpath syntax, first node must be field node")
}

/// A short name that several resources have.
fn warn_of_others(ctx: &mut Ctx<'_>, word: &str, found: &Resource) {
    let name = word.split('.').next().unwrap_or_default();
    let others = RESOURCES
        .iter()
        .filter(|it| it.short.contains(&name) && it.version != found.version);
    for other in others.filter(|_| found.short.contains(&name)) {
        let text = format!(
            "short name {name:?} could also match lower priority resource {}",
            other.qualified()
        );
        ctx.warn(&[text]);
    }
}

fn type_of(resource: &Resource) -> Option<TypeRef> {
    schema::of_kind(resource.version, resource.kind).or_else(|| schema::of_settings(resource.kind))
}

/// The last field of a path, and the type that has it.
fn followed(of: TypeRef, path: &[String]) -> Result<Option<(TypeRef, &'static Field)>, Failure> {
    let mut at: Option<(TypeRef, &'static Field)> = None;
    for step in path {
        let inside = at.map_or(Some(of), |it| object_of(&it.1.shape));
        let field = inside.and_then(|it| Some((it, it.field(step)?)));
        if field.is_none() {
            // kubectl names the last step, whichever was wrong.
            let last = path.last().map_or("", String::as_str);
            return error(format!("field {last:?} does not exist"));
        }
        at = field;
    }
    Ok(at)
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

fn field_head(ctx: &mut Ctx<'_>, field: &Field) {
    ctx.out(&format!(
        "FIELD: {} <{}>\n",
        field.name,
        shape_name(&field.shape)
    ));
    let values = descriptions::values(&field.shape);
    if !values.is_empty() {
        let lines: Vec<String> = values.iter().map(|it| shown_value(it.0)).collect();
        ctx.out(&format!("ENUM:\n    {}", lines.join("\n    ")));
    }
    ctx.out("\n\n");
}

fn shown_value(value: &str) -> String {
    match value {
        "" => "\"\"".to_owned(),
        value => value.to_owned(),
    }
}

/// What is said of a field and of the types in it, or of a kind.
fn describe(ctx: &mut Ctx<'_>, of: TypeRef, at: Option<(TypeRef, &Field)>) {
    let mut said = Vec::new();
    match at {
        None => said.push(descriptions::of_type(of)),
        Some((owner, field)) => {
            said.push(descriptions::of_field(owner, field));
            let mut shape = &field.shape;
            while let Some(inner) = shape.inner() {
                shape = inner;
            }
            said.push(descriptions::of_shape(shape));
        }
    }
    said.retain(|it| !it.is_empty());
    let text = if said.is_empty() {
        "<empty>".to_owned()
    } else {
        said.iter().map(|it| format!("{it}\n")).collect()
    };
    let text = indented(&wrapped(&text, WIDTH), "    ");
    ctx.out(&format!("DESCRIPTION:\n{text}\n"));
}

/// The fields of a type, and with `--recursive` those within, but for types that hold themselves.
fn fields(ctx: &mut Ctx<'_>, of: TypeRef, is_recursive: bool, within: &mut Vec<&'static str>) {
    within.push(of.id());
    let indent = "  ".repeat(within.len());
    let mut all: Vec<&Field> = of.fields().iter().collect();
    all.sort_by_key(|it| it.name);
    for field in all {
        let name = shape_name(&field.shape);
        let required = if field.is_required { " -required-" } else { "" };
        ctx.out(&format!("{indent}{}\t<{name}>{required}\n", field.name));
        let values = descriptions::values(&field.shape);
        if !values.is_empty() {
            let shown = values.iter().take(MAX_VALUES).map(|it| shown_value(it.0));
            let shown = shown.collect::<Vec<String>>().join(", ");
            let more = if values.len() > MAX_VALUES {
                ", ...."
            } else {
                ""
            };
            ctx.out(&format!("{indent}enum: {shown}{more}\n"));
        }
        if !is_recursive {
            let text = match descriptions::of_field(of, field) {
                text if text.is_empty() => "<no description>".to_owned(),
                text => text,
            };
            let text = indented(&wrapped(&text, WIDTH), "    ");
            ctx.out(&format!("{text}\n\n"));
        } else if let Some(inner) = object_of(&field.shape).filter(|it| !within.contains(&it.id()))
        {
            fields(ctx, inner, is_recursive, within);
        }
    }
    within.pop();
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
        Shape::Free(_) => descriptions::free_name(shape).to_owned(),
    }
}

/// Every line with blanks before it, also the last, empty one.
fn indented(text: &str, indent: &str) -> String {
    format!("{indent}{}", text.replace('\n', &format!("\n{indent}")))
}

/// A text in lines of at most so many characters, as `github.com/mitchellh/go-wordwrap` breaks them: blanks within a line stay.
fn wrapped(text: &str, width: usize) -> String {
    let lines: Vec<String> = text.split('\n').map(|it| wrapped_line(it, width)).collect();
    lines.join("\n")
}

fn wrapped_line(line: &str, width: usize) -> String {
    let is_blank = |it: char| it.is_whitespace() && it != '\u{a0}';
    let mut out = String::new();
    let (mut n_written, mut rest) = (0, line);
    while !rest.is_empty() {
        let blanks = rest.find(|it| !is_blank(it)).unwrap_or(rest.len());
        let (blanks, tail) = rest.split_at(blanks);
        let word = tail.find(is_blank).unwrap_or(tail.len());
        let (word, tail) = tail.split_at(word);
        let before = n_written + blanks.chars().count();
        let after = before + word.chars().count();
        rest = tail;
        if word.is_empty() {
            out.push_str(if before <= width { blanks } else { "" });
        } else if after > width && before > 1 {
            out.push('\n');
            n_written = word.chars().count();
        } else {
            out.push_str(blanks);
            n_written = after;
        }
        out.push_str(word);
    }
    out
}
