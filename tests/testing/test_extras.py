"""A missing package of the contract is an error that names the extra."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import sys

sys.modules[{module!r}] = None

from langbot_state_ext import MissingExtra
from langbot_state_ext.testing import RunnerHarness  # needs neither of them

try:
    from langbot_state_ext.testing import {name}
except MissingExtra as error:
    print(error)
"""


@pytest.mark.parametrize("name", ["BackendContract", "DurableBackendContract", "Clock"])
@pytest.mark.parametrize("package", ["pytest", "pytest-asyncio"])
def test_the_contract_without_its_packages_names_the_extra(name: str, package: str) -> None:
    code = CODE.format(module=package.replace("-", "_"), name=name)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == (
        f"{package} is not installed; install it with: pip install 'langbot-state-ext[contract]'\n"
    )
