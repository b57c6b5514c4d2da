"""The SCIM service that jobs provision into: the PyPI package `scim2-server` as a process, and what it holds."""

import json
import re
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from .process import START_SECONDS, Process

TOKEN = "target-token"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PAGE = 200


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ScimServer:
    def __init__(self, folder: Path):
        program = Path(sys.executable).with_name("scim2-server")
        for attempt in range(5):
            self.port = free_port()
            self.process = Process(
                [program, "--hostname", "127.0.0.1", "--port", str(self.port), "--bearer-token", TOKEN],
                folder / "scim2-server.log",
                {"PYTHONUNBUFFERED": "1"},
            )
            try:
                self.process.wait_for_line("Serving SCIM on ")
                break
            except RuntimeError:
                # Somebody else took the port meanwhile.
                self.process.kill()
                if attempt == 4:
                    raise
        self._wait_until_ready()

    def _wait_until_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.get("ServiceProviderConfig")
                return
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/v2"

    def kill(self):
        self.process.kill()

    def get(self, path: str):
        request = urllib.request.Request(f"{self.base}/{path}", headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def create(self, path: str, resource: dict) -> dict:
        """Puts something there that no job created."""
        return self._send("POST", path, resource)

    def change(self, path: str, attribute: str, value, operation: str = "replace"):
        """Changes something there by hand."""
        operation = {"op": operation, "path": attribute, "value": value}
        schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
        self._send("PATCH", path, {"schemas": [schema], "Operations": [operation]})

    def delete(self, path: str):
        """Deletes something there by hand."""
        self._send("DELETE", path, None)

    def _send(self, method: str, path: str, body: dict | None) -> dict:
        request = urllib.request.Request(
            f"{self.base}/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/scim+json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or "null")

    def count(self, path: str) -> int:
        return self.get(f"{path}?count=0")["totalResults"]

    def _all(self, path: str) -> list[dict]:
        found: list[dict] = []
        while True:
            page = self.get(f"{path}?startIndex={len(found) + 1}&count={PAGE}")
            found += page.get("Resources", [])
            if not page.get("Resources") or len(found) >= page["totalResults"]:
                return found

    def accounts(self) -> list["Account"]:
        return [Account(resource) for resource in self._all("Users")]

    def groups(self) -> list["Group"]:
        return [Group(resource) for resource in self._all("Groups")]


class Account:
    """One user at the target: its single values by SCIM path, and who its manager is, by id."""

    # `emails[type eq "work"].value` and the like: list attributes of which one element of a type counts.
    TYPED = re.compile(r"^(?:emails|phoneNumbers|addresses)$")

    def __init__(self, resource: dict):
        self.id = resource["id"]
        self.user_name = resource["userName"]
        self.manager = (resource.get(ENTERPRISE) or {}).get("manager", {}).get("value")
        self.values = dict(self._values(resource))

    def _values(self, resource: dict):
        for name, value in resource.items():
            if name in ("schemas", "id", "meta", "groups"):
                continue
            if name == "name":
                for part, text in value.items():
                    yield f"name.{part}", text
            elif name == ENTERPRISE:
                for part, text in value.items():
                    if part != "manager":
                        yield f"enterprise:{part}", text
            elif self.TYPED.match(name):
                for element in value:
                    for part, text in element.items():
                        if part not in ("type", "primary", "display"):
                            yield f"{name}[{element.get('type')}].{part}", text
            else:
                yield name, value


class Group:
    """One group at the target: its values and the ids of its members."""

    def __init__(self, resource: dict):
        self.id = resource["id"]
        self.display_name = resource["displayName"]
        self.external_id = resource.get("externalId")
        members = [member["value"] for member in resource.get("members") or []]
        self.members = set(members)
        assert len(members) == len(self.members), f"a member twice: {resource}"
