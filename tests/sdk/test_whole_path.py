"""The whole way of a job through the builders and models of both SDKs."""

from datetime import timedelta
from random import Random

import pytest
from kiota_abstractions.api_error import APIError

from rig.compare import account_differences
from rig.graph import Graph, body_of, query, reached
from rig.people import create_people, person, read_people
from rig.target import TOKEN


@pytest.fixture(params=["msgraph_beta", "msgraph"])
def graph(request, entente):
    return Graph(request.param, entente)


async def test_whole_path(graph, target):
    models = graph.models
    people = [person(Random(2), number) for number in range(3)]
    await create_people(graph, people)
    await read_people(graph, people)

    # An application from the template, its secrets, a job.
    application = await graph.create_application("Whole path")
    await application.put_secrets(target.base)
    job = await application.create_job("scim")
    new = await job.get()
    assert new.template_id == "scim"
    assert new.id.startswith("scim.") and new.id.count(".") == 2
    assert new.schedule.state == models.SynchronizationScheduleState.Disabled
    assert new.schedule.interval == timedelta(minutes=40)
    assert new.status.code == models.SynchronizationStatusCode.Paused
    assert not reached(new.status.steady_state_last_achieved_time)
    jobs = await application.principal.synchronization.jobs.get()
    assert [one.id for one in jobs.value] == [job.id]

    # The secrets are kept, and masked where they are secret.
    everything = await application.principal.synchronization.get()
    shown = {str(pair.key.value): pair.value for pair in everything.secrets}
    assert shown["SecretToken"] == "*" and shown["BaseAddress"] == target.base

    # The connection is tested with what is given, and with what is saved.
    validate = job.builder.validate_credentials
    await validate.post(body_of(validate, use_saved_credentials=True))
    key = models.SynchronizationSecret
    pair = models.SynchronizationSecretKeyStringValuePair
    wrong = [pair(key=key.BaseAddress, value=target.base), pair(key=key.SecretToken, value=f"not-{TOKEN}")]
    with pytest.raises(APIError) as refused:
        await validate.post(body_of(validate, use_saved_credentials=False, credentials=wrong))
    assert refused.value.response_status_code == 400

    # The schema: one mapping more, and one changed, by reading, changing and patching it as a whole.
    schema = await job.builder.schema.get()
    assert schema.id == job.id
    rule = schema.synchronization_rules[0]
    users = next(mapping for mapping in rule.object_mappings if mapping.source_object_name == "User")
    mappings = {mapping.target_attribute_name: mapping for mapping in users.attribute_mappings}
    assert mappings["userName"].matching_priority == 1
    source = models.AttributeMappingSource
    attribute = models.AttributeMappingSourceType.Attribute
    mappings["title"].source = source(expression="[department]", name="department", type=attribute)
    users.attribute_mappings.append(
        models.AttributeMapping(
            target_attribute_name="nickName",
            source=source(expression="[mailNickname]", name="mailNickname", type=attribute),
            flow_type=models.AttributeFlowType.Always,
            flow_behavior=models.AttributeFlowBehavior.FlowWhenChanged,
            matching_priority=0,
        )
    )
    await job.builder.schema.patch(schema)
    changed = await job.builder.schema.get()
    assert changed.version != schema.version
    again = next(m for m in changed.synchronization_rules[0].object_mappings if m.source_object_name == "User")
    by_name = {mapping.target_attribute_name: mapping for mapping in again.attribute_mappings}
    assert by_name["title"].source.expression == "[department]"
    assert by_name["nickName"].source.name == "mailNickname"
    assert len(by_name) == len(mappings) + 1

    # Start, wait, and look at the target.
    status = await job.cycle()
    assert (await job.get()).schedule.state == models.SynchronizationScheduleState.Active
    wanted = {
        one.name: one.wanted() | {"title": one.values["department"], "nickName": one.values["mail_nickname"]}
        for one in people
    }
    assert account_differences(wanted, target.accounts()) == []

    # Status and log say what was done.
    assert status.code == models.SynchronizationStatusCode.Active
    execution = status.last_execution
    assert execution.state == models.SynchronizationTaskExecutionResult.Succeeded
    assert execution.time_began <= execution.time_ended
    assert execution.count_exported == 3
    assert status.last_successful_execution_with_exports.activity_identifier == execution.activity_identifier
    created = await job.log(provisioningAction="create")
    assert {record.source_identity.id for record in created} == {one.id for one in people}
    accounts = {account.user_name: account for account in target.accounts()}
    for record in created:
        one = next(one for one in people if one.id == record.source_identity.id)
        assert record.job_id == job.id
        assert record.provisioning_action == models.ProvisioningAction.Create
        assert record.provisioning_status_info.status == models.ProvisioningResult.Success
        assert record.target_identity.id == accounts[one.name].id
        assert record.service_principal.id == application.service_principal
        # By name: the SDK does not know the type `import`, which its language keeps for itself.
        steps = {step.name: step.status for step in record.provisioning_steps}
        success = models.ProvisioningResult.Success
        assert {"EntryImportAdd", "EntrySynchronizationAdd", "EntryExportAdd"} <= steps.keys(), steps
        assert set(steps.values()) == {success}
        properties = {one.display_name: one.new_value for one in record.modified_properties}
        assert one.values["display_name"] in properties["displayName"]
    one = await graph.client.audit_logs.provisioning.get(
        query(graph.client.audit_logs.provisioning, filter=f"jobId eq '{job.id}'", top=2)
    )
    assert len(one.value) == 2 and one.odata_next_link

    # Restart reads everything again, and finds nothing to do.
    before = await job.status()
    await job.restart()
    await job.end_of_cycle(before)
    assert account_differences(wanted, target.accounts()) == []
    assert len(await job.log(provisioningAction="create")) == 3

    # Pause, and delete: the job is gone, the accounts stay.
    await job.pause()
    assert (await job.get()).schedule.state == models.SynchronizationScheduleState.Paused
    await job.builder.delete()
    with pytest.raises(APIError) as missing:
        await job.get()
    assert missing.value.response_status_code == 404
    assert missing.value.error.code == "Request_ResourceNotFound"
    assert account_differences(wanted, target.accounts()) == []


async def test_the_interval_of_a_schedule(graph, target):
    """The SDK writes a duration as Python prints it: `0:05:00`."""
    job = await graph.create_job(target.base)
    models = graph.models
    schedule = models.SynchronizationSchedule(interval=timedelta(minutes=5))
    await job.builder.patch(models.SynchronizationJob(schedule=schedule))
    assert (await job.get()).schedule.interval == timedelta(minutes=5)
