"""Korlantas: our own payload, whole and without secrets."""

from typing import ClassVar

import msgspec
import pytest

from core.api import HttpResponse, Unbuildable
from core.testing.contract_sink import SinkContract
from core.testing.sinks import ConfigMistake


def test_a_case_is_told_in_full(make_sink, case):
    request = make_sink("korlantas", url="https://k.test/api/").build_sync(case)
    assert "https://k.test/api/pelanggaran" == request.url
    assert {
        "schema": "tangkapin.korlantas/1",
        "nomor_perkara": "polda-banten-41",
        "pelapor": {"kode": "polda-banten", "nama": "Polda Banten", "wilayah": "Banten"},
        "kendaraan": {"nomor_polisi": "B1234XYZ"},
        "pelanggaran": {
            "jenis": "lampu_merah", "waktu": "2026-03-02T10:20:00.987Z", "kecepatan_kmh": 62.0, "batas_kmh": 40,
            "lajur": "2", "arah": "depart",
        },
        "lokasi": {"nama": "Simpang XYZ", "perangkat": "simpang-5", "lintang": -6.12, "bujur": 106.15},
        "keputusan": {"petugas": "Bripka Sari", "waktu": "2026-03-02T10:30:00.000Z"},
        "bukti": [
            {"peran": "plate", "mime": "image/jpeg", "sha256": "aa" * 32, "isi": case.plate_image},
            {"peran": "vehicle", "mime": "image/jpeg", "sha256": "bb" * 32, "isi": case.vehicle_image},
        ],
    } == request.body  # fmt: skip


def test_what_is_not_known_is_left_out(make_sink, case):
    bare = msgspec.structs.replace(
        case, speed_kmh=None, lane_no="", direction="unknown", detail={}, plate_image=None, vehicle_image=None
    )
    body = make_sink("korlantas", url="https://k.test").build_sync(bare).body
    assert {"jenis", "waktu"} == set(body["pelanggaran"])
    assert [] == body["bukti"]


def test_the_token_is_named_and_the_centre_asked_by_key(make_sink, case):
    sink = make_sink("korlantas", {"T": "Bearer rahasia"}, url="https://k.test", token={"env": "T"}, can_ask=True)
    assert {"Authorization": "token"} == sink.build_sync(case).secret_headers
    assert f"https://k.test/pelanggaran/{case.idempotency_key}" == sink.build_look_up(case).url
    absent = HttpResponse(status=404, headers={}, body=b"", purpose="look_up")
    assert "absent" == sink.read_receipt(absent).outcome


def test_it_is_not_asked_unless_the_operator_says_it_can_be(make_sink, case):
    assert make_sink("korlantas", url="https://k.test").build_look_up(case) is None


def test_a_case_without_a_plate_goes_back_to_a_person(make_sink, case):
    with pytest.raises(Unbuildable):
        make_sink("korlantas", url="https://k.test").build_sync(msgspec.structs.replace(case, plate_number=""))


@pytest.mark.parametrize(
    "table", [{}, {"url": "k.test"}, {"url": "https://u:p@k.test"}, {"url": "https://k.test?key=1"}]
)
def test_mistakes_in_the_config_are_named(make_sink, table):
    with pytest.raises(ConfigMistake, match="url"):
        make_sink("korlantas", **table)


class TestContract(SinkContract):
    use = "plugins.sinks.korlantas"
    environ: ClassVar = {"KEY": "kunci-rahasia-untuk-uji"}
    config: ClassVar = {"url": "https://korlantas.example/api", "token": {"env": "KEY"}}
