//! How a connection ends from this side: with a close frame, without one, or unheard.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::{Sink, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::{
    Error, Message, Utf8Bytes,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use super::{End, Happening, Socket, codec::READ_BUFFER};
use crate::{faults::How, time};

/// What a closing connection may still send before it is cut, at least: the message that was refused has to fit.
const LINGER_BYTES: u64 = 1024 * 1024;

impl Socket {
    /// From now on says nothing and hears nothing, like a peer behind a dead link.
    pub(crate) fn mute(&mut self) {
        self.muted = true;
    }

    /// Throws away what waits and what comes, until the client goes or the timer says so.
    pub(super) fn poll_muted(&mut self, context: &mut Context<'_>) -> Poll<Happening> {
        while self.peer.next().is_some() {}
        if self.stream.get_mut().poll_discard(context).is_ready() {
            return Poll::Ready(Happening::Ended(End::Gone));
        }
        self.poll_timer(context)
    }

    /// Ends the stream without a close frame, as far as that can be done at once: what is left is [`Socket::cut`].
    pub(crate) fn hang_up(&mut self, how: How) {
        self.stream.get_ref().hang_up(how);
    }

    /// What is left of a connection that was hung up, for `grace` microseconds at most.
    pub(crate) async fn cut(mut self, how: How, grace: u64) {
        if how == How::Fin {
            self.stream.get_mut().run_out(grace).await;
        }
    }

    /// Says goodbye: the close frame behind what is already in the codec, then whatever the client still sends, until
    /// it answers, goes, or `grace` (microseconds) is over. Text frames of that are told to `hear`, with when they were
    /// read.
    pub(crate) async fn close(mut self, code: u16, reason: &str, grace: u64, mut hear: impl FnMut(Utf8Bytes, u64)) {
        if self.muted {
            // Nobody hears it: the books forget the connection, the client learns nothing.
            return self.stream.into_inner().forget();
        }
        self.stream.get_mut().allow(LINGER_BYTES);
        let goodbye = async {
            let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
            if self.send_close(frame).await.is_ok() {
                self.linger(code, &mut hear).await;
            }
        };
        // When the grace is over the connection is cut, which is what is wanted then.
        let _cut = tokio::time::timeout_at(time::deadline(time::micros() + grace), goodbye).await;
    }

    /// Writes everything that waits, then the close frame.
    async fn send_close(&mut self, frame: CloseFrame) -> Result<(), Error> {
        std::future::poll_fn(|context| self.poll_write(context)).await?;
        Pin::new(&mut self.stream).start_send(Message::Close(Some(frame)))?;
        std::future::poll_fn(|context| Pin::new(&mut self.stream).poll_flush(context)).await
    }

    /// Reads past the client's frames: closing a socket with unread bytes would reset it, and the reset could overtake
    /// the close frame.
    async fn linger(&mut self, code: u16, hear: &mut impl FnMut(Utf8Bytes, u64)) {
        let ended = std::future::poll_fn(|context| {
            loop {
                match ready!(Pin::new(&mut self.stream).poll_next(context)) {
                    Some(Ok(Message::Text(text))) => hear(text, self.stream.get_ref().last_read()),
                    Some(Ok(_)) => {}
                    Some(Err(_)) => return Poll::Ready(false),
                    None => return Poll::Ready(true),
                }
            }
        });
        // Having told a fault the codec says nothing ever after, which looks like an end.
        let gave_up = matches!(code, 1002 | 1007 | 1009);
        if ended.await && !gave_up {
            return;
        }
        // The codec does not read on after a fault; the bytes still have to be taken.
        let mut left = LINGER_BYTES.max(self.allowance);
        let metered = self.stream.get_mut();
        metered.allow(u64::MAX);
        let _shut = metered.shutdown().await;
        let mut buffer = vec![0; READ_BUFFER]; // not an array: it would be part of every connection's task
        while left > 0 {
            match metered.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => left = left.saturating_sub(count as u64),
            }
        }
    }
}
