"""Takes Kerberos tickets for the lab's server, by MIT's GSS-API: tokens, and what is sealed behind them.
Arguments: the port. A question is a letter, four bytes of length and so many bytes; an answer a status and
the same."""

import socket
import struct
import sys

import gssapi
from gssapi.exceptions import GSSError
from gssapi.raw import IOV, IOVBufferType, wrap_iov

# What a client seals in CredSSP to prove the key is a hash of this length (MS-CSSP 3.1.5).
HASH = 32


class Taker:
    def __init__(self):
        accepting = gssapi.Credentials(usage="accept")
        self.context = gssapi.SecurityContext(creds=accepting, usage="accept")
        self.turned = None

    def t(self, token):
        answer = self.context.step(token) or b""
        print("user", self.context.initiator_name, flush=True)
        return answer

    def u(self, sealed):
        """Wine's SSPI puts the beginning of a wrapped token where Windows has the signature's end, the data,
        and the rest before it: the length of what is sealed tells how far it is turned."""
        if self.turned is None:
            try:
                opened = self.context.unwrap(sealed)
                self.turned = 0
                return opened.message
            except GSSError:
                self.turned = len(sealed) - HASH
        at = self.turned
        opened = self.context.unwrap(sealed[at:] + sealed[:at])
        assert opened.encrypted
        return opened.message

    def w(self, plain):
        """As Windows does: the signature, then what is sealed."""
        iov = IOV(IOVBufferType.header, plain, IOVBufferType.padding, std_layout=False)
        wrap_iov(self.context, iov, confidential=True, qop=None)
        sealed = b"".join(part.value or b"" for part in iov)
        at = len(plain) if self.turned else 0
        return sealed[at:] + sealed[:at]


def serve(client):
    stream = client.makefile("rb")
    taker = Taker()
    while question := stream.read(1):
        (length,) = struct.unpack(">I", stream.read(4))
        message = stream.read(length)
        try:
            answer = b"\0", getattr(taker, question.decode())(message)
        except (GSSError, AssertionError) as error:
            print("error", repr(error), flush=True)
            answer = b"\1", b""
        client.sendall(answer[0] + struct.pack(">I", len(answer[1])) + answer[1])


def main():
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
        while True:
            client, _ = server.accept()
            with client:
                try:
                    serve(client)
                except (ConnectionError, struct.error) as error:
                    print("error", repr(error), flush=True)


main()
