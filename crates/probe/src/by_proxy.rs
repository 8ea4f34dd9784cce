//! The first stages of a check that goes through a proxy.

use std::net::{IpAddr, SocketAddr};

use rdpdoctor_model::{Fact, Purpose, Stage, Target};
use rdpdoctor_wire::Redirection;

use crate::check::Steps;
use crate::context::Context;
use crate::proxy::{Destination, Route};
use crate::stages;
use crate::stages::proxy::Outcome;
use crate::stream::MeteredStream;

/// The tunnel to the target; the name is resolved by the proxy, or on this side for `socks5`.
pub(crate) async fn connect(
    steps: &Steps,
    route: &Route,
) -> Result<MeteredStream, (Stage, String)> {
    let (context, proxy) = (&steps.context, &route.proxy);
    note_choice(context, route);
    let (host, port) = (&context.target.host, context.target.port);
    let destinations = if proxy.scheme.resolves() && !context.target.is_address() {
        steps.skip(Stage::Dns, "the proxy resolves the name");
        vec![Destination::new(host, port)]
    } else {
        let found = steps.stage(Stage::Dns, stages::dns::run(context)).await;
        let addresses = found.inspect_err(|_| steps.skip(Stage::Proxy, "stopped before"))?;
        places(addresses, port)
    };
    let asking = stages::proxy::run(context, route, &destinations, Purpose::Main);
    let outcome = steps.stage(Stage::Proxy, asking).await?;
    steps.stage(Stage::Tcp, async { outcome }).await
}

/// The tunnel to an RD Gateway, which finds the host by itself. The inner error is the proxy's word
/// that the gateway cannot be reached.
pub(crate) async fn to_gateway(
    steps: &Steps,
    route: &Route,
    gateway: &Target,
) -> Result<Outcome, (Stage, String)> {
    let context = &steps.context;
    note_choice(context, route);
    steps.skip(Stage::Dns, "the gateway resolves the name");
    let finding = async {
        if route.proxy.scheme.resolves() || gateway.is_address() {
            return Ok(vec![Destination::new(&gateway.host, gateway.port)]);
        }
        let found = stages::dns::look_up(&gateway.host, context.deadlines.dns).await;
        found.map(|(addresses, _)| places(addresses, gateway.port))
    };
    let destinations = match finding.await {
        Ok(destinations) => destinations,
        Err((failure, text)) => {
            let name = gateway.host.clone();
            let fact = Fact::NameFailed { name, failure, text, elapsed_ms: 0.0 };
            context.note(Stage::Gateway, fact);
            steps.skip(Stage::Proxy, "stopped before");
            return Ok(Err("the gateway's name could not be resolved".to_owned()));
        }
    };
    let asking = stages::proxy::run(context, route, &destinations, Purpose::Gateway);
    steps.stage(Stage::Proxy, asking).await
}

fn note_choice(context: &Context, route: &Route) {
    let proxy = &route.proxy;
    let fact = Fact::ProxyChosen {
        scheme: proxy.scheme,
        proxy_host: proxy.host.clone(),
        proxy_port: proxy.port,
        chosen_by: proxy.chosen_by,
        has_user: proxy.sign_in.is_some(),
    };
    context.note(Stage::Proxy, fact);
}

fn places(addresses: Vec<IpAddr>, port: u16) -> Vec<Destination> {
    let address = |ip| Destination::Address(SocketAddr::new(ip, port));
    addresses.into_iter().map(address).collect()
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
