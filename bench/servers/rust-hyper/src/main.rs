//! hyper with HTTP/2 over cleartext TCP, on a current-thread runtime. It takes `--service hello|mib|echo|size` and says
//! `listening on N`, as every server here does.

use std::convert::Infallible;
use std::error::Error;

use bytes::Bytes;
use http_body_util::{combinators::BoxBody, BodyExt, Full};
use hyper::{body::Incoming, server::conn::http2, service::service_fn, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

static MIB: [u8; 1_048_576] = [b'x'; 1_048_576];

type Answer = Response<BoxBody<Bytes, hyper::Error>>;

#[derive(Clone, Copy)]
enum Service {
    Hello,
    Mib,
    Echo,
    Size,
}

async fn answer(service: Service, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let body = match service {
        Service::Hello => whole(Bytes::from_static(b"hello, world\n")),
        Service::Mib => whole(Bytes::from_static(&MIB)),
        Service::Echo => request.into_body().boxed(),
        Service::Size => {
            let mut body = request.into_body();
            let mut bytes = 0;
            while let Some(Ok(frame)) = body.frame().await {
                bytes += frame.data_ref().map_or(0, Bytes::len);
            }
            whole(Bytes::from(bytes.to_string()))
        }
    };
    Ok(Response::builder().header("content-type", "text/plain").body(body).expect("a response"))
}

fn whole(bytes: Bytes) -> BoxBody<Bytes, hyper::Error> {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

fn argument(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.next()?;
    arguments.next()
}

fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = argument("--port").map_or(Ok(0), |port| port.parse())?;
    let service = match argument("--service").as_deref() {
        None | Some("hello") => Service::Hello,
        Some("mib") => Service::Mib,
        Some("echo") => Service::Echo,
        Some("size") => Service::Size,
        Some(other) => return Err(format!("no such service: {other}").into()),
    };
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(async move {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        println!("listening on {}", listener.local_addr()?.port());
        loop {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            tokio::spawn(async move {
                // What is cut off when the load ends is no failure of the server.
                let _ = http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(socket), service_fn(move |request| answer(service, request)))
                    .await;
            });
        }
    })
}
