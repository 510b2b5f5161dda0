"""What comes of telling several addresses of one recipient."""

import pytest

from core.domain.errors import Transient, Undeliverable
from core.domain.notices import Delivery, Told, sum_up


def told(address_id, outcome, **more):
    return Told(address_id=address_id, outcome=outcome, **more)


def test_one_address_that_took_it_is_enough_and_dead_ones_are_named():
    answers = [told(1, "gone"), told(2, "told", receipt="r2"), told(3, "later"), told(4, "told", receipt="r4")]
    assert Delivery(outcome="accepted", receipt="r2 r4", dead=(1,)) == sum_up(answers)


def test_one_that_may_later_keeps_the_notice_on_this_channel():
    with pytest.raises(Transient, match="busy") as caught:
        sum_up([told(1, "gone"), told(2, "later", reason="busy", retry_after_s=30.0), told(3, "later")])
    assert 30.0 == caught.value.retry_after_s


def test_none_that_will_leads_to_the_next_channel():
    with pytest.raises(Undeliverable, match="gone; no key") as caught:
        sum_up([told(1, "gone", reason="gone"), told(2, "refused", reason="no key"), told(3, "gone", reason="gone")])
    assert (1, 3) == caught.value.dead


def test_nobody_to_tell_leads_to_the_next_channel():
    with pytest.raises(Undeliverable, match="no address"):
        sum_up([])
