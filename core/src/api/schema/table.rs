//! The schema table: text to types, read once.
//!
//! The facts are those of Kubernetes 1.36 (`k8s.io/api`, `k8s.io/apimachinery/pkg/apis/meta/v1`, and the
//! OpenAPI made of them); `table.txt` says what they were taken from.
//!
//! The text: first `apiVersion kind type` lines. Then a block for each type: `=Name`, followed by ` -` when the
//! struct is atomic, then one line for each field, `name type marks`. A type is `s` string, `i` int32, `l`
//! int64, `b` bool, `f` float64, `y` bytes, `o` IntOrString, `q` Quantity, `t` Time, `m` MicroTime, `x`
//! anything; `[` a list of, `{` a map of; or the name of a type. A `.` gives the Go name, `.~` one of another
//! package. Marks: `*` a pointer, `=` printed even when empty, `!` required, `~` merged by a strategic patch
//! (`~r` with retainKeys, `~m` with both, then `:` and the key), `@` a set, `@a,b` a list map, `-` an atomic map, `?` the
//! default of a key, `#` the protobuf number when it is not the next one (0 when unknown). The line `+ Name` inlines a struct.
//!
//! **Left out**: descriptions, enumerations, and defaults other than those of list keys.

use crate::sorted::gathered;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A type of the table. Two handles of one type are the same pointer.
pub type TypeRef = &'static Type;

/// A struct of the API.
#[derive(Debug)]
pub struct Type {
    name: &'static str,
    /// The name in the table: with a group where two groups share the Go name.
    id: &'static str,
    is_atomic: bool,
    members: Vec<Member>,
    fields: Vec<Field>,
    by_name: BTreeMap<&'static str, u16>,
}

/// What stands in a Go struct.
#[derive(Clone, Debug)]
pub enum Member {
    /// A field of its own.
    Field(Field),
    /// The fields of another struct, which in protobuf are a message of their own.
    Inline {
        /// The name of that struct in the table.
        name: &'static str,
        /// Its protobuf number, 0 for none.
        number: u32,
    },
}

/// A field of a struct.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its type.
    pub shape: Shape,
    /// Whether Go holds a pointer, so that an empty value differs from none.
    pub is_pointer: bool,
    /// Whether the server prints it even when it is empty.
    pub always_printed: bool,
    /// Whether the OpenAPI calls it required.
    pub is_required: bool,
    /// What a strategic merge patch does with it.
    pub strategy: PatchStrategy,
    /// The key that tells items apart in a strategic merge patch.
    pub merge_key: Option<&'static str>,
    /// How server-side apply sees it, if it is a list.
    pub list: ListType,
    /// Whether server-side apply sees a map as one value.
    pub is_atomic_map: bool,
    /// The value that a list key has when it is absent.
    pub default: Option<&'static str>,
    /// Its protobuf number; 0 when it is not known.
    pub number: u32,
}

/// The type of a value.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A scalar.
    Scalar(Scalar, GoName),
    /// A list.
    List(Box<Shape>),
    /// A map whose keys are strings.
    Map(Box<Shape>, GoName),
    /// A struct, by its name in the table.
    Object(&'static str),
    /// Anything: `FieldsV1`, `RawExtension`.
    Free(GoName),
}

/// The name of a Go type that is not that of its kind: `v1.Protocol`, `types.UID`. Empty for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoName(pub(super) &'static str);

/// The kinds of scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// A text.
    String,
    /// An integer of 32 bits.
    Int32,
    /// An integer of 64 bits.
    Int64,
    /// True or false.
    Bool,
    /// A number.
    Float64,
    /// Bytes, in JSON as base64.
    Bytes,
    /// A number or a name.
    IntOrString,
    /// An amount: `100m`, `1Gi`, 2.
    Quantity,
    /// A time in seconds.
    Time,
    /// A time in microseconds.
    MicroTime,
}

/// What a strategic merge patch does with a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PatchStrategy {
    /// Objects are merged, lists are replaced.
    #[default]
    None,
    /// A list is merged, by its key or as a set.
    Merge,
    /// An object loses the keys that `$retainKeys` does not name.
    RetainKeys,
    /// A list is merged, and its items lose the keys that `$retainKeys` does not name.
    MergeRetainKeys,
}

impl PatchStrategy {
    /// Whether lists are merged.
    pub fn merges(self) -> bool {
        matches!(self, PatchStrategy::Merge | PatchStrategy::MergeRetainKeys)
    }

    /// Whether `$retainKeys` belongs in patches.
    pub fn retains_keys(self) -> bool {
        matches!(
            self,
            PatchStrategy::RetainKeys | PatchStrategy::MergeRetainKeys
        )
    }
}

