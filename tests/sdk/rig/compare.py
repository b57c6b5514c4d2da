"""Source and target, attribute by attribute."""

from collections.abc import Iterable

from .target import Account, Group


def account_differences(wanted: dict[str, dict], accounts: Iterable[Account]) -> list[str]:
    """What is wrong with the accounts, in words. `wanted` holds values by SCIM path for each user name."""
    found: dict[str, Account] = {}
    wrong = []
    for account in accounts:
        if account.user_name in found:
            wrong.append(f"{account.user_name} exists twice")
        found[account.user_name] = account
    wrong += [f"{name} is missing" for name in wanted if name not in found]
    wrong += [f"{name} should not exist" for name in found if name not in wanted]
    for name, values in wanted.items():
        if name in found:
            held = found[name].values
            wrong += [
                f"{name}: {path} is {held.get(path)!r}, should be {values.get(path)!r}"
                for path in sorted(values.keys() | held.keys())
                if held.get(path) != values.get(path)
            ]
    return wrong


def manager_differences(wanted: dict[str, str | None], accounts: Iterable[Account]) -> list[str]:
    """What is wrong with the managers; `wanted` holds the manager's user name, or None, for each user name."""
    accounts = list(accounts)
    names = {account.id: account.user_name for account in accounts}
    return [
        f"{account.user_name}: manager is {names.get(account.manager, account.manager)!r}, should be {wanted[account.user_name]!r}"
        for account in accounts
        if account.user_name in wanted and names.get(account.manager, account.manager) != wanted[account.user_name]
    ]


def member_differences(
    wanted: dict[str, set[str]], groups: Iterable[Group], accounts: Iterable[Account], either_way: set[str] = frozenset()
) -> list[str]:
    """What is wrong with the groups; `wanted` holds the members' user names for each group name.

    Members in `either_way` may be there or not."""
    names = {account.id: account.user_name for account in accounts}
    found = {group.display_name: group for group in groups}
    wrong = [f"group {name!r} is missing" for name in wanted if name not in found]
    wrong += [f"group {name!r} should not exist" for name in found if name not in wanted]
    for name in wanted.keys() & found.keys():
        held = {names.get(member, member) for member in found[name].members}
        for member in sorted((held ^ wanted[name]) - either_way):
            wrong.append(f"group {name!r}: {member} is {'one too many' if member in held else 'missing'}")
    return wrong
