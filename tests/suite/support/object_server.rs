//! A store that speaks as much of S3's protocol as a client needs: objects, ranges, conditions, lists, and objects in parts. What it is asked is kept,
//! and it can be told to refuse.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

/// The one bucket.
pub const BUCKET: &str = "olbridge";

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    /// Key and parts of each upload that is neither joined nor taken back.
    uploads: BTreeMap<String, (String, BTreeMap<u32, Vec<u8>>)>,
    requests: Vec<String>,
    /// Beginning of a request, and how many of them are answered before the rest are refused.
    refused: Option<(&'static str, usize)>,
    next: u32,
}

/// The running server.
pub struct ObjectServer {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

struct Request {
    method: String,
    key: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// Status, headers, body.
type Answer = (&'static str, Vec<(&'static str, String)>, Vec<u8>);

impl ObjectServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, shared) = (stream.unwrap(), Arc::clone(&shared));
                std::thread::spawn(move || drop(serve(stream, &shared)));
            }
        });
        ObjectServer { port, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Names of all objects.
    pub fn keys(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }

    /// Uploads that are neither joined nor taken back.
    pub fn open_uploads(&self) -> usize {
        self.state().uploads.len()
    }

    /// How many requests began so: method, blank, key, and `?` with the names of the query.
    pub fn requests(&self, begin: &str) -> usize {
        self.state().requests.iter().filter(|request| request.starts_with(begin)).count()
    }

    /// From now on requests that begin so are refused, after `answered` of them.
    pub fn refuse(&self, begin: &'static str, answered: usize) {
        self.state().refused = Some((begin, answered));
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let request = read(&mut BufReader::new(stream.try_clone()?))?;
    let (status, headers, body) = answer(&request, &mut state.lock().unwrap());
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\n")?;
    if !headers.iter().any(|(name, _)| *name == "Content-Length") {
        write!(stream, "Content-Length: {}\r\n", body.len())?;
    }
    headers.iter().try_for_each(|(name, value)| write!(stream, "{name}: {value}\r\n"))?;
    stream.write_all(b"\r\n")?;
    stream.write_all(&body)
}

fn read(reader: &mut impl BufRead) -> std::io::Result<Request> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let query = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), decode(value))
    });
    let (key, query) = (path.strip_prefix(&format!("/{BUCKET}")).map(|key| decode(key.trim_start_matches('/'))), query.collect());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
            None => break,
        };
    }
    let length = headers.get("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    Ok(Request { method, key: key.unwrap_or_else(|| "no such bucket".into()), query, headers, body })
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).unwrap()
}

fn plain(status: &'static str) -> Answer {
    (status, Vec::new(), Vec::new())
}

fn xml(body: String) -> Answer {
    ("200 OK", vec![("Content-Type", "application/xml".into())], format!("<?xml version=\"1.0\"?>{body}").into_bytes())
}

fn e_tag(bytes: &[u8]) -> String {
    let sum = bytes.iter().fold(7u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    format!("\"{sum:016x}-{}\"", bytes.len())
}

fn answer(request: &Request, state: &mut State) -> Answer {
    let names: Vec<&str> = request.query.keys().map(String::as_str).collect();
    let said = format!("{} {}?{}", request.method, request.key, names.join("&"));
    state.requests.push(said.clone());
    if let Some((begin, left)) = &mut state.refused
        && said.starts_with(*begin)
    {
        if *left == 0 {
            return ("403 Forbidden", Vec::new(), b"<Error><Code>AccessDenied</Code><Message>not you</Message></Error>".to_vec());
        }
        *left -= 1;
    }
    let key = request.key.clone();
    let upload = request.query.get("uploadId").cloned().unwrap_or_default();
    match (request.method.as_str(), &names[..]) {
        ("GET", _) if key.is_empty() => list(request, state),
        ("GET" | "HEAD", _) => object(request, state),
        ("PUT", ["partNumber", "uploadId"]) => {
            let Some((_, parts)) = state.uploads.get_mut(&upload) else { return plain("404 Not Found") };
            parts.insert(request.query["partNumber"].parse().unwrap(), request.body.clone());
            ("200 OK", vec![("ETag", e_tag(&request.body))], Vec::new())
        }
        ("PUT", _) if request.headers.contains_key("if-none-match") && state.objects.contains_key(&key) => plain("412 Precondition Failed"),
        ("PUT", _) => {
            let tag = e_tag(&request.body);
            state.objects.insert(key, request.body.clone());
            ("200 OK", vec![("ETag", tag)], Vec::new())
        }
        ("POST", ["uploads"]) => {
            state.next += 1;
            let id = format!("upload-{}", state.next);
            state.uploads.insert(id.clone(), (key.clone(), BTreeMap::new()));
            xml(format!(
                "<InitiateMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{key}</Key><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
            ))
        }
        ("POST", ["uploadId"]) => {
            let Some((key, parts)) = state.uploads.remove(&upload) else { return plain("404 Not Found") };
            let whole: Vec<u8> = parts.into_values().flatten().collect();
            let tag = e_tag(&whole);
            state.objects.insert(key.clone(), whole);
            xml(format!("<CompleteMultipartUploadResult><Key>{key}</Key><ETag>{tag}</ETag></CompleteMultipartUploadResult>"))
        }
        ("POST", ["delete"]) => {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            for key in body.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next()) {
                state.objects.remove(key);
            }
            xml("<DeleteResult></DeleteResult>".into())
        }
        ("DELETE", _) if !upload.is_empty() => {
            state.uploads.remove(&upload);
            plain("204 No Content")
        }
        ("DELETE", _) => {
            state.objects.remove(&key);
            plain("204 No Content")
        }
        _ => plain("501 Not Implemented"),
    }
}

fn object(request: &Request, state: &State) -> Answer {
    let Some(bytes) = state.objects.get(&request.key) else { return plain("404 Not Found") };
    let tag = e_tag(bytes);
    if request.headers.get("if-match").is_some_and(|wanted| *wanted != tag) {
        return plain("412 Precondition Failed");
    }
    let mut headers = vec![("ETag", tag), ("Last-Modified", "Sat, 01 Jan 2028 00:00:00 GMT".into())];
    if request.method == "HEAD" {
        headers.push(("Content-Length", bytes.len().to_string()));
        return ("200 OK", headers, Vec::new());
    }
    let range = request.headers.get("range").and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let Some((start, end)) = range else { return ("200 OK", headers, bytes.clone()) };
    let (start, end) = (start.parse::<usize>().unwrap(), end.parse::<usize>().map_or(bytes.len(), |end| end + 1).min(bytes.len()));
    headers.push(("Content-Range", format!("bytes {start}-{}/{}", end - 1, bytes.len())));
    ("206 Partial Content", headers, bytes[start..end].to_vec())
}

fn list(request: &Request, state: &State) -> Answer {
    let prefix = request.query.get("prefix").cloned().unwrap_or_default();
    let objects = state.objects.iter().filter(|(key, _)| key.starts_with(&prefix)).map(|(key, bytes)| {
        let key = key.replace('&', "&amp;").replace('<', "&lt;");
        format!(
            "<Contents><Key>{key}</Key><LastModified>2028-01-01T00:00:00.000Z</LastModified><ETag>{}</ETag><Size>{}</Size></Contents>",
            e_tag(bytes),
            bytes.len()
        )
    });
    xml(format!("<ListBucketResult><IsTruncated>false</IsTruncated>{}</ListBucketResult>", objects.collect::<String>()))
}
