"""Libraries of the extra engines, loaded when one is asked for; what to install where one is absent."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from forebear.core.errors import refusal
from forebear.core.messages import message


def library_of(name: str, where: str) -> ModuleType:
    """A library of the extra engines. Raises: RefusedError that says what to install when it is absent."""
    try:
        return import_module(name)
    except ImportError as error:
        said = message("engine_refused.absent", package=name)
        raise refusal(said, where=where, todo=message("engine_refused.install")) from error
