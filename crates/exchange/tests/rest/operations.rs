//! The table of operations, and what is answered by those that nothing answers.

use std::collections::BTreeSet;

use daybook_exchange::rest::{Support, support};
use serde_json::json;

use crate::{exchange::Venues, spec::Spec};

#[test]
fn the_table_has_every_operation_of_the_document() {
    let listed: BTreeSet<_> = support()
        .map(|(operation, _)| {
            (operation.method.as_str().to_owned(), operation.path.to_owned(), operation.id.to_owned())
        })
        .collect();
    assert_eq!(listed.len(), 128);
    let Some(spec) = Spec::load() else { return };
    assert_eq!(listed, spec.operations());
}

#[tokio::test]
async fn what_is_not_implemented_says_so_by_name() {
    let venues = Venues::start().await;
    let member = venues.member("1");
    let credentials = member.client.credentials().unwrap();
    let mut missing = 0;
    for (operation, support) in support() {
        if support == Support::Answered {
            continue;
        }
        missing += 1;
        let path = operation.path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
        let target = format!("/trade-api/v2{}", path.collect::<Vec<_>>().join("/"));
        let (body, headers) = match operation.method.as_str() {
            "GET" | "DELETE" => (None, &[][..]),
            _ => (Some("{}"), &[("content-type", "application/json")][..]),
        };
        let (status, _, answer) =
            venues.raw(operation.method.as_str(), &target, Some(credentials), headers, body).await;
        assert_eq!(status, 501, "{}: {answer}", operation.id);
        assert_eq!(answer["error"]["code"], "not_implemented");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.split(' ').any(|word| word == operation.id), "{message}");
    }
    assert_eq!(missing, 40);
}

#[tokio::test]
async fn old_order_writes_are_gone_and_unknown_paths_are_nothing() {
    let venues = Venues::start().await;
    let member = venues.member("1");
    let credentials = member.client.credentials();
    for (method, path) in [
        ("POST", "/portfolio/orders"),
        ("DELETE", "/portfolio/orders/x"),
        ("POST", "/portfolio/orders/batched"),
        ("DELETE", "/portfolio/orders/batched"),
        ("POST", "/portfolio/orders/x/amend"),
        ("POST", "/portfolio/orders/x/decrease"),
    ] {
        let (status, _, answer) =
            venues.raw(method, &format!("/trade-api/v2{path}"), credentials, &[], Some("{}")).await;
        assert_eq!((status, &answer["error"]["code"]), (410, &json!("deprecated_v1_order_endpoint")), "{path}");
    }
    let (status, _, answer) = venues.raw("GET", "/trade-api/v2/nothing", None, &[], None).await;
    assert_eq!((status, &answer["error"]["code"]), (404, &json!("not_found")));
    let (status, _, answer) = venues.raw("PUT", "/trade-api/v2/markets", None, &[], Some("{}")).await;
    assert_eq!((status, &answer["error"]["code"]), (405, &json!("method_not_allowed")));
    let (status, head, _) = venues.raw("GET", "/trade-api/v2/markets/?limit=3", None, &[], None).await;
    assert_eq!(status, 301);
    assert!(head.contains("\r\nlocation: /trade-api/v2/markets?limit=3"), "{head}");
}
