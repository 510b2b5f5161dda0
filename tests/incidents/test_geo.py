import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from core.accounts.tables import police, stations
from core.domain.geo import EARTH_M, distance_m
from core.incidents.geo import box, nearest_police, nearest_stations, within

LATITUDES = st.floats(-90, 90)
LONGITUDES = st.floats(-180, 180)


def test_distances_of_known_places():
    monas, gambir = (-6.175392, 106.827153), (-6.176667, 106.830556)
    assert 402 == pytest.approx(distance_m(*monas, *gambir), abs=3)
    assert 0 == distance_m(*monas, *monas)
    assert 3.14159265 * EARTH_M == pytest.approx(distance_m(0, 0, 0, 180))


@settings(max_examples=200, deadline=None)
@given(LATITUDES, LONGITUDES, LATITUDES, LONGITUDES, st.floats(1, 15_000))
def test_what_lies_in_the_circle_lies_in_the_box(latitude, longitude, other_latitude, other_longitude, radius_km):
    if distance_m(latitude, longitude, other_latitude, other_longitude) > radius_km * 1000 * (1 - 1e-9):
        return
    south, north, spans = box(latitude, longitude, radius_km)
    assert south - 1e-6 <= other_latitude <= north + 1e-6
    assert any(west - 1e-6 <= other_longitude <= east + 1e-6 for west, east in spans)


def test_a_box_across_the_date_line_has_two_spans():
    _, _, spans = box(0, 179.9, 50)
    assert 2 == len(spans)
    assert (180.0, -180.0) == (spans[0][1], spans[1][0])


def test_police_come_nearest_first_with_their_distance(town, monas):
    far, near = town.police((-6.25, 106.83)), town.police((-6.176, 106.828))
    with town.database.system() as connection:
        found = nearest_police(connection, *monas, vendor_ids=[town.vendor])
    assert [near.id, far.id] == [row.id for row in found]
    assert [distance_m(*monas, row.latitude, row.longitude) for row in found] == pytest.approx(
        [row.distance_m for row in found]
    )


def test_only_available_police_with_a_position_are_near(town, monas):
    for columns in ({"status": "busy"}, {"status": "offline"}, {"is_active": False}, {"latitude": None}):
        town.police(**columns)
    with town.database.system() as connection:
        assert [] == nearest_police(connection, *monas, vendor_ids=[town.vendor])


def test_the_search_widens_until_there_is_somebody(town, monas):
    bandung = town.police((-6.9175, 107.6191))
    with town.database.system() as connection:
        found = nearest_police(connection, *monas, vendor_ids=[town.vendor])
    assert [bandung.id] == [row.id for row in found]
    assert 115_000 < found[0].distance_m < 125_000


def test_who_is_beyond_the_first_circle_is_left_out_while_somebody_is_in_it(town, monas):
    near = town.police((-6.176, 106.828))
    town.police((-6.9175, 107.6191))
    with town.database.system() as connection:
        found = nearest_police(connection, *monas, vendor_ids=[town.vendor])
    assert [near.id] == [row.id for row in found]


def test_stations_are_found_at_the_other_end_of_the_country(town):
    with town.database.system() as connection:
        found = nearest_stations(connection, -8.5, 140.4, 3, vendor_ids=[town.vendor])
    assert [town.station] == [row.id for row in found]


@pytest.mark.threat("T17")
def test_a_tenant_finds_only_its_own_police(town, monas):
    stranger = town.person("police", vendor=town.elsewhere(), status="available", latitude=-6.175, longitude=106.827)
    mine = town.police()
    with town.database.tenant([town.vendor]) as connection:
        assert [mine.id] == [row.id for row in nearest_police(connection, *monas)]
        assert {town.vendor} == {row.vendor_id for row in nearest_stations(connection, *monas, 10)}
    assert stranger.id != mine.id


@pytest.mark.parametrize("table", [police, stations])
@pytest.mark.parametrize("place", [(-6.175, 106.827), (-16.8, 179.95)])
def test_the_search_asks_the_index_of_positions(town, table, place):
    query = within(table, ["id"], *place, 20.0)
    compiled = query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    with town.database.system() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = "\n".join(row[0] for row in connection.execute(text(f"EXPLAIN {compiled}")))
    assert f"ix_{table.name}_latitude_longitude" in plan
