//! Which of a service's pages an HTTP client gets.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::network::Page;

/// The pages, by the client's address and the path.
pub(in crate::backend) type Pages = BTreeMap<(Option<Ipv4Addr>, String), Page>;

/// The page for this client and path: an entry for the client's address goes before one for all, and
/// then one for the path before one for every path. Where none fits, it is the one that says so.
pub(in crate::backend) fn choose<'a>(
    pages: &'a Pages,
    client: Ipv4Addr,
    path: &str,
) -> Cow<'a, Page> {
    let found = [Some(client), None].into_iter().find_map(|client| {
        [path, "*"]
            .into_iter()
            .find_map(|path| pages.get(&(client, path.to_owned())))
    });
    found.map_or_else(|| Cow::Owned(not_found()), Cow::Borrowed)
}

fn not_found() -> Page {
    Page {
        status: 404,
        content_type: "text/plain".into(),
        body: "not found\n".into(),
    }
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
        let body = |client, path| choose(&pages, client, path).body.clone();
        assert_eq!(body(client, "/a"), "client, any");
        assert_eq!(body(client, "/b"), "client, path");
        assert_eq!(body(Ipv4Addr::LOCALHOST, "/a"), "all, path");
        assert_eq!(body(Ipv4Addr::LOCALHOST, "/b"), "all, any");
    }
}
