//! Job settings: name and value pairs as clients write them, and their typed form.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::policies::{self, Policies};
use crate::{Name, ServicePrincipalId, SignedDuration};

/// Graph `keyValuePair` of `synchronizationJobSettings`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The setting's name.
    pub name: String,
    /// Its value as text.
    pub value: String,
}

/// Why a setting was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingError {
    /// No setting has that name.
    #[error("there is no job setting '{name}'; did you mean '{nearest}'?")]
    Unknown {
        /// What the client wrote.
        name: String,
        /// The known name that is most like it.
        nearest: &'static str,
    },
    /// The value is not of the setting's form.
    #[error("job setting '{name}' is '{value}', but must be {expected}")]
    Malformed {
        /// The setting.
        name: &'static str,
        /// What the client wrote.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A name stands twice in one list.
    #[error("job setting '{name}' is given twice; send it once")]
    Repeated {
        /// The setting.
        name: String,
    },
    /// What the value says cannot be followed.
    #[error("job setting '{name}' cannot be followed: {problem}")]
    Unfit {
        /// The setting.
        name: &'static str,
        /// What is wrong, at which place of it, and what would be right.
        problem: String,
    },
}

/// A limit as a count or as a share of the managed objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Tripped when this many are reached.
    Count(u64),
    /// Tripped when this many per cent of the managed objects of a type are reached.
    Percent(u8),
}

/// Whether the target is read before it is updated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetVerification {
    /// The target's present values decide.
    #[default]
    ReadBeforeUpdate,
    /// What was last exported decides.
    Trust,
}

/// Whether cycles do what they decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ApplyMode {
    /// At once.
    #[default]
    Automatic,
    /// Every cycle ends as a plan that waits for a person.
    AfterReview,
}

/// Which skips are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogSkips {
    /// Where the reason differs from the object's last outcome.
    #[default]
    Changed,
    /// Every one.
    All,
    /// None.
    None,
}

/// `EscrowThresholds`: from when on failures put a job in quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EscrowThresholds {
    /// From this many failures of a cycle on, their share counts.
    pub least: u64,
    /// More than this many per cent of a cycle's events.
    pub percent: u64,
    /// More escrows than this, reference failures left out.
    pub base: u64,
    /// More escrows than this, reference failures included.
    pub total: u64,
}

impl Default for EscrowThresholds {
    fn default() -> Self {
        Self { least: 5_000, percent: 40, base: 40_000, total: 60_000 }
    }
}

/// The settings of a job, typed. What is secret is in the secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct JobSettings {
    /// Replaces the schedule's interval.
    pub interval: Option<SignedDuration>,
    /// What expressions read as `%DomainFQDN%`.
    pub domain_fqdn: Option<Name>,
    /// What expressions read as `%DomainNetBios%`.
    pub domain_net_bios: Option<Name>,
    /// Changes of the embedded directory start a cycle.
    pub trigger_on_change: bool,
    /// Exports in flight.
    pub concurrent_exports: usize,
    /// Requests to the target per second at most.
    pub requests_per_second: Option<u32>,
    /// Members of groups in assigned groups are entitled too.
    pub nested_groups: bool,
    /// Whether the target is read first.
    pub target_verification: TargetVerification,
    /// Whether cycles do what they decide.
    pub apply_mode: ApplyMode,
    /// Which skips are recorded.
    pub log_skips: LogSkips,
    /// Waits between retries of an escrow.
    pub escrow_retry_intervals: Vec<SignedDuration>,
    /// Waits between tries in quarantine; the last repeats.
    pub quarantine_retry_intervals: Vec<SignedDuration>,
    /// How many failures are too many.
    pub escrow_thresholds: EscrowThresholds,
    /// Disables of one cycle that trip the guard.
    pub max_disables: Option<Limit>,
    /// Deletes of one cycle that trip the guard.
    pub max_deletes: Option<Limit>,
    /// `QuarantineTooManyDeletesThreshold`: removals of either kind that trip the guard.
    pub max_removals: Option<u64>,
    /// `SourceServicePrincipalId`: the source is read as this application sees it, with its secrets.
    pub source_service_principal: Option<ServicePrincipalId>,
    /// What the job may touch.
    pub policies: Policies,
    /// Settings of the source connector, without the prefix `Source.`.
    pub source: Vec<(String, String)>,
    /// Settings of the target connector, without the prefix `Target.`.
    pub target: Vec<(String, String)>,
}

