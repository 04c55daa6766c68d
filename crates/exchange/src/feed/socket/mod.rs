//! The driver of one socket after its handshake: what the hub has waiting goes out in whole batches, commands come in.

mod deflate;
mod handshake;
mod incoming;
#[cfg(test)]
mod tests;

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::Notify,
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};

pub use self::deflate::Deflate;
pub use self::handshake::{Upgrade, UpgradeError, upgrade};
use self::{
    deflate::Compressor,
    incoming::{Inbox, Incoming},
};
use super::{ConnectionId, Output, Standing};

/// What the driver asks of whoever holds the [`Hub`](super::Hub). Whoever implements it adds the time, and locks; what is
/// to lose, delay or corrupt frames wraps another feed and changes what [`drain`](Feed::drain) gives.
pub trait Feed: Send + Sync {
    /// A client sent a command.
    fn command(&self, connection: ConnectionId, text: &str);

    /// Takes what is waiting; see [`Hub::drain`](super::Hub::drain).
    fn drain(&self, connection: ConnectionId, output: &mut Output) -> Standing;

    /// The socket is gone.
    fn disconnect(&self, connection: ConnectionId);
}

/// How a socket is driven.
#[derive(Clone, Copy, Debug)]
pub struct ServeOptions {
    /// What the handshake agreed on.
    pub deflate: Option<Deflate>,
    /// How often the client is pinged.
    pub heartbeat: Duration,
    /// After how long a silence the client is given up. The venue does not say how long it waits.
    pub silence: Duration,
    /// All frames that wait are written with one call; else each with its own, which costs a system call each.
    pub batched: bool,
    /// The longest message that is read, in bytes.
    pub message_bytes: usize,
}

impl Default for ServeOptions {
    fn default() -> ServeOptions {
        ServeOptions {
            deflate: None,
            heartbeat: Duration::from_secs(10),
            silence: Duration::from_secs(60),
            batched: true,
            message_bytes: 64 << 20,
        }
    }
}

/// How a connection ended.
#[derive(Debug)]
pub enum Ended {
    /// The client closed it.
    ByClient,
    /// The venue closed it, with this code.
    ByVenue(u16),
    /// The client broke the protocol and was told so, with this code.
    Violation(u16),
    /// The client said nothing for too long.
    Silent,
    /// The stream broke, or ended without a word (an error of the kind `UnexpectedEof`).
    Lost(io::Error),
}

/// What a server's ping carries.
const HEARTBEAT: &[u8] = b"heartbeat";
/// So much is written with one call; the rest of a larger batch follows in pieces of this size, with pongs between them.
const PIECE: usize = 1 << 20;
/// How long the client has to answer a close frame.
const PARTING: Duration = Duration::from_secs(5);

const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// What the reader wants written.
#[derive(Debug, Default)]
struct Control {
    /// The latest ping's payload: an earlier one need not be answered.
    pong: Option<Vec<u8>>,
    /// The client's close frame, or the reason why the connection cannot go on.
    ending: Option<Parting>,
}

#[derive(Clone, Copy, Debug)]
enum Parting {
    Client(Option<u16>),
    Violation(u16),
}

/// Serves one connection until it ends, and tells the feed so, also where the future is dropped before.
///
/// Reading never waits for writing: commands are carried out while a slow client's batch is still on its way. What waits
/// then is bounded by the hub's [`Limits`](super::Limits). Needs a runtime of tokio with time enabled.
pub async fn serve<S, F>(
    stream: S,
    feed: &F,
    connection: ConnectionId,
    wake: Arc<Notify>,
    options: ServeOptions,
) -> Ended
where
    S: AsyncRead + AsyncWrite,
    F: Feed + ?Sized,
{
    let _leaving = Leaving { feed, connection };
    let control = Mutex::new(Control::default());
    let (input, output) = tokio::io::split(stream);
    let reading = read(input, feed, connection, &control, &wake, &options);
    let writing = write(output, feed, connection, &control, &wake, &options);
    tokio::select! {
        ended = reading => ended,
        ended = writing => ended,
    }
}

/// Tells the feed that the connection is gone.
struct Leaving<'a, F: Feed + ?Sized> {
    feed: &'a F,
    connection: ConnectionId,
}

impl<F: Feed + ?Sized> Drop for Leaving<'_, F> {
    fn drop(&mut self) {
        self.feed.disconnect(self.connection);
    }
}

