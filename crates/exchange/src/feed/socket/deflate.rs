//! The extension `permessage-deflate` (RFC 7692): its negotiation, and messages through it.

use std::io;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// What was agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deflate {
    /// The server forgets between messages what it sent.
    pub server_no_context_takeover: bool,
    /// The client does.
    pub client_no_context_takeover: bool,
    /// The logarithm of the server's window, 9 to 15.
    pub server_max_window_bits: u8,
}

/// How every compressed message would end, which is left out on the wire.
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

impl Deflate {
    /// Takes the first acceptable offer in the values of `Sec-WebSocket-Extensions`, in their order; `None` if there is
    /// none: then nothing is compressed.
    pub fn negotiate<'a>(offers: impl IntoIterator<Item = &'a str>) -> Option<Deflate> {
        offers.into_iter().flat_map(|value| value.split(',')).find_map(Deflate::accept)
    }

    /// The answering value of `Sec-WebSocket-Extensions`.
    pub fn header(&self) -> String {
        let mut header = "permessage-deflate".to_owned();
        if self.server_no_context_takeover {
            header += "; server_no_context_takeover";
        }
        if self.client_no_context_takeover {
            header += "; client_no_context_takeover";
        }
        if self.server_max_window_bits < 15 {
            header += &format!("; server_max_window_bits={}", self.server_max_window_bits);
        }
        header
    }

    /// An offer with a parameter that is unknown, malformed, repeated or cannot be kept is declined as a whole.
    fn accept(offer: &str) -> Option<Deflate> {
        let mut parts = offer.split(';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case("permessage-deflate") {
            return None;
        }
        let mut deflate = Deflate {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: 15,
        };
        let mut seen = Vec::new();
        for part in parts {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
                None => (part, None),
            };
            let bits =
                |value: &str| value.parse().ok().filter(|bits| (8..=15).contains(bits) && !value.starts_with('0'));
            match (name, value) {
                _ if seen.contains(&name) => return None,
                ("server_no_context_takeover", None) => deflate.server_no_context_takeover = true,
                ("client_no_context_takeover", None) => deflate.client_no_context_takeover = true,
                // Zlib has no raw stream with a window of 2^8.
                ("server_max_window_bits", Some(value)) => {
                    deflate.server_max_window_bits = bits(value).filter(|&bits| bits > 8)?;
                }
                // A hint that the client's window may be limited; ours takes any.
                ("client_max_window_bits", None) => {}
                ("client_max_window_bits", Some(value)) => drop(bits(value)?),
                _ => return None,
            }
            seen.push(name);
        }
        Some(deflate)
    }
}

/// Compresses messages.
pub(super) struct Compressor {
    stream: Compress,
    forgets: bool,
    out: Vec<u8>,
}

impl Compressor {
    pub(super) fn new(deflate: &Deflate) -> Compressor {
        let stream = Compress::new_with_window_bits(Compression::fast(), false, deflate.server_max_window_bits);
        Compressor { stream, forgets: deflate.server_no_context_takeover, out: Vec::new() }
    }

    /// The message's payload.
    pub(super) fn message(&mut self, text: &[u8]) -> io::Result<&[u8]> {
        self.out.clear();
        let start = self.stream.total_in();
        loop {
            self.out.reserve(text.len() / 4 + 64);
            let done = (self.stream.total_in() - start) as usize;
            self.stream.compress_vec(&text[done..], &mut self.out, FlushCompress::Sync).map_err(io::Error::other)?;
            // Room that was left says that the flush is complete.
            if (self.stream.total_in() - start) as usize == text.len() && self.out.len() < self.out.capacity() {
                break;
            }
        }
        if self.forgets {
            self.stream.reset();
        }
        // Nothing is flushed twice in a row: a second empty message gets the empty block that the first one got.
        if self.out.is_empty() {
            self.out.push(0);
        }
        Ok(self.out.strip_suffix(&TAIL).unwrap_or(&self.out))
    }
}

/// Why a message could not be decompressed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Inflating {
    Corrupt,
    TooLong,
}

/// Decompresses messages.
pub(super) struct Decompressor {
    stream: Decompress,
    forgets: bool,
}

impl Decompressor {
    pub(super) fn new(deflate: &Deflate) -> Decompressor {
        Decompressor { stream: Decompress::new(false), forgets: deflate.client_no_context_takeover }
    }

