"""What others change at a real SCIM server is listed, undone or ignored, as the job's setting says."""

import json
import urllib.request
from random import Random

import pytest

from rig.people import Team, create_people, create_teams, person, read_people


def drift_of(entente, job) -> list[dict]:
    root = f"{entente.address}/beta/servicePrincipals/{job.application.service_principal}/synchronization/jobs/{job.id}"
    request = urllib.request.Request(f"{root}/drift", headers={"Authorization": f"Bearer {entente.token()}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["value"]


def account(target, name: str):
    return next((one for one in target.accounts() if one.user_name == name), None)


@pytest.mark.parametrize("policy", ["Report", "Repair", "Ignore"])
async def test_hand_made_changes(world, policy):
    graph, target = world.graph, world.target
    people = [person(Random(17), number) for number in range(4)]
    await create_people(graph, people)
    await read_people(graph, people)
    edited, deleted, member, other = people
    team = Team("Crew", [member])
    await create_teams(graph, [team])
    job = await graph.create_job(world.proxy.base, Interval="PT1S", DriftInterval="PT1S", DriftPolicy=policy)
    await job.cycle()
    group = target.groups()[0]
    assert group.members == {account(target, member.name).id}

    # Somebody edits one account, deletes another, and puts a third person into the group.
    before = account(target, edited.name)
    lost = account(target, deleted.name)
    target.change(f"Users/{before.id}", "title", "Changed by hand")
    target.delete(f"Users/{lost.id}")
    foreign = account(target, other.name).id
    target.change(f"Groups/{group.id}", "members", [{"value": foreign}], "add")
    world.proxy.take()

    expected = {
        (edited.id, "valueChanged"): ("title", before.values["title"], "Changed by hand"),
        (deleted.id, "accountMissing"): None,
        (team.id, "referenceAdded"): ("members", None, foreign),
    }
    if policy == "Report":
        found = []

        def complete(_status):
            found[:] = drift_of(world.entente, job)
            return len(found) == len(expected)

        await job.wait(complete)
        told = {(one["sourceAnchor"], one["kind"]): one for one in found}
        assert told.keys() == expected.keys()
        for key, values in expected.items():
            if values:
                attribute, was, now = values
                assert told[key]["attribute"].endswith(attribute)
                assert (told[key]["expected"], told[key]["found"]) == (was, now)
    elif policy == "Repair":

        def mended(_status):
            again, group = account(target, deleted.name), target.groups()[0]
            return (
                again is not None
                and account(target, edited.name).values["title"] == before.values["title"]
                and group.members == {account(target, member.name).id}
            )

        await job.wait(mended)
        assert account(target, deleted.name).id != lost.id
        assert len(target.accounts()) == len(people)
        await job.wait(lambda _status: drift_of(world.entente, job) == [])
    else:
        status = await job.status()
        for _ in range(3):
            last = status.steady_state_last_achieved_time
            status = await job.wait(lambda status: status.steady_state_last_achieved_time > last)
        assert drift_of(world.entente, job) == []
    if policy != "Repair":
        assert [str(request) for request in world.proxy.take() if request.method != "GET"] == []
        assert account(target, edited.name).values["title"] == "Changed by hand"
        assert account(target, deleted.name) is None
        assert foreign in target.groups()[0].members
