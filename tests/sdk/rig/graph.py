"""The published Graph SDKs, used as anybody would: their own request builders and models, over plain HTTP on loopback."""

import asyncio
import importlib
import re
import time
from datetime import UTC, datetime

from kiota_abstractions.authentication import ApiKeyAuthenticationProvider, KeyLocation
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph_core.requests.batch_request_builder import BatchRequestBuilder
from msgraph_core.requests.batch_request_content import BatchRequestContent

from .entente import Entente
from .target import TOKEN

# The template of a custom application, one that no gallery has.
CUSTOM_APPLICATION = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
BATCH = 20
IN_FLIGHT = 16
POLL_SECONDS = 0.2
VERSIONS = {"msgraph_beta": "beta", "msgraph": "v1.0"}


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Models:
    """The models of one SDK by name: `models.User`, `models.SynchronizationJob`."""

    def __init__(self, package: str):
        self._package = package

    def __getattr__(self, name: str):
        module = importlib.import_module(f"{self._package}.generated.models.{snake(name)}")
        return getattr(module, name)


def query(builder, **parameters):
    """The request configuration for a GET with these query parameters."""
    owner = type(builder)
    name = next(name for name in vars(owner) if name.endswith("GetQueryParameters"))
    return RequestConfiguration(query_parameters=getattr(owner, name)(**parameters))


def body_of(builder, **fields):
    """The request body that the SDK declares beside a builder, as `RestartPostRequestBody`."""
    module = type(builder).__module__
    action = module.rsplit(".", 1)[1].removesuffix("_request_builder")
    verb = "put" if hasattr(builder, "put") else "post"
    snake_name = f"{action}_{verb}_request_body"
    found = importlib.import_module(f"{module.rsplit('.', 1)[0]}.{snake_name}")
    return getattr(found, "".join(part.capitalize() for part in snake_name.split("_")))(**fields)


class Graph:
    """A client of one Entente."""

    def __init__(self, package: str, entente: Entente):
        self.package = package
        self.entente = entente
        self.models = Models(package)
        self.connect()

    def connect(self):
        """Makes the SDK's client anew: after a restart Entente listens on another port."""
        sdk = importlib.import_module(self.package)
        authentication = ApiKeyAuthenticationProvider(
            KeyLocation.Header, f"Bearer {self.entente.token()}", "Authorization"
        )
        self.adapter = sdk.GraphRequestAdapter(authentication)
        self.adapter.base_url = f"{self.entente.address}/{VERSIONS[self.package]}"
        self.client = sdk.GraphServiceClient(request_adapter=self.adapter)

    def reference(self, object_id: str) -> str:
        """An object's address, as `@odata.id` and `@odata.bind` want it."""
        return f"{self.adapter.base_url}/directoryObjects/{object_id}"

    async def every(self, builder, **parameters) -> list:
        """A whole collection, page by page."""
        page = await builder.get(query(builder, **parameters))
        found = list(page.value or [])
        while page.odata_next_link:
            page = await builder.with_url(page.odata_next_link).get()
            found += page.value or []
        return found

    async def at_once(self, calls) -> list:
        """Awaits many calls, some of them at a time; results in the order of the calls."""
        gate = asyncio.Semaphore(IN_FLIGHT)

        async def one(call):
            async with gate:
                return await call

        return await asyncio.gather(*(one(call) for call in calls))

    async def until(self, ask, holds, seconds: float = 60.0):
        """Asks again and again; the first answer for which something holds."""
        end = time.monotonic() + seconds
        while not holds(answer := await ask()):
            assert time.monotonic() < end, f"it did not come true within {seconds} s: {answer}"
            await asyncio.sleep(POLL_SECONDS)
        return answer

    async def batch(self, requests: dict) -> dict[str, int]:
        """Sends request informations by `$batch`, twenty at a time; the statuses by key."""
        items = list(requests.items())
        parts = [dict(items[at : at + BATCH]) for at in range(0, len(items), BATCH)]
        builder = BatchRequestBuilder(self.adapter)
        answers = await self.at_once(builder.post(BatchRequestContent(part)) for part in parts)
        statuses: dict[str, int] = {}
        for answer in answers:
            statuses |= answer.get_response_status_codes()
        return statuses

    # ---- Applications --------------------------------------------------------------------------

    async def create_application(self, name: str, template: str = CUSTOM_APPLICATION) -> "Application":
        template = self.client.application_templates.by_application_template_id(template)
        made = await template.instantiate.post(body_of(template.instantiate, display_name=name))
        assert made.application.id and made.application.app_id, "instantiate answers the application"
        assert made.service_principal.app_id == made.application.app_id
        return Application(self, made.application.id, made.service_principal.id)

    async def create_job(self, base: str, *, sync_all: bool = True, **settings) -> "Job":
        """What most tests begin with: an application, its secrets, and a job from the template `scim`.

        The job does nothing by itself unless told to: its interval is an hour and changes do not trigger it."""
        application = await self.create_application("Target of a suite")
        await application.put_secrets(base, sync_all=sync_all)
        job = await application.create_job("scim")
        await job.set(**{"Interval": "PT1H", "TriggerOnChange": "false", **settings})
        return job

    # ---- The directory -------------------------------------------------------------------------

    def user(self, object_id: str):
        return self.client.users.by_user_id(object_id)

    def group(self, object_id: str):
        return self.client.groups.by_group_id(object_id)

    async def set_manager(self, user: str, manager: str):
        reference = self.user(user).manager.ref
        model = getattr(self.models, "ReferenceUpdate" if self.package == "msgraph" else "ReferenceCreate")
        await reference.put(model(odata_id=self.reference(manager)))

    async def add_member(self, group: str, user: str):
        await self.group(group).members.ref.post(self.models.ReferenceCreate(odata_id=self.reference(user)))

    async def remove_member(self, group: str, user: str):
        await self.group(group).members.by_directory_object_id(user).ref.delete()


