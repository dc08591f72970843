//! `-o`: which form, and objects in that form.
//!
//! `k8s.io/cli-runtime/pkg/genericclioptions/print_flags.go` of 1.32.
//!
//! **Left out**: nothing.

use super::super::command::Invocation;
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::object;
use super::super::resource;
use super::custom_columns::CustomColumns;
use super::go_json;
use super::go_template::Template;
use super::jsonpath::{JsonPath, Missing, go_syntax};
use super::yaml;
use serde_json::Value;

/// A form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Format {
    /// For people; wide or not.
    Human {
        /// Whether all columns are shown.
        is_wide: bool,
    },
    /// YAML.
    Yaml,
    /// JSON.
    Json,
    /// `service/api`.
    Name,
    /// What a JSONPath finds.
    JsonPath(JsonPath, String),
    /// What a JSONPath finds, as JSON.
    JsonPathAsJson(JsonPath),
    /// Columns of one's own.
    Columns(CustomColumns),
    /// A Go template.
    Template(Template),
}

/// The forms of all commands, and those that only `get` has.
const FORMS: [&str; 10] = [
    "go-template",
    "go-template-file",
    "json",
    "jsonpath",
    "jsonpath-as-json",
    "jsonpath-file",
    "name",
    "template",
    "templatefile",
    "yaml",
];

/// The form of a line.
///
/// # Errors
/// When there is no such form, or its template makes no sense.
pub(crate) fn format(ctx: &Ctx<'_>, invocation: &Invocation) -> Result<Format, Failure> {
    let told = invocation.flags.text("output");
    let (form, argument) = match told.split_once('=') {
        Some((form, argument)) => (form, Some(argument)),
        None => (told, None),
    };
    let missing = if invocation.flags.is("allow-missing-template-keys") {
        Missing::Allowed
    } else {
        Missing::Refused
    };
    let is_get = invocation.flags.has("server-print");
    let template = argument.unwrap_or_else(|| invocation.flags.text("template"));
    let from_file = |path: &str| {
        ctx.files.read(path).map_err(|_| {
            Failure::Error(format!(
                "error reading --template {path}, open {path}: no such file or directory\n"
            ))
        })
    };
    let columns =
        |it: Result<CustomColumns, String>| it.map(Format::Columns).map_err(Failure::Error);
    match form {
        "" if !template.is_empty() => go_template(template, missing),
        "" => Ok(Format::Human { is_wide: false }),
        "wide" if is_get => Ok(Format::Human { is_wide: true }),
        "yaml" => Ok(Format::Yaml),
        "json" => Ok(Format::Json),
        "name" => Ok(Format::Name),
        "jsonpath" | "jsonpath-as-json" if template.is_empty() => {
            error("template format specified but no template given")
        }
        "jsonpath" => {
            json_path(template, missing).map(|it| Format::JsonPath(it, template.to_owned()))
        }
        "jsonpath-as-json" => json_path(template, missing).map(Format::JsonPathAsJson),
        "jsonpath-file" => {
            let text = from_file(template)?;
            json_path(&text, missing).map(|it| Format::JsonPath(it, text.clone()))
        }
        "go-template" | "template" => go_template(template, missing),
        "go-template-file" | "templatefile" => go_template(&from_file(template)?, missing),
        "custom-columns" if is_get => columns(CustomColumns::new(argument.unwrap_or(""))),
        "custom-columns-file" if is_get => columns(CustomColumns::from_file(&from_file(template)?)),
        _ => {
            let mut allowed: Vec<&str> = FORMS.to_vec();
            if is_get {
                allowed.extend(["custom-columns", "custom-columns-file", "wide"]);
                allowed.sort_unstable();
            }
            error(format!(
                "unable to match a printer suitable for the output format {told:?}, allowed formats are: {}",
                allowed.join(",")
            ))
        }
    }
}

fn json_path(template: &str, missing: Missing) -> Result<JsonPath, Failure> {
    JsonPath::new(template, missing)
        .map_err(|why| Failure::Error(format!("error parsing jsonpath {template}, {why}")))
}

fn go_template(text: &str, missing: Missing) -> Result<Format, Failure> {
    if text.is_empty() {
        return error("template format specified but no template given");
    }
    Template::new(text, missing)
        .map(Format::Template)
        .map_err(|why| Failure::Error(format!("error parsing template {text}, {why}")))
}

/// Prints objects one after the other, in one form.
#[derive(Clone, Debug)]
pub(crate) struct Printer {
    /// The form.
    pub format: Format,
    shows_managers: bool,
    n_printed: usize,
    /// What is behind the verb: ` (dry run)`.
    suffix: &'static str,
}

