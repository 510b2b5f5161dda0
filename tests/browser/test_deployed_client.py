"""R7: what the deployed web client needs, in a real browser: a page of another origin, the running house, soketi."""

import base64
import json
import re
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

import pusher
import pytest
from playwright.sync_api import expect
from sqlalchemy import text

from core.accounts.audit import Actor
from core.accounts.vendors import add_vendor
from core.secrets import SecretBox
from core.settings import Settings
from core.testing.drawing import draw_plate
from core.testing.house import House, fresh_database
from core.testing.local_peer import Say, local_peer
from core.testing.pusher_peer import APP_ID, KEY, PEERS, SECRET, PusherServer
from core.testing.watch import Watch
from core.testing.watch_drill import Relay
from core.testing.world import PEOPLE, WATCHED, Login

PAGES = Path(__file__).parent / "deployed"
PUSHER_JS = PEERS / "node_modules" / "pusher-js" / "dist" / "web" / "pusher.min.js"
PASSWORD = "tiga-ratus-kilogram-beras"
PATIENCE_MS = 30_000
OLD_TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.bekas"
FILES = {
    "/": ("text/html", PAGES / "index.html"),
    "/client.js": ("text/javascript", PAGES / "client.js"),
    "/pusher.js": ("text/javascript", PUSHER_JS),
}
SEVEN = ("count", "case-status", "latest-report", "incident-map", "recent-alerts", "notification", "available")


def page_of(got):
    kind, path = FILES.get(got.path.partition("?")[0], ("", None))
    return Say(headers={"Content-Type": kind}, body=path.read_bytes()) if path else Say(status=404)


class Deployment:
    """The house with a Pusher server, a client's page on another origin, people, and two reports."""

    def __init__(self, house, client, server, relay):
        self.house, self.client, self.pusher, self.relay = house, client, server, relay
        self.api = f"http://127.0.0.1:{house.port}/api"
        self.owner, self.officer = self.token("pemilik"), self.token("polsek")
        picture = base64.b64encode(draw_plate("B 1 UJI")).decode()
        camera = self.rest("GET", "/cctv", self.owner)["data"][0]["id"]
        self.seen = self.report(title="Dengan kamera", cctv_id=camera, report_image=picture)
        self.bare = self.report(title="Tanpa kamera", location="Pasar")

    def page(self, client=None):
        asked = f"api={self.api}&key={KEY}&pusher={self.pusher.port}"
        return f"{(client or self.client).url}/?{asked}"

    def rest(self, method, path, token="", body=None):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        answer = self.house.request(method, f"/api{path}", json.dumps(body or {}).encode(), headers)
        assert answer.status < 300, answer.body
        return answer.json.get("data")

    def token(self, name):
        return self.rest("POST", "/login", OLD_TOKEN, {"username": name, "password": PASSWORD})["token"]

    def report(self, **fields):
        body = {"description": "", "location": "Jl. Kebon Kacang 9", "incident_type": "knife"} | fields
        return self.rest("POST", "/report", self.owner, body)["id"]

    def trigger(self, channel, event, data):
        library = pusher.Pusher(app_id=APP_ID, key=KEY, secret=SECRET, host="127.0.0.1", port=self.pusher.port,
                                ssl=False)  # fmt: skip
        library.trigger(channel, event, data)

    def preflights(self):
        return self.house.logs("ingest").count('"method": "OPTIONS"')


@pytest.fixture(scope="module")
def deployment(tmp_path_factory, postgres_url, template_url, valkey_url):
    folder = tmp_path_factory.mktemp("deployed")
    server = PusherServer(folder).start()
    relay = Relay(server)
    plugins = f"""hooks = 1
[plugin.pusher]
use = "notifiers.pusher"
[plugin.pusher.config]
app_id = "{APP_ID}"
key = "{KEY}"
secret = {{ file = "{folder}/secret" }}
host = "127.0.0.1"
port = {relay.peer.port}
client_port = {server.port}
tls = false
public = ["dashboard"]
"""
    (folder / "secret").write_text(SECRET)
    (folder / "secret").chmod(0o600)
    with local_peer(page_of) as client, fresh_database(postgres_url, template_url) as url:
        house = House(folder, url, valkey_url, plugins, settings={"cors_origins": client.url})
        key = Settings(home=folder).signing_key()
        add_vendor(house.database, WATCHED, by=Actor("cli"))
        watch = Watch([Login(name, PASSWORD, role, WATCHED) for name, role, _ in PEOPLE])
        watch.open(house.database, key.reveal(), SecretBox(key), 9)
        try:
            house.start("ingest", "work", "streams")
            yield Deployment(house, client, server, relay)
        finally:
            house.stop()
            relay.peer.close()
            server.kill()


