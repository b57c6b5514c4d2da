//! The rules in short: who should have an account, and with what in it. It knows nothing of cycles, links or requests,
//! so where the engine is free (it may or may not have seen what was for a while), it allows either.

use std::collections::BTreeSet;

pub(crate) const PEOPLE: usize = 14;
pub(crate) const TEAMS: usize = 3;

/// Whether there is an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Account {
    #[default]
    No,
    Maybe,
    Yes,
}

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct Person {
    pub(crate) exists: bool,
    pub(crate) enabled: bool,
    pub(crate) binned: bool,
    pub(crate) assigned: bool,
    pub(crate) sales: bool,
    /// The input filter passes the person by.
    pub(crate) filtered: bool,
    pub(crate) login: String,
    pub(crate) name: String,
    pub(crate) manager: Option<usize>,
    pub(crate) account: Account,
    /// There was an account before the person was purged, and the job may not have seen that.
    left: bool,
    /// The job may have let go of the account since access was lost.
    pub(crate) released: bool,
    /// There may be an account that the job does not count as its own.
    pub(crate) loose: bool,
    /// That was so at some time: what the job then did not follow may have stayed.
    pub(crate) strayed: bool,
}

#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct Team {
    pub(crate) exists: bool,
    pub(crate) binned: bool,
    pub(crate) assigned: bool,
    pub(crate) members: BTreeSet<usize>,
    /// A person took it out of the job.
    pub(crate) excluded: bool,
    /// As of a person.
    pub(crate) filtered: bool,
    /// As of a person.
    pub(crate) loose: bool,
    /// `Yes` once it was made and has what came with that.
    pub(crate) account: Account,
    /// Where members flow when the account is made: who must be among them, and who may.
    pub(crate) first: BTreeSet<usize>,
    pub(crate) at_most: BTreeSet<usize>,
}

/// A change at the source, or by hand at the target.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Edit {
    Put(usize, Option<usize>),
    Rename(usize),
    /// The second takes the login of the first, who gets a new one.
    Pass(usize, usize),
    Swap(usize, usize),
    Enable(usize, bool),
    Bin(usize, bool),
    Purge(usize),
    Manage(usize, Option<usize>),
    Assign(usize, bool),
    /// The account is deleted at the target, and the person is touched at the source.
    Lose(usize),
    /// The account is deleted at the target, and nothing tells of it.
    Vanish(usize),
    /// The account is changed at the target.
    Tamper(usize),
    /// Somebody is removed from a team at the target.
    Dismiss(usize, usize),
    PutTeam(usize),
    BinTeam(usize, bool),
    PurgeTeam(usize),
    AssignTeam(usize, bool),
    Join(usize, usize),
    Leave(usize, usize),
    /// A team is taken out of the job by hand, or back in.
    Exclude(usize, bool),
    /// The input filter passes a person, or a team, by or no longer.
    Filter(usize, bool),
    FilterTeam(usize, bool),
    /// Everybody is entitled, assigned or not.
    Everybody(bool),
    /// Names are written large; only the sales department is in scope.
    Schema(bool, bool),
}

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct Model {
    pub(crate) people: Vec<Person>,
    pub(crate) teams: Vec<Team>,
    pub(crate) everybody: bool,
    pub(crate) upper: bool,
    pub(crate) sales_only: bool,
    /// The target refuses a login that another has.
    pub(crate) unique: bool,
    /// What is changed at the target is brought back, of members too.
    repairs: bool,
    repairs_members: bool,
    /// They stay active until everything has arrived: with logins that were others' before, or without an account.
    pinned: BTreeSet<usize>,
    drawn: u32,
}

impl Model {
    pub(crate) fn new(options: &super::Options) -> Self {
        let person = |number| Person {
            exists: false,
            enabled: true,
            binned: false,
            assigned: false,
            sales: number % 2 == 0,
            filtered: false,
            login: format!("user{number}"),
            name: String::new(),
            manager: None,
            account: Account::No,
            left: false,
            released: false,
            loose: false,
            strayed: false,
        };
        Self {
            people: (0..PEOPLE).map(person).collect(),
            teams: vec![Team::default(); TEAMS],
            everybody: options.everybody,
            upper: false,
            sales_only: false,
            unique: options.unique,
            repairs: options.repairs,
            repairs_members: options.repairs && !options.members_once,
            pinned: BTreeSet::new(),
            drawn: 0,
        }
    }

    pub(crate) fn is_visible(&self, number: usize) -> bool {
        self.people[number].exists && !self.people[number].binned
    }

    pub(crate) fn is_active(&self, number: usize) -> bool {
        self.has_access(number) && self.is_visible(number) && self.people[number].enabled
    }

    /// True where the account is to be as the source says; it is left alone else, or has an end.
    pub(crate) fn is_followed(&self, number: usize) -> bool {
        self.is_active(number) && !self.people[number].filtered
    }

    /// True where access is the one thing that is missing.
    pub(crate) fn lacks_access(&self, number: usize) -> bool {
        !self.has_access(number) && self.is_visible(number) && self.people[number].enabled
    }

