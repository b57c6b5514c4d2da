"""Fixtures of the suites. Every test has its own Entente and its own target, on free ports and in its own folder."""

import asyncio
import inspect
from types import SimpleNamespace

import pytest

from rig.entente import Entente
from rig.graph import Graph
from rig.proxy import Proxy
from rig.secure import SecureEntente
from rig.target import ScimServer


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Runs `async def` tests, each in an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the end of the logs with a test that failed."""
    report = yield
    if report.failed and (folder := item.funcargs.get("tmp_path")):
        for log in sorted(folder.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-60:]
            report.sections.append((log.name, "\n".join(line[:400] for line in lines)))
    return report


@pytest.fixture
def entente(tmp_path):
    running = Entente(tmp_path)
    try:
        yield running.start()
        if running.process.alive():
            assert running.stop() == 0, "SIGTERM did not end Entente cleanly within ten seconds"
    finally:
        if running.process:
            running.kill()


@pytest.fixture
def secure(tmp_path, monkeypatch):
    """Entente over TLS, its certificate trusted by whatever this process asks."""
    running = SecureEntente(tmp_path)
    try:
        running.start()
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            monkeypatch.setenv(name, str(running.certificate))
        yield running
        assert running.stop() == 0, "SIGTERM did not end Entente cleanly within ten seconds"
    finally:
        if running.process:
            running.kill()


@pytest.fixture
def target(tmp_path):
    server = ScimServer(tmp_path)
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def proxy(target):
    between = Proxy(target.port)
    try:
        yield between
    finally:
        between.stop()


@pytest.fixture
def graph(entente):
    return Graph("msgraph_beta", entente)


@pytest.fixture
def world(entente, target, proxy, graph):
    """All of it, for tests that use all of it."""
    return SimpleNamespace(entente=entente, target=target, proxy=proxy, graph=graph)
