"""What a job must not do: work when nothing changed, or take everybody's access away."""

from random import Random

from rig.compare import account_differences
from rig.graph import reached
from rig.people import create_people, person, read_people


async def test_idle_cycle(world):
    people = [person(Random(3), number) for number in range(20)]
    await create_people(world.graph, people)
    job = await world.graph.create_job(world.proxy.base, Interval="PT1S")
    status = await job.cycle()
    records = len(await job.log())
    execution = status.last_execution.activity_identifier
    world.proxy.take()
    for _ in range(3):
        last = status.steady_state_last_achieved_time
        status = await job.wait(lambda status: status.steady_state_last_achieved_time > last)
    assert [str(request) for request in world.proxy.take()] == []
    assert status.last_execution.activity_identifier == execution, "an idle cycle left an execution"
    assert len(await job.log()) == records, "an idle cycle left records"


async def test_empty_scope(world):
    graph, models = world.graph, world.graph.models
    people = [person(Random(4), number) for number in range(30)]
    await create_people(graph, people)
    await read_people(graph, people)
    wanted = {one.name: one.wanted() for one in people}
    job = await graph.create_job(world.proxy.base)
    await job.cycle()
    assert account_differences(wanted, world.target.accounts()) == []
    ids = {account.user_name: account.id for account in world.target.accounts()}

    async def set_scope(department: str | None):
        schema = await job.builder.schema.get()
        users = next(m for m in schema.synchronization_rules[0].object_mappings if m.source_object_name == "User")
        clauses = [
            models.FilterClause(
                source_operand_name="department",
                operator_name="EQUALS",
                target_operand=models.FilterOperand(values=[department]),
            )
        ]
        groups = [models.FilterGroup(name="Departments", clauses=clauses)] if department else []
        users.scope = models.Filter(groups=groups, input_filter_groups=[], category_filter_groups=[])
        await job.builder.schema.patch(schema)

    # A filter that nobody satisfies: nothing is sent, the job waits for a person, and says what it held back.
    await job.pause()
    await set_scope("Nobody works here")
    world.proxy.take()
    await job.start()
    status = await job.quarantined()
    assert status.quarantine.reason == models.QuarantineReason.TooManyDeletes
    assert reached(status.quarantine.current_began)
    assert [str(request) for request in world.proxy.take() if request.method != "GET"] == []
    assert account_differences(wanted, world.target.accounts()) == []
    held_back = await job.log(provisioningAction="stagedDelete")
    assert {record.source_identity.id for record in held_back} == {one.id for one in people}

    # A person allows it: exactly these are disabled.
    before = await job.status()
    await job.restart("ForceDeletes")
    await job.end_of_cycle(before)
    disabled = {name: values | {"active": False} for name, values in wanted.items()}
    assert account_differences(disabled, world.target.accounts()) == []

    # Back in scope, the same accounts are enabled again.
    await job.pause()
    await set_scope(None)
    await job.cycle()
    assert account_differences(wanted, world.target.accounts()) == []
    assert {account.user_name: account.id for account in world.target.accounts()} == ids
