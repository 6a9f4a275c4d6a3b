//! The server of hyper-util that finds out which version is spoken.

use crate::{handle, Failure};
use futures_util::future::{select, Either};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use std::pin::pin;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

/// Serves until the standard input ends. `restart` shuts the connections there are down, while others are taken; `restarted` is
/// printed when the last of them has ended.
pub async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    let mut lines = lines();
    let (mut stop, mut stopped) = watch::channel(());
    loop {
        let event = match select(pin!(listener.accept()), pin!(lines.recv())).await {
            Either::Left((accepted, _)) => Some(accepted?.0),
            Either::Right(_) => None,
        };
        if let Some(stream) = event {
            stream.set_nodelay(true)?;
            tokio::spawn(connection(stream, stopped.clone()));
            continue;
        }
        let former = stop;
        (stop, stopped) = watch::channel(());
        tokio::spawn(async move {
            let _ = former.send(());
            former.closed().await;
            println!("restarted");
        });
    }
}

async fn connection(stream: TcpStream, mut stopped: watch::Receiver<()>) {
    let builder = Builder::new(TokioExecutor::new());
    let service = hyper::service::service_fn(handle);
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
    if let Either::Right(_) = select(serving.as_mut(), pin!(stopped.changed())).await {
        serving.as_mut().graceful_shutdown();
        let _ = serving.await;
    }
}

/// The lines of the standard input, at whose end the program ends.
fn lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
        std::process::exit(0);
    });
    receiver
}
