"""Which picture of a Hikvision body belongs to which event, and in which role."""

import base64

import pytest

from core.api import MalformedPayload
from core.testing.bodies import jpeg
from core.testing.contract import Reader

FORM = "multipart/form-data; boundary=boundary"
PLATE, VEHICLE, SCENE = jpeg(color="white"), jpeg(color="red"), jpeg(color="blue")


def anpr(inner, *, more=""):
    return (
        f'<EventNotificationAlert version="2.0"><eventType>ANPR</eventType>'
        f"<dateTime>2026-03-02T17:20:00+07:00</dateTime><ANPR>{inner}</ANPR>{more}</EventNotificationAlert>"
    ).encode()


def form(*parts, newline="\r\n"):
    """A multipart body of (headers, data) parts."""
    body = b""
    for headers, data in parts:
        head = newline.join(("--boundary", *headers, "", "")).encode()
        body += head + (data if isinstance(data, bytes) else data.encode()) + newline.encode()
    return body + b"--boundary--" + newline.encode()


class TestPictures(Reader):
    maker = "hikvision"

    def test_a_picture_alone_says_what_was_expected(self):
        with pytest.raises(MalformedPayload, match="picture without an event"):
            self.parse(b"\xff\xd8\xff\xe0" + bytes(100), content_type="image/jpeg")

    def roles(self, body, content_type=FORM):
        """The pictures of each event, as [(role, bytes)]."""
        found = self.parse(body, content_type=content_type)
        return [[(i.role, bytes(i.data) if i.data is not None else i.url) for i in o.images] for o in found]

    def test_two_events_get_the_pictures_that_they_name_in_whatever_order(self):
        def listed(kind, key):
            return anpr(
                f"<pictureInfoList><pictureInfo><type>{kind}</type><pId>{key}</pId></pictureInfo></pictureInfoList>"
            )

        body = form(
            ((), listed("licensePlatePicture", "id-one")),
            ((), listed("vehiclePicture", "id-two")),
            (("Content-ID: <id-two>",), VEHICLE),
            (("Content-ID: <id-one>",), PLATE),
        )

        assert [[("plate", PLATE)], [("vehicle", VEHICLE)]] == self.roles(body)

    def test_names_that_every_event_uses_do_not_draw_a_picture_away_from_its_own_event(self):
        named = 'Content-Disposition: form-data; name="vehiclePicture.jpg"'
        first = anpr(
            "<pictureInfoList><pictureInfo><fileName>vehiclePicture.jpg</fileName></pictureInfo></pictureInfoList>"
        )

        assert [[], [("vehicle", VEHICLE)]] == self.roles(form(((), first), ((), anpr("")), ((named,), VEHICLE)))

    def test_a_name_that_tells_nothing_leaves_the_role_to_the_file_name(self):
        head = ('Content-Disposition: form-data; name="Picture"; filename="licensePlatePicture.jpg"',)

        assert [[("plate", PLATE)]] == self.roles(form((head, PLATE), ((), anpr(""))))

    def test_an_empty_picture_keeps_its_place_in_the_list(self):
        listed = "".join(
            f"<pictureInfo><type>{t}</type></pictureInfo>" for t in ("licensePlatePicture", "vehiclePicture")
        )
        body = form(
            ((), anpr(f"<pictureInfoList>{listed}</pictureInfoList>")),
            (("Content-Type: image/jpeg",), b""),
            (("Content-Type: image/jpeg",), VEHICLE),
        )

        assert [[("vehicle", VEHICLE)]] == self.roles(body)

    def test_pictures_come_in_base64_parts_and_after_empty_lines_too(self):
        scene = 'Content-Disposition: form-data; name="detectionPicture.jpg"'
        body = form(((), anpr("")), ((scene, ""), SCENE), ((scene,), base64.b64encode(VEHICLE)), newline="\n")

        assert [[("scene", SCENE), ("scene", VEHICLE)]] == self.roles(body)

    def test_pictures_by_url_take_the_role_of_their_list(self):
        listed = "".join(
            f"<pictureInfo><fileName>{n}.jpg</fileName><dataType>1</dataType>"
            f"<pictureURL>http://192.0.2.7/{n}</pictureURL></pictureInfo>"
            for n in ("licensePlatePicture", "detectionPicture")
        )
        body = anpr(f"<pictureInfoList>{listed}</pictureInfoList>", more="<bkgUrl>http://192.0.2.7/bkg</bkgUrl>")

        assert [
            [
                ("plate", "http://192.0.2.7/licensePlatePicture"),
                ("scene", "http://192.0.2.7/detectionPicture"),
                ("scene", "http://192.0.2.7/bkg"),
            ]
        ] == self.roles(body, "application/xml")
