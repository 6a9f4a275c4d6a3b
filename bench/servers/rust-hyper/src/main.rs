//! hyper on a current-thread runtime. It takes `--port N --protocol h1|h2c|auto --service NAME` as every server here does,
//! and says `listening on N`.

use std::convert::Infallible;
use std::error::Error;
use std::os::unix::process::parent_id;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{combinators::BoxBody, BodyExt, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

const PIECE_LENGTH: usize = 65_536;
const STREAM_PIECES: usize = 100;
const STREAM_PIECE: usize = 1024;
const JSON_LENGTH: usize = 2048;
const MAX_LENGTH: usize = 1 << 30;

/// Pieces of every content are cut from here.
static FILLER: [u8; PIECE_LENGTH] = [b'x'; PIECE_LENGTH];

type Answer = Response<BoxBody<Bytes, hyper::Error>>;

#[derive(Clone)]
enum Service {
    Whole(&'static str, Bytes),
    Bytes(usize),
    Stream,
    Echo,
    Size,
}

impl Service {
    fn named(name: &str) -> Option<Service> {
        Some(match name {
            "hello" => Service::Whole("text/plain", Bytes::from_static(b"hello, world\n")),
            "json" => Service::Whole("application/json", json()),
            "stream" => Service::Stream,
            "echo" => Service::Echo,
            "size" => Service::Size,
            _ => Service::Bytes(name.strip_prefix("bytes-")?.parse().ok().filter(|length| *length <= MAX_LENGTH)?),
        })
    }
}

/// The same octets as `json` of ../start.mjs.
fn json() -> Bytes {
    let item = |id| format!(r#"{{"id":{id},"name":"part {id}","price":{}.99,"tags":["blue","large"]}}"#, id % 50);
    let items: Vec<String> = (1000..1024).map(item).collect();
    let content = format!(r#"{{"items":[{}],"note":""#, items.join(","));
    Bytes::from(format!(r#"{content}{}"}}"#, "x".repeat(JSON_LENGTH - content.len() - 2)))
}

/// A content in pieces.
struct Pieces {
    left: usize,
    piece: usize,
    is_length_known: bool,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let length = self.left.min(self.piece);
        self.left -= length;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&FILLER[..length])))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_length_known {
            SizeHint::with_exact(self.left as u64)
        } else {
            SizeHint::default()
        }
    }
}

async fn answer(service: Service, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let mut content_type = "text/plain";
    let body = match service {
        Service::Whole(kind, content) => {
            content_type = kind;
            boxed(Full::new(content))
        }
        Service::Bytes(left) => boxed(Pieces { left, piece: PIECE_LENGTH, is_length_known: true }),
        Service::Stream => {
            boxed(Pieces { left: STREAM_PIECES * STREAM_PIECE, piece: STREAM_PIECE, is_length_known: false })
        }
        Service::Echo => request.into_body().boxed(),
        Service::Size => {
            let mut body = request.into_body();
            let mut bytes = 0;
            while let Some(Ok(frame)) = body.frame().await {
                bytes += frame.data_ref().map_or(0, Bytes::len);
            }
            boxed(Full::new(Bytes::from(bytes.to_string())))
        }
    };
    Ok(Response::builder().header("content-type", content_type).body(body).expect("a response"))
}

fn boxed(body: impl Body<Data = Bytes, Error = Infallible> + Send + Sync + 'static) -> BoxBody<Bytes, hyper::Error> {
    body.map_err(|never| match never {}).boxed()
}

fn argument(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.next()?;
    arguments.next()
}

fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = argument("--port").map_or(Ok(0), |port| port.parse())?;
    let protocol = argument("--protocol").unwrap_or("h1".into());
    let name = argument("--service").unwrap_or("hello".into());
    let service = Service::named(&name).ok_or(format!("no such service: {name}"))?;
    tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?.block_on(async move {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        println!("listening on {}", listener.local_addr()?.port());
        tokio::spawn(end_with_parent());
        loop {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            let io = TokioIo::new(socket);
            let service = service.clone();
            let served = service_fn(move |request| answer(service.clone(), request));
            // What is cut off when the load ends is no failure of the server.
            match protocol.as_str() {
                "h1" => {
                    let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(io, served);
                    tokio::spawn(async move { connection.await.unwrap_or_default() });
                }
                "h2c" => {
                    let connection = http2::Builder::new(TokioExecutor::new()).serve_connection(io, served);
                    tokio::spawn(async move { connection.await.unwrap_or_default() });
                }
                _ => {
                    tokio::spawn(async move {
                        let builder = auto::Builder::new(TokioExecutor::new());
                        builder.serve_connection(io, served).await.unwrap_or_default()
                    });
                }
            }
        }
    })
}

/// The server ends with whoever started it.
async fn end_with_parent() {
    let parent = parent_id();
    while parent_id() == parent {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    std::process::exit(0);
}