    fn has_access(&self, number: usize) -> bool {
        let person = &self.people[number];
        let by_team =
            |team: &Team| team.exists && !team.binned && team.assigned && team.members.contains(&number);
        let entitled = self.everybody || person.assigned || self.teams.iter().any(by_team);
        entitled && (!self.sales_only || person.sales)
    }

    pub(crate) fn is_active_team(&self, number: usize) -> bool {
        let team = &self.teams[number];
        team.exists && !team.binned && (self.everybody || team.assigned)
    }

    /// As of people.
    pub(crate) fn is_followed_team(&self, number: usize) -> bool {
        let Team { excluded, filtered, .. } = self.teams[number];
        self.is_active_team(number) && !excluded && !filtered
    }

    /// What the name of an account should be.
    pub(crate) fn shown_name(&self, number: usize) -> String {
        let name = &self.people[number].name;
        if self.upper { name.to_uppercase() } else { name.clone() }
    }

    /// The edit, of an account that is likely to be there where it is of one.
    pub(crate) fn aimed(&self, edit: Edit) -> Edit {
        let next = |number: usize| {
            let mut others = (0..PEOPLE).map(|step| (number + step) % PEOPLE);
            others.find(|other| self.is_followed(*other)).unwrap_or(number)
        };
        match edit {
            Edit::Lose(number) => Edit::Lose(next(number)),
            Edit::Vanish(number) => Edit::Vanish(next(number)),
            Edit::Tamper(number) => Edit::Tamper(next(number)),
            Edit::Dismiss(team, number) => {
                let members = &self.teams[team].members;
                let from = members.range(number..).chain(members).next();
                Edit::Dismiss(team, from.copied().unwrap_or(number))
            }
            other => other,
        }
    }

    /// The world after an edit; none where it cannot be.
    pub(crate) fn after(&self, edit: Edit) -> Option<Self> {
        let mut after = self.clone();
        after.apply(edit)?;
        if !after.pinned.iter().all(|number| after.is_followed(*number)) {
            return None;
        }
        for number in 0..PEOPLE {
            let (followed, lacks) = (after.is_followed(number), after.lacks_access(number));
            let person = &mut after.people[number];
            if followed && person.account == Account::No {
                person.account = Account::Maybe;
            }
            person.released |= lacks && person.account != Account::No;
        }
        for number in 0..TEAMS {
            after.note_members(number);
        }
        Some(after)
    }

    /// An account may be made from when the team is followed, and may end, to be made anew, once it is not active.
    fn note_members(&mut self, number: usize) {
        let (followed, active) = (self.is_followed_team(number), self.is_active_team(number));
        let members = self.teams[number].members.iter().copied();
        let shown: BTreeSet<usize> = members.filter(|member| self.is_visible(*member)).collect();
        let team = &mut self.teams[number];
        match team.account {
            Account::Yes if active => return,
            Account::No => (team.first, team.at_most) = (shown.clone(), shown),
            _ => {
                team.first.retain(|member| shown.contains(member));
                team.at_most.extend(shown);
            }
        }
        if followed || team.account == Account::Yes {
            team.account = Account::Maybe;
        }
    }

    fn apply(&mut self, edit: Edit) -> Option<()> {
        match edit {
            Edit::Put(number, manager) => {
                self.people[number].name = self.fresh("Name");
                self.appear(number);
                self.people[number].manager = manager.filter(|manager| *manager != number);
            }
            Edit::Rename(number) => {
                self.require_known_by_login(number)?;
                self.people[number].login = self.fresh("user");
                self.pinned.insert(number);
            }
            Edit::Pass(from, to) => self.pass(from, to)?,
            Edit::Swap(one, other) => {
                self.require_known_by_login(one)?;
                self.require_known_by_login(other)?;
                let free = one != other && !self.unique && !self.pinned.contains(&one);
                (free && !self.pinned.contains(&other)).then_some(())?;
                let login = std::mem::take(&mut self.people[one].login);
                self.people[one].login = std::mem::replace(&mut self.people[other].login, login);
                self.pinned.extend([one, other]);
            }
            Edit::Enable(number, enabled) => self.existing(number)?.enabled = enabled,
            Edit::Bin(number, binned) => self.existing(number)?.binned = binned,
            Edit::Purge(number) => self.purge(number)?,
            Edit::Manage(number, manager) => {
                self.existing(number)?.manager = manager.filter(|manager| *manager != number);
            }
            Edit::Assign(number, assigned) => self.existing(number)?.assigned = assigned,
            Edit::Lose(number) => {
                // Of who is not active the job does not look at the account, and what refers to it cannot be.
                self.is_followed(number).then_some(())?;
                self.pinned.insert(number);
                let name = self.fresh("Name");
                let person = self.existing(number)?;
                person.name = name;
                person.account = Account::No;
            }
            Edit::Vanish(number) => {
                self.require_repaired(number)?;
                self.existing(number)?.account = Account::No;
            }
            Edit::Tamper(number) => self.require_repaired(number)?,
            Edit::Dismiss(team, _) => {
                (self.repairs_members && self.is_followed_team(team)).then_some(())?;
            }
            Edit::PutTeam(team) => self.teams[team].exists = true,
            Edit::BinTeam(team, binned) => self.existing_team(team)?.binned = binned,
            Edit::PurgeTeam(team) => {
                // As of people one must be left: where a full read shows no team at all, removals wait for a person.
                (team != 0 && self.teams[0].exists).then_some(())?;
                let was = std::mem::take(self.existing_team(team)?);
                let Team { excluded, loose, account, first, at_most, .. } = was;
                self.teams[team] = Team { excluded, loose, account, first, at_most, ..Team::default() };
            }
            Edit::AssignTeam(team, assigned) => self.existing_team(team)?.assigned = assigned,
            Edit::Join(team, number) => {
                self.existing(number)?;
                self.existing_team(team)?.members.insert(number);
            }
            Edit::Leave(team, number) => {
                self.existing_team(team)?.members.remove(&number);
            }
            Edit::Exclude(team, excluded) => self.teams[team].excluded = excluded,
            Edit::Filter(number, filtered) => self.existing(number)?.filtered = filtered,
            Edit::FilterTeam(team, filtered) => self.existing_team(team)?.filtered = filtered,
            Edit::Everybody(everybody) => self.everybody = everybody,
            Edit::Schema(upper, sales_only) => (self.upper, self.sales_only) = (upper, sales_only),
        }
        Some(())
    }

