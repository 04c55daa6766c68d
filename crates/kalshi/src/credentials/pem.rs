//! The envelope of a key: PEM text to DER bytes, in memory that is erased.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::KeyError;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
/// What OpenSSH writes into its own files, before the key.
const OPENSSH_MAGIC: &[u8] = b"openssh-key-v1\0";
/// The characters of base64 that the shortest key, which is Ed25519's, has.
const SHORTEST_KEY: usize = 64;

/// The DER bytes of the private key in `pem`: of the first block that calls itself one, else of the first block.
///
/// `\n` written as two characters counts as a line end, and any white space may stand between the lines.
pub(super) fn private_key_der(pem: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let pem = Zeroizing::new(pem.replace("\\r", ""));
    let pem = Zeroizing::new(pem.replace("\\n", "\n"));
    let (label, body) = blocks(&pem)
        .find(|(label, _)| label.contains("PRIVATE KEY"))
        .or_else(|| blocks(&pem).next())
        .ok_or(KeyError::NotPem)?;
    if label.contains("ENCRYPTED") || body.contains("ENCRYPTED") {
        return Err(KeyError::Encrypted);
    }
    if label.contains("PUBLIC") || label.contains("CERTIFICATE") {
        return Err(KeyError::Public);
    }
    let mut base64 = Zeroizing::new(String::with_capacity(body.len()));
    base64.extend(body.chars().filter(|c| !c.is_whitespace()));
    let mut der = Zeroizing::new(vec![0; base64.len().div_ceil(4) * 3]);
    let length = STANDARD.decode_slice(base64.as_bytes(), &mut der).map_err(|_| KeyError::NotBase64)?;
    der.truncate(length);
    if der.starts_with(OPENSSH_MAGIC) {
        return Err(KeyError::OpenSsh);
    }
    Ok(der)
}

/// Whether a text that should be a path is a key, or what is left of one that was copied without its first and last
/// line. A path holds no line end, and does not begin as a key in DER form does.
pub(super) fn looks_like_a_key(text: &str) -> bool {
    let text = text.trim().trim_matches(['"', '\'']);
    let is_der = || {
        let start = text.get(..8).and_then(|start| STANDARD.decode(start).ok()).unwrap_or_default();
        // A sequence, its length in one byte or three, and in it the version: an integer of one byte.
        let is_sequence = matches!(start[..], [0x30, ..0x80, 0x02, 0x01, ..] | [0x30, 0x82, _, _, 0x02, 0x01]);
        is_sequence && text.len() >= SHORTEST_KEY
    };
    let has_label = text.contains(BEGIN.trim_end()) || text.contains("BEGIN ") && text.contains("PRIVATE KEY");
    has_label || text.contains(['\n', '\r']) || is_der()
}

/// The blocks of a PEM text: label and what is between its lines.
fn blocks(pem: &str) -> impl Iterator<Item = (&str, &str)> {
    pem.split(BEGIN).skip(1).filter_map(|block| {
        let (label, rest) = block.split_once("-----")?;
        let (body, _) = rest.split_once(END)?;
        Some((label, body))
    })
}
