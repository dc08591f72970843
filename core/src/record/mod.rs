//! Typed structs out of JSON documents and into them: one small reader and one small writer for all types.
//!
//! Imitates how Go's encoding/json treats the structs of `k8s.io/api`: names are exact, a null leaves a field as it
//! was and is the zero value in a list, and a written document leaves out what is empty (`omitempty`).
//!
//! A type says only which fields it has ([`record!`](crate::record::record)). Code that is made anew for every type, as serde makes
//! it, was half of what a browser had to load.
//!
//! **Left out**: enums, floats, maps of anything but texts; fields that must be there, of which Kubernetes has none
//! at this level: what is missing is empty, and validation says so.

mod read;
mod step;
mod write;

pub use read::{Fault, FaultKind, Misread, Reader, read, read_into};
pub use step::{Step, path_of};

pub(crate) use write::{in_camel_case, structure as written};

use serde_json::Value;
use std::collections::BTreeMap;

/// What is read from a document and written into one.
pub trait Record {
    /// Takes what a document says. What it does not say stays as it was.
    fn read<'v>(&mut self, value: &'v Value, reader: &mut Reader<'v>);

    /// What a document says about it; null for what a document leaves out.
    fn write(&self) -> Value;

    /// The same where something holds it on purpose, so that it is not left out.
    fn write_held(&self) -> Value
    where
        Self: Sized,
    {
        self.write()
    }
}

/// The fields of a struct, by number.
pub trait Fields {
    /// Their names: those in Rust, or those in JSON where these are no plain camel case.
    fn names(&self) -> &'static [&'static str];

    /// One of them.
    fn field(&self, n: usize) -> Option<&dyn Record>;

    /// One of them, to be changed.
    fn field_mut(&mut self, n: usize) -> Option<&mut dyn Record>;
}

/// A list of records.
pub(crate) trait List {
    /// One of them.
    fn item(&self, n: usize) -> Option<&dyn Record>;

    /// A new one at the end.
    fn added(&mut self) -> Option<&mut dyn Record>;
}

/// Makes a struct a [`Record`]: its name and all its fields; `field = "name"` where the name in JSON is
/// not the field's in camel case. A field that is forgotten stops the build.
macro_rules! record {
    ($type:ident: $($field:ident $(= $name:literal)?),*) => {
        impl $crate::record::Fields for $type {
            fn names(&self) -> &'static [&'static str] {
                &[$($crate::record::record!(@name $field $($name)?)),*]
            }

            fn field(&self, n: usize) -> Option<&dyn $crate::record::Record> {
                let $type { $($field),* } = self;
                let mut rest = n;
                $(
                    if rest == 0 {
                        return Some($field);
                    }
                    rest = rest.wrapping_sub(1);
                )*
                let _ = rest;
                None
            }

            fn field_mut(&mut self, n: usize) -> Option<&mut dyn $crate::record::Record> {
                let $type { $($field),* } = self;
                let mut rest = n;
                $(
                    if rest == 0 {
                        return Some($field);
                    }
                    rest = rest.wrapping_sub(1);
                )*
                let _ = rest;
                None
            }
        }

        impl $crate::record::Record for $type {
            fn read<'v>(&mut self, value: &'v serde_json::Value, reader: &mut $crate::record::Reader<'v>) {
                reader.structure(value, self);
            }

            fn write(&self) -> serde_json::Value {
                $crate::record::written(self)
            }
        }

        $crate::record::record!(@serde $type);
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
    // For what is no document: a view or a test that holds such a type.
    (@serde $type:ident) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::record::Record::write(self).serialize(serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = <serde_json::Value as serde::Deserialize>::deserialize(deserializer)?;
                $crate::record::read(&value).map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use record;

impl<T: Record + Default> Record for Option<T> {
    fn read<'v>(&mut self, value: &'v Value, reader: &mut Reader<'v>) {
        if !value.is_null() {
            self.get_or_insert_with(T::default).read(value, reader);
        }
    }

    fn write(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::write_held)
    }
}

impl<T: Record + Default> Record for Vec<T> {
    fn read<'v>(&mut self, value: &'v Value, reader: &mut Reader<'v>) {
        reader.list(value, self);
    }

    fn write(&self) -> Value {
        write::list(self)
    }
}

impl<T: Record + Default> List for Vec<T> {
    fn item(&self, n: usize) -> Option<&dyn Record> {
        Some(self.get(n)?)
    }

    fn added(&mut self) -> Option<&mut dyn Record> {
        self.push(T::default());
        Some(self.last_mut()?)
    }
}

impl Record for BTreeMap<String, String> {
    fn read<'v>(&mut self, value: &'v Value, reader: &mut Reader<'v>) {
        reader.texts(value, self);
    }

    fn write(&self) -> Value {
        let entries = self.iter();
        let mut out = serde_json::Map::new();
        for (key, it) in entries {
            out.insert(key.clone(), it.clone().into());
        }
        Value::Object(out)
    }
}

impl Record for String {
    fn read<'v>(&mut self, value: &'v Value, reader: &mut Reader<'v>) {
        match value {
            Value::Null => {}
            Value::String(text) => self.clone_from(text),
            _ => reader.wrong_type("a string"),
        }
    }

    fn write(&self) -> Value {
        Value::String(self.clone())
    }
}

impl Record for bool {
    fn read<'v>(&mut self, value: &'v Value, reader: &mut Reader<'v>) {
        match value {
            Value::Null => {}
            Value::Bool(it) => *self = *it,
            _ => reader.wrong_type("a boolean"),
        }
    }

    fn write(&self) -> Value {
        if *self {
            Value::Bool(true)
        } else {
            Value::Null
        }
    }

    fn write_held(&self) -> Value {
        Value::Bool(*self)
    }
}

/// The integer types, whose bounds are all that differs.
macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Record for $type {
            fn read<'v>(&mut self, value: &'v Value, reader: &mut Reader<'v>) {
                let read = reader.integer(value, <$type>::MIN.into(), <$type>::MAX.into());
                if let Some(Ok(it)) = read.map(TryInto::try_into) {
                    *self = it;
                }
            }

            fn write(&self) -> Value {
                i64::from(*self).into()
            }
        }
    )*};
}

integers!(i32, i64, u8);

#[cfg(test)]
mod tests;