/// Carries out commands until the stream breaks. Where the connection ends in good order the writer says how.
async fn read<F: Feed + ?Sized>(
    mut input: impl AsyncRead + Unpin,
    feed: &F,
    connection: ConnectionId,
    control: &Mutex<Control>,
    wake: &Notify,
    options: &ServeOptions,
) -> Ended {
    let mut inbox = Inbox::new(options.deflate, options.message_bytes);
    let mut buffer = BytesMut::with_capacity(16 << 10);
    loop {
        loop {
            let ending = match inbox.next(&mut buffer) {
                Ok(None) => break,
                Ok(Some(Incoming::Text(text))) => {
                    feed.command(connection, text);
                    continue;
                }
                Ok(Some(Incoming::Ping(payload))) => {
                    lock(control).pong = Some(payload);
                    wake.notify_one();
                    continue;
                }
                Ok(Some(Incoming::Pong)) => continue,
                Ok(Some(Incoming::Close(code))) => Parting::Client(code),
                Err(violation) => Parting::Violation(violation.code()),
            };
            lock(control).ending = Some(ending);
            wake.notify_one();
            return std::future::pending().await;
        }
        if buffer.capacity() - buffer.len() < 4 << 10 {
            buffer.reserve(16 << 10);
        }
        match timeout(options.silence, input.read_buf(&mut buffer)).await {
            Err(_) => return Ended::Silent,
            Ok(Ok(0)) => return Ended::Lost(io::ErrorKind::UnexpectedEof.into()),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Ended::Lost(error),
        }
    }
}

/// Writes what waits, pings and pongs until the connection ends.
async fn write<F: Feed + ?Sized>(
    mut stream: impl AsyncWrite + Unpin,
    feed: &F,
    connection: ConnectionId,
    control: &Mutex<Control>,
    wake: &Notify,
    options: &ServeOptions,
) -> Ended {
    let mut compressor = options.deflate.map(|deflate| Compressor::new(&deflate));
    let mut output = Output::new();
    let mut bytes = Vec::new();
    let mut heartbeat = interval_at(Instant::now() + options.heartbeat, options.heartbeat);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = wake.notified() => {}
            _ = heartbeat.tick() => frame(&mut bytes, PING, false, HEARTBEAT),
        }
        let mut standing = feed.drain(connection, &mut output);
        let (pong, ending) = {
            let mut control = lock(control);
            (control.pong.take(), control.ending)
        };
        if let Some(payload) = pong {
            frame(&mut bytes, PONG, false, &payload);
        }
        if ending.is_some() {
            // Whoever said goodbye reads no further.
            output.clear(0);
            standing = Standing::Open;
        }
        if let Err(error) = send(&mut stream, &output, &mut bytes, &mut compressor, options.batched, control).await {
            return Ended::Lost(error);
        }
        output.clear(PIECE);
        let ended = match (ending, standing) {
            (None, Standing::Open) => continue,
            (Some(Parting::Client(code)), _) => part(&mut stream, code.unwrap_or(1000)).await.map(|()| Ended::ByClient),
            (Some(Parting::Violation(code)), _) => part(&mut stream, code).await.map(|()| Ended::Violation(code)),
            (None, Standing::Closing(code)) => {
                let parted = part(&mut stream, code).await;
                // The answer to the close frame, which the reader takes for the client's own.
                let answered = async {
                    while lock(control).ending.is_none() {
                        wake.notified().await;
                    }
                };
                let _ = timeout(PARTING, answered).await;
                parted.map(|()| Ended::ByVenue(code))
            }
            (None, Standing::Gone) => part(&mut stream, 1001).await.map(|()| Ended::ByVenue(1001)),
        };
        let _ = stream.shutdown().await;
        return ended.unwrap_or_else(Ended::Lost);
    }
}

/// Writes frames behind the bytes that are there already.
async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    output: &Output,
    bytes: &mut Vec<u8>,
    compressor: &mut Option<Compressor>,
    batched: bool,
    control: &Mutex<Control>,
) -> io::Result<()> {
    let most = if batched { PIECE } else { 1 };
    for message in output.frames() {
        match compressor {
            Some(compressor) => {
                let text = compressor.message(message.text)?;
                frame(bytes, TEXT, true, text);
            }
            None => frame(bytes, TEXT, false, message.text),
        }
        if bytes.len() >= most {
            stream.write_all(bytes).await?;
            bytes.clear();
            if let Some(payload) = lock(control).pong.take() {
                frame(bytes, PONG, false, &payload);
            }
        }
    }
    stream.write_all(bytes).await?;
    bytes.clear();
    stream.flush().await
}

/// Says goodbye.
async fn part(stream: &mut (impl AsyncWrite + Unpin), code: u16) -> io::Result<()> {
    let mut bytes = Vec::new();
    frame(&mut bytes, CLOSE, false, &code.to_be_bytes());
    stream.write_all(&bytes).await?;
    stream.flush().await
}

/// Appends a frame as servers write them: whole, and without a mask.
fn frame(out: &mut Vec<u8>, opcode: u8, compressed: bool, payload: &[u8]) {
    let first = 0x80 | if compressed { 0x40 } else { 0 } | opcode;
    match payload.len() {
        length @ 0..126 => out.extend_from_slice(&[first, length as u8]),
        length @ 126..65_536 => {
            let [high, low] = (length as u16).to_be_bytes();
            out.extend_from_slice(&[first, 126, high, low]);
        }
        length => {
            out.extend_from_slice(&[first, 127]);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}

/// Nothing is left half done under this lock.
fn lock(control: &Mutex<Control>) -> std::sync::MutexGuard<'_, Control> {
    control.lock().unwrap_or_else(PoisonError::into_inner)
}
