"""Error responses in the API description: every one of them a problem document."""

from __future__ import annotations

from litestar.openapi.datastructures import ResponseSpec

from core.problems import CATALOGUE, MEDIA_TYPE, PREFIX, ProblemDocument

COMMON = (400, 422, 500, 503)


def documented(*statuses: int) -> dict[int, ResponseSpec]:
    """The responses of a route beside its success: those every route has, and these."""
    return {status: _spec(status) for status in sorted({*COMMON, *statuses})}


def _spec(status: int) -> ResponseSpec:
    slugs = [slug for slug, (code, _) in CATALOGUE.items() if code == status]
    words = "; ".join(f"`{PREFIX}{slug}`: {CATALOGUE[slug][1][1]}" for slug in slugs)
    return ResponseSpec(ProblemDocument, description=words, media_type=MEDIA_TYPE, generate_examples=False)