class Application:
    """An application made from a template, by the service principal that carries its synchronization."""

    def __init__(self, graph: Graph, object_id: str, service_principal: str):
        self.graph = graph
        self.id = object_id
        self.service_principal = service_principal

    @property
    def principal(self):
        return self.graph.client.service_principals.by_service_principal_id(self.service_principal)

    async def put_secrets(self, base: str, *, token: str = TOKEN, sync_all: bool = True, **more: str):
        models = self.graph.models
        secrets = {"BaseAddress": base, "SecretToken": token, "SyncAll": "true" if sync_all else "false", **more}
        builder = self.principal.synchronization.secrets
        pairs = [
            models.SynchronizationSecretKeyStringValuePair(key=models.SynchronizationSecret(key), value=value)
            for key, value in secrets.items()
        ]
        await builder.put(body_of(builder, value=pairs))

    async def create_job(self, template: str) -> "Job":
        model = self.graph.models.SynchronizationJob(template_id=template)
        made = await self.principal.synchronization.jobs.post(model)
        return Job(self, made.id)

    async def role(self):
        """The application role that people are assigned to."""
        principal = await self.principal.get()
        return next(role.id for role in principal.app_roles if role.is_enabled and role.display_name == "User")

    async def assign(self, objects: list[str]) -> dict[str, str]:
        """Assigns users and groups; the assignments' ids by object."""
        role = await self.role()
        model = self.graph.models.AppRoleAssignment
        made = await self.graph.at_once(
            self.principal.app_role_assigned_to.post(
                model(principal_id=one, resource_id=self.service_principal, app_role_id=role)
            )
            for one in objects
        )
        return {str(assignment.principal_id): assignment.id for assignment in made}

    async def unassign(self, assignment: str):
        await self.principal.app_role_assigned_to.by_app_role_assignment_id(assignment).delete()


class Job:
    """A synchronization job."""

    def __init__(self, application: Application, job_id: str):
        self.application = application
        self.id = job_id

    @property
    def graph(self) -> Graph:
        return self.application.graph

    @property
    def builder(self):
        return self.application.principal.synchronization.jobs.by_synchronization_job_id(self.id)

    async def get(self):
        return await self.builder.get()

    async def status(self):
        return (await self.get()).status

    async def set(self, **settings: str):
        models = self.graph.models
        pairs = [models.KeyValuePair(name=name, value=value) for name, value in settings.items()]
        await self.builder.patch(models.SynchronizationJob(synchronization_job_settings=pairs))

    async def start(self):
        await self.builder.start.post()

    async def pause(self):
        await self.builder.pause.post()

    async def restart(self, scope: str | None = None):
        models = self.graph.models
        restart = self.builder.restart
        criteria = None
        if scope:
            criteria = models.SynchronizationJobRestartCriteria(
                reset_scope=models.SynchronizationJobRestartScope(scope)
            )
        await restart.post(body_of(restart, criteria=criteria))

    async def wait(self, condition, seconds: float = 60.0):
        """The first status that satisfies the condition."""
        deadline = time.monotonic() + seconds
        while True:
            status = await self.status()
            if condition(status):
                return status
            assert time.monotonic() < deadline, f"the job did not get there; its status is {described(status)}"
            await asyncio.sleep(POLL_SECONDS)

    async def cycle(self, seconds: float = 60.0):
        """Starts the job and waits for the end of the cycle that begins then; the status after it.

        A cycle with something to do ends with an execution; every good one with a steady state."""
        before = await self.status()
        await self.start()
        return await self.end_of_cycle(before, seconds)

    async def end_of_cycle(self, before, seconds: float = 60.0):
        """Waits for the end of a cycle that was not over when the status `before` was read."""
        last = before.last_execution.activity_identifier if before.last_execution else None
        steady = before.steady_state_last_achieved_time

        def over(status):
            execution = status.last_execution
            if status.code.value == "Quarantine" and execution and execution.activity_identifier != last:
                return True
            return reached(status.steady_state_last_achieved_time) and status.steady_state_last_achieved_time != steady

        return await self.wait(over, seconds)

    async def quarantined(self, seconds: float = 60.0):
        return await self.wait(lambda status: status.code.value == "Quarantine", seconds)

    async def log(self, **fields: str) -> list:
        """The provisioning log's records of this job, with conditions such as `provisioningAction='create'`."""
        conditions = [f"jobId eq '{self.id}'"]
        conditions += [f"{name.replace('__', '/')} eq '{value}'" for name, value in fields.items()]
        return await self.graph.every(self.graph.client.audit_logs.provisioning, filter=" and ".join(conditions))


def reached(moment: datetime | None) -> bool:
    """Graph writes the year 1 for what never happened."""
    return moment is not None and moment > datetime(2000, 1, 1, tzinfo=UTC)


def described(status) -> str:
    execution, quarantine = status.last_execution, status.quarantine
    words = [status.code.value if status.code else "no code", f"steady {status.steady_state_last_achieved_time}"]
    if execution:
        words.append(
            f"last execution {execution.activity_identifier}: {execution.state},"
            f" {execution.count_exported} exported, {execution.count_escrowed} escrowed"
        )
        if execution.error:
            words.append(f"{execution.error.code}: {execution.error.message}")
    if quarantine:
        words.append(f"quarantine {quarantine.reason}")
        if quarantine.error:
            words.append(f"{quarantine.error.code}: {quarantine.error.message}")
    for progress in status.progress or []:
        words.append(f"{progress.completed_units} of {progress.total_units} {progress.units}")
    return "; ".join(words)
