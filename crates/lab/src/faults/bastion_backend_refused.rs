//! A bastion that hangs up since the machine behind it refuses: FreeRDP's proxy does so, without a word,
//! once it had the client info.

use rcgen::DnType;

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, Instead, SessionAnswer, Tls};
use crate::certificate::{self, Forge, Identity};
use crate::x224;

pub(super) static FAULT: Fault = Fault {
    name: "bastion-backend-refused",
    summary: "has a bastion's certificate and hangs up once it knows for whom",
    cause: Some("pam.backend-refused"),
    behaviour: Behaviour { session: SessionAnswer::Instead(Instead::End(Ending::Fin)), ..BASTION },
};

/// It does not take NLA, as it has to know the password.
pub(super) const BASTION: Behaviour = Behaviour {
    negotiation: x224::tls_only,
    tls: Tls { certificate: of_a_bastion, ..Tls::HEALTHY },
    ..Behaviour::HEALTHY
};

fn of_a_bastion(forge: &Forge) -> std::io::Result<Identity> {
    let issuer = [
        (DnType::OrganizationName, "WALLIX"),
        (DnType::CommonName, "rdpdoctor lab bastion authority"),
    ];
    certificate::from_stranger(forge, &issuer, true)
}
