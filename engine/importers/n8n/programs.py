"""What some of n8n's nodes compute, as programs in Python for a code node; switched off until a person has looked.

A program reads its `inputs` by name and leaves `result`, as engine/nodes/code.py has it. Options of the node are
written into the program as literals. The sandbox knows a part of the standard library; nothing else is used here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.importers import values as v
from engine.importers import wording as w
from engine.importers.n8n import batches
from engine.importers.n8n.job import Job
from engine.importers.n8n.moments import strftime
from engine.importers.n8n.reading import plain

Json = Any
LOOKED_AT = "code does not run until a person has looked at it"
OF_ITEMS = f"it works on the list at {{}}; {LOOKED_AT}"
_UNITS = {
    "milliseconds": "milliseconds", "seconds": "seconds", "minutes": "minutes", "hours": "hours", "days": "days",
    "weeks": "weeks",
}  # fmt: skip
_SECONDS = {"millisecond": 0.001, "second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800,
            "month": 2_629_746, "year": 31_556_952}  # fmt: skip
_READ = "from datetime import datetime, timedelta, timezone\n\n\ndef read(text):\n    return {how}\n\n\n"
_ISO = "datetime.fromisoformat(str(text).replace('Z', '+00:00'))"


def add(job: Job, source: str, inputs: Mapping[str, Json], reason: str = LOOKED_AT) -> None:
    """The code node, switched off."""
    job.approximate(reason)
    job.add("code", {"source": source, "inputs": dict(inputs)})
    job.draft.nodes[job.item.name].more["disabled"] = True


def items_of(job: Job) -> dict[str, str]:
    """The list that comes in: what a loop in front of it made of its entries, or a list in context."""
    split = batches.split_before(job.item)
    return {"items": "context.items" if split is None else f"${{nodes.{split.name}.output.results}}"}


def of_items(job: Job, result: str, before: str = "") -> None:
    """A program that makes a new list of `items`."""
    items = items_of(job)
    add(job, f"{before}result = {{'items': {result}}}", items, OF_ITEMS.format(items["items"]))


# -- lists ------------------------------------------------------------------------------------------------------------


def limit(job: Job) -> None:
    count = int(v.within(v.number(job.params, "maxItems"), 1, 100_000) or 1)
    of_items(job, f"items[-{count}:]" if job.item.text("keep") == "lastItems" else f"items[:{count}]")


def sort(job: Job) -> None:
    """By fields, the last one first, because sorting keeps the order of what is equal."""
    if job.item.text("type") == "random":
        of_items(job, "random.sample(items, len(items))", "import random\n\n")
        return
    source = "items = list(items)\n"
    for one in reversed(list(v.mappings(job.params, "sortFieldsUi", "sortField"))[:20]):
        if name := _name(job, one, "fieldName"):
            down = v.text(one, "order") == "descending"
            key = f"lambda item: ({_at(name)} is None, {_at(name)})"
            source += f"items.sort(key={key}, reverse={down})\n"
    of_items(job, "items", source)


def unique(job: Job) -> None:
    """One of each; without fields two items are the same when all that they hold is."""
    operation = job.item.text("operation", default="removeDuplicateInputItems")
    if operation not in ("removeDuplicateInputItems", "removeDuplicates"):
        job.unsupported("what earlier runs have seen is not remembered")
        return
    compare = job.item.text("compare", default="allFields")
    names = [
        part.strip()
        for key in ("fieldsToCompare", "fieldsToExclude")
        for part in job.item.text(key).split(",")
        if part.strip()
    ]
    key = "item"
    if compare == "selectedFields" and names:
        key = f"[item.get(name) for name in {names!r}]"
    elif compare == "allFieldsExcept" and names:
        key = f"{{name: value for name, value in item.items() if name not in {names!r}}}"
    before = f"seen = []\nkept = []\nfor item in items:\n    key = {key}\n    if key not in seen:\n"
    of_items(job, "kept", f"{before}        seen.append(key)\n        kept.append(item)\n")


_COUNTS = {
    "count": "len(values)", "countUnique": "len({str(value) for value in values})", "sum": "sum(values)",
    "average": "sum(values) / len(values) if values else None", "min": "min(values, default=None)",
    "max": "max(values, default=None)", "append": "values", "concatenate": "{separator!r}.join(map(str, values))",
}  # fmt: skip
_NAMES = {"countUnique": "unique_count", "append": "appended", "concatenate": "concatenated"}


def summarize(job: Job) -> None:
    """Groups with a figure for each field, as n8n names them: sum_price."""
    split = [part.strip() for part in job.item.text("fieldsToSplitBy").split(",") if part.strip()]
    source = "groups = {}\nfor item in items:\n"
    source += f"    key = tuple(str({_at('*')}) for name in {split!r})\n".replace("'*'", "name")
    source += "    groups.setdefault(key, []).append(item)\nrows = []\nfor group in groups.values():\n"
    source += f"    row = {{name: group[0].get(name) for name in {split!r}}}\n"
    for one in list(v.mappings(job.params, "fieldsToSummarize", "values"))[:50]:
        how, name = v.text(one, "aggregation", default="count"), _name(job, one, "field")
        if how not in _COUNTS or not name:
            continue
        separator = v.text(one, "customSeparator") if v.text(one, "separateBy") == "other" else ", "
        figure = _COUNTS[how].format(separator=separator) if how == "concatenate" else _COUNTS[how]
        source += f"    values = [{_at(name)} for item in group if {_at(name)} is not None]\n"
        source += f"    row[{f'{_NAMES.get(how, how)}_{name}'!r}] = {figure}\n"
    of_items(job, "rows", f"{source}    rows.append(row)\n")


def _name(job: Job, one: Mapping[str, Json], key: str) -> str:
    return (job.reader.wording(one.get(key)).plain or "")[:200]


def _at(name: str) -> str:
    return f"item.get({name!r})"


# -- dates ------------------------------------------------------------------------------------------------------------


def date_time(job: Job) -> None:
    old = job.item.text("action", default="format" if "operation" not in job.params and job.item.version < 2 else "")
    operation = job.item.text("operation", default="getCurrentDate")
    if old:
        operation = "formatDate" if old == "format" else "addToDate"
        operation = "subtractFromDate" if job.item.text("operation") == "subtract" else operation
    made = _DATES.get(operation)
    if made is None:
        job.unsupported(f"the operation {operation} of dates is not offered")
        return
    name = (
        job.item.text("outputFieldName")
        or job.item.text("dataPropertyName")
        or ("data" if old else _RESULTS[operation])
    )
    inputs, result = made(job)
    how = _ISO
    if pattern := _read_by(job):
        how = f"datetime.strptime(text, {pattern!r})"
    add(job, f"{_READ.format(how=how)}result = {{{name!r}: {result}}}", inputs)


def _read_by(job: Job) -> str | None:
    written = v.text(job.params, "options", "fromFormat")
    return strftime(written) if written and "{{" not in written and not written.startswith("e.g") else None


def _date(job: Job, *names: str) -> Json:
    raw = next((job.params[name] for name in names if job.params.get(name)), None)
    return job.reader.value("date", raw) or "context.date"


def _formatted(job: Job) -> tuple[dict[str, Json], str]:
    pattern = job.item.text("format") or job.item.text("toFormat") or "MM/dd/yyyy"
    if pattern == "custom" or v.flag(job.params, "custom"):
        pattern = job.item.text("customFormat") or job.item.text("toFormat")
    if "{{" in pattern:
        job.entry.keep("format", pattern, "the form of the date is computed")
        pattern = "yyyy-MM-dd"
    return {"date": _date(job, "date", "value")}, f"read(date).strftime({strftime(pattern)!r})"


def _moved(sign: int) -> Callable[[Job], tuple[dict[str, Json], str]]:
    def moved(job: Job) -> tuple[dict[str, Json], str]:
        unit = job.item.text("timeUnit", default="days")
        factor = {"months": 30, "quarters": 91, "years": 365}.get(unit, 1)
        if factor > 1:
            job.approximate(f"{unit} are counted as {factor} days each")
        count = job.reader.value("duration", plain(job.params.get("duration", 0)))
        step = f"timedelta({_UNITS.get(unit, 'days')}={sign * factor} * duration)"
        return {"date": _date(job, "magnitude", "value"), "duration": count}, f"(read(date) + {step}).isoformat()"

    return moved


def _part(job: Job) -> tuple[dict[str, Json], str]:
    part = job.item.text("part", default="month")
    known = {"year": "year", "month": "month", "day": "day", "hour": "hour", "minute": "minute", "second": "second"}
    if part not in known:
        job.approximate(f"the part {part} of a date has to be written")
    return {"date": _date(job, "date")}, f"read(date).{known.get(part, 'month')}"


def _today(job: Job) -> tuple[dict[str, Json], str]:
    said = "datetime.now(timezone.utc)"
    return {}, f"{said}.isoformat()" if job.params.get(
        "includeTime", True
    ) is not False else f"{said}.date().isoformat()"


def _between(job: Job) -> tuple[dict[str, Json], str]:
    units = [unit for unit in v.items(job.params, "units") if unit in _SECONDS] or ["day"]
    pairs = ", ".join(f"{unit + 's'!r}: span / {_SECONDS[unit]}" for unit in units)
    if {"month", "year"} & set(units):
        job.approximate("months and years are counted by their usual length")
    span = "(read(end) - read(start)).total_seconds()"
    inputs = {"start": _date(job, "startDate"), "end": _date(job, "endDate")}
    return inputs, f"(lambda span: {{{pairs}}})({span})"


_DATES: Mapping[str, Callable[[Job], tuple[dict[str, Json], str]]] = {
    "formatDate": _formatted, "addToDate": _moved(1), "subtractFromDate": _moved(-1), "extractDate": _part,
    "getCurrentDate": _today, "getTimeBetweenDates": _between,
}  # fmt: skip
_RESULTS = {
    "formatDate": "formattedDate", "addToDate": "newDate", "subtractFromDate": "newDate", "extractDate": "datePart",
    "getCurrentDate": "currentDate", "getTimeBetweenDates": "timeDifference",
}  # fmt: skip


# -- texts ------------------------------------------------------------------------------------------------------------

_HASHES = {"MD5": "md5", "SHA1": "sha1", "SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512",
           "SHA3-256": "sha3_256", "SHA3-384": "sha3_384", "SHA3-512": "sha3_512"}  # fmt: skip


def crypto(job: Job) -> None:
    action, kind = job.item.text("action", default="hash"), job.item.text("type", default="MD5")
    name = job.item.text("dataPropertyName", default="data")
    if action == "generate":
        size = int(v.within(v.number(job.params, "stringLength"), 1, 4096) or 32)
        say = "'%032x' % random.getrandbits(128)"
        if job.item.text("encodingType", default="uuid") == "uuid":
            say = "'-'.join((h[:8], h[8:12], '4' + h[13:16], 'a' + h[17:20], h[20:]))"
        else:
            say = f"''.join(random.choice('0123456789abcdef') for _ in range({size}))"
        add(job, f"import random\n\nh = '%032x' % random.getrandbits(128)\nresult = {{{name!r}: {say}}}", {})
        return
    if action != "hash" or kind not in _HASHES or v.flag(job.params, "binaryData"):
        job.unsupported(f"{action} with {kind} is not offered")
        return
    digest = f"hashlib.{_HASHES[kind]}(str(value).encode())"
    say = f"{digest}.hexdigest()"
    if job.item.text("encoding", default="hex") == "base64":
        say = f"base64.b64encode({digest}.digest()).decode()"
    inputs = {"value": job.reader.value("value", job.params.get("value"))}
    add(job, f"import base64\nimport hashlib\n\nresult = {{{name!r}: {say}}}", inputs)


_XML = r"""import re

