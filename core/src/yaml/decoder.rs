//! How serde walks a tree: the deserializer over a node, its items and its entries.
//!
//! Imitates `json.Unmarshal` as the API server uses it: a null leaves a field of a struct as it was and is
//! the zero value anywhere else, and 80.0 is 80 because JSON prints it so.
//!
//! **Left out.** Integers of 128 bits.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use super::decode::{Context, Fault, Step, wrong_type};
use super::node::{Entry, Node, Value};
use super::path::needs_brackets;

/// The struct field that a value belongs to, and the fields the struct knows.
#[derive(Clone, Copy)]
struct Within<'n> {
    entry: &'n Entry,
    known: &'static [&'static str],
}

/// A node being decoded.
pub(super) struct Decoder<'n, 'c> {
    node: &'n Node,
    within: Option<Within<'n>>,
    context: &'c mut Context<'n>,
}

impl<'n, 'c> Decoder<'n, 'c> {
    pub(super) fn new(node: &'n Node, context: &'c mut Context<'n>) -> Decoder<'n, 'c> {
        Decoder {
            node,
            within: None,
            context,
        }
    }

    fn wrong<T>(&self, expected: &str) -> Result<T, Fault<'n>> {
        Err(wrong_type(self.node, expected))
    }

    /// An integer between two bounds.
    fn signed(&self, smallest: i64, largest: i64) -> Result<i64, Fault<'n>> {
        match whole(&self.node.value) {
            Some(Value::Integer(value)) if (smallest..=largest).contains(&value) => Ok(value),
            Some(_) => Err(self.out_of_range(&smallest, &largest)),
            None => self.wrong("an integer"),
        }
    }

    fn unsigned(&self) -> Result<u64, Fault<'n>> {
        match whole(&self.node.value) {
            Some(Value::Unsigned(value)) => Ok(value),
            Some(Value::Integer(value)) => {
                u64::try_from(value).map_err(|_| self.out_of_range(&0, &u64::MAX))
            }
            Some(_) => Err(self.out_of_range(&0, &u64::MAX)),
            None => self.wrong("an integer"),
        }
    }

    #[cold]
    fn out_of_range(&self, smallest: &dyn fmt::Display, largest: &dyn fmt::Display) -> Fault<'n> {
        let source = self.node.source().unwrap_or_default();
        Fault::custom(format_args!(
            "{source} is out of range: must be between {smallest} and {largest}"
        ))
    }

    #[allow(clippy::cast_precision_loss, reason = "JSON numbers are doubles")]
    fn float(&self) -> Result<f64, Fault<'n>> {
        match self.node.value {
            Value::Null => Ok(0.0),
            Value::Integer(value) => Ok(value as f64),
            Value::Unsigned(value) => Ok(value as f64),
            Value::Float(value) => Ok(value),
            _ => self.wrong("a number"),
        }
    }

    fn string(&self) -> Result<&'n str, Fault<'n>> {
        match &self.node.value {
            Value::Null => Ok(""),
            Value::String(text) => Ok(text),
            _ => self.wrong("a string"),
        }
    }
}

/// The integer that JSON makes of a number: 80 for 80.0, and 0 for null.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the bounds are checked before"
)]
fn whole(value: &Value) -> Option<Value> {
    match *value {
        Value::Null => Some(Value::Integer(0)),
        Value::Integer(value) => Some(Value::Integer(value)),
        Value::Unsigned(value) => Some(Value::Unsigned(value)),
        Value::Float(value) if value.trunc() == value => {
            // Two to the 63rd and to the 64th are exact as floats; beyond them the number stays one.
            const I64: f64 = 9_223_372_036_854_775_808.0;
            const U64: f64 = 18_446_744_073_709_551_616.0;
            match value {
                value if (-I64..I64).contains(&value) => Some(Value::Integer(value as i64)),
                value if (I64..U64).contains(&value) => Some(Value::Unsigned(value as u64)),
                value => Some(Value::Float(value)),
            }
        }
        _ => None,
    }
}

/// How a mapping is read: which names it may have, and how they show in a path.
#[derive(Clone, Copy)]
enum Shape {
    /// A struct, with its fields.
    Struct(&'static [&'static str]),
    /// A map with keys of its own.
    Map,
    /// Nobody said.
    Any,
}

impl<'n, 'c> Decoder<'n, 'c> {
    fn items(self) -> Result<Items<'n, 'c>, Fault<'n>> {
        let items: &[Node] = match &self.node.value {
            Value::Null => &[],
            Value::Sequence(items) => items,
            _ => return self.wrong("a list"),
        };
        Ok(Items {
            rest: items.iter(),
            index: 0,
            context: self.context,
        })
    }

    fn entries(self, shape: Shape) -> Result<Entries<'n, 'c>, Fault<'n>> {
        let entries: &[Entry] = match &self.node.value {
            Value::Null => &[],
            Value::Mapping(mapping) => mapping.entries(),
            _ => return self.wrong("an object"),
        };
        Ok(Entries {
            rest: entries.iter(),
            current: None,
            shape,
            context: self.context,
        })
    }
}

/// Decodes the integer types, whose bounds are all that differs.
macro_rules! integers {
    ($($method:ident $type:ty),*) => {$(
        fn $method<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Fault<'n>> {
            visitor.visit_i64(self.signed(<$type>::MIN.into(), <$type>::MAX.into())?)
        }
    )*};
}

impl<'n> serde::Deserializer<'n> for Decoder<'n, '_> {
    type Error = Fault<'n>;

    integers!(
        deserialize_i8 i8, deserialize_i16 i16, deserialize_i32 i32, deserialize_i64 i64,
        deserialize_u8 u8, deserialize_u16 u16, deserialize_u32 u32
    );

