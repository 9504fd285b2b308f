"""Notion: its pages' properties and blocks, each of which its API wants in the form of its type."""

from __future__ import annotations

from typing import Any

from engine.importers import values as v
from engine.importers.n8n.job import Job
from engine.importers.n8n.reading import located

Json = Any
API = "https://api.notion.com/v1"
CALLED = "the app's own web API is called; check the parameters and store the credential"
HEADERS = {"Notion-Version": "2022-06-28"}
MAX_PARTS = 100


def call(job: Job, operation: str) -> bool:
    """The request for what is written to a page; false for an operation that apps.yaml has."""
    if operation not in _REQUESTS:
        return False
    method, path, body = _REQUESTS[operation](job)
    job.approximate(CALLED)
    credential = job.credential("notion")
    job.add("http", {"method": method, "url": API + path, "headers": HEADERS, "body": body, "credential": credential})
    return True


def _new_page(job: Job) -> tuple[str, str, Json]:
    parent = {"page_id": job.reader.value("parent", located(job.params.get("pageId")))}
    title = {"title": [_text(job.reader.value("title", job.params.get("title")))]}
    return "POST", "/pages", {"parent": parent, "properties": title} | _children(job)


def _new_entry(job: Job) -> tuple[str, str, Json]:
    parent = {"database_id": job.reader.value("parent", located(job.params.get("databaseId")))}
    properties = _properties(job)
    title = job.params.get("title")
    if title and not any(set(value) == {"title"} for value in properties.values()):
        properties = {"title": {"title": [_text(job.reader.value("title", title))]}} | properties
    return "POST", "/pages", {"parent": parent, "properties": properties} | _children(job)


def _change(job: Job) -> tuple[str, str, Json]:
    return "PATCH", f"/pages/{_id(job, 'pageId')}", {"properties": _properties(job)}


def _archive(job: Job) -> tuple[str, str, Json]:
    return "PATCH", f"/pages/{_id(job, 'pageId')}", {"archived": True}


def _append(job: Job) -> tuple[str, str, Json]:
    return "PATCH", f"/blocks/{_id(job, 'blockId')}/children", _children(job)


_REQUESTS = {
    "page.create": _new_page, "databasePage.create": _new_entry, "databasePage.update": _change,
    "page.archive": _archive, "block.append": _append,
}  # fmt: skip


def _id(job: Job, name: str) -> str:
    found = job.reader.template(f"url.{name}", located(job.params.get(name)))
    return found.strip() or f"{{{'page_id' if name == 'pageId' else 'block_id'}}}"


def _text(value: Json) -> Json:
    return {"text": {"content": value or ""}}


def _properties(job: Job) -> dict[str, Json]:
    """`{key: "Name|title", title: "..."}` as `{"Name": {"title": [{"text": {"content": "..."}}]}}`."""
    found: dict[str, Json] = {}
    for one in list(v.mappings(job.params, "propertiesUi", "propertyValues"))[:MAX_PARTS]:
        name, _, kind = v.text(one, "key").rpartition("|")
        value = _property(job, name, kind, one)
        if name and value is not None:
            found[name] = {kind: value}
        elif name:
            job.approximate(f"the property {name[:60]!r} is not sent ({kind[:20]})")
    return found


_FIELDS = {
    "title": "title", "rich_text": "textContent", "number": "numberValue", "checkbox": "checkboxValue",
    "url": "urlValue", "email": "emailValue", "phone_number": "phoneValue", "select": "selectValue",
    "status": "statusValue", "multi_select": "multiSelectValue", "relation": "relationValue",
    "people": "peopleValue",
}  # fmt: skip


def _property(job: Job, name: str, kind: str, one: dict[str, Json]) -> Json:
    if kind == "date":
        start = job.reader.value(name, one.get("dateStart") or one.get("date"))
        end = job.reader.value(name, one.get("dateEnd"))
        return ({"start": start, "end": end} if end else {"start": start}) if start else None
    raw = one.get(_FIELDS.get(kind, ""))
    if kind == "rich_text" and not raw:
        raw = v.at(one, "text", "text", 0, "text")
    if raw is None:
        return False if kind == "checkbox" else None
    if kind in ("title", "rich_text"):
        return [_text(job.reader.value(name, raw))]
    if kind in ("select", "status"):
        return {"name": job.reader.value(name, raw)}
    if kind in ("multi_select", "relation", "people"):
        key = "name" if kind == "multi_select" else "id"
        listed = raw if isinstance(raw, list) else str(raw).split(",") if not str(raw).startswith("=") else [raw]
        return [{key: job.reader.value(name, item.strip() if isinstance(item, str) else item)} for item in listed]
    return job.reader.value(name, raw)


def _children(job: Job) -> dict[str, Json]:
    """Blocks below a page: texts by their kind; others are named in the report."""
    found = []
    for one in list(v.mappings(job.params, "blockUi", "blockValues"))[:MAX_PARTS]:
        kind = v.text(one, "type") or "paragraph"
        raw = one.get("textContent") or v.at(one, "text", "text", 0, "text")
        if not raw or kind in ("image", "toggle", "child_page"):
            job.approximate(f"a block of the kind {kind[:20]} is not sent")
            continue
        block: dict[str, Json] = {"rich_text": [_text(job.reader.value("children", raw))]}
        if kind == "to_do":
            block["checked"] = v.flag(one, "checked")
        found.append({"object": "block", "type": kind, kind: block})
    return {"children": found} if found else {}
