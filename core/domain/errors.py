"""The errors that cross the seam between core and plugins.

They sort what went wrong by whose it is: *theirs* (`MalformedPayload`), *not for us* (`UnsupportedEvent`),
*later* (`Transient`), *never* (`Undeliverable`, `Refused`). Anything else that a plugin raises is *ours*: a bug.
"""


class TangkapinError(Exception):
    """Base of all errors that Tangkapin raises on purpose."""


class MalformedPayload(TangkapinError):
    """The device sent something that cannot be understood: the payload goes to quarantine with this text.

    The text says what was expected, what came and where, and never quotes a whole payload or a credential.
    """


class UnsupportedEvent(TangkapinError):
    """Understood, and not for us (clock adjustments, stream noise): counted by `event`, stored nowhere else."""

    def __init__(self, event: str, detail: str = "") -> None:
        super().__init__(f"{event}: {detail}" if detail else event)
        self.event = event


class Unbuildable(TangkapinError):
    """A sink cannot make a request from this case: it goes back to the officer with this text."""


class Transient(TangkapinError):
    """Try again later (the other side is busy, the network is gone).

    retry_after_s  not before so many seconds, where the other side said so
    unsure         it was sent and no answer came: the other side may have taken it
    """

    def __init__(self, text: str = "", *, retry_after_s: float | None = None, unsure: bool = False) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s
        self.unsure = unsure


class Refused(TangkapinError):
    """The other side understood and said no: shown to a person, never retried by itself."""


class Undeliverable(TangkapinError):
    """This recipient cannot be reached by this channel (no address, token gone): the next channel is tried.

    dead  ids of addresses that the service says are gone, as in Delivery: core forgets them
    """

    def __init__(self, text: str = "", *, dead: tuple[int, ...] = ()) -> None:
        super().__init__(text)
        self.dead = dead
