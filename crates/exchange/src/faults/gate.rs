//! A stream that can be made to stand still, trickle, or break: under the WebSocket of each connection.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use hyper::upgrade::Upgraded;
use hyper_util::{rt::TokioIo, server::conn::auto::upgrade::downcast};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};
use tokio_rustls::server::TlsStream;

/// A trickle comes in drops at this interval.
const DROP: Duration = Duration::from_millis(50);

/// What is done to a stream from outside. Open, it costs one branch for each call.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    shut: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    broken: bool,
    half_open: Option<Instant>,
    unread: Option<Instant>,
    /// Until when, and bytes a second.
    trickle: Option<(Instant, u64)>,
    next_drop: Option<Instant>,
}

impl Gate {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.shut.store(true, Ordering::Release);
    }

    /// The connection is reset, when it is next written to.
    pub(super) fn reset(&self) {
        self.change(|state| state.broken = true);
    }

    /// Nothing goes through for so long.
    pub(super) fn hold(&self, lasts: Duration) {
        self.change(|state| state.half_open = Some(Instant::now() + lasts));
    }

    /// Nothing is read for so long.
    pub(super) fn stop_reading(&self, lasts: Duration) {
        self.change(|state| state.unread = Some(Instant::now() + lasts));
    }

    /// So many bytes a second are written for so long.
    pub(super) fn trickle(&self, lasts: Duration, rate: u64) {
        self.change(|state| state.trickle = Some((Instant::now() + lasts, rate)));
    }

    fn asked(&self, ask: impl FnOnce(&mut State, Instant) -> Way) -> Way {
        if !self.shut.load(Ordering::Acquire) {
            return Way::Free;
        }
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.half_open.filter(|&until| now < until) {
            _ if state.broken => Way::Broken,
            Some(until) => Way::Until(until),
            None => ask(&mut state, now),
        }
    }

    fn reads(&self) -> Way {
        self.asked(|state, now| state.unread.filter(|&until| now < until).map_or(Way::Free, Way::Until))
    }

    fn writes(&self) -> Way {
        self.asked(|state, now| {
            let Some((_, rate)) = state.trickle.filter(|(until, _)| now < *until) else { return Way::Free };
            if let Some(next) = state.next_drop.filter(|&next| now < next) {
                return Way::Until(next);
            }
            state.next_drop = Some(now + DROP);
            Way::AtMost(usize::try_from(rate / 20).unwrap_or(usize::MAX).max(1))
        })
    }

    fn flushes(&self) -> Way {
        self.asked(|_, _| Way::Free)
    }

    /// Until when the stream is held.
    fn held(&self) -> Option<Instant> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).half_open.filter(|&until| Instant::now() < until)
    }
}

/// How a call may go on.
enum Way {
    Free,
    AtMost(usize),
    Until(Instant),
    Broken,
}

/// A stream behind a gate. A half-open one is not closed before its time, whoever drops it.
pub(crate) struct Gated {
    gate: Arc<Gate>,
    /// What was read with the handshake already.
    early: Bytes,
    stream: Option<Stream>,
    reading: Option<Pin<Box<Sleep>>>,
    writing: Option<Pin<Box<Sleep>>>,
}

enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Whatever else the router is served on: it cannot be reset, only closed.
    Other(TokioIo<Upgraded>),
}

impl Gated {
    pub(crate) fn new(upgraded: Upgraded, gate: Arc<Gate>) -> Gated {
        let tls = |upgraded| match downcast::<TokioIo<TlsStream<TcpStream>>>(upgraded) {
            Ok(parts) => (Stream::Tls(Box::new(parts.io.into_inner())), parts.read_buf),
            Err(upgraded) => (Stream::Other(TokioIo::new(upgraded)), Bytes::new()),
        };
        let (stream, early) = match downcast::<TokioIo<TcpStream>>(upgraded) {
            Ok(parts) => (Stream::Tcp(parts.io.into_inner()), parts.read_buf),
            Err(upgraded) => tls(upgraded),
        };
        Gated { gate, early, stream: Some(stream), reading: None, writing: None }
    }

    fn broken(&self) -> io::Error {
        let stream = match &self.stream {
            Some(Stream::Tcp(stream)) => Some(stream),
            // Without the goodbye of TLS.
            Some(Stream::Tls(stream)) => Some(stream.get_ref().0),
            _ => None,
        };
        if let Some(stream) = stream
            && let Err(error) = stream.set_zero_linger()
        {
            tracing::warn!(%error, "SO_LINGER could not be set: the connection is closed, not reset");
        }
        io::ErrorKind::ConnectionReset.into()
    }

    fn stream(&mut self) -> Pin<&mut Stream> {
        Pin::new(self.stream.as_mut().expect("only a drop takes it"))
    }
}

impl Drop for Gated {
    fn drop(&mut self) {
        if let Some(until) = self.gate.held()
            && let Some(stream) = self.stream.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                sleep_until(until).await;
                drop(stream);
            });
        }
    }
}

/// Sleeps; when the time has come already, the task is woken to ask again.
fn wait(sleep: &mut Option<Pin<Box<Sleep>>>, until: Instant, cx: &mut Context<'_>) {
    let sleep = sleep.insert(Box::pin(sleep_until(until)));
    if sleep.as_mut().poll(cx).is_ready() {
        cx.waker().wake_by_ref();
    }
}

impl AsyncRead for Gated {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.gate.reads() {
            Way::Free | Way::AtMost(_) => {}
            Way::Until(until) => {
                wait(&mut self.reading, until, cx);
                return Poll::Pending;
            }
            Way::Broken => return Poll::Ready(Err(self.broken())),
        }
        if !self.early.is_empty() {
            let length = self.early.len().min(buf.remaining());
            buf.put_slice(&self.early[..length]);
            self.early.advance(length);
            return Poll::Ready(Ok(()));
        }
        self.stream().poll_read(cx, buf)
    }
}

impl AsyncWrite for Gated {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.gate.writes() {
            Way::Free => self.stream().poll_write(cx, buf),
            Way::AtMost(most) => self.stream().poll_write(cx, &buf[..buf.len().min(most)]),
            Way::Until(until) => {
                wait(&mut self.writing, until, cx);
                Poll::Pending
            }
            Way::Broken => Poll::Ready(Err(self.broken())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.gate.flushes() {
            Way::Free | Way::AtMost(_) => self.stream().poll_flush(cx),
            Way::Until(until) => {
                wait(&mut self.writing, until, cx);
                Poll::Pending
            }
            Way::Broken => Poll::Ready(Err(self.broken())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        self.stream().poll_shutdown(cx)
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Other(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Other(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Other(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Other(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
