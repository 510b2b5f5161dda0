"""All tests of the house may use the fixtures of core.testing."""

pytest_plugins = ["core.testing.pytest_plugin", "core.testing.house"]
