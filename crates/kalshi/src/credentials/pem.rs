//! The envelope of a key: PEM text to DER bytes, in memory that is erased.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::KeyError;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";

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
    Ok(der)
}

/// The blocks of a PEM text: label and what is between its lines.
fn blocks(pem: &str) -> impl Iterator<Item = (&str, &str)> {
    pem.split(BEGIN).skip(1).filter_map(|block| {
        let (label, rest) = block.split_once("-----")?;
        let (body, _) = rest.split_once(END)?;
        Some((label, body))
    })
}
