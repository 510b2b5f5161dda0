"""A scripted validator: logs in over REST, takes what is due, approves most of it, corrects some, rejects some."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec

from core.domain.errors import TangkapinError

REASONS = ("no_violation", "picture_unusable", "emergency_vehicle", "officer_directed")


class ValidatorError(TangkapinError):
    """The API answered something that a validator cannot work with."""


class NotNow(ValidatorError):
    """The API answered 503: it will work again later."""


class Decisions(msgspec.Struct):
    """What was decided: acts by name, and the ids that were approved and not undone."""

    acts: Counter[str] = msgspec.field(default_factory=Counter)
    approved: set[int] = msgspec.field(default_factory=set)


class Validator:
    """One officer at a REST client, who goes on when the server comes back.

    url       of the API
    reject    share of cases that are rejected
    undo      share of approvals that are taken back at once, as far as the API lets
    pause_s   how long a decision takes
    leave     cases that are left to people: nothing is taken while no more than so many wait
    """

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        *,
        reject: float = 0.15,
        undo: float = 0.0,
        pause_s: float = 0.3,
        leave: int = 0,
        seed: int = 1,
        on_act: Callable[[str, dict[str, Any]], None] = lambda act, case: None,
    ) -> None:
        self._url = url.rstrip("/")
        self._username = username
        self._password = password
        self._reject = reject
        self._undo = undo
        self._pause_s = pause_s
        self._leave = leave
        self._chance = random.Random(seed)
        self._on_act = on_act
        self._token = ""
        self.decisions = Decisions()

    async def run(self, stop: asyncio.Event, *, until_empty: bool = False) -> Decisions:
        """Decide until `stop`, or (until_empty) until nothing waits."""
        async with aiohttp.ClientSession(trust_env=False, timeout=aiohttp.ClientTimeout(total=30)) as session:
            while not stop.is_set():
                try:
                    case = await self._next(session)
                    if case is not None:
                        await self._decide(session, case)
                    elif until_empty:
                        break
                except (aiohttp.ClientError, TimeoutError, NotNow):
                    await asyncio.sleep(1)  # the server is being restarted
                    continue
                pause = self._pause_s if case is not None else 1.0
                try:
                    await asyncio.wait_for(stop.wait(), pause)
                except TimeoutError:
                    pass
        return self.decisions

    async def _next(self, session: aiohttp.ClientSession) -> dict[str, Any] | None:
        if self._leave and await self._waiting(session) <= self._leave:
            return None
        _, body = await self._call(session, "/api/violations/next", {})
        found: dict[str, Any] | None = body.get("data")
        return found

    async def _waiting(self, session: aiohttp.ClientSession) -> int:
        _, body = await self._call(session, "/api/overview")
        waiting: int = body["data"]["waiting"]["pending"]
        return waiting

    async def _decide(self, session: aiohttp.ClientSession, case: dict[str, Any]) -> None:
        path = f"/api/violations/{case['id']}"
        version = case["version"]
        if not case.get("plate_number") or self._chance.random() < self._reject:
            act = "reject"
            body: dict[str, Any] = {"reason_code": self._chance.choice(REASONS), "version": version}
        else:
            act = "approve"
            body = {"version": version}
        status, answer = await self._call(session, f"{path}/{act}", body)
        if status in (409, 412):
            self.decisions.acts["conflict"] += 1  # a later read changed the case, or a colleague was faster
            return
        if status != 200:
            raise ValidatorError(f"{act} of violation {case['id']} was answered {status}: {str(answer)[:200]}")
        self.decisions.acts[act] += 1
        if act == "approve":
            self.decisions.approved.add(case["id"])
        self._on_act(act, case)
        if act == "approve" and self._chance.random() < self._undo:
            await self._take_back(session, answer["data"])

    async def _take_back(self, session: aiohttp.ClientSession, case: dict[str, Any]) -> None:
        self.decisions.approved.discard(case["id"])  # without an answer nobody knows which it is
        status, answer = await self._call(session, f"/api/violations/{case['id']}/undo", {"version": case["version"]})
        if status in (409, 412):
            self.decisions.approved.add(case["id"])  # it was on its way already
            self.decisions.acts["conflict"] += 1
            return
        if status != 200:
            raise ValidatorError(f"undo of violation {case['id']} was answered {status}: {str(answer)[:200]}")
        self.decisions.acts["undo"] += 1
        self._on_act("undo", case)

    async def _call(
        self, session: aiohttp.ClientSession, path: str, body: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        method = "GET" if body is None else "POST"
        for _ in range(2):
            if not self._token:
                self._token = await self._log_in(session)
            headers = {"Authorization": f"Bearer {self._token}"}
            async with session.request(method, self._url + path, json=body, headers=headers) as answer:
                if answer.status == 503:
                    raise NotNow(f"{path} was answered 503")
                found = await answer.json(content_type=None)
                if answer.status != 401:
                    return answer.status, found or {}
            self._token = ""
        raise ValidatorError(f"{self._username} is not let in")

    async def _log_in(self, session: aiohttp.ClientSession) -> str:
        body = {"username": self._username, "password": self._password}
        async with session.post(f"{self._url}/api/auth/login", json=body) as answer:
            if answer.status == 503:
                raise NotNow("the log-in was answered 503")
            found = await answer.json(content_type=None)
            if answer.status != 200:
                raise ValidatorError(f"log-in of {self._username} was answered {answer.status}: {str(found)[:200]}")
            token: str = found["data"]["token"]
            return token
