"""Google Sheets: rows by column, which its API takes as lists in the order of the sheet's columns."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from engine.importers import values as v
from engine.importers.n8n.job import Job
from engine.importers.n8n.reading import located, plain
from engine.importers.wording import escaped_template

Json = Any
API = "https://sheets.googleapis.com/v4/spreadsheets"
CALLED = "the app's own web API is called; check the parameters and store the credential"
ENTERED = "?valueInputOption=USER_ENTERED"
MAX_COLUMNS = 100


def call(job: Job, operation: str) -> bool:
    """The request for an operation on a sheet; false for one that apps.yaml has."""
    verb = operation.rpartition(".")[2]
    if operation.startswith("spreadsheet.") or verb not in _REQUESTS:
        return False
    method, path, body = _REQUESTS[verb](job)
    job.approximate(CALLED)
    url = f"{API}/{_spreadsheet(job)}{path}"
    job.add("http", {"method": method, "url": url, "body": body, "credential": job.credential("google_sheets")})
    return True


def _read(job: Job) -> tuple[str, str, Json]:
    filters = [*v.mappings(job.params, "filtersUI", "values"), *v.mappings(job.params, "filters", "conditions")]
    if filters or "lookupColumn" in job.params:
        job.approximate("all rows come; they are not filtered")
    job.approximate("rows come as lists under `values`, the columns' names first")
    return "GET", f"/values/{_sheet(job)}", None


def _append(job: Job) -> tuple[str, str, Json]:
    return "POST", f"/values/{_sheet(job)}:append{ENTERED}", {"values": [_row(job)]}


def _append_or_update(job: Job) -> tuple[str, str, Json]:
    job.approximate("the row is always appended; whether it is there already is not looked up")
    return _append(job)


def _update(job: Job) -> tuple[str, str, Json]:
    """A row by its number; which row fits a column cannot be asked in one request."""
    raw = v.at(job.params, "columns", "value", "row_number")
    number = job.reader.template("url.row_number", raw).strip() if raw else ""
    if not number:
        job.approximate("the row is not looked up; `row_number` has to be in context")
    return "PUT", f"/values/{_sheet(job)}!A{number or '{row_number}'}{ENTERED}", {"values": [_row(job)]}


def _clear(job: Job) -> tuple[str, str, Json]:
    cells = "!A2:ZZZ" if v.flag(job.params, "keepFirstRow") else ""
    if job.item.text("clear") == "specificRange" and (
        written := job.reader.template("url.range", job.params.get("range"))
    ):
        cells = f"!{written.strip()}"
    return "POST", f"/values/{_sheet(job)}{cells}:clear", None


def _create(job: Job) -> tuple[str, str, Json]:
    title = job.reader.value("title", job.params.get("title")) or "Sheet"
    return "POST", ":batchUpdate", {"requests": [{"addSheet": {"properties": {"title": title}}}]}


def _remove(job: Job) -> tuple[str, str, Json]:
    return "POST", ":batchUpdate", {"requests": [{"deleteSheet": {"sheetId": _number_of_sheet(job)}}]}


def _delete(job: Job) -> tuple[str, str, Json]:
    """Rows or columns from a place on; n8n counts from 1, the API from 0 up to the one behind the last."""
    dimension = "COLUMNS" if job.item.text("toDelete") == "columns" else "ROWS"
    start = job.reader.expression("startIndex", job.params.get("startIndex", 2))
    count = job.reader.expression("numberToDelete", job.params.get("numberToDelete", 1))
    span: dict[str, Json] = {"sheetId": _number_of_sheet(job), "dimension": dimension}
    if start.isdecimal() and count.isdecimal():
        span |= {"startIndex": int(start) - 1, "endIndex": int(start) - 1 + int(count)}
    else:
        span |= {"startIndex": f"${{({start}) - 1}}", "endIndex": f"${{({start}) - 1 + ({count})}}"}
    return "POST", ":batchUpdate", {"requests": [{"deleteDimension": {"range": span}}]}


_REQUESTS = {
    "read": _read, "lookup": _read, "append": _append, "appendOrUpdate": _append_or_update,
    "upsert": _append_or_update, "update": _update, "clear": _clear, "create": _create, "remove": _remove,
    "delete": _delete,
}  # fmt: skip


def _spreadsheet(job: Job) -> str:
    raw = located(job.params.get("documentId", job.params.get("sheetId")))
    return _place(job, "documentId", raw) or "{document_id}"


def _sheet(job: Job) -> str:
    """The sheet by its name: a locator by list or id holds the sheet's number, and the name beside it."""
    raw = job.params.get("sheetName", job.params.get("range"))
    named = v.text(raw, "cachedResultName") if isinstance(raw, dict) else ""
    value = named or plain(raw)
    if not named and isinstance(raw, dict) and v.text(raw, "mode") in ("list", "id", "url"):
        job.approximate("the sheet's name has to stand in the address, not its number")
    return _place(job, "sheetName", value) or "Sheet1"


def _place(job: Job, name: str, raw: Json) -> str:
    found = job.reader.template(f"url.{name}", raw).strip() if isinstance(raw, str | int | float) else ""
    return found if "{" in found else escaped_template(quote(found, safe="!:"))


def _number_of_sheet(job: Job) -> Json:
    text = v.text(plain(job.params.get("sheetName", job.params.get("id")))).rpartition("gid=")[2].strip()
    return (
        int(text) if text.isdecimal() and len(text) < 16 else job.reader.value("sheetId", plain(job.params.get("id")))
    )


def _row(job: Job) -> list[Json]:
    """A row in the order of the sheet's columns, as far as the file knows them."""
    columns = v.mapping(job.params, "columns", "value") or {
        v.text(one, "column") or v.text(one, "fieldId"): one.get("fieldValue")
        for one in v.mappings(job.params, "fieldsUi", "values")
    }
    known = [v.text(one, "id") for one in v.mappings(job.params, "columns", "schema") if not v.flag(one, "removed")]
    if not columns and known:  # every column is what the data has under its name
        return [job.reader.value(name, f"={{{{ $json[{json.dumps(name)}] }}}}") for name in known[:MAX_COLUMNS]]
    if not columns:
        job.approximate("the row's values have to be written into `values`, in the order of the columns")
    names = [name for name in [*known, *(name for name in columns if name not in known)] if name != "row_number"]
    return [_cell(job, name, columns[name]) if name in columns else None for name in names[:MAX_COLUMNS]]


def _cell(job: Job, name: str, raw: Json) -> Json:
    """Null would leave the cell as it is."""
    value = job.reader.value(name, raw)
    return "" if value is None else value
