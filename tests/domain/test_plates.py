"""Plate text: normalising, "no plate", Indonesian forms, look-alike characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.plates import (
    MAX_SUGGESTIONS,
    REGIONS,
    alike,
    normalise_plate,
    read_indonesian_plate,
    repair_plate,
    within_one_edit,
)

TEXT = st.text(alphabet=st.sampled_from("ABOISZGabz0189 -._{}()[]\t\x00\x01\u00a0\u200bÖ٣๓京蓝粤無ＡＢ１"), max_size=24)
CIVIL = st.builds(
    lambda region, number, series: f"{region}{number}{series}",
    st.sampled_from(sorted(REGIONS)),
    st.integers(1, 9999),
    st.text(alphabet="ABCDEFGHJKLMNPQRSTUVWXYZ", max_size=3),
)


@pytest.mark.parametrize(
    ("raw", "plate"),
    [
        ("b 1234 xyz", "B1234XYZ"), ("B-1234.XYZ", "B1234XYZ"), ("{ABC123}", "ABC123"), ("Ｂ１２３４", "B1234"),
        ("B ١٢٣٤ XYZ", "B1234XYZ"), ("蓝京A12345", "京A12345"), ("蓝天A1", "蓝天A1"), ("京A·12345", "京A12345"),
        ("TÖLSL123", "TÖLSL123"), ("B\x001\x002", "B12"), ("A" * 40, "A" * 20),
    ],
)  # fmt: skip
def test_a_plate_is_compared_in_one_form(raw, plate):
    assert plate == normalise_plate(raw)


@pytest.mark.parametrize(
    "raw",
    [None, "", " ", "-", "--", "unknown", "Unknown", "UNKNOWN", "noPlate", "No Plate", "NO_PLATE", "unlicensed", "N/A",
     "n/a", "Not defined", "null", "none", "{}", "无车牌", "un\x01known", "N\x7fA", "\u200b"],
)  # fmt: skip
def test_no_plate_is_none_however_it_is_written(raw):
    assert normalise_plate(raw) is None


@given(TEXT)
def test_normalising_twice_changes_nothing(raw):
    once = normalise_plate(raw)

    assert once == normalise_plate(once)


@given(st.text())
def test_a_normalised_plate_is_short_and_printable_and_holds_no_separator(raw):
    plate = normalise_plate(raw)

    assert plate is None or (1 <= len(plate) <= 20 and plate.isprintable() and not set(plate) & set(" -._{}\t"))


@given(CIVIL, st.data())
def test_blanks_dashes_and_case_do_not_matter(plate, data):
    joints = data.draw(
        st.lists(st.sampled_from(["", " ", "-", ".", "\u00a0"]), min_size=len(plate), max_size=len(plate))
    )

    assert plate == normalise_plate("".join(c.lower() + joint for c, joint in zip(plate, joints, strict=True)))


@pytest.mark.parametrize(
    ("plate", "kind", "groups"),
    [
        ("B1234XYZ", "civil", ("B", "1234", "XYZ")), ("DK1", "civil", ("DK", "1", "")),
        ("AB12C", "civil", ("AB", "12", "C")), ("QX99AA", "civil", ("QX", "99", "AA")),
        ("RI1", "state", ("RI", "1", "")), ("CD1201", "diplomatic", ("CD", "1201", "")),
        ("CC12", "diplomatic", ("CC", "12", "")), ("123400", "service", ("", "123400", "")),
        ("5678VII", "service", ("", "5678", "VII")),
    ],
)  # fmt: skip
def test_a_plate_is_cut_into_its_groups(plate, kind, groups):
    found = read_indonesian_plate(plate)

    assert (kind, groups) == (found.kind, (found.region, found.number, found.series))


@pytest.mark.parametrize(
    "plate", [None, "", "B", "ABC123", "B0123XY", "B12345XY", "B1234WXYZ", "B12X3", "粤B888H9", "B١٢", "B1234XY\n"]
)
def test_what_follows_no_indonesian_form_is_none(plate):
    assert read_indonesian_plate(plate) is None


@pytest.mark.parametrize(("plate", "digit"), [("B1230XYZ", 0), ("B7", 7), ("DK1234", 4)])
def test_the_last_digit_is_of_the_number_group(plate, digit):
    assert digit == read_indonesian_plate(plate).last_digit


def test_regions_are_told_apart_from_letters_that_nobody_issues():
    assert read_indonesian_plate("DK1AB").known_region
    assert not read_indonesian_plate("QX1AB").known_region


@pytest.mark.parametrize(
    ("plate", "suggestions"),
    [
        ("B1Z34XYZ", ["B1234XYZ"]), ("B12O4XYZ", ["B1204XYZ"]), ("BI234XYZ", ["B1234XYZ"]), ("B1B34XY", ["B1834XY"]),
        ("81234XYZ", ["B1234XYZ"]), ("B12345X", ["B1234SX"]), ("B1234XYZ", []), ("B0123XY", []), ("RI1", []),
        ("B12399XY", []), (None, []), ("", []), ("粤B888H9", []), ("B1234567890", []),
    ],
)  # fmt: skip
def test_look_alikes_in_the_wrong_group_are_suggested_away(plate, suggestions):
    assert suggestions == repair_plate(plate)


@given(CIVIL)
def test_a_plate_that_is_right_has_no_suggestion(plate):
    assert [] == repair_plate(plate)


@given(st.from_regex(r"[A-Z0-9]{0,10}", fullmatch=True))
def test_suggestions_are_civil_plates_of_known_regions_of_the_same_length(plate):
    suggestions = repair_plate(plate)

    assert len(suggestions) <= MAX_SUGGESTIONS
    for suggestion in suggestions:
        found = read_indonesian_plate(suggestion)
        assert ("civil", True, len(plate)) == (found.kind, found.known_region, len(suggestion))


@given(st.integers(1, 9999), st.from_regex(r"[C-FHJ-NPRV-Y]{3}", fullmatch=True), st.data())
def test_a_digit_misread_as_its_look_alike_is_found_again(number, series, data):
    # B + three letters that look like no digit: the groups cannot be cut in another way
    digits = list(str(number))
    at = data.draw(st.sampled_from([n for n in range(len(digits)) if digits[n] in "01258"] or [None]))
    if at is None:
        return
    digits[at] = {"0": "O", "1": "I", "2": "Z", "5": "S", "8": "B"}[digits[at]]
    damaged = "B" + "".join(digits) + series
    shape = read_indonesian_plate(damaged)

    assert f"B{number}{series}" in repair_plate(damaged) or (shape is not None and shape.known_region)


@given(TEXT, TEXT)
def test_one_edit_is_symmetric(a, b):
    assert within_one_edit(a, b) == within_one_edit(b, a)


@given(st.text(alphabet="AB1", max_size=8), st.integers(0, 7), st.sampled_from(["", "X"]))
def test_one_change_is_one_edit(text, at, put):
    assert within_one_edit(text, text[:at] + put + text[at:])
    assert within_one_edit(text, text[:at] + put + text[at + 1 :])


@pytest.mark.parametrize(("a", "b"), [("B1", "A2"), ("B1", "B123"), ("AB", "BA"), ("", "AB")])
def test_two_changes_are_not_one_edit(a, b):
    assert not within_one_edit(a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [("B1234XYZ", "B1234XYZ"), ("B1234XYZ", "8I2E4XY2"), ("B1234XYZ", "B1234X"), ("B1234XYZ", "1234XYZA"),
     ("B1A", "B1"), ("B1234XYZABC", "34XY"), ("BO1A", "B0IA"), ("B1234XYZ", "B12E4XYA")],
)  # fmt: skip
def test_look_alikes_and_two_edits_of_a_long_plate_may_be_one(a, b):
    assert alike(a, b)
    assert alike(b, a)


@pytest.mark.parametrize(
    ("a", "b"), [("B1234XYZ", "D4321A"), ("B1A", "B2C"), ("B1234XYZ", "B1E99XYA"), ("B12", "B12XYZ"), ("", "B1")]
)
def test_plates_further_apart_are_two(a, b):
    assert not alike(a, b)
    assert not alike(b, a)
