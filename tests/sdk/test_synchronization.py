"""Every route of synchronization that the SDKs have a builder for, read through their own models."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from kiota_abstractions.api_error import APIError

from rig.graph import Graph, body_of, query
from rig.people import create_people, person


# Both SDKs have both roots; each is asked at one of them.
ROOTS = {"msgraph_beta": "servicePrincipals", "msgraph": "applications"}


@pytest.fixture(params=ROOTS)
def graph(request, entente):
    return Graph(request.param, entente)


async def refused(call, status, code=None):
    """The error of a call that must fail."""
    with pytest.raises(APIError) as caught:
        await call
    assert caught.value.response_status_code == status
    assert code is None or caught.value.error.code == code
    return caught.value.error


def synchronization(graph, application):
    if ROOTS[graph.package] == "servicePrincipals":
        return application.principal.synchronization
    return graph.client.applications.by_application_id(application.id).synchronization


async def test_templates_and_their_schemas(graph):
    application = await graph.create_application("Templates")
    templates = synchronization(graph, application).templates
    found = {template.id: template for template in (await templates.get()).value}
    assert found["scim"].default and found["scim"].factory_tag
    assert await templates.count.get() == len(found)
    assert all(template.schema.directories for template in found.values()), "as the reference's examples show"
    expanded = (await templates.get(query(templates, select=["id"], expand=["schema"]))).value
    assert all(template.schema.directories and not template.factory_tag for template in expanded)
    one = templates.by_synchronization_template_id("scim")
    assert (await one.get()).application_id == found["scim"].application_id
    schema = await one.schema.get()
    assert [rule.name for rule in schema.synchronization_rules]
    directories = (await one.schema.directories.get()).value
    assert await one.schema.directories.count.get() == len(directories)
    directory = await one.schema.directories.by_directory_definition_id(directories[0].id).get()
    assert directory.name == directories[0].name
    await refused(templates.by_synchronization_template_id("nothing").get(), 404, "Request_ResourceNotFound")


async def test_jobs_and_their_schedule(graph, target):
    models = graph.models
    application = await graph.create_application("Jobs")
    jobs = synchronization(graph, application).jobs
    made = await jobs.post(models.SynchronizationJob(template_id="scim"))
    assert made.status.code == models.SynchronizationStatusCode.NotConfigured
    assert made.status.steady_state_first_achieved_time == datetime(1, 1, 1, tzinfo=UTC)
    assert made.status.progress == [] and made.status.escrows_pruned is False
    assert await jobs.count.get() == 1
    page = await jobs.get(query(jobs, select=["id", "templateId"], top=1, count=True))
    assert page.odata_count == 1 and page.value[0].template_id == "scim"
    job = jobs.by_synchronization_job_id(made.id)
    # What was read can be sent back.
    read = await job.get()
    await job.patch(read)
    assert (await job.get()).schedule.interval == timedelta(minutes=40)
    expiration = datetime(2030, 1, 1, tzinfo=UTC)
    schedule = models.SynchronizationSchedule(interval=timedelta(hours=1, minutes=1), expiration=expiration)
    settings = [models.KeyValuePair(name="MaxDeletes", value="7")]
    await job.patch(models.SynchronizationJob(schedule=schedule, synchronization_job_settings=settings))
    read = await job.get()
    assert read.schedule.interval == timedelta(hours=1, minutes=1) and read.schedule.expiration == expiration
    assert [(one.name, one.value) for one in read.synchronization_job_settings] == [("MaxDeletes", "7")]
    error = await refused(job.start.post(), 400, "CredentialsMissing")
    assert "BaseAddress" in error.message
    await job.delete()
    await refused(job.get(), 404, "Request_ResourceNotFound")


async def test_credentials(graph, target):
    models = graph.models
    application = await graph.create_application("Credentials")
    service = synchronization(graph, application)
    await application.put_secrets(target.base)
    assert await service.secrets.count.get() == 3
    if graph.package == "msgraph_beta":
        await service.ping.get()
    validate = service.jobs.validate_credentials
    await validate.post(body_of(validate, template_id="scim", use_saved_credentials=True))
    made = await service.jobs.post(models.SynchronizationJob(template_id="scim"))
    validate = service.jobs.by_synchronization_job_id(made.id).validate_credentials
    wrong = models.SynchronizationSecretKeyStringValuePair(
        key=models.SynchronizationSecret.SecretToken, value="wrong"
    )
    error = await refused(validate.post(body_of(validate, credentials=[wrong])), 400)
    assert error.message


async def test_the_language(graph):
    models = graph.models
    application = await graph.create_application("Language")
    service = synchronization(graph, application)
    made = await service.jobs.post(models.SynchronizationJob(template_id="scim"))
    job = service.jobs.by_synchronization_job_id(made.id).schema
    for schema in [job, service.templates.by_synchronization_template_id("scim").schema]:
        functions = {one.additional_data.get("name") or one.id: one for one in (await schema.functions.get()).value}
        join = functions["Join"].parameters
        assert [one.name for one in join] == ["separator", "source"]
        assert join[1].allow_multiple_occurrences and join[1].type == models.AttributeType.String
        operators = {one.id: one for one in (await schema.filter_operators.get()).value}
        assert operators["IS TRUE"].arity == models.ScopeOperatorType.Unary
        assert operators["EQUALS"].multivalued_comparison_type == models.ScopeOperatorMultiValuedComparisonType.All
        assert operators["Includes"].multivalued_comparison_type == models.ScopeOperatorMultiValuedComparisonType.Any
        assert {"&", "!&", "ENDS_WITH", "Greater_Than", "Greater_Than_OR_EQUALS", "IN", "IsMemberOf"} <= operators.keys()
        assert models.AttributeType.String in operators["EQUALS"].supported_attribute_types
        parse = schema.parse_expression
        pairs = [
            models.StringKeyObjectValuePair(key="givenName", additional_data={"value": "Ada"}),
        ]
        test = models.ExpressionInputObject(properties=pairs)
        answer = await parse.post(body_of(parse, expression="ToUpper([givenName])", test_input_object=test))
        assert answer.parsing_succeeded and answer.evaluation_succeeded, answer.error
        assert answer.evaluation_result == ["ADA"]
        assert answer.parsed_expression.name == "ToUpper"
        answer = await parse.post(body_of(parse, expression="ToUper([givenName])"))
        assert answer.parsing_succeeded is False and "ToUpper" in answer.error.message
        pairs = [
            models.StringKeyObjectValuePair(key="proxyAddresses", additional_data={"value": ["a", "b", "a"]}),
            models.StringKeyObjectValuePair(key="sign", additional_data={"value": "545 Tremont"}),
        ]
        test = models.ExpressionInputObject(properties=pairs)
        for expression, values in [
            ("RemoveDuplicates([proxyAddresses])", ["a", "b"]),
            ("[nobody]", []),
            (r'Replace([sign], , "(?<number>^\\d*)", "number", "888", , )', ["888 Tremont"]),
        ]:
            answer = await parse.post(body_of(parse, expression=expression, test_input_object=test))
            assert answer.evaluation_succeeded and answer.evaluation_result == values, (expression, answer.error)
        answer = await parse.post(body_of(parse, expression='CDate("never")', test_input_object=test))
        assert answer.parsing_succeeded and answer.evaluation_succeeded is False and "never" in answer.error.message
        flag = models.AttributeDefinition(name="active", type=models.AttributeType.Boolean)
        answer = await parse.post(body_of(parse, expression="BitAnd(3, 2)", target_attribute_definition=flag))
        assert answer.parsing_succeeded is False and answer.error.target == "targetAttributeDefinition"
        assert [detail.code for detail in answer.error.details] == ["InvalidType"] and answer.error.message


async def test_schemas_and_directories(graph, target):
    models = graph.models
    application = await graph.create_application("Schemas")
    await application.put_secrets(target.base)
    service = synchronization(graph, application)
    made = await service.jobs.post(models.SynchronizationJob(template_id="scim"))
    schema = service.jobs.by_synchronization_job_id(made.id).schema
    first = await schema.get()
    mapping = first.synchronization_rules[0].object_mappings[0]
    assert mapping.scope is None

    # What was read can be sent back, and changes nothing but the version.
    await schema.patch(first)
    second = await schema.get()
    assert second.version != first.version
    assert [d.name for d in second.directories] == [d.name for d in first.directories]
    again = second.synchronization_rules[0].object_mappings[0]
    for before, after in zip(mapping.attribute_mappings, again.attribute_mappings, strict=True):
        assert before.target_attribute_name == after.target_attribute_name
        assert before.source.expression == after.source.expression
        assert before.flow_type == after.flow_type and before.matching_priority == after.matching_priority

    # A scoping filter.
    clause = models.FilterClause(
        source_operand_name="department", operator_name="EQUALS", target_operand=models.FilterOperand(values=["Sales"])
    )
    again.scope = models.Filter(groups=[models.FilterGroup(name="Sales", clauses=[clause])])
    await schema.patch(second)
    third = await schema.get()
    groups = third.synchronization_rules[0].object_mappings[0].scope.groups
    assert groups[0].clauses[0].target_operand.values == ["Sales"]

    # One that cannot run.
    third.synchronization_rules[0].object_mappings[0].attribute_mappings[0].source.expression = "Jion([mail])"
    error = await refused(schema.patch(third), 400, "Request_BadRequest")
    assert "Join" in error.message

    directories = schema.directories
    found = {one.name: one for one in (await directories.get()).value}
    assert await directories.count.get() == len(found)
    directory = directories.by_directory_definition_id(found["customappsso"].id)
    read = await directory.get()
    read.objects[0].attributes.append(models.AttributeDefinition(name="nickName2", type=models.AttributeType.String))
    await directory.patch(read)
    assert "nickName2" in [one.name for one in (await directory.get()).objects[0].attributes]
    discovered = await directory.discover.post()
    assert discovered.discovery_date_time and discovered.version
    assert {one.name for one in discovered.objects} >= {one.name for one in read.objects}
    spare = await directories.post(models.DirectoryDefinition(name="Spare", objects=[]))
    await directories.by_directory_definition_id(spare.id).delete()
    await refused(directory.delete(), 400)

    await schema.delete()
    assert (await schema.get()).synchronization_rules[0].object_mappings[0].scope is None


async def test_logs(graph, target):
    models = graph.models
    await create_people(graph, [person(Random(4), number) for number in range(3)])
    job = await graph.create_job(target.base)
    await job.cycle()
    logs = graph.client.audit_logs
    records = await job.log(provisioningStatusInfo__status="success")
    assert len(records) == 3
    if graph.package == "msgraph_beta":
        assert len(await job.log(statusInfo__status="success")) == 3
    since = f"jobId eq '{job.id}' and activityDateTime ge {records[0].activity_date_time:%Y-%m-%dT%H:%M:%SZ}"
    found = await graph.every(logs.provisioning, filter=since, orderby=["activityDateTime"], top=1)
    assert len(found) == 3
    one = await logs.provisioning.by_provisioning_object_summary_id(records[0].id).get()
    assert one.id == records[0].id and one.initiated_by.initiator_type == models.InitiatorType.System
    assert one.source_system.display_name and one.target_system.display_name

    audits = await graph.every(logs.directory_audits)
    assert audits[0].activity_display_name == "Start synchronization job"
    assert audits[0].result == models.OperationResult.Success
    assert audits[0].initiated_by.app.app_id
    assert audits[0].target_resources[0].id == job.id
    assert audits[0].target_resources[0].modified_properties[0].display_name == "state"
    one = await logs.directory_audits.by_directory_audit_id(audits[0].id).get()
    assert one.activity_date_time == audits[0].activity_date_time