impl Default for JobSettings {
    fn default() -> Self {
        let (minutes, hours) = (SignedDuration::from_mins, SignedDuration::from_hours);
        Self {
            interval: None,
            domain_fqdn: None,
            domain_net_bios: None,
            trigger_on_change: true,
            concurrent_exports: 8,
            requests_per_second: None,
            nested_groups: false,
            target_verification: TargetVerification::default(),
            apply_mode: ApplyMode::default(),
            log_skips: LogSkips::default(),
            escrow_retry_intervals: vec![minutes(10), hours(1), hours(6), hours(12), hours(24)],
            quarantine_retry_intervals: vec![hours(6), hours(12), hours(24)],
            escrow_thresholds: EscrowThresholds::default(),
            max_disables: None,
            max_deletes: None,
            max_removals: None,
            source_service_principal: None,
            policies: Policies::default(),
            source: Vec::new(),
            target: Vec::new(),
        }
    }
}

/// Every setting that has an effect.
const KNOWN: &[&str] = &[
    "Interval",
    "DomainFQDN",
    "DomainNetBios",
    "TriggerOnChange",
    "ConcurrentExports",
    "RequestsPerSecond",
    "NestedGroups",
    "SourceServicePrincipalId",
    "TargetVerification",
    "ScimPatchProfile",
    "ApplyMode",
    "LogSkips",
    "EscrowRetryIntervals",
    "QuarantineRetryIntervals",
    "EscrowThresholds",
    "MaxDisables",
    "MaxDeletes",
    "QuarantineTooManyDeletesThreshold",
];

/// Settings of real jobs that are kept and have no effect here.
const KEPT: &[&str] = &[
    "AzureIngestionAttributeOptimization",
    "LookaheadQueryEnabled",
    "LookaheadQueryIntervalValue",
    "Domain",
    "ForestFQDN",
    "ForestNetBios",
    "DomainDiscoveredAt",
];

impl JobSettings {
    /// Reads the pairs, refusing unknown names and malformed values; later pairs win. Lists that clients send are
    /// [checked for repeated names](refuse_repeated) too.
    pub fn parse(pairs: &[Setting]) -> Result<Self, SettingError> {
        let mut settings = Self::default();
        for Setting { name, value } in pairs {
            settings.read(name, value.trim())?;
        }
        Ok(settings)
    }

