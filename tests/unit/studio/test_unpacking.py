"""ZIP files from anybody: what is in them is read within bounds, and nothing leads out."""

from __future__ import annotations

import io
import stat
import struct
import zipfile

import pytest

from engine.errors import InputError
from studio.services import unpacking
from studio.services.unpacking import unpacked


def packed(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries:
            file.writestr(name, content)
    return out.getvalue()


def test_a_folder_is_its_workflow_files() -> None:
    data = packed(
        ("repo/one.yaml", b"name: one\n"),
        ("repo/.layout/one.yaml", b"nodes: {}\n"),
        ("repo/README.md", b"#"),
        ("__MACOSX/repo/one.yaml", b"?"),
        (".git/config.json", b"{}"),
        ("repo/", b""),
    )
    assert unpacked(data) == {"repo/one.yaml": b"name: one\n", "repo/.layout/one.yaml": b"nodes: {}\n"}


@pytest.mark.parametrize(
    "name",
    ["../one.yaml", "a/../../one.yaml", "/etc/one.yaml", "C:/one.yaml", "a\\..\\one.yaml", "x" * 301, "..", "//"],
)
def test_a_name_that_leads_out_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="leads out"):
        unpacked(packed((name, b"name: one\n")))


def test_a_link_is_refused() -> None:
    link = zipfile.ZipInfo("one.yaml")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(InputError, match="leads out"):
        unpacked(packed((link, b"/etc/passwd")))


def test_a_bomb_is_refused_whatever_it_says_of_its_size() -> None:
    data = bytearray(packed(("one.yaml", b" " * (unpacking.MAX_FILE + 1))))
    assert len(data) < 10_000
    with pytest.raises(InputError, match="4 MB"):
        unpacked(bytes(data))
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)  # the size in the directory
    with pytest.raises(InputError):
        unpacked(bytes(data))


def test_many_files_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MAX_WHOLE", 2_500)
    with pytest.raises(InputError, match="more than"):
        unpacked(packed(*((f"{n}.yaml", b" " * 1_000) for n in range(3))))
    monkeypatch.setattr(unpacking, "MAX_ENTRIES", 2)
    with pytest.raises(InputError, match="more than 2 files"):
        unpacked(packed(*((f"{n}.txt", b"") for n in range(3))))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_is_damaged_or_there_twice_is_refused() -> None:
    whole = packed(("one.yaml", b"name: one\n" * 50))
    for data in (b"", b"PK", whole[:-30], whole.replace(b"PK\x03\x04", b"PK\x03\x05")):
        with pytest.raises(InputError, match="damaged"):
            unpacked(data)
    encrypted = bytearray(whole)
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(InputError, match="encrypted"):
        unpacked(bytes(encrypted))
    with pytest.raises(InputError, match="twice"):
        unpacked(packed(("one.yaml", b"1"), ("one.yaml", b"2")))
