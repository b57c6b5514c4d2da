"""The published JavaScript SDK with @azure/identity, where Node.js is installed: see node/suite.mjs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from rig.entente import CLIENT, SECRET, TENANT
from rig.target import TOKEN

SUITE = Path(__file__).parent / "node"


@pytest.mark.skipif(not shutil.which("npm"), reason="Node.js is not installed")
def test_the_javascript_sdk(secure, target):
    assert (SUITE / "node_modules").is_dir(), "run ./test once, or `npm ci` in tests/sdk/node"
    environment = {
        "ENTENTE_URL": secure.address,
        "ENTENTE_TENANT": TENANT,
        "ENTENTE_CLIENT": CLIENT,
        "ENTENTE_SECRET": SECRET,
        "TARGET_BASE": target.base,
        "TARGET_TOKEN": TOKEN,
        "NODE_EXTRA_CA_CERTS": str(secure.certificate),
    }
    command = ["node", "--test", "--test-reporter=spec", "suite.mjs"]
    done = subprocess.run(
        command, cwd=SUITE, env=os.environ | environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass 6" in done.stdout, done.stdout
