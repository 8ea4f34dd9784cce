//! What Windows reads about `rdpdoctor.exe`: its version and its manifest.

/// `asInvoker`: nothing here needs more rights than the user has, and no installer is guessed from the
/// name. `longPathAware`: paths beyond 260 characters. `activeCodePage`: OpenSSL and the system's
/// resolver are given UTF-8.
const MANIFEST: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">
  <trustInfo xmlns="urn:schemas-microsoft-com:asm.v3">
    <security><requestedPrivileges>
      <requestedExecutionLevel level="asInvoker" uiAccess="false"/>
    </requestedPrivileges></security>
  </trustInfo>
  <compatibility xmlns="urn:schemas-microsoft-com:compatibility.v1">
    <application>
      <supportedOS Id="{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}"/>
    </application>
  </compatibility>
  <application xmlns="urn:schemas-microsoft-com:asm.v3">
    <windowsSettings>
      <longPathAware xmlns="http://schemas.microsoft.com/SMI/2016/WindowsSettings">true</longPathAware>
      <activeCodePage xmlns="http://schemas.microsoft.com/SMI/2019/WindowsSettings">UTF-8</activeCodePage>
    </windowsSettings>
  </application>
</assembly>
"#;

fn main() -> std::io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("windows") {
        return Ok(());
    }
    let mut resource = winresource::WindowsResource::new();
    resource
        .set("ProductName", "rdpdoctor")
        .set("FileDescription", "Says why a Remote Desktop connection fails")
        .set("CompanyName", "The rdpdoctor authors")
        .set("LegalCopyright", "MIT OR Apache-2.0")
        .set("OriginalFilename", "rdpdoctor.exe")
        .set_manifest(MANIFEST);
    resource.compile()
}
