//! Streams of the bus and of the kernel, one item at a time.

use std::pin::Pin;
use zbus::export::futures_core::Stream;

/// The next item of a stream; None: it has ended.
pub async fn next<S: Stream>(mut stream: Pin<&mut S>) -> Option<S::Item> {
    std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await
}
