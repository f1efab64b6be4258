//! What the clients of HTTP/2 leave unread. A connection that reads nothing at all is found where it is written to; but over
//! HTTP/2 a client may hold back each answer by itself, with a window that stays closed, and answer pings meanwhile.
//!
//! An answer is handed over in pieces, so that what is left of it stays here and not in the library's buffers, and notes
//! when its last piece was handed over. Each stream runs in a task of its own, which looks at that and ends the stream when
//! nothing was taken for too long. An answer that has nothing to say, as an event stream between events, waits for nobody.

use std::{
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Error,
    body::{Body, Bytes},
};
use hyper::{
    body::{Frame, SizeHint},
    rt::Executor,
};
use tokio::time::{self, Instant};

/// The largest piece, in bytes: as much as a frame of HTTP/2 holds unless its client says otherwise.
const PIECE: usize = 16 * 1024;

tokio::task_local! {
    /// Of the stream that the current task is for.
    static WAITING: Waiting;
}

/// Since when something waits for the client to take it; nothing where nothing does.
#[derive(Clone, Debug, Default)]
struct Waiting(Arc<Mutex<Option<Instant>>>);

impl Waiting {
    fn since(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, since: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }
}

/// Runs the streams of HTTP/2, and ends those whose client takes nothing for so long.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    pub(super) patience: Duration,
}

impl<S> Executor<S> for Streams
where
    S: Future + Send + 'static,
    S::Output: Send + 'static,
{
    fn execute(&self, stream: S) {
        tokio::spawn(watched(stream, self.patience));
    }
}

async fn watched<S: Future>(stream: S, patience: Duration) {
    let waiting = Waiting::default();
    let mut stream = pin!(WAITING.scope(waiting.clone(), stream));
    let mut alarm = pin!(time::sleep(patience));
    loop {
        tokio::select! {
            biased;
            _ = stream.as_mut() => return,
            () = alarm.as_mut() => {
                let since = waiting.since().unwrap_or_else(Instant::now);
                if since.elapsed() >= patience {
                    tracing::debug!("nothing is read of an answer");
                    return;
                }
                alarm.as_mut().reset(since + patience);
            }
        }
    }
}

/// The body of an answer; over HTTP/2, in pieces that are watched.
#[derive(Debug)]
pub(super) struct Answer {
    body: Body,
    /// What is left of the body's last piece.
    rest: Bytes,
    waiting: Option<Waiting>,
}

impl Answer {
    /// The body of an answer of the current task's stream, or of a connection of HTTP/1.1.
    pub(super) fn new(body: Body) -> Self {
        Self { body, rest: Bytes::new(), waiting: WAITING.try_with(Waiting::clone).ok() }
    }
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let answer = &mut *self;
        let Some(waiting) = &answer.waiting else { return Pin::new(&mut answer.body).poll_frame(context) };
        if answer.rest.is_empty() {
            // Whatever was handed over was taken, and there is nothing more for now.
            let next = Pin::new(&mut answer.body).poll_frame(context);
            if next.is_pending() {
                waiting.set(None);
            }
            match ready!(next) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => answer.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                end => return Poll::Ready(end),
            }
        }
        waiting.set(Some(Instant::now()));
        let piece = answer.rest.split_to(answer.rest.len().min(PIECE));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.body.size_hint(), u64::try_from(self.rest.len()).unwrap_or(u64::MAX));
        let mut hint = SizeHint::new();
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(inner.lower().saturating_add(rest));
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use hyper::body::Body as _;

    use super::*;

    async fn pieces(mut answer: Answer) -> Vec<usize> {
        let mut sizes = Vec::new();
        while let Some(frame) = answer.frame().await {
            sizes.push(frame.expect("a frame").into_data().expect("data").len());
        }
        sizes
    }

    #[tokio::test]
    async fn an_answer_comes_in_pieces_over_http_2_only() {
        let body = || Body::from(vec![0; 2 * PIECE + 1]);
        let size = u64::try_from(2 * PIECE + 1).expect("small");
        assert_eq!(Answer::new(body()).size_hint().exact(), Some(size));
        assert_eq!(pieces(Answer::new(body())).await, [2 * PIECE + 1]);
        let told = WAITING.scope(Waiting::default(), async { pieces(Answer::new(body())).await });
        assert_eq!(told.await, [PIECE, PIECE, 1]);
        let none = WAITING.scope(Waiting::default(), async { pieces(Answer::new(Body::empty())).await });
        assert!(none.await.is_empty());
    }

    /// A stream that hands over and is not asked for more ends by itself; one that has nothing to say does not.
    #[tokio::test]
    async fn what_nobody_takes_is_given_up() {
        let patience = Duration::from_millis(20);
        let silent = watched(std::future::pending::<()>(), patience);
        assert!(time::timeout(20 * patience, silent).await.is_err());
        let unread = async {
            let mut answer = Answer::new(Body::from("x"));
            answer.frame().await.expect("a frame").expect("data");
            std::future::pending::<()>().await;
        };
        watched(unread, patience).await;
    }
}
