//! What is wrong with one field, as the API server words it.
//!
//! `k8s.io/apimachinery/pkg/util/validation/field/errors.go` of Kubernetes 1.31–1.37. How a list
//! or a struct is printed depends on the release: Go syntax up to 1.33, JSON from 1.34.
//!
//! **Left out**: the origin of an error, which only Kubernetes' own tests read; the escapes of
//! JSON for `<`, `>` and `&` in a named string.

use super::{Complaint, KubernetesVersion};
use serde::Serialize;
use std::fmt;

/// Something wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The path of the field: `spec.ports[0].port`.
    pub field: String,
    /// What kind of mistake it is.
    pub kind: FieldErrorKind,
    /// The value, as it is printed: strings in quotes, numbers bare.
    pub bad_value: String,
    /// What is wrong, in words; may be empty.
    pub detail: String,
}

/// A kind of mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum FieldErrorKind {
    /// It names something that does not exist.
    NotFound,
    /// It must be given.
    Required,
    /// Somebody else has it already.
    Duplicate,
    /// It is malformed, or out of bounds.
    Invalid,
    /// It is none of the values there are.
    NotSupported,
    /// It may not be given here.
    Forbidden,
    /// It is too long.
    TooLong,
    /// There are too many of them.
    TooMany,
    /// It is of another type.
    TypeInvalid,
    /// The server made a mistake.
    Internal,
}

impl FieldErrorKind {
    /// All kinds.
    pub const ALL: [FieldErrorKind; 10] = [
        FieldErrorKind::NotFound,
        FieldErrorKind::Required,
        FieldErrorKind::Duplicate,
        FieldErrorKind::Invalid,
        FieldErrorKind::NotSupported,
        FieldErrorKind::Forbidden,
        FieldErrorKind::TooLong,
        FieldErrorKind::TooMany,
        FieldErrorKind::TypeInvalid,
        FieldErrorKind::Internal,
    ];

    /// The reason a machine reads: `FieldValueInvalid`.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            FieldErrorKind::NotFound => "FieldValueNotFound",
            FieldErrorKind::Required => "FieldValueRequired",
            FieldErrorKind::Duplicate => "FieldValueDuplicate",
            FieldErrorKind::Invalid => "FieldValueInvalid",
            FieldErrorKind::NotSupported => "FieldValueNotSupported",
            FieldErrorKind::Forbidden => "FieldValueForbidden",
            FieldErrorKind::TooLong => "FieldValueTooLong",
            FieldErrorKind::TooMany => "FieldValueTooMany",
            FieldErrorKind::TypeInvalid => "FieldValueTypeInvalid",
            FieldErrorKind::Internal => "InternalError",
        }
    }

    /// The words a person reads: `Invalid value`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            FieldErrorKind::NotFound => "Not found",
            FieldErrorKind::Required => "Required value",
            FieldErrorKind::Duplicate => "Duplicate value",
            FieldErrorKind::Invalid | FieldErrorKind::TypeInvalid => "Invalid value",
            FieldErrorKind::NotSupported => "Unsupported value",
            FieldErrorKind::Forbidden => "Forbidden",
            FieldErrorKind::TooLong => "Too long",
            FieldErrorKind::TooMany => "Too many",
            FieldErrorKind::Internal => "Internal error",
        }
    }

    const fn shows_value(self) -> bool {
        !matches!(
            self,
            FieldErrorKind::Required
                | FieldErrorKind::Forbidden
                | FieldErrorKind::TooLong
                | FieldErrorKind::Internal
        )
    }
}

impl FieldError {
    /// A value that must be given and is not.
    #[must_use]
    pub fn required(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(FieldErrorKind::Required, field, String::new(), detail)
    }

    /// A malformed value; `bad_value` is printed as it is.
    #[must_use]
    pub fn invalid(
        field: impl Into<String>,
        bad_value: impl fmt::Display,
        detail: impl Into<String>,
    ) -> Self {
        Self::new(
            FieldErrorKind::Invalid,
            field,
            bad_value.to_string(),
            detail,
        )
    }

    /// A malformed string.
    #[must_use]
    pub fn invalid_text(
        field: impl Into<String>,
        bad_value: &str,
        detail: impl Into<String>,
    ) -> Self {
        Self::invalid(field, quoted(bad_value), detail)
    }

    /// A value that is none of those there are.
    #[must_use]
    pub fn not_supported(field: impl Into<String>, bad_value: &str, supported: &[&str]) -> Self {
        let supported: Vec<_> = supported.iter().map(|it| quoted(it)).collect();
        let detail = format!("supported values: {}", supported.join(", "));
        Self::new(
            FieldErrorKind::NotSupported,
            field,
            quoted(bad_value),
            detail,
        )
    }

    /// A value that must be unique; `bad_value` is printed as it is.
    #[must_use]
    pub fn duplicate(field: impl Into<String>, bad_value: impl fmt::Display) -> Self {
        Self::new(FieldErrorKind::Duplicate, field, bad_value.to_string(), "")
    }

