//! Guards the listener against clients that take their time: how many connections there are, and how long one may leave
//! an answer unread.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum_server::accept::Accept;
use futures::future::{Either, Ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// Octets that a client must take within the time that an answer may be left unread.
const PROGRESS: usize = 16 * 1024;

/// What connections may do, at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at the same time; further ones are closed at once.
    pub(crate) connections: usize,
    /// From the beginning of a connection, or from the last answer, until the head of the next request is there.
    pub(crate) head: Duration,
    /// How long a client may leave an answer unread, before it takes the next 16 KiB.
    pub(crate) unread: Duration,
}

/// Takes connections within the limits, then as another acceptor does.
#[derive(Clone)]
pub(crate) struct Guard<A> {
    inner: A,
    room: Arc<Semaphore>,
    unread: Duration,
}

impl<A> Guard<A> {
    pub(crate) fn new(inner: A, limits: &Limits) -> Self {
        let room = limits.connections.min(Semaphore::MAX_PERMITS);
        Self { inner, room: Arc::new(Semaphore::new(room)), unread: limits.unread }
    }
}

impl<A, S> Accept<TcpStream, S> for Guard<A>
where
    A: Accept<Guarded, S>,
{
    type Stream = A::Stream;
    type Service = A::Service;
    type Future = Either<A::Future, Ready<io::Result<(A::Stream, A::Service)>>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        // What is left of an answer goes at once: answers are written whole.
        let _ = stream.set_nodelay(true);
        let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else {
            tracing::warn!("a connection was closed: there are as many as there may be");
            return Either::Right(futures::future::ready(Err(io::Error::other("too many connections"))));
        };
        let stream = Guarded { stream, unread: self.unread, taken: 0, stalled: None, _permit: permit };
        Either::Left(self.inner.accept(stream, service))
    }
}

/// A connection that is closed when its client does not read.
pub(crate) struct Guarded {
    stream: TcpStream,
    unread: Duration,
    /// Octets that were taken since the client fell behind.
    taken: usize,
    /// Runs out when the client has been behind for too long; none while it keeps up.
    stalled: Option<Pin<Box<Sleep>>>,
    _permit: OwnedSemaphorePermit,
}

impl Guarded {
    /// Follows a try to write.
    fn follow(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match outcome {
            Poll::Ready(Ok(count)) => {
                self.taken += count;
                if self.taken >= PROGRESS {
                    self.stalled = None;
                }
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let unread = self.unread;
                let taken = &mut self.taken;
                let stalled = self.stalled.get_or_insert_with(|| {
                    *taken = 0;
                    Box::pin(tokio::time::sleep(unread))
                });
                ready!(stalled.as_mut().poll(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, octets);
        self.follow(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.follow(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Asked for when everything was written: the client keeps up.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stalled = None;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
