//! The venue's OpenAPI document, and JSON made from its schemas.

use serde_json::{Map, Value, json};

use crate::documents;

/// One operation as the document describes it.
pub struct SpecOperation {
    pub id: String,
    pub method: String,
    pub path: String,
    pub signed: bool,
    /// Name, place (`path`, `query`), whether required, schema.
    pub parameters: Vec<(String, String, bool, Value)>,
    /// The schema of the body.
    pub body: Option<Value>,
    /// The schema of the answer, if it has a body.
    pub answer: Option<Value>,
}

pub struct Spec {
    document: Value,
    pub operations: Vec<SpecOperation>,
}

impl Spec {
    /// The document, unless it is not there, which is said plainly.
    pub fn load() -> Option<Spec> {
        let document = documents::load("openapi.yaml")?;
        let mut spec = Spec { document, operations: Vec::new() };
        let paths = spec.document["paths"].as_object().expect("`paths` is an object").clone();
        for (path, item) in &paths {
            for (method, operation) in item.as_object().expect("a path is an object") {
                if method != "parameters" {
                    spec.operations.push(spec.operation(path, method, operation, &item["parameters"]));
                }
            }
        }
        Some(spec)
    }

    fn operation(&self, path: &str, method: &str, operation: &Value, shared: &Value) -> SpecOperation {
        let empty = Vec::new();
        let own = operation["parameters"].as_array().unwrap_or(&empty);
        let parameters = shared.as_array().unwrap_or(&empty).iter().chain(own).map(|parameter| {
            let parameter = self.resolve(parameter);
            (
                text(&parameter["name"]),
                text(&parameter["in"]),
                parameter["required"] == true,
                parameter["schema"].clone(),
            )
        });
        let schema = |content: &Value| content["content"].get("application/json").map(|json| json["schema"].clone());
        let success = operation["responses"].as_object().expect("`responses` is an object");
        let (_, answer) = success.iter().find(|(status, _)| status.starts_with('2')).expect("an operation can succeed");
        SpecOperation {
            id: text(&operation["operationId"]),
            method: method.to_uppercase(),
            path: path.to_owned(),
            signed: operation["security"].as_array().is_some_and(|security| !security.is_empty()),
            parameters: parameters.collect(),
            body: schema(self.resolve(&operation["requestBody"])),
            answer: schema(self.resolve(answer)),
        }
    }

