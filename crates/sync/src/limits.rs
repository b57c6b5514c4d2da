//! How many writes of a kind are too many to be sent without a person's consent.

use model::link::StagedKind;
use model::settings::{JobSettings, Limit};

/// The limits on the writes of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Creates of one object type.
    pub creates: Option<Limit>,
    /// Updates of one object type.
    pub updates: Option<Limit>,
    /// Disables of one object type.
    pub disables: Option<Limit>,
    /// Deletes of one object type.
    pub deletes: Option<Limit>,
    /// Disables and deletes of all types together.
    pub removals: Option<u64>,
}

/// Writes of one kind and object type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// What they would do.
    pub kind: StagedKind,
    /// How many, those lately sent included.
    pub count: u64,
    /// Managed objects of the type.
    pub managed: u64,
}

/// Which kinds of writes are held for consent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Creates are.
    pub creates: bool,
    /// Updates are.
    pub updates: bool,
    /// Disables and deletes are.
    pub removals: bool,
}

impl Held {
    /// True where writes of a kind are held.
    #[must_use]
    pub fn holds(self, kind: StagedKind) -> bool {
        match kind {
            StagedKind::Create => self.creates,
            StagedKind::Update => self.updates,
            StagedKind::Disable | StagedKind::Delete => self.removals,
        }
    }
}

/// More than this many removals of a type trip the default limit, if they are also more than the share below.
const DEFAULT_COUNT: u64 = 10;
/// More than this many per cent of the managed objects of a type.
const DEFAULT_PERCENT: u64 = 20;

impl Limits {
    /// The limits that a job's settings give, with the threshold of `SyncNotificationSettings` where that is enabled.
    #[must_use]
    pub fn of(settings: &JobSettings, notification_threshold: Option<u64>) -> Self {
        Self {
            creates: settings.policies.max_creates,
            updates: settings.policies.max_updates,
            disables: settings.max_disables,
            deletes: settings.max_deletes,
            removals: match (settings.max_removals, notification_threshold) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            },
        }
    }

    /// True where writes of a kind are gathered until the end of the cycle, to be counted before any is sent.
    #[must_use]
    pub fn stages(&self, kind: StagedKind) -> bool {
        match kind {
            StagedKind::Create => self.creates.is_some(),
            StagedKind::Update => self.updates.is_some(),
            StagedKind::Disable | StagedKind::Delete => true,
        }
    }

    /// Which kinds of writes are too many. A limit that is given is tripped when it is reached. Where none is given for
    /// removals, more than 10 and more than 20 % of the managed objects of a type are too many.
    #[must_use]
    pub fn held(&self, tallies: &[Tally]) -> Held {
        let removals: u64 =
            tallies.iter().filter(|tally| tally.kind.removes()).map(|tally| tally.count).sum();
        let mut held =
            Held { removals: self.removals.is_some_and(|limit| removals >= limit), ..Held::default() };
        for tally in tallies.iter().filter(|tally| self.is_reached(tally)) {
            match tally.kind {
                StagedKind::Create => held.creates = true,
                StagedKind::Update => held.updates = true,
                StagedKind::Disable | StagedKind::Delete => held.removals = true,
            }
        }
        held
    }

    fn is_reached(&self, tally: &Tally) -> bool {
        let limit = match tally.kind {
            StagedKind::Create => self.creates,
            StagedKind::Update => self.updates,
            StagedKind::Disable => self.disables,
            StagedKind::Delete => self.deletes,
        };
        let share = |percent: u64| tally.managed.saturating_mul(percent);
        let hundredfold = tally.count.saturating_mul(100);
        match limit {
            Some(Limit::Count(count)) => tally.count >= count,
            // A job that manages nothing yet has no hundred per cent that creates could be a share of.
            Some(Limit::Percent(_)) if tally.kind == StagedKind::Create && tally.managed == 0 => false,
            Some(Limit::Percent(percent)) => tally.count > 0 && hundredfold >= share(u64::from(percent)),
            None if !tally.kind.removes() || self.removals.is_some() => false,
            None => tally.count > DEFAULT_COUNT && hundredfold > share(DEFAULT_PERCENT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Limits =
        Limits { creates: None, updates: None, disables: None, deletes: None, removals: None };

    #[test]
    fn removal_limits_by_table() {
        let deletes = |limit| Limits { deletes: Some(limit), ..NONE };
        let rows = [
            (NONE, 10, 20, false),
            (NONE, 11, 20, true),
            (NONE, 11, 55, false),
            (NONE, 11, 54, true),
            (NONE, 3, 3, false),
            (deletes(Limit::Count(5)), 4, 1000, false),
            (deletes(Limit::Count(5)), 5, 1000, true),
            (deletes(Limit::Percent(10)), 9, 100, false),
            (deletes(Limit::Percent(10)), 10, 100, true),
            (deletes(Limit::Percent(10)), 0, 0, false),
            (Limits { removals: Some(3), ..NONE }, 2, 1000, false),
            (Limits { removals: Some(3), ..NONE }, 3, 1000, true),
            (Limits { removals: Some(300), ..NONE }, 200, 200, false),
        ];
        for (limits, count, managed, expected) in rows {
            let tally = Tally { kind: StagedKind::Delete, count, managed };
            assert_eq!(limits.held(&[tally]).removals, expected, "{limits:?} {count} of {managed}");
        }
    }

    #[test]
    fn creates_and_updates_are_limited_for_themselves() {
        let limits = Limits { creates: Some(Limit::Percent(50)), updates: Some(Limit::Count(3)), ..NONE };
        let tally = |kind, count, managed| Tally { kind, count, managed };
        let held = |tallies: &[Tally]| limits.held(tallies);
        assert_eq!(held(&[tally(StagedKind::Create, 1000, 0)]), Held::default());
        assert_eq!(held(&[tally(StagedKind::Create, 4, 10)]), Held::default());
        assert_eq!(held(&[tally(StagedKind::Create, 5, 10)]), Held { creates: true, ..Held::default() });
        let both = [tally(StagedKind::Update, 3, 10), tally(StagedKind::Delete, 2, 10)];
        assert_eq!(held(&both), Held { updates: true, ..Held::default() });
        assert_eq!(NONE.held(&[tally(StagedKind::Create, 1000, 1)]), Held::default());
        assert!(NONE.stages(StagedKind::Delete) && !NONE.stages(StagedKind::Create));
        assert!(limits.stages(StagedKind::Create) && limits.stages(StagedKind::Update));
    }
}
