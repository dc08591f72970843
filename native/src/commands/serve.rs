//! `packetwalk serve`: the page, on loopback.
//!
//! **Left out**: the Kubernetes API, live clusters, TLS.

use crate::error::Error;
use crate::output;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use std::net::SocketAddr;
use std::path::PathBuf;
use tower_http::compression::CompressionLayer;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// Serve the page on this machine
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The folder of the built page
    #[arg(long, value_name = "FOLDER", default_value = "dist")]
    site: PathBuf,
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

const EXAMPLES: &str = "Examples:
  cargo xtask serve                      build the page and serve it
  packetwalk serve --site dist --listen 127.0.0.1:9000";

/// The policy the page lives under: its own files and WebAssembly, nothing else.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";

/// Serves until it is stopped.
///
/// # Errors
/// When there is no page, or the address cannot be had.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    if !arguments.site.join("index.html").is_file() {
        return Err(Error::Input(format!(
            "{}: there is no built page here: run cargo xtask build first",
            arguments.site.display()
        )));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|said| failed(arguments, said))?;
    runtime.block_on(serve(arguments))
}

async fn serve(arguments: &Arguments) -> Result<(), Error> {
    let listener = tokio::net::TcpListener::bind(arguments.listen)
        .await
        .map_err(|said| failed(arguments, said))?;
    let address = listener
        .local_addr()
        .map_err(|said| failed(arguments, said))?;
    output::answer(&format!(
        "packetwalk is at http://{address}/  (stop with Ctrl-C)"
    ))?;
    serve_on(listener, &arguments.site, stopped())
        .await
        .map_err(|said| failed(arguments, said))
}

/// Serves the page in `folder` on a socket, until `stop` comes about.
///
/// # Errors
/// When the socket fails.
pub async fn serve_on(
    listener: tokio::net::TcpListener,
    folder: &std::path::Path,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, site(folder))
        .with_graceful_shutdown(stop)
        .await
}

fn site(folder: &std::path::Path) -> Router {
    let always = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
    };
    Router::new()
        .fallback_service(ServeDir::new(folder))
        .layer(always(header::CONTENT_SECURITY_POLICY, POLICY))
        .layer(always(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(always(header::REFERRER_POLICY, "no-referrer"))
        .layer(always(header::CACHE_CONTROL, "no-cache"))
        .layer(CompressionLayer::new())
}

async fn stopped() {
    // Where Ctrl-C cannot be heard, the server simply runs until it is killed.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn failed(arguments: &Arguments, said: std::io::Error) -> Error {
    Error::Serve {
        address: arguments.listen.to_string(),
        said,
    }
}
