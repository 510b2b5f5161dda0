"""Makes whose output the operator templates himself (Vaxtor, Nedap): fields by path, from plugins.toml, no code."""
