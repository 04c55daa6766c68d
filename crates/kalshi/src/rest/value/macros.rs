//! The declarations that the operations are written in: records of answers, bodies and queries of requests, words
//! that may grow, and the operations themselves.

/// A record of an answer. Implements serde's two traits.
///
/// A field is `name: Type`, or `name as "type": Type` where the venue's name is no Rust name. A key whose type is an
/// `Option` may be missing; `= ""` or `= null` after it says that the key is always there and how the venue writes
/// that there is no value. Keys that are not listed survive in `extra`. Those listed under `retired` are refused:
/// `_fp: count;` says that `count` is now `count_fp`, and `"old" => "new",` what has another name now.
macro_rules! record {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$field_meta:meta])* pub $field:ident $(as $rename:literal)? : $type:ty $(= $blank:tt)?,)*
        }
        $(retired on $since:literal {
            $($suffix:ident: $($bare:ident),+;)*
            $($old:literal => $instead:literal,)*
        })?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
            /// Fields that this version does not know, as they came.
            pub extra: serde_json::Map<String, serde_json::Value>,
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields;

                impl<'de> serde::de::Visitor<'de> for Fields {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("an object (", stringify!($name), ")"))
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        use $crate::rest::value::{Key, Seed, TWICE, in_field};

                        $(let mut $field: Option<$type> = None;)*
                        let mut extra = serde_json::Map::new();
                        while let Some(Key(key)) = map.next_key::<Key<'_>>()? {
                            match key.as_ref() {
                                $($crate::rest::value::record!(@name $field $($rename)?) => {
                                    const PLACE: &str = concat!(
                                        stringify!($name), ".", $crate::rest::value::record!(@name $field $($rename)?)
                                    );
                                    if $field.is_some() {
                                        return Err(in_field(PLACE, TWICE));
                                    }
                                    let value = map.next_value_seed(Seed::<$type>::new());
                                    $field = Some(value.map_err(|error| in_field(PLACE, error))?);
                                })*
                                $($($(stringify!($bare) => {
                                    let instead = concat!(stringify!($bare), stringify!($suffix));
                                    let names = (stringify!($name), stringify!($bare), $since, instead);
                                    $crate::rest::value::retired(&mut map, &mut extra, names)?;
                                })+)*)?
                                $($($old => {
                                    let names = (stringify!($name), $old, $since, $instead);
                                    $crate::rest::value::retired(&mut map, &mut extra, names)?;
                                })*)?
                                _ => {
                                    if extra.contains_key(key.as_ref()) {
                                        return Err(in_field(
                                            format_args!("{}.{key}", stringify!($name)),
                                            TWICE,
                                        ));
                                    }
                                    extra.insert(key.into_owned(), map.next_value()?);
                                }
                            }
                        }
                        Ok($name {
                            $($field: match $field {
                                Some(value) => value,
                                None => $crate::rest::value::record!(
                                    @missing $name, $crate::rest::value::record!(@name $field $($rename)?) $(, $blank)?
                                ),
                            },)*
                            extra,
                        })
                    }
                }

                deserializer.deserialize_map(Fields)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap;

                let mut map = serializer.serialize_map(None)?;
                $($crate::rest::value::record!(
                    @write map, self.$field, $crate::rest::value::record!(@name $field $($rename)?) $(, $blank)?
                );)*
                for (name, value) in &self.extra {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }

        impl $crate::rest::value::FromWire for $name {
            fn read<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                serde::Deserialize::deserialize(deserializer)
            }
        }

        impl $crate::rest::value::ToWire for $name {
            fn write<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(self, serializer)
            }
        }
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $rename:literal) => { $rename };
    (@missing $name:ident, $wire:expr) => {
        $crate::rest::value::missing(stringify!($name), $wire)?
    };
    (@missing $name:ident, $wire:expr, $blank:tt) => {
        return Err($crate::rest::value::missing_key(stringify!($name), $wire))
    };
    (@write $map:ident, $value:expr, $wire:expr) => {
        if !$crate::rest::value::ToWire::is_absent(&$value) {
            $map.serialize_entry($wire, &$crate::rest::value::Written(&$value))?;
        }
    };
    (@write $map:ident, $value:expr, $wire:expr, null) => {
        $map.serialize_entry($wire, &$crate::rest::value::Written(&$value))?;
    };
    (@write $map:ident, $value:expr, $wire:expr, $blank:literal) => {
        match &$value {
            Some(value) => $map.serialize_entry($wire, &$crate::rest::value::Written(value))?,
            None => $map.serialize_entry($wire, $blank)?,
        }
    };
}

