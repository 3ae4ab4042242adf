//! HTTP/1.1 with the pages that a scenario gives.

use std::collections::BTreeMap;
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

use crate::backend::kernel::host::ticket::Token;
use crate::backend::kernel::host::witness::{Mark, PROBE_HEADER, Witness};
use crate::network::Page;

type Pages = BTreeMap<(Option<Ipv4Addr>, String), Page>;

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
                let page = choose(&pages, *client.ip(), request.uri().path());
                std::future::ready(Ok::<_, Infallible>(page.map_or_else(not_found, show)))
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

/// The page for this client and path: an entry for the client's address goes before one for all, and
/// then one for the path before one for every path.
fn choose<'a>(pages: &'a Pages, client: Ipv4Addr, path: &str) -> Option<&'a Page> {
    [Some(client), None].into_iter().find_map(|client| {
        [path, "*"]
            .into_iter()
            .find_map(|path| pages.get(&(client, path.to_owned())))
    })
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

fn not_found() -> Response<Full<Bytes>> {
    show(&Page {
        status: 404,
        content_type: "text/plain".into(),
        body: "not found\n".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_goes_before_the_path() {
        let client = Ipv4Addr::new(10, 128, 0, 5);
        let page = |body: &str| Page {
            status: 200,
            content_type: "text/plain".into(),
            body: body.into(),
        };
        let pages = Pages::from([
            ((None, "/a".into()), page("all, path")),
            ((None, "*".into()), page("all, any")),
            ((Some(client), "*".into()), page("client, any")),
            ((Some(client), "/b".into()), page("client, path")),
        ]);
        let body = |client, path| choose(&pages, client, path).map(|page| page.body.as_str());
        assert_eq!(body(client, "/a"), Some("client, any"));
        assert_eq!(body(client, "/b"), Some("client, path"));
        assert_eq!(body(Ipv4Addr::LOCALHOST, "/a"), Some("all, path"));
        assert_eq!(body(Ipv4Addr::LOCALHOST, "/b"), Some("all, any"));
    }
}