    fn read(&mut self, name: &str, value: &str) -> Result<(), SettingError> {
        match name {
            "Interval" => {
                self.interval = Some(at_least_a_second("Interval", value)?);
            }
            "DomainFQDN" => self.domain_fqdn = Some(value.into()).filter(|_| !value.is_empty()),
            "DomainNetBios" => self.domain_net_bios = Some(value.into()).filter(|_| !value.is_empty()),
            "TriggerOnChange" => self.trigger_on_change = boolean("TriggerOnChange", value)?,
            "ConcurrentExports" => {
                self.concurrent_exports =
                    usize::from(ranged("ConcurrentExports", value, 1..=256, "a number from 1 to 256")?);
            }
            "RequestsPerSecond" => {
                let rate = ranged("RequestsPerSecond", value, 1..=u16::MAX, "a number from 1 to 65535")?;
                self.requests_per_second = Some(u32::from(rate));
            }
            "NestedGroups" => self.nested_groups = boolean("NestedGroups", value)?,
            "SourceServicePrincipalId" => {
                let id = value.parse().map_err(|_| {
                    let expected =
                        "the id of a service principal, such as 5cd6a2c5-9d4c-4d5c-9f7e-0b8b1c2d3e4f";
                    malformed("SourceServicePrincipalId", value, expected)
                })?;
                self.source_service_principal = Some(ServicePrincipalId(id));
            }
            "TargetVerification" => {
                self.target_verification = match value {
                    "ReadBeforeUpdate" => TargetVerification::ReadBeforeUpdate,
                    "Trust" => TargetVerification::Trust,
                    _ => return Err(malformed("TargetVerification", value, "ReadBeforeUpdate or Trust")),
                };
            }
            "ApplyMode" => {
                self.apply_mode = match value {
                    "Automatic" => ApplyMode::Automatic,
                    "AfterReview" => ApplyMode::AfterReview,
                    _ => return Err(malformed("ApplyMode", value, "Automatic or AfterReview")),
                };
            }
            "LogSkips" => {
                self.log_skips = match value {
                    "Changed" => LogSkips::Changed,
                    "All" => LogSkips::All,
                    "None" => LogSkips::None,
                    _ => return Err(malformed("LogSkips", value, "Changed, All or None")),
                };
            }
            "EscrowRetryIntervals" => self.escrow_retry_intervals = durations("EscrowRetryIntervals", value)?,
            "QuarantineRetryIntervals" => {
                self.quarantine_retry_intervals = durations("QuarantineRetryIntervals", value)?;
            }
            "EscrowThresholds" => self.escrow_thresholds = thresholds(value)?,
            "MaxDisables" => self.max_disables = Some(limit("MaxDisables", value)?),
            "MaxDeletes" => self.max_deletes = Some(limit("MaxDeletes", value)?),
            "QuarantineTooManyDeletesThreshold" => {
                let count = value.parse().ok().filter(|count| *count > 0);
                self.max_removals = Some(count.ok_or_else(|| {
                    malformed("QuarantineTooManyDeletesThreshold", value, "a number above 0")
                })?);
            }
            "ScimPatchProfile" => self.target.push((name.into(), value.into())),
            _ if KEPT.contains(&name) => {}
            _ if self.policies.read(name, value)? => {}
            _ => match (name.strip_prefix("Source."), name.strip_prefix("Target.")) {
                (Some(own), _) => self.source.push((own.into(), value.into())),
                (_, Some(own)) => self.target.push((own.into(), value.into())),
                _ => return Err(SettingError::Unknown { name: name.into(), nearest: nearest(name) }),
            },
        }
        Ok(())
    }
}

fn nearest(name: &str) -> &'static str {
    let wanted = name.to_lowercase();
    let likeness = |known: &&&'static str| strsim::jaro_winkler(&known.to_lowercase(), &wanted);
    KNOWN
        .iter()
        .chain(&policies::KNOWN)
        .max_by(|one, other| likeness(one).total_cmp(&likeness(other)))
        .copied()
        .unwrap_or("Interval")
}

pub(crate) fn malformed(name: &'static str, value: &str, expected: &'static str) -> SettingError {
    SettingError::Malformed { name, value: value.into(), expected }
}

fn boolean(name: &'static str, value: &str) -> Result<bool, SettingError> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(malformed(name, value, "true or false")),
    }
}

fn ranged(
    name: &'static str,
    value: &str,
    range: std::ops::RangeInclusive<u16>,
    expected: &'static str,
) -> Result<u16, SettingError> {
    value.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| malformed(name, value, expected))
}

pub(crate) fn duration(value: &str) -> Option<SignedDuration> {
    let span: jiff::Span = value.trim().parse().ok()?;
    let days = span.get_days();
    let rest = span.days(0);
    let day = SignedDuration::from_hours(24);
    SignedDuration::try_from(rest)
        .ok()?
        .checked_add(day.checked_mul(days)?)
        .filter(SignedDuration::is_positive)
}

fn at_least_a_second(name: &'static str, value: &str) -> Result<SignedDuration, SettingError> {
    duration(value)
        .filter(|interval| *interval >= crate::job::Schedule::LEAST_INTERVAL)
        .ok_or_else(|| malformed(name, value, "an ISO 8601 duration of a second or more, such as PT40M"))
}

/// Reads an interval as clients write it: an ISO 8601 duration from `PT1S` on.
pub fn parse_interval(value: &str) -> Result<SignedDuration, SettingError> {
    at_least_a_second("Interval", value)
}

fn durations(name: &'static str, value: &str) -> Result<Vec<SignedDuration>, SettingError> {
    let parsed: Option<Vec<_>> = value.split(',').map(duration).collect();
    parsed.filter(|durations| (1..=32).contains(&durations.len())).ok_or_else(|| {
        malformed(name, value, "ISO 8601 durations separated by commas, such as PT10M,PT1H,P1D")
    })
}