/// The body of a request: what the venue demands, then what is optional. With nothing demanded it has a `Default`,
/// else a `new`. Implements `Serialize`, where what is absent is left out, and, for who plays the venue, `Deserialize`,
/// where fields that this version does not know are passed over.
macro_rules! body {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$field_meta:meta])* pub $field:ident $(as $rename:literal)? : $type:ty,)*
        }
        $(optional {
            $($(#[$option_meta:meta])* pub $option:ident $(as $option_rename:literal)? : $option_type:ty,)*
        })?
    ) => {
        $crate::rest::value::body!(@struct
            { $(#[$meta])* } $name
            { $({ $(#[$field_meta])* } $field: $type,)* }
            { $($({ $(#[$option_meta])* } $option: $option_type,)*)? }
        );

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap;

                let mut map = serializer.serialize_map(None)?;
                $($crate::rest::value::record!(
                    @write map, self.$field, $crate::rest::value::record!(@name $field $($rename)?)
                );)*
                $($($crate::rest::value::record!(
                    @write map, self.$option, $crate::rest::value::record!(@name $option $($option_rename)?)
                );)*)?
                map.end()
            }
        }

        impl $crate::rest::value::ToWire for $name {
            fn write<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields;

                impl<'de> serde::de::Visitor<'de> for Fields {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("an object (", stringify!($name), ")"))
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        use $crate::rest::value::{Key, Seed, TWICE, in_field};

                        $(let mut $field: Option<$type> = None;)*
                        $($(let mut $option: Option<$option_type> = None;)*)?
                        let mut passed_over = std::collections::BTreeSet::new();
                        while let Some(Key(key)) = map.next_key::<Key<'_>>()? {
                            match key.as_ref() {
                                $($crate::rest::value::record!(@name $field $($rename)?) => {
                                    if $field.is_some() {
                                        return Err(in_field(&key, TWICE));
                                    }
                                    let value = map.next_value_seed(Seed::<$type>::new());
                                    $field = Some(value.map_err(|error| in_field(&key, error))?);
                                })*
                                $($($crate::rest::value::record!(@name $option $($option_rename)?) => {
                                    if $option.is_some() {
                                        return Err(in_field(&key, TWICE));
                                    }
                                    let value = map.next_value_seed(Seed::<$option_type>::new());
                                    $option = Some(value.map_err(|error| in_field(&key, error))?);
                                })*)?
                                _ => {
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                    if let Some(key) = passed_over.replace(key) {
                                        return Err(in_field(key, TWICE));
                                    }
                                }
                            }
                        }
                        Ok($name {
                            $($field: match $field {
                                Some(value) => value,
                                None => $crate::rest::value::missing(
                                    stringify!($name), $crate::rest::value::record!(@name $field $($rename)?)
                                )?,
                            },)*
                            $($($option: $option.unwrap_or_default(),)*)?
                        })
                    }
                }

                deserializer.deserialize_map(Fields)
            }
        }

        impl $crate::rest::value::FromWire for $name {
            fn read<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                serde::Deserialize::deserialize(deserializer)
            }
        }
    };
    (
        @struct { $(#[$meta:meta])* } $name:ident
        {}
        { $({ $(#[$option_meta:meta])* } $option:ident: $option_type:ty,)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$option_meta])* pub $option: $option_type,)*
        }
    };
    (
        @struct { $(#[$meta:meta])* } $name:ident
        { $({ $(#[$field_meta:meta])* } $field:ident: $type:ty,)+ }
        { $({ $(#[$option_meta:meta])* } $option:ident: $option_type:ty,)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
            $($(#[$option_meta])* pub $option: $option_type,)*
        }

        impl $name {
            /// With what the venue demands, and nothing else.
            pub fn new($($field: impl Into<$type>),*) -> $name {
                $name { $($field: $field.into(),)* $($option: Default::default(),)* }
            }
        }
    };
}

/// The query of a request, as [`body!`] is its body. A list repeats its key; with `= comma` it is one value. For who
/// plays the venue it implements `FromQuery`.
macro_rules! query {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$field_meta:meta])* pub $field:ident $(as $rename:literal)? : $type:ty $(= $form:ident)?,)*
        }
        $(optional {
            $(
                $(#[$option_meta:meta])*
                pub $option:ident $(as $option_rename:literal)? : $option_type:ty $(= $option_form:ident)?,
            )*
        })?
    ) => {
        $crate::rest::value::body!(@struct
            { $(#[$meta])* } $name
            { $({ $(#[$field_meta])* } $field: $type,)* }
            { $($({ $(#[$option_meta])* } $option: $option_type,)*)? }
        );

        impl $crate::rest::value::Query for $name {
            fn add_to(&self, call: $crate::client::Call) -> $crate::client::Call {
                $(let call = $crate::rest::value::query!(
                    @required call, self.$field, $crate::rest::value::record!(@name $field $($rename)?) $(, $form)?
                );)*
                $($(let call = $crate::rest::value::query!(
                    @optional call, self.$option, $crate::rest::value::record!(@name $option $($option_rename)?)
                    $(, $option_form)?
                );)*)?
                call
            }
        }

        impl $crate::rest::value::FromQuery for $name {
            fn from_query(pairs: &[(String, String)]) -> Result<$name, $crate::rest::value::QueryError> {
                use $crate::rest::value::QueryField;

                // A query of nothing reads nothing.
                let _ = pairs;
                Ok($name {
                    $($field: QueryField::read(
                        pairs, $crate::rest::value::record!(@name $field $($rename)?),
                        $crate::rest::value::query!(@comma $($form)?), true,
                    )?,)*
                    $($($option: QueryField::read(
                        pairs, $crate::rest::value::record!(@name $option $($option_rename)?),
                        $crate::rest::value::query!(@comma $($option_form)?), false,
                    )?,)*)?
                })
            }
        }
    };
    (@comma comma) => { true };
    (@comma $($other:ident)?) => { false };
    (@required $call:ident, $value:expr, $name:expr) => { $call.query($name, &$value) };
    (@required $call:ident, $value:expr, $name:expr, repeated) => {
        $crate::rest::value::QueryValue::add_to(&$value, $call, $name)
    };
    (@required $call:ident, $value:expr, $name:expr, comma) => {
        $call.query_opt($name, $crate::rest::value::comma_list(&$value))
    };
    (@optional $call:ident, $value:expr, $name:expr) => {
        $crate::rest::value::QueryValue::add_to(&$value, $call, $name)
    };
    (@optional $call:ident, $value:expr, $name:expr, comma) => {
        $call.query_opt($name, $crate::rest::value::comma_list(&$value))
    };
}

/// Words of which the venue may add more: an unknown one is `Other`, and is written as it was read.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)*
            /// A word that this version does not know.
            Other(std::sync::Arc<str>),
        }

        impl $name {
            /// The venue's word.
            pub fn as_str(&self) -> &str {
                match self {
                    $($name::$variant => $word,)*
                    $name::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> $name {
                match word {
                    $($word => $name::$variant,)*
                    _ => $name::Other(word.into()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl $crate::rest::value::Text for $name {
            const EXPECTED: &'static str = concat!("a word as text (", stringify!($name), ")");

            fn parse(word: &str) -> Result<$name, String> {
                Ok($name::from(word))
            }
        }

        $crate::rest::value::text_value!($name);
    };
}

/// The operations of a family: `NAME = Method "path" "operationId" public|signed Budget;`.
macro_rules! operations {
    ($($name:ident = $method:ident $path:literal $id:literal $access:ident $budget:ident;)*) => {
        $(
            #[doc = concat!("Operation `", $id, "`: `", stringify!($method), " ", $path, "`.")]
            pub const $name: $crate::client::Operation = $crate::client::Operation {
                id: $id,
                method: $crate::client::Method::$method,
                path: $path,
                signed: $crate::rest::value::operations!(@signed $access),
                budget: $crate::client::Budget::$budget,
            };
        )*

        /// All operations of this family.
        pub(super) const OPERATIONS: &[&$crate::client::Operation] = &[$(&$name),*];
    };
    (@signed signed) => { true };
    (@signed public) => { false };
}

pub(crate) use {body, open_enum, operations, query, record};
