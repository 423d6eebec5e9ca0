"""The demo: a registry to try out on one machine, with a world of made-up partners in it."""

from app.demo.processes import DemoFailed
from app.demo.stand import Stand, prepare
from app.demo.world import Loaded, load_world

__all__ = ["DemoFailed", "Loaded", "Stand", "load_world", "prepare"]
