"""A hub ends, whatever its client makes of being told to."""

from __future__ import annotations

import asyncio

from core.realtime.hub import Hub


class Stubborn(Hub):
    """Loses the first cancel, like a Redis client that is just connecting."""

    async def _run(self) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()


async def no_rows(topic: str, after: int | None) -> list[dict[str, object]]:
    return []


def test_a_cancel_that_is_lost_while_the_client_connects_is_repeated():
    async def main() -> None:
        hub = Stubborn("", no_rows)
        hub.start()
        await asyncio.sleep(0)
        await asyncio.wait_for(hub.stop(), 60)

    asyncio.run(main())
