"""Hikvision: the contract. What it does not say is in the files beside this one."""

from core.testing.contract import ParserContract


class TestHikvision(ParserContract):
    maker = "hikvision"
