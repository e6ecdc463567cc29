//! Standard input and output as an rmcp transport.
//!
//! rmcp has one, and its writing half is used here. The reading half is our own, for what a server on stdio has to
//! get right: the arguments of a call stay raw text (rmcp would build a tree of them several times over, most of
//! the cost of a large batch), a line that cannot be read is answered whenever its id can be told, a notification
//! before the session does not end it, and the end of input is known at once.

mod closed;
mod lines;
mod message;
mod under_way;

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use rmcp::model::{ClientNotification, Extensions, JsonRpcMessage, ServerJsonRpcMessage};
use rmcp::service::{RoleServer, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use tokio::io::{AsyncRead, AsyncWrite, Empty, empty};
use tokio_util::codec::FramedRead;
use tokio_util::sync::CancellationToken;

pub(crate) use closed::output_closed;
use lines::{Line, Lines};
use message::Incoming;
use under_way::{Slot, UnderWay};

/// The longest line, in bytes: one request with its whole batch.
const LONGEST_LINE: usize = 256 << 20;
/// How much is read at once; what a pipe holds on Linux.
const READ_BUFFER: usize = 64 << 10;

/// The raw JSON text of a tool call's arguments, carried in the request's extensions.
#[derive(Clone)]
pub(crate) struct RawArguments(Bytes);

impl RawArguments {
    /// Those of text that was made here.
    #[must_use]
    pub(crate) fn new(text: String) -> Self {
        Self(text.into())
    }

    /// Those that the transport has put beside a request.
    #[must_use]
    pub(crate) fn of(extensions: &Extensions) -> Option<Self> {
        let raw = extensions.get::<Self>();
        // rmcp's own transport has room for them only in what it keeps of the HTTP request.
        #[cfg(feature = "http")]
        let raw = raw.or_else(|| extensions.get::<http::request::Parts>()?.extensions.get());
        raw.cloned()
    }

    /// Those of the message in `body`, and the message without them; `None` if it is no call with arguments.
    #[cfg(feature = "http")]
    #[must_use]
    pub(crate) fn taken_out(body: &Bytes) -> Option<(Self, Bytes)> {
        message::taken_out(body).map(|(arguments, rest)| (Self(arguments), rest))
    }

    /// The JSON text.
    #[must_use]
    pub(crate) fn text(&self) -> &str {
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
pub(crate) struct Stdio<R, W: AsyncWrite> {
    lines: FramedRead<R, Lines>,
    /// A message of so many bytes that waits for room.
    read: Option<(Incoming, usize)>,
    writer: AsyncRwTransport<RoleServer, Empty, W>,
    under_way: UnderWay,
    opened: bool,
    ends: Ends,
}

/// What ends a connection.
#[derive(Clone, Default)]
pub(crate) struct Ends {
    /// The input has ended: nothing more is asked.
    pub input: CancellationToken,
    /// The output cannot be written: nothing can be answered.
    pub output: CancellationToken,
}

impl<R, W> Stdio<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    /// A transport that says through `ends` when its input ends or its output breaks.
    pub(crate) fn new(input: R, output: W, ends: Ends) -> Self {
        Self {
            lines: FramedRead::with_capacity(input, Lines::new(LONGEST_LINE), READ_BUFFER),
            read: None,
            writer: AsyncRwTransport::new(empty(), output),
            under_way: UnderWay::new(),
            opened: false,
            ends,
        }
    }

    /// Writes a message. Until that is done it takes the room of its request: a host that does not read gets no more of
    /// its requests read.
    fn write(
        &mut self,
        message: ServerJsonRpcMessage,
        slot: Option<Arc<Slot>>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let sending = self.writer.send(message);
        let broken = self.ends.output.clone();
        async move {
            let sent = sending.await;
            drop(slot);
            if sent.is_err() {
                broken.cancel();
            }
            sent
        }
    }

    /// What rmcp gets of a message, if it is one for it.
    fn admit(
        &mut self,
        mut message: RxJsonRpcMessage<RoleServer>,
        slot: Option<Arc<Slot>>,
    ) -> Option<RxJsonRpcMessage<RoleServer>> {
        if !self.opened {
            self.opened = message::opens(&message);
        }
        match (&mut message, slot) {
            (JsonRpcMessage::Request(request), Some(slot)) => self.under_way.enter(request, slot),
            // Before a session begins rmcp ends at whatever is no request.
            _ if !self.opened => return None,
            (JsonRpcMessage::Notification(notification), _) => {
                if let ClientNotification::CancelledNotification(cancelled) = &mut notification.notification
                    && let Some(id) = &mut cancelled.params.request_id
                {
                    *id = self.under_way.cancel(id)?;
                }
            }
            _ => {}
        }
        Some(message)
    }

    /// The next message, whatever it is, and its length; `None` at the end of the input.
    async fn next(&mut self) -> Option<(Incoming, usize)> {
        match self.lines.next().await? {
            Ok(Line::Whole(line)) => Some((message::read(&line), line.len())),
            Ok(Line::TooLong(start)) => Some((message::too_long(&start, LONGEST_LINE), start.len())),
            Err(error) => {
                tracing::error!(%error, "standard input cannot be read");
                None
            }
        }
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
        mut item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let slot = self.under_way.leave(&mut item);
        self.write(item, slot)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            // Kept in `self` all the time, since this future may be dropped wherever it waits.
            if self.read.is_none() {
                self.read = self.next().await;
            }
            let Some((incoming, bytes)) = &self.read else {
                self.ends.input.cancel();
                return None;
            };
            let slot = match incoming {
                Incoming::Answer(_) => Some(self.under_way.room(*bytes).await),
                Incoming::Message(message) if matches!(**message, JsonRpcMessage::Request(_)) => {
                    Some(self.under_way.room(*bytes).await)
                }
                _ => None,
            };
            let incoming = self.read.take().map(|(incoming, _)| incoming);
            match (incoming, slot) {
                (Some(Incoming::Answer(answer)), slot) => {
                    // Detached, because this future may be dropped at any moment.
                    tokio::spawn(self.write(*answer, slot));
                }
                (Some(Incoming::Message(message)), slot) => {
                    if let Some(message) = self.admit(*message, slot) {
                        return Some(message);
                    }
                }
                _ => {}
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.writer.close().await
    }
}