impl Printer {
    /// The printer of a line.
    ///
    /// # Errors
    /// When there is no such form.
    pub(crate) fn new(ctx: &Ctx<'_>, invocation: &Invocation) -> Result<Printer, Failure> {
        Ok(Printer {
            format: format(ctx, invocation)?,
            shows_managers: invocation.flags.is("show-managed-fields"),
            n_printed: 0,
            suffix: match DryRun::of(invocation)? {
                DryRun::None => "",
                DryRun::Client => " (dry run)",
                DryRun::Server => " (server dry run)",
            },
        })
    }

    /// Says what was done to an object, or prints it in another form.
    ///
    /// # Errors
    /// What a template cannot find.
    pub(crate) fn done(
        &mut self,
        ctx: &mut Ctx<'_>,
        object: &Value,
        what: &str,
    ) -> Result<(), Failure> {
        if matches!(self.format, Format::Human { .. }) {
            let text = format!("{} {what}{}\n", named(object), self.suffix);
            ctx.out(&text);
            return Ok(());
        }
        self.print(ctx, object)
    }

    /// Prints an object.
    ///
    /// # Errors
    /// What a template cannot find.
    pub(crate) fn print(&mut self, ctx: &mut Ctx<'_>, object: &Value) -> Result<(), Failure> {
        let mut object = object.clone();
        if !self.shows_managers {
            without_managers(&mut object);
        }
        let text = match &self.format {
            Format::Human { .. } | Format::Name => match object["items"].as_array() {
                Some(items) => items.iter().map(|it| format!("{}\n", named(it))).collect(),
                None => format!("{}\n", named(&object)),
            },
            Format::Yaml if self.n_printed > 0 => format!("---\n{}", yaml::emit(&object)),
            Format::Yaml => yaml::emit(&object),
            Format::Json => format!("{}\n", go_json::pretty(&object, "    ")),
            Format::JsonPath(path, template) => path
                .print(&object)
                .map_err(|why| no_result(&why, template, &object))?,
            Format::JsonPathAsJson(path) => {
                let found = path
                    .find(&object)
                    .map_err(|why| no_result(&why, "", &object))?;
                let each = found.into_iter().map(|it| {
                    let all = it.into_iter().map(std::borrow::Cow::into_owned);
                    format!(
                        "{}\n",
                        go_json::pretty(&Value::Array(all.collect()), "    ")
                    )
                });
                each.collect()
            }
            Format::Template(template) => match template.print(&object) {
                Ok(text) => text,
                Err(broken) => {
                    ctx.out(&broken.printed);
                    return Err(Failure::Error(broken.error));
                }
            },
            Format::Columns(columns) => columns
                .print(
                    &[&object],
                    Some(columns.headers()),
                    &mut super::tabs::Columns::default(),
                )
                .map_err(Failure::Error)?,
        };
        self.n_printed += 1;
        ctx.out(&text);
        Ok(())
    }
}

/// What kubectl prints when a template fails.
fn no_result(why: &str, template: &str, object: &Value) -> Failure {
    Failure::Error(format!(
        "error executing jsonpath {template:?}: Error executing template: {why}. Printing more information for debugging the template:\n\ttemplate was:\n\t\t{template}\n\tobject given to jsonpath engine was:\n\t\t{}\n\n\n",
        go_syntax(object)
    ))
}

/// `service/api`, from the object itself.
pub(crate) fn named(object: &Value) -> String {
    let (version, kind) = (
        object::text(object, &["apiVersion"]),
        object::text(object, &["kind"]),
    );
    let kind = match resource::of_kind(version, kind) {
        Some(it) => it.qualified_singular(),
        None => kind.to_lowercase(),
    };
    format!("{kind}/{}", object::name(object))
}

/// Without the notes of who owns which field, in lists too.
pub(crate) fn without_managers(object: &mut Value) {
    if let Some(items) = object.get_mut("items").and_then(Value::as_array_mut) {
        items.iter_mut().for_each(without_managers);
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
}

/// `--dry-run`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DryRun {
    /// It is done.
    None,
    /// The server is not asked.
    Client,
    /// The server is asked what it would do.
    Server,
}

impl DryRun {
    /// As a line says.
    ///
    /// # Errors
    /// When it says something else.
    pub(crate) fn of(invocation: &Invocation) -> Result<DryRun, Failure> {
        if !invocation.flags.has("dry-run") {
            return Ok(DryRun::None);
        }
        match invocation.flags.text("dry-run") {
            "" | "none" | "false" => Ok(DryRun::None),
            "client" => Ok(DryRun::Client),
            "server" => Ok(DryRun::Server),
            "unchanged" | "true" => error(
                "--dry-run flag without a value was specified. Must be \"none\", \"server\", or \"client\"",
            ),
            other => error(format!(
                "Invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\"."
            )),
        }
    }
}
