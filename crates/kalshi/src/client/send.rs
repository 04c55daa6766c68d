//! One attempt of a call: signed, sent, its answer read.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, header};
use serde::de::DeserializeOwned;

use super::{Call, Client, CorrelationId, Error, ErrorKind, Method, Operation, VenueAnswer};

/// A good answer of the venue.
pub(super) struct Answer {
    operation: &'static Operation,
    path: String,
    attempt: u32,
    correlation_id: CorrelationId,
    status: u16,
    body: Bytes,
}

impl Answer {
    /// The body as the operation's type; `null` when there is none.
    pub(super) fn decode<T: DeserializeOwned>(self) -> Result<T, Error> {
        let body: &[u8] = if self.body.is_empty() { b"null" } else { &self.body };
        serde_json::from_slice(body).map_err(|reason| {
            // The reason may quote a value, and there is one operation whose answer is a secret.
            let secret = body.windows(11).any(|window| window == b"PRIVATE KEY");
            let reason = if secret { "(not shown: it holds a private key)".to_owned() } else { reason.to_string() };
            let kind = ErrorKind::Decode { status: self.status, reason };
            Error::new(self.operation, &self.path, self.attempt, self.correlation_id, kind).with_body(self.body.clone())
        })
    }
}

impl Client {
    pub(super) async fn send(&self, call: &Call) -> Result<Answer, Error> {
        let operation = call.operation;
        let correlation_id = CorrelationId(0);
        let path = call
            .rendered_path()
            .map_err(|error| Error::new(operation, operation.path, 0, correlation_id, ErrorKind::Call(error)))?;
        let failed = |kind| Error::new(operation, &path, 1, correlation_id, kind);
        let allowed = self.shared.timeout;
        let (status, body) = tokio::time::timeout(allowed, self.exchange(call, &path))
            .await
            .unwrap_or(Err(ErrorKind::Timeout { allowed }))
            .map_err(failed)?;
        if !(200..300).contains(&status) {
            let answer = VenueAnswer::parse(status, &body);
            return Err(failed(ErrorKind::Venue(answer)).with_body(body));
        }
        Ok(Answer { operation, path, attempt: 1, correlation_id, status, body })
    }

    async fn exchange(&self, call: &Call, path: &str) -> Result<(u16, Bytes), ErrorKind> {
        let mut url = self.shared.environment.rest_url().clone();
        let whole_path = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&whole_path);
        let query = call.rendered_query();
        url.set_query((!query.is_empty()).then_some(query));

        let mut headers = HeaderMap::new();
        if call.operation.signed {
            let credentials = self.shared.credentials.as_ref().ok_or(ErrorKind::NoCredentials)?;
            let stamp = self.shared.clock.unix_millis();
            let signed =
                credentials.headers(call.operation.method.as_str(), url.path(), stamp).map_err(ErrorKind::Sign)?;
            for (name, value) in signed {
                let mut value = HeaderValue::try_from(value).expect("key ids, numbers and base64 are printable ASCII");
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        let method = match call.operation.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
            Method::Delete => http::Method::DELETE,
        };
        let mut request = self.shared.http.request(method, url).headers(headers);
        let needs_body = matches!(call.operation.method, Method::Post | Method::Put);
        if call.body.is_some() || needs_body {
            let body = call.body.clone().unwrap_or_else(|| b"{}".to_vec());
            request = request.header(header::CONTENT_TYPE, "application/json").body(body);
        }
        let response = request.send().await.map_err(transport)?;
        let status = response.status().as_u16();
        let body = self.read(response).await?;
        Ok((status, body))
    }

    /// The body, as far as it is not larger than allowed.
    async fn read(&self, mut response: reqwest::Response) -> Result<Bytes, ErrorKind> {
        let limit = self.shared.body_limit;
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(transport)? {
            if body.len() + chunk.len() > limit {
                return Err(ErrorKind::BodyTooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

fn transport(error: reqwest::Error) -> ErrorKind {
    let error = error.without_url();
    if error.is_connect() { ErrorKind::Connect(error) } else { ErrorKind::Connection(error) }
}
