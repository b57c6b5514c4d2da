"""Every request builder that the SDKs have below `synchronization`, over TLS with azure-identity, from first to last."""

import json
import re

import pytest
from kiota_abstractions.api_error import APIError

from rig.builders import builders, note
from rig.graph import body_of, query
from rig.models import strangers
from rig.secure import SecureGraph
from rig.target import TOKEN

FOLDERS = {"servicePrincipals": "service_principals", "applications": "applications"}


def known(package: str, root: str) -> set[tuple[str, str]]:
    """Methods and paths below `synchronization`, as the sources of a package tell them."""
    return below(builders(package, f"{FOLDERS[root]}/item/synchronization"))


def below(requests: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The same with the paths below `synchronization`, without their queries."""
    paths = ((method, re.sub(r"\{\?.*\}$", "", template)) for method, template in requests)
    return {(method, path.partition("/synchronization")[2]) for method, path in paths}


@pytest.fixture(params=[(package, root) for package in ("msgraph_beta", "msgraph") for root in FOLDERS], ids="-".join)
def asked(request, secure):
    """A client that notes what it asks, and the root that it asks at."""
    package, root = request.param
    graph = SecureGraph(package, secure)
    graph.root, graph.strangers = root, set()
    return note(graph)


def known_whole(graph, model):
    """Notes what of an answer the package does not know."""
    graph.strangers |= {f"{type(model).__name__}{place}" for place in strangers(model)}
    return model


async def test_every_builder(asked, target):
    graph = asked
    application = await graph.create_application("All routes")
    service = synchronization(graph, application)
    await secrets(graph, service, target)
    await templates(graph, service, application)
    await jobs(graph, service)
    await uploads(graph)
    await service.delete()
    assert (await service.get()).secrets == []
    assert await service.jobs.count.get() == 0
    builders_there = known(graph.package, graph.root)
    assert len(builders_there) > 45 and builders_there - below(graph.asked) == set()
    assert graph.strangers == set()


def synchronization(graph, application):
    return {
        "servicePrincipals": graph.client.service_principals.by_service_principal_id(application.service_principal),
        "applications": graph.client.applications.by_application_id(application.id),
    }[graph.root].synchronization


async def secrets(graph, service, target):
    models = graph.models
    keys = models.SynchronizationSecret
    values = {keys.BaseAddress: target.base, keys.SecretToken: TOKEN, keys.SyncAll: "true"}
    pairs = [models.SynchronizationSecretKeyStringValuePair(key=key, value=value) for key, value in values.items()]
    await service.secrets.put(body_of(service.secrets, value=pairs[:1]))
    assert await service.secrets.count.get() == 1
    whole = await service.put(models.Synchronization(secrets=pairs))
    assert [pair.key for pair in whole.secrets] == [keys.SecretToken, keys.BaseAddress, keys.SyncAll]
    whole = known_whole(graph, await service.get(query(service, expand=["jobs", "templates"])))
    assert whole.jobs == [] and "scim" in [template.id for template in whole.templates]
    if graph.package == "msgraph_beta":
        await service.ping.get()
    acquire = service.acquire_access_token
    with pytest.raises(APIError, match="Oauth2"):
        await acquire.post(body_of(acquire, credentials=pairs[:1]))
    validate = service.jobs.validate_credentials
    await validate.post(body_of(validate, template_id="scim", use_saved_credentials=True))


async def templates(graph, service, application):
    models = graph.models
    made = await service.templates.post(
        models.SynchronizationTemplate(id="Slack", application_id=application.id, factory_tag="CustomSCIM")
    )
    assert made.id == "Slack" and made.factory_tag == "CustomSCIM"
    assert await service.templates.count.get() == len((await service.templates.get()).value)
    one = service.templates.by_synchronization_template_id("Slack")
    read = await one.get(query(one, expand=["schema"]))
    read.description = "Changed"
    await one.patch(read)
    assert (await one.get()).description == "Changed"
    await schema_of(graph, one.schema)
    await one.delete()


async def schema_of(graph, schema):
    """What jobs and templates have in common."""
    models = graph.models
    read = known_whole(graph, await schema.get())
    read.synchronization_rules[0].priority = 7
    await schema.patch(read)
    assert (await schema.get()).synchronization_rules[0].priority == 7
    await schema.delete()
    assert (await schema.get()).synchronization_rules[0].priority != 7
    functions, operators = await schema.functions.get(), await schema.filter_operators.get()
    # The reference shows a name, which the packages do not know.
    assert {place for answer in (functions, operators) for place in strangers(answer)} == {"/value/name"}
    parsed = await schema.parse_expression.post(body_of(schema.parse_expression, expression="ToUpper([mail])"))
    assert known_whole(graph, parsed).parsed_expression.name == "ToUpper"
    made = await schema.directories.post(models.DirectoryDefinition(name="Spare", objects=[]))
    found = {one.name: one.id for one in (await schema.directories.get()).value}
    assert await schema.directories.count.get() == len(found) == 3
    spare = schema.directories.by_directory_definition_id(made.id)
    await spare.patch(models.DirectoryDefinition(name="Other"))
    assert (await spare.get()).name == "Other"
    await spare.delete()
    target = schema.directories.by_directory_definition_id(found["customappsso"])
    assert known_whole(graph, await target.discover.post()).discovery_date_time


async def jobs(graph, service):
    models = graph.models
    made = await service.jobs.post(models.SynchronizationJob(template_id="scim"))
    wanted = query(service.jobs, filter=f"id eq '{made.id}'", expand=["schema"], top=5)
    page = known_whole(graph, await service.jobs.get(wanted))
    assert [one.schema.id for one in page.value] == [made.id]
    assert await service.jobs.count.get() == 1
    job = service.jobs.by_synchronization_job_id(made.id)
    settings = {"Interval": "PT1H", "TriggerOnChange": "false"}
    pairs = [models.KeyValuePair(name=name, value=value) for name, value in settings.items()]
    await job.patch(models.SynchronizationJob(synchronization_job_settings=pairs))
    assert (await job.get()).schedule.interval.total_seconds() == 3600
    await job.validate_credentials.post(body_of(job.validate_credentials, use_saved_credentials=True))
    await schema_of(graph, job.schema)
    await on_demand(graph, job)
    await job.start.post()
    criteria = models.SynchronizationJobRestartCriteria(reset_scope=models.SynchronizationJobRestartScope.Full)
    await job.restart.post(body_of(job.restart, criteria=criteria))
    await job.pause.post()
    assert (await job.get()).schedule.state == models.SynchronizationScheduleState.Paused
    await job.delete()
    await service.jobs.post(models.SynchronizationJob(template_id="scim"))


async def on_demand(graph, job):
    models = graph.models
    user = await graph.client.users.post(
        models.User(
            display_name="Ada",
            user_principal_name="ada@example.com",
            mail_nickname="ada",
            account_enabled=True,
            password_profile=models.PasswordProfile(password="Not-a-secret-1"),
        )
    )
    rule = (await job.schema.get()).synchronization_rules[0]
    subject = models.SynchronizationJobSubject(object_id=user.id, object_type_name="User")
    wanted = models.SynchronizationJobApplicationParameters(rule_id=rule.id, subjects=[subject])
    done = await job.provision_on_demand.post(body_of(job.provision_on_demand, parameters=[wanted]))
    assert '"result":"Success"' in known_whole(graph, done).key, done.key
    log = graph.client.audit_logs.provisioning
    assert known_whole(graph, await log.get()).value
    assert known_whole(graph, await graph.client.audit_logs.directory_audits.get()).value


async def uploads(graph):
    """What clients upload to a job: the SDKs send it as octets."""
    models = graph.models
    kinds = await graph.every(graph.client.application_templates)
    kind = next(one.id for one in kinds if one.display_name.startswith("API-driven"))
    service = synchronization(graph, await graph.create_application("People", kind))
    made = await service.jobs.post(models.SynchronizationJob(template_id="API2AAD"))
    job = service.jobs.by_synchronization_job_id(made.id)
    assert (await job.bulk_upload.get()).id == made.id
    assert (await job.bulk_upload.patch(models.BulkUpload(id=made.id))).id == made.id
    person = {"externalId": "701984", "userName": "bjensen@example.com", "displayName": "Babs Jensen", "active": True}
    content = job.bulk_upload.content
    await content.put(json.dumps(bulk_request(person)).encode())
    kept = json.loads(await content.get())
    assert [one["data"]["externalId"] for one in kept["Operations"]] == ["701984"]
    await job.start.post()
    users = graph.client.users
    wanted = query(users, filter="employeeId eq '701984'", select=["displayName", "accountEnabled"])
    account = await graph.until(lambda: users.get(wanted), lambda page: page.value)
    assert (account.value[0].display_name, account.value[0].account_enabled) == ("Babs Jensen", True)
    await content.put(json.dumps(bulk_request({"externalId": "701984", "active": False})).encode())
    account = await graph.until(lambda: users.get(wanted), lambda page: page.value[0].account_enabled is False)
    assert account.value[0].display_name == "Babs Jensen", "what is not sent stays"
    with pytest.raises(APIError, match="externalId"):
        await content.put(json.dumps(bulk_request({"userName": "x"})).encode())
    await content.delete()
    await job.bulk_upload.delete()
    assert json.loads(await content.get())["Operations"] == []


def bulk_request(person):
    data = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], **person}
    operation = {"method": "POST", "bulkId": "1", "path": "/Users", "data": data}
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [operation]}
