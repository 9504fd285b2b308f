"""Published forms as HTML. Plain pages: no script, every text escaped."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from fastapi.responses import HTMLResponse

from engine.language.forms import FormField, label

Json = Any
PAGE = Path(__file__).with_name("form_page.html")
REFRESH_S = 2
TOKEN = "heddle:token"  # noqa: S105 - the name of the field that carries it
_INPUTS = {"text": "text", "email": "email", "url": "url", "date": "date", "time": "time"}
_COMPLETE = {"email": "email", "name": "name", "phone": "tel", "company": "organization"}


def form_page(
    config: Mapping[str, Json],
    title: str,
    fields: Sequence[FormField],
    token: str,
    *,
    posted: Mapping[str, Sequence[str]] | None = None,
    wrong: Mapping[str, str] | None = None,
    note: str = "",
    status: int = 200,
) -> HTMLResponse:
    """The form, empty or as it was sent.

    `wrong` says what is to be mended in which field, `note` what else went wrong.
    """
    wrong = wrong or {}
    first = next((field.name for field in fields if field.name in wrong), None)
    parts = [f"<h1>{escape(title)}</h1>", _lead(config.get("description"))]
    if wrong:
        count = "one field" if len(wrong) == 1 else f"{len(wrong)} fields"
        note = note or f"Please look at {count} again."
    if note:
        parts.append(f'<p class="note" role="alert">{escape(note)}</p>')
    parts.append('<form method="post" novalidate>')
    parts.append(f'<input type="hidden" name="{TOKEN}" value="{escape(token)}">')
    for number, field in enumerate(fields):
        given = _given(field, posted)
        parts.append(_field(number, field, given, wrong.get(field.name), focus=field.name == first))
    parts.append(f'<button type="submit">{escape(str(config.get("submit") or "Send"))}</button></form>')
    return _page(config, title, "\n".join(parts), status=status)


def thanks_page(config: Mapping[str, Json], title: str, answer: Json) -> HTMLResponse:
    """What the form says at the end, or what came of it."""
    thanks = config.get("thanks")
    shown = f'<p class="answer">{escape(str(thanks))}</p>' if thanks else _answer(answer)
    return _page(config, title, f'<h1>{escape(title)}</h1><div role="status">{shown}</div>{_again()}')


def waiting_page(config: Mapping[str, Json], title: str) -> HTMLResponse:
    """Not yet done: the page looks again by itself."""
    said = "Working on it. This page will show the answer."
    body = f'<h1>{escape(title)}</h1><p class="busy" role="status"><i></i>{said}</p>'
    return _page(config, title, body, head=f'<meta http-equiv="refresh" content="{REFRESH_S}">')


def failed_page(config: Mapping[str, Json], title: str, text: str, status: int = 200) -> HTMLResponse:
    """Why, when the run failed, is nobody's business outside."""
    body = f'<h1>{escape(title)}</h1><p class="note" role="alert">{escape(text)}</p>{_again()}'
    return _page(config, title, body, status=status)


def sorry_page(title: str, text: str, status: int) -> HTMLResponse:
    """What is said where the page that somebody opened cannot be shown: a form, a chat (in whatever page that is
    framed), a payment."""
    body = f'<h1>{escape(title)}</h1><p class="lead" role="alert">{escape(text)}</p>'
    return _page({}, title, body, status=status, framed_by="*")


def _page(
    config: Mapping[str, Json], title: str, body: str, *, head: str = "", status: int = 200, framed_by: str = "'self'"
) -> HTMLResponse:
    nonce = secrets.token_urlsafe(16)
    theme = config.get("theme") if config.get("theme") in ("light", "dark") else "auto"
    values = {"title": escape(title), "body": body, "nonce": nonce, "theme": theme, "head": head}
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        f"frame-ancestors {framed_by}"
    )
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return HTMLResponse(Template(PAGE.read_text()).substitute(values), status, headers)


def _lead(text: Json) -> str:
    return f'<p class="lead">{escape(text)}</p>' if isinstance(text, str) and text else ""


def _again() -> str:
    return '<a class="again" href="?">Fill in the form again</a>'


