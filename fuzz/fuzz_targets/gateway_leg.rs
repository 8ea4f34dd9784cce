//! One connection to an RD Gateway inside its TLS: HTTP, WebSocket, the tunnel's packets; and one to
//! the proxy of a key distribution centre, by both versions of HTTP.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rdpdoctor_fuzz::{Op, ops};
use rdpdoctor_model::{GatewayTransport, Party};
use rdpdoctor_wire::gateway::{GatewayLeg, GatewayTunnel, KdcProxyLeg, LegEvent, opening};

fuzz_target!(|data: &[u8]| {
    let mut leg = GatewayLeg::new();
    let mut tunnel = GatewayTunnel::new(GatewayTransport::WebSocket);
    let mut proxies = [KdcProxyLeg::default(), KdcProxyLeg::of_http2()];
    let mut client = Vec::new();
    for op in ops(data) {
        let (Op::Wire(party, bytes) | Op::Plaintext(party, bytes)) = op else { continue };
        if party == Party::Client {
            client.extend_from_slice(bytes);
        }
        proxies.iter_mut().for_each(|proxy| drop(proxy.feed(party, bytes)));
        for event in leg.feed(party, bytes) {
            match event {
                LegEvent::Packet(from, packet) => drop(tunnel.packet(from, packet)),
                LegEvent::Begun(transport) => tunnel = GatewayTunnel::new(transport),
                LegEvent::Fact(_) | LegEvent::ClosedByGateway => {}
            }
        }
        let _ = (leg.awaited(), leg.carries(), leg.has_unfinished_answer(), tunnel.awaited());
    }
    let refused = proxies.each_mut().map(KdcProxyLeg::take_refused);
    let _ = (opening(&client), tunnel.ended("it ended"), refused);
});
