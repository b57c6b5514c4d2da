//! When failures are tried again, and how many removals are too many.

use model::link::StagedKind;
use model::settings::{JobSettings, Limit};
use model::{SignedDuration, Timestamp};

/// The wait after the given number of tries: the intervals in order, the last repeating.
#[must_use]
pub fn retry_at(now: Timestamp, attempts: u32, intervals: &[SignedDuration]) -> Timestamp {
    let position = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let wait = intervals.get(position).or(intervals.last()).copied().unwrap_or(SignedDuration::from_mins(10));
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// The limits on removals of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemovalLimits {
    /// Disables of one object type.
    pub disables: Option<Limit>,
    /// Deletes of one object type.
    pub deletes: Option<Limit>,
    /// Removals of either kind and all types.
    pub removals: Option<u64>,
}

impl RemovalLimits {
    /// The limits that a job's settings give, with the threshold of `SyncNotificationSettings` where that is enabled.
    #[must_use]
    pub fn of(settings: &JobSettings, notification_threshold: Option<u64>) -> Self {
        Self {
            disables: settings.max_disables,
            deletes: settings.max_deletes,
            removals: match (settings.max_removals, notification_threshold) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            },
        }
    }
}

/// Removals of one object type: how many there would be, and how many objects are managed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovalTally {
    /// What they would do.
    pub kind: StagedKind,
    /// Removals, those lately sent included.
    pub removals: u64,
    /// Managed objects of the type.
    pub managed: u64,
}

/// More than this many removals of a type trip the default limit, if they are also more than the share below.
const DEFAULT_COUNT: u64 = 10;
/// More than this many per cent of the managed objects of a type.
const DEFAULT_PERCENT: u64 = 20;

/// True where removals are too many to be sent without a person's consent. Given limits are tripped when they are
/// reached; where none is given for a kind, more than 10 and more than 20 % of the managed objects of a type are.
#[must_use]
pub fn removals_exceed(limits: RemovalLimits, tallies: &[RemovalTally]) -> bool {
    let total: u64 = tallies.iter().map(|tally| tally.removals).sum();
    if limits.removals.is_some_and(|limit| total >= limit) {
        return true;
    }
    tallies.iter().any(|tally| {
        let limit = match tally.kind {
            StagedKind::Disable => limits.disables,
            StagedKind::Delete => limits.deletes,
        };
        let share = |percent: u64| tally.managed.saturating_mul(percent);
        let removals = tally.removals.saturating_mul(100);
        match limit {
            Some(Limit::Count(count)) => tally.removals >= count,
            Some(Limit::Percent(percent)) => tally.removals > 0 && removals >= share(u64::from(percent)),
            None if limits.removals.is_some() => false,
            None => tally.removals > DEFAULT_COUNT && removals > share(DEFAULT_PERCENT),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_used_in_order_and_the_last_repeats() {
        let (now, minutes) = (Timestamp::UNIX_EPOCH, SignedDuration::from_mins);
        let intervals = [minutes(10), minutes(60)];
        assert_eq!(retry_at(now, 1, &intervals), now + minutes(10));
        assert_eq!(retry_at(now, 2, &intervals), now + minutes(60));
        assert_eq!(retry_at(now, 9, &intervals), now + minutes(60));
    }

    #[test]
    fn removal_limits_by_table() {
        let none = RemovalLimits::default();
        let deletes = |limit| RemovalLimits { deletes: Some(limit), ..none };
        let rows = [
            (none, 10, 20, false),
            (none, 11, 20, true),
            (none, 11, 55, false),
            (none, 11, 54, true),
            (none, 3, 3, false),
            (deletes(Limit::Count(5)), 4, 1000, false),
            (deletes(Limit::Count(5)), 5, 1000, true),
            (deletes(Limit::Percent(10)), 9, 100, false),
            (deletes(Limit::Percent(10)), 10, 100, true),
            (deletes(Limit::Percent(10)), 0, 0, false),
            (RemovalLimits { removals: Some(3), ..none }, 3, 1000, true),
            (RemovalLimits { removals: Some(300), ..none }, 200, 200, false),
        ];
        for (limits, removals, managed, expected) in rows {
            let tally = RemovalTally { kind: StagedKind::Delete, removals, managed };
            assert_eq!(removals_exceed(limits, &[tally]), expected, "{limits:?} {removals} of {managed}");
        }
    }
}
