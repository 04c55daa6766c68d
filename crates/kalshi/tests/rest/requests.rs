//! What every method sends, recorded at the other end of a socket.

use std::collections::{BTreeMap, BTreeSet};

use daybook_kalshi::rest;
use serde_json::{Value, json};

use crate::{
    calls::cases,
    spec::{Spec, SpecOperation},
    venue::{Request, Venue},
};

const ROOT: &str = "/trade-api/v2";

#[test]
fn every_operation_is_called() {
    let called: BTreeSet<_> = cases().into_iter().map(|case| case.operation).collect();
    let all: BTreeSet<_> = rest::operations().map(|operation| operation.id).collect();
    assert_eq!(called, all);
}

/// Without the venue's document too: what is sent is what was sent when somebody last looked at it.
#[tokio::test]
async fn requests_are_as_recorded() {
    let venue = Venue::start(|_| (200, "{}".to_owned())).await;
    let mut lines = String::new();
    for case in cases() {
        // Whether `{}` can be read is another test's matter.
        let _ = (case.run)(venue.client.clone()).await;
        let requests = venue.take_requests();
        let [request] = &requests[..] else { panic!("{}: {requests:?}", case.operation) };
        let Request { method, path, query, body, signed } = request;
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        let access = if *signed { "signed" } else { "public" };
        lines += &format!("{} {access}: {method} {path}{query}\n", case.operation);
        if let Some(body) = body {
            lines += &format!("    {body}\n");
        }
    }
    insta::assert_snapshot!(lines);
}

#[tokio::test]
async fn requests_are_those_of_the_document_and_so_are_the_answers() {
    let Some(spec) = Spec::load() else { return };
    let answers: BTreeMap<String, String> = spec
        .operations
        .iter()
        .map(|operation| {
            let full = operation.answer.as_ref().map(|schema| spec.instance(schema, true).to_string());
            (format!("{} {}", operation.method, operation.path), full.unwrap_or_default())
        })
        .collect();
    let venue = Venue::start(move |request| {
        let operation = asked(request).unwrap_or_else(|| panic!("no operation has such a path: {request:?}"));
        (200, answers[&operation].clone())
    })
    .await;
    let mut checked = 0;
    for case in cases() {
        let operation = spec.operations.iter().find(|operation| operation.id == case.operation).unwrap();
        let answer = (case.run)(venue.client.clone()).await.unwrap_or_else(|error| panic!("{error}"));
        assert!(!answer.contains("extra: {\""), "{}: {answer}", case.operation);
        let requests = venue.take_requests();
        let [request] = &requests[..] else { panic!("{}: {requests:?}", case.operation) };
        check(&spec, operation, request);
        checked += 1;
    }
    assert_eq!(checked, spec.operations.len());
}

/// Which operation a request is for: the one whose path has the fewest placeholders among those that match.
fn asked(request: &Request) -> Option<String> {
    let path: Vec<_> = request.path.strip_prefix(ROOT)?.split('/').collect();
    rest::operations()
        .filter(|operation| operation.method.as_str() == request.method)
        .filter(|operation| {
            let template: Vec<_> = operation.path.split('/').collect();
            template.len() == path.len()
                && template.iter().zip(&path).all(|(wanted, given)| wanted.starts_with('{') || wanted == given)
        })
        .min_by_key(|operation| operation.path.matches('{').count())
        .map(|operation| format!("{} {}", operation.method, operation.path))
}

fn check(spec: &Spec, operation: &SpecOperation, request: &Request) {
    let id = &operation.id;
    assert_eq!(asked(request).as_deref(), Some(&*format!("{} {}", operation.method, operation.path)), "{id}");
    assert_eq!(request.signed, operation.signed, "{id}");

    let mut sent = BTreeMap::<String, Vec<String>>::new();
    for pair in request.query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap();
        sent.entry(decoded(name)).or_default().push(decoded(value));
    }
    let named = operation.parameters.iter().filter(|(_, place, ..)| place == "query");
    let names: BTreeSet<_> = named.clone().map(|(name, ..)| name.clone()).collect();
    assert_eq!(sent.keys().cloned().collect::<BTreeSet<_>>(), names, "{id}: the query");
    for (name, _, _, schema) in named {
        let values = &sent[name];
        let resolved = spec.resolve(schema);
        let (expected, item) = match resolved["type"].as_str() {
            Some("array") => (2, &resolved["items"]),
            _ => (1, schema),
        };
        assert_eq!(values.len(), expected, "{id}: {name}");
        for value in values {
            let value = as_json(spec.resolve(item), value);
            assert_eq!(spec.mismatch(item, &value), None, "{id}: {name}");
        }
    }

    match (&operation.body, &request.body) {
        (Some(schema), Some(body)) => assert_eq!(spec.mismatch(schema, body), None, "{id}: {body}"),
        // The venue insists on JSON in every POST and PUT.
        (None, Some(body)) => assert_eq!(body, &json!({}), "{id}"),
        (None, None) => assert!(matches!(&*request.method, "GET" | "DELETE"), "{id}: a body of {{}} at least"),
        (Some(_), None) => panic!("{id}: no body was sent"),
    }
}

/// A query's text as the type that its schema wants.
fn as_json(schema: &Value, text: &str) -> Value {
    match schema["type"].as_str() {
        Some("integer" | "boolean") => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        _ => json!(text),
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let pair = [*high, *low];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&pair).unwrap(), 16).unwrap());
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}
