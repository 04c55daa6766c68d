//! One attempt: a request signed and sent, its answer received.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, header};

use super::{Call, Client, ErrorKind, Method};
use crate::limit::Permit;

/// The longest that the venue can silence us for: a header that was written wrongly must not stop a client for ever.
const LONGEST_SILENCE: Duration = Duration::from_secs(3600);

/// What came back, good or not.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) date: Option<String>,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Bytes,
}

impl Client {
    /// Sends `call` once, and receives the answer. The permit is told as soon as an answer begins.
    pub(super) async fn exchange(&self, call: &Call, path: &str, permit: &Permit) -> Result<Response, ErrorKind> {
        let response = self.request(call, path)?.send().await.map_err(transport)?;
        let status = response.status().as_u16();
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let date = text(header::DATE).map(str::to_owned);
        let retry_after = text(header::RETRY_AFTER).and_then(|value| self.retry_after(value));
        match status {
            429 => permit.refused(retry_after.unwrap_or_default()),
            200..300 | 400 | 404 | 409 | 410 => permit.answered(),
            _ => permit.arrived(),
        }
        let body = self.read(response).await?;
        Ok(Response { status, date, retry_after, body })
    }

    fn request(&self, call: &Call, path: &str) -> Result<reqwest::RequestBuilder, ErrorKind> {
        let operation = call.operation;
        let mut url = self.shared.environment.rest_url().clone();
        let whole_path = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&whole_path);
        let query = call.rendered_query();
        url.set_query((!query.is_empty()).then_some(query));

        let mut headers = HeaderMap::new();
        if operation.signed {
            let credentials = self.shared.credentials.as_ref().ok_or(ErrorKind::NoCredentials)?;
            let stamp = self.shared.clock.unix_millis();
            let signed = credentials.headers(operation.method.as_str(), url.path(), stamp).map_err(ErrorKind::Sign)?;
            for (name, value) in signed {
                let mut value = HeaderValue::try_from(value).expect("key ids, numbers and base64 are printable ASCII");
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        let (method, needs_body) = match operation.method {
            Method::Get => (http::Method::GET, false),
            Method::Post => (http::Method::POST, true),
            Method::Put => (http::Method::PUT, true),
            Method::Delete => (http::Method::DELETE, false),
        };
        let body = call.body.clone().or_else(|| needs_body.then(|| Bytes::from_static(b"{}")));
        if body.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let request = self.shared.http.request(method, url).headers(headers);
        Ok(match body {
            Some(body) => request.body(body),
            None => request,
        })
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

    /// How long to wait, by a `Retry-After` header: seconds, or an instant; no more than [`LONGEST_SILENCE`].
    fn retry_after(&self, value: &str) -> Option<Duration> {
        if let Ok(seconds) = value.trim().parse() {
            return Some(Duration::from_secs(seconds).min(LONGEST_SILENCE));
        }
        let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
        let wait = at.as_millisecond().saturating_sub(self.shared.clock.unix_millis());
        Some(Duration::from_millis(u64::try_from(wait).unwrap_or(0)).min(LONGEST_SILENCE))
    }
}

/// A failure of the HTTP stack. Of its URL only the host is left: the path is told anyway, and a query may be private.
fn transport(mut error: reqwest::Error) -> ErrorKind {
    if let Some(url) = error.url_mut() {
        url.set_path("");
        url.set_query(None);
        // Addresses with a user or a password are refused long before.
        let _ = url.set_username("").and_then(|()| url.set_password(None));
    }
    if error.is_connect() { ErrorKind::Connect(error) } else { ErrorKind::Connection(error) }
}
