"""Compiles the data plane with mypyc where a C compiler is at hand; without one the same source runs interpreted.

Compiled, a mirrored exchange takes half the CPU. `SHADOWBENCH_COMPILE=0` leaves everything interpreted.
"""

import os
import tomllib
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent


def extensions() -> list[object]:
    """One extension for all modules that `pyproject.toml` names, or none."""
    if os.environ.get("SHADOWBENCH_COMPILE") == "0":
        return []
    from mypyc.build import mypycify  # noqa: PLC0415 - not needed when nothing is compiled

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    # Strict checking is `make types`' business, with everything installed; here types only have to be right.
    made = mypycify(
        ["--config-file=", "--ignore-missing-imports", *settings["tool"]["shadowbench"]["compiled"]],
        group_name="shadowbench",
        opt_level="2",
        debug_level="0",
    )
    for extension in made:
        extension.optional = True
    return made


setup(ext_modules=extensions())
