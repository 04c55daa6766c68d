//! What the venue says when it refuses: four shapes of JSON, read into one.

use std::fmt;

use serde_json::{Map, Value};

/// How much of a text without structure is kept.
const TEXT_LIMIT: usize = 500;

/// A refusal of the venue: the HTTP status, and whatever of code, message and details it gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VenueAnswer {
    /// The HTTP status.
    pub status: u16,
    /// What went wrong, for programs. It may end in something particular to this answer
    /// (`user_not_found:_<uuid>`): compare with [`has_code`](Self::has_code).
    pub code: Option<String>,
    /// What went wrong, for people.
    pub message: Option<String>,
    /// More about it; JSON where the venue gave structure.
    pub details: Option<String>,
}

impl VenueAnswer {
    /// Reads the body of a refusal: `{"error":{"code",…}}`, `{"code",…}`, `{"msg"}`, `{"error":"…"}`, or any text.
    pub fn parse(status: u16, body: &[u8]) -> VenueAnswer {
        let parsed = match serde_json::from_slice::<Value>(body) {
            Ok(Value::Object(object)) => object,
            _ => {
                let text = String::from_utf8_lossy(&body[..body.len().min(TEXT_LIMIT)]).trim().to_owned();
                let message = (!text.is_empty()).then_some(text);
                return VenueAnswer { status, message, ..VenueAnswer::default() };
            }
        };
        let of = |object: &Map<String, Value>| VenueAnswer {
            status,
            code: text(object.get("code")),
            message: text(object.get("message")).or_else(|| text(object.get("msg"))),
            details: text(object.get("details")),
        };
        match parsed.get("error") {
            Some(Value::Object(error)) => of(error),
            Some(error @ Value::String(_)) => VenueAnswer { message: text(Some(error)), ..of(&parsed) },
            _ => of(&parsed),
        }
    }

    /// Whether the code is `code`, or begins with it and goes on with something that is no letter or digit.
    pub fn has_code(&self, code: &str) -> bool {
        self.code.as_deref().and_then(|own| own.strip_prefix(code)).is_some_and(|rest| {
            // `not_found` is not the code `not_found_anywhere`; `not_found:_1` is.
            !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        })
    }

    /// Whether it refuses a duplicate: by the code `order_already_exists` or another that says so, or, with 409, by
    /// none.
    pub(super) fn says_duplicate(&self) -> bool {
        self.code.as_deref().is_none_or(|code| code.contains("already_exists") || code.contains("duplicate"))
    }

    /// Whether anything was said besides the status.
    pub fn says_something(&self) -> bool {
        self.code.is_some() || self.message.is_some() || self.details.is_some()
    }
}

/// Status, code, message and details, as far as they were given.
impl fmt::Display for VenueAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        if let Some(details) = &self.details {
            write!(f, " ({details})")?;
        }
        Ok(())
    }
}

/// A field's text; other JSON in its own spelling; nothing for null and "".
fn text(field: Option<&Value>) -> Option<String> {
    match field? {
        Value::Null => None,
        Value::String(text) => (!text.is_empty()).then(|| text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: &str, message: &str, details: &str) -> VenueAnswer {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        VenueAnswer { status: 400, code: some(code), message: some(message), details: some(details) }
    }

    #[test]
    fn all_shapes_are_read() {
        for (body, expected) in [
            (
                r#"{"error":{"code":"invalid_order","message":"no","details":"post only cross"}}"#,
                answer("invalid_order", "no", "post only cross"),
            ),
            (r#"{"error":{"code":"not_found"}}"#, answer("not_found", "", "")),
            (
                r#"{"code":"invalid_parameters","message":"bad","details":null}"#,
                answer("invalid_parameters", "bad", ""),
            ),
            (r#"{"code":"x","details":{"field":"price"}}"#, answer("x", "", r#"{"field":"price"}"#)),
            (r#"{"msg":"limit above max"}"#, answer("", "limit above max", "")),
            (r#"{"error":"too many requests"}"#, answer("", "too many requests", "")),
            ("<html>Bad Gateway</html>", answer("", "<html>Bad Gateway</html>", "")),
            ("{}", answer("", "", "")),
            ("[]", answer("", "[]", "")),
            ("", answer("", "", "")),
        ] {
            assert_eq!(VenueAnswer::parse(400, body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn codes_are_compared_up_to_their_particular_end() {
        let with = |code| answer(code, "", "");
        assert!(with("user_not_found:_6f1c").has_code("user_not_found"));
        assert!(with("not_found").has_code("not_found"));
        assert!(!with("not_found_anywhere").has_code("not_found"));
        assert!(!with("").has_code("not_found"));
    }

    #[test]
    fn a_long_text_is_cut() {
        let answer = VenueAnswer::parse(502, "é".repeat(10_000).as_bytes());
        assert!(answer.message.unwrap().len() <= TEXT_LIMIT + 3);
    }
}
