"""kill -9 of every part of the house at random moments under load: nothing answered 2xx is lost, nothing is told twice.

Cameras repeat until they are told yes, officers approve, reject and take back. The fake ETNAS misbehaves now and then
and ignores the idempotency key: a second sending of what it took would be a second effect.
"""

import asyncio
import random

import pytest

from core.testing.checker import check
from core.testing.demo import Demo
from core.testing.drill import VICTIMS, Drill


async def kill_and_check(settings, seed, victims, pauses):
    async with Demo(settings, seed=seed, honours_key=False) as demo:
        with demo.open_database.system() as connection:
            assert "on" == connection.exec_driver_sql("SHOW fsync").scalar()
        async with Drill(demo, seed=seed) as drill:
            await drill.goes_on(5)
            for victim in victims:
                await asyncio.sleep(drill.chance.uniform(*pauses))
                await drill.kill(victim)
            await drill.goes_on(10)
            history = await drill.settle()
            return drill, history, drill.cut_off()


@pytest.mark.timeout(600)  # its own waits give up long before
def test_each_part_killed_once_under_load_loses_and_doubles_nothing(drill_settings, seed):
    victims = random.Random(seed).sample(VICTIMS, len(VICTIMS))
    drill, history, cut_off = asyncio.run(kill_and_check(drill_settings, seed, victims, (0.1, 0.7)))
    assert [] == check(history)
    assert dict.fromkeys(VICTIMS, 1) == dict(drill.kills)
    assert {200} == set(drill.fleet.tally.statuses) - {0, 503}
    assert history.approvals
    assert len(history.approvals) <= len(history.effects)
    print(f"{len(history.posts)} posts, {len(history.effects)} at the centre, {cut_off} cut off")


@pytest.mark.drill
@pytest.mark.timeout(3000)
def test_sixty_kills_under_load_lose_and_double_nothing(drill_settings, seed):
    chance = random.Random(seed)
    victims = [victim for _ in range(11) for victim in chance.sample(VICTIMS, len(VICTIMS))]
    drill, history, cut_off = asyncio.run(kill_and_check(drill_settings, seed, victims, (0.0, 4.0)))
    assert [] == check(history)
    assert 60 <= drill.kills.total()
    assert {200} == set(drill.fleet.tally.statuses) - {0, 503}
    assert history.approvals
    assert 0 < cut_off
    print(
        f"{drill.kills.total()} kills, {len(history.posts)} posts, {len(history.stored)} stored, "
        f"{len(history.violations)} violations, {len(history.effects)} at the centre, "
        f"{cut_off} cut off, {drill.fleet.tally.statuses}"
    )
