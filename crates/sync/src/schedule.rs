//! When failures are tried again.

use model::job::QuarantineReason;
use model::settings::EscrowThresholds;
use model::{SignedDuration, Timestamp};

/// The wait after the given number of tries: the intervals in order, the last repeating.
#[must_use]
pub fn retry_at(now: Timestamp, attempts: u32, intervals: &[SignedDuration]) -> Timestamp {
    let position = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let wait = intervals.get(position).or(intervals.last()).copied().unwrap_or(SignedDuration::from_mins(10));
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// What failed, for telling whether a job fails as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EscrowTally {
    /// Objects that failed among the events.
    pub failed: u64,
    /// What was decided about and not skipped.
    pub events: u64,
    /// Objects that wait in escrow.
    pub waiting: u64,
    /// References that wait because their export failed.
    pub references: u64,
}

/// Why the failures put the job in quarantine, where they do: too many wait, too many with the references among them,
/// or too large a share of the events failed.
#[must_use]
pub fn escrow_trouble(limits: EscrowThresholds, tally: EscrowTally) -> Option<QuarantineReason> {
    let EscrowTally { failed, events, waiting, references } = tally;
    if waiting > limits.base {
        return Some(QuarantineReason::EncounteredBaseEscrowThreshold);
    }
    if waiting.saturating_add(references) > limits.total {
        return Some(QuarantineReason::EncounteredTotalEscrowThreshold);
    }
    let share = failed.saturating_mul(100) > events.saturating_mul(limits.percent);
    (failed >= limits.least && share).then_some(QuarantineReason::EncounteredEscrowProportionThreshold)
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
    fn escrow_thresholds_by_table() {
        use QuarantineReason::{
            EncounteredBaseEscrowThreshold as Base, EncounteredEscrowProportionThreshold as Proportion,
            EncounteredTotalEscrowThreshold as Total,
        };
        let narrow = EscrowThresholds { least: 5, percent: 30, base: 10, total: 20 };
        let usual = EscrowThresholds::default();
        for (limits, failed, events, waiting, references, expected) in [
            (usual, 0, 0, 0, 0, None),
            (usual, 4_999, 4_999, 4_999, 0, None),
            (usual, 5_000, 12_500, 5_000, 0, None),
            (usual, 5_000, 12_499, 5_000, 0, Some(Proportion)),
            (usual, 0, 0, 40_000, 0, None),
            (usual, 0, 0, 40_001, 0, Some(Base)),
            (usual, 0, 0, 0, 60_000, None),
            (usual, 0, 0, 0, 60_001, Some(Total)),
            (usual, 0, 0, 40_000, 20_001, Some(Total)),
            (narrow, 4, 4, 4, 0, None),
            (narrow, 5, 16, 5, 0, Some(Proportion)),
            (narrow, 0, 0, 11, 0, Some(Base)),
            (narrow, 0, 0, 10, 11, Some(Total)),
        ] {
            let tally = EscrowTally { failed, events, waiting, references };
            assert_eq!(escrow_trouble(limits, tally), expected, "{tally:?}");
        }
    }
}
