//! The first stages of a check that goes through a proxy.

use std::net::SocketAddr;

use rdpdoctor_model::{Fact, Stage};
use rdpdoctor_wire::Redirection;

use crate::check::{Context, Steps};
use crate::proxy::{Destination, Route};
use crate::stages;
use crate::stream::MeteredStream;

/// The tunnel to the target; the name is resolved by the proxy, or on this side for `socks5`.
pub(crate) async fn connect(
    steps: &Steps,
    route: &Route,
) -> Result<MeteredStream, (Stage, String)> {
    let (context, proxy) = (&steps.context, &route.proxy);
    let fact = Fact::ProxyChosen {
        scheme: proxy.scheme,
        proxy_host: proxy.host.clone(),
        proxy_port: proxy.port,
        chosen_by: proxy.chosen_by,
        has_user: proxy.sign_in.is_some(),
    };
    context.note(Stage::Proxy, fact);
    let (host, port) = (&context.target.host, context.target.port);
    let destinations = if proxy.scheme.resolves() && !context.target.is_address() {
        steps.skip(Stage::Dns, "the proxy resolves the name");
        vec![Destination::new(host, port)]
    } else {
        let found = steps.stage(Stage::Dns, stages::dns::run(context)).await;
        let addresses = found.inspect_err(|_| steps.skip(Stage::Proxy, "stopped before"))?;
        let address = |ip| Destination::Address(SocketAddr::new(ip, port));
        addresses.into_iter().map(address).collect()
    };
    let asking = stages::proxy::run(context, route, &destinations);
    let outcome = steps.stage(Stage::Proxy, asking).await?;
    steps.stage(Stage::Tcp, async { outcome }).await
}

/// The tunnel to the host that a broker named, by the first of its names.
pub(crate) async fn redirected(
    context: &Context,
    route: &Route,
    redirection: &Redirection,
) -> Option<MeteredStream> {
    let name = redirection.targets.first()?;
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let port = context.target.port;
    let destination = match Destination::new(bare, port) {
        Destination::Name(name, _) if !route.proxy.scheme.resolves() => {
            let found = stages::dns::look_up(&name, context.deadlines.dns).await.ok()?;
            Destination::Address(SocketAddr::new(*found.0.first()?, port))
        }
        destination => destination,
    };
    stages::proxy::elsewhere(context, route, destination).await
}
