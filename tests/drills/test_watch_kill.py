"""kill -9 of every part of the weapon flow at random moments: nothing acknowledged is lost, nobody is told twice."""

import asyncio
import random

import pytest

from core.testing.watch_checker import check_watch
from core.testing.watch_drill import WATCH_VICTIMS, PushedDemo, WatchDrill


async def kill_and_check(settings, seed, victims, pauses, *, patient):
    async with PushedDemo(settings, seed=seed) as demo, WatchDrill(demo, seed=seed) as drill:
        await drill.goes_on(3, 2)
        for victim in victims:
            await asyncio.sleep(drill.chance.uniform(*pauses))
            await drill.kill(victim)
        await drill.goes_on(2, 2)
        record = drill.record  # on a busy machine the officer, who recalls by chance, may not have come to it yet
        await drill.until(lambda: record.sent and record.recalled, "a report is sent and one recalled", 180)
        return drill, await drill.settle(patient=patient)


def judge(drill, history):
    assert [] == check_watch(history)
    assert {200, 201} <= drill.statuses <= {0, 200, 201, 404, 409, 503}
    assert history.sent and history.recalled and history.points and history.shown
    copies = sum(number - 1 for number in history.at_peer.values())
    public = sum(number - 1 for (channel, _), number in history.at_peer.items() if not channel.startswith("private-"))
    unsure = sum(told.is_unsure for told in history.tellings)
    print(
        f"{drill.kills.total()} kills, {len(history.posted)} detections, {len(history.frames)} reports of them, "
        f"{len(history.points)} positions, {len(history.sent)} sent, {len(history.recalled)} recalled, "
        f"{len(history.tellings)} tellings, {sum(history.at_peer.values())} taken by the Pusher server, {copies} of "
        f"them an id again ({public} on a public name), {unsure} tellings unsure, {history.settled} settled by what "
        f"was heard, {history.shown.total()} shown by the public name's client, {len(history.heard)} heard by the "
        f"socket, lost {drill.listener.losses} times"
    )


@pytest.mark.timeout(600)
def test_each_part_of_the_weapon_flow_killed_once_loses_nothing_and_tells_nobody_twice(drill_settings, seed):
    victims = random.Random(seed).sample(WATCH_VICTIMS, len(WATCH_VICTIMS))
    drill, history = asyncio.run(kill_and_check(drill_settings, seed, victims, (0.1, 0.7), patient=False))
    judge(drill, history)
    assert dict.fromkeys(WATCH_VICTIMS, 1) == dict(drill.kills)


@pytest.mark.drill
@pytest.mark.timeout(1500)
def test_forty_kills_of_the_weapon_flow_lose_nothing_and_tell_nobody_twice(drill_settings, seed):
    chance = random.Random(seed)
    victims = [victim for _ in range(7) for victim in chance.sample(WATCH_VICTIMS, len(WATCH_VICTIMS))]
    drill, history = asyncio.run(kill_and_check(drill_settings, seed, victims, (0.0, 6.0), patient=True))
    judge(drill, history)
    assert 40 <= drill.kills.total()
