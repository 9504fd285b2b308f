"""E-mail over a server that speaks SMTP: what arrives, what is refused, and what must not be sent."""

from __future__ import annotations

import json
import traceback
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from engine.errors import AppError, AuthError, EgressBlocked, PermanentError, TransientError
from engine.store.session import Database, Scope
from tests.contract.test_nodes_data import one
from tests.support.outside import Outside, outside
from tests.support.ports import FakeTools, World
from tests.support.smtp_like import SmtpLike, smtp_like

MAIL = {"to": "ada@x.example", "subject": "Your order ORD-10000007 – thanks", "body": "Hello\n.\nFrom us"}


@pytest.fixture
def box() -> Iterator[SmtpLike]:
    with smtp_like() as found:
        yield found


def credential(box: SmtpLike, **change: Any) -> str:
    values = {"host": "127.0.0.1", "port": box.port, "security": "none", "sender": "shop@x.example"}
    return json.dumps({**values, **change})


@pytest.fixture
async def world(database: Database, scope: Scope, box: SmtpLike) -> AsyncIterator[Outside]:
    async with outside(database, scope, f"127.0.0.1:{box.port}") as found:
        await found.keep("smtp", credential(box, username="shop", password=box.password))
        yield found


async def test_an_email_arrives_as_it_was_written(world: Outside, box: SmtpLike) -> None:
    sent = await world.call("send_email", **MAIL, reply_to="help@x.example")
    (mail,) = box.mails
    assert (mail["From"], mail["To"], mail["Subject"]) == ("shop@x.example", "ada@x.example", MAIL["subject"])
    assert (mail["Reply-To"], mail["Message-ID"]) == ("help@x.example", sent["message_id"])
    assert mail.get_content().replace("\r\n", "\n") == MAIL["body"] + "\n"


async def test_each_attempt_of_one_effect_has_one_message_id(world: Outside, box: SmtpLike) -> None:
    for key in ("a", "a", "b"):
        await world.call("send_email", key=key, **MAIL)
    ids = [mail["Message-ID"] for mail in box.mails]
    assert (ids[0] == ids[1], ids[1] == ids[2]) == (True, False)


async def test_some_recipients_may_be_refused(world: Outside, box: SmtpLike) -> None:
    box.refuse["RCPT bea@x.example"] = "550 nobody"
    sent = await world.call("send_email", **{**MAIL, "to": ["ada@x.example", "bea@x.example"]})
    assert (sent["refused"], box.recipients) == (["bea@x.example"], [["ada@x.example"]])


@pytest.mark.parametrize(
    ("command", "answer", "error"),
    [
        ("RCPT", "550 nobody SECRET", PermanentError),
        ("RCPT", "450 later", TransientError),
        ("MAIL", "451 busy", TransientError),
        ("DATA", "554 spam", PermanentError),
        ("DATA", "hang up", TransientError),
        ("AUTH", "535 SECRET", AuthError),
    ],
)
async def test_refusals_are_named_and_not_repeated(
    world: Outside, box: SmtpLike, command: str, answer: str, error: type[AppError]
) -> None:
    box.refuse[command] = answer
    with pytest.raises(error) as caught:
        await world.call("send_email", **MAIL)
    assert (caught.value.error_type, box.mails) == ("email_error", [])
    assert "SECRET" not in "".join(traceback.format_exception(caught.value)) + json.dumps(caught.value.to_dict())


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "Hi\r\nBcc: all@x.example"},
        {"to": "ada@x.example\r\nBcc: all@x.example"},
        {"to": "ada@x.example, bea@x.example"},
        {"to": "Ada <ada@x.example>"},
        {"to": []},
        {"to": "ädä@x.example"},
        {"to": ["a@x.example"] * 51},
        {"body": ""},
        {"bcc": "all@x.example"},
        {"reply_to": "x"},
    ],
)
async def test_what_could_smuggle_a_header_is_refused(world: Outside, box: SmtpLike, change: dict[str, Any]) -> None:
    with pytest.raises(PermanentError):
        await world.call("send_email", **{**MAIL, **change})
    assert box.mails == []


async def test_protection_that_is_not_offered_is_not_done_without(world: Outside, box: SmtpLike) -> None:
    await world.keep("smtp", credential(box, security="starttls"), "safe")
    with pytest.raises(PermanentError, match="does not offer"):
        await world.call("send_email", "safe", **MAIL)
    assert box.mails == []


async def test_a_server_of_the_house_is_blocked(
    database: Database, scope: Scope, other_scope: Scope, box: SmtpLike
) -> None:
    async with outside(database, scope) as closed:
        await closed.keep("smtp", credential(box))
        with pytest.raises(EgressBlocked):
            await closed.call("send_email", **MAIL)
    async with outside(database, other_scope, f"127.0.0.1:{box.port}") as stranger:
        with pytest.raises(PermanentError, match="no credential"):
            await stranger.call("send_email", **MAIL)
    assert box.mails == []


async def test_the_node_sends_through_the_same_server_and_fails_with_its_error(
    world: Outside, scope: Scope, box: SmtpLike
) -> None:
    w = World(tools=cast("FakeTools", world.toolbox))
    w.info = replace(w.info, tenant_id=scope.tenant_id)
    text = one(
        "type: email, config: {to: [context.email], subject: 'Hi {name}', body: 'Hello {name}', credential: main}"
    )
    result = await w.run(text, {"email": "ada@x.example", "name": "Ada"})
    assert result.output["message_id"] == box.mails[0]["Message-ID"]
    assert (box.recipients, box.mails[0]["Subject"]) == ([["ada@x.example"]], "Hi Ada")
    for wrong in ("ada@x.example\r\nBcc: all@x.example", "nobody", "Ada <ada@x.example>"):
        result = await w.run(text, {"email": wrong})
        assert result.error["type"] == "email_error", wrong
    result = await w.run(text.replace("credential: main", "credential: other"), {"email": "ada@x.example"})
    assert "no credential" in result.error["message"]
    assert len(box.mails) == 1