    /// A value that may not be given here.
    #[must_use]
    pub fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(FieldErrorKind::Forbidden, field, String::new(), detail)
    }

    /// A value that names something that does not exist; `bad_value` is printed as it is.
    #[must_use]
    pub fn not_found(field: impl Into<String>, bad_value: impl fmt::Display) -> Self {
        Self::new(FieldErrorKind::NotFound, field, bad_value.to_string(), "")
    }

    /// A value of more than `max_bytes`.
    #[must_use]
    pub fn too_long(
        field: impl Into<String>,
        max_bytes: usize,
        version: KubernetesVersion,
    ) -> Self {
        let detail = if version.minor < 32 {
            format!("must have at most {max_bytes} bytes")
        } else {
            format!("may not be more than {max_bytes} bytes")
        };
        Self::new(FieldErrorKind::TooLong, field, String::new(), detail)
    }

    /// A list of `n_items`, more than `max`.
    #[must_use]
    pub fn too_many(field: impl Into<String>, n_items: usize, max: usize) -> Self {
        let detail = format!("must have at most {max} items");
        Self::new(FieldErrorKind::TooMany, field, n_items.to_string(), detail)
    }

    /// A value of another type; `bad_value` is printed as it is.
    #[must_use]
    pub fn type_invalid(
        field: impl Into<String>,
        bad_value: impl fmt::Display,
        detail: impl Into<String>,
    ) -> Self {
        let value = bad_value.to_string();
        Self::new(FieldErrorKind::TypeInvalid, field, value, detail)
    }

    /// A mistake of the server.
    #[must_use]
    pub fn internal(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(FieldErrorKind::Internal, field, String::new(), detail)
    }

    fn new(
        kind: FieldErrorKind,
        field: impl Into<String>,
        bad_value: String,
        detail: impl Into<String>,
    ) -> Self {
        FieldError {
            field: field.into(),
            kind,
            bad_value,
            detail: detail.into(),
        }
    }

    /// All but the field: `Invalid value: 0: must be between 1 and 65535, inclusive`.
    #[must_use]
    pub fn body(&self) -> String {
        let mut body = self.kind.words().to_owned();
        for part in [
            self.kind.shows_value().then_some(self.bad_value.as_str()),
            (!self.detail.is_empty()).then_some(self.detail.as_str()),
        ]
        .into_iter()
        .flatten()
        {
            body.push_str(": ");
            body.push_str(part);
        }
        body
    }
}

impl From<FieldError> for Complaint {
    fn from(error: FieldError) -> Complaint {
        Complaint::error(error.body()).about(error.field)
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}

/// A string as Go's `%q` prints it.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..' ' | '\u{7f}' => out.push_str(&format!("\\x{:02x}", u32::from(letter))),
            _ if letter.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => out.push(letter),
        }
    }
    out.push('"');
    out
}

/// A string that may be missing: a missing one is printed as the string `"null"`, as Go's nil
/// pointer is.
#[must_use]
pub fn quoted_or_null(text: Option<&str>) -> String {
    quoted(text.unwrap_or("null"))
}

/// A list of strings, as the server of this release prints it.
#[must_use]
pub fn printed_list(list: &[String], version: KubernetesVersion) -> String {
    let items: Vec<_> = list.iter().map(|it| quoted(it)).collect();
    match (prints_json(version), list.is_empty()) {
        (true, true) => "null".into(),
        (true, false) => format!("[{}]", items.join(",")),
        (false, true) => "[]string(nil)".into(),
        (false, false) => format!("[]string{{{}}}", items.join(", ")),
    }
}

/// Whether the server of this release prints lists and structs as JSON.
#[must_use]
pub fn prints_json(version: KubernetesVersion) -> bool {
    version.minor >= 34
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(minor: u16) -> KubernetesVersion {
        KubernetesVersion { major: 1, minor }
    }

    #[test]
    fn every_kind_prints_as_the_server_prints_it() {
        let printed = [
            FieldError::not_found("a", quoted("x")),
            FieldError::required("a", ""),
            FieldError::duplicate("a", 30080),
            FieldError::invalid("a", 0, "must be between 1 and 65535, inclusive"),
            FieldError::not_supported("a", "X", &["A", "B"]),
            FieldError::forbidden("a", "field is immutable"),
            FieldError::too_long("a", 10, version(32)),
            FieldError::too_many("a", 11, 10),
            FieldError::type_invalid("a", "1", "must be a string"),
            FieldError::internal("a", "no luck"),
        ];
        assert_eq!(printed.each_ref().map(|it| it.kind), FieldErrorKind::ALL);
        assert_eq!(
            printed.map(|it| it.to_string()),
            [
                "a: Not found: \"x\"",
                "a: Required value",
                "a: Duplicate value: 30080",
                "a: Invalid value: 0: must be between 1 and 65535, inclusive",
                "a: Unsupported value: \"X\": supported values: \"A\", \"B\"",
                "a: Forbidden: field is immutable",
                "a: Too long: may not be more than 10 bytes",
                "a: Too many: 11: must have at most 10 items",
                "a: Invalid value: 1: must be a string",
                "a: Internal error: no luck",
            ]
        );
    }

    #[test]
    fn lists_print_as_go_before_1_34_and_as_json_since() {
        let list = ["a".to_owned(), "b".to_owned()];
        assert_eq!(printed_list(&list, version(33)), "[]string{\"a\", \"b\"}");
        assert_eq!(printed_list(&list, version(34)), "[\"a\",\"b\"]");
        assert_eq!(printed_list(&[], version(33)), "[]string(nil)");
        assert_eq!(printed_list(&[], version(34)), "null");
    }

    #[test]
    fn strings_are_quoted_as_go_quotes_them() {
        assert_eq!(
            quoted("a\"b\\\n\u{1}'é\u{85}"),
            "\"a\\\"b\\\\\\n\\x01'é\\u0085\""
        );
    }
}
