//! The listener: a socket, what is spoken on it, and the limits of what clients may do to it.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum_server::accept::DefaultAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Handle, Server};
use rustls::ServerConfig;

use crate::configuration::Listen;
use crate::guard::{Guard, Limits};

/// Requests that are being answered may take so long when the service is to end.
const LAST_ANSWERS: Duration = Duration::from_secs(4);
/// Octets of the head of a request.
const HEAD: usize = 64 * 1024;
/// Requests that one HTTP/2 connection may have open.
const STREAMS: u32 = 100;
/// A silent HTTP/2 connection is asked after this time whether anybody is there, who has as long for the answer.
const SILENCE: Duration = Duration::from_secs(30);
/// Files that are kept for other things than connections: the database, requests to targets.
const OTHER_FILES: u64 = 512;
/// Connections where the system tells no limit of open files.
const CONNECTIONS: u64 = 16_384;

/// The limits of a service: as many connections as the system lets the process have files.
pub(crate) fn limits() -> Limits {
    let files = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => files,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files cannot be raised");
            CONNECTIONS
        }
    };
    let connections = files.saturating_sub(OTHER_FILES).max(files / 2);
    Limits {
        connections: usize::try_from(connections).unwrap_or(usize::MAX),
        head: Duration::from_mins(1),
        unread: Duration::from_secs(30),
    }
}

/// Takes the socket.
pub(crate) fn bind(listen: &Listen) -> Result<TcpListener> {
    let host = listen.host.trim_start_matches('[').trim_end_matches(']');
    let listener = TcpListener::bind((host, listen.port))
        .with_context(|| format!("cannot listen on {listen}, choose another address with --listen"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// A server that answers requests.
pub(crate) struct Listening {
    /// The address, such as `http://127.0.0.1:8080`.
    pub(crate) address: String,
    handle: Handle<SocketAddr>,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Listening {
    /// Starts answering on a socket, with TLS where a certificate is given.
    pub(crate) fn start(
        listener: TcpListener,
        certificate: Option<Arc<ServerConfig>>,
        router: Router,
        limits: &Limits,
    ) -> Result<Self> {
        let address = listener.local_addr()?;
        let handle = Handle::new();
        let service = router.into_make_service();
        let scheme = if certificate.is_some() { "https" } else { "http" };
        let server = bounded(axum_server::from_tcp(listener)?.handle(handle.clone()), limits);
        let task = if let Some(config) = certificate {
            let config = RustlsConfig::from_config(config);
            let tls = RustlsAcceptor::new(config).acceptor(DefaultAcceptor::new());
            tokio::spawn(server.acceptor(Guard::new(tls, limits)).serve(service))
        } else {
            tokio::spawn(server.acceptor(Guard::new(DefaultAcceptor::new(), limits)).serve(service))
        };
        Ok(Self { address: format!("{scheme}://{address}"), handle, task })
    }

    /// Takes no more requests, and waits for the answers that are under way.
    pub(crate) async fn end(self) {
        self.handle.graceful_shutdown(Some(LAST_ANSWERS));
        if let Ok(Err(error)) = self.task.await {
            tracing::warn!(%error, "the listener failed");
        }
    }
}

/// A server that waits for nobody for ever.
fn bounded<A>(server: Server<SocketAddr, A>, limits: &Limits) -> Server<SocketAddr, A> {
    let mut server = server.first_request_timeout(limits.head);
    server.http_builder().http1().header_read_timeout(limits.head).max_buf_size(HEAD);
    server
        .http_builder()
        .http2()
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(HEAD).unwrap_or(u32::MAX))
        .keep_alive_interval(SILENCE)
        .keep_alive_timeout(SILENCE);
    server
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::time::{sleep, timeout};

    /// More than this takes nobody in these tests.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn start(limits: &Limits) -> Listening {
        let listen = Listen { host: "127.0.0.1".to_owned(), port: 0 };
        let large = || async { "x".repeat(64 * 1024 * 1024) };
        let router = Router::new().route("/", get(async || "here")).route("/large", get(large));
        Listening::start(bind(&listen).unwrap(), None, router, limits).unwrap()
    }

    fn short() -> Limits {
        Limits { connections: 100, head: Duration::from_millis(300), unread: Duration::from_millis(300) }
    }

    async fn connect(server: &Listening) -> TcpStream {
        TcpStream::connect(server.address.strip_prefix("http://").unwrap()).await.unwrap()
    }

    /// Everything that comes until the server closes the connection.
    async fn rest(mut stream: TcpStream) -> String {
        let mut octets = Vec::new();
        // A reset ends a connection as an end does.
        let _ = timeout(PATIENCE, stream.read_to_end(&mut octets)).await.expect("the server closes it");
        String::from_utf8_lossy(&octets).into_owned()
    }

    async fn answer(server: &Listening) -> String {
        let mut stream = connect(server).await;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        rest(stream).await
    }

    #[tokio::test]
    async fn who_sends_no_request_is_not_waited_for() {
        let server = start(&short());
        let silent = connect(&server).await;
        let mut slow = connect(&server).await;
        slow.write_all(b"GET / HTTP/1.1\r\nHost: ").await.unwrap();
        let mut idle = connect(&server).await;
        idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert_eq!(rest(silent).await, "");
        assert!(!rest(slow).await.contains("200"));
        assert!(rest(idle).await.ends_with("here"), "a connection is kept for another request, then closed");
        assert!(answer(&server).await.ends_with("here"));
        server.end().await;
    }

    #[tokio::test]
    async fn who_does_not_read_is_not_waited_for() {
        let server = start(&Limits { head: PATIENCE, ..short() });
        let mut stream = connect(&server).await;
        stream.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut first = [0; 1];
        stream.read_exact(&mut first).await.unwrap();
        timeout(PATIENCE, async {
            while server.handle.connection_count() > 0 {
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .expect("the server gives the connection up");
        drop(stream);
        let mut reader = connect(&server).await;
        reader.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        assert!(rest(reader).await.len() > 64 * 1024 * 1024, "who reads gets everything");
        server.end().await;
    }

    #[tokio::test]
    async fn there_are_only_so_many_connections() {
        let server = start(&Limits { connections: 2, head: PATIENCE, unread: PATIENCE });
        let mut two = Vec::new();
        for _ in 0..2 {
            let mut stream = connect(&server).await;
            stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            stream.read_exact(&mut [0; 1]).await.unwrap();
            two.push(stream);
        }
        assert_eq!(answer(&server).await, "");
        two.pop();
        timeout(PATIENCE, async {
            while answer(&server).await.is_empty() {
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .expect("there is room again");
        server.end().await;
    }
}
