//! A small HTTP server for the pods of a lab: who answers, whom it saw, and the request as it came.
//!
//! The answer is text: the line that pods answer everybody with, then the request's first line, its headers and its
//! body. HTTP/1 is hyper's; a connection serves one request.
//!
//! **Left out**: TLS, HTTP/2, and bodies beyond [`MAX_BODY`].

use std::{convert::Infallible, fmt::Write, io};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What a request begins with.
const METHODS: [&[u8]; 7] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"PATCH ",
    b"DELETE ",
    b"OPTIONS ",
];
/// The longest body that is read and sent back.
const MAX_BODY: usize = 64 << 10;

/// Whether what a client says first is HTTP.
pub(super) fn is_spoken(said: &[u8]) -> bool {
    METHODS.iter().any(|it| said.starts_with(it))
}

/// Answers the one request of a connection, and closes it.
pub(super) async fn answer(stream: TcpStream, line: String) -> io::Result<()> {
    let service = service_fn(|request| {
        let line = line.clone();
        async move { Ok::<_, Infallible>(tell(&line, request).await) }
    });
    http1::Builder::new()
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await
        .map_err(io::Error::other)
}

async fn tell(line: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let mut text = line.to_owned();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{} {} {:?}", head.method, head.uri, head.version);
    for (name, value) in &head.headers {
        let _ = writeln!(
            text,
            "{name}: {}",
            String::from_utf8_lossy(value.as_bytes())
        );
    }
    let (status, body) = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => (StatusCode::OK, body.to_bytes()),
        Err(_) => (StatusCode::PAYLOAD_TOO_LARGE, Bytes::new()),
    };
    let mut text = text.into_bytes();
    if !body.is_empty() {
        text.push(b'\n');
        text.extend_from_slice(&body);
    }
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}