TOKEN = r'<!\[CDATA\[(.*?)\]\]>|<(/?)([\w:.-]+)((?:\s[^<>]*?)?)(/?)>|<[!?][^>]*>|([^<]+)'


def put(fields, name, value):
    if name not in fields:
        fields[name] = value
    elif isinstance(fields[name], list):
        fields[name].append(value)
    else:
        fields[name] = [fields[name], value]


stack = [['', {}, '']]
for cdata, close, name, attributes, empty, said in re.findall(TOKEN, text, re.DOTALL):
    if name and not close:
        stack.append([name, dict(re.findall(r'([\w:.-]+)\s*=\s*["\']([^"\']*)["\']', attributes)), ''])
    if name and (close or empty) and len(stack) > 1:
        done, fields, inside = stack.pop()
        inside = inside.strip()
        if fields and inside:
            fields['_'] = inside
        put(stack[-1][1], done, fields or inside)
    if not name:
        stack[-1][2] += cdata + said
result = stack[0][1]
"""


def xml(job: Job) -> None:
    """XML as mappings: attributes and elements by their names, lists of those that repeat."""
    if job.item.text("mode", default="xmlToJson") != "xmlToJson":
        job.unsupported("XML is not written")
        return
    steps = [step for step in job.item.text("dataPropertyName", default="data").split(".") if step] or ["data"]
    add(job, _XML, {"text": w.path("context", *steps).text})


def read_csv(job: Job, text: Json) -> None:
    """A table in a text becomes a list of rows."""
    mark = (v.text(job.params, "options", "delimiter") or ",")[:1]
    rows = "csv.DictReader" if v.at(job.params, "options", "headerRow") is not False else "csv.reader"
    source = f"import csv\n\nlines = text.splitlines()\nresult = {{'items': list({rows}(lines, delimiter={mark!r}))}}"
    add(job, source, {"text": text}, f"an answer that is CSV comes as a text; {LOOKED_AT}")


def write_csv(job: Job) -> None:
    """A list of rows becomes a table in a text."""
    mark = (v.text(job.params, "options", "delimiter") or ",")[:1]
    source = (
        "def cell(value):\n"
        "    text = '' if value is None else str(value)\n"
        f"    quoted = any(mark in text for mark in ({mark!r}, '\"', '\\n'))\n"
        "    return '\"' + text.replace('\"', '\"\"') + '\"' if quoted else text\n\n\n"
        "names = list(items[0]) if items else []\n"
        "rows = [names] + [[item.get(name) for name in names] for item in items]\n"
        f"result = {{'data': '\\n'.join({mark!r}.join(map(cell, row)) for row in rows)}}"
    )
    items = items_of(job)
    add(job, source, items, f"no file is made; the table is a text in context.data. {OF_ITEMS.format(items['items'])}")


def html_table(job: Job) -> None:
    source = (
        "def row(cells, tag):\n"
        "    return '<tr>' + ''.join(f'<{tag}>{cell}</{tag}>' for cell in cells) + '</tr>'\n\n\n"
        "names = list(items[0]) if items else []\n"
        "body = ''.join(row([item.get(name) for name in names], 'td') for item in items)\n"
        "result = {'table': f\"<table><thead>{row(names, 'th')}</thead><tbody>{body}</tbody></table>\"}"
    )
    items = items_of(job)
    add(job, source, items, OF_ITEMS.format(items["items"]))