    /// Follows references, and takes apart the `allOf` of one schema that carries a `nullable` beside it.
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        if let Some(reference) = schema["$ref"].as_str() {
            let pointer = reference.strip_prefix('#').expect("references stay within the document");
            return self.resolve(self.document.pointer(pointer).expect("references lead somewhere"));
        }
        match schema["allOf"].as_array() {
            Some(all) => {
                assert_eq!(all.len(), 1, "a schema of several is not understood");
                self.resolve(&all[0])
            }
            None => schema,
        }
    }

    /// An instance with every property, or with the required ones only.
    pub fn instance(&self, schema: &Value, full: bool) -> Value {
        self.named_instance("", schema, full)
    }

    fn named_instance(&self, name: &str, schema: &Value, full: bool) -> Value {
        let reference = named(schema);
        if reference.ends_with("/FixedPointDollars") {
            return json!("0.5625");
        }
        if reference.ends_with("/FixedPointCount") {
            return json!("12.50");
        }
        if reference.ends_with("/PriceLevelDollarsCountFp") {
            return json!(["0.5625", "12.50"]);
        }
        // Prices that the document calls plain strings.
        if reference.ends_with("/PriceRange") {
            return json!({"start": "0.0000", "end": "1.0000", "step": "0.0010"});
        }
        let schema = self.resolve(schema);
        if schema.get("$ref").is_none()
            && let Some(values) = schema["enum"].as_array()
        {
            return values
                .iter()
                .find(|value| !value.is_null() && *value != "")
                .expect("a word that says something")
                .clone();
        }
        match schema["type"].as_str() {
            Some("string") => match schema["format"].as_str() {
                Some("date-time") => json!("2026-10-01T12:00:00.123456Z"),
                Some("uuid") => json!("6f1c1d8e-0000-4000-8000-000000000001"),
                _ => json!(format!("{name}-of-a-test")),
            },
            Some("integer") => json!(7),
            Some("number") => json!(1.25),
            Some("boolean") => json!(true),
            Some("array") => json!([self.named_instance(name, &schema["items"], full)]),
            Some("object") => {
                let Some(properties) = schema["properties"].as_object() else {
                    return match schema.get("additionalProperties") {
                        Some(Value::Object(values)) if !values.is_empty() => {
                            json!({"one": self.named_instance("one", &schema["additionalProperties"], full)})
                        }
                        _ => json!({"anything": {"goes": [1, "two"]}}),
                    };
                };
                let required = required(schema);
                properties
                    .iter()
                    .filter(|(name, _)| full || required.contains(&name.as_str()))
                    .map(|(name, property)| (name.clone(), self.named_instance(name, property, full)))
                    .collect::<Map<_, _>>()
                    .into()
            }
            other => panic!("a schema of type {other:?} is not understood: {schema}"),
        }
    }

    /// Visits every property in an instance of `schema`: the pointer of the object that holds it, its name, its own
    /// schema as written, and whether it is required.
    pub fn properties(&self, schema: &Value, instance: &Value, visit: &mut impl FnMut(&str, &str, &Value, bool)) {
        self.properties_at(String::new(), schema, instance, visit);
    }

    fn properties_at(
        &self,
        pointer: String,
        schema: &Value,
        instance: &Value,
        visit: &mut impl FnMut(&str, &str, &Value, bool),
    ) {
        let schema = self.resolve(schema);
        match instance {
            Value::Array(items) if schema["items"].is_object() => {
                for (index, item) in items.iter().enumerate() {
                    self.properties_at(format!("{pointer}/{index}"), &schema["items"], item, visit);
                }
            }
            Value::Object(object) => {
                let required = required(schema);
                for (name, value) in object {
                    if let Some(property) = schema["properties"].get(name) {
                        visit(&pointer, name, property, required.contains(&name.as_str()));
                        self.properties_at(format!("{pointer}/{name}"), property, value, visit);
                    } else if schema["additionalProperties"].is_object() {
                        let values = &schema["additionalProperties"];
                        self.properties_at(format!("{pointer}/{name}"), values, value, visit);
                    }
                }
            }
            _ => {}
        }
    }

    /// The names of all properties of an object's schema.
    pub fn property_names(&self, schema: &Value) -> Vec<String> {
        self.resolve(schema)["properties"].as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default()
    }

    /// What keeps `value` from being an instance of `schema`.
    pub fn mismatch(&self, schema: &Value, value: &Value) -> Option<String> {
        let places = match named(schema) {
            name if name.ends_with("/FixedPointDollars") => Some(2..=4),
            name if name.ends_with("/FixedPointCount") => Some(0..=2),
            _ => None,
        };
        if let Some(places) = places {
            let text = value.as_str().unwrap_or_default();
            let fraction = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
            return (text.is_empty() || !places.contains(&fraction)).then(|| format!("{value} is no fixed-point text"));
        }
        let schema = self.resolve(schema);
        if let Some(words) = schema["enum"].as_array() {
            return (!words.contains(value)).then(|| format!("{value} is none of {words:?}"));
        }
        let fits = match schema["type"].as_str() {
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64(),
            Some("boolean") => value.is_boolean(),
            Some("array") => {
                let items = value.as_array()?;
                return items.iter().find_map(|item| self.mismatch(&schema["items"], item));
            }
            Some("object") => {
                let object = value.as_object()?;
                let missing = required(schema).into_iter().find(|name| !object.contains_key(*name));
                if let Some(name) = missing {
                    return Some(format!("required `{name}` is missing"));
                }
                let unnamed = self.property_names(schema).into_iter().find(|name| !object.contains_key(name));
                if let Some(name) = unnamed {
                    return Some(format!("`{name}` cannot be sent"));
                }
                return object.iter().find_map(|(name, value)| match schema["properties"].get(name) {
                    Some(property) => self.mismatch(property, value).map(|reason| format!("{name}: {reason}")),
                    None => Some(format!("`{name}` is unknown to the venue")),
                });
            }
            _ => false,
        };
        (!fits).then(|| format!("{value} is no {}", schema["type"]))
    }
}

/// The name that a schema refers to, be it inside the `allOf` of one.
fn named(schema: &Value) -> &str {
    let inner = schema["allOf"].get(0).unwrap_or(schema);
    inner["$ref"].as_str().unwrap_or_default()
}

fn required(schema: &Value) -> Vec<&str> {
    schema["required"].as_array().map(|names| names.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
