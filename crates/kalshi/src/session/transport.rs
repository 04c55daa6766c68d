//! Opens one WebSocket connection: resolves, connects, encrypts, signs the handshake, and reads a refusal.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::{Instant, sleep},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{self, pki_types::CertificateDer},
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{self, client::IntoClientRequest, protocol::WebSocketConfig},
};
use url::Url;

use super::error::ConnectError;
use crate::{client::VenueAnswer, credentials::Credentials, further_roots::FurtherRoots, wall_clock::VenueClock};

/// The venue's own limit for one message.
const MESSAGE_LIMIT: usize = 64 << 20;

/// A byte stream, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// An open connection.
pub(super) type Socket = WebSocketStream<Box<dyn Stream>>;

/// What it takes to open connections to one venue.
pub(super) struct Dialer {
    url: Url,
    credentials: Credentials,
    clock: Arc<VenueClock>,
    timeout: Duration,
    /// Absent where the URL is not encrypted.
    tls: Option<TlsConnector>,
}

impl Dialer {
    /// Sets up TLS with the platform's roots of trust, as REST calls use them, and these further ones, where the URL
    /// asks for it.
    pub(super) fn new(
        url: Url,
        credentials: Credentials,
        clock: Arc<VenueClock>,
        timeout: Duration,
        further_roots: &FurtherRoots,
    ) -> Result<Dialer, ConnectError> {
        let tls = match url.scheme() {
            "wss" => {
                let roots = further_roots.certificates().map_err(ConnectError::RootCertificate)?;
                Some(tls(roots).map_err(|error| transport(&url, io::Error::other(error)))?)
            }
            _ => None,
        };
        Ok(Dialer { url, credentials, clock, timeout, tls })
    }

    /// Opens a connection. A refusal for a wrong clock corrects the clock by the venue's, so that the next attempt
    /// can succeed.
    pub(super) async fn dial(&self) -> Result<Socket, ConnectError> {
        tokio::time::timeout(self.timeout, self.open()).await.unwrap_or(Err(ConnectError::Timeout(self.timeout)))
    }

    async fn open(&self) -> Result<Socket, ConnectError> {
        let unusable = || ConnectError::Url(self.url.to_string());
        let host = self.url.host_str().ok_or_else(unusable)?;
        let port = self.url.port_or_known_default().ok_or_else(unusable)?;
        // An IPv6 address stands in brackets in a URL, and nowhere else.
        let host = host.trim_matches(['[', ']']);
        let addresses = lookup_host((host, port)).await.map_err(|error| transport(&self.url, error))?;
        let tcp = connect(addresses).await.map_err(|error| transport(&self.url, error))?;
        // Commands are small and wanted at once.
        tcp.set_nodelay(true).map_err(|error| transport(&self.url, error))?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(tcp),
            Some(tls) => {
                let name = rustls::pki_types::ServerName::try_from(host.to_owned()).map_err(|_| unusable())?;
                Box::new(tls.connect(name, tcp).await.map_err(|error| transport(&self.url, error))?)
            }
        };
        let mut request = self.url.as_str().into_client_request().map_err(|_| unusable())?;
        let signed =
            self.credentials.headers("GET", self.url.path(), self.clock.unix_millis()).map_err(ConnectError::Sign)?;
        for (name, value) in signed {
            let value = value.parse().map_err(|_| ConnectError::Handshake(format!("{name} is no header value")))?;
            request.headers_mut().insert(name, value);
        }
        let config =
            WebSocketConfig::default().max_message_size(Some(MESSAGE_LIMIT)).max_frame_size(Some(MESSAGE_LIMIT));
        let began = Instant::now();
        match client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                let answer = VenueAnswer::parse(response.status().as_u16(), body);
                // Of a body that comes in several packets only the first may be here, without the code.
                let may_be_skew = answer.status == 401 && answer.code.is_none();
                let refused = ConnectError::Refused { answer };
                if (refused.is_clock_skew() || may_be_skew)
                    && let Some(date) = response.headers().get("date").and_then(|date| date.to_str().ok())
                {
                    self.clock.learn_from_date(date, began.elapsed());
                }
                Err(refused)
            }
            Err(tungstenite::Error::Io(error)) => Err(transport(&self.url, error)),
            Err(error) => Err(ConnectError::Handshake(error.to_string())),
        }
    }
}

/// After this long without an answer from one address the next is tried as well.
const NEXT_ADDRESS: Duration = Duration::from_millis(250);

/// Connects to the first of a host's addresses that answers. They are tried in their order, each a little after the
/// one before it: one that answers nothing (IPv6 that leads nowhere) must not use up the time of all.
async fn connect(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let mut addresses = addresses.peekable();
    let mut attempts = FuturesUnordered::new();
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    loop {
        if let Some(address) = addresses.next() {
            attempts.push(TcpStream::connect(address));
        }
        let more = addresses.peek().is_some();
        tokio::select! {
            done = attempts.next() => match done {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => failed = error,
                None => return Err(failed),
            },
            () = sleep(NEXT_ADDRESS), if more => {}
        }
    }
}

fn tls(further_roots: Vec<CertificateDer<'static>>) -> Result<TlsConnector, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(further_roots, Arc::clone(&provider))?;
    // What rustls calls dangerous is any verifier but its own; this one asks the platform.
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn transport(url: &Url, source: io::Error) -> ConnectError {
    ConnectError::Transport { host: url.host_str().unwrap_or_default().to_owned(), source }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_address_that_answers_nothing_holds_up_no_other() {
        // Nobody accepts here, and the queue of those who wait is full: another attempt is answered by nothing.
        let silent = tokio::net::TcpSocket::new_v4().unwrap();
        silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let silent = silent.listen(1).unwrap();
        let nowhere = silent.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(nowhere)).await {
            waiting.push(stream);
        }
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = open.local_addr().unwrap();
        let closed = {
            let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
            closed.local_addr().unwrap()
        };
        for addresses in [vec![there], vec![nowhere, there], vec![closed, nowhere, closed, there]] {
            let connected = tokio::time::timeout(Duration::from_secs(10), connect(addresses.into_iter())).await;
            assert_eq!(connected.unwrap().unwrap().peer_addr().unwrap(), there);
        }
        let refused = connect([closed].into_iter()).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(connect(std::iter::empty()).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
