import pytest

from engine.errors import SchemaError
from engine.language.versions import satisfies


@pytest.mark.parametrize(
    ("version", "version_range", "fits"),
    [
        ("1.2.3", "1.2.3", True),
        ("1.2.3", "=1.2", True),
        ("1.3.0", "1.2", False),
        ("1.9.0", "^1.0", True),
        ("2.0.0", "^1.0", False),
        ("0.2.9", "^0.2.1", True),
        ("0.3.0", "^0.2.1", False),
        ("0.0.4", "^0.0.3", False),
        ("1.2.9", "~1.2", True),
        ("1.3.0", "~1.2.0", False),
        ("1.9.9", "~1", True),
        ("1.5.0", ">=1.0 <2.0", True),
        ("2.0.0", ">=1.0, <2.0", False),
        ("1.10.0", ">1.9", True),
        ("9.9.9", "*", True),
        ("1.0.0-rc.1", "^1.0", False),
        ("1.0.0-rc.1", "1.0.0-rc.1", True),
        ("1.0.0+build.5", "^1.0", True),
    ],
)
def test_ranges(version: str, version_range: str, fits: bool) -> None:
    assert satisfies(version, version_range) is fits


@pytest.mark.parametrize("bad", ["", "  ", "one", "^", ">=", "1.2.3.4", "^1.0 || ^2.0", "9" * 100])
def test_what_is_no_range_is_refused(bad: str) -> None:
    with pytest.raises(SchemaError):
        satisfies("1.0.0", bad)
