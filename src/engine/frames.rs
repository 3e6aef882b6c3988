//! Values on a stream between two processes of this program: a length of four bytes, then so much JSON. What the stream is
//! made of is the callers' business; what the values say is that of `link`.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The longest frame: far more than a second of any worker, far less than what would hurt.
const LONGEST: u32 = 256 << 20;

/// Both directions between the process that coordinates and one that carries clients.
pub struct Pipe {
    pub(super) ear: Ear,
    pub(super) mouth: Mouth,
}

/// The direction that is heard.
pub(super) struct Ear(Box<dyn AsyncRead + Send + Unpin>);

/// The direction that is spoken.
pub(super) struct Mouth(Box<dyn AsyncWrite + Send + Unpin>);

impl Pipe {
    /// A pipe over the two directions of a stream.
    pub fn new(
        reads: impl AsyncRead + Send + Unpin + 'static,
        writes: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        Self { ear: Ear(Box::new(reads)), mouth: Mouth(Box::new(writes)) }
    }

    /// Says `value`; waits until the other side has room for it.
    ///
    /// # Errors
    /// When nobody listens any more, or the value cannot be told.
    pub async fn say(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.mouth.say(value).await
    }

    /// The next value; nothing when the other side has gone. Not to be given up halfway: what was read is lost then.
    ///
    /// # Errors
    /// When what comes is no such value.
    pub async fn hear<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        self.ear.hear().await
    }
}

impl Mouth {
    pub(super) async fn say(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut frame = vec![0; 4];
        serde_json::to_writer(&mut frame, value)?;
        let length = u32::try_from(frame.len() - 4).ok().filter(|length| *length <= LONGEST);
        let length = length.ok_or_else(|| io::Error::other("too long for a frame"))?;
        frame[..4].copy_from_slice(&length.to_le_bytes());
        self.0.write_all(&frame).await
    }
}

impl Ear {
    pub(super) async fn hear<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let mut length = [0; 4];
        match self.0.read_exact(&mut length).await {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let length = u32::from_le_bytes(length);
        if length > LONGEST {
            return Err(io::Error::other("that is no frame of this program"));
        }
        let mut frame = vec![0; length as usize];
        self.0.read_exact(&mut frame).await?;
        Ok(Some(serde_json::from_slice(&frame)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Pipe, Pipe) {
        let (one, other) = tokio::io::duplex(64);
        let pipe = |stream| {
            let (reads, writes) = tokio::io::split(stream);
            Pipe::new(reads, writes)
        };
        (pipe(one), pipe(other))
    }

    #[tokio::test]
    async fn what_is_said_is_heard_in_order_whatever_its_length() {
        let (mut one, mut other) = pair();
        let long = "x".repeat(10_000);
        let said = [long.as_str(), "", "short"];
        let (_, heard) = tokio::join!(
            async {
                for text in said {
                    one.say(&text).await.unwrap();
                }
            },
            async {
                let mut heard = Vec::new();
                for _ in said {
                    heard.push(other.hear::<String>().await.unwrap().unwrap());
                }
                heard
            }
        );
        assert_eq!(heard, said);
        drop(one);
        assert_eq!(other.hear::<String>().await.unwrap(), None, "the other side has gone");
    }

    #[tokio::test]
    async fn what_is_no_frame_is_refused() {
        let (mut one, mut other) = pair();
        one.mouth.0.write_all(b"some words").await.unwrap();
        assert!(other.hear::<String>().await.is_err());
        let (mut one, mut other) = pair();
        one.mouth.0.write_all(&[9, 0, 0, 0, b'"']).await.unwrap();
        drop(one);
        assert!(other.hear::<String>().await.is_err(), "it broke off in the middle");
    }
}
