"""A directory of people with awkward names, kept beside Entente's as the record of what it must hold."""

import random
from dataclasses import dataclass, field

from .graph import Graph

GIVEN = ["Zoë", "Łukasz", "Ñandú", "Anaïs", "李", "عمر", "Σωκράτης", "Øyvind", 'Anna "Ann"', "Jean-Luc", "Е́лена", "İpek"]
FAMILY = ["O'Neill", "Müller", "D\\Souza", "Ångström", "García y Vega", "王小明", "שפירא", "van 't Hoff", '"Q" Public', "Šťastný"]
TITLES = ["Engineer", 'Head of "R&D"', "C:\\Ops\\Lead", "Ärztin", "担当者", "100 % remote; on-call", "<b>Clerk</b>", "Chef 🦊"]
DEPARTMENTS = ["Research", 'Sales "West"', "Forschung & Entwicklung", "R\\D", "Продажи", "財務"]
CITIES = ["Zürich", "São Paulo", "Kraków", "東京", "القاهرة", "Reykjavík"]
COUNTRIES = ["CH", "BR", "PL", "JP", "EG", "IS"]
LANGUAGES = ["de-CH", "pt-BR", "pl-PL", "ja-JP", "ar-EG", "is-IS"]
# What the suites write and read back. `manager` goes its own way.
FIELDS = [
    "account_enabled", "business_phones", "city", "country", "department", "display_name", "employee_id", "fax_number",
    "given_name", "job_title", "mail", "mail_nickname", "mobile_phone", "office_location", "postal_code",
    "preferred_language", "state", "street_address", "surname", "user_principal_name",
]  # fmt: skip


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


@dataclass
class Person:
    values: dict
    id: str = ""
    manager: "Person | None" = None

    @property
    def name(self) -> str:
        return self.values["user_principal_name"]

    def wanted(self) -> dict:
        """The values that the target must have, by the default mappings of the template `scim`."""
        of = self.values.get
        wanted = {
            "userName": of("user_principal_name"),
            "active": of("account_enabled"),
            "displayName": of("display_name"),
            "title": of("job_title"),
            "preferredLanguage": of("preferred_language"),
            "externalId": of("mail_nickname"),
            "name.givenName": of("given_name"),
            "name.familyName": of("surname"),
            "name.formatted": " ".join(part for part in (of("given_name"), of("surname")) if part) or None,
            "emails[work].value": of("mail"),
            "phoneNumbers[work].value": (of("business_phones") or [None])[0],
            "phoneNumbers[mobile].value": of("mobile_phone"),
            "phoneNumbers[fax].value": of("fax_number"),
            "addresses[work].formatted": of("office_location"),
            "addresses[work].streetAddress": of("street_address"),
            "addresses[work].locality": of("city"),
            "addresses[work].region": of("state"),
            "addresses[work].postalCode": of("postal_code"),
            "addresses[work].country": of("country"),
            "enterprise:employeeNumber": of("employee_id"),
            "enterprise:department": of("department"),
        }
        return {path: value for path, value in wanted.items() if value is not None}


@dataclass
class Team:
    name: str
    members: list[Person] = field(default_factory=list)
    id: str = ""


def person(random: random.Random, number: int) -> Person:
    given, family = random.choice(GIVEN), random.choice(FAMILY)
    place = random.randrange(len(CITIES))
    # Every fifth has an apostrophe in the name that the target is searched by.
    nickname = f"o'neill{number}" if number % 5 == 0 else f"person{number}"
    values = {
        "account_enabled": True,
        "user_principal_name": f"{nickname}@example.com",
        "mail_nickname": f"{nickname}",
        "mail": f"{nickname}@example.com",
        "display_name": f"{given} {family} {number}",
        "given_name": given,
        "surname": family,
        "job_title": random.choice(TITLES),
        "department": random.choice(DEPARTMENTS),
        "city": CITIES[place],
        "country": COUNTRIES[place],
        "preferred_language": LANGUAGES[place],
        "employee_id": f"{number:06}",
        "business_phones": [f"+41 44 {number:07}"],
    }
    optional = {
        "mobile_phone": f"+41 79 {number:07}",
        "fax_number": f"+41 43 {number:07}",
        "office_location": f'Room "{number}" \\ East',
        "street_address": f"Bahnhofstraße {number}\n3. Stock",
        "postal_code": f"{number:05}",
        "state": "Graubünden",
    }
    values |= {name: value for name, value in optional.items() if random.random() < 0.6}
    return Person(values)


def changed(random: random.Random, one: Person, number: int) -> dict:
    """An edit: between one and four mapped attributes with values that the person does not have."""
    possible = {
        "display_name": f"Renamed № {number} \"{random.choice(GIVEN)}\"",
        "given_name": f"{random.choice(GIVEN)}-{number}",
        "surname": f"{random.choice(FAMILY)}-{number}",
        "job_title": f"{random.choice(TITLES)} \\{number}",
        "department": f"{random.choice(DEPARTMENTS)} {number}",
        "city": f"{random.choice(CITIES)} {number}",
        "employee_id": f"E{number:06}",
        "mail": f"renamed{number}@example.org",
        "mobile_phone": f"+1 555 {number:07}",
        "office_location": f"Floor {number}",
    }
    return {name: possible[name] for name in random.sample(sorted(possible), random.randint(1, 4))}


async def create_people(graph: Graph, people: list[Person]):
    """Creates users by `$batch`. Their ids are not known then: the SDK cannot read the bodies of a batch's answers."""
    user = graph.models.User
    profile = graph.models.PasswordProfile
    requests = {
        one.name: graph.client.users.to_post_request_information(
            user(**one.values, password_profile=profile(password="Not-a-secret-1")),
        )
        for one in people
    }
    statuses = await graph.batch(requests)
    refused = {name: status for name, status in statuses.items() if status != 201}
    assert not refused and len(statuses) == len(people), f"$batch refused {refused}"


async def read_people(graph: Graph, people: list[Person]):
    """Checks that the directory holds exactly what was written, and notes the ids.

    The SDK for beta needs some 30 ms of computing for one user, the one for v1.0 half of that."""
    select = ["id", *(camel(name) for name in FIELDS)]
    found = {user.user_principal_name: user for user in await graph.every(graph.client.users, select=select, top=500)}
    assert found.keys() == {one.name for one in people}
    for one in people:
        user = found[one.name]
        one.id = user.id
        held = {name: getattr(user, name) for name in FIELDS}
        assert {name: value for name, value in held.items() if value not in (None, [])} == one.values


async def create_teams(graph: Graph, teams: list[Team]):
    """Creates groups, their first members with them (as many as one request may bind), the rest by updates."""
    models = graph.models
    bind = "members@odata.bind"

    async def create(number: int, team: Team):
        members = [graph.reference(member.id) for member in team.members]
        group = models.Group(
            display_name=team.name,
            mail_enabled=False,
            mail_nickname=f"team{number}",
            security_enabled=True,
            additional_data={bind: members[:20]} if members else {},
        )
        team.id = (await graph.client.groups.post(group)).id
        for at in range(20, len(members), 20):
            await graph.group(team.id).patch(models.Group(additional_data={bind: members[at : at + 20]}))

    await graph.at_once(create(number, team) for number, team in enumerate(teams))
