"""WinRM by HTTP on a host of a realm: MIT's GSS-API takes the ticket, opens what the client sealed, and
seals the answers. Arguments: the port, a file with what the script writes."""

import base64
import re
import socket
import struct
import sys

import gssapi
from gssapi.raw import IOV, IOVBufferType, wrap_iov

SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
KIND = "application/HTTP-SPNEGO-session-encrypted"
BOUNDARY = "--Encrypted Boundary"
FORM = re.compile(
    (
        rf"{BOUNDARY}\r\n\tContent-Type: {KIND}\r\n"
        rf"\tOriginalContent: type=application/soap\+xml;charset=UTF-8;Length=(\d+)\r\n"
        rf"{BOUNDARY}\r\n\tContent-Type: application/octet-stream\r\n(.*){BOUNDARY}--\r\n$"
    ).encode(),
    re.S,
)


def opened(context, body):
    length, sealed = FORM.match(body).groups()
    signature = struct.unpack("<I", sealed[:4])[0]
    # Windows' own signature by AES is as long (RFC 4121 4.2.4, MS-KILE 3.4.5.4.1).
    assert signature == 60, signature
    result = context.unwrap(sealed[4:])
    assert result.encrypted and len(result.message) == int(length)
    return result.message.decode()


def closed(context, clear):
    iov = IOV(IOVBufferType.header, clear, IOVBufferType.padding, std_layout=False)
    wrap_iov(context, iov, confidential=True, qop=None)
    header, data, padding = (part.value or b"" for part in iov)
    head = (
        f"{BOUNDARY}\r\n\tContent-Type: {KIND}\r\n"
        f"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={len(clear)}\r\n"
        f"{BOUNDARY}\r\n\tContent-Type: application/octet-stream\r\n"
    )
    length = struct.pack("<I", len(header))
    return head.encode() + length + header + data + padding + f"{BOUNDARY}--\r\n".encode()


def answer(message, output):
    number = re.search("<a:MessageID>(.*?)</a:MessageID>", message).group(1)
    action = re.search("<a:Action[^>]*>[^<]*/(.*?)</a:Action>", message).group(1)
    print(action, flush=True)
    written = base64.b64encode(output).decode()
    body = {
        "Create": '<w:Selector Name="ShellId">S1</w:Selector>',
        "Command": "<rsp:CommandResponse><rsp:CommandId>C1</rsp:CommandId></rsp:CommandResponse>",
        "Receive": '<rsp:ReceiveResponse><rsp:Stream Name="stdout" CommandId="C1">'
        + written
        + f'</rsp:Stream><rsp:CommandState CommandId="C1" State="{SHELL}/CommandState/Done">'
        "<rsp:ExitCode>0</rsp:ExitCode></rsp:CommandState></rsp:ReceiveResponse>",
    }.get(action, "")
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" '
        f'xmlns:rsp="{SHELL}"><s:Header><a:RelatesTo>{number}</a:RelatesTo></s:Header>'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def request(stream):
    if not stream.readline():
        return None
    fields = {}
    while line := stream.readline().strip():
        name, value = line.split(b":", 1)
        fields[name.lower()] = value.strip()
    return fields, stream.read(int(fields.get(b"content-length", 0)))


def serve(client, output):
    stream = client.makefile("rb")
    context = gssapi.SecurityContext(creds=gssapi.Credentials(usage="accept"), usage="accept")

    def reply(status, fields, body=b""):
        lines = [f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(body)}", "", ""]
        client.sendall("\r\n".join(lines).encode() + body)

    while (asked := request(stream)) is not None:
        fields, body = asked
        if context.complete:
            sealed = closed(context, answer(opened(context, body), output))
            kind = f'multipart/encrypted;protocol="{KIND}";boundary="Encrypted Boundary"'
            reply("200 OK", [f"Content-Type: {kind}"], sealed)
            continue
        token = base64.b64decode(fields.get(b"authorization", b" ").split(b" ", 1)[1])
        if not token or token.startswith(b"NTLMSSP"):
            print("NTLM" if token else "nobody", flush=True)
            reply("401 Unauthorized", ["WWW-Authenticate: Negotiate"])
            continue
        proof = base64.b64encode(context.step(token) or b"").decode()
        print("user", context.initiator_name, flush=True)
        reply("200 OK", [f"WWW-Authenticate: Negotiate {proof}"])


def main():
    with open(sys.argv[2], "rb") as file:
        output = file.read()
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
        while True:
            client, _ = server.accept()
            with client:
                try:
                    serve(client, output)
                except (ConnectionError, ValueError, AssertionError) as error:
                    print("error", repr(error), flush=True)


main()
