"""A value that a mapping redacts, looked for wherever Entente answers or logs while it flows, fails, and is echoed."""

import asyncio
import base64
import html
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from random import Random

import pytest

from rig.entente import Entente
from rig.graph import Graph, body_of
from rig.people import create_people, person, read_people
from rig.proxy import Answer, scim_error

SPY = 'Zwölf "Falken"  & <Hüte>'
BADGE = "Badge 7/é+x"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
NUMBER = f"{ENTERPRISE}:employeeNumber"


@pytest.fixture
def entente(tmp_path, monkeypatch):
    """Logs all there is to log."""
    monkeypatch.setenv("ENTENTE_LOG", "trace")
    running = Entente(tmp_path)
    try:
        yield running.start()
        assert running.stop() == 0
    finally:
        running.kill()


def spellings(value: str) -> dict[str, str]:
    """How the value may be written, each in small letters."""
    octets = value.encode()
    shifted = [base64.b64encode(b" " * shift + octets).decode()[4:-4] for shift in range(3)]
    written = {
        "plain": value,
        "JSON": json.dumps(value, ensure_ascii=False)[1:-1],
        "ASCII JSON": json.dumps(value)[1:-1],
        "JSON in JSON": json.dumps(json.dumps(value, ensure_ascii=False))[3:-3],
        "percent": urllib.parse.quote(value, safe=""),
        "form": urllib.parse.quote_plus(value),
        "markup": html.escape(value),
        "Rust": repr(value)[1:-1].replace('"', '\\"'),
        # Fewer signs than eight turn up by chance in a log.
        **{f"base64 at {shift}": text for shift, text in enumerate(shifted) if len(text) >= 8},
    }
    return {name: text.lower() for name, text in written.items()}


def found(text: str) -> list[str]:
    """Which secrets the text holds in which spelling, with what is around the first of each."""
    text = text.lower()
    return [
        f"{value} as {name}: …{text[max(0, text.index(spelling) - 150) : text.index(spelling) + 80]}…"
        for value in (SPY, " ".join(SPY.split()), SPY[:6], BADGE)
        for name, spelling in spellings(value).items()
        if spelling in text
    ]


def ask(entente, path: str, method: str = "GET", body=None) -> str:
    """The text of an answer, errors and all."""
    request = urllib.request.Request(
        f"{entente.address}{urllib.parse.quote(path, safe='/?=&$')}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {entente.token()}", "Content-Type": "application/json"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


def echo(request) -> Answer | None:
    """What an ill-mannered target says: what it was sent, in one form or another."""
    body = request.body.decode()
    if request.method == "PATCH":
        return scim_error(400, f"Bad change: {body}")
    if request.method != "POST":
        return None
    title, badge = request.json["title"], request.json[ENTERPRISE]["employeeNumber"]
    match request.json["userName"].partition("@")[0][-1]:
        case "1":
            # So much before it that the words are cut short in the middle of the value.
            return scim_error(400, f"{'-' * 291} {title}")
        case "2":
            return scim_error(400, f"Bad title {title.upper()} of badge {badge.upper()}")
        case "3":
            page = f"<html><b>{html.escape(title)}</b> {base64.b64encode(title.encode() + request.body).decode()}</html>"
            return Answer(500, page.encode(), {"Content-Type": "text/html"})
        case "4":
            return scim_error(409, f"Taken: {urllib.parse.quote(badge)} {urllib.parse.quote_plus(title)}")
    return None


async def redacting_job(graph, base):
    """Accounts are found by a badge and have a title, neither of which may be seen. Returns the job and its rule's id."""
    models = graph.models
    job = await graph.create_job(base, LogSkips="All", DriftInterval="PT1S")
    schema = await job.builder.schema.get()
    rule = schema.synchronization_rules[0]
    people = next(one for one in rule.object_mappings if one.source_object_name == "User")
    mappings = {one.target_attribute_name: one for one in people.attribute_mappings}
    for target, source in {"title": "jobTitle", NUMBER: "employeeId"}.items():
        mappings[target].source = models.AttributeMappingSource(
            expression=f"Redact([{source}])", type=models.AttributeMappingSourceType.Function
        )
    mappings[NUMBER].matching_priority = 1
    mappings["userName"].matching_priority = 2
    await job.builder.schema.patch(schema)
    return job, rule.id


async def until(condition, seconds: float = 30.0):
    """What the condition gives, as soon as it gives something."""
    deadline = time.monotonic() + seconds
    while not (given := condition()):
        assert time.monotonic() < deadline, "it did not come to that"
        await asyncio.sleep(0.1)
    return given


async def test_a_redacted_value_is_seen_nowhere(entente, target, proxy, graph):
    people = [person(Random(3), number) for number in range(1, 6)]
    for number, one in enumerate(people):
        one.values |= {"job_title": SPY, "employee_id": f"{BADGE}{number}"}
    await create_people(graph, people)
    await read_people(graph, people)
    job, rule = await redacting_job(graph, proxy.base)
    root = f"/beta/servicePrincipals/{job.application.service_principal}/synchronization/jobs/{job.id}"
    proxy.fault = echo

    # Four of the five fail, each with an echo; then the fifth is changed here and there, and fails as well.
    await job.start()
    await job.wait(lambda status: status.last_execution)
    (account,) = target.accounts()
    assert account.values["title"] == SPY, "the target has what nobody may see"
    planned = json.loads(ask(entente, f"{root}/plan", "POST", {}))
    target.change(f"Users/{account.id}", NUMBER, "4711")
    await job.builder.start.post()
    drift = await until(lambda: json.loads(ask(entente, f"{root}/drift"))["value"])
    assert (drift[0]["attribute"], drift[0]["expected"], drift[0]["found"]) == (NUMBER, "[Redact]", "[Redact]")
    answers = {"drift": json.dumps(drift)}
    await graph.user(people[4].id).patch(graph.models.User(job_title=f"{SPY} II"))
    models = graph.models
    builder = job.builder.provision_on_demand
    for one in people:
        subject = models.SynchronizationJobSubject(object_id=one.id, object_type_name="User")
        parameters = models.SynchronizationJobApplicationParameters(rule_id=rule, subjects=[subject])
        answer = await builder.post(body_of(builder, parameters=[parameters]))
        answers[f"on demand {one.name}"] = answer.key + answer.value
    plan = f"{root}/plans/{planned['id']}"
    await until(lambda: json.loads(ask(entente, plan))["status"] == "ready")
    for path in [
        root,
        plan,
        f"{plan}/changes",
        f"{root}/escrows",
        f"{root}/links",
        *(f"{root}/explain?objectId={one.id}" for one in people),
        *(f"/{version}/auditLogs/provisioning?$filter=jobId eq '{job.id}'" for version in ("v1.0", "beta")),
    ]:
        answers[path] = ask(entente, path)
        assert '"error"' not in answers[path][:10], answers[path]
    audits = json.loads(ask(entente, "/v1.0/auditLogs/directoryAudits?$top=999"))["value"]
    # What happened to a person's own directory entry is told by the directory, which redacts nothing.
    configured = [one for one in audits if one["category"] != "UserManagement"]
    assert any("schema" in one["activityDisplayName"].lower() for one in configured)
    answers["audit"] = json.dumps(configured)
    log = entente.log.read_text(errors="replace")
    assert "connector_scim::client: request method" in log, "the log says what is done"

    seen = {name: found(text) for name, text in {**answers, "log": log}.items()}
    assert {name: where for name, where in seen.items() if where} == {}
