//! The venue's own documents, OpenAPI and AsyncAPI, read as JSON. They are not part of this repository:
//! `DAYBOOK_KALSHI_SPEC` names the first of them, and the second is beside it.

use std::{env, fs, path::PathBuf};

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// `openapi.yaml` or `asyncapi.yaml`, unless it is not there, which is said plainly.
pub fn load(name: &str) -> Option<Value> {
    let path = match env::var_os("DAYBOOK_KALSHI_SPEC") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/kalshi-spec/openapi.yaml"),
    };
    // However the first one is called where it is.
    let path = if name == "openapi.yaml" { path } else { path.with_file_name(name) };
    let Ok(text) = fs::read_to_string(&path) else {
        println!("SKIPPED: no document at {} (DAYBOOK_KALSHI_SPEC names openapi.yaml)", path.display());
        return None;
    };
    let documents = Yaml::load_from_str(&text).expect("the document is YAML");
    Some(to_json(&documents[0]))
}

fn to_json(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => json!(value),
        Yaml::Value(Scalar::Integer(value)) => json!(value),
        Yaml::Value(Scalar::FloatingPoint(value)) => json!(**value),
        Yaml::Value(Scalar::String(value)) => json!(value),
        Yaml::Sequence(items) => items.iter().map(to_json).collect(),
        Yaml::Mapping(entries) => {
            let name = |key: &Yaml<'_>| match to_json(key) {
                Value::String(name) => name,
                other => other.to_string(),
            };
            entries.iter().map(|(key, value)| (name(key), to_json(value))).collect::<Map<_, _>>().into()
        }
        other => panic!("YAML of this kind is not understood: {other:?}"),
    }
}
