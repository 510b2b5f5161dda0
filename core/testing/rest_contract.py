"""The written contract of the REST clients as a table: who asks what, what is sent, what must come back.

From it the tests make every row as the right role and every refusal as a wrong one, in one process and over a socket.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

PAGED = "data[{%s}],pagination{total,page,limit,total_pages}"
PLACE = {"latitude": -6.121, "longitude": 106.15}
PICTURE = "{picture}"
LIST = "?page=1&limit=5&search="
PASSWORD = "kuda-benar-baterai-staples"

_CCTV = "id,name,location,IP,stream_url,camera_type,status"
_USER = "id,name,email,phone,address,latitude,longitude,status,role"
_OFFICER = "officer{id,name,phone,license_plate,vehicle_type,status}"
_MOVED = "id,status,updated_at"
_DETECTED = "id,status,incident_type,location,evidence_url,is_assigned"
_COORDINATES = "coordinates{latitude,longitude}"


class Row(msgspec.Struct, frozen=True):
    """One row.

    role    OWNER, OFFICER, POLICE, SERVICE (a program's key); ANY: each of the first three; PUBLIC: no token is asked
    path    behind the prefix; {cctv}, {spare} (a camera of its own), {report}, {notification}, {police} are filled in
    shape   of `data`, as the contract writes it: "id,cctv{id,name},tracking[{id}]"; "" = nothing, "[…]" = a bare list
    state   what the report has come to before: new, assigned, on_the_way, arrived
    """

    role: str
    method: str
    path: str
    body: Any = None
    shape: str = ""
    status: int = 200
    state: str = "new"

    @property
    def name(self) -> str:
        """For people."""
        said = (
            next((str(self.body[key]) for key in ("status", "username") if key in self.body), "") if self.body else ""
        )
        return f"{self.role}-{self.method}-{self.path.partition('?')[0]}{said and '-' + said}"


def _listed(shape: str) -> str:
    return PAGED % shape


def _deteksi(path: str, kind: str) -> Row:
    report = {"title": "Pisau", "description": "d", "location": "Jl. Veteran", "incident_type": kind,
              "report_image": PICTURE}  # fmt: skip
    body = {"cctv_id": "{cctv}", "timestamp": "2026-11-20 21:05", "report": report}
    return Row("SERVICE", "POST", path, body, _DETECTED, 201)


CONTRACT = [
    Row("PUBLIC", "POST", "/login", {"email": "{email}", "password": PASSWORD}, f"token,user{{{_USER}}}"),
    Row("PUBLIC", "POST", "/login", {"username": "{username}", "password": PASSWORD}, f"token,user{{{_USER}}}"),
    Row("PUBLIC", "POST", "/register", {"name": "Sari", "email": "{new}", "phone": "0811", "address": "Jl. 1",
                                        "password": PASSWORD}, status=201),
    Row("ANY", "GET", "/me", None, _USER),
    Row("ANY", "POST", "/logout"),
    _deteksi("/deteksi", "knife"),
    _deteksi("/detection", "gun"),
    Row("OWNER", "GET", "/count", None, "cctv_count,report_count"),
    Row("OWNER", "GET", "/cctv/preview", None, "preview_url,name_cctv,status,location,description"),
    Row("OWNER", "POST", "/cctv", {"name": "Gudang", "location": "Jl. Raya 5", "description": "belakang",
                                   "IP": "192.168.1.20", "camera_type": "dome",
                                   "stream_url": "rtsp://u:p@192.168.1.20/1"}, _CCTV, 201),
    Row("OWNER", "GET", "/cctv" + LIST, None, _listed(_CCTV)),
    Row("OWNER", "GET", "/cctv/{cctv}", None, _CCTV + ",description,Reports[{id,title,status,created_at}]"),
    Row("OWNER", "PATCH", "/cctv/{cctv}", {"name": "Depan toko"}, _CCTV),
    Row("OWNER", "DELETE", "/cctv/{spare}"),
    Row("OWNER", "GET", "/report" + LIST, None, _listed("id,title,status,location,created_at,report_image,"
        "incident_type,cctv_name,cctv_location,is_assigned")),
    Row("OWNER", "GET", "/report/{report}", None, "id,title,description,status,location,report_image,incident_type,"
        "created_at,cctv{id,name,location},is_assigned,assigned_to{id,name,name_officer,"
        "tracking[{id,estimated_time,distance}]}", state="on_the_way"),
    Row("OWNER", "GET", "/report/{report}/track", None, f"id,title_report,is_nearby,{_OFFICER},"
        "tracking[{id,latitude,longitude,timestamp,distance,estimated_time,status,description}]", state="on_the_way"),
    Row("OWNER", "POST", "/report", {"title": "Pisau", "description": "d", "location": "Jl. Veteran",
                                     "incident_type": "knife", "cctv_id": "{cctv}", "report_image": PICTURE,
                                     "date": "20:11:2026", "time": "21:05"}, "id,title,status,created_at", 201),
    Row("OWNER", "GET", "/notification" + LIST, None,
        _listed("id,title,message,type,status,image,report_id,created_at,is_read"), state="assigned"),
    Row("ANY", "PATCH", "/notification/{notification}/read", state="assigned"),
    Row("OFFICER", "GET", "/officer/count", None, "response_time,resolve_Case,total_report,active_police"),
    Row("OFFICER", "GET", "/officer/case-status", None, "total_case,resolution_rate,"
        "case_status{new,assigned,in_progress,verified,completed}"),
    Row("OFFICER", "GET", "/officer/latest-report" + LIST, None,
        _listed("id,title,status,location,created_at,report_image,incident_type,cctv_name")),
    Row("OFFICER", "GET", "/officer/report/{report}", None, "id,title,description,status,location,report_image,"
        f"incident_type,created_at,source,is_assigned,updated_at,owner{{id,name,email,phone,address,{_COORDINATES}}},"
        "cctv{id,name,location,description,camera_type,status,stream_url},evidences[{id,file_url,type,created_at}],"
        "assignment,activity_logs[{id,action,description,actor,created_at}],"
        "metadata{unread_notifications,has_evidence,response_time,resolution_time}", state="assigned"),
    Row("OFFICER", "GET", "/officer/notification" + LIST, None,
        _listed("id,title,message,location,type,status,created_at"), state="assigned"),
    Row("OFFICER", "GET", "/officer/incident-map", None, "summary{total_incidents,active_officers,busy_officers,"
        f"incident_types{{}}}},crime_locations[{{id,title,location,incident_type,status,{_COORDINATES},created_at,source}}],"
        f"active_officers[{{id,name,status,{_COORDINATES},assigned_to,estimated_arrival}}]", state="on_the_way"),
    Row("OFFICER", "GET", "/officer/recent-alerts", None, "alerts[{id,type,title,priority,priority_label,location,"
        "location_code,time_ago,status,incident_type,source,created_at}],total_alerts,critical_count,high_count"),
    Row("OFFICER", "POST", "/officer/verify/{report}", {"status": "verified"}, _MOVED),
    Row("OFFICER", "POST", "/officer/verify/{report}", {"status": "in_progress"}, _MOVED, state="assigned"),
    Row("OFFICER", "POST", "/officer/verify/{report}", {"status": "completed"}, _MOVED, state="arrived"),
    Row("OFFICER", "POST", "/officer/verify/{report}", {"status": "rejected", "reason": "boneka"}, _MOVED,
        state="on_the_way"),
    Row("OFFICER", "POST", "/officer/assign/{report}", {"officer_id": "{police}"},
        "id,report_id,officer_id,assigned_at", 201),
    Row("OFFICER", "POST", "/officer/assign/{report}", {"officer_id": "{police}"}, status=409, state="assigned"),
    Row("OFFICER", "GET", "/officer/available?near={report}", None,
        "[{id,name,phone,status,location{latitude,longitude},office_name}]"),
    Row("OFFICER", "GET", "/officer/police" + LIST, None,
        _listed("id,name,phone,status,location,vehicle_type,license_plate,office_name")),
    Row("POLICE", "GET", "/police/dashboard", None, "active_report,resolved_case"),
    Row("POLICE", "GET", "/police/report/active" + LIST, None, _listed("id,title,status,location,created_at"),
        state="assigned"),
    Row("POLICE", "GET", "/police/report/{report}", None, "id,title,description,status,location,report_image,"
        "incident_type,created_at", state="assigned"),
    Row("POLICE", "GET", "/police/report/{report}/track", None, f"id,title_report,is_nearby,{_OFFICER}",
        state="assigned"),
    *(Row("POLICE", "POST", "/police/report/{report}/status", {"status": status, "description": "d"}, _MOVED,
          state="assigned") for status in ("on_the_way", "arrived", "cancelled")),
    Row("POLICE", "POST", "/police/report/{report}/status", {"status": "completed"}, _MOVED, state="arrived"),
    *(Row("POLICE", "POST", "/police/report/{report}/track", {**PLACE, "status": status, "description": "d"},
          "id,status,created_at", 201, state) for status, state in
      (("on_the_way", "assigned"), ("arrived", "on_the_way"), ("completed", "arrived"))),
    Row("POLICE", "GET", "/police/notification" + LIST, None, _listed("id,title,message,type,status"),
        state="assigned"),
]  # fmt: skip


def missing(found: Any, shape: str) -> list[str]:
    """What of a shape is not there, by path. A list must have a row, or there is nothing to see in it."""
    if not shape:
        return []
    if shape.startswith("["):
        return list(_in_list(found, shape, ""))
    return list(_in_object(found, shape, ""))


def _in_object(found: Any, shape: str, at: str) -> Iterator[str]:
    if not isinstance(found, dict):
        yield f"{at}: expected an object"
        return
    for name, inner in _members(shape):
        if name not in found:
            yield f"{at}.{name}"
        elif inner.startswith("["):
            yield from _in_list(found[name], inner, f"{at}.{name}")
        elif inner:
            yield from _in_object(found[name], inner[1:-1], f"{at}.{name}")


def _in_list(found: Any, shape: str, at: str) -> Iterator[str]:
    if not isinstance(found, list) or not found:
        yield f"{at}: expected a list with a row"
        return
    for one in found:
        yield from _in_object(one, shape[2:-2], f"{at}[]")


def _members(shape: str) -> Iterator[tuple[str, str]]:
    """(name, what stands in its brackets, those included) of each member."""
    for part in _split(shape):
        found = re.fullmatch(r"(\w+)(.*)", part, re.DOTALL)
        assert found, f"not a shape: {part!r}"
        yield found[1], found[2]


def _split(shape: str) -> Iterator[str]:
    depth, start = 0, 0
    for at, char in enumerate(shape):
        depth += (char in "{[") - (char in "}]")
        if char == "," and not depth:
            yield shape[start:at]
            start = at + 1
    if shape[start:]:
        yield shape[start:]
