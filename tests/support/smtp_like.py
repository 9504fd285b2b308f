"""A small SMTP server on loopback: takes e-mails, and refuses when it is told to."""

from __future__ import annotations

import base64
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import Message


@dataclass
class SmtpLike:
    """`mails` are what was taken; `refuse` scripts answers by command, with its address or without:
    {"RCPT bea@x.example": "550 nobody", "DATA": "hang up"}.
    """

    mails: list[Message] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    password: str = "SECRET-of-the-mailbox"
    port: int = 0


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.say("220 test")
        self.to: list[str] = []
        while line := self.rfile.readline().decode().strip():
            command, _, rest = line.partition(" ")
            if not self.answer(command.upper(), rest):
                return

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def answer(self, command: str, rest: str) -> bool:
        box: SmtpLike = self.server.box  # type: ignore[attr-defined]
        address = rest[rest.find("<") + 1 : rest.find(">")] if "<" in rest else ""
        scripted = box.refuse.get(f"{command} {address}".strip()) or box.refuse.get(command)
        if scripted == "hang up":
            return False
        if scripted:
            self.say(scripted)
        elif command == "EHLO":
            self.say("250-test\r\n250 AUTH PLAIN")
        elif command == "AUTH":
            given = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")[-1]
            self.say("235 welcome" if given == box.password else f"535 wrong password {given}")
        elif command == "RCPT":
            self.to.append(address)
            self.say("250 ok")
        elif command == "DATA":
            self.say("354 go on")
            self.take(box)
        else:
            self.say("221 bye" if command == "QUIT" else "250 ok")
        return command != "QUIT"

    def take(self, box: SmtpLike) -> None:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b"..") else line)
        box.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))
        box.recipients.append(self.to)
        self.say("250 taken")


@contextmanager
def smtp_like() -> Iterator[SmtpLike]:
    """A server for the time of the block."""
    box = SmtpLike()
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Session)
    server.daemon_threads = True
    server.box = box  # type: ignore[attr-defined]
    box.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield box
    finally:
        server.shutdown()
        server.server_close()
