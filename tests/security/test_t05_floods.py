"""T05: a camera gone wild is slowed down by itself; its neighbours notice nothing."""

import time

import pytest
import redis

from core.db.valkey import EmbeddedValkey
from core.ingest.rate import RateLimiter

pytestmark = pytest.mark.threat("T05")


class Seconds:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def seconds():
    return Seconds()


@pytest.fixture
def limiter(seconds):
    return RateLimiter(clock=seconds)


@pytest.fixture
def entries(registry):
    """entries(n, **fields) -> directory entries of n cameras of one vendor."""

    def make(count, **fields):
        cameras = [registry.add(f"cam-{n}", **fields) for n in range(count)]
        return [registry.directory.current.by_code[camera.code] for camera in cameras]

    return make


def test_one_noisy_camera_costs_forty_nine_quiet_ones_nothing(entries, limiter, seconds):
    noisy, *quiet = entries(50, rate_per_s=5.0, rate_burst=25.0)
    refused = {entry.id: 0 for entry in (noisy, *quiet)}

    for tick in range(6000):  # one minute in steps of 10 ms
        for entry in (noisy, noisy, *([quiet[tick // 2 % 49]] if tick % 2 else [])):
            refused[entry.id] += limiter.check(entry) > 0
        seconds.now += 0.01

    assert 0 == sum(refused[entry.id] for entry in quiet)
    assert 12_000 - (25 + 5 * 60) == pytest.approx(refused[noisy.id], abs=1)


def test_the_noisy_camera_hears_429_and_when_to_come_again(registry, serve):
    noisy = registry.add("noisy", rate_per_s=0.5, rate_burst=3.0)
    quiet = registry.add("quiet")
    served = serve()

    answers = [served.post(noisy.path, {"X-API-KEY": noisy.key}) for _ in range(6)]
    calm = [served.post(quiet.path, {"X-API-KEY": quiet.key})[0] for _ in range(6)]

    assert [200, 200, 200, 429, 429, 429] == [status for status, _, _ in answers]
    assert "2" == answers[3][1]["Retry-After"]
    assert [200] * 6 == calm
    assert 9 == len(served.inbox.arrivals)


def test_whoever_cannot_prove_who_he_is_spends_nothing_of_the_cameras_limit(registry, serve):
    camera = registry.add("target", rate_per_s=0.1, rate_burst=1.0)
    served = serve()

    for _ in range(5):
        assert 401 == served.post(camera.path, {"X-API-KEY": camera.key + "x"})[0]

    assert 200 == served.post(camera.path, {"X-API-KEY": camera.key})[0]


def test_a_camera_that_waited_as_told_is_let_through(entries, limiter, seconds):
    (entry,) = entries(1, rate_per_s=0.25, rate_burst=1.0)
    assert 0 == limiter.check(entry)
    wait = limiter.check(entry)
    assert 4 == wait
    seconds.now += wait

    assert 0 == limiter.check(entry)


def test_a_burst_is_let_through_and_comes_back_with_time(entries, limiter, seconds):
    (entry,) = entries(1, rate_per_s=10.0, rate_burst=50.0)

    assert 50 == sum(limiter.check(entry) == 0 for _ in range(80))
    seconds.now += 2
    assert 20 == sum(limiter.check(entry) == 0 for _ in range(80))


def test_a_vendors_limit_is_shared_by_its_cameras(entries, limiter):
    cameras = entries(10, rate_per_s=10.0, rate_burst=10.0, vendor_settings={"rate_per_s": 1, "rate_burst": 30})

    assert 30 == sum(limiter.check(entry) == 0 for _ in range(10) for entry in cameras)


def test_what_the_cameras_own_limit_refuses_is_not_charged_to_the_vendor(entries, limiter):
    noisy, quiet = entries(2, rate_per_s=1.0, rate_burst=10.0, vendor_settings={"rate_per_s": 1, "rate_burst": 20})
    for _ in range(500):
        limiter.check(noisy)

    assert 10 == sum(limiter.check(quiet) == 0 for _ in range(10))


def test_a_changed_limit_counts_at_once(registry, entries, limiter):
    (entry,) = entries(1, rate_per_s=0.1, rate_burst=1.0)
    assert [0, 10] == [limiter.check(entry) for _ in range(2)]
    registry.rows[0]["rate_burst"] = 3.0
    registry.publish()

    assert 0 == limiter.check(registry.directory.current.by_code["cam-0"])


class Redis:
    """Keeps one common bucket for each key, as the Lua script does; `away` makes every call fail."""

    def __init__(self):
        self.tokens = {}
        self.away = False
        self.calls = 0

    def register_script(self, script):
        def run(keys, args):
            self.calls += 1
            if self.away:
                raise ConnectionError("redis is away")
            for nth, key in enumerate(keys):
                _, burst, spent = args[3 * nth : 3 * nth + 3]
                self.tokens[key] = max(-burst, self.tokens.get(key, burst) - spent)
            return [str(self.tokens[key]) for key in keys]

        return run


def test_two_processes_share_a_limit_by_redis(entries, seconds):
    (entry,) = entries(1, rate_per_s=0.001, rate_burst=100.0)
    redis = Redis()
    first, second = RateLimiter(redis, clock=seconds), RateLimiter(redis, clock=seconds)
    for _ in range(60):
        first.check(entry)
        second.check(entry)
    first.share()
    second.share()
    first.check(entry)
    first.share()

    assert 0 == sum(limiter.check(entry) == 0 for limiter in (first, second) for _ in range(10))


def test_a_decision_costs_no_round_trip(entries, seconds):
    cameras = entries(5)
    redis = Redis()
    limiter = RateLimiter(redis, clock=seconds)
    for entry in cameras * 20:
        limiter.check(entry)
    assert 0 == redis.calls

    limiter.share()
    limiter.share()  # nothing was spent since
    assert 1 == redis.calls


def test_limits_hold_in_the_process_while_redis_is_away(entries, seconds):
    (entry,) = entries(1, rate_per_s=1.0, rate_burst=10.0)
    redis = Redis()
    redis.away = True
    limiter = RateLimiter(redis, clock=seconds)

    let_in = sum(limiter.check(entry) == 0 for _ in range(50))
    with pytest.raises(ConnectionError):
        limiter.share()
    redis.away = False
    limiter.share()

    assert 10 == let_in
    assert {f"tangkapin:rate:device:{entry.id}": 0.0} == redis.tokens


@pytest.fixture(scope="module")
def valkey_server(tmp_path_factory):
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as server, redis.Redis.from_url(server.running()) as client:
        yield client


@pytest.fixture
def valkey(valkey_server):
    valkey_server.flushall()
    return valkey_server


def test_the_script_keeps_one_bucket_for_all_processes_on_a_real_server(valkey, entries):
    (entry,) = entries(1, rate_per_s=0.001, rate_burst=100.0, vendor_settings={"rate_per_s": 0.002, "rate_burst": 500})
    first, second = RateLimiter(valkey), RateLimiter(valkey)
    for _ in range(40):
        first.check(entry)
        second.check(entry)
    first.share()
    second.share()

    assert 20 == sum(second.check(entry) == 0 for _ in range(50))
    device, vendor = f"tangkapin:rate:device:{entry.id}", "tangkapin:rate:vendor:1"
    assert [20, 420] == [round(float(valkey.hget(key, "tokens"))) for key in (device, vendor)]
    assert valkey.pttl(device) > 0


def test_the_script_refills_by_time_and_never_beyond_the_burst(valkey, entries):
    (entry,) = entries(1, rate_per_s=100_000.0, rate_burst=10.0)
    key = f"tangkapin:rate:device:{entry.id}"
    valkey.hset(key, mapping={"tokens": "-10", "at": "1000.0"})
    limiter = RateLimiter(valkey)
    limiter.check(entry)
    limiter.share()

    assert 9.0 == float(valkey.hget(key, "tokens"))


def test_the_background_thread_shares_until_it_is_stopped(valkey, entries):
    (entry,) = entries(1)
    limiter = RateLimiter(valkey)
    limiter.check(entry)
    limiter.start()
    limiter.start()
    while not valkey.exists(f"tangkapin:rate:device:{entry.id}"):
        assert limiter._thread.is_alive()
        time.sleep(0.02)
    limiter.stop()
    limiter.stop()
