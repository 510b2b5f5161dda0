"""The folders that `tangkapin plugins new` writes."""