def _given(field: FormField, posted: Mapping[str, Sequence[str]] | None) -> list[str]:
    if posted is not None:
        return list(posted.get(field.name, ()))
    default = field.default
    if field.kind == "yes":
        return ["yes"] if default is True else []
    if isinstance(default, list):
        return [label(value) for value in default]
    return [] if default is None or isinstance(default, dict) else [label(default)]


def _field(number: int, field: FormField, given: Sequence[str], wrong: str | None, *, focus: bool) -> str:
    key = f"f{number}"
    hint = f'<p class="hint" id="{key}-hint">{escape(field.description)}</p>' if field.description else ""
    fault = f'<p class="wrong" id="{key}-wrong">{escape(wrong)}</p>' if wrong else ""
    about = " ".join(filter(None, (f"{key}-hint" if hint else "", f"{key}-wrong" if fault else "")))
    common = f'name="{escape(field.name)}"' + (f' aria-describedby="{about}"' if about else "")
    common += ' aria-invalid="true"' if wrong else ""
    common += " autofocus" if focus else ""
    if field.kind == "yes":
        checked = " checked" if given else ""
        box = f'<input type="checkbox" id="{key}" value="yes" {common}{checked}>'
        return (
            f'<div class="field"><label class="tick">{box}<span>{escape(field.title)}</span></label>{hint}{fault}</div>'
        )
    mark = "" if field.required else ' <span class="mark">optional</span>'
    if field.kind == "choices":
        boxes = "".join(_box(option, given, common) for option in field.options)
        return f'<fieldset class="field"><legend>{escape(field.title)}{mark}</legend>{boxes}{hint}{fault}</fieldset>'
    needed = ' aria-required="true"' if field.required else ""
    control = _control(field, f'id="{key}" {common}{needed}', given[0] if given else "")
    title = f'<label for="{key}">{escape(field.title)}{mark}</label>'
    return f'<div class="field">{title}{control}{hint}{fault}</div>'


def _box(option: Json, given: Sequence[str], common: str) -> str:
    text = escape(label(option))
    checked = " checked" if label(option) in given else ""
    return f'<label class="tick"><input type="checkbox" value="{text}" {common}{checked}><span>{text}</span></label>'


def _control(field: FormField, attributes: str, value: str) -> str:
    if field.kind == "choice":
        options = "".join(_option(label(one), chosen=label(one) == value) for one in field.options)
        return f'<select {attributes}><option value="">Please choose</option>{options}</select>'
    if field.kind == "multiline":
        return f"<textarea {attributes}>\n{escape(value)}</textarea>"
    attributes += f' value="{escape(value)}"'
    if field.name in _COMPLETE:
        attributes += f' autocomplete="{_COMPLETE[field.name]}"'
    if field.kind in ("integer", "number"):
        return f'<input inputmode="{"numeric" if field.kind == "integer" else "decimal"}" {attributes}>'
    return f'<input type="{_INPUTS[field.kind]}" {attributes}>'


def _option(text: str, *, chosen: bool) -> str:
    return f'<option value="{escape(text)}"{" selected" if chosen else ""}>{escape(text)}</option>'


def _answer(answer: Json) -> str:
    """A text as it is, an object as a list of its fields, nothing as a word of thanks."""
    if isinstance(answer, dict) and isinstance(answer.get("reply"), str):
        answer = answer["reply"]
    if isinstance(answer, dict) and answer:
        rows = (f"<dt>{escape(_words(name))}</dt><dd>{escape(_said(value))}</dd>" for name, value in answer.items())
        return f"<dl>{''.join(rows)}</dl>"
    if answer in (None, "", {}, []):
        return '<p class="answer">Thank you, this has been received.</p>'
    return f'<p class="answer">{escape(_said(answer))}</p>'


def _words(name: str) -> str:
    return name.replace("_", " ").strip().capitalize() or name


def _said(value: Json) -> str:
    if isinstance(value, list) and all(not isinstance(one, list | dict) for one in value):
        return ", ".join(label(one) for one in value)
    return json.dumps(value, ensure_ascii=False, indent=2) if isinstance(value, list | dict) else label(value)
