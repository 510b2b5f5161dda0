"""Huawei: VIAS events of vehicles."""
