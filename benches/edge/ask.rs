//! A client that waits for each answer, over a connection that is kept, and allocates nothing per request.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request with this body.
pub fn request(body: &str, token: &str) -> Vec<u8> {
    format!(
        "POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A connection.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Bytes of the buffer that are filled.
    filled: usize,
}

impl Client {
    /// Connects.
    pub fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: vec![0; 1024 * 1024], filled: 0 })
    }

    /// Sends a request and answers the body of what comes back.
    pub fn ask(&mut self, request: &[u8]) -> Result<&[u8]> {
        self.stream.write_all(request)?;
        self.filled = 0;
        let mut head = None;
        loop {
            let room = self.buffer.get_mut(self.filled..).filter(|room| !room.is_empty());
            let read = self.stream.read(room.context("the answer is too long")?)?;
            if read == 0 {
                bail!("the connection was closed");
            }
            self.filled += read;
            let bytes = &self.buffer[..self.filled];
            if head.is_none() {
                head = read_head(bytes)?;
            }
            if let Some((start, length)) = head
                && self.filled >= start + length
            {
                ensure!(self.filled == start + length, "more came than was asked for");
                return Ok(&self.buffer[start..start + length]);
            }
        }
    }
}

/// Where the body starts and its length, once the head is whole.
fn read_head(bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end])?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "an answer was {head}");
    let named = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse())
    };
    let length: usize = head.lines().find_map(named).context("no length")??;
    Ok(Some((end + 4, length)))
}
