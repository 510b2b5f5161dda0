"""Losing the broker's contents, the centre, or the supervisor itself costs time and nothing else."""

import asyncio
import os
import signal

import pytest
import redis

from core.db.valkey import EmbeddedValkey
from core.testing.checker import check
from core.testing.demo import Demo
from core.testing.drill import Drill, ServedDemo
from core.testing.trial import pid_of

pytestmark = [pytest.mark.drill, pytest.mark.timeout(240)]


async def flush_and_kill_valkey(settings, seed):
    async with Demo(settings, seed=seed) as demo, Drill(demo, seed=seed) as drill:
        for _ in range(3):
            await drill.goes_on(10)
            while (url := EmbeddedValkey(settings.home / "valkey").running()) is None:  # noqa: ASYNC110 - another's
                await asyncio.sleep(0.1)
            redis.Redis.from_url(url).flushall()
            await asyncio.sleep(drill.chance.uniform(0.0, 1.0))
            await drill.kill("valkey")
        await drill.goes_on(10)
        return await drill.settle()


def test_a_broker_that_forgets_everything_and_dies_only_delays(drill_settings, seed):
    history = asyncio.run(flush_and_kill_valkey(drill_settings, seed))
    assert [] == check(history)
    assert history.approvals


async def outage(settings, seed):
    async with Demo(settings, seed=seed) as demo, Drill(demo, seed=seed) as drill:
        await drill.goes_on(20)
        os.kill(pid_of(demo, "etnas"), signal.SIGSTOP)  # takes connections and says nothing
        await drill.goes_on(60)
        await drill.kill("etnas")  # and now it refuses connections for a moment, again and again
        for _ in range(3):
            await drill.goes_on(10)
            await drill.kill("etnas")
        before = demo.counts()
        history = await drill.settle()
        return before, history, demo.counts()


def test_an_outage_of_the_centre_loses_and_doubles_nothing(drill_settings, seed):
    before, history, after = asyncio.run(outage(drill_settings, seed))
    assert [] == check(history)
    assert before.synced < after.synced
    assert history.approvals


async def kill_the_supervisor(settings, seed):
    async with ServedDemo(settings, seed=seed) as demo, Drill(demo, seed=seed) as drill:
        for _ in range(2):
            await drill.goes_on(15)
            demo.serve.kill()
            demo.serve.wait()
            await drill.until(lambda: not demo.house(), "everything of the house has ended", 30)
            await demo.start_serve()
        await drill.goes_on(15)
        return await drill.settle()


def test_a_killed_supervisor_takes_its_processes_along_and_the_next_start_completes(drill_settings, seed):
    history = asyncio.run(kill_the_supervisor(drill_settings, seed))
    assert [] == check(history)
    assert history.approvals