pub(crate) fn limit(name: &'static str, value: &str) -> Result<Limit, SettingError> {
    let expected = "a number above 0, or a percentage from 1% to 100%";
    let parsed = match value.strip_suffix('%') {
        Some(share) => {
            share.trim().parse().ok().filter(|share| (1..=100).contains(share)).map(Limit::Percent)
        }
        None => value.parse().ok().filter(|count| *count > 0).map(Limit::Count),
    };
    parsed.ok_or_else(|| malformed(name, value, expected))
}

fn thresholds(value: &str) -> Result<EscrowThresholds, SettingError> {
    let parsed = || {
        let mut parts = value.split(',').map(str::trim);
        let number = |text: Option<&str>| text?.parse().ok().filter(|number: &u64| *number > 0);
        let least = number(parts.next())?;
        let percent = number(parts.next()?.strip_suffix('%')).filter(|percent| *percent <= 100)?;
        let (base, total) = (number(parts.next())?, number(parts.next())?);
        parts.next().is_none().then_some(EscrowThresholds { least, percent, base, total })
    };
    parsed().ok_or_else(|| {
        let expected = "four numbers above 0 separated by commas, such as 5000,40%,40000,60000: failures of a cycle from \
                        which on their share counts, that share, escrows at most, escrows and failing references at most";
        malformed("EscrowThresholds", value, expected)
    })
}

/// Refuses a list in which a name stands twice: nobody could tell which of the values is meant.
pub fn refuse_repeated(pairs: &[Setting]) -> Result<(), SettingError> {
    let mut names = HashSet::new();
    match pairs.iter().find(|pair| !names.insert(pair.name.as_str())) {
        Some(pair) => Err(SettingError::Repeated { name: pair.name.clone() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> Setting {
        Setting { name: name.into(), value: value.into() }
    }

    #[test]
    fn settings_are_read() {
        let settings = JobSettings::parse(&[
            pair("Interval", "PT1S"),
            pair("EscrowRetryIntervals", "PT2S, P1D"),
            pair("MaxDeletes", "20%"),
            pair("EscrowThresholds", "5, 30%,10,20"),
            pair("Target.MemberChunk", "50"),
            pair("DomainFQDN", "corp.example"),
        ])
        .unwrap();
        assert_eq!(settings.interval, Some(SignedDuration::from_secs(1)));
        assert_eq!(settings.escrow_retry_intervals[1], SignedDuration::from_hours(24));
        assert_eq!(settings.max_deletes, Some(Limit::Percent(20)));
        let expected = EscrowThresholds { least: 5, percent: 30, base: 10, total: 20 };
        assert_eq!(settings.escrow_thresholds, expected);
        assert_eq!(settings.domain_fqdn.as_deref(), Some("corp.example"));
        assert_eq!(settings.target, [("MemberChunk".to_owned(), "50".to_owned())]);
    }

    #[test]
    fn intervals_are_read_as_the_python_sdk_prints_them() {
        assert_eq!(parse_interval("0:05:00").unwrap(), SignedDuration::from_mins(5));
        assert_eq!(parse_interval("1 day, 1:00:00").unwrap(), SignedDuration::from_hours(25));
    }

    #[test]
    fn mistakes_name_the_mend() {
        let wrong = |name, value| JobSettings::parse(&[pair(name, value)]).unwrap_err().to_string();
        assert_eq!(
            wrong("ConcurentExports", "3"),
            "there is no job setting 'ConcurentExports'; did you mean 'ConcurrentExports'?"
        );
        assert!(wrong("Interval", "PT0S").contains("PT40M"));
        assert!(wrong("Interval", "40 minutes or so").contains("PT40M"));
        assert!(wrong("MaxDeletes", "120%").contains("percentage"));
        for text in ["5", "5,40%,10", "5,40,10,20", "5,400%,10,20", "5,40%,10,20,30", "0,40%,10,20"] {
            assert!(wrong("EscrowThresholds", text).contains("5000,40%,40000,60000"));
        }
        assert!(wrong("ConcurrentExports", "0").contains("1 to 256"));
    }
}
