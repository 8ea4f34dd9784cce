//! The settings that are known, with their types and values.
//!
//! Types and values are those of Microsoft's list of supported properties and of files that `mstsc`
//! writes: <https://learn.microsoft.com/azure/virtual-desktop/rdp-properties>.

/// A setting's type, the letter between the colons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `i`
    Number,
    /// `s`
    Text,
    /// `b`
    Bytes,
}

impl Type {
    /// The type of a letter; `mstsc` writes small ones.
    pub(super) fn of(letter: &str) -> Option<Self> {
        match letter {
            "i" | "I" => Some(Self::Number),
            "s" | "S" => Some(Self::Text),
            "b" | "B" => Some(Self::Bytes),
            _ => None,
        }
    }

    /// The letter.
    pub fn letter(self) -> char {
        match self {
            Self::Number => 'i',
            Self::Text => 's',
            Self::Bytes => 'b',
        }
    }
}

/// What is known of a setting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) kind: Type,
    /// The numbers that it knows; none where any will do.
    pub(super) numbers: Option<(i64, i64)>,
    /// Whether it matters for a connection, so that it becomes an observation.
    pub(super) matters: bool,
}

/// The setting of that name, in lower case.
pub(super) fn known(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name)
}

const fn number(name: &'static str, least: i64, most: i64) -> Known {
    Known { name, kind: Type::Number, numbers: Some((least, most)), matters: true }
}

const fn text(name: &'static str) -> Known {
    Known { name, kind: Type::Text, numbers: None, matters: true }
}

/// A number that is nobody's concern here: size, colours, sounds.
const fn other_number(name: &'static str) -> Known {
    Known { name, kind: Type::Number, numbers: None, matters: false }
}

/// A text that becomes no observation of its own.
const fn other_text(name: &'static str) -> Known {
    Known { name, kind: Type::Text, numbers: None, matters: false }
}

const KNOWN: &[Known] = &[
    // Whom to connect with: observations of their own.
    other_text("full address"),
    other_text("alternate full address"),
    other_number("server port"),
    other_text("gatewayhostname"),
    number("gatewayusagemethod", 0, 4),
    other_text("username"),
    other_text("domain"),
    other_text("signature"),
    other_text("signscope"),
    // Security.
    number("authentication level", 0, 3),
    number("enablecredsspsupport", 0, 1),
    number("negotiate security layer", 0, 1),
    number("enablerdsaadauth", 0, 1),
    number("targetisaadjoined", 0, 1),
    number("prompt for credentials", 0, 1),
    number("prompt for credentials on client", 0, 1),
    number("promptcredentialonce", 0, 1),
    number("public mode", 0, 1),
    number("gatewayprofileusagemethod", 0, 1),
    number("gatewaycredentialssource", 0, 5),
    number("gatewaybrokeringtype", 0, 1),
    number("rdgiskdcproxy", 0, 1),
    text("kdcproxyname"),
    // The session.
    text("loadbalanceinfo"),
    number("use redirection server name", 0, 1),
    number("disableconnectionsharing", 0, 1),
    number("administrative session", 0, 1),
    number("connect to console", 0, 1),
    number("autoreconnection enabled", 0, 1),
    number("remoteapplicationmode", 0, 1),
    text("remoteapplicationprogram"),
    text("remoteapplicationname"),
    text("alternate shell"),
    number("networkautodetect", 0, 1),
    number("bandwidthautodetect", 0, 1),
    number("connection type", 0, 7),
    // What the remote computer gets of this one.
    number("redirectclipboard", 0, 1),
    number("redirectprinters", 0, 1),
    number("redirectcomports", 0, 1),
    number("redirectsmartcards", 0, 1),
    number("redirectposdevices", 0, 1),
    number("redirectdrives", 0, 1),
    number("redirectlocation", 0, 1),
    number("redirectwebauthn", 0, 1),
    number("audiocapturemode", 0, 1),
    text("drivestoredirect"),
    text("devicestoredirect"),
    text("usbdevicestoredirect"),
    text("camerastoredirect"),
    // What is known and does not matter here.
    other_number("redirectdirectx"),
    other_number("screen mode id"),
    other_number("use multimon"),
    other_text("selectedmonitors"),
    other_number("desktopwidth"),
    other_number("desktopheight"),
    other_number("desktop size id"),
    other_number("desktopscalefactor"),
    other_number("dynamic resolution"),
    other_number("smart sizing"),
    other_number("maximizetocurrentdisplays"),
    other_number("singlemoninwindowedmode"),
    other_number("span monitors"),
    other_number("superpanaccelerationfactor"),
    other_number("session bpp"),
    other_text("winposstr"),
    other_number("compression"),
    other_number("keyboardhook"),
    other_number("videoplaybackmode"),
    other_number("audiomode"),
    other_number("audioqualitymode"),
    other_number("displayconnectionbar"),
    other_number("pinconnectionbar"),
    other_number("enableworkspacereconnect"),
    other_number("disable wallpaper"),
    other_number("allow font smoothing"),
    other_number("allow desktop composition"),
    other_number("disable full window drag"),
    other_number("disable menu anims"),
    other_number("disable themes"),
    other_number("disable cursor setting"),
    other_number("disable ctrl+alt+del"),
    other_number("bitmapcachepersistenable"),
    other_number("bitmapcachesize"),
    other_number("encode redirected video capture"),
    other_number("redirected video capture encoding quality"),
    other_number("disableremoteappcapscheck"),
    other_text("remoteapplicationcmdline"),
    other_text("remoteapplicationfile"),
    other_text("remoteapplicationfileextensions"),
    other_text("remoteapplicationguid"),
    other_text("remoteapplicationicon"),
    other_number("remoteapplicationexpandcmdline"),
    other_number("remoteapplicationexpandworkingdir"),
    other_text("shell working directory"),
    other_text("pcb"),
    other_text("support url"),
    other_number("require pre-authentication"),
    other_text("pre-authentication server address"),
    other_text("eventloguploadaddress"),
    other_text("workspace id"),
    other_text("workspaceid"),
    other_text("gatewayaccesstoken"),
    other_text("geo"),
    other_text("armpath"),
    other_text("aadtenantid"),
    other_text("diagnosticserviceurl"),
    other_text("hubdiscoverygeourl"),
    other_text("resourceprovider"),
    other_text("wvd endpoint pool"),
    other_text("activityhint"),
    other_text("remotedesktopname"),
    Known { name: "password 51", kind: Type::Bytes, numbers: None, matters: false },
    Known { name: "password", kind: Type::Bytes, numbers: None, matters: false },
];
