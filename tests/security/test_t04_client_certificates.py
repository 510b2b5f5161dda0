"""T04: client certificates end at the reverse proxy; what a request claims about them here proves nothing."""

import pytest

pytestmark = pytest.mark.threat("T04")

CLAIMS = {
    "X-Client-Cert-Verify": "SUCCESS",
    "X-Client-Cert-Subject": "CN=simpang-5",
    "X-Client-Cert-Fingerprint": "ab" * 20,
    "X-SSL-Client-Verify": "SUCCESS",
    "X-SSL-Client-S-DN": "CN=simpang-5",
    "SSL-Client-Verify": "SUCCESS",
}


@pytest.mark.parametrize("proxies", [(), ("127.0.0.0/8",)])
def test_a_claimed_certificate_lets_nobody_in(registry, serve, proxies):
    camera = registry.add()

    assert 401 == serve(proxies).post(camera.path, CLAIMS)[0]


def test_a_claimed_certificate_is_not_stored_as_if_it_were_evidence(registry, serve):
    camera = registry.add()
    served = serve()

    assert 200 == served.post(camera.path, {"X-API-KEY": camera.key, "X-Event": "1", **CLAIMS})[0]
    stored = served.inbox.headers[0]
    assert "1" == stored["x-event"]
    assert [] == [name for name in stored if name in {claim.lower() for claim in CLAIMS}]
