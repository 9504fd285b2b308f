"""E-mail through a tenant's SMTP server, by the standard library in a thread.

The connection goes to the address that the egress rules judged; its certificate must be that of the name. The message's
id follows from the effect's key, so a mail system can tell a repeated e-mail from a new one.
"""

from __future__ import annotations

import asyncio
import hashlib
import smtplib
import socket
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import Any

from connectors.action import ActionCall
from engine.errors import AppError, AuthError, PermanentError, TransientError

Json = Any


async def send_email(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Hand the e-mail over; recipients that the server refuses are told, and when it refuses all, that is an error."""
    secret, to = call.secret, parameters["to"]
    recipients = [to] if isinstance(to, str) else list(to)
    address = (await call.outside.addresses(secret["host"], secret["port"]))[0]
    message = _message(call, parameters, recipients)
    refused = await asyncio.to_thread(_send, secret, str(address), message, recipients, call.timeout_s)
    return {"sent": True, "message_id": message["Message-ID"], "refused": refused}


def _message(call: ActionCall, parameters: Mapping[str, Json], recipients: list[str]) -> EmailMessage:
    sender = call.secret["sender"]
    mark = hashlib.sha256(f"{call.scope.tenant_id}:{call.idempotency_key}".encode()).hexdigest()[:32]
    message = EmailMessage()
    try:
        message["From"], message["To"], message["Subject"] = sender, ", ".join(recipients), parameters["subject"]
        if parameters.get("reply_to"):
            message["Reply-To"] = parameters["reply_to"]
        message["Date"], message["Message-ID"] = formatdate(), f"<{mark}@{sender.partition('@')[2]}>"
        message.set_content(parameters["body"])
    except (ValueError, UnicodeError) as error:  # a header may hold neither line ends nor an odd address
        raise PermanentError("The subject or an address cannot stand in an e-mail.", parameter="to") from error
    return message


class _Pinned:
    """Connects to the judged address, whatever the name says now; the name stays for the certificate."""

    def __init__(self, address: str, *args: Any, **kwargs: Any) -> None:
        self._address = address
        super().__init__(*args, **kwargs)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = socket.create_connection((self._address, port), timeout)
        context: ssl.SSLContext | None = getattr(self, "context", None)
        return context.wrap_socket(plain, server_hostname=host) if context is not None else plain


class _Smtp(_Pinned, smtplib.SMTP):
    """Plain, or protected from STARTTLS on."""


class _SmtpTls(_Pinned, smtplib.SMTP_SSL):
    """Protected from the start."""


def _send(
    secret: Mapping[str, Json], address: str, message: EmailMessage, recipients: list[str], timeout_s: float
) -> list[str]:
    """Blocks. The recipients that were refused; raises AppError, never with what the server said."""
    try:
        with _connected(secret, address, timeout_s) as server:
            refused = server.sendmail(secret["sender"], recipients, message.as_bytes(policy=SMTP))
        return sorted(refused)
    except (smtplib.SMTPException, OSError, ValueError) as error:
        failure = _mapped(error)
    raise failure  # outside the handler: the cause could show the password


def _connected(secret: Mapping[str, Json], address: str, timeout_s: float) -> smtplib.SMTP:
    host, port, security = secret["host"], secret["port"], secret["security"]
    if security == "tls":
        tls = ssl.create_default_context()
        server: smtplib.SMTP = _SmtpTls(address, host, port, timeout=timeout_s, context=tls)
    else:
        server = _Smtp(address, host, port, timeout=timeout_s)
    try:
        if security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if secret.get("username"):
            server.login(secret["username"], secret.get("password", ""))
    except BaseException:
        server.close()
        raise
    return server


def _mapped(error: Exception) -> AppError:
    """The server's failure as one of ours: a code of the 400s may pass."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return AuthError("The mail server refused the credential.", status=error.smtp_code)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return PermanentError("The mail server does not offer what the credential asks for.", parameter="credential")
    codes = [error.smtp_code] if isinstance(error, smtplib.SMTPResponseException) else []
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
    if codes and all(code >= 500 for code in codes):
        return PermanentError(f"The mail server refused the e-mail ({codes[0]}).", status=codes[0])
    if isinstance(error, UnicodeError):
        return PermanentError("The mail server takes only plain addresses.", parameter="to")
    if isinstance(error, ssl.SSLCertVerificationError):
        return PermanentError("The mail server's certificate is not valid for its name.", parameter="credential")
    return TransientError("The mail server did not take the e-mail now.", status=codes[0] if codes else None)