    /// Replaces a payload by the message in it, of at most so many bytes.
    pub(super) fn message(&mut self, payload: &mut Vec<u8>, most: usize) -> Result<(), Inflating> {
        payload.extend_from_slice(&TAIL);
        let mut out = Vec::with_capacity((payload.len() * 4).min(most + 1));
        let start = self.stream.total_in();
        loop {
            let done = (self.stream.total_in() - start) as usize;
            let before = out.len();
            let status = self.stream.decompress_vec(&payload[done..], &mut out, FlushDecompress::Sync);
            match status.map_err(|_| Inflating::Corrupt)? {
                _ if out.len() > most => return Err(Inflating::TooLong),
                Status::StreamEnd => {
                    self.stream.reset(false);
                    break;
                }
                _ if out.len() == out.capacity() => out.reserve(out.len().max(64).min(most + 1 - out.len())),
                _ if (self.stream.total_in() - start) as usize == payload.len() => break,
                _ if out.len() == before => return Err(Inflating::Corrupt),
                _ => {}
            }
        }
        if self.forgets {
            self.stream.reset(false);
        }
        *payload = out;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_acceptable_offer_is_taken() {
        let negotiate = |offer: &str| Deflate::negotiate([offer]).map(|deflate| deflate.header());
        for (offer, answer) in [
            ("permessage-deflate", Some("permessage-deflate")),
            ("permessage-deflate; client_max_window_bits", Some("permessage-deflate")),
            (
                "x-webkit-deflate-frame, permessage-deflate; server_no_context_takeover; client_no_context_takeover",
                Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
            ),
            (
                "permessage-deflate; server_max_window_bits=10, permessage-deflate",
                Some("permessage-deflate; server_max_window_bits=10"),
            ),
            (
                "permessage-deflate; server_max_window_bits=\"12\"",
                Some("permessage-deflate; server_max_window_bits=12"),
            ),
            ("permessage-deflate; server_max_window_bits=8, permessage-deflate", Some("permessage-deflate")),
            ("permessage-deflate; server_max_window_bits=16", None),
            ("permessage-deflate; server_max_window_bits", None),
            ("permessage-deflate; client_max_window_bits=7", None),
            ("permessage-deflate; server_no_context_takeover=1", None),
            ("permessage-deflate; client_max_window_bits; client_max_window_bits", None),
            ("permessage-deflate; surprise", None),
            ("permessage-bzip2", None),
            ("", None),
        ] {
            assert_eq!(negotiate(offer).as_deref(), answer, "{offer}");
        }
    }

    proptest! {
        #[test]
        fn messages_survive(
            messages in prop::collection::vec(prop::collection::vec(prop_oneof![Just(b'a'), any::<u8>()], 0..3_000), 1..8),
            forgets: bool, bits in 9u8..=15,
        ) {
            let deflate = Deflate {
                server_no_context_takeover: forgets,
                client_no_context_takeover: forgets,
                server_max_window_bits: bits,
            };
            let (mut compressor, mut decompressor) = (Compressor::new(&deflate), Decompressor::new(&deflate));
            for message in messages {
                let mut payload = compressor.message(&message).unwrap().to_vec();
                decompressor.message(&mut payload, 3_000).unwrap();
                prop_assert_eq!(payload, message);
            }
        }
    }

    #[test]
    fn empty_messages_are_messages() {
        let deflate = Deflate::negotiate(["permessage-deflate"]).unwrap();
        let (mut compressor, mut decompressor) = (Compressor::new(&deflate), Decompressor::new(&deflate));
        for message in [&b""[..], b"", b"what comes after them", b""] {
            let mut payload = compressor.message(message).unwrap().to_vec();
            decompressor.message(&mut payload, 100).unwrap();
            assert_eq!(payload, message);
        }
    }

    #[test]
    fn a_bomb_is_not_blown_up() {
        let deflate = Deflate::negotiate(["permessage-deflate"]).unwrap();
        let mut payload = Compressor::new(&deflate).message(&vec![b'a'; 10 << 20]).unwrap().to_vec();
        assert!(payload.len() < 1 << 20);
        assert_eq!(Decompressor::new(&deflate).message(&mut payload, 1 << 20), Err(Inflating::TooLong));
        let mut garbage = vec![0xFF; 40];
        assert_eq!(Decompressor::new(&deflate).message(&mut garbage, 1 << 20), Err(Inflating::Corrupt));
    }
}
