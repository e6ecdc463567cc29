//! Standard input and output as an rmcp transport.
//!
//! rmcp has one, and its writing half is used here. The reading half is our own, for what a server on stdio has to
//! get right: the arguments of a call stay raw text (rmcp would build a tree of them several times over, most of
//! the cost of a large batch), a line that cannot be read is answered whenever its id can be told, a notification
//! before the session does not end it, and the end of input is known at once.

mod lines;
mod message;

use std::io;

use bytes::Bytes;
use futures_util::StreamExt as _;
use rmcp::model::ServerJsonRpcMessage;
use rmcp::service::{RoleServer, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use tokio::io::{AsyncRead, AsyncWrite, Empty, empty};
use tokio_util::codec::FramedRead;
use tokio_util::sync::CancellationToken;

use lines::{Line, Lines};
use message::Incoming;

/// The longest line, in bytes: one request with its whole batch.
const LONGEST_LINE: usize = 256 << 20;
/// How much is read at once; what a pipe holds on Linux.
const READ_BUFFER: usize = 64 << 10;

/// The raw JSON text of a tool call's arguments, carried in the request's extensions.
#[derive(Clone)]
pub struct RawArguments(Bytes);

impl RawArguments {
    /// The JSON text.
    #[must_use]
    pub fn text(&self) -> &str {
        // It was cut out of a line that was read as UTF-8.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// rmcp logs whole requests; arguments may hold secrets and are never written.
impl std::fmt::Debug for RawArguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RawArguments({} bytes)", self.0.len())
    }
}

/// The transport.
pub struct Stdio<R, W: AsyncWrite> {
    lines: FramedRead<R, Lines>,
    writer: AsyncRwTransport<RoleServer, Empty, W>,
    opened: bool,
    ended: CancellationToken,
}

impl<R, W> Stdio<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    /// A transport that cancels `ended` when the input ends.
    pub fn new(input: R, output: W, ended: CancellationToken) -> Self {
        Self {
            lines: FramedRead::with_capacity(input, Lines::new(LONGEST_LINE), READ_BUFFER),
            writer: AsyncRwTransport::new(empty(), output),
            opened: false,
            ended,
        }
    }

    /// Answers a line that is not passed on. Detached, because `receive` may be dropped at any moment.
    fn answer(&mut self, message: ServerJsonRpcMessage) {
        let sending = self.writer.send(message);
        tokio::spawn(async move {
            if let Err(error) = sending.await {
                tracing::error!(%error, "an answer could not be written");
            }
        });
    }
}

impl<R, W> Transport<RoleServer> for Stdio<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.writer.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            let incoming = match self.lines.next().await {
                Some(Ok(Line::Whole(line))) => message::read(&line),
                Some(Ok(Line::TooLong(start))) => message::too_long(&start, LONGEST_LINE),
                Some(Err(error)) => {
                    tracing::error!(%error, "standard input cannot be read");
                    self.ended.cancel();
                    return None;
                }
                None => {
                    self.ended.cancel();
                    return None;
                }
            };
            match incoming {
                Incoming::Message(message) => {
                    self.opened |= message::opens(&message);
                    if self.opened || matches!(*message, RxJsonRpcMessage::<RoleServer>::Request(_)) {
                        return Some(*message);
                    }
                }
                Incoming::Answer(answer) => self.answer(*answer),
                Incoming::Nothing => {}
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.writer.close().await
    }
}
