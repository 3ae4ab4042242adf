//! HTTP/1.1 with the pages that a scenario gives.

use std::convert::Infallible;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::pin::Pin;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::backend::evidence::Token;
use crate::backend::kernel::host::witness::{Mark, PROBE_HEADER, Witness};
use crate::backend::protocol::page::{self, Pages};
use crate::network::Page;

/// Answers one request a connection.
pub(super) fn talk(
    pages: Arc<Pages>,
    witness: Witness,
) -> impl Fn(TcpStream, SocketAddrV4) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    move |stream, client| {
        let (pages, witness) = (Arc::clone(&pages), witness.clone());
        Box::pin(async move {
            let service = service_fn(|request: Request<Incoming>| {
                note(&witness, &request, *client.ip());
                let page = page::choose(&pages, *client.ip(), request.uri().path());
                std::future::ready(Ok::<_, Infallible>(show(&page)))
            });
            let connection = http1::Builder::new()
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(%error, %client, "an HTTP connection ended early");
            }
        })
    }
}

fn note(witness: &Witness, request: &Request<Incoming>, client: Ipv4Addr) {
    let header = request.headers().get(PROBE_HEADER);
    let token = header.and_then(|value| Token::from_hex(value.to_str().ok()?));
    if let Some(token) = token {
        witness.note(Mark::Token(token), client);
    }
}

fn show(page: &Page) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(page.body.clone()));
    *response.status_mut() =
        StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(value) = HeaderValue::from_str(&page.content_type) {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    response
}
