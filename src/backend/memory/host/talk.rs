//! What is said on a connection.

#[cfg(any(test, fuzzing))]
pub(in crate::backend::memory) mod fuzzing;

use std::collections::BTreeMap;
use std::time::Duration;

use smoltcp::socket::tcp::{Socket, State};

use super::super::core::Core;
use super::super::time::Time;
use super::Ends;
use super::ask::AskId;
use crate::backend::evidence::Token;
use crate::backend::probe::{Answer, Outcome};
use crate::backend::protocol::mark::{Mark, PROBE_HEADER};
use crate::backend::protocol::{dns, page};
use crate::network::{Listen, Service, Transport};

/// How much of a body is read, as by the kernel backend.
const LONGEST_BODY: usize = 1 << 20;

/// The longest request that a service reads, in bytes.
const LONGEST_REQUEST: usize = 1 << 16;

/// What is said on a connection.
#[derive(Debug)]
pub(super) enum Talk {
    /// A probe that says nothing: the handshake is the answer.
    Knocks(AskId),
    /// A probe that asks for a page.
    Gets(Box<Get>),
    /// A service.
    Serves(Listen, Vec<u8>, Vec<u8>),
    /// Nobody says anything any more.
    Over,
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Get {
    ask: AskId,
    token: Token,
    /// What has not been sent of it.
    request: Vec<u8>,
    /// When the connection stood.
    connected: Option<Time>,
    reply: Vec<u8>,
}

/// What a talk works with besides its socket.
pub(super) struct Scene<'a> {
    pub core: &'a mut Core,
    pub services: &'a BTreeMap<Listen, Service>,
    pub ends: Ends,
}

impl Talk {
    /// `GET path`.
    pub fn get(ask: AskId, path: &str, host: &str, token: Token) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: canal-sim/{version}\r\n\
             {PROBE_HEADER}: {token}\r\n\r\n"
        );
        Self::Gets(Box::new(Get {
            ask,
            token,
            request: request.into_bytes(),
            connected: None,
            reply: Vec::new(),
        }))
    }

    /// What the service that listens there has to say.
    pub fn serve(listen: Listen) -> Self {
        Self::Serves(listen, Vec::new(), Vec::new())
    }

    /// The probe that waits for the connection.
    pub fn ask(&self) -> Option<AskId> {
        match self {
            Self::Knocks(ask) => Some(*ask),
            Self::Gets(get) => Some(get.ask),
            Self::Serves(..) | Self::Over => None,
        }
    }

    /// Whether it is a talk of this service.
    pub fn serves(&self, listen: &Listen) -> bool {
        matches!(self, Self::Serves(own, ..) if own == listen)
    }

    /// Goes on with what the socket has; whether there is something new to send.
    pub fn go_on(&mut self, socket: &mut Socket<'_>, scene: &mut Scene<'_>) -> bool {
        match self {
            Self::Knocks(ask) => {
                let ask = *ask;
                match socket.state() {
                    State::SynSent => false,
                    State::Closed => {
                        scene.core.decide(ask, Outcome::Refused);
                        *self = Self::Over;
                        false
                    }
                    _ => {
                        let answer = Answer {
                            rtt: scene.since(ask),
                            seen_from: scene.core.noted(scene.ports()),
                            ..Answer::default()
                        };
                        scene.core.decide(ask, Outcome::Answered(answer));
                        *self = Self::Over;
                        socket.close();
                        true
                    }
                }
            }
            Self::Gets(get) => {
                let (sent, over) = get.go_on(socket, scene);
                if over {
                    *self = Self::Over;
                    socket.close();
                }
                sent || over
            }
            Self::Serves(listen, inbox, outbox) => {
                let listen = listen.clone();
                serve(&listen, inbox, outbox, socket, scene)
            }
            Self::Over => {
                // The peer may have more to say; nobody listens.
                let heard = socket.can_recv() && socket.recv(|bytes| (bytes.len(), ())).is_ok();
                if socket.state() == State::CloseWait {
                    socket.close();
                    return true;
                }
                heard
            }
        }
    }
}

impl Scene<'_> {
    fn since(&self, ask: AskId) -> Duration {
        let began = self.core.asks.get(&ask).map(|ask| ask.began);
        began.map_or(Duration::ZERO, |began| self.core.now.since(began))
    }

    fn ports(&self) -> Mark {
        let ((_, client), (_, server)) = self.ends;
        Mark::Ports {
            transport: Transport::Tcp,
            client,
            server,
            id: 0,
        }
    }
}

impl Get {
    /// Whether there is something to send, and whether the talk is over.
    fn go_on(&mut self, socket: &mut Socket<'_>, scene: &mut Scene<'_>) -> (bool, bool) {
        if self.connected.is_none() {
            match socket.state() {
                State::SynSent => return (false, false),
                State::Closed => {
                    scene.core.decide(self.ask, Outcome::Refused);
                    return (false, true);
                }
                _ => self.connected = Some(scene.core.now),
            }
        }
        let sent = push(socket, &mut self.request);
        let read = pull(socket, &mut self.reply, LONGEST_BODY);
        let ended = !socket.may_recv();
        match read_reply(&self.reply, ended) {
            Reply::More if !ended => (sent || read, false),
            Reply::More | Reply::Strange => {
                // A far end that accepts the connection and then closes it without a word of HTTP has
                // answered too: without a status.
                self.answer(scene, None);
                (sent, true)
            }
            Reply::Whole { status, body } => {
                self.answer(scene, Some((status, body)));
                (sent, true)
            }
        }
    }

