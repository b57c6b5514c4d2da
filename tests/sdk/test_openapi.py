"""The description at /openapi.json, and requests at random that schemathesis makes from it."""

import json
import re
import subprocess
import sys
import urllib.request

from rig.graph import query

# Requests for each operation: few, since there are hundreds of operations.
EXAMPLES = 3


async def things(graph) -> dict[str, str]:
    """One thing of every sort, by the name that comes before its key in paths."""
    models = graph.models
    application = await graph.create_application("Described")
    job = await application.create_job("scim")
    user = await graph.client.users.post(
        models.User(
            display_name="Ada",
            user_principal_name="ada@example.com",
            mail_nickname="ada",
            account_enabled=True,
            password_profile=models.PasswordProfile(password="Not-a-secret-1"),
        )
    )
    group = await graph.client.groups.post(
        models.Group(display_name="All", mail_nickname="all", mail_enabled=False, security_enabled=True)
    )
    audits = await graph.client.audit_logs.directory_audits.get(
        query(graph.client.audit_logs.directory_audits, top=1)
    )
    return {
        "applications": application.id,
        "servicePrincipals": application.service_principal,
        "jobs": job.id,
        "templates": "scim",
        "directories": "customappsso",
        "versions": "1",
        "users": user.id,
        "groups": group.id,
        "directoryObjects": user.id,
        "members": user.id,
        "directoryAudits": audits.value[0].id,
    }


def described(address: str, found: dict[str, str]) -> dict:
    """The beta half of the description, where keys are those of what there is."""
    with urllib.request.urlopen(f"{address}/openapi.json", timeout=30) as answer:
        description = json.load(answer)
    description["paths"] = {path: item for path, item in description["paths"].items() if path.startswith("/beta/")}
    assert len(description["paths"]) > 100
    for path, item in description["paths"].items():
        parts = path.split("/")
        for parameter in item["parameters"]:
            before = parts[parts.index("{" + parameter["name"] + "}") - 1]
            if before in found:
                parameter["schema"] = {"type": "string", "enum": [found[before]]}
    return description


async def test_requests_at_random(graph, tmp_path):
    found = await things(graph)
    schema = tmp_path / "openapi.json"
    schema.write_text(json.dumps(described(graph.entente.address, found)))
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", schema,
        "--url", graph.entente.address,
        "--header", f"Authorization: Bearer {graph.entente.token()}",
        "--checks", "not_a_server_error,status_code_conformance",
        "--phases", "fuzzing",
        "--max-examples", str(EXAMPLES),
        # What is deleted cannot be asked for; deletions have tests of their own.
        "--exclude-method", "DELETE",
        "--seed", "1", "--generation-database", "none", "--suppress-health-check", "all",
        "--workers", "2", "--continue-on-failure", "--no-color", "--warnings", "off",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    tested = re.search(r"Tested: (\d+)", done.stdout)
    assert tested and int(tested.group(1)) > 200, done.stdout
