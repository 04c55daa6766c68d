//! What is answered: success, and the four shapes in which the venue refuses.

use axum::{
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::json;

use crate::auth::AuthError;

/// A success. Its JSON is made after the venue is let go of.
pub(crate) struct Answer {
    status: StatusCode,
    body: Option<Box<dyn FnOnce() -> serde_json::Result<Vec<u8>> + Send>>,
}

impl Answer {
    /// 200 with a body.
    pub(crate) fn ok(body: impl Serialize + Send + 'static) -> Answer {
        Answer::with(StatusCode::OK, body)
    }

    /// 201 with a body.
    pub(crate) fn created(body: impl Serialize + Send + 'static) -> Answer {
        Answer::with(StatusCode::CREATED, body)
    }

    pub(crate) fn with(status: StatusCode, body: impl Serialize + Send + 'static) -> Answer {
        Answer { status, body: Some(Box::new(move || serde_json::to_vec(&body))) }
    }

    /// A status alone.
    pub(crate) fn empty(status: StatusCode) -> Answer {
        Answer { status, body: None }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self.body.map(|body| body()) {
            None => self.status.into_response(),
            Some(Ok(body)) => json_response(self.status, body),
            Some(Err(error)) => {
                tracing::error!(%error, "an answer could not be written as JSON");
                Refusal::internal("the answer could not be written").into_response()
            }
        }
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// `{"error":{"code","message","details"?}}`: most of them.
    Nested { status: StatusCode, code: &'static str, message: String, details: Option<String> },
    /// `{"code","message","details"?}`: bodies that cannot be read, and a WebSocket handshake.
    Flat { status: StatusCode, code: &'static str, message: String, details: Option<String> },
    /// `{"msg"}`: queries that cannot be read.
    Query(String),
    /// `{"error":"too many requests"}`.
    TooManyRequests,
}

impl Refusal {
    pub(crate) fn nested(status: StatusCode, code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal::Nested { status, code, message: message.into(), details: None }
    }

    /// 400.
    pub(crate) fn bad(code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal::nested(StatusCode::BAD_REQUEST, code, message)
    }

    /// 404.
    pub(crate) fn not_found(what: &str) -> Refusal {
        Refusal::nested(StatusCode::NOT_FOUND, "not_found", format!("{what} not found"))
    }

    /// 403.
    pub(crate) fn forbidden(message: impl Into<String>) -> Refusal {
        Refusal::nested(StatusCode::FORBIDDEN, "permission_denied", message)
    }

    /// 500.
    pub(crate) fn internal(message: impl Into<String>) -> Refusal {
        Refusal::nested(StatusCode::INTERNAL_SERVER_ERROR, "internal_server_error", message)
    }

    /// 400 for a body.
    pub(crate) fn body(code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal::Flat { status: StatusCode::BAD_REQUEST, code, message: message.into(), details: None }
    }

    /// The same where a WebSocket handshake is refused: flat.
    pub(crate) fn flat(self) -> Refusal {
        match self {
            Refusal::Nested { status, code, message, details } => Refusal::Flat { status, code, message, details },
            other => other,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Refusal::Nested { status, .. } | Refusal::Flat { status, .. } => *status,
            Refusal::Query(_) => StatusCode::BAD_REQUEST,
            Refusal::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// Code, message and details, as an item of a batch gives them.
    pub(crate) fn parts(&self) -> (&str, &str, Option<&str>) {
        match self {
            Refusal::Nested { code, message, details, .. } | Refusal::Flat { code, message, details, .. } => {
                (code, message, details.as_deref())
            }
            Refusal::Query(message) => ("invalid_parameters", message, None),
            Refusal::TooManyRequests => ("too_many_requests", "too many requests", None),
        }
    }
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Refusal {
        Refusal::Nested {
            status: StatusCode::UNAUTHORIZED,
            code: error.code(),
            message: error.to_string(),
            details: error.details().map(str::to_owned),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Said<'a> {
            code: &'a str,
            message: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            details: Option<&'a str>,
        }

        let status = self.status();
        let (code, message, details) = self.parts();
        let said = Said { code, message, details };
        let body = match self {
            Refusal::Nested { .. } => json!({ "error": said }),
            Refusal::Flat { .. } => json!(said),
            Refusal::Query(_) => json!({ "msg": said.message }),
            Refusal::TooManyRequests => json!({ "error": said.message }),
        };
        json_response(status, body.to_string().into_bytes())
    }
}

pub(super) fn json_response(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