    fn deserialize_u64<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Fault<'n>> {
        visitor.visit_u64(self.unsigned()?)
    }

    fn deserialize_f32<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Fault<'n>> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_f64<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Fault<'n>> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_bool<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Fault<'n>> {
        match self.node.value {
            Value::Null => visitor.visit_bool(false),
            Value::Bool(value) => visitor.visit_bool(value),
            _ => self.wrong("a boolean"),
        }
    }

    fn deserialize_str<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Fault<'n>> {
        visitor.visit_borrowed_str(self.string()?)
    }

    fn deserialize_any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Fault<'n>> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Sequence(_) => visitor.visit_seq(self.items()?),
            Value::Mapping(_) => visitor.visit_map(self.entries(Shape::Any)?),
            Value::Integer(_) | Value::Unsigned(_) | Value::Float(_) => {
                match whole(&self.node.value) {
                    Some(Value::Integer(value)) => visitor.visit_i64(value),
                    Some(Value::Unsigned(value)) => visitor.visit_u64(value),
                    _ => visitor.visit_f64(self.float()?),
                }
            }
        }
    }

    fn deserialize_option<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Fault<'n>> {
        if self.node.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'n>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault<'n>> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Fault<'n>> {
        visitor.visit_seq(self.items()?)
    }

    fn deserialize_tuple<V: Visitor<'n>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault<'n>> {
        visitor.visit_seq(self.items()?)
    }

    fn deserialize_tuple_struct<V: Visitor<'n>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault<'n>> {
        visitor.visit_seq(self.items()?)
    }

    fn deserialize_map<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Fault<'n>> {
        visitor.visit_map(self.entries(Shape::Map)?)
    }

    fn deserialize_struct<V: Visitor<'n>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault<'n>> {
        visitor.visit_map(self.entries(Shape::Struct(fields))?)
    }

    fn deserialize_enum<V: Visitor<'n>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault<'n>> {
        match &self.node.value {
            Value::Mapping(_) => {
                visitor.visit_enum(MapAccessDeserializer::new(self.entries(Shape::Any)?))
            }
            _ => visitor.visit_enum(StrDeserializer::new(self.string()?)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Fault<'n>> {
        // A field that the type knows and does not care for is ignored on purpose.
        if let Some(Within { entry, known }) = self.within
            && !known.contains(&entry.key.as_str())
        {
            self.context.unknown_field(entry, known);
        }
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { <V: Visitor<'n>> unit unit_struct bytes byte_buf }

    fn deserialize_char<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Fault<'n>> {
        self.deserialize_str(visitor)
    }

    fn deserialize_string<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Fault<'n>> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Fault<'n>> {
        self.deserialize_str(visitor)
    }
}

/// The items of a list, one after the other.
struct Items<'n, 'c> {
    rest: std::slice::Iter<'n, Node>,
    index: usize,
    context: &'c mut Context<'n>,
}

impl<'n> SeqAccess<'n> for Items<'n, '_> {
    type Error = Fault<'n>;

    fn next_element_seed<S: DeserializeSeed<'n>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault<'n>> {
        for node in self.rest.by_ref() {
            let step = Step::Item(self.index);
            self.index += 1;
            if self.context.skips(node) {
                continue;
            }
            self.context.steps.push(step);
            let decoder = Decoder {
                node,
                within: None,
                context: self.context,
            };
            let outcome = seed
                .deserialize(decoder)
                .map_err(|fault| fault.locate(node, self.context));
            self.context.steps.pop();
            return outcome.map(Some);
        }
        Ok(None)
    }
}

/// The entries of a mapping, one after the other.
struct Entries<'n, 'c> {
    rest: std::slice::Iter<'n, Entry>,
    current: Option<&'n Entry>,
    shape: Shape,
    context: &'c mut Context<'n>,
}

impl<'n> Entries<'n, '_> {
    fn next(&mut self) -> Option<&'n Entry> {
        let is_absent = |entry: &Entry| match self.shape {
            Shape::Struct(known) => entry.node.is_null() && known.contains(&entry.key.as_str()),
            Shape::Map | Shape::Any => false,
        };
        self.rest
            .by_ref()
            .find(|entry| !is_absent(entry) && !self.context.skips(&entry.node))
    }

    fn step(&self, entry: &'n Entry) -> Step<'n> {
        match self.shape {
            Shape::Struct(_) => Step::Field(&entry.key),
            Shape::Any if !needs_brackets(&entry.key) => Step::Field(&entry.key),
            Shape::Map | Shape::Any => Step::Key(&entry.key),
        }
    }
}

impl<'n> MapAccess<'n> for Entries<'n, '_> {
    type Error = Fault<'n>;

    fn next_key_seed<S: DeserializeSeed<'n>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault<'n>> {
        self.current = self.next();
        let Some(entry) = self.current else {
            return Ok(None);
        };
        let key = StrDeserializer::<Fault<'n>>::new(&entry.key);
        seed.deserialize(key).map(Some).map_err(|fault| {
            self.context.steps.push(self.step(entry));
            let fault = fault.locate_key(entry, self.context);
            self.context.steps.pop();
            fault
        })
    }

    fn next_value_seed<S: DeserializeSeed<'n>>(&mut self, seed: S) -> Result<S::Value, Fault<'n>> {
        let Some(entry) = self.current.take() else {
            return Err(Fault::custom("a value without a key"));
        };
        let within = match self.shape {
            Shape::Struct(known) => Some(Within { entry, known }),
            Shape::Map | Shape::Any => None,
        };
        self.context.steps.push(self.step(entry));
        let decoder = Decoder {
            node: &entry.node,
            within,
            context: self.context,
        };
        let outcome = seed
            .deserialize(decoder)
            .map_err(|fault| fault.locate(&entry.node, self.context));
        self.context.steps.pop();
        outcome
    }
}
