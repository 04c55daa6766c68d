//! What clients may send, and what they may not.

use bytes::BytesMut;

use super::{
    frame,
    incoming::{Inbox, Incoming, Violation},
};

const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// A client's frame.
fn sent(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame(&mut bytes, 0, false, payload);
    let header = bytes.len() - payload.len();
    bytes[0] = first;
    bytes[1] |= 0x80;
    let masked = payload.iter().zip(MASK.into_iter().cycle()).map(|(byte, mask)| byte ^ mask);
    [&bytes[..header], &MASK, &masked.collect::<Vec<_>>()].concat()
}

/// Everything that an inbox makes of these frames, which come byte by byte.
fn read(frames: &[Vec<u8>], most: usize) -> Result<Vec<String>, Violation> {
    let mut inbox = Inbox::new(None, most);
    let mut buffer = BytesMut::new();
    let mut said = Vec::new();
    for &byte in frames.concat().iter() {
        buffer.extend_from_slice(&[byte]);
        while let Some(incoming) = inbox.next(&mut buffer)? {
            said.push(match incoming {
                Incoming::Text(text) => text.to_owned(),
                other => format!("{other:?}"),
            });
        }
    }
    Ok(said)
}

#[test]
fn messages_come_whole_and_in_pieces_with_control_frames_between() {
    let long = "é".repeat(40_000);
    let frames = [
        sent(0x81, b"one"),
        sent(0x01, b"tw"),
        sent(0x89, b"ping"),
        sent(0x80, b"o"),
        sent(0x81, b""),
        sent(0x8A, b""),
        sent(0x81, long.as_bytes()),
        sent(0x88, &[0x03, 0xE8, b'b', b'y', b'e']),
        sent(0x88, &[]),
    ];
    let said = read(&frames, 1 << 20).unwrap();
    let ping = format!("{:?}", Incoming::Ping(b"ping".to_vec()));
    assert_eq!(said, ["one", &ping, "two", "", "Pong", &long, "Close(Some(1000))", "Close(None)"]);
}

#[test]
fn what_breaks_the_protocol_is_called_that() {
    let mut bare = Vec::new();
    frame(&mut bare, 1, false, b"without a mask");
    for (frames, violation) in [
        (vec![bare], Violation::Protocol),
        (vec![sent(0x82, b"binary")], Violation::NotText),
        (vec![sent(0x81, &[0xC3])], Violation::Corrupt),
        (vec![sent(0xC1, b"compressed, which was not agreed on")], Violation::Protocol),
        (vec![sent(0x91, b"another reserved bit")], Violation::Protocol),
        (vec![sent(0x80, b"goes on with nothing")], Violation::Protocol),
        (vec![sent(0x01, b"begins"), sent(0x81, b"and begins")], Violation::Protocol),
        (vec![sent(0x09, b"a ping in pieces")], Violation::Protocol),
        (vec![sent(0x89, &[0; 126])], Violation::Protocol),
        (vec![sent(0x83, b"an opcode that is none")], Violation::Protocol),
        (vec![sent(0x88, &[0x03])], Violation::Protocol),
        (vec![sent(0x88, &[0x03, 0xED])], Violation::Protocol),
        (vec![sent(0x81, &[b'a'; 101])], Violation::TooLong),
        (vec![sent(0x01, &[b'a'; 60]), sent(0x80, &[b'a'; 60])], Violation::TooLong),
    ] {
        assert_eq!(read(&frames, 100), Err(violation), "{frames:?}");
    }
}
