//! A value that may stand in a manifest and means nothing to the model.

use serde::{Deserialize, Serialize};

/// A value that is read and forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Anything;
        impl<'de> serde::de::Visitor<'de> for Anything {
            type Value = Ignored;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("anything")
            }
            fn visit_unit<E>(self) -> Result<Ignored, E> {
                Ok(Ignored)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Ignored, E> {
                Ok(Ignored)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Ignored, E> {
                Ok(Ignored)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Ignored, E> {
                Ok(Ignored)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Ignored, E> {
                Ok(Ignored)
            }
            fn visit_str<E>(self, _: &str) -> Result<Ignored, E> {
                Ok(Ignored)
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut it: A,
            ) -> Result<Ignored, A::Error> {
                while it.next_element::<Ignored>()?.is_some() {}
                Ok(Ignored)
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut it: A,
            ) -> Result<Ignored, A::Error> {
                while it.next_entry::<String, Ignored>()?.is_some() {}
                Ok(Ignored)
            }
        }
        deserializer.deserialize_any(Anything)
    }
}
