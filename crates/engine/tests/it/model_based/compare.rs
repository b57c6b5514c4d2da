//! The target against the model.

use std::collections::{BTreeMap, BTreeSet};

use model::{Anchor, Object, Value};
use testkit::MemoryTarget;

use super::model::{Account, Model, PEOPLE, TEAMS};

/// What is at the target, by the people and teams of the model.
struct Shown<'a> {
    target: &'a MemoryTarget,
    accounts: BTreeMap<usize, Vec<Object>>,
    /// Whose account an anchor is.
    owners: BTreeMap<Anchor, usize>,
}

/// Which people and which teams have an account.
pub(crate) type There = (BTreeSet<usize>, BTreeSet<usize>);

/// What is wrong, in words; else who has an account.
pub(crate) fn differences(
    model: &Model,
    target: &MemoryTarget,
    options: &super::Options,
) -> Result<There, Vec<String>> {
    let mut shown = Shown { target, accounts: BTreeMap::new(), owners: BTreeMap::new() };
    let mut wrong = Vec::new();
    for account in target.objects("account") {
        let key = account.get("key").as_text().and_then(|text| text.strip_prefix('u')?.parse().ok());
        let Some(number) = key.filter(|number| *number < PEOPLE) else {
            wrong.push(format!("an account is nobody's: {account:?}"));
            continue;
        };
        shown.owners.insert(account.anchor.clone(), number);
        shown.accounts.entry(number).or_default().push(account);
    }
    for number in 0..PEOPLE {
        wrong.extend(
            shown.person(model, number, options).into_iter().map(|words| format!("u{number} {words}")),
        );
    }
    for number in 0..TEAMS {
        wrong
            .extend(shown.team(model, number, options).into_iter().map(|words| format!("g{number} {words}")));
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let teams = (0..TEAMS).filter(|number| !shown.accounts_of_team(*number).is_empty()).collect();
    Ok((shown.accounts.into_keys().collect(), teams))
}

impl Shown<'_> {
    fn person(&self, model: &Model, number: usize, options: &super::Options) -> Vec<String> {
        let person = &model.people[number];
        let accounts = self.accounts.get(&number).map_or(&[][..], Vec::as_slice);
        let [account] = accounts else {
            let must = model.is_followed(number) || person.account == Account::Yes;
            return match accounts.len() {
                0 if must => vec!["has no account".into()],
                0 => vec![],
                more => vec![format!("has {more} accounts")],
            };
        };
        let is = account.get("active").as_boolean();
        if model.is_followed(number) {
            let mut wrong = vec![];
            for (attribute, wanted) in [
                ("userName", Value::from(person.login.as_str())),
                ("name", Value::from(model.shown_name(number))),
                ("department", Value::from(if person.sales { "Sales" } else { "IT" })),
                ("active", Value::Boolean(true)),
            ] {
                if *account.get(attribute) != wanted {
                    wrong.push(format!("{attribute} is {:?} and not {wanted:?}", account.get(attribute)));
                }
            }
            wrong.extend(self.manager(model, number, account));
            return wrong;
        }
        let kept = options.keeps_out_of_scope && (!person.exists || model.lacks_access(number));
        match person.account {
            Account::No => vec!["should have no account".into()],
            _ if person.filtered => vec![],
            _ if is == Some(true) && !kept && !person.loose => vec!["should not be active".into()],
            _ => vec![],
        }
    }

    fn manager(&self, model: &Model, number: usize, account: &Object) -> Option<String> {
        let shown = account.get("manager").as_reference().map(|anchor| self.owners.get(anchor).copied());
        if let Some(None) = shown {
            return Some("has a manager who is not there".into());
        }
        let shown = shown.flatten();
        let loose = |one: Option<usize>| one.is_some_and(|one| model.people[one].loose);
        let wanted = model.people[number].manager.filter(|manager| model.is_visible(*manager));
        let kept = model.people[number].strayed && wanted.is_none();
        if loose(shown) || loose(wanted) || kept {
            return None;
        }
        let wanted = wanted.filter(|manager| self.accounts.contains_key(manager));
        (shown != wanted).then(|| format!("has the manager {shown:?} and not {wanted:?}"))
    }

    fn accounts_of_team(&self, number: usize) -> Vec<Object> {
        let name = format!("g{number}");
        let mut found = self.target.objects("team");
        found.retain(|object| object.get("name").as_text() == Some(&name));
        found
    }

    fn team(&self, model: &Model, number: usize, options: &super::Options) -> Vec<String> {
        let team = &model.teams[number];
        let found = self.accounts_of_team(number);
        if team.excluded && found.len() < 2 {
            return vec![];
        }
        if team.filtered {
            return match (found.len(), team.account) {
                (0, Account::Yes) => vec!["is missing".into()],
                (1, Account::No) if !team.loose => vec!["should not be there".into()],
                (0 | 1, _) => vec![],
                (more, _) => vec![format!("is there {more} times")],
            };
        }
        let one = match found.as_slice() {
            [] if model.is_active_team(number) => return vec!["is missing".into()],
            [] => return vec![],
            [one] => one,
            more => return vec![format!("is there {} times", more.len())],
        };
        if !model.is_active_team(number) {
            // Where teams cannot be disabled they are deleted; else nothing says what to do with them.
            let out = team.exists && !team.binned;
            let kept =
                team.loose || (options.teams_stay && team.exists) || (options.keeps_out_of_scope && out);
            return if kept { vec![] } else { vec!["should be gone".into()] };
        }
        let members = self.target.references(&one.anchor, "members");
        let shown: BTreeSet<usize> = members.iter().map(|anchor| self.owners[anchor]).collect();
        let has_account = |member: &usize| self.accounts.contains_key(member);
        let now =
            team.members.iter().copied().filter(|member| model.is_visible(*member) && has_account(member));
        let now: BTreeSet<usize> = now.collect();
        let (wanted, allowed) = if options.members_once {
            (team.first.iter().copied().filter(has_account).collect(), &team.at_most)
        } else {
            (now.clone(), &now)
        };
        let person = |number: &usize| &model.people[*number];
        let lacks: Vec<_> = wanted.difference(&shown).filter(|one| !person(one).loose).collect();
        let extra = shown.difference(allowed).filter(|one| !person(one).loose && !person(one).strayed);
        let extra: Vec<_> = extra.filter(|_| !team.loose).collect();
        let mut wrong = vec![];
        if !lacks.is_empty() {
            wrong.push(format!("lacks the members {lacks:?}"));
        }
        if !extra.is_empty() {
            wrong.push(format!("should not have the members {extra:?}"));
        }
        wrong
    }
}