/// How server-side apply sees a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ListType {
    /// As one value.
    #[default]
    Atomic,
    /// As a set of scalars.
    Set,
    /// As a map: these fields are the key of an item.
    Map(Vec<&'static str>),
}

impl Type {
    /// The name of the struct in Go: `ServicePort`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The name in the table: `ServicePort`, `discovery.EndpointPort`.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// Whether server-side apply sees the struct as one value.
    pub fn is_atomic(&self) -> bool {
        self.is_atomic
    }

    /// All fields, in the order of the Go struct, those of inlined structs among them.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// What stands in the Go struct, in its order.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// A field by its exact name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        let index = self.by_name.get(name)?;
        self.fields.get(usize::from(*index))
    }
}

impl Shape {
    /// The struct, if it is one.
    pub fn object(&self) -> Option<TypeRef> {
        match self {
            Shape::Object(id) => type_named(id),
            _ => None,
        }
    }

    /// The type of the items of a list or the values of a map.
    pub fn inner(&self) -> Option<&Shape> {
        match self {
            Shape::List(inner) | Shape::Map(inner, _) => Some(inner),
            _ => None,
        }
    }

    /// The type as Go prints it: `int32`, `v1.Protocol`, `[]v1.ServicePort`, `map[string]string`.
    pub fn go_type(&self) -> String {
        match self {
            Shape::Scalar(scalar, name) => name.or(scalar.go_type()),
            Shape::List(inner) => format!("[]{}", inner.go_type()),
            Shape::Map(inner, name) => name.or(&format!("map[string]{}", inner.go_type())),
            Shape::Object(id) => format!("v1.{}", short_name(id)),
            Shape::Free(name) => name.or("interface {}"),
        }
    }
}

impl GoName {
    fn or(self, kind: &str) -> String {
        match self.0.strip_prefix('~') {
            Some(other) => other.to_owned(),
            None if self.0.is_empty() => kind.to_owned(),
            None if self.0.contains('.') => self.0.to_owned(),
            None => format!("v1.{}", self.0),
        }
    }
}

impl Scalar {
    /// The type as Go prints it.
    pub fn go_type(self) -> &'static str {
        match self {
            Scalar::String => "string",
            Scalar::Int32 => "int32",
            Scalar::Int64 => "int64",
            Scalar::Bool => "bool",
            Scalar::Float64 => "float64",
            Scalar::Bytes => "[]uint8",
            Scalar::IntOrString => "intstr.IntOrString",
            Scalar::Quantity => "resource.Quantity",
            Scalar::Time => "v1.Time",
            Scalar::MicroTime => "v1.MicroTime",
        }
    }
}

/// The type of a kind: `of_kind("apps/v1", "Deployment")`. None for kinds that are not in the table.
pub fn of_kind(api_version: &str, kind: &str) -> Option<TypeRef> {
    let found = table()
        .kinds
        .iter()
        .find(|it| it.0 == api_version && it.1 == kind)?;
    type_named(found.2)
}

/// The type of settings that no API server serves, and of custom resources that ours does not: what a manifest may say.
pub fn of_settings(kind: &str) -> Option<TypeRef> {
    type_named(&format!("settings.{kind}"))
}

/// Every kind of the table with its `apiVersion`.
pub fn kinds() -> impl Iterator<Item = (&'static str, &'static str)> {
    table().kinds.iter().map(|it| (it.0, it.1))
}

/// A type by its name in the table: `ServicePort`, `discovery.EndpointPort`.
pub fn type_named(id: &str) -> Option<TypeRef> {
    table().types.get(id)
}

/// Every type of the table, by name.
pub fn types() -> impl Iterator<Item = TypeRef> {
    table().types.values()
}

struct Table {
    /// `apiVersion`, kind, type.
    kinds: Vec<(&'static str, &'static str, &'static str)>,
    types: BTreeMap<&'static str, Type>,
}

static TEXT: &str = include_str!("table.txt");

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| read(TEXT))
}

