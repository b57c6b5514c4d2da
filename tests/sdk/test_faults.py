"""A target in trouble: the right status, words that help, a retry, and nothing lost."""

import time
from random import Random

import pytest

from rig.compare import account_differences
from rig.people import create_people, person
from rig.proxy import Answer, Proxy, scim_error
from rig.target import free_port

USERS = 60


@pytest.fixture
def people():
    return [person(Random(5), number) for number in range(USERS)]


def wanted(people):
    return {one.name: one.wanted() for one in people}


async def quarantined_for_the_target(job):
    """The job is in quarantine because of its target; the words it has for that."""
    status = await job.quarantined()
    reason = job.graph.models.QuarantineReason.EncounteredQuarantineException
    assert status.quarantine.reason == reason
    assert status.quarantine.series_count == 1
    assert status.quarantine.next_attempt > status.quarantine.current_began
    assert status.last_execution.state == job.graph.models.SynchronizationTaskExecutionResult.Failed
    return status.quarantine.error.code, status.quarantine.error.message


async def test_wrong_token(world, people):
    await create_people(world.graph, people)
    job = await world.graph.create_job(world.proxy.base)
    await job.application.put_secrets(world.proxy.base, token="not-the-token")
    await job.start()
    code, message = await quarantined_for_the_target(job)
    assert code == "SystemForCrossDomainIdentityManagementInvalidCredentials"
    assert "401" in message
    assert "not-the-token" not in message
    assert world.target.count("Users") == 0
    # With the right one, a start is all that is needed.
    await job.application.put_secrets(world.proxy.base)
    await job.cycle()
    status = await job.status()
    assert status.code == world.graph.models.SynchronizationStatusCode.Active
    assert account_differences(wanted(people), world.target.accounts()) == []


async def test_unreachable_target(world, people):
    await create_people(world.graph, people)
    port = free_port()
    address = f"http://127.0.0.1:{port}/v2"
    job = await world.graph.create_job(address)
    await job.start()
    _, message = await quarantined_for_the_target(job)
    assert f"127.0.0.1:{port}" in message
    # Somebody puts the target back in place, and starts the job.
    between = Proxy(world.target.port, port)
    try:
        await job.cycle()
        assert account_differences(wanted(people), world.target.accounts()) == []
    finally:
        between.stop()


@pytest.mark.parametrize("how", ["connection refused", "503"])
async def test_target_lost_in_the_middle(world, people, how):
    """The target stops answering after some of the creates: the cycle ends there, and goes on where it was."""
    await create_people(world.graph, people)
    port = world.proxy.port

    def lost(request):
        made = sum(one.method == "POST" and one.status == 201 for one in world.proxy.requests)
        if made >= 20 and how == "503":
            return scim_error(503, "Down for maintenance")
        if made >= 20:
            world.proxy.refuse()
        return None

    world.proxy.fault = lost
    job = await world.graph.create_job(world.proxy.base)
    await job.start()
    await quarantined_for_the_target(job)
    assert world.target.count("Users") < USERS
    assert await job.log(provisioningStatusInfo__status="failure") == [], "objects are blamed for the target's absence"
    back = Proxy(world.target.port, port) if how != "503" else world.proxy
    back.fault = None
    try:
        await job.cycle()
        assert account_differences(wanted(people), world.target.accounts()) == []
    finally:
        back.stop()


async def test_html_answer(world, people):
    await create_people(world.graph, people)
    page = b"<!DOCTYPE html><html><title>Sign in</title><body>Welcome to the portal</body></html>"
    world.proxy.fault = lambda request: Answer(200, page, {"Content-Type": "text/html"})
    job = await world.graph.create_job(world.proxy.base)
    await job.start()
    code, message = await quarantined_for_the_target(job)
    assert code == "SystemForCrossDomainIdentityManagementServiceIncompatible"
    assert "web page" in message and "Welcome to the portal" in message
    world.proxy.fault = None
    await job.cycle()
    assert account_differences(wanted(people), world.target.accounts()) == []


async def test_throttled(world, people):
    """429 with Retry-After: everybody waits as long as was asked for, then everything arrives."""
    await create_people(world.graph, people)
    refused = []

    def throttle(request):
        made = sum(one.method == "POST" and one.status == 201 for one in world.proxy.requests)
        now = time.monotonic()
        if made >= 10 and (not refused or now < refused[0] + 2):
            refused.append(now)
            return scim_error(429, "Slow down", **{"Retry-After": "2"})
        return None

    world.proxy.fault = throttle
    job = await world.graph.create_job(world.proxy.base, ConcurrentExports="4")
    await job.cycle()
    # What was in flight when the first refusal came back may be refused too, and no more than that.
    assert 1 <= len(refused) <= 8, f"{len(refused)} requests were sent into the pause"
    status = await job.status()
    assert status.code == world.graph.models.SynchronizationStatusCode.Active
    assert account_differences(wanted(people), world.target.accounts()) == []
    assert await job.log(provisioningStatusInfo__status="failure") == []


@pytest.mark.parametrize("applied", [False, True], ids=["refused", "answer lost"])
async def test_every_tenth_request_fails(world, people, applied):
    """A 500 on every tenth request, before or after it took effect: retried within the cycle, nothing double."""
    await create_people(world.graph, people)

    def fail(request):
        if request.number % 10 == 0:
            return scim_error(500, "Something went wrong") if not applied else Answer(500, b"", {}, applied=True)
        return None

    world.proxy.fault = fail
    job = await world.graph.create_job(world.proxy.base)
    await job.cycle()
    status = await job.status()
    assert status.code == world.graph.models.SynchronizationStatusCode.Active
    assert status.last_execution.count_escrowed == 0
    assert account_differences(wanted(people), world.target.accounts()) == []
    failed = sum(request.status == 500 for request in world.proxy.requests)
    assert failed >= USERS // 10


async def test_one_object_is_refused(world, people):
    """A 400 for one person: that one waits in escrow with the target's words, and the others arrive."""
    await create_people(world.graph, people)
    unlucky = people[7]

    def refuse(request):
        if request.method == "POST" and request.json.get("userName") == unlucky.name:
            return scim_error(400, "The employee number is not known to payroll")
        return None

    world.proxy.fault = refuse
    job = await world.graph.create_job(world.proxy.base)
    await job.start()
    models = world.graph.models
    done = models.SynchronizationTaskExecutionResult.EntryLevelErrors
    status = await job.wait(lambda status: status.last_execution and status.last_execution.state == done)
    assert status.code == models.SynchronizationStatusCode.Active
    assert status.last_execution.count_escrowed == 1
    expected = wanted(people)
    del expected[unlucky.name]
    assert account_differences(expected, world.target.accounts()) == []
    unlucky.id = (await world.graph.user(unlucky.name).get()).id
    [record] = await job.log(provisioningStatusInfo__status="failure")
    assert record.source_identity.id == unlucky.id
    error = record.provisioning_status_info.error_information
    assert error.error_code and error.recommended_action
    assert "not known to payroll" in error.reason
    # The person is changed at the source: tried again at once, on the person as it is now.
    world.proxy.fault = None
    unlucky.values["employee_id"] = "4711"
    await world.graph.user(unlucky.id).patch(models.User(employee_id="4711"))
    await job.cycle()
    assert account_differences(wanted(people), world.target.accounts()) == []
