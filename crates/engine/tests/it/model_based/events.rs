//! What happens in a trial, drawn beforehand, so that a failing trial can be cut down to what it takes.

use testkit::SeededEntropy;

use super::model::{Edit, PEOPLE, TEAMS};

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Edit(Edit),
    /// The source forgets what changed.
    ForgetHistory,
    /// From now on calls go wrong, drawn by this seed.
    Faults(u64),
    Heal,
    Wait {
        minutes: u8,
    },
    Cycle,
    /// A plan is made, and waits.
    Look,
    /// The newest plan that waits is applied.
    Apply,
    /// The same, and the end of the process after so many steps.
    CrashApply(u64),
    /// A team, or a person, is provisioned on demand.
    OnDemand(usize),
    /// A cycle, and the end of the process after so many steps.
    Crash(u64),
    /// The same of a run on demand.
    CrashOnDemand(usize, u64),
    /// A cycle that is paused after so many steps; then the job is started again.
    Pause(u64),
    /// A restart of the job that forgets the watermark and, if so, the escrows and the quarantine.
    Restart {
        escrows: bool,
        quarantine: bool,
    },
    /// The connector data store is cleared, and everything is matched anew while the process dies after so many steps.
    Reset(u64),
    /// Faults end, everything is given its time, and the target is compared.
    Quiet,
}

struct Dice(SeededEntropy);

impl Dice {
    fn below(&self, bound: usize) -> usize {
        usize::try_from(self.0.below(u64::try_from(bound).unwrap())).unwrap()
    }

    fn one_in(&self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn edit(&self) -> Edit {
        let (number, other, team) = (self.below(PEOPLE), self.below(PEOPLE), self.below(TEAMS));
        match self.below(52) {
            0..=9 => Edit::Put(number, self.one_in(2).then_some(other)),
            10 => Edit::Rename(number),
            11 => Edit::Pass(number, other),
            12 => Edit::Swap(number, other),
            13..=15 => Edit::Enable(number, self.one_in(2)),
            16..=17 => Edit::Bin(number, self.one_in(2)),
            18..=19 => Edit::Purge(number),
            20..=21 => Edit::Manage(number, self.one_in(3).then_some(other)),
            22..=24 => Edit::Assign(number, !self.one_in(3)),
            25 => Edit::Lose(number),
            26..=28 => Edit::PutTeam(team),
            29 => Edit::BinTeam(team, self.one_in(2)),
            30 => Edit::PurgeTeam(team),
            31 => Edit::AssignTeam(team, !self.one_in(3)),
            32..=36 => Edit::Join(team, number),
            37..=38 => Edit::Leave(team, number),
            39..=40 => Edit::Exclude(team, self.one_in(2)),
            41..=42 => Edit::Filter(number, self.one_in(2)),
            43..=44 => Edit::FilterTeam(team, self.one_in(2)),
            45 => Edit::Vanish(number),
            46..=47 => Edit::Tamper(number),
            48..=49 => Edit::Dismiss(team, number),
            _ if self.one_in(2) => Edit::Everybody(self.one_in(2)),
            _ => Edit::Schema(self.one_in(2), self.one_in(3)),
        }
    }

    fn process(&self) -> Event {
        match self.below(23) {
            0..=2 => Event::Faults(self.0.below(u64::MAX)),
            3 => Event::Heal,
            4 => Event::Wait { minutes: u8::try_from(self.below(90)).unwrap() },
            5..=6 => Event::Cycle,
            7..=10 => Event::Crash(self.0.below(200)),
            11 => Event::Pause(self.0.below(100)),
            12 => Event::Restart { escrows: self.one_in(2), quarantine: self.one_in(2) },
            13..=14 => Event::OnDemand(self.below(TEAMS + PEOPLE / 2)),
            15..=16 => Event::CrashOnDemand(self.below(TEAMS + PEOPLE / 2), self.0.below(40)),
            17 => Event::ForgetHistory,
            18..=19 => Event::Look,
            20..=21 => Event::Apply,
            _ => Event::CrashApply(self.0.below(100)),
        }
    }
}

/// The events of a seed.
pub(crate) fn drawn(seed: u64) -> Vec<Event> {
    let dice = Dice(SeededEntropy::new(seed));
    let mut events = vec![Event::Edit(Edit::Put(0, None))];
    for _ in 0..3 {
        events.extend((0..dice.below(30)).map(|_| Event::Edit(dice.edit())));
        for _ in 0..dice.below(6) {
            events.push(dice.process());
            events.extend((0..dice.below(4)).map(|_| Event::Edit(dice.edit())));
        }
        if dice.one_in(8) {
            events.push(Event::Reset(dice.0.below(200)));
        }
        events.push(Event::Quiet);
    }
    events
}
