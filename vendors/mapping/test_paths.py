"""Path expressions."""

import pytest

from vendors.mapping.paths import compile_path

TREE = {"a": {"Plate_No": "B1A"}, "l": [{"p": 1}, {"p": 2}], "x.y": 3, "Vehicle Brand": "T"}


@pytest.mark.parametrize(
    ("path", "found"),
    [("a.plateNo", ["B1A"]), ("A/plate_no", ["B1A"]), ("l[1].p", [2]), ("l[-1]/p", [2]), ("l[*].p", [1, 2]),
     ("l.p", [1]), ("['x.y']", [3]), ("Vehicle Brand", ["T"]), ("$.a.plateno", ["B1A"]), ("l[9].p", []),
     ("a[0].plateno", ["B1A"])],
)  # fmt: skip
def test_a_path_finds_what_it_names(path, found):
    assert found == compile_path(path).find(TREE)
