"""Whose the accounts of a real SCIM server are, read through the SDK's own builders and models."""

import json
import random
import time
import urllib.request

from rig.graph import query
from rig.people import create_people, person, read_people


def begin(entente, path: str) -> str:
    """Begins a discovery, which no SDK knows: the address of the report."""
    request = urllib.request.Request(
        f"{entente.address}/beta/{path}/discoverAccounts",
        b"{}",
        {"Authorization": f"Bearer {entente.token()}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 202
        assert json.load(answer)["status"] == "running"
        return answer.headers["Location"]


async def test_a_report_of_every_account(entente, target, graph):
    people = [person(random.Random(3), number) for number in range(4)]
    await create_people(graph, people)
    await read_people(graph, people)
    user = "urn:ietf:params:scim:schemas:core:2.0:User"
    names = [one.name for one in people[:3]] + ["admin", "kiosk"]
    for name in names:
        target.create("Users", {"schemas": [user], "userName": name.upper()})
    job = await graph.create_job(target.base, sync_all=False)
    await job.application.assign([people[0].id, people[3].id])
    path = f"servicePrincipals/{job.application.service_principal}/synchronization/jobs/{job.id}"
    report = begin(entente, path).rsplit("/", 1)[1]

    correlations = graph.client.reports.correlations
    builder = correlations.by_identity_correlation_id(report)
    until = time.monotonic() + 30
    while (found := await builder.get()).end_date_time is None:
        assert time.monotonic() < until, found.additional_data
    assert found.error is None and found.start_date_time <= found.end_date_time
    assert found.additional_data["status"] == "complete"
    assert [one.id for one in await graph.every(correlations)] == [report]
    assert await correlations.count.get() == 1
    assert (await builder.service_principal.get()).id == job.application.service_principal

    identities = builder.identities
    accounts = await graph.every(identities, top=2)
    told = {one.target_identity.matching_property.value.lower(): one for one in accounts}
    assert {name: one.status for name, one in told.items()} == {
        people[0].name: "correlatedAssigned",
        people[1].name: "correlatedNotAssigned",
        people[2].name: "correlatedNotAssigned",
        "admin": "uncorrelated",
        "kiosk": "uncorrelated",
    }
    source = told[people[0].name].source_identity
    assert (source.anchor.name, source.anchor.value) == ("objectId", people[0].id)
    assert (source.matching_property.name, source.matching_property.value) == ("userPrincipalName", people[0].name)
    assert told["admin"].source_identity is None
    local = await identities.get(query(identities, filter="status eq 'uncorrelated'", count=True, top=1))
    assert (local.odata_count, len(local.value)) == (2, 1)
    one = await identities.by_correlated_identity_id(accounts[0].id).get()
    assert one.target_identity.anchor.value == accounts[0].target_identity.anchor.value
    assert await identities.count.get(query(identities.count, filter="status eq 'uncorrelated'")) == 2
    assert target.count("Users") == len(names), "nothing was written"
