"""A thousand people and fifty groups, two hundred edits, and a count of what was sent."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from rig.compare import account_differences, manager_differences, member_differences
from rig.graph import Graph
from rig.people import Person, Team, changed, create_people, create_teams, person, read_people

USERS = 1000
TEAMS = 50
# The first ones are assigned to the application by themselves, the last ones are in groups; some are both.
ASSIGNED = range(0, 400)
IN_TEAMS = range(300, 1000)
UNCHANGING = {"ServiceProviderConfig", "ResourceTypes", "Schemas"}


class Organization:
    """The people, the groups, who is assigned, and what the target must hold because of it."""

    def __init__(self, dice: Random):
        self.people = [person(dice, number) for number in range(USERS)]
        for number, one in enumerate(self.people[10:], 10):
            one.manager = self.people[dice.randrange(number)]
        self.teams = [Team(f'Team "{number}" \\ Zürich & 東京') for number in range(TEAMS)]
        # One group is large, one is empty; everybody in groups is in one or two of the rest.
        self.teams[0].members = dice.sample([self.people[number] for number in IN_TEAMS], 130)
        for number in IN_TEAMS:
            for team in dice.sample(self.teams[2:], dice.randint(1, 2)):
                team.members.append(self.people[number])
        self.assignments: dict[str, str] = {}
        self.deleted: list[Person] = []
        self.accounts = {one.name: one.wanted() for one in self.people}

    def entitled(self, one: Person) -> bool:
        return one.id in self.assignments or any(one in team.members for team in self.teams)

    def active(self, one: Person) -> bool:
        return one.values["account_enabled"] and one not in self.deleted and self.entitled(one)

    def managers(self) -> dict[str, str | None]:
        return {one.name: one.manager.name if one.manager else None for one in self.people}

    def members(self) -> dict[str, set[str]]:
        return {team.name: {member.name for member in team.members} for team in self.teams}

    def differences(self, target) -> list[str]:
        accounts, groups = target.accounts(), target.groups()
        external = {group.display_name: group.external_id for group in groups}
        return [
            *account_differences(self.accounts, accounts),
            *manager_differences(self.managers(), accounts),
            # Whether a deleted user still counts as a member is the source's affair.
            *member_differences(self.members(), groups, accounts, {one.name for one in self.deleted}),
            *(f"group {team.name!r} has another externalId" for team in self.teams if external.get(team.name) != team.id),
        ]

    def settle(self) -> list[Person]:
        """Whoever is no longer active keeps an account as it was, disabled. Returns those."""
        gone = [one for one in self.people if not self.active(one)]
        for one in self.people:
            before = self.accounts[one.name]
            self.accounts[one.name] = before | {"active": False} if one in gone else one.wanted()
        return gone


@dataclass
class Edits:
    """Whom the edits concerned, by what must happen at the target."""

    rewritten: list[Person] = field(default_factory=list)
    untouched: list[Person] = field(default_factory=list)
    moved: list[Person] = field(default_factory=list)
    members: Counter = field(default_factory=Counter)
    regrouped: list[Person] = field(default_factory=list)
    renamed: list[Team] = field(default_factory=list)
    dissolved: list[Team] = field(default_factory=list)
    count: int = 0


async def edit(graph, organization: Organization, application, dice: Random) -> Edits:
    """Two hundred edits at the source. Nobody is concerned by two of them, groups apart."""
    edits = Edits()
    calls = []
    models = graph.models
    leaders = {one.manager.name for one in organization.people if one.manager}

    def act(call):
        calls.append(call)
        edits.count += 1

    for team in (organization.teams.pop(), organization.teams.pop()):
        edits.dissolved.append(team)
        edits.regrouped += team.members
        act(graph.group(team.id).delete())
    # Whoever loses access with these groups is edited no further.
    pool = [one for one in dice.sample(organization.people, USERS) if organization.entitled(one)]

    def take(count, condition=lambda one: True):
        taken = [one for one in pool if condition(one)][:count]
        assert len(taken) == count
        for one in taken:
            pool.remove(one)
        return taken

    # Who loses access: not the managers of others, so that it stays clear what their people's accounts hold.
    def follower(one):
        return one.name not in leaders

    for one in take(20, lambda one: one in organization.people[: IN_TEAMS.start]):
        act(application.unassign(organization.assignments.pop(one.id)))
    for one in take(19, follower):
        organization.deleted.append(one)
        act(graph.user(one.id).delete())
    for one in take(18):
        one.values["account_enabled"] = False
        act(graph.user(one.id).patch(models.User(account_enabled=False)))

    edits.rewritten = take(80)
    for number, one in enumerate(edits.rewritten):
        values = changed(dice, one, number)
        one.values |= values
        act(graph.user(one.id).patch(models.User(**values)))
    edits.untouched = take(10)
    for one in edits.untouched:
        act(graph.user(one.id).patch(models.User(company_name="Not mapped to anything")))
    edits.moved = take(25, lambda one: one.manager)
    for one in edits.moved[:20]:
        one.manager = next(other for other in take(1) if other is not one.manager)
        act(graph.set_manager(one.id, one.manager.id))
    for one in edits.moved[20:]:
        one.manager = None
        act(graph.user(one.id).manager.ref.delete())

    for team in (organization.teams[3],):
        team.name = 'Team "renamed" \\'
        edits.renamed.append(team)
        act(graph.group(team.id).patch(models.Group(display_name=team.name)))
    for one in take(15):
        team = dice.choice([team for team in organization.teams if one not in team.members])
        team.members.append(one)
        edits.members[team.name] += 1
        edits.regrouped.append(one)
        act(graph.add_member(team.id, one.id))
    for one in take(10, lambda one: any(one in team.members for team in organization.teams)):
        team = next(team for team in organization.teams if one in team.members)
        team.members.remove(one)
        edits.members[team.name] += 1
        edits.regrouped.append(one)
        act(graph.remove_member(team.id, one.id))
    await graph.at_once(calls)
    return edits


async def test_thousand_users(world):
    graph, target, proxy = Graph("msgraph", world.entente), world.target, world.proxy
    dice = Random(1000)
    organization = Organization(dice)
    people, teams = organization.people, organization.teams
    await create_people(graph, people)
    await read_people(graph, people)
    await create_teams(graph, teams)
    await graph.at_once(graph.set_manager(one.id, one.manager.id) for one in people if one.manager)
    job = await graph.create_job(proxy.base, sync_all=False)
    assigned = [people[number].id for number in ASSIGNED] + [team.id for team in teams]
    organization.assignments = await job.application.assign(assigned)

    # The initial cycle.
    status = await job.cycle(180)
    assert organization.differences(target) == []
    assert status.last_execution.state == graph.models.SynchronizationTaskExecutionResult.Succeeded
    counts = {pair.key: pair.value for pair in status.synchronized_entry_count_by_type}
    assert sorted(counts.values()) == [TEAMS, USERS], counts
    check_initial_requests(proxy.take(), organization)

    # Two hundred edits, and one incremental cycle.
    await job.pause()
    accounts = {account.user_name: account.id for account in target.accounts()}
    groups = {group.display_name: group.id for group in target.groups()}
    groups_by_team = {team.id: groups[team.name] for team in teams}
    edits = await edit(graph, organization, job.application, dice)
    assert edits.count == 200
    gone = organization.settle()
    assert len(gone) >= 57
    await job.cycle(120)
    assert organization.differences(target) == []
    assert {account.user_name: account.id for account in target.accounts()} == accounts, "an account was made anew"
    check_incremental_requests(proxy.take(), organization, edits, gone, accounts, groups_by_team)

    # And nothing is left to do.
    await job.cycle()
    assert [str(request) for request in proxy.take()] == []


def check_initial_requests(requests, organization: Organization):
    """One create for everything, one update for every manager and few for the members, and no search one by one."""
    kinds = Counter((request.method, request.resource) for request in requests)
    assert all(request.status < 400 for request in requests)
    assert kinds.pop(("POST", "Users")) == USERS
    assert kinds.pop(("POST", "Groups")) == TEAMS
    managed = sum(one.manager is not None for one in organization.people)
    assert kinds.pop(("PATCH", "Users")) <= managed
    assert kinds.pop(("PATCH", "Groups")) <= sum(len(team.members) for team in organization.teams)
    reads = sum(count for (method, _), count in kinds.items() if method == "GET")
    assert reads == sum(kinds.values()), f"what else was sent: {kinds}"
    assert reads <= 20, kinds


def check_incremental_requests(requests, organization, edits: Edits, gone, accounts, groups):
    """Every account and group that differs got one update; nothing was sent for the others."""
    assert [str(request) for request in requests if request.status >= 400] == []
    per_object = Counter((request.method, request.resource, request.anchor) for request in requests)

    def told(anchor):
        return "\n".join(str(request) for request in requests if request.anchor == anchor)

    for kind, people, updates in (
        ("an edited user", edits.rewritten, 1),
        ("a user with an edit that no mapping reads", edits.untouched, 0),
        ("a user with another manager", edits.moved, 1),
        ("a user who lost access", gone, 1),
    ):
        for one in people:
            sent = per_object.pop(("PATCH", "Users", accounts[one.name]), 0)
            assert sent == updates, f"{kind} got {sent} updates:\n{told(accounts[one.name])}"
            reads = per_object.pop(("GET", "Users", accounts[one.name]), 0)
            assert reads <= 1, f"{kind} was read {reads} times:\n{told(accounts[one.name])}"
    # Whose groups changed is entitled in another way than before: one look may be needed, and is all.
    for one in edits.regrouped:
        assert per_object.pop(("GET", "Users", accounts[one.name]), 0) <= 1, told(accounts[one.name])
    for team in edits.dissolved:
        assert per_object.pop(("DELETE", "Groups", groups[team.id])) == 1
        per_object.pop(("GET", "Groups", groups[team.id]), None)
    for team in organization.teams:
        touched = edits.members[team.name] + (team in edits.renamed)
        # The source may take deleted users out of their groups.
        allowed = touched + sum(one in team.members for one in organization.deleted)
        sent = per_object.pop(("PATCH", "Groups", groups[team.id]), 0)
        assert min(touched, 1) <= sent <= allowed, f"{touched} edits, but {sent} updates:\n{told(groups[team.id])}"
        if allowed:
            assert per_object.pop(("GET", "Groups", groups[team.id]), 0) <= 1
    # Nothing else but what tells what the service is like.
    rest = [request for request in requests if (request.method, request.resource, request.anchor) in per_object]
    unneeded = [str(request) for request in rest if request.resource not in UNCHANGING]
    assert not unneeded, f"{len(unneeded)} requests that nobody needed:\n" + "\n".join(unneeded[:10])
    assert sum(per_object.values()) <= 3