@pytest.fixture
def tab(browser, deployment):
    """tab(token, url) -> a page whose memory has that token; afterwards: no script threw.

    conftest's `visit` does not fit: this page is another's, asks another origin on purpose and meets 401 and 403.
    """
    contexts, thrown = [], []

    def open_tab(token="", url=""):
        context = browser.new_context(locale="id-ID", timezone_id="Asia/Jakarta")
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        if token:
            context.add_init_script(f"localStorage.token ??= '{token}'")
        page = context.new_page()
        page.on("pageerror", lambda error: thrown.append(str(error)))
        page.goto(url or deployment.page())
        return page

    yield open_tab
    for context in contexts:
        context.close()
    assert [] == thrown


@pytest.fixture
def dashboard(tab, deployment):
    """An officer's page, logged in."""
    return stands(tab(deployment.officer))


def stands(page, view="dashboard"):
    expect(page.locator("main")).to_have_attribute("data-view", view, timeout=PATIENCE_MS)
    return page


def log_in(page, name="polsek"):
    stands(page, "login")
    page.fill("input[name=email]", f"{name}@demo.example")
    page.fill("input[name=password]", PASSWORD)
    page.click("button")


def pictures(page, where):
    """Widths of the pictures there, once each has loaded or failed."""
    page.wait_for_function("(where) => [...document.querySelectorAll(where)].every((one) => one.complete)", arg=where)
    return page.eval_on_selector_all(where, "(found) => found.map((one) => one.naturalWidth)")


def test_an_old_token_leads_to_the_login_and_an_officer_gets_in_by_e_mail(tab, deployment):
    page = tab(OLD_TOKEN)
    log_in(page)  # the 401 was readable, and the log-in goes out with the old token
    stands(page)
    assert "OFFICER" == page.locator("main").get_attribute("data-role")
    assert ["new", "assigned", "in_progress", "verified", "completed"] == [
        one.partition("=")[0] for one in page.locator("#cases li").all_inner_texts()
    ]
    assert {deployment.seen, deployment.bare} <= {
        int(one) for one in page.eval_on_selector_all("#latest li", "(rows) => rows.map((row) => row.dataset.id)")
    }
    assert 2 == page.locator("#free li").count(), "the two of the patrol"
    for panel in ("#map", "#alerts", "#bell"):
        assert page.locator(f"{panel} li").count(), panel
    assert "incident Attention" in page.locator("#alerts").inner_text()


def test_seven_requests_at_once_need_one_preflight_each_and_none_the_next_time(dashboard, deployment):
    page = dashboard
    before = deployment.preflights()
    assert before >= len(SEVEN)
    for _ in range(2):
        page.reload()
        stands(page)
    assert before == deployment.preflights()


def test_pictures_open_in_an_img_of_another_origin(dashboard, deployment):
    page = dashboard
    assert [200] == pictures(page, "#latest img")
    page.evaluate(f"report({deployment.seen})")
    stands(page, "report")
    assert [200] == pictures(page, "#evidence img")


def test_a_report_without_a_camera_leaves_no_white_page(dashboard, deployment):
    page = dashboard
    page.evaluate(f"report({deployment.bare})")
    expect(page.locator("#camera")).to_have_text("-", timeout=PATIENCE_MS)
    expect(page.locator("#owner")).to_have_text("Demo pemilik", timeout=PATIENCE_MS)
    assert page.locator("#log li").count()


def test_a_filter_that_nothing_fits_shows_an_empty_list(dashboard):
    page = dashboard
    for status in ("pending", "resolved", "rejected"):
        page.evaluate(f"rows('{status}')")
        stands(page, f"rows {status}")
        assert "0" == page.locator("#rows").get_attribute("data-total")


def test_a_new_report_is_heard_on_the_public_channel(dashboard, deployment):
    page = dashboard
    expect(page.locator("main")).to_have_attribute("data-live", "yes", timeout=PATIENCE_MS)
    made = deployment.report(title="Baru", location="Pasar")
    expect(page.locator("#heard li").first).to_contain_text(f"{made} knife", timeout=PATIENCE_MS)


def test_pusher_js_hands_on_what_comes_twice_and_the_id_tells_it_apart(dashboard, deployment):
    """Why core is sparing with repeats on public names: a client that only appends shows both."""
    page = dashboard
    expect(page.locator("main")).to_have_attribute("data-live", "yes", timeout=PATIENCE_MS)
    data = {"noticeId": "uji-1", "reportId": 77000, "incidentType": "knife", "priority": "high", "location": "Gambir"}
    for _ in range(2):
        deployment.trigger("officers-dashboard", "incident-update", data)
    deployment.trigger("officers-dashboard", "incident-update", data | {"noticeId": "uji-2", "reportId": 78000})
    ours = re.compile("^(77000|78000)")
    rows = [re.compile(f"^{one} ") for one in (77000, 77000, 78000)]
    expect(page.locator("#heard li", has_text=ours)).to_have_text(rows, timeout=PATIENCE_MS)
    expect(page.locator("#once li", has_text=ours)).to_have_text(["77000", "78000"])