    fn answer(&self, scene: &mut Scene<'_>, reply: Option<(u16, String)>) {
        let (status, body) = reply.unzip();
        let since = if status.is_some() {
            // From the request to the reply; the handshake is another matter.
            self.connected.map(|at| scene.core.now.since(at))
        } else {
            None
        };
        let answer = Answer {
            rtt: since.unwrap_or_else(|| scene.since(self.ask)),
            seen_from: scene.core.noted(Mark::Token(self.token)),
            status,
            body,
            ..Answer::default()
        };
        scene.core.decide(self.ask, Outcome::Answered(answer));
    }
}

/// What a reply comes to, as far as it has been read.
enum Reply {
    More,
    Strange,
    Whole { status: u16, body: String },
}

fn read_reply(bytes: &[u8], ended: bool) -> Reply {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let start = match response.parse(bytes) {
        Ok(httparse::Status::Complete(start)) => start,
        Ok(httparse::Status::Partial) => return Reply::More,
        Err(_) => return Reply::Strange,
    };
    let length = response.headers.iter().find_map(|header| {
        let own = header.name.eq_ignore_ascii_case("content-length");
        let value = own.then(|| std::str::from_utf8(header.value).ok())?;
        value?.trim().parse::<usize>().ok()
    });
    let body = &bytes[start..];
    let whole = ended || length.is_some_and(|length| body.len() >= length.min(LONGEST_BODY));
    match (whole, response.code) {
        (true, Some(status)) => Reply::Whole {
            status,
            body: String::from_utf8_lossy(&body[..length.unwrap_or(body.len()).min(body.len())])
                .into_owned(),
        },
        _ => Reply::More,
    }
}

/// Serves; whether there is something to send.
fn serve(
    listen: &Listen,
    inbox: &mut Vec<u8>,
    outbox: &mut Vec<u8>,
    socket: &mut Socket<'_>,
    scene: &mut Scene<'_>,
) -> bool {
    let read = pull(socket, inbox, LONGEST_REQUEST);
    let client = scene.ends.1.0;
    let mut last = false;
    match scene.services.get(listen) {
        Some(Service::TcpEcho) => outbox.append(inbox),
        Some(Service::Http { pages }) => {
            if let Some(answer) = answer_http(pages, inbox, client, scene.core) {
                inbox.clear();
                outbox.extend(answer);
                last = true;
            }
        }
        Some(Service::Dns { records }) => {
            while let Some((query, rest)) = prefixed(inbox) {
                let reply = dns::reply(records, &query);
                *inbox = rest;
                let Some(reply) = reply else {
                    last = true;
                    break;
                };
                // At most 65,535 bytes: that is what it was asked to fit.
                outbox.extend((reply.len() as u16).to_be_bytes());
                outbox.extend(reply);
            }
        }
        Some(Service::UdpEcho | Service::Ntp) | None => socket.abort(),
    }
    let sent = push(socket, outbox);
    // The peer is done, or has all that there is.
    let over = last || matches!(socket.state(), State::CloseWait);
    if over && outbox.is_empty() && socket.may_send() {
        socket.close();
        return true;
    }
    read || sent
}

/// A message behind its length (RFC 1035, section 4.2.2), and what comes after it.
fn prefixed(bytes: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let length = usize::from(u16::from_be_bytes(*bytes.first_chunk()?));
    let message = bytes.get(2..2 + length)?;
    Some((message.to_vec(), bytes[2 + length..].to_vec()))
}

/// The answer to a request, once it is whole.
fn answer_http(
    pages: &page::Pages,
    request: &[u8],
    client: std::net::Ipv4Addr,
    core: &mut Core,
) -> Option<Vec<u8>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut parsed = httparse::Request::new(&mut headers);
    let page = match parsed.parse(request) {
        Ok(httparse::Status::Partial) => return None,
        Ok(httparse::Status::Complete(_)) => {
            let token = parsed.headers.iter().find_map(|header| {
                let own = header.name.eq_ignore_ascii_case(PROBE_HEADER);
                let value = own.then(|| std::str::from_utf8(header.value).ok())?;
                Token::from_hex(value?)
            });
            if let Some(token) = token {
                core.note(Mark::Token(token), client);
            }
            let path = parsed.path.unwrap_or("/");
            let path = path.split_once('?').map_or(path, |(path, _)| path);
            page::choose(pages, client, path)
        }
        Err(_) => return Some(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_vec()),
    };
    let mut answer = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        page.status,
        phrase(page.status),
        page.content_type,
        page.body.len()
    )
    .into_bytes();
    answer.extend(page.body.as_bytes());
    Some(answer)
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        404 => "Not Found",
        _ => "",
    }
}

/// Sends as much as there is room for; whether that was anything.
fn push(socket: &mut Socket<'_>, bytes: &mut Vec<u8>) -> bool {
    if bytes.is_empty() || !socket.can_send() {
        return false;
    }
    let sent = socket.send_slice(bytes).unwrap_or(0);
    bytes.drain(..sent);
    sent > 0
}

/// Reads all that there is, and keeps as much of it as may be; whether that was anything.
fn pull(socket: &mut Socket<'_>, into: &mut Vec<u8>, most: usize) -> bool {
    let mut any = false;
    while socket.can_recv() {
        let took = socket.recv(|bytes| {
            let room = most.saturating_sub(into.len());
            into.extend_from_slice(&bytes[..bytes.len().min(room)]);
            (bytes.len(), bytes.len())
        });
        match took {
            Ok(0) | Err(_) => break,
            Ok(_) => any = true,
        }
    }
    any
}
