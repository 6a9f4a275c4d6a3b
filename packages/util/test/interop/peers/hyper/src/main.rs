//! hyper and hyper-util, as a peer of the interoperability tests.
//!
//!     peer server                      listens, prints its port, and serves HTTP/2 until its standard input ends
//!     peer server either               the same with both versions; `restart` on its standard input shuts the connections down
//!     peer client host:port            sends requests over HTTP/2 and prints what came back, a line for each
//!     peer pooled host:port version    the same with the pooled client, over `http1` or `http2`

mod either;
mod pooled;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::HeaderValue;
use hyper::{HeaderMap, Method, Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::net::{TcpListener, TcpStream};

type Failure = Box<dyn Error + Send + Sync>;
type Boxed = http_body_util::combinators::UnsyncBoxBody<Bytes, Failure>;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match args[1].as_str() {
        "server" if args.len() > 2 => runtime.block_on(either::serve()),
        "server" => runtime.block_on(serve()),
        "pooled" => runtime.block_on(pooled::request(&args[2], &args[3])),
        _ => runtime.block_on(request(&args[2])),
    }
}

fn content(size: usize) -> Bytes {
    (0..size).map(|i| (i % 251) as u8).collect::<Vec<u8>>().into()
}

fn full(bytes: impl Into<Bytes>) -> Boxed {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let service = hyper::service::service_fn(handle);
            let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn handle(request: Request<Incoming>) -> Result<Response<Boxed>, Infallible> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or("0").to_owned();
    let response = match path.as_str() {
        "/hello" => Response::new(full(format!("hello from {:?}", request.version()))),
        "/bytes" => Response::new(full(content(query.parse().unwrap_or(0)))),
        "/echo" => Response::new(request.into_body().map_err(Failure::from).boxed_unsync()),
        "/refuse" => Response::builder().status(413).body(full("too much")).expect("a response"),
        "/break" => Response::new(Breaking(Some(Bytes::from("part"))).boxed_unsync()),
        _ => Response::builder().status(404).body(full("not found")).expect("a response"),
    };
    Ok(response)
}

/// A body that fails behind its first part.
struct Breaking(Option<Bytes>);

impl Body for Breaking {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        Poll::Ready(Some(self.0.take().map(Frame::data).ok_or_else(|| "the source broke".into())))
    }
}

async fn request(address: &str) -> Result<(), Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    let connected = tokio::spawn(connection);
    let build = |method: Method, path: &str, body: Boxed| {
        Request::builder().method(method).uri(format!("http://{address}{path}")).body(body).expect("a request")
    };

    let mut one = sender.clone();
    let response = one.send_request(build(Method::GET, "/hello", full(""))).await?;
    assert_eq!(response.version(), Version::HTTP_2);
    let length = response.headers().get("content-length").cloned();
    println!("hello: {:?} {:?}", length, response.into_body().collect().await?.to_bytes());

    let response = one.send_request(build(Method::HEAD, "/hello", full(""))).await?;
    let length = response.headers().get("content-length").cloned();
    println!("head: {:?} {:?}", length, response.into_body().collect().await?.to_bytes());

    let response = one.send_request(build(Method::GET, "/nowhere", full(""))).await?;
    println!("missing: {}", response.status());

    let large = content(8 << 20);
    let response = one.send_request(build(Method::POST, "/echo", full(large.clone()))).await?;
    println!("echo: {}", response.into_body().collect().await?.to_bytes() == large);

    let (mut parts, body) = http_body_util::channel::Channel::<Bytes, Failure>::new(1);
    let feeding = tokio::spawn(async move {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("1"));
        parts.send_data(Bytes::from("con")).await.expect("a reader");
        parts.send_data(Bytes::from("tent")).await.expect("a reader");
        parts.send_trailers(trailers).await.expect("a reader");
    });
    let response = one.send_request(build(Method::POST, "/echo", body.boxed_unsync())).await?;
    let collected = response.into_body().collect().await?;
    feeding.await?;
    let sum = collected.trailers().and_then(|trailers| trailers.get("x-sum")).cloned();
    println!("trailers: {:?} {:?}", collected.to_bytes(), sum);

    let tasks: Vec<_> = (0..100)
        .map(|i| {
            let mut one = sender.clone();
            let size = 1 + i * 1499;
            let request = build(Method::GET, &format!("/bytes?{size}"), full(""));
            tokio::spawn(async move {
                let response = one.send_request(request).await?;
                Ok::<bool, Failure>(response.into_body().collect().await?.to_bytes() == content(size))
            })
        })
        .collect();
    let mut good = 0;
    for task in tasks {
        if task.await?? {
            good += 1;
        }
    }
    println!("parallel: {good}");

    let response = one.send_request(build(Method::POST, "/refuse", full(large))).await?;
    let status = response.status();
    println!("refused: {} {:?}", status.as_u16(), response.into_body().collect().await?.to_bytes());

    let response = one.send_request(build(Method::GET, &format!("/stream?{}", 64 << 20), full(""))).await?;
    drop(response);
    let response = one.send_request(build(Method::GET, "/hello", full(""))).await?;
    println!("next: {:?}", response.into_body().collect().await?.to_bytes());

    drop((one, sender));
    connected.await??;
    println!("closed");
    Ok(())
}