    fn appear(&mut self, number: usize) {
        let person = &mut self.people[number];
        person.exists = true;
        if person.left && person.account == Account::No {
            person.account = Account::Maybe;
        }
    }

    fn pass(&mut self, from: usize, to: usize) -> Option<()> {
        self.require_known_by_login(from)?;
        let newcomer = &self.people[to];
        let newcomer = !newcomer.exists && newcomer.account == Account::No && !newcomer.left;
        (from != to && (newcomer || self.require_known_by_login(to).is_some())).then_some(())?;
        let fresh = self.fresh("user");
        self.people[to].login = std::mem::replace(&mut self.people[from].login, fresh);
        self.appear(to);
        self.people[to].assigned = true;
        self.pinned.extend([from, to]);
        Some(())
    }

    fn purge(&mut self, number: usize) -> Option<()> {
        // Somebody must be left: a source that shows nobody at all is not believed.
        (number != 0).then_some(())?;
        let person = self.existing(number)?;
        person.left |= person.account != Account::No;
        person.loose |= person.released && person.account != Account::No;
        person.account =
            if person.loose && person.account != Account::No { Account::Maybe } else { Account::No };
        (person.exists, person.enabled, person.binned, person.assigned) = (false, true, false, false);
        (person.manager, person.filtered) = (None, false);
        for team in &mut self.teams {
            team.members.remove(&number);
            team.first.remove(&number);
        }
        Some(())
    }

    /// All links are forgotten: what is not followed is not linked again, and what is found was not made.
    pub(crate) fn forget_links(&mut self) {
        for number in 0..PEOPLE {
            let followed = self.is_followed(number);
            let person = &mut self.people[number];
            person.loose |= !followed && person.account != Account::No;
            person.strayed |= person.loose;
        }
        for number in 0..TEAMS {
            self.teams[number].loose |= !self.is_followed_team(number);
            self.teams[number].first.clear();
        }
    }

    /// Everything has arrived, and these people and teams have accounts.
    pub(crate) fn arrived(&mut self, there: &BTreeSet<usize>, teams: &BTreeSet<usize>) {
        self.pinned.clear();
        for number in 0..PEOPLE {
            let followed = self.is_followed(number);
            let person = &mut self.people[number];
            person.left = false;
            person.account = if there.contains(&number) { Account::Yes } else { Account::No };
            person.released &= !followed && person.account == Account::Yes;
            person.loose &= !followed && person.account == Account::Yes;
            person.strayed |= person.loose;
        }
        for number in 0..TEAMS {
            let followed = self.is_followed_team(number);
            let team = &mut self.teams[number];
            team.account = match team.account {
                _ if !teams.contains(&number) => Account::No,
                _ if followed => Account::Yes,
                Account::No => Account::Maybe,
                known => known,
            };
        }
    }

    fn existing(&mut self, number: usize) -> Option<&mut Person> {
        self.people.get_mut(number).filter(|person| person.exists)
    }

    fn existing_team(&mut self, team: usize) -> Option<&mut Team> {
        self.teams.get_mut(team).filter(|team| team.exists)
    }

    /// Whoever gets another login must be followed, and the account not be one that the job forgot: only by the login it
    /// would be found again.
    fn require_known_by_login(&self, number: usize) -> Option<()> {
        (self.is_followed(number) && !self.people[number].loose).then_some(())
    }

    /// An account that others touch must be looked after until it is repaired.
    fn require_repaired(&mut self, number: usize) -> Option<()> {
        (self.repairs && self.is_followed(number) && !self.people[number].loose).then_some(())?;
        self.pinned.insert(number);
        Some(())
    }

    /// A text that nobody had before.
    fn fresh(&mut self, what: &str) -> String {
        self.drawn += 1;
        format!("{what}-{}", self.drawn)
    }
}