def said_of(deployment, report_id, where):
    """The deliveries of a report to the screens by the Pusher channel."""
    query = text(
        "SELECT d.* FROM notice_deliveries d JOIN notice_recipients r ON r.id = d.recipient_id"
        " JOIN notices n ON n.id = r.notice_id"
        " WHERE n.report_id = :report AND r.role = 'dashboard' AND d.channel = 'pusher'"
    )
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while True:
        with deployment.house.database.system() as connection:
            rows = connection.execute(query, {"report": report_id}).all()
        if rows and all(where(row) for row in rows):
            return rows
        assert time.monotonic() < deadline, rows
        time.sleep(0.05)


def listens(deployment):
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while "ear_listening" not in deployment.house.logs("streams"):
        assert time.monotonic() < deadline, "nobody listens"
        time.sleep(0.05)


def test_an_alarm_whose_answer_was_lost_is_shown_once(dashboard, deployment):
    """The Pusher server took it, the answer never came: what was heard says that it was told."""
    page = dashboard
    expect(page.locator("main")).to_have_attribute("data-live", "yes", timeout=PATIENCE_MS)
    listens(deployment)
    deployment.relay.answer = lambda got, say: Say(lost=True)
    made = deployment.report(title="Jawaban hilang", location="Pasar")
    rows = said_of(deployment, made, lambda row: row.status == "accepted")
    assert [("heard", True)] == [(row.receipt, row.is_unsure) for row in rows]
    deployment.relay.answer = lambda got, say: say
    after = deployment.report(title="Sesudahnya", location="Pasar")
    ours = re.compile(f"^({made}|{after}) ")
    rows = [re.compile(f"^{one} ") for one in (made, after)]
    expect(page.locator("#heard li", has_text=ours)).to_have_text(rows, timeout=PATIENCE_MS)


def test_an_alarm_of_a_worker_that_was_killed_between_telling_and_the_answer_is_shown_once(dashboard, deployment):
    page = dashboard
    expect(page.locator("main")).to_have_attribute("data-live", "yes", timeout=PATIENCE_MS)
    listens(deployment)
    told, killed = threading.Event(), threading.Event()

    def hold(got, say):
        told.set()
        killed.wait(PATIENCE_MS / 1000)
        return Say(lost=True)

    deployment.relay.answer = hold
    made = deployment.report(title="Pekerja mati", location="Pasar")
    assert told.wait(PATIENCE_MS / 1000)
    said_of(deployment, made, lambda row: row.status == "sending" and row.heard_at)
    deployment.house.kill("work")
    deployment.relay.answer = lambda got, say: say
    killed.set()
    with deployment.house.database.system() as connection:  # its lease is over
        connection.execute(text("UPDATE notice_deliveries SET lease_until = now() WHERE status = 'sending'"))
    deployment.house.start("work")
    said_of(deployment, made, lambda row: row.status == "accepted")
    after = deployment.report(title="Sesudahnya", location="Pasar")
    ours = re.compile(f"^({made}|{after}) ")
    rows = [re.compile(f"^{one} ") for one in (made, after)]
    expect(page.locator("#heard li", has_text=ours)).to_have_text(rows, timeout=PATIENCE_MS)


def test_a_page_of_an_origin_that_is_not_named_reads_nothing(tab, deployment):
    with local_peer(page_of) as stranger:
        page = tab(url=deployment.page(stranger))
        log_in(page)
        expect(page.get_by_role("alert")).to_contain_text("Failed to fetch", timeout=PATIENCE_MS)


@pytest.mark.parametrize("path", [*(f"/officer/{name}" for name in SEVEN), "/login", "/officer/report/1", "/nothing"])
def test_preflights_answer_without_a_token_and_errors_name_the_origin(deployment, path):
    asked = {"Origin": deployment.client.url, "Access-Control-Request-Method": "GET",
             "Access-Control-Request-Headers": "authorization,content-type"}  # fmt: skip
    answer = deployment.house.request("OPTIONS", f"/api{path}", headers=asked)
    if path != "/nothing":
        assert 2 == answer.status // 100
        assert {"authorization", "content-type"} <= set(answer.headers["Access-Control-Allow-Headers"].split(", "))
        assert int(answer.headers["Access-Control-Max-Age"]) >= 600
    assert deployment.client.url == answer.headers["Access-Control-Allow-Origin"]
    refused = deployment.house.request("GET", f"/api{path}", headers={"Origin": deployment.client.url})
    assert refused.status in (401, 404, 405)
    assert deployment.client.url == refused.headers["Access-Control-Allow-Origin"]


def test_preflights_are_outside_of_the_rate_limits(deployment):
    asked = {"Origin": deployment.client.url, "Access-Control-Request-Method": "POST"}
    connection = HTTPConnection("127.0.0.1", deployment.house.port, timeout=30)
    answers = []
    for _ in range(150):
        connection.request("OPTIONS", "/api/login", headers=asked)
        answer = connection.getresponse()
        answer.read()
        answers.append(answer.status)
    connection.close()
    assert {2} == {status // 100 for status in answers}
