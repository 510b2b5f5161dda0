"""The mapping plugin: the contract. One config reads all its fixtures, by several paths a field."""

from core.testing.contract import ParserContract

CONFIG = {
    "fields": {
        "plate": ["lp", "Read/Plate", "plate"], "time": ["utc", "Read/When/Time", "clock", "ts"],
        "date": ["Read/When/Date", "day"], "confidence": ["conf", "Read/Plate/@score"],
        "direction": ["dir", "Read/Way"],
        "lane_no": ["lane", "Read/Lane"], "vehicle_color": "color", "speed": ["kmh"], "event_id": ["id", "Read/@id"],
        "serial": ["$.device", "Read/Camera/@serial"],
    },
    "images": [{"path": "lp_img", "role": "plate"}, {"path": "Read/Images/Plate", "role": "plate"},
               {"path": "Read/Images/Full"}],
    "directions": {"0": "approach", "1": "depart"},
    "heartbeat": {"path": "kind", "values": ["alive"]},
    "extra": {"list": "list_mode"},
}  # fmt: skip


class TestMapping(ParserContract):
    maker = "mapping"
    config = CONFIG
