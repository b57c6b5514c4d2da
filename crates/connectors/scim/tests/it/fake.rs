//! A scripted HTTP server: it answers every request with what a function says, octet for octet, and keeps the requests.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value as Json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Method and target, such as `GET /v2/Users`, decoded.
    pub(crate) line: String,
    /// Header names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Null where it is no JSON.
    pub(crate) body: Json,
    /// The body as it came.
    pub(crate) text: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn is(&self, start: &str) -> bool {
        self.line.starts_with(start)
    }
}

/// What is sent back.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// These octets, then the end of the connection.
    Raw(Vec<u8>),
    /// Nothing; the connection stays open.
    Silence,
}

impl Reply {
    /// A status with headers (`Name: value`) and a body.
    pub(crate) fn new(status: u16, headers: &[&str], body: &str) -> Self {
        let mut text =
            format!("HTTP/1.1 {status} Status\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        for header in headers {
            write!(text, "{header}\r\n").unwrap();
        }
        Self::Raw(format!("{text}\r\n{body}").into_bytes())
    }

    pub(crate) fn json(status: u16, body: &Json) -> Self {
        Self::new(status, &["Content-Type: application/scim+json"], &body.to_string())
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self::new(status, &[], "")
    }

    /// A list of all there is.
    pub(crate) fn list(resources: &[Json]) -> Self {
        Self::json(200, &serde_json::json!({"totalResults": resources.len(), "Resources": resources}))
    }
}

/// A running server, which ends with its test's runtime.
pub(crate) struct Fake {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Fake {
    /// Starts a server that answers by a function. Descriptions of the service that the function leaves out
    /// (by [`None`]) are answered with 404, as by a service that does not describe itself.
    pub(crate) async fn start(answer: impl Fn(&Request) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (requests.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, kept.clone(), answer.clone()));
            }
        });
        Self { address, requests }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://{}/v2", self.address)
    }

    /// The requests so far, without those for the service's description of itself.
    pub(crate) fn requests(&self) -> Vec<Request> {
        let all = self.requests.lock().unwrap().clone();
        all.into_iter().filter(|request| !is_description(request)).collect()
    }

    /// Method and target of those requests.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.line).collect()
    }
}

fn is_description(request: &Request) -> bool {
    ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas"].iter().any(|end| request.line.ends_with(end))
}

async fn serve(
    mut stream: TcpStream,
    requests: Arc<Mutex<Vec<Request>>>,
    answer: Arc<impl Fn(&Request) -> Option<Reply>>,
) {
    let Some(request) = read(&mut stream).await else { return };
    requests.lock().unwrap().push(request.clone());
    match answer(&request).unwrap_or_else(|| Reply::empty(404)) {
        Reply::Raw(octets) => {
            // The client may have had enough before the end.
            let _ = stream.write_all(&octets).await;
            let _ = stream.shutdown().await;
        }
        Reply::Silence => {
            let mut rest = [0; 64];
            while matches!(stream.read(&mut rest).await, Ok(read) if read > 0) {}
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut octets = Vec::new();
    let head_end = loop {
        if let Some(end) = octets.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut octets).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&octets[..head_end]).into_owned();
    let mut lines = head.split("\r\n");
    let line = lines.next()?.rsplit_once(' ')?.0.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(0, |(_, value)| value.parse().unwrap());
    while octets.len() < head_end + 4 + length {
        if stream.read_buf(&mut octets).await.ok()? == 0 {
            return None;
        }
    }
    let text = String::from_utf8_lossy(&octets[head_end + 4..]).into_owned();
    let body = serde_json::from_str(&text).unwrap_or(Json::Null);
    let line = percent_encoding::percent_decode_str(&line).decode_utf8_lossy().into_owned();
    Some(Request { line, headers, body, text })
}
