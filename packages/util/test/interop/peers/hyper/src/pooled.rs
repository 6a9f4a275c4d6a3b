//! The pooled client of hyper-util.

use crate::{content, full, Boxed, Failure};
use http_body_util::BodyExt;
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// Requests one after the other, at once, with content, and one that is given up.
pub async fn request(address: &str, version: &str) -> Result<(), Failure> {
    let client: Client<_, Boxed> = Client::builder(TokioExecutor::new()).http2_only(version == "http2").build_http();
    let build = |method: Method, path: &str, body: Boxed| {
        Request::builder().method(method).uri(format!("http://{address}{path}")).body(body).expect("a request")
    };

    for _ in 0..3 {
        let response = client.request(build(Method::GET, "/hello", full(""))).await?;
        println!("{:?} {:?}", response.version(), response.into_body().collect().await?.to_bytes());
    }

    let large = content(8 << 20);
    let response = client.request(build(Method::POST, "/echo", full(large.clone()))).await?;
    println!("echo: {}", response.into_body().collect().await?.to_bytes() == large);

    let tasks: Vec<_> = (0..100)
        .map(|i| {
            let client = client.clone();
            let size = 1 + i * 1499;
            let request = build(Method::GET, &format!("/bytes?{size}"), full(""));
            tokio::spawn(async move {
                let response = client.request(request).await?;
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

    drop(client.request(build(Method::GET, &format!("/stream?{}", 64 << 20), full(""))).await?);
    let response = client.request(build(Method::GET, "/hello", full(""))).await?;
    println!("next: {:?}", response.into_body().collect().await?.to_bytes());
    Ok(())
}
