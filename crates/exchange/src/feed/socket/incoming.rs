//! What clients send: frames out of a stream of bytes, messages out of frames. No I/O.

use std::io::Cursor;

use bytes::{Buf, BytesMut};
use tokio_tungstenite::tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};

use super::deflate::{Decompressor, Deflate, Inflating};

/// Something that a client said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming<'a> {
    Text(&'a str),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
}

/// How a client broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// Frames that must not be, or not in this place.
    Protocol,
    /// A message that is not text.
    NotText,
    /// Text that is not UTF-8, or cannot be decompressed.
    Corrupt,
    /// A message that is too long.
    TooLong,
}

impl Violation {
    /// What the connection is closed with.
    pub(super) const fn code(self) -> u16 {
        match self {
            Violation::Protocol => 1002,
            Violation::NotText => 1003,
            Violation::Corrupt => 1007,
            Violation::TooLong => 1009,
        }
    }
}

/// Puts messages together.
pub(super) struct Inbox {
    decompressor: Option<Decompressor>,
    most: usize,
    /// The message that is being received, or was given last.
    message: Vec<u8>,
    /// Whether one is being received, and whether it is compressed.
    receiving: Option<bool>,
}

impl Inbox {
    pub(super) fn new(deflate: Option<Deflate>, most: usize) -> Inbox {
        let decompressor = deflate.map(|deflate| Decompressor::new(&deflate));
        Inbox { decompressor, most, message: Vec::new(), receiving: None }
    }

    /// Takes frames from the front of the buffer until one completes something; `None` if more bytes are needed.
    pub(super) fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Incoming<'_>>, Violation> {
        loop {
            let mut cursor = Cursor::new(&buffer[..]);
            let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(|_| Violation::Protocol)? else {
                return Ok(None);
            };
            let start = cursor.position() as usize;
            let length = usize::try_from(length).map_err(|_| Violation::TooLong)?;
            let (is_control, fin) = (matches!(header.opcode, OpCode::Control(_)), header.is_final);
            // A client masks everything; only the first frame of a message says that it is compressed.
            let Some(mask) = header.mask else { return Err(Violation::Protocol) };
            let starts = matches!(header.opcode, OpCode::Data(Data::Text | Data::Binary));
            let rsv1_allowed = starts && self.decompressor.is_some();
            if header.rsv2 || header.rsv3 || header.rsv1 && !rsv1_allowed || is_control && (length > 125 || !fin) {
                return Err(Violation::Protocol);
            }
            if !is_control && length > self.most.saturating_sub(if starts { 0 } else { self.message.len() }) {
                return Err(Violation::TooLong);
            }
            if buffer.len() - start < length {
                return Ok(None);
            }
            buffer.advance(start);
            let mut payload = buffer.split_to(length);
            payload.iter_mut().zip(mask.into_iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
            match header.opcode {
                OpCode::Control(Control::Ping) => return Ok(Some(Incoming::Ping(payload.to_vec()))),
                OpCode::Control(Control::Pong) => return Ok(Some(Incoming::Pong)),
                OpCode::Control(Control::Close) => return close(&payload).map(Some),
                OpCode::Data(Data::Binary) => return Err(Violation::NotText),
                OpCode::Data(Data::Text) if self.receiving.is_none() => {
                    self.receiving = Some(header.rsv1);
                    self.message.clear();
                }
                OpCode::Data(Data::Continue) if self.receiving.is_some() => {}
                _ => return Err(Violation::Protocol),
            }
            self.message.extend_from_slice(&payload);
            if fin {
                let compressed = self.receiving.take() == Some(true);
                if let Some(decompressor) = self.decompressor.as_mut().filter(|_| compressed) {
                    decompressor.message(&mut self.message, self.most).map_err(|why| match why {
                        Inflating::Corrupt => Violation::Corrupt,
                        Inflating::TooLong => Violation::TooLong,
                    })?;
                }
                return match str::from_utf8(&self.message) {
                    Ok(text) => Ok(Some(Incoming::Text(text))),
                    Err(_) => Err(Violation::Corrupt),
                };
            }
        }
    }
}

fn close(payload: &[u8]) -> Result<Incoming<'static>, Violation> {
    match payload {
        [] => Ok(Incoming::Close(None)),
        [high, low, reason @ ..] if str::from_utf8(reason).is_ok() => match u16::from_be_bytes([*high, *low]) {
            code @ (1000..=1003 | 1007..=1014 | 3000..=4999) => Ok(Incoming::Close(Some(code))),
            _ => Err(Violation::Protocol),
        },
        _ => Err(Violation::Protocol),
    }
}
