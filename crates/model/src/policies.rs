//! What a job may touch: the part of the job settings that bounds its writes.

use crate::SignedDuration;
use crate::schema::FilterGroup;
use crate::settings::{Limit, SettingError, duration, limit, malformed};

/// Which accounts a job may change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ownership {
    /// Every account that is linked.
    #[default]
    All,
    /// Those that the job made itself.
    CreatedByJob,
}

/// What is done about changes that others made at the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DriftPolicy {
    /// They are looked for and shown.
    #[default]
    Report,
    /// They are looked for, shown and undone.
    Repair,
    /// They are not looked for.
    Ignore,
}

/// The settings that say what a job may touch.
#[derive(Clone, Debug, PartialEq)]
pub struct Policies {
    /// `MaxCreates`: creates of one object type that are held for consent when they are reached.
    pub max_creates: Option<Limit>,
    /// `MaxUpdates`: the same for updates.
    pub max_updates: Option<Limit>,
    /// `Ownership`: which accounts may be changed.
    pub ownership: Ownership,
    /// `NeverTouch`: accounts that satisfy one of these groups are left alone. Clauses name target attributes.
    pub never_touch: Vec<FilterGroup>,
    /// `DriftPolicy`: what is done about changes that others made.
    pub drift: DriftPolicy,
    /// `DriftInterval`: from one scan for drift to the next.
    pub drift_interval: SignedDuration,
    /// `DeleteAfterDisabled`: how long a disabled, released account is kept; none for ever.
    pub delete_after_disabled: Option<SignedDuration>,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            max_creates: None,
            max_updates: None,
            ownership: Ownership::default(),
            never_touch: Vec::new(),
            drift: DriftPolicy::default(),
            drift_interval: SignedDuration::from_hours(24),
            delete_after_disabled: None,
        }
    }
}

/// Every setting of this part.
pub(crate) const KNOWN: [&str; 7] = [
    "MaxCreates",
    "MaxUpdates",
    "Ownership",
    "NeverTouch",
    "DriftPolicy",
    "DriftInterval",
    "DeleteAfterDisabled",
];

/// Filter groups of `NeverTouch` at most, and clauses of each.
const MOST_GROUPS: usize = 100;

impl Policies {
    /// Takes up a setting; false where it is none of these.
    pub(crate) fn read(&mut self, name: &str, value: &str) -> Result<bool, SettingError> {
        match name {
            "MaxCreates" => self.max_creates = Some(limit("MaxCreates", value)?),
            "MaxUpdates" => self.max_updates = Some(limit("MaxUpdates", value)?),
            "Ownership" => {
                self.ownership = match value {
                    "All" => Ownership::All,
                    "CreatedByJob" => Ownership::CreatedByJob,
                    _ => return Err(malformed("Ownership", value, "All or CreatedByJob")),
                };
            }
            "NeverTouch" => self.never_touch = groups(value)?,
            "DriftPolicy" => {
                self.drift = match value {
                    "Report" => DriftPolicy::Report,
                    "Repair" => DriftPolicy::Repair,
                    "Ignore" => DriftPolicy::Ignore,
                    _ => return Err(malformed("DriftPolicy", value, "Report, Repair or Ignore")),
                };
            }
            "DriftInterval" => self.drift_interval = span("DriftInterval", value)?,
            "DeleteAfterDisabled" => {
                self.delete_after_disabled = Some(span("DeleteAfterDisabled", value)?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn span(name: &'static str, value: &str) -> Result<SignedDuration, SettingError> {
    duration(value).ok_or_else(|| malformed(name, value, "an ISO 8601 duration, such as P1D or P30D"))
}

/// Filter groups in the form of a schema's scoping filters.
fn groups(value: &str) -> Result<Vec<FilterGroup>, SettingError> {
    if value.is_empty() {
        return Ok(Vec::new());
    }
    let parsed: Result<Vec<FilterGroup>, _> = serde_json::from_str(value);
    let bounded = |groups: &Vec<FilterGroup>| {
        groups.len() <= MOST_GROUPS
            && groups.iter().all(|group| (1..=MOST_GROUPS).contains(&group.clauses.len()))
    };
    parsed.ok().filter(bounded).ok_or_else(|| {
        malformed(
            "NeverTouch",
            value,
            "a JSON array of at most 100 filter groups with clauses, such as [{\"clauses\":[{\"sourceOperandName\":\
             \"userName\",\"operatorName\":\"REGEX MATCH\",\"targetOperand\":{\"values\":[\"^svc-\"]}}]}]",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{JobSettings, Setting};

    fn parse(name: &str, value: &str) -> Result<Policies, String> {
        let pair = Setting { name: name.into(), value: value.into() };
        JobSettings::parse(&[pair]).map(|settings| settings.policies).map_err(|error| error.to_string())
    }

    #[test]
    fn policies_are_read() {
        assert_eq!(parse("MaxCreates", "50").unwrap().max_creates, Some(Limit::Count(50)));
        assert_eq!(parse("MaxUpdates", "5%").unwrap().max_updates, Some(Limit::Percent(5)));
        assert_eq!(parse("Ownership", "CreatedByJob").unwrap().ownership, Ownership::CreatedByJob);
        assert_eq!(parse("DriftPolicy", "Repair").unwrap().drift, DriftPolicy::Repair);
        assert_eq!(parse("DriftInterval", "PT1H").unwrap().drift_interval, SignedDuration::from_hours(1));
        let after = parse("DeleteAfterDisabled", "P30D").unwrap().delete_after_disabled;
        assert_eq!(after, Some(SignedDuration::from_hours(30 * 24)));
        let clause = r#"[{"clauses":[{"sourceOperandName":"userName","operatorName":"IS NOT NULL"}]}]"#;
        let groups = parse("NeverTouch", clause).unwrap().never_touch;
        assert_eq!(groups[0].clauses[0].source_operand_name.as_deref(), Some("userName"));
        assert_eq!(parse("NeverTouch", "").unwrap().never_touch, []);
    }

    #[test]
    fn mistakes_name_the_mend() {
        for (name, value, words) in [
            ("MaxCreates", "0", "above 0"),
            ("Ownership", "Mine", "All or CreatedByJob"),
            ("DriftPolicy", "Mend", "Report, Repair or Ignore"),
            ("DriftInterval", "soon", "P1D"),
            ("NeverTouch", "userName eq 'x'", "JSON array"),
            ("NeverTouch", "[{\"clauses\":[]}]", "with clauses"),
            ("NeverTuch", "[]", "did you mean 'NeverTouch'?"),
        ] {
            let told = parse(name, value).unwrap_err();
            assert!(told.contains(words), "{told}");
        }
    }
}