fn short_name(id: &'static str) -> &'static str {
    id.rsplit('.').next().unwrap_or(id)
}

fn read(text: &'static str) -> Table {
    let mut kinds = Vec::new();
    let mut types: Vec<Type> = Vec::new();
    let mut number = 0;
    for line in text.lines().filter(|it| !it.starts_with('#')) {
        if let Some(head) = line.strip_prefix('=') {
            let id = head.strip_suffix(" -").unwrap_or(head);
            number = 0;
            types.push(Type {
                name: short_name(id),
                id,
                is_atomic: id != head,
                members: Vec::new(),
                fields: Vec::new(),
                by_name: BTreeMap::new(),
            });
        } else if let Some(open) = types.last_mut() {
            let member = read_member(line, number);
            number = match &member {
                Member::Inline { number: 0, .. } => number,
                Member::Inline { number, .. } | Member::Field(Field { number, .. }) => *number,
            };
            open.members.push(member);
        } else {
            let mut words = line.split(' ');
            let mut word = || words.next().unwrap_or_default();
            kinds.push((word(), word(), word()));
        }
    }
    let members: BTreeMap<&str, Vec<Member>> =
        gathered(types.iter().map(|it| (it.id, it.members.clone())));
    let flattened = types.into_iter().map(|mut it| {
        it.fields = flattened(&it.members, &members);
        it.by_name = gathered((0..).zip(&it.fields).map(|(n, f)| (f.name, n)));
        (it.id, it)
    });
    Table {
        kinds,
        types: gathered(flattened),
    }
}

/// The fields of a struct with those of inlined structs. No struct inlines one that inlines another.
fn flattened(members: &[Member], all: &BTreeMap<&str, Vec<Member>>) -> Vec<Field> {
    let mut fields = Vec::new();
    for member in members {
        match member {
            Member::Field(field) => fields.push(field.clone()),
            Member::Inline { name, .. } => {
                let inlined = all.get(name).map(Vec::as_slice).unwrap_or_default();
                fields.extend(inlined.iter().filter_map(|it| match it {
                    Member::Field(field) => Some(field.clone()),
                    Member::Inline { .. } => None,
                }));
            }
        }
    }
    fields
}

fn read_member(line: &'static str, last: u32) -> Member {
    let mut words = line.split(' ');
    let name = words.next().unwrap_or_default();
    let shape = words.next().unwrap_or_default();
    let mut field = Field {
        name,
        shape: read_shape(shape),
        is_pointer: false,
        always_printed: false,
        is_required: false,
        strategy: PatchStrategy::None,
        merge_key: None,
        list: ListType::Atomic,
        is_atomic_map: false,
        default: None,
        number: last + 1,
    };
    let mut numbered = false;
    for mark in words {
        let rest = mark.get(1..).unwrap_or_default();
        match mark.as_bytes().first() {
            Some(b'*') => field.is_pointer = true,
            Some(b'=') => field.always_printed = true,
            Some(b'!') => field.is_required = true,
            Some(b'-') => field.is_atomic_map = true,
            Some(b'?') => field.default = Some(rest),
            Some(b'@') if rest.is_empty() => field.list = ListType::Set,
            Some(b'@') => field.list = ListType::Map(rest.split(',').collect()),
            Some(b'#') => {
                numbered = true;
                field.number = rest.parse().unwrap_or(0);
            }
            Some(b'~') => {
                let (strategy, key) = rest
                    .split_once(':')
                    .map_or((rest, None), |(a, b)| (a, Some(b)));
                field.merge_key = key;
                field.strategy = match strategy {
                    "r" => PatchStrategy::RetainKeys,
                    "m" => PatchStrategy::MergeRetainKeys,
                    _ => PatchStrategy::Merge,
                };
            }
            _ => {}
        }
    }
    if name == "+" {
        // TypeMeta has no number: it travels outside the message.
        let is_typemeta = shape == "TypeMeta" && !numbered;
        let number = if is_typemeta { 0 } else { field.number };
        return Member::Inline {
            name: shape,
            number,
        };
    }
    Member::Field(field)
}

fn read_shape(text: &'static str) -> Shape {
    if let Some(inner) = text.strip_prefix('[') {
        return Shape::List(Box::new(read_shape(inner)));
    }
    if let Some(inner) = text.strip_prefix('{') {
        // The one map with a name of its own; other names are those of the values.
        let resources = inner.strip_suffix(".ResourceList");
        let name = GoName(if resources.is_some() {
            "ResourceList"
        } else {
            ""
        });
        return Shape::Map(Box::new(read_shape(resources.unwrap_or(inner))), name);
    }
    let (letter, name) = text.split_once('.').unwrap_or((text, ""));
    let scalar = match letter {
        "s" => Scalar::String,
        "i" => Scalar::Int32,
        "l" => Scalar::Int64,
        "b" => Scalar::Bool,
        "f" => Scalar::Float64,
        "y" => Scalar::Bytes,
        "o" => Scalar::IntOrString,
        "q" => Scalar::Quantity,
        "t" => Scalar::Time,
        "m" => Scalar::MicroTime,
        "x" => return Shape::Free(GoName(name)),
        _ => return Shape::Object(text),
    };
    Shape::Scalar(scalar, GoName(name))
}
